using System;
using Abi.Linux;
using N = Abi.Linux.SysNr;

namespace HostOs;

/// <summary><c>&lt;sched.h&gt;</c>.</summary>
// SAFETY: the wrappers hand the kernel addresses of locals and pinned spans, with their true lengths.
public static unsafe class HostSched
{
    public const int CloneNewTime = 0x80;
    public const int CloneVm = 0x100;
    public const int CloneFs = 0x200;
    public const int CloneFiles = 0x400;
    public const int CloneSigHand = 0x800;
    public const int CloneParent = 0x8000;
    public const int CloneThread = 0x10000;
    public const int CloneNewNs = 0x20000;
    public const int CloneSysVSem = 0x40000;
    public const int CloneNewCgroup = 0x02000000;
    public const int CloneNewUts = 0x04000000;
    public const int CloneNewIpc = 0x08000000;
    public const int CloneNewUser = 0x10000000;
    public const int CloneNewPid = 0x20000000;
    public const int CloneNewNet = 0x40000000;

    /// <summary>sched_yield(2).</summary>
    public static void Yield() => HostSyscall.InvokeFast(N.sched_yield);

    /// <summary>The CPU the caller runs on right now (sched_getcpu(3)).</summary>
    public static int GetCpu() => LibC.SchedGetCpu();

    /// <summary>sched_getaffinity(2): the CPU mask; <paramref name="bytes"/> of it are valid.</summary>
    public static Errno GetAffinity(int threadId, Span<byte> mask, out int bytes)
    {
        // SAFETY: the kernel writes at most Length bytes of the pinned span.
        fixed (byte* p = mask)
        {
            long r = HostSyscall.InvokeFast(N.sched_getaffinity, threadId, mask.Length, (nint)p);
            return HostSyscall.Split(r, out bytes);
        }
    }

    /// <summary>sched_setaffinity(2).</summary>
    public static Errno SetAffinity(int threadId, ReadOnlySpan<byte> mask)
    {
        // SAFETY: the kernel reads Length bytes of the pinned span.
        fixed (byte* p = mask)
        {
            return HostSyscall.ToErrno(HostSyscall.InvokeFast(N.sched_setaffinity, threadId, mask.Length, (nint)p));
        }
    }

    /// <summary>unshare(2).</summary>
    public static Errno Unshare(int flags) => HostSyscall.ToErrno(HostSyscall.Invoke(N.unshare, flags));

    /// <summary>setns(2).</summary>
    public static Errno SetNs(int fd, int type) => HostSyscall.ToErrno(HostSyscall.Invoke(N.setns, fd, type));
}
