using System;
using System.Collections.Generic;
using System.Globalization;
using System.Runtime.InteropServices;
using Abi.Linux;
using HostOs;
using Runsc.Cli;
using Runsc.Oci;
using Runsc.Sandbox;

namespace Runsc.Containers;

/// <summary>Another process in a running container: in the foreground, or with a small process of the host that stands
/// for it.</summary>
internal sealed class Execution
{
    private static readonly int[] s_forwarded = [Signals.SIGHUP, Signals.SIGINT, Signals.SIGQUIT, Signals.SIGTERM,
        Signals.SIGUSR1, Signals.SIGUSR2, Signals.SIGALRM];

    private readonly Container _container;
    private readonly ExecOptions _options;
    private readonly SandboxSpec _spec;

    internal Execution(Container container, ExecOptions options)
    {
        string? problem = container.Status switch
        {
            ContainerStatus.Stopped or ContainerStatus.Creating => "cannot exec in a stopped container",
            ContainerStatus.Paused when !options.IgnoresPause =>
                "cannot exec in a paused container (use --ignore-paused to override)",
            _ => null,
        };
        if (problem is not null)
        {
            throw new UserErrorException(problem);
        }

        _container = container;
        _options = options;
        _spec = Describe();
    }

    /// <summary>Runs it and waits; its exit status.</summary>
    internal int Run()
    {
        if (_options.ConsoleSocket is not null)
        {
            throw new UserErrorException("--console-socket: needs --detach");
        }

        using Terminal? terminal = _spec.Terminal ? Terminal.MakeRaw() : null;
        _spec.TypedAhead = terminal?.TypedAhead ?? [];
        if (terminal is not null && _spec.TerminalRows == 0)
        {
            (_spec.TerminalRows, _spec.TerminalColumns) = terminal.Size();
        }

        using ControlClient client = _container.Connect();
        Begin(client, null);
        WritePidFile(Environment.ProcessId);
        List<PosixSignalRegistration> registrations = Forward(client, terminal);
        ControlReply? reply = client.Receive();
        registrations.ForEach(static registration => registration.Dispose());
        return Launcher.StatusOf(reply is { Kind: ReplyKind.Ended } ended ? ended.Number : Signals.SIGKILL);
    }

    /// <summary>Runs it and leaves a waiting process behind.</summary>
    internal int Detach()
    {
        if (_spec.Terminal != _options.ConsoleSocket is not null)
        {
            throw new UserErrorException(_spec.Terminal ? "a detached terminal needs --console-socket"
                : "--console-socket: the process has no terminal");
        }

        using ConsolePair? console = _spec.Terminal ? ConsolePair.Open(_spec.TerminalRows, _spec.TerminalColumns)
            : null;
        using ControlClient client = _container.Connect();
        Begin(client, console?.Slave);
        console?.SendMaster(_options.ConsoleSocket!);
        SpawnedProcess waiter = ExecWaiter.Start(client.Socket, console?.Slave);
        waiter.PidFd.Dispose();
        WritePidFile(waiter.Pid);
        return 0;
    }

    /// <summary>Asks for the process; when this returns its program runs.</summary>
    private void Begin(ControlClient client, HostFd? terminal)
    {
        using HostFd document = Sentries.WriteDocument(_spec);
        using PassedStreams streams = new(terminal);
        using PreservedFiles preserved = new(_options.Preserved);
        ControlReply reply = client.Ask(new ControlRequest { Kind = RequestKind.Exec },
            [document.Value, .. streams.Numbers, .. preserved.Numbers]);
        if (_options.InternalPidFile is { } file)
        {
            PidFile.Write(file, reply.Number);
        }
    }

    private void WritePidFile(int pid)
    {
        if (_options.PidFile is { } file)
        {
            PidFile.Write(file, pid);
        }
    }

    private static List<PosixSignalRegistration> Forward(ControlClient client, Terminal? terminal)
    {
        List<PosixSignalRegistration> registrations = [];
        foreach (int signal in s_forwarded)
        {
            registrations.Add(PosixSignalRegistration.Create((PosixSignal)signal, context =>
            {
                context.Cancel = true;
                client.Send(new ControlRequest { Kind = RequestKind.Signal, Number = signal });
            }));
        }

        if (terminal is not null)
        {
            registrations.Add(PosixSignalRegistration.Create(PosixSignal.SIGWINCH, _ =>
            {
                (ushort rows, ushort columns) = terminal.Size();
                client.Send(new ControlRequest { Kind = RequestKind.WindowSize, Rows = rows, Columns = columns });
            }));
        }

        return registrations;
    }

    /// <summary>The process: that of the file, or the container's own with what the flags change.</summary>
    private SandboxSpec Describe()
    {
        ProcessSpec process;
        if (_options.ProcessFile is { } file)
        {
            process = SpecLoader.LoadProcess(file);
        }
        else
        {
            process = SpecLoader.Load(_container.State.Bundle).Process!;
            process.Terminal = false;
            process.ConsoleSize = null;
        }

        if (_options.ProcessFile is null && _options.Command.Length == 0)
        {
            throw new UserErrorException("process args cannot be empty");
        }

        SandboxSpec spec = new() { Kind = SandboxKind.Container };
        OciSandbox.SetProcess(spec, process);
        Change(spec);
        return spec;
    }

    private void Change(SandboxSpec spec)
    {
        if (_options.ProcessFile is null)
        {
            spec.Args = [.. _options.Command];
        }

        spec.Terminal |= _options.HasTerminal;
        spec.WorkingDirectory = _options.WorkingDirectory ?? spec.WorkingDirectory;
        spec.NoNewPrivileges |= _options.NoNewPrivileges;
        spec.Groups = [.. spec.Groups, .. _options.Groups];
        foreach (string entry in _options.Environment)
        {
            OciSandbox.SetVariable(spec.Environment, entry);
        }

        if (_options.User is { } user)
        {
            (spec.Uid, spec.Gid) = ParseUser(user);
        }

        List<string> names = [];
        foreach (string name in _options.Capabilities)
        {
            names.Add(name.ToUpperInvariant());
        }

        CapabilitiesSpec sets = new() { Permitted = names };
        Capabilities.Check("--cap", sets);
        ulong added = Capabilities.ToMask(names);
        spec.Bounding |= added;
        spec.Effective |= added;
        spec.Permitted |= added;
        spec.Inheritable |= added;
    }

    private static (uint Uid, uint Gid) ParseUser(string text)
    {
        string[] parts = text.Split(':');
        uint gid = 0;
        bool isNumbers = uint.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out uint uid)
            && (parts.Length == 1 || (parts.Length == 2
                && uint.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out gid)));
        return isNumbers ? (uid, gid) : throw new UserErrorException("--user: " + text + ": not UID[:GID]");
    }
}
