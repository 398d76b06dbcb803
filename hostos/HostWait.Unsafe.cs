using Abi.Linux;
using N = Abi.Linux.SysNr;

namespace HostOs;

/// <summary><c>&lt;sys/wait.h&gt;</c> and the pidfd calls.</summary>
// SAFETY: the wrappers hand the kernel addresses of locals and pinned spans, with their true lengths.
public static unsafe class HostWait
{
    public const int NoHang = 1;
    public const int Stopped = 2;
    public const int Exited = 4;
    public const int NoWait = 0x01000000;
    public const int OwnThreadOnly = 0x20000000;
    public const int All = 0x40000000;
    public const int IdAll = 0;
    public const int IdPid = 1;
    public const int IdPidFd = 3;

    private const int SigInfoBytes = 128;

    /// <summary>
    /// wait4(2) without resource usage. <paramref name="result"/> is 0 with <see cref="NoHang"/> and nothing to
    /// report.
    /// </summary>
    public static Errno Wait4(int pid, int options, out int status, out int result)
    {
        // SAFETY: a local of 4 bytes.
        int word = 0;
        long r = HostSyscall.Invoke(N.wait4, pid, (nint)(&word), options);
        status = word;
        return HostSyscall.Split(r, out result);
    }

    /// <summary>
    /// waitid(2). <paramref name="code"/> is CLD_EXITED (1), CLD_KILLED (2), CLD_DUMPED (3)... and <paramref
    /// name="status"/> the exit status or signal;
    /// <paramref name="pid"/> is 0 with <see cref="NoHang"/> and nothing to report.
    /// </summary>
    public static Errno WaitId(int idType, int id, int options, out int pid, out int code, out int status)
    {
        // SAFETY: siginfo_t is 128 bytes; si_code at 8, si_pid at 16, si_status at 24 (kernel: siginfo.h, SIGCHLD).
        int* info = stackalloc int[SigInfoBytes / sizeof(int)];
        info[4] = 0;
        long r = HostSyscall.Invoke(N.waitid, idType, id, (nint)info, options);
        Errno error = HostSyscall.ToErrno(r);
        pid = error == Errno.None ? info[4] : 0;
        code = error == Errno.None ? info[2] : 0;
        status = error == Errno.None ? info[6] : 0;
        return error;
    }

    /// <summary>pidfd_open(2).</summary>
    public static Errno PidFdOpen(int pid, int flags, out int fd) =>
        HostSyscall.Split(HostSyscall.Invoke(N.pidfd_open, pid, flags), out fd);

    /// <summary>pidfd_send_signal(2).</summary>
    public static Errno PidFdSendSignal(int pidFd, int signal) =>
        HostSyscall.ToErrno(HostSyscall.Invoke(N.pidfd_send_signal, pidFd, signal));

    /// <summary>pidfd_getfd(2).</summary>
    public static Errno PidFdGetFd(int pidFd, int targetFd, out int fd) =>
        HostSyscall.Split(HostSyscall.Invoke(N.pidfd_getfd, pidFd, targetFd), out fd);
}
