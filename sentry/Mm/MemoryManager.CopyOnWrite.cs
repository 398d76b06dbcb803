using System;
using Abi.Linux;
using Platform;

namespace Sentry.Mm;

/// <summary>Writes to private memory that others may still see.</summary>
public sealed partial class MemoryManager
{
    private const ulong CopyBytes = 32ul << 10;
    private const ulong SequentialCopyBytes = 128ul << 10;
    private const int MaximumCopyPages = 1024;

    /// <summary>Makes the page of a copy-on-write PMA writable: in place when nobody else holds it, else by a copy of
    /// a run around it.</summary>
    private Errno BreakLocked(int vma, int pma, ulong page, ulong wantedBytes)
    {
        GuestRange bounds = _pmas.Range(pma).Intersect(_vmas.Range(vma));
        if (_pmas.Value(pma).IsZero)
        {
            return ReplaceZerosLocked(vma, pma, bounds, page, wantedBytes);
        }

        if (_pmas.Value(pma).IsPrivate && ClaimLocked(vma, pma, bounds, page))
        {
            return Errno.None;
        }

        ulong wanted = Math.Min(wantedBytes, MaximumCopyPages * PageSize / 2);
        ulong size = CopySizeLocked(pma, page);
        GuestRange run = Window(bounds, page, size, size == PageSize ? PageSize : wanted);
        return CopyRunLocked(vma, pma, page, run);
    }

    /// <summary>Takes pages whose only reference is ours; false when the page at hand has others.</summary>
    private bool ClaimLocked(int vma, int pma, GuestRange bounds, ulong page)
    {
        ulong offset = _pmas.Value(pma).Offset - _pmas.Start(pma);
        GuestRange window = Window(bounds, page, LargeRunBytes, PageSize);
        ulong start = Math.Max(window.Start, page & ~(CopyBytes - 1));
        ulong exclusive = _memoryFile.ExclusivePrefix(unchecked(start + offset), window.End - start);
        if (start + exclusive <= page)
        {
            start = page;
            exclusive = _memoryFile.ExclusivePrefix(unchecked(start + offset), window.End - start);
        }

        if (exclusive == 0)
        {
            return false;
        }

        GuestRange range = GuestRange.FromBounds(start, start + exclusive);
        pma = _pmas.Isolate(pma, range);
        ref Pma value = ref _pmas.Value(pma);
        value.Flags &= ~(PmaFlags.CopyOnWrite | PmaFlags.Unmapped);
        value.Restrict(_vmas.Value(vma).EffectiveAccess);
        if (TellPlatform(range, in value, MapHint.None) != Errno.None)
        {
            value.Flags |= PmaFlags.Unmapped;
        }

        _pmas.Merge(pma);
        return true;
    }

    /// <summary>
    /// More at once when the pages just before were copied already: the program writes through the whole. Pages of
    /// files that may be written go one by one: as on Linux, a private page follows the file until it is written
    /// itself.
    /// </summary>
    private ulong CopySizeLocked(int pma, ulong page)
    {
        ref Pma value = ref _pmas.Value(pma);
        if (!value.IsPrivate && !value.Backing.IsConstant)
        {
            return PageSize;
        }

        int before = _pmas.Previous(pma);
        bool sequential = before != 0 && _pmas.Start(pma) == page && _pmas.End(before) == page
            && _pmas.Value(before).Flags == PmaFlags.Private;
        return sequential ? SequentialCopyBytes : CopyBytes;
    }

    private Errno CopyRunLocked(int vma, int pma, ulong page, GuestRange run)
    {
        Pma source = _pmas.Value(pma);
        ulong pmaStart = _pmas.Start(pma);
        Errno error =
            CopyPagesLocked(in source, run.Start - pmaStart, run.Length, out MemoryFileRange copy, out ulong done);
        if ((error == Errno.ENOMEM || run.Start + done <= page) && run.Length > PageSize)
        {
            DropCopy(copy, done);
            run = GuestRange.FromBounds(page, page + PageSize);
            error = CopyPagesLocked(in source, run.Start - pmaStart, run.Length, out copy, out done);
        }

        if (error != Errno.None)
        {
            return error;
        }

        run = GuestRange.FromBounds(run.Start, run.Start + done);
        return ReplaceLocked(pma, run, PrivatePma(vma, copy.Offset), MapHint.Populate);
    }

    private void DropCopy(MemoryFileRange copy, ulong done)
    {
        if (done > 0)
        {
            _memoryFile.DropReference(copy.Offset, done);
        }
    }

    /// <summary>
    /// Copies pages of a PMA into new ones; <paramref name="done"/> says how many bytes of pages were copied (fewer
    /// when the host file ends; EIO for none).
    /// </summary>
    private Errno CopyPagesLocked(in Pma source, ulong delta, ulong lengthBytes, out MemoryFileRange copy,
        out ulong done)
    {
        done = 0;
        return ReferenceEquals(source.Backing, _memoryFile)
            ? CopyOwnPages(source.Offset + delta, lengthBytes, out copy, out done)
            : CopyHostPages(source.Backing, source.Offset + delta, lengthBytes, out copy, out done);
    }

    /// <summary>Pages never touched are holes in the copy too.</summary>
    private Errno CopyOwnPages(ulong offset, ulong lengthBytes, out MemoryFileRange copy, out ulong done)
    {
        done = 0;
        int pages = (int)(lengthBytes / PageSize);
        Span<byte> flags = stackalloc byte[MaximumCopyPages];
        Span<byte> resident = flags[..pages];
        _memoryFile.Residency(offset, lengthBytes, resident);
        bool all = !ContainsHole(resident);
        PageContent content = all ? PageContent.WillOverwrite : PageContent.Zero;
        Errno error = _memoryFile.Allocate(lengthBytes, MemoryKind.Anonymous, content, out copy);
        if (error != Errno.None)
        {
            return error;
        }

        int at = 0;
        while (at < pages)
        {
            int run = 0;
            while (at + run < pages && (resident[at + run] & 1) != 0)
            {
                run++;
            }

            ulong distance = (ulong)at * PageSize;
            _memoryFile.CopyPages(copy.Offset + distance, offset + distance, (ulong)run * PageSize);
            at += run + 1;
        }

        done = lengthBytes;
        return Errno.None;
    }

    private static bool ContainsHole(ReadOnlySpan<byte> residency)
    {
        foreach (byte flag in residency)
        {
            if ((flag & 1) == 0)
            {
                return true;
            }
        }

        return false;
    }

    private Errno CopyHostPages(IMemoryBacking source, ulong offset, ulong lengthBytes, out MemoryFileRange copy,
        out ulong done)
    {
        done = 0;
        Errno error = _memoryFile.Allocate(lengthBytes, MemoryKind.Anonymous, PageContent.WillOverwrite, out copy);
        while (error == Errno.None && done < lengthBytes)
        {
            error = source.MapInternal(offset + done, lengthBytes - done, out nuint address, out ulong contiguous);
            if (error != Errno.None)
            {
                break;
            }

            nuint target = _memoryFile.BaseAddress + (nuint)(copy.Offset + done);
            nuint missing = HostMemory.Copy(target, address, (nuint)contiguous, HostMemory.Safety.MayFault);
            done += (contiguous - missing) & ~(PageSize - 1);
            error = missing == 0 ? Errno.None : Errno.EIO;
        }

        if (done < lengthBytes && copy.LengthBytes > 0)
        {
            _memoryFile.DropReference(copy.Offset + done, lengthBytes - done);
        }

        return done > 0 ? Errno.None : error;
    }
}
