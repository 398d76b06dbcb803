using Abi.Linux;
using N = Abi.Linux.SysNr;

namespace HostOs;

/// <summary><c>&lt;linux/futex.h&gt;</c>, for the Sentry's own waiting.</summary>
// SAFETY: the wrappers hand the kernel addresses of locals and pinned spans, with their true lengths.
public static unsafe class HostFutex
{
    private const int Wait = 0;
    private const int Wake = 1;
    private const int PrivateFlag = 128;
    private const long NsPerSecond = 1_000_000_000;

    /// <summary>
    /// FUTEX_WAIT_PRIVATE with a relative time-out in nanoseconds, negative for none. EAGAIN when the word differs.
    /// </summary>
    public static Errno WaitPrivate(nint word, uint expected, long timeoutNs)
    {
        // SAFETY: the word is 4 bytes the caller vouches for; the timespec is a local.
        long* timespec = stackalloc long[2] { timeoutNs / NsPerSecond, timeoutNs % NsPerSecond };
        nint timeout = timeoutNs < 0 ? 0 : (nint)timespec;
        return HostSyscall.ToErrno(HostSyscall.Invoke(N.futex, word, Wait | PrivateFlag, (nint)expected, timeout));
    }

    /// <summary>FUTEX_WAIT on shared memory, as <see cref="WaitPrivate"/>.</summary>
    public static Errno WaitShared(nint word, uint expected, long timeoutNs)
    {
        // SAFETY: the word is 4 bytes the caller vouches for; the timespec is a local.
        long* timespec = stackalloc long[2] { timeoutNs / NsPerSecond, timeoutNs % NsPerSecond };
        nint timeout = timeoutNs < 0 ? 0 : (nint)timespec;
        return HostSyscall.ToErrno(HostSyscall.Invoke(N.futex, word, Wait, (nint)expected, timeout));
    }

    /// <summary>FUTEX_WAKE_PRIVATE; the number woken, 0 on error.</summary>
    public static int WakePrivate(nint word, int count) =>
        (int)long.Max(HostSyscall.InvokeFast(N.futex, word, Wake | PrivateFlag, count), 0);

    /// <summary>FUTEX_WAKE on shared memory; the number woken, 0 on error.</summary>
    public static int WakeShared(nint word, int count) =>
        (int)long.Max(HostSyscall.InvokeFast(N.futex, word, Wake, count), 0);
}
