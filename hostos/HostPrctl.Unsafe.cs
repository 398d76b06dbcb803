using System;
using Abi.Linux;
using N = Abi.Linux.SysNr;

namespace HostOs;

/// <summary>
/// <c>&lt;sys/prctl.h&gt;</c>, <c>&lt;linux/seccomp.h&gt;</c>, <c>&lt;linux/capability.h&gt;</c>,
/// <c>&lt;sys/resource.h&gt;</c> and <c>&lt;sys/random.h&gt;</c>.
/// </summary>
// SAFETY: the wrappers hand the kernel addresses of locals and pinned spans, with their true lengths.
public static unsafe class HostPrctl
{
    public const int SetPDeathSig = 1;
    public const int GetDumpable = 3;
    public const int SetDumpable = 4;
    public const int SetKeepCaps = 8;
    public const int SetName = 15;
    public const int CapBSetRead = 23;
    public const int CapBSetDrop = 24;
    public const int SetSecureBits = 28;
    public const int SetTimerSlack = 29;
    public const int SetChildSubreaper = 36;
    public const int SetNoNewPrivs = 38;
    public const int CapAmbient = 47;
    public const int SetVma = 0x53564d41;

    public const int SeccompSetModeFilter = 1;
    public const int SeccompFilterTsync = 1;

    /// <summary>prctl(2).</summary>
    public static Errno Prctl(int option, nint a1, nint a2, nint a3, nint a4, out int result) =>
        HostSyscall.Split(HostSyscall.Invoke(N.prctl, option, a1, a2, a3, a4), out result);

    /// <summary>prctl(2) whose result is only success.</summary>
    public static Errno Prctl(int option, nint a1 = 0, nint a2 = 0, nint a3 = 0, nint a4 = 0) =>
        HostSyscall.ToErrno(HostSyscall.Invoke(N.prctl, option, a1, a2, a3, a4));

    /// <summary>A value of the auxiliary vector (getauxval(3)), 0 if it has none of that type.</summary>
    public static ulong AuxiliaryValue(int type) => LibC.GetAuxVal((ulong)type);

    /// <summary>PR_SET_NAME of the calling thread; 15 bytes are kept.</summary>
    public static Errno SetThreadName(string name)
    {
        using var text = new ByteString(name);
        return HostSyscall.ToErrno(HostSyscall.InvokeFast(N.prctl, SetName, text.Address));
    }

    /// <summary>
    /// seccomp(2), SECCOMP_SET_MODE_FILTER: <paramref name="program"/> is an array of struct sock_filter, 8 bytes each.
    /// With <see cref="SeccompFilterTsync"/> it binds every thread of the process.
    /// </summary>
    public static Errno InstallSeccompFilter(ReadOnlySpan<ulong> program, int flags)
    {
        // SAFETY: struct sock_fprog is a 16-bit length, padding, and a pointer to the pinned instructions.
        fixed (ulong* p = program)
        {
            nint* descriptor = stackalloc nint[2] { program.Length, (nint)p };
            long r = HostSyscall.Invoke(N.seccomp, SeccompSetModeFilter, flags, (nint)descriptor);
            return r > 0 ? Errno.ESRCH : HostSyscall.ToErrno(r);
        }
    }

    /// <summary>capset(2), version 3, of the calling thread: three 64-bit capability sets.</summary>
    public static Errno CapSet(ulong effective, ulong permitted, ulong inheritable)
    {
        // SAFETY: the kernel reads an 8-byte header and two 12-byte records.
        uint* header = stackalloc uint[2] { 0x20080522, 0 };
        uint* data = stackalloc uint[6]
        {
            (uint)effective, (uint)permitted, (uint)inheritable,
            (uint)(effective >> 32), (uint)(permitted >> 32), (uint)(inheritable >> 32),
        };
        return HostSyscall.ToErrno(HostSyscall.Invoke(N.capset, (nint)header, (nint)data));
    }

    /// <summary>capget(2), version 3, of the calling thread.</summary>
    public static Errno CapGet(out ulong effective, out ulong permitted, out ulong inheritable)
    {
        // SAFETY: the kernel writes two 12-byte records.
        uint* header = stackalloc uint[2] { 0x20080522, 0 };
        uint* data = stackalloc uint[6];
        Errno error = HostSyscall.ToErrno(HostSyscall.Invoke(N.capget, (nint)header, (nint)data));
        effective = error == Errno.None ? data[0] | ((ulong)data[3] << 32) : 0;
        permitted = error == Errno.None ? data[1] | ((ulong)data[4] << 32) : 0;
        inheritable = error == Errno.None ? data[2] | ((ulong)data[5] << 32) : 0;
        return error;
    }

    /// <summary>prlimit64(2): reads a limit.</summary>
    public static Errno GetLimit(int pid, int resource, out ulong soft, out ulong hard)
    {
        // SAFETY: a local of 16 bytes.
        ulong* pair = stackalloc ulong[2];
        pair[0] = pair[1] = 0;
        Errno error = HostSyscall.ToErrno(HostSyscall.Invoke(N.prlimit64, pid, resource, 0, (nint)pair));
        soft = pair[0];
        hard = pair[1];
        return error;
    }

    /// <summary>prlimit64(2): sets a limit.</summary>
    public static Errno SetLimit(int pid, int resource, ulong soft, ulong hard)
    {
        // SAFETY: a local of 16 bytes.
        ulong* pair = stackalloc ulong[2] { soft, hard };
        return HostSyscall.ToErrno(HostSyscall.Invoke(N.prlimit64, pid, resource, (nint)pair));
    }

    /// <summary>getrandom(2) until the span is full.</summary>
    public static Errno GetRandom(Span<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            long r;
            // SAFETY: the kernel writes at most Length bytes of the pinned span.
            fixed (byte* p = buffer)
            {
                r = HostSyscall.Invoke(N.getrandom, (nint)p, buffer.Length, 0);
            }
            Errno error = HostSyscall.Split(r, out int done);
            if (error != Errno.None && error != Errno.EINTR)
            {
                return error;
            }
            buffer = buffer[Math.Max(done, 0)..];
        }
        return Errno.None;
    }
}
