using System;
using Abi.Linux;
using N = Abi.Linux.SysNr;

namespace HostOs;

/// <summary><c>&lt;sys/mman.h&gt;</c>.</summary>
// SAFETY: the wrappers hand the kernel addresses of locals and pinned spans, with their true lengths.
public static unsafe class HostMman
{
    public const int ProtNone = 0;
    public const int ProtRead = 1;
    public const int ProtWrite = 2;
    public const int ProtExec = 4;

    public const int MapShared = 1;
    public const int MapPrivate = 2;
    public const int MapFixed = 0x10;
    public const int MapAnonymous = 0x20;
    public const int MapNoReserve = 0x4000;
    public const int MapPopulate = 0x8000;
    public const int MapFixedNoReplace = 0x100000;

    public const int MfdCloexec = 1;
    public const int MfdAllowSealing = 2;
    public const int MfdHugeTlb = 4;
    public const int MfdNoExecSeal = 8;
    public const int MfdExec = 0x10;

    public const int MadvDontNeed = 4;
    public const int MadvRemove = 9;
    public const int MadvDontFork = 10;
    public const int MadvHugePage = 14;
    public const int MadvNoHugePage = 15;
    public const int MadvPopulateRead = 22;
    public const int MadvPopulateWrite = 23;

    /// <summary>mmap(2).</summary>
    public static Errno Map(nint hint, nuint length, int protection, int flags, int fd, long offset, out nint address)
    {
        long r = HostSyscall.Invoke(N.mmap, hint, (nint)length, protection, flags, fd, (nint)offset);
        Errno error = HostSyscall.Split(r, out long value);
        address = (nint)value;
        return error;
    }

    /// <summary>munmap(2).</summary>
    public static Errno Unmap(nint address, nuint length) =>
        HostSyscall.ToErrno(HostSyscall.Invoke(N.munmap, address, (nint)length));

    /// <summary>mprotect(2).</summary>
    public static Errno Protect(nint address, nuint length, int protection) =>
        HostSyscall.ToErrno(HostSyscall.Invoke(N.mprotect, address, (nint)length, protection));

    /// <summary>madvise(2).</summary>
    public static Errno Advise(nint address, nuint length, int advice) =>
        HostSyscall.ToErrno(HostSyscall.Invoke(N.madvise, address, (nint)length, advice));

    /// <summary>msync(2).</summary>
    public static Errno Sync(nint address, nuint length, int flags) =>
        HostSyscall.ToErrno(HostSyscall.Invoke(N.msync, address, (nint)length, flags));

    /// <summary>mincore(2): one byte per page, bit 0 set for a resident page.</summary>
    public static Errno InCore(nint address, nuint length, Span<byte> residency)
    {
        // SAFETY: the kernel writes one byte per page; the span is at least that long.
        ArgumentOutOfRangeException.ThrowIfLessThan((ulong)residency.Length, (length + 4095) / 4096);
        fixed (byte* p = residency)
        {
            return HostSyscall.ToErrno(HostSyscall.Invoke(N.mincore, address, (nint)length, (nint)p));
        }
    }

    /// <summary>mremap(2).</summary>
    public static Errno Remap(nint old, nuint oldLength, nuint newLength, int flags, nint target, out nint address)
    {
        long r = HostSyscall.Invoke(N.mremap, old, (nint)oldLength, (nint)newLength, flags, target);
        Errno error = HostSyscall.Split(r, out long value);
        address = (nint)value;
        return error;
    }

    /// <summary>
    /// memfd_create(2). A host whose vm.memfd_noexec is 2 has none that can be executed (they can be mapped for
    /// execution all the same).
    /// </summary>
    public static Errno MemfdCreate(string name, int flags, out int fd)
    {
        using var text = new ByteString(name);
        Errno error = HostSyscall.Split(HostSyscall.Invoke(N.memfd_create, text.Address, flags), out fd);
        if (error == Errno.EACCES)
        {
            flags = (flags & ~MfdExec) | MfdNoExecSeal;
            error = HostSyscall.Split(HostSyscall.Invoke(N.memfd_create, text.Address, flags), out fd);
        }
        return error;
    }
}
