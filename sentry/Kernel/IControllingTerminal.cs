namespace Sentry.Kernel;

/// <summary>
/// A terminal as the process tree sees it. The terminal keeps its own session and foreground group (Linux's
/// tty_struct.ctrl); the session knows the terminal.
/// </summary>
public interface IControllingTerminal
{
    /// <summary>Device number (new_encode_dev form) for /proc/pid/stat.</summary>
    ulong DeviceNumber { get; }

    /// <summary>Foreground process group, null when there is none.</summary>
    ProcessGroup? ForegroundGroup { get; }

    /// <summary>
    /// The session leader ended or gave the terminal up (drivers/tty/tty_jobctrl.c, disassociate_ctty): SIGHUP goes
    /// to the foreground group, and the session is forgotten. Called without locks; the session no longer refers to
    /// the terminal.
    /// </summary>
    void SessionLeft(Session session, TerminalLeave reason);
}

/// <summary>Why a session lost its terminal.</summary>
public enum TerminalLeave
{
    /// <summary>The leader exited.</summary>
    LeaderExited,

    /// <summary>TIOCNOTTY of the leader: the foreground group gets SIGCONT too.</summary>
    GivenUp,
}
