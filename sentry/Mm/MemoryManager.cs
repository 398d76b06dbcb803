using System;
using Abi.Linux;
using Platform;

namespace Sentry.Mm;

/// <summary>
/// One guest address space: VMAs, PMAs, copy-on-write, and every access of the Sentry to guest memory. Shared by the tasks of a thread
/// group (CLONE_VM); reference-counted by its users.
/// </summary>
public sealed partial class MemoryManager
{
    /// <summary>The platform's half.</summary>
    public IAddressSpace AddressSpace => throw new NotImplementedException();

    /// <summary>Copies all of <paramref name="destination"/> from the guest, or EFAULT.</summary>
    public Errno CopyIn(GuestAddress source, Span<byte> destination) => throw new NotImplementedException();

    /// <summary>As <see cref="CopyIn"/>, also saying how many bytes came before the fault.</summary>
    public Errno CopyInPartial(GuestAddress source, Span<byte> destination, out int done) => throw new NotImplementedException();

    /// <summary>Copies all of <paramref name="source"/> to the guest, or EFAULT (a prefix may have been written, as on Linux).</summary>
    public Errno CopyOut(GuestAddress destination, ReadOnlySpan<byte> source) => throw new NotImplementedException();

    /// <summary>As <see cref="CopyOut"/>, also saying how many bytes were written before the fault.</summary>
    public Errno CopyOutPartial(GuestAddress destination, ReadOnlySpan<byte> source, out int done) => throw new NotImplementedException();

    /// <summary>Writes zeros.</summary>
    public Errno ZeroOut(GuestAddress destination, ulong lengthBytes, out ulong done) => throw new NotImplementedException();

    /// <summary>Reads one value, or EFAULT.</summary>
    public Errno Read<T>(GuestAddress source, out T value)
        where T : unmanaged => throw new NotImplementedException();

    /// <summary>Writes one value, or EFAULT.</summary>
    public Errno Write<T>(GuestAddress destination, in T value)
        where T : unmanaged => throw new NotImplementedException();

    /// <summary>
    /// Reads a NUL-terminated string of at most <paramref name="maxBytes"/> bytes with its NUL as Latin-1; ENAMETOOLONG when there is none,
    /// EFAULT when memory ends first.
    /// </summary>
    public Errno ReadString(GuestAddress source, int maxBytes, out string value) => throw new NotImplementedException();

    /// <summary>As <see cref="ReadString(GuestAddress,int,out string)"/> into a caller's buffer, allocating nothing; <paramref name="length"/> excludes the NUL.</summary>
    public Errno ReadString(GuestAddress source, Span<char> buffer, out int length) => throw new NotImplementedException();

    /// <summary>Atomically loads an aligned 32-bit word. EINVAL when misaligned, EFAULT when unmapped.</summary>
    public Errno AtomicLoad32(GuestAddress address, out uint value) => throw new NotImplementedException();

    /// <summary>Atomic compare-and-exchange on an aligned 32-bit word; <paramref name="actual"/> is what was there.</summary>
    public Errno AtomicCompareExchange32(GuestAddress address, uint expected, uint desired, out uint actual) =>
        throw new NotImplementedException();

    /// <summary>Identity of a futex word (futex(2)): private by address in this address space, shared by what backs it.</summary>
    public Errno GetFutexKey(GuestAddress address, FutexScope scope, out FutexKey key) => throw new NotImplementedException();

    /// <summary>
    /// Resolves a page fault of a task running in this address space. None: run the guest again. Otherwise <paramref name="signal"/> and
    /// <paramref name="code"/> say what to raise (SIGSEGV with SEGV_MAPERR or SEGV_ACCERR, SIGBUS with BUS_ADRERR).
    /// </summary>
    public Errno HandleFault(GuestAddress address, MemoryAccess access, GuestAddress stackPointer, out int signal, out int code) =>
        throw new NotImplementedException();

    /// <summary>Drops translations of a mappable's range [offset, offset + length) mapped at <paramref name="range"/>; called by mappables.</summary>
    public void InvalidateMapping(GuestRange range, InvalidateKind kind) => throw new NotImplementedException();

    /// <summary>A copy for fork(2): private memory becomes copy-on-write on both sides.</summary>
    public Errno Fork(out MemoryManager? child) => throw new NotImplementedException();

    /// <summary>One more user (CLONE_VM, /proc readers).</summary>
    public void AddUser() => throw new NotImplementedException();

    /// <summary>One user fewer; the last one unmaps everything and disposes the platform's address space.</summary>
    public void DropUser() => throw new NotImplementedException();
}

/// <summary>FUTEX_PRIVATE_FLAG or not.</summary>
public enum FutexScope
{
    /// <summary>Only tasks of this address space meet on the word.</summary>
    Private,

    /// <summary>Tasks that map the same memory meet.</summary>
    Shared,
}

/// <summary>Identity of a futex word. <see cref="Owner"/> is the memory manager, the mappable, or the memory file.</summary>
public readonly record struct FutexKey(object Owner, ulong Offset);

/// <summary>What becomes of private copies when a mappable invalidates a range.</summary>
public enum InvalidateKind
{
    /// <summary>Private copies stay (the file's cached pages moved).</summary>
    KeepPrivateCopies,

    /// <summary>Private copies go too (truncate, as unmap_mapping_range with even_cows).</summary>
    DropPrivateCopies,
}
