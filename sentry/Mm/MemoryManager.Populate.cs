using System;
using Abi.Linux;
using Platform;

namespace Sentry.Mm;

/// <summary>Filling pages before they are touched.</summary>
public sealed partial class MemoryManager
{
    private const ulong PopulateBytes = 32ul << 20;

    /// <summary>
    /// Fills all pages of a range as far as that goes (MAP_POPULATE, mlock, MADV_POPULATE_*), piece by piece: another
    /// thread gets at the address space in between, and a task that must end goes on no longer (EINTR; mm/gup.c,
    /// __mm_populate and faultin_page_range). Access None: for writing where a mapping is private and writable, else
    /// for reading.
    /// </summary>
    private Errno Populate(GuestRange range, MemoryAccess access)
    {
        ulong at = range.Start;
        while (at < range.End)
        {
            if (Limits.IsEnding)
            {
                return Errno.EINTR;
            }

            Errno error = PopulateSome(at, range.End, access, out at);
            if (error != Errno.None)
            {
                return error;
            }
        }

        return Errno.None;
    }

    /// <summary>
    /// Fills a run of pages from <paramref name="at"/> on; <paramref name="next"/> is where to go on. ENOMEM: nothing
    /// is mapped there (or memory is short);
    /// EACCES: the mapping forbids the access; EIO: the file ends before. Access None: for writing where the mapping
    /// is private and writable, else for reading.
    /// </summary>
    private Errno PopulateSome(ulong at, ulong end, MemoryAccess access, out ulong next)
    {
        next = end;
        using (EnterMapping())
        {
            int vma = _vmas.Find(at);
            if (vma == 0)
            {
                return Errno.ENOMEM;
            }

            ref Vma value = ref _vmas.Value(vma);
            ulong stop = Math.Min(Math.Min(end, _vmas.End(vma)), at + PopulateBytes);
            if (access == MemoryAccess.None)
            {
                bool write = value.IsPrivate && (value.Access & MemoryAccess.Write) != 0;
                access = write ? MemoryAccess.Write : MemoryAccess.Read;
            }

            while (true)
            {
                Errno error = FaultInLocked(at, stop - at, access);
                if (error != Errno.None)
                {
                    return error == Errno.EFAULT ? Errno.ENOMEM : error;
                }

                using (_activeLock.Enter())
                {
                    int pma = _pmas.Find(at);
                    if (pma == 0)
                    {
                        // The file was cut meanwhile: filled again, or an error now.
                        continue;
                    }

                    next = Math.Min(stop, _pmas.End(pma));
                    Pma part = _pmas.Value(pma);
                    if (part.Backing is ZeroPages zeros)
                    {
                        zeros.Fill();
                        return Errno.None;
                    }

                    part.Offset += at - _pmas.Start(pma);
                    return TellPlatform(GuestRange.FromBounds(at, next), in part, MapHint.Populate);
                }
            }
        }
    }
}
