using System;
using Abi.Linux;
using Platform;
using Sentry.Mm;
using Sentry.Vfs;

namespace Sentry.Kernel;

/// <summary>
/// One guest thread (Linux's task_struct) and the host thread that runs it. Members without a lock note are used by the task's own
/// host thread only.
/// </summary>
public sealed partial class Task
{
    /// <summary>The kernel this task belongs to.</summary>
    public GuestKernel Kernel => throw new NotImplementedException();

    /// <summary>Thread group (process).</summary>
    public ThreadGroup ThreadGroup => throw new NotImplementedException();

    /// <summary>Memory; changes at execve and becomes null at exit.</summary>
    public MemoryManager Mm => throw new NotImplementedException();

    /// <summary>Descriptors (CLONE_FILES shares them).</summary>
    public FdTable FdTable => throw new NotImplementedException();

    /// <summary>Root, working directory, umask (CLONE_FS shares them).</summary>
    public FsContext FsContext => throw new NotImplementedException();

    /// <summary>Mount namespace of path walks.</summary>
    public MountNamespace MountNamespace => throw new NotImplementedException();

    /// <summary>Identity and capabilities; immutable object, replaced as a whole.</summary>
    public Credentials Credentials => throw new NotImplementedException();

    /// <summary>Thread id in the task's own PID namespace.</summary>
    public int Tid => throw new NotImplementedException();

    /// <summary>Registers and FP state.</summary>
    public IContext Context => throw new NotImplementedException();

    /// <summary>A reusable wait entry for the common case of waiting on one queue.</summary>
    public TaskWaiter Waiter => throw new NotImplementedException();

    /// <summary>True when a signal (or kill, stop) wants the task out of a sleep.</summary>
    public bool HasPendingInterrupt => throw new NotImplementedException();

    /// <summary>
    /// Sleeps until <see cref="Wake"/> (None), a signal (ERESTARTSYS: the caller returns it or turns it into another restart code) or
    /// the deadline (ETIMEDOUT). A wake since the last Block makes it return at once, so: add the waiter, check the condition, Block, repeat.
    /// <paramref name="deadlineNs"/>: absolute monotonic time of the guest kernel in ns; long.MaxValue for none.
    /// </summary>
    public Errno Block(long deadlineNs = long.MaxValue) => throw new NotImplementedException();

    /// <summary>Ends the current or next <see cref="Block"/>. Any thread.</summary>
    public void Wake() => throw new NotImplementedException();

    /// <summary>As <see cref="Block"/> but only SIGKILL interrupts (Linux's TASK_KILLABLE).</summary>
    public Errno BlockKillable(long deadlineNs = long.MaxValue) => throw new NotImplementedException();
}
