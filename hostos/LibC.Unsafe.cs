using System.Runtime.InteropServices;

namespace HostOs;

/// <summary>
/// The few functions taken from libc itself: those needed before <see cref="HostSyscall"/> exists, those that use the
/// vDSO, and those that concern libc's own memory.
/// </summary>
// SAFETY: blittable imports; each says what its pointers must hold.
internal static unsafe partial class LibC
{
    /// <summary>mmap(2).</summary>
    // SAFETY: plain integers; the callers own the range they name.
    [LibraryImport("libc", EntryPoint = "mmap")]
    internal static partial nint Mmap(nint address, nuint length, int protection, int flags, int fd, long offset);

    /// <summary>mprotect(2).</summary>
    // SAFETY: plain integers; the callers own the range they name.
    [LibraryImport("libc", EntryPoint = "mprotect")]
    internal static partial int Mprotect(nint address, nuint length, int protection);

    /// <summary>malloc_trim(3).</summary>
    [LibraryImport("libc", EntryPoint = "malloc_trim")]
    internal static partial int MallocTrim(nuint keepBytes);

    /// <summary>dl_iterate_phdr(3).</summary>
    // SAFETY: the callback is code of this assembly; the data is only handed through.
    [LibraryImport("libc", EntryPoint = "dl_iterate_phdr")]
    internal static partial int IterateProgramHeaders(nint callback, nint data);

    /// <summary>clock_gettime(2) through the vDSO.</summary>
    // SAFETY: the kernel writes 16 bytes at timespec; callers pass a local of that size.
    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    [SuppressGCTransition]
    internal static partial int ClockGetTime(int clock, long* timespec);

    /// <summary>sched_getcpu(3) through the vDSO or rseq.</summary>
    [LibraryImport("libc", EntryPoint = "sched_getcpu")]
    [SuppressGCTransition]
    internal static partial int SchedGetCpu();

    /// <summary>getauxval(3).</summary>
    // SAFETY: plain numbers.
    [LibraryImport("libc", EntryPoint = "getauxval")]
    [SuppressGCTransition]
    internal static partial ulong GetAuxVal(ulong type);
}
