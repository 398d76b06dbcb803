using System;

namespace Platform.Systrap;

/// <summary>
/// How often one guest thread has trapped at each of the call sites it used lately. Small and forgetful: sites that
/// matter come back often.
/// </summary>
internal sealed class SiteCounter
{
    private const int Places = 256;

    /// <summary>A site that cannot be patched.</summary>
    private const byte Never = byte.MaxValue;

    private readonly ulong[] _sites = new ulong[Places];
    private readonly byte[] _counts = new byte[Places];

    /// <summary>Counts a trap and says the how manyth it is, up to a limit; 0 for a site that was given up.</summary>
    public int Count(ulong site)
    {
        int place = PlaceOf(site);
        if (_sites[place] != site)
        {
            _sites[place] = site;
            _counts[place] = 0;
        }
        if (_counts[place] == Never)
        {
            return 0;
        }
        _counts[place] += (byte)(_counts[place] < Never - 1 ? 1 : 0);
        return _counts[place];
    }

    /// <summary>The site is not to be reported again.</summary>
    public void GiveUp(ulong site)
    {
        int place = PlaceOf(site);
        _counts[place] = _sites[place] == site ? Never : _counts[place];
    }

    /// <summary>Another address space: addresses mean other things.</summary>
    public void Clear() => _sites.AsSpan().Clear();

    private static int PlaceOf(ulong site) => (int)((site ^ (site >> 8) ^ (site >> 16)) & (Places - 1));
}
