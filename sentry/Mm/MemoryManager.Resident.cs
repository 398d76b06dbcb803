using System;

namespace Sentry.Mm;

public sealed partial class MemoryManager
{
    private ulong _peakResidentBytes;

    /// <summary>Bytes of pages present now (VmRSS): what the PMAs hold.</summary>
    public ulong ResidentBytes
    {
        get
        {
            using (_activeLock.Enter())
            {
                ulong total = 0;
                for (int pma = _pmas.First; pma != 0; pma = _pmas.Next(pma))
                {
                    total += _pmas.Range(pma).Length;
                }

                _peakResidentBytes = Math.Max(_peakResidentBytes, total);
                return total;
            }
        }
    }

    /// <summary>Most bytes present at any time that <see cref="ResidentBytes"/> was asked for, now included (VmHWM).</summary>
    public ulong PeakResidentBytes => Math.Max(ResidentBytes, _peakResidentBytes);
}
