using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using Abi.Linux;
using HostOs;
using Stub;

namespace Platform.Systrap;

/// <summary>
/// Sites that are told by their looks. The first trap in a part of a file has that part looked through: a process that
/// makes one call by it will make others, and most sites of short programs are used only once or twice.
/// </summary>
internal sealed partial class PatchLibrary
{
    /// <summary>What is looked through at once.</summary>
    private const int BlockBytes = 1 << 18;

    /// <summary>The rest is for sites that have trapped.</summary>
    private const int MostForeseen = SystrapLayout.SharedSites * 3 / 4;

    private readonly List<CallSite> _found = [];
    private byte[] _block = [];

    /// <summary>
    /// Looks through the block around an offset, as far as it is mapped: from one offset to another. Nothing happens if
    /// that has been done. The file's age says whether pages have come of it.
    /// </summary>
    public void Foresee(LibraryFile file, ulong offset, ulong start, ulong end)
    {
        ulong block = offset / BlockBytes;
        ulong first = ulong.Max(start, block * BlockBytes);
        ulong last = ulong.Min(end, (block + 1) * BlockBytes);
        lock (_gate)
        {
            if (file.IsForgotten || _sites >= MostForeseen || !file.Foreseen.Add(block))
            {
                return;
            }
            _block = _block.Length == 0 ? new byte[BlockBytes + 1] : _block;
            Span<byte> bytes = _block.AsSpan(0, (int)(last - first) + 1);
            if (HostUnistd.Pread(file.Fd.Value, bytes, (long)first, out int done) != Errno.None)
            {
                return;
            }
            bytes[done..].Clear();
            bool found = false;
            for (int at = 0; at < int.Min(done, bytes.Length - 1); at += PageBytes)
            {
                found |= ForeseePageLocked(file, first + (ulong)at, bytes.Slice(at, SeenBytes));
            }
            file.Age += found ? 1 : 0;
        }
    }

    /// <summary>How often pages of a file have come of looking through it.</summary>
    public int AgeOf(LibraryFile file)
    {
        lock (_gate)
        {
            return file.Age;
        }
    }

    private bool ForeseePageLocked(LibraryFile file, ulong offset, ReadOnlySpan<byte> bytes)
    {
        _found.Clear();
        bool isKnown = file.Pages.TryGetValue(offset, out LibraryPage? page);
        if (isKnown && !bytes.SequenceEqual(page!.Original))
        {
            return false;
        }
        for (int from = 0; CallSite.TryForesee(bytes, ref from, out CallSite site);)
        {
            bool overlaps = _found.Count > 0 && _found[^1].Overlaps(in site);
            if (!overlaps && page?.Latest.Overlaps(in site) != true)
            {
                _found.Add(site);
            }
        }
        return _found.Count > 0
            && AddLocked(file, offset, page, bytes, CollectionsMarshal.AsSpan(_found)) is not null;
    }
}
