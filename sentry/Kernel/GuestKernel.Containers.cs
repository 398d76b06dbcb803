using System;
using System.Collections.Generic;
using Abi.Linux;
using HostOs;
using Sentry.Mm;
using Sentry.Sync;
using Sentry.Vfs;

namespace Sentry.Kernel;

/// <summary>Containers beside the first one: processes that begin with mounts of their own and, unless they share
/// those of the sandbox, with namespaces of their own.</summary>
public sealed partial class GuestKernel
{
    /// <summary>
    /// Makes the first process of another container, without a program: <see cref="Start"/> gives it one,
    /// <see cref="Discard"/> undoes it. Its parent is nobody; <paramref name="onEnd"/> hears its wait status, on any
    /// thread and under the tasks lock. After the end comes <see cref="LeaveContainer"/>. ESRCH when the first process
    /// of the sandbox is not there or ends.
    /// </summary>
    public Errno CreateContainer(InitProcess spec, ContainerMemory memory, SharedNamespaces shared, Action<int> onEnd,
        out Task? task)
    {
        task = null;
        Errno errno = MemoryFile.TakePart(memory.Backing, memory.LimitBytes, out MemoryFile? part);
        if (errno != Errno.None)
        {
            return errno;
        }

        TaskScope scope = new() { MaxTasks = spec.MaxTasks, Memory = part! };
        part!.OutOfMemory = new ScopedOutOfMemory(this, scope);
        errno = TryAddTask(scope) ? Errno.None : Errno.EAGAIN;
        if (errno == Errno.None)
        {
            using (TasksLock.Enter())
            {
                errno = CreateContainerLocked(spec, shared, onEnd, scope, out task);
            }

            if (errno != Errno.None)
            {
                DropTask(scope);
            }
        }

        if (errno != Errno.None)
        {
            MemoryFile.ReturnPart(part);
        }

        return errno;
    }

    /// <summary>A container is gone, but for what others share with it.</summary>
    public void LeaveContainer(TaskScope scope) => MemoryFile.ReturnPart(scope.Memory);

    /// <summary>Sends SIGKILL to every process whose mounts these are: what is left of a container that shares its
    /// PID namespace.</summary>
    public void KillUsersOf(MountNamespace mounts)
    {
        List<ThreadGroup> all = new();
        RootPidNamespace.CollectThreadGroups(all);
        foreach (ThreadGroup group in all)
        {
            if (group.Leader.PeekMountNamespace() == mounts)
            {
                group.SendSignal(new SigInfo { si_signo = Signals.SIGKILL, si_code = SigCode.SI_USER });
            }
        }
    }

    private Errno CreateContainerLocked(InitProcess spec, SharedNamespaces shared, Action<int> onEnd, TaskScope scope,
        out Task? task)
    {
        task = null;
        ThreadGroup? first = Init;
        if (first is null || first.IsDead || RootPidNamespace.IsDying)
        {
            return Errno.ESRCH;
        }

        bool sharesPids = (shared & SharedNamespaces.Pid) != 0;
        PidNamespace space = sharesPids ? RootPidNamespace
            : new PidNamespace(this, RootPidNamespace, RootUserNamespace);
        ReadOnlySpan<int> wanted = sharesPids ? [] : [1];
        Errno errno = space.AllocateLocked(wanted, out Pid? identity);
        if (errno != Errno.None)
        {
            return errno;
        }

        NamespaceSet theirs = first.Leader.Namespaces;
        NamespaceSet namespaces = theirs with
        {
            PidForChildren = space,
            Uts = (shared & SharedNamespaces.Uts) != 0 ? theirs.Uts
                : new UtsNamespace(RootUserNamespace, spec.HostName, spec.DomainName),
            Ipc = (shared & SharedNamespaces.Ipc) != 0 ? theirs.Ipc : new IpcNamespace(RootUserNamespace),
        };
        task = NewTaskLocked(spec, identity!, namespaces, scope);
        task.ThreadGroup.OnEnd = onEnd;
        if (!sharesPids)
        {
            space.Init = task.ThreadGroup;
            space.LastPid = 1;
        }

        return Errno.None;
    }
}

/// <summary>The memory of a container beside the first.</summary>
/// <param name="Backing">Becomes its memory file; taken.</param>
/// <param name="LimitBytes">Its own limit; ulong.MaxValue for none.</param>
public readonly record struct ContainerMemory(HostFd Backing, ulong LimitBytes);

/// <summary>Which namespaces a container has in common with the first of its sandbox.</summary>
[Flags]
public enum SharedNamespaces
{
    None = 0,
    Pid = 1,
    Ipc = 2,
    Uts = 4,
}
