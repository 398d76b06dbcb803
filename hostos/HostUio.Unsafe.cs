using System;
using System.Runtime.InteropServices;
using Abi.Linux;
using N = Abi.Linux.SysNr;

namespace HostOs;

/// <summary>One piece of a scattered buffer (struct iovec). The owner vouches for the memory.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct HostIovec
{
    public nint Base;
    public nuint Length;

    public HostIovec(nint address, nuint length)
    {
        Base = address;
        Length = length;
    }
}

/// <summary><c>&lt;sys/uio.h&gt;</c>. An offset of -1 uses and moves the file position.</summary>
// SAFETY: the wrappers hand the kernel addresses of locals and pinned spans, with their true lengths.
public static unsafe class HostUio
{
    public const int RwfDsync = 2;
    public const int RwfSync = 4;
    public const int RwfNoWait = 8;
    public const int RwfAppend = 16;

    /// <summary>preadv2(2).</summary>
    public static Errno Preadv2(int fd, ReadOnlySpan<HostIovec> pieces, long offset, int flags, out long done)
    {
        // SAFETY: the kernel reads the pinned array; the pieces are the caller's.
        fixed (HostIovec* p = pieces)
        {
            long r = HostSyscall.Invoke(N.preadv2, fd, (nint)p, pieces.Length, (nint)offset, 0, flags);
            return HostSyscall.Split(r, out done);
        }
    }

    /// <summary>pwritev2(2).</summary>
    public static Errno Pwritev2(int fd, ReadOnlySpan<HostIovec> pieces, long offset, int flags, out long done)
    {
        // SAFETY: the kernel reads the pinned array; the pieces are the caller's.
        fixed (HostIovec* p = pieces)
        {
            long r = HostSyscall.Invoke(N.pwritev2, fd, (nint)p, pieces.Length, (nint)offset, 0, flags);
            return HostSyscall.Split(r, out done);
        }
    }
}
