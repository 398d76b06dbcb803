using Abi.Linux;

namespace Sentry.Kernel;

public sealed partial class Task
{
    /// <summary>May this task signal the target (kill(2); kernel/signal.c, kill_ok_by_cred and
    /// check_kill_permission)?</summary>
    public Errno CheckKill(ThreadGroup target, int signal)
    {
        if (target == ThreadGroup)
        {
            return Errno.None;
        }

        Credentials mine = Credentials;
        Credentials theirs = target.Leader.Credentials;
        bool sameUser = mine.EffectiveUid == theirs.SavedUid || mine.EffectiveUid == theirs.RealUid
            || mine.RealUid == theirs.SavedUid || mine.RealUid == theirs.RealUid;
        if (sameUser || mine.HasCapability(Capability.CAP_KILL, theirs.UserNamespace))
        {
            return Errno.None;
        }

        bool continuesSession = signal == Signals.SIGCONT && target.Session == ThreadGroup.Session;
        return continuesSession ? Errno.None : Errno.EPERM;
    }

    /// <summary>Sends a signal to a process as kill(2) does; signal 0 only asks.</summary>
    public Errno SendTo(ThreadGroup target, int signal, int code)
    {
        Errno errno = CheckKill(target, signal);
        if (errno != Errno.None || signal == 0)
        {
            return errno;
        }

        return target.SendSignal(SigInfos.FromSender(signal, code, this, target), ForceOn(target));
    }

    /// <summary>Sends a signal to one thread as tgkill(2) does.</summary>
    public Errno SendToThread(Task target, int signal)
    {
        Errno errno = CheckKill(target.ThreadGroup, signal);
        if (errno != Errno.None || signal == 0)
        {
            return errno;
        }

        SigInfo info = SigInfos.FromSender(signal, SigCode.SI_TKILL, this, target.ThreadGroup);
        errno = target.SendSignal(info, ForceOn(target.ThreadGroup));

        // A thread that ends meanwhile no longer exists for the sender.
        return target.IsExiting && target != this ? Errno.ESRCH : errno;
    }

    /// <summary>Sends a signal with information to a process, or to one of its threads.</summary>
    public Errno SendInfo(ThreadGroup target, Task? thread, in SigInfo info)
    {
        Errno errno = CheckKill(target, info.si_signo);
        if (errno != Errno.None || info.si_signo == 0)
        {
            return errno;
        }

        return thread is null ? target.SendSignal(info, ForceOn(target)) : thread.SendSignal(info, ForceOn(target));
    }

    /// <summary>kill(2) of a group: None when at least one member could be signalled, else the last error; ESRCH
    /// without members.</summary>
    public Errno SendToProcessGroup(ProcessGroup group, int signal)
    {
        Errno result = Errno.ESRCH;
        bool any = false;
        using (Kernel.TasksLock.Enter())
        {
            foreach (ThreadGroup member in group.Members)
            {
                Errno errno = SendTo(member, signal, SigCode.SI_USER);
                any |= errno == Errno.None;
                result = errno;
            }
        }

        return any ? Errno.None : result;
    }

    /// <summary>Signals from outside the target's PID namespace come from an ancestor of it.</summary>
    private SignalForce ForceOn(ThreadGroup target) =>
        ThreadGroup.Identity.NumberIn(target.PidNamespace) == 0 ? SignalForce.Kernel : SignalForce.Normal;
}
