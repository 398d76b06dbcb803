using System.Threading;
using Abi.Linux;
using Sentry.Mm;
using Sentry.Vfs;

namespace Sentry.Kernel;

public sealed partial class Task
{
    private bool _exitRequested;
    private VforkGate? _vforkGate;

    /// <summary>Wait status of this task alone; the process's is the leader's unless the whole group was
    /// ended.</summary>
    internal int ExitStatus { get; private set; }

    /// <summary>exit(2): ends this task when its system call returns.</summary>
    internal void RequestExit(int waitStatus)
    {
        ExitStatus = waitStatus;
        _exitRequested = true;
        Interlocked.Or(ref _work, (int)TaskWork.Resolve);
    }

    /// <summary>Other owners' parts of the end of a task; each is called on its thread, in this order, while its
    /// memory is still there.</summary>
    partial void OnExitTimers();

    /// <summary>Keeps the peak of resident memory for getrusage(2) before the memory goes. Looks at every page of the
    /// address space.</summary>
    internal void NotePeakMemory()
    {
        long peakKiB = (long)(_mm!.PeakResidentBytes / 1024);
        _counters.MaxResidentKiB = System.Math.Max(_counters.MaxResidentKiB, peakKiB);
    }

    /// <summary>System V semaphore undo.</summary>
    partial void OnExitIpc();

    /// <summary>The end (kernel/exit.c, do_exit): gives everything back and tells the relatives.</summary>
    private void Exit()
    {
        ulong status = (ulong)(ThreadGroup.IsGroupExiting ? ThreadGroup.WaitStatusValue : ExitStatus);
        StopAtEvent(Ptrace.PTRACE_O_TRACEEXIT, Ptrace.PTRACE_EVENT_EXIT, status);
        bool isLast = ThreadGroup.BeginTaskExit(this, out bool completedStop);
        if (completedStop)
        {
            ThreadGroup.NotifyParentOfStop(SigCode.CLD_STOPPED);
        }

        OnExitTimers();
        if (isLast)
        {
            NotePeakMemory();
        }

        ExitMemory();
        OnExitIpc();
        ExitFiles();
        LeaveSeccomp();

        // Before the namespace is emptied, which waits for them too (exit_notify, forget_original_parent).
        ReleaseTracees();
        if (isLast)
        {
            ThreadGroup.LeaveTerminal();
            ThreadGroup.EndNamespaceIfInit(this);
        }

        StopCpuTime();
        ThreadGroup.FinishTaskExit(this);
    }

    private void ExitMemory()
    {
        Kernel.Futexes.ReleaseTask(this);
        OpenVforkGate();
        ReplaceMm(null)!.DropUser();
    }

    /// <summary>A parent in vfork(2) may go on: this task no longer uses its memory.</summary>
    private void OpenVforkGate()
    {
        VforkGate? gate = _vforkGate;
        _vforkGate = null;
        gate?.Open();
    }

    /// <summary>Gives back the files of a task that has never run.</summary>
    internal void DropFiles() => ExitFiles();

    private void ExitFiles()
    {
        FdTable files;
        FsContext? fileSystem;
        MountNamespace? mounts;
        using (_resourceLock.Enter())
        {
            files = _fdTable!;
            fileSystem = _fsContext;
            mounts = _mountNamespace;
            _mountNamespace = null;
            _fdTable = null;
            _fsContext = null;
        }

        files.DropUser(this);
        fileSystem?.DropUser();
        mounts?.DropUser();
    }

    internal void MarkExitingLocked()
    {
        _isExiting = true;
        _stopPending = false;
    }

    internal bool TakeStopCountLocked()
    {
        bool counts = _stopCounts;
        _stopCounts = false;
        return counts;
    }

    /// <summary>Gives up the thread id and the user's account entry; under TasksLock.</summary>
    internal void ReleaseIdentityLocked()
    {
        SetState(TaskState.Dead);
        Identity.Task = null;
        PidNamespace.ReleaseIfUnusedLocked(Identity);
        _account.DropTask();
        Kernel.DropTask(ThreadGroup.Scope);
    }

    /// <summary>A leader's id and place go to the thread that called execve (kernel/exec.c, de_thread); under
    /// TasksLock.</summary>
    internal void TakeIdentityLocked(Task leader)
    {
        (Identity, leader.Identity) = (leader.Identity, Identity);
        (Tid, leader.Tid) = (leader.Tid, Tid);
        Identity.Task = this;
        leader.Identity.Task = leader;
    }
}

/// <summary>Where the parent of vfork(2) waits until the child has left its memory.</summary>
internal sealed class VforkGate(Task parent)
{
    private int _open;

    /// <summary>True once the child executed another program or ended.</summary>
    internal bool IsOpen => Volatile.Read(ref _open) != 0;

    /// <summary>Lets the parent go on.</summary>
    internal void Open()
    {
        Volatile.Write(ref _open, 1);
        parent.Wake();
    }
}
