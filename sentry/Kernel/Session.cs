using System.Collections.Generic;

namespace Sentry.Kernel;

/// <summary>A session, setsid(2): process groups that share a controlling terminal. Guarded by the tasks
/// lock.</summary>
public sealed partial class Session
{
    internal Session(Pid identity, ThreadGroup? leader)
    {
        Identity = identity;
        Leader = leader;
        identity.Session = this;
    }

    /// <summary>Its id: the PID of the process that made it.</summary>
    public Pid Identity { get; }

    /// <summary>Process that made it; null once it ended.</summary>
    public ThreadGroup? Leader { get; internal set; }

    /// <summary>Controlling terminal, null when there is none.</summary>
    public IControllingTerminal? Terminal { get; private set; }

    internal List<ProcessGroup> Groups { get; } = new();

    /// <summary>Makes the terminal this session's (TIOCSCTTY, open(2) without O_NOCTTY); the rules are the
    /// terminal's. Takes the tasks lock.</summary>
    public void AttachTerminal(IControllingTerminal terminal)
    {
        using (Leader!.Kernel.TasksLock.Enter())
        {
            Terminal = terminal;
        }
    }

    /// <summary>The session has no terminal any more (hang-up, TIOCNOTTY, theft by TIOCSCTTY). Takes the tasks
    /// lock.</summary>
    public void DetachTerminal(GuestKernel kernel)
    {
        using (kernel.TasksLock.Enter())
        {
            Terminal = null;
        }
    }

    internal IControllingTerminal? TakeTerminalLocked()
    {
        IControllingTerminal? terminal = Terminal;
        Terminal = null;
        return terminal;
    }
}
