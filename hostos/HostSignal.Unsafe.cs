using System.Runtime.InteropServices;
using Abi.Linux;
using N = Abi.Linux.SysNr;

namespace HostOs;

/// <summary>The kernel's struct sigaction (not libc's): arch/x86/include/uapi/asm/signal.h.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct HostSigaction
{
    public nint Handler;
    public ulong Flags;
    public nint Restorer;
    public ulong Mask;
}

/// <summary><c>&lt;signal.h&gt;</c>. Signal sets are one 64-bit word, bit N-1 for signal N.</summary>
// SAFETY: the wrappers hand the kernel addresses of locals and pinned spans, with their true lengths.
public static unsafe class HostSignal
{
    public const int SigBlock = 0;
    public const int SigUnblock = 1;
    public const int SigSetMask = 2;
    public const nint Default = 0;
    public const nint Ignore = 1;
    public const ulong FlagNoChildStop = 1;
    public const ulong FlagSigInfo = 4;
    public const ulong FlagOnStack = 0x08000000;
    public const ulong FlagRestart = 0x10000000;
    public const ulong FlagRestorer = 0x04000000;
    public const int SetBytes = 8;

    /// <summary>kill(2).</summary>
    public static Errno Kill(int pid, int signal) => HostSyscall.ToErrno(HostSyscall.InvokeFast(N.kill, pid, signal));

    /// <summary>tgkill(2).</summary>
    public static Errno Tgkill(int processId, int threadId, int signal) =>
        HostSyscall.ToErrno(HostSyscall.InvokeFast(N.tgkill, processId, threadId, signal));

    /// <summary>rt_sigprocmask(2) of the calling thread; the old mask comes back.</summary>
    public static Errno SetMask(int how, ulong mask, out ulong old)
    {
        // SAFETY: two locals of 8 bytes.
        ulong before = 0;
        long r = HostSyscall.InvokeFast(N.rt_sigprocmask, how, (nint)(&mask), (nint)(&before), SetBytes);
        old = before;
        return HostSyscall.ToErrno(r);
    }

    /// <summary>rt_sigaction(2): reads the action of a signal.</summary>
    public static Errno GetAction(int signal, out HostSigaction action)
    {
        // SAFETY: a local of the kernel's size.
        HostSigaction old = default;
        long r = HostSyscall.InvokeFast(N.rt_sigaction, signal, 0, (nint)(&old), SetBytes);
        action = old;
        return HostSyscall.ToErrno(r);
    }

    /// <summary>
    /// rt_sigaction(2): replaces the action of a signal. Handlers are machine code of this project; see <see
    /// cref="SafeCopy"/>.
    /// </summary>
    public static Errno SetAction(int signal, in HostSigaction action)
    {
        // SAFETY: the structure is copied to a local of the kernel's size.
        HostSigaction copy = action;
        return HostSyscall.ToErrno(HostSyscall.InvokeFast(N.rt_sigaction, signal, (nint)(&copy), 0, SetBytes));
    }

    /// <summary>signalfd4(2); pass -1 to make a new one.</summary>
    public static Errno SignalFd(int fd, ulong mask, int flags, out int result)
    {
        // SAFETY: a local of 8 bytes.
        long r = HostSyscall.Invoke(N.signalfd4, fd, (nint)(&mask), SetBytes, flags);
        return HostSyscall.Split(r, out result);
    }
}
