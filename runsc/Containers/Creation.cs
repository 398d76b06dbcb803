using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using Abi.Linux;
using HostOs;
using Runsc.Cli;
using Runsc.Oci;
using Runsc.Sandbox;
using Runsc.Systemd;

namespace Runsc.Containers;

/// <summary>Makes containers: <c>create</c> and both kinds of <c>run</c>.</summary>
internal sealed partial class Creation
{
    private readonly GlobalFlags.Values _flags;
    private readonly CreateOptions _options;
    private readonly Spec _config;
    private readonly SandboxBuilder _builder;
    private readonly string _bundle;
    private ContainerGroups? _groups;

    internal Creation(GlobalFlags.Values flags, CreateOptions options)
    {
        ContainerId.Check(options.Id);
        _flags = flags;
        _options = options;
        _config = SpecLoader.Load(options.Bundle);
        _builder = OciSandbox.Build(options.Id, options.Bundle, _config, flags.RootStorage);
        _builder.Spec.RootSharing = flags.RootSharing;
        _builder.Spec.MountSharing = flags.MountSharing;
        _builder.Spec.StartMoment = StartMoment.OnRequest;
        _builder.Spec.Seccomp = flags.OciSeccomp && _config.Linux?.Seccomp is { } profile
            ? SeccompCompiler.Compile(options.Bundle + "/config.json", profile)
            : [];
        _bundle = HostPath.Resolve("--bundle", options.Bundle, PathKind.Directory);
    }

    /// <summary>Makes the container and leaves it waiting for its start.</summary>
    internal void Create()
    {
        SandboxSpec spec = _builder.Spec;
        string? sandbox = Membership.SandboxOf(_config);
        if (spec.Terminal && _options.ConsoleSocket is null)
        {
            throw new UserErrorException("process.terminal: a detached container needs --console-socket");
        }

        if (!spec.Terminal && _options.ConsoleSocket is not null)
        {
            throw new UserErrorException("--console-socket: the container has no terminal (process.terminal)");
        }

        using Container container = Begin(SandboxLifetime.OutlivesLauncher);
        bool isDone = false;
        try
        {
            using ConsolePair? console = spec.Terminal ? ConsolePair.Open(spec.TerminalRows, spec.TerminalColumns)
                : null;
            if (sandbox is null)
            {
                CreateSandbox(container, console);
            }
            else
            {
                JoinSandbox(container, sandbox, console);
            }

            isDone = true;
        }
        finally
        {
            if (!isDone)
            {
                container.Destroy();
            }
        }

        container.Directory.Disown();
    }

    private void CreateSandbox(Container container, ConsolePair? console)
    {
        using SandboxProcesses processes = SandboxProcesses.Prepare();
        using HostFd listener = Listen(container);
        using HostFd exit = container.Directory.CreateExitFile();
        using HostFd? bell = HangBell(container);
        processes.Start(_builder, _flags, Wiring(container, listener, exit, bell,
            SandboxLifetime.OutlivesLauncher, console));
        Launcher.AwaitCreated(processes);
        console?.SendMaster(_options.ConsoleSocket!);
        Finish(container, processes.Sentry.Pid, processes.Gofer.Pid);
        processes.LetGo();
    }

    /// <summary>Runs the container in the foreground; its exit status.</summary>
    internal int Run()
    {
        if (_options.ConsoleSocket is not null)
        {
            throw new UserErrorException("--console-socket: needs --detach");
        }

        if (Membership.SandboxOf(_config) is { } sandbox)
        {
            throw new UserErrorException("a container of sandbox " + sandbox
                + " does not run in the foreground: create it");
        }

        SweepAbandoned();
        using Container container = Begin(SandboxLifetime.EndsWithLauncher);
        try
        {
            using HostFd listener = Listen(container);
            using HostFd exit = container.Directory.CreateExitFile();
            using HostFd? bell = HangBell(container);
            SandboxWiring wiring = Wiring(container, listener, exit, bell, SandboxLifetime.EndsWithLauncher, null);
            return Launcher.Run(_builder, _flags, wiring,
                processes => Finish(container, processes.Sentry.Pid, processes.Gofer.Pid),
                () => Starting.Started(container));
        }
        finally
        {
            // Not what "delete --force" removes at this moment, or has removed: its hooks run once.
            using HostFd? changes = container.Directory.Lock();
            if (changes is not null || !container.Directory.IsGone)
            {
                container.Destroy();
            }
        }
    }

    private Container Begin(SandboxLifetime lifetime)
    {
        TakeOverAbandoned(_options.Id);
        StateDirectory directory = StateDirectory.Create(_flags.Root, _options.Id);
        Container container = Container.New(directory, new ContainerState
        {
            Id = _options.Id,
            OciVersion = _config.OciVersion!,
            Status = ContainerStatus.Creating,
            Bundle = _bundle,
            Rootfs = _builder.AttachPoints[0].HostPath,
            Created = DateTime.UtcNow.ToString("yyyy-MM-dd'T'HH:mm:ss.fffffff'Z'", CultureInfo.InvariantCulture),
            Owner = HostIds.IsRoot ? "root" : HostUnistd.GetUid().ToString(CultureInfo.InvariantCulture),
            Annotations = _config.Annotations,
            IsForeground = lifetime == SandboxLifetime.EndsWithLauncher,
            Hooks = _config.Hooks,
            Sandbox = Membership.SandboxOf(_config),
            Maker = HostProcess.Identify(Environment.ProcessId),
        });
        try
        {
            container.State.Cgroups = Cgroups.Plan(_options.Id, _config.Linux, _flags, out SystemdName? unit);
            container.State.Unit = unit;
            container.Save();
            _groups = new ContainerGroups(container.State, _config.Linux?.Resources);
            _groups.Make();
        }
        catch (UserErrorException)
        {
            container.Destroy();
            container.Dispose();
            throw;
        }

        return container;
    }

    private static HostFd Listen(Container container)
    {
        Errno errno = UnixSocket.Listen(container.Directory.Fd, StateDirectory.SocketName, out HostFd? listener);
        return errno == Errno.None ? listener!
            : throw new UserErrorException("cannot make the control socket: " + ErrorText.Describe(errno));
    }

    /// <summary>A bell for a container whose memory is limited and whose control groups somebody may watch.</summary>
    private HostFd? HangBell(Container container)
    {
        if (_builder.Spec.MemoryLimitBytes == 0 || container.State.Cgroups.Count == 0)
        {
            return null;
        }

        (int pid, HostFd rope) = OomBell.Hang();
        container.State.Bell = HostProcess.Identify(pid);
        _groups!.Join(pid);
        return rope;
    }

    private SandboxWiring Wiring(Container container, HostFd listener, HostFd exit, HostFd? bell,
        SandboxLifetime lifetime, ConsolePair? console) => new()
        {
            Lifetime = lifetime,
            Listener = listener,
            ExitFile = exit,
            Bell = bell,
            Console = console?.Slave,
            Preserved = _options.Preserved,
            Joined = _groups!.Join,
            Launched = NeedsOrder(container.State.Hooks) ? processes =>
                RunFirstHooks(container, HostProcess.Identify(processes.Sentry.Pid), processes.OrderGofer) : null,
        };

    private static bool NeedsOrder(HooksSpec? hooks) =>
        hooks is { Prestart.Count: > 0 } or { CreateRuntime.Count: > 0 } or { CreateContainer.Count: > 0 };

    /// <summary>The hooks that come before the container's root is looked at: on the host here, then those of the
    /// gofer, which waits for its order.</summary>
    private static void RunFirstHooks(Container container, HostProcess sentry, Action<HookOrder> order)
    {
        ContainerState state = container.State;
        state.Sentry = sentry;
        byte[] description = container.OciState(ContainerStatus.Creating);
        Hooks.RunAll("prestart", state.Hooks?.Prestart, description, HookFailure.Fatal);
        Hooks.RunAll("createRuntime", state.Hooks?.CreateRuntime, description, HookFailure.Fatal);
        order(new HookOrder { Hooks = state.Hooks?.CreateContainer ?? [], State = description });
    }

    /// <summary>The sandbox is there: process id file, state.</summary>
    private void Finish(Container container, int pid, int gofer)
    {
        ContainerState state = container.State;
        state.Sentry = HostProcess.Identify(pid);
        state.Gofer = HostProcess.Identify(gofer);
        state.Status = ContainerStatus.Created;
        container.Save();
        if (_options.PidFile is { } file)
        {
            PidFile.Write(file, state.Sentry.Pid);
        }

        if (state.IsForeground)
        {
            Starting.RunStartContainer(container);
        }
    }

    private void TakeOverAbandoned(string id)
    {
        using StateDirectory? directory = StateDirectory.Find(_flags.Root, id);
        if (directory is null || !directory.IsUnowned())
        {
            return;
        }

        ContainerState? state = directory.Load();
        if (state is null or { IsForeground: true })
        {
            using Container container = Container.New(directory, state ?? new ContainerState { Id = id });
            container.Destroy();
        }
    }

    /// <summary>Removes what foreground launchers left that were killed.</summary>
    private void SweepAbandoned()
    {
        foreach (string id in StateDirectory.List(_flags.Root))
        {
            using Container? container = Container.TryOpen(_flags.Root, id);
            if (container is { State.IsForeground: true })
            {
                TakeOverAbandoned(id);
            }
        }
    }
}

/// <summary>Flags of <c>create</c> and <c>run</c>.</summary>
/// <param name="Id">Container id.</param>
/// <param name="Bundle">Bundle directory.</param>
/// <param name="ConsoleSocket">Whom the terminal's master is sent to.</param>
/// <param name="PidFile">File for the process id.</param>
/// <param name="Preserved">Open files to pass beside the standard streams.</param>
internal sealed record CreateOptions(string Id, string Bundle, string? ConsoleSocket, string? PidFile, int Preserved);
