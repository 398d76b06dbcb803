namespace Abi.Linux;

/// <summary>Options of wait4(2) and waitid(2).</summary>
[CHeader("linux/wait.h")]
public static class Wait
{
    public const int WNOHANG = 0x00000001;
    public const int WUNTRACED = 0x00000002;
    public const int WSTOPPED = 0x00000002;
    public const int WEXITED = 0x00000004;
    public const int WCONTINUED = 0x00000008;
    public const int WNOWAIT = 0x01000000;
    public const int __WNOTHREAD = 0x20000000;
    public const int __WALL = 0x40000000;
    public const int __WCLONE = unchecked((int)0x80000000);

    // waitid(2) id types.
    public const int P_ALL = 0;
    public const int P_PID = 1;
    public const int P_PGID = 2;
    public const int P_PIDFD = 3;
}

/// <summary>Composition and decomposition of a wait status, wait(2).</summary>
[CHeader("sys/wait.h")]
public static class WaitStatus
{
    // Markers.
    public const int __W_CONTINUED = 0xffff;
    public const int WCOREFLAG = 0x80;

    /// <summary>The status of a process that exited with the low eight bits of <paramref name="code"/>.</summary>
    public static int Exited(int code) => (code & 0xff) << 8;

    /// <summary>The status of a process killed by <paramref name="signal"/> without a core dump.</summary>
    public static int Signaled(int signal) => signal & 0x7f;

    /// <summary>The status of a process killed by <paramref name="signal"/> that dumped core.</summary>
    public static int CoreDumped(int signal) => (signal & 0x7f) | WCOREFLAG;

    /// <summary>
    /// The status of a process stopped by <paramref name="signal"/> (with ptrace(2)'s event in bits 8
    /// up).
    /// </summary>
    public static int Stopped(int signal) => (signal << 8) | 0x7f;

    /// <summary>WIFEXITED.</summary>
    public static bool IsExited(int status) => (status & 0x7f) == 0;

    /// <summary>WIFSIGNALED.</summary>
    public static bool IsSignaled(int status) => (status & 0x7f) is not 0 and not 0x7f;

    /// <summary>WIFSTOPPED.</summary>
    public static bool IsStopped(int status) => (status & 0xff) == 0x7f;

    /// <summary>WIFCONTINUED.</summary>
    public static bool IsContinued(int status) => status == __W_CONTINUED;

    /// <summary>WCOREDUMP.</summary>
    public static bool IsCoreDumped(int status) => (status & WCOREFLAG) != 0;

    /// <summary>WEXITSTATUS.</summary>
    public static int ExitStatus(int status) => (status >> 8) & 0xff;

    /// <summary>WTERMSIG.</summary>
    public static int TermSignal(int status) => status & 0x7f;

    /// <summary>WSTOPSIG.</summary>
    public static int StopSignal(int status) => (status >> 8) & 0xff;

    /// <summary>The ptrace(2) event of a PTRACE_EVENT_ stop, 0 for any other stop.</summary>
    public static int PtraceEvent(int status) => status >> 16;
}
