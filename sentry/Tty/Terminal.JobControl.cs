using System.Threading;
using Abi.Linux;
using Sentry.Kernel;

namespace Sentry.Tty;

// Sessions and process groups (credentials(7), drivers/tty/tty_jobctrl.c).
public sealed partial class Terminal
{
    // Guarded by _lock; also read without.
    private Session? _session;
    private ProcessGroup? _foreground;

    /// <inheritdoc/>
    public ProcessGroup? ForegroundGroup => Volatile.Read(ref _foreground);

    /// <summary>Session that the terminal controls, or null.</summary>
    public Session? Session => Volatile.Read(ref _session);

    /// <summary>
    /// The slave stays usable for whoever else has it open: a pseudo terminal is not hung up by the end of the
    /// session's leader (drivers/tty/tty_jobctrl.c, disassociate_ctty).
    /// </summary>
    public void SessionLeft(Session session, TerminalLeave reason)
    {
        ProcessGroup? foreground = ForegroundGroup;
        using (_lock.Enter())
        {
            if (_session == session)
            {
                _session = null;
                Volatile.Write(ref _foreground, null);
            }
        }

        foreground?.SendSignal(_kernel, Signals.SIGHUP);
        if (reason == TerminalLeave.GivenUp)
        {
            foreground?.SendSignal(_kernel, Signals.SIGCONT);
        }
    }

    /// <summary>True when this is the controlling terminal of the task's session.</summary>
    public bool Controls(Task task) => task.ThreadGroup.Session.Terminal == this;

    /// <summary>A session leader without terminal that opens a free one gets it (tty_open_proc_set_tty).</summary>
    public void AdoptOnOpen(Task task)
    {
        Session session = task.ThreadGroup.Session;
        if (!task.ThreadGroup.IsSessionLeader || session.Terminal is not null)
        {
            return;
        }

        using (_lock.Enter())
        {
            if (_session is null)
            {
                AttachLocked(task, session);
            }
        }
    }

    /// <summary>
    /// TIOCSCTTY: EPERM unless the caller leads a session without terminal and the terminal is free, or is stolen
    /// with CAP_SYS_ADMIN and 1.
    /// </summary>
    internal Errno SetControlling(Task task, ulong argument, TtyEnd end)
    {
        Session session = task.ThreadGroup.Session;
        bool isPrivileged = task.Credentials.IsCapable(Capability.CAP_SYS_ADMIN);
        Session? robbed;
        using (_lock.Enter())
        {
            if (task.ThreadGroup.IsSessionLeader && _session == session)
            {
                return Errno.None;
            }

            bool mayTake = _session is null || (argument == 1 && isPrivileged);
            if (!task.ThreadGroup.IsSessionLeader || session.Terminal is not null || !mayTake
                || (!end.CanRead && !isPrivileged))
            {
                return Errno.EPERM;
            }

            robbed = _session;
            robbed?.DetachTerminal(_kernel);
            AttachLocked(task, session);
            return Errno.None;
        }
    }

    /// <summary>
    /// TIOCNOTTY. A member of the session other than its leader cannot give the terminal up alone: EPERM.
    /// </summary>
    internal Errno GiveUp(Task task)
    {
        if (!Controls(task))
        {
            return Errno.ENOTTY;
        }

        if (!task.ThreadGroup.IsSessionLeader)
        {
            return Errno.EPERM;
        }

        Session session = task.ThreadGroup.Session;
        session.DetachTerminal(_kernel);
        SessionLeft(session, TerminalLeave.GivenUp);
        return Errno.None;
    }

    /// <summary>
    /// May a task in the background go on (tty_check_change)? None; EIO when nobody could continue it, or when it
    /// ignores <paramref name="signal"/> SIGTTIN;
    /// else the group gets the signal and the call is restarted.
    /// </summary>
    internal Errno CheckForeground(Task task, int signal)
    {
        ProcessGroup? foreground = ForegroundGroup;
        ProcessGroup own = task.ThreadGroup.ProcessGroup;
        if (!Controls(task) || foreground is null || own == foreground)
        {
            return Errno.None;
        }

        bool isBlocked = (task.SignalMask & SignalSets.Of(signal)) != 0;
        if (isBlocked || task.ThreadGroup.Handlers.IsIgnored(signal))
        {
            return signal == Signals.SIGTTIN ? Errno.EIO : Errno.None;
        }

        if (own.IsOrphaned(_kernel))
        {
            return Errno.EIO;
        }

        own.SendSignal(_kernel, signal);
        return Errno.ERESTARTSYS;
    }

    /// <summary>May a task write? TOSTOP stops those in the background with SIGTTOU.</summary>
    internal Errno CheckOutput(Task task)
    {
        bool isGuarded;
        using (_lock.Enter())
        {
            isGuarded = (_discipline.Settings.c_lflag & Termbits.TOSTOP) != 0;
        }

        return isGuarded ? CheckForeground(task, Signals.SIGTTOU) : Errno.None;
    }

    /// <summary>TIOCGPGRP: of the caller's own terminal, or through the master.</summary>
    internal Errno GetForeground(Task task, TtyEnd end, out int number)
    {
        number = 0;
        if (!end.IsMaster && !Controls(task))
        {
            return Errno.ENOTTY;
        }

        number = ForegroundGroup?.Identity.NumberIn(task.PidNamespace) ?? 0;
        return Errno.None;
    }

    /// <summary>TIOCSPGRP: ENOTTY, EINVAL, ESRCH, EPERM (a group of another session).</summary>
    internal Errno SetForeground(Task task, int number)
    {
        Errno error = CheckForeground(task, Signals.SIGTTOU);
        if (error != Errno.None)
        {
            return error == Errno.EIO ? Errno.ENOTTY : error;
        }

        if (!Controls(task) || Session != task.ThreadGroup.Session)
        {
            return Errno.ENOTTY;
        }

        if (number < 0)
        {
            return Errno.EINVAL;
        }

        ProcessGroup? group = task.PidNamespace.Find(number)?.ProcessGroup;
        if (group is null)
        {
            return Errno.ESRCH;
        }

        if (group.Session != task.ThreadGroup.Session)
        {
            return Errno.EPERM;
        }

        Volatile.Write(ref _foreground, group);
        return Errno.None;
    }

    /// <summary>TIOCGSID.</summary>
    internal Errno GetSession(Task task, TtyEnd end, out int number)
    {
        number = 0;
        Session? session = Session;
        if ((!end.IsMaster && !Controls(task)) || session is null)
        {
            return Errno.ENOTTY;
        }

        number = session.Identity.NumberIn(task.PidNamespace);
        return Errno.None;
    }

    /// <inheritdoc/>
    void ITtyDriver.SignalForeground(int signal) => ForegroundGroup?.SendSignal(_kernel, signal);

    /// <summary>vhangup(2) and its relatives: every open slave is dead from now on (__tty_hangup).</summary>
    internal void HangUp()
    {
        Session? session;
        using (_lock.Enter())
        {
            session = _session;
            Volatile.Write(ref _session, null);
            Volatile.Write(ref _foreground, null);
            _isSlaveGone = _slaves > 0 || _isSlaveGone;
            _slaves = 0;
            _isStopped = false;
            _isStoppedByCall = false;
            _typed.Clear();
            _discipline.FlushInput();
            Volatile.Write(ref _hangUps, _hangUps + 1);
        }

        session?.DetachTerminal(_kernel);
        if (session?.Leader is { } leader)
        {
            leader.SendSignal(SigInfos.FromKernel(Signals.SIGHUP));
            leader.SendSignal(SigInfos.FromKernel(Signals.SIGCONT));
        }

        SlaveQueue.Notify(HangUpEvents);
        MasterQueue.Notify(HangUpEvents);
    }

    private void AttachLocked(Task task, Session session)
    {
        Volatile.Write(ref _session, session);
        Volatile.Write(ref _foreground, task.ThreadGroup.ProcessGroup);
        session.AttachTerminal(this);
    }
}
