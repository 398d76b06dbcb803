using Abi.Linux;

namespace Sentry.Kernel;

public sealed partial class ThreadGroup
{
    // Guarded by SignalLock: the task that execve leaves alone.
    private Task? _executing;

    /// <summary>
    /// Ends all other tasks of the process and makes <paramref name="survivor"/> its leader (fs/exec.c, de_thread).
    /// EAGAIN when the process is going down or
    /// another task executes already, ERESTARTNOINTR when killed on the way.
    /// </summary>
    internal Errno BecomeSingleThreaded(Task survivor)
    {
        using (SignalLock.Enter())
        {
            if (_isExiting || _executing is not null)
            {
                return Errno.EAGAIN;
            }

            _executing = survivor;
            _stopsAwaited = 0;
            foreach (Task task in _tasks)
            {
                if (task != survivor)
                {
                    task.KillLocked();
                }
            }
        }

        Errno errno = WaitUntilAlone(survivor);
        using (SignalLock.Enter())
        {
            _executing = null;
        }

        if (errno == Errno.None && survivor != Leader)
        {
            TakeLeadership(survivor);
        }

        return errno;
    }

    /// <summary>Waits until only the survivor and possibly the dead leader are left.</summary>
    private Errno WaitUntilAlone(Task survivor)
    {
        Errno errno = Errno.None;
        survivor.ClearWake();
        _groupQueue.Add(survivor.Waiter);
        while (errno == Errno.None && !IsAlone(survivor))
        {
            errno = survivor.BlockKillable();
        }

        _groupQueue.Remove(survivor.Waiter);
        return errno == Errno.None ? Errno.None : Errno.ERESTARTNOINTR;
    }

    private bool IsAlone(Task survivor)
    {
        using (SignalLock.Enter())
        {
            bool leaderIsDead = survivor != Leader && Leader.State == TaskState.Zombie;
            return _tasks.Count == (leaderIsDead ? 2 : 1);
        }
    }

    /// <summary>The survivor gets the process's id and the dead leader is buried under the survivor's old
    /// one.</summary>
    private void TakeLeadership(Task survivor)
    {
        using (Kernel.TasksLock.Enter())
        {
            Task oldLeader = Leader;
            oldLeader.UnlinkTracerLocked();
            survivor.TakeIdentityLocked(oldLeader);
            using (SignalLock.Enter())
            {
                SetLeaderLocked(survivor);
            }

            foreach (ThreadGroup child in _children)
            {
                child.SetParentTaskLocked(survivor);
            }

            DropTaskLocked(oldLeader);
        }
    }
}
