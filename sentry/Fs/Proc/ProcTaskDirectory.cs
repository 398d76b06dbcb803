using System.Collections.Generic;
using System.Globalization;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Vfs;
using Sentry.Vfs.Synthetic;

namespace Sentry.Fs.Proc;

/// <summary>/proc/PID and /proc/PID/task/TID.</summary>
internal sealed class ProcTaskDirectory : SyntheticDirectory, IProcessDirectory
{
    private readonly ProcSuperBlock _proc;
    private readonly Pid _identity;
    private readonly int _id;
    private readonly ProcSelfKind _kind;

    private ProcTaskDirectory(ProcSuperBlock proc, Task task, int id, ProcSelfKind kind, SyntheticIdentity identity)
        : base(proc, identity)
    {
        _proc = proc;
        _identity = task.Identity;
        _id = id;
        _kind = kind;
    }

    /// <inheritdoc/>
    public Pid? Process => _kind == ProcSelfKind.Process ? _identity : null;

    internal static ProcTaskDirectory ForProcess(ProcSuperBlock proc, Task task, int id) =>
        new(proc, task, id, ProcSelfKind.Process, Identify(task, ProcSuperBlock.TaskNumber(id, 0), 0x16D));

    internal static ProcTaskDirectory ForThread(ProcSuperBlock proc, Task task, int id) =>
        new(proc, task, id, ProcSelfKind.Thread, Identify(task, ProcSuperBlock.TaskNumber(id, 1), 0x16D));

    /// <summary>Owner rule of proc(5): the effective ids, or root when the process is not dumpable.</summary>
    internal static SyntheticIdentity Identify(Task task, ulong number, uint permissions)
    {
        bool isOpen = task.ThreadGroup.Dumpable == 1;
        Credentials credentials = task.Credentials;
        return new SyntheticIdentity(number, permissions, isOpen ? credentials.EffectiveUid : 0, isOpen
            ? credentials.EffectiveGid : 0);
    }

    /// <inheritdoc/>
    public override Errno List(Task task, List<SyntheticEntry> entries)
    {
        if (_identity.Task is null)
        {
            return Errno.ENOENT;
        }

        int index = 0;
        foreach (ProcTaskFile file in ProcTaskFiles.All)
        {
            if (file.IsShownFor(_kind))
            {
                byte type = DirentTypes.FromMode(file.FileType);
                entries.Add(new SyntheticEntry(FirstCookie + index, file.Name,
                    ProcSuperBlock.TaskNumber(_id, NumberOf(index)), type));
            }

            index++;
        }

        return Errno.None;
    }

    /// <inheritdoc/>
    public override Errno Lookup(Task task, string name, out Inode? child)
    {
        child = null;
        int index = ProcTaskFiles.Find(name);
        if (_identity.Task is not { } target || index < 0 || !ProcTaskFiles.All[index].IsShownFor(_kind))
        {
            return Errno.ENOENT;
        }

        ProcTaskFile file = ProcTaskFiles.All[index];
        SyntheticIdentity identity = Identify(target, ProcSuperBlock.TaskNumber(_id, NumberOf(index)),
            file.Permissions);
        child = file.Make(new ProcTaskContext(_proc, target.Identity, _id, _kind), identity);
        return Errno.None;
    }

    private int NumberOf(int index) => 2 + (index * 2) + (_kind == ProcSelfKind.Thread ? 1 : 0);
}

/// <summary>What a file of a task's directory is about.</summary>
internal sealed record ProcTaskContext(ProcSuperBlock Proc, Pid Identity, int Id, ProcSelfKind Kind)
{
    /// <summary>The task; null once it is gone.</summary>
    internal Task? Task => Identity.Task;
}

/// <summary>/proc/PID/task.</summary>
internal sealed class ProcThreadsDirectory(ProcTaskContext context, SyntheticIdentity identity)
    : SyntheticDirectory(context.Proc, identity)
{
    /// <inheritdoc/>
    public override Errno List(Task task, List<SyntheticEntry> entries)
    {
        if (context.Task is not { } leader)
        {
            return Errno.ENOENT;
        }

        const byte DirectoryType = 4;
        List<Task> threads = [];
        leader.ThreadGroup.CollectTasks(threads);
        threads.Sort((one, other) => one.Tid.CompareTo(other.Tid));
        foreach (Task thread in threads)
        {
            int tid = thread.Identity.NumberIn(context.Proc.Pids);
            string name = tid.ToString(CultureInfo.InvariantCulture);
            entries.Add(new SyntheticEntry(FirstCookie + tid, name, ProcSuperBlock.TaskNumber(tid, 1), DirectoryType));
        }

        return Errno.None;
    }

    /// <inheritdoc/>
    public override Errno Lookup(Task task, string name, out Inode? child)
    {
        child = null;
        if (context.Task is { } leader && ProcRoot.TryParseId(name, out int tid)
            && leader.ThreadGroup.FindTask(tid, context.Proc.Pids) is { } thread)
        {
            child = ProcTaskDirectory.ForThread(context.Proc, thread, tid);
        }

        return child is null ? Errno.ENOENT : Errno.None;
    }
}
