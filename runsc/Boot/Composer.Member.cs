using System;
using System.Collections.Generic;
using System.Threading;
using Abi.Linux;
using HostOs;
using Runsc.Oci;
using Runsc.Sandbox;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Vfs;

namespace Runsc.Boot;

/// <summary>A container that joins a running sandbox: its own gofer, mounts and streams, in the kernel that is
/// there.</summary>
internal sealed partial class Composer
{
    /// <summary>Null for the sandbox's own container.</summary>
    private readonly Composer? _sandbox;

    private readonly Lock _leaving = new();

    // Guarded by _leaving.
    private bool _hasLeft;

    private MountNamespace? _mounts;

    private Composer(Composer sandbox, SandboxSpec spec, int[] streams)
    {
        _sandbox = sandbox;
        _spec = spec;
        _platform = sandbox._platform;
        _log = sandbox._log;
        _streams = streams;
        Kernel = sandbox.Kernel;
    }

    /// <summary>The container's first process; null before there is one.</summary>
    private ThreadGroup? First => _sandbox is null ? Kernel.Init : _init?.ThreadGroup;

    /// <summary>Its tasks; null for the sandbox's own container, with which all others stop.</summary>
    private TaskScope? Scope => _sandbox is null ? null : First?.Scope;

    /// <summary>Where its processes have their numbers.</summary>
    private PidNamespace Pids => First?.PidNamespace ?? Kernel.RootPidNamespace;

    /// <summary>The first process's number in it.</summary>
    internal int FirstNumber => First?.Identity.Number ?? 0;

    /// <summary>Another container of this sandbox, still without anything.</summary>
    internal Composer MakeMember(SandboxSpec spec, int[] streams) => new(this, spec, streams);

    /// <summary>What its processes take memory of.</summary>
    private MemoryFile Memory => Scope?.Memory ?? Kernel.MemoryFile;

    /// <summary>Makes everything but the program; null, or one line that says what failed, and then nothing is left.
    /// Takes the backing of its memory. <paramref name="onEnd"/> hears the wait status on any thread and under the
    /// tasks lock.</summary>
    internal string? Join(HostFd backing, Action<int> onEnd)
    {
        ContainerMemory memory = new(backing, _spec.MemoryLimitBytes > 0 ? (ulong)_spec.MemoryLimitBytes
            : ulong.MaxValue);
        Errno errno = Kernel.CreateContainer(MakeInit(), memory, _spec.Shared, onEnd, out _init);
        if (errno != Errno.None)
        {
            return errno == Errno.ESRCH ? "the sandbox has stopped" : Failure + ErrorText.Describe(errno);
        }

        Scope!.OomKilled = _spec.BellFd >= 0 ? RingBell : null;
        string? problem = MountRoot(_init!) ?? Furnish(_init!);
        _mounts = _init!.PeekMountNamespace();
        if (problem is not null)
        {
            Abandon();
            Leave();
        }

        return problem;
    }

    /// <summary>Undoes a container whose program has not run.</summary>
    internal void Abandon() => Kernel.Discard(_init!);

    /// <summary>Signals the first process.</summary>
    internal Errno SignalFirst(int signal) =>
        First?.SendSignal(new SigInfo { si_signo = signal, si_code = SigCode.SI_USER }) ?? Errno.ESRCH;

    /// <summary>Signals every process of the container.</summary>
    internal void SignalAll(int signal) => GuestKernel.SignalAll(Pids, signal);

    /// <summary>After the end of the first process: ends what shared its PID namespace, and lets the gofer
    /// go.</summary>
    internal void Leave()
    {
        if ((_spec.Shared & SharedNamespaces.Pid) != 0 && _mounts is not null)
        {
            Kernel.KillUsersOf(_mounts);
        }

        _console?.Dispose();
        _transport?.Retire();
        lock (_leaving)
        {
            // Its memory may be another container's next.
            _hasLeft = true;
            Scope!.OomKilled = null;
            Kernel.LeaveContainer(Scope);
        }
    }

    /// <summary>Tasks, and processes ended for want of memory, of this container alone.</summary>
    private void CountOwn(List<ThreadGroup> groups, SandboxStatistics result)
    {
        result.Tasks = 0;
        result.TaskLimit = Math.Min(result.TaskLimit, Scope?.MaxTasks ?? int.MaxValue);
        result.OomKills = Scope?.OomKills ?? 0;
        foreach (ThreadGroup group in groups)
        {
            result.Tasks += group.LiveTasks;
        }
    }
}
