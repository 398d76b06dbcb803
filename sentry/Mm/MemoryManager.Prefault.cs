using Abi.Linux;
using Platform;

namespace Sentry.Mm;

/// <summary>
/// What is mapped at once instead of at its first fault: the platform batches these calls with the return from the
/// system
/// call, where a fault costs a trip of its own.
/// </summary>
public sealed partial class MemoryManager
{
    private const ulong EagerCopyBytes = 64ul << 10;

    /// <summary>
    /// Maps a new mapping's memory when that costs nothing but the call: small anonymous memory (untouched pages take
    /// no
    /// memory), host files (their pages belong to the host), data of our own files. Small private writable parts of
    /// host
    /// files are copied: linkers write them at once. Failures are left to the fault that follows.
    /// </summary>
    private void PrefaultLocked(GuestRange range)
    {
        int vma = _vmas.Find(range.Start);
        ref Vma value = ref _vmas.Value(vma);
        if (value.Access == MemoryAccess.None || value.Has(VmaFlags.Special) || value.Has(VmaFlags.GrowsDown))
        {
            return;
        }

        using (_activeLock.Enter())
        {
            if (value.IsAnonymous)
            {
                PrefaultAnonymousLocked(vma, range);
            }
            else
            {
                PrefaultFileLocked(vma, range);
            }
        }
    }

    private void PrefaultAnonymousLocked(int vma, GuestRange range)
    {
        bool written = (_vmas.Value(vma).Access & MemoryAccess.Write) != 0;
        if (!written || range.Length > WholeGapBytes || !_pmas.IsFree(range))
        {
            return;
        }

        if (AllocateLocked(range, out ulong offset) == Errno.None)
        {
            InstallLocked(range, PrivatePma(vma, offset), MapHint.None);
        }
    }

    private void PrefaultFileLocked(int vma, GuestRange range)
    {
        ref Vma value = ref _vmas.Value(vma);
        ulong offset = value.Offset + (range.Start - _vmas.Start(vma));
        bool hole = value.Mappable is SharedMemoryObject shared && !shared.HasData(offset);
        if (hole || !_pmas.IsFree(range)
            || TranslateLocked(vma, range.Start, MemoryAccess.Read, out int pma) != Errno.None)
        {
            return;
        }

        bool copies = value.IsPrivate && (value.Access & MemoryAccess.Write) != 0 && range.Length <= EagerCopyBytes;
        if (copies && _pmas.Value(pma).Backing.MayFault)
        {
            BreakLocked(vma, pma, range.Start, range.Length);
        }
    }
}
