using Platform;

namespace Sentry.Mm;

/// <summary>Sums over the VMAs of an address space in bytes, as /proc/pid/status shows them.</summary>
public struct MemoryTotals
{
    /// <summary>VmSize.</summary>
    public long Size;

    /// <summary>VmData without the stack: private writable memory (Linux's data_vm).</summary>
    public long Data;

    /// <summary>VmStk: mappings that grow down.</summary>
    public long Stack;

    /// <summary>VmExe and VmLib together: executable, not writable, not stack (exec_vm).</summary>
    public long Code;

    /// <summary>VmLck.</summary>
    public long Locked;

    /// <summary>Highest <see cref="Size"/> so far (VmPeak).</summary>
    public long PeakSize;

    /// <summary>Counts a VMA in or out (mm/mmap.c: vm_stat_account).</summary>
    internal void Add(in Vma vma, long lengthBytes)
    {
        Size += lengthBytes;
        PeakSize = System.Math.Max(PeakSize, Size);
        if (vma.Has(VmaFlags.Locked))
        {
            Locked += lengthBytes;
        }

        MemoryAccess access = vma.Access;
        if (vma.Has(VmaFlags.GrowsDown))
        {
            Stack += lengthBytes;
        }
        else if (IsData(in vma))
        {
            Data += lengthBytes;
        }
        else if ((access & (MemoryAccess.Execute | MemoryAccess.Write)) == MemoryAccess.Execute)
        {
            Code += lengthBytes;
        }
    }

    /// <summary>True for what RLIMIT_DATA counts: private, writable, not stack.</summary>
    internal static bool IsData(in Vma vma) =>
        vma.IsPrivate && (vma.Access & MemoryAccess.Write) != 0 && !vma.Has(VmaFlags.GrowsDown);
}
