using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using Abi.Linux;
using HostOs;
using Runsc.Cli;
using Runsc.Oci;

namespace Runsc.Sandbox;

/// <summary>
/// Starts the gofer and the Sentry of one sandbox, passes the caller's signals and terminal size on, and waits for
/// the end.
/// </summary>
internal sealed class Launcher : IDisposable
{
    private static readonly int[] s_forwarded = [Signals.SIGHUP, Signals.SIGINT, Signals.SIGQUIT, Signals.SIGTERM,
        Signals.SIGUSR1, Signals.SIGUSR2];

    /// <summary>A launcher that has waited so long gives back what starting took.</summary>
    private const long SettleNs = 1_000_000_000;

    private readonly SandboxBuilder _builder;
    private readonly GlobalFlags.Values _flags;
    private readonly List<HostFd> _owned = [];
    private readonly List<PosixSignalRegistration> _registrations = [];

    private Launcher(SandboxBuilder builder, GlobalFlags.Values flags)
    {
        _builder = builder;
        _flags = flags;
    }

    /// <summary>Runs the sandbox to its end; the result is the exit status of its first process (128 + signal number
    /// if one killed it).</summary>
    internal static int Run(SandboxBuilder builder, GlobalFlags.Values flags)
    {
        using Launcher launcher = new(builder, flags);
        return launcher.Run();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (PosixSignalRegistration registration in _registrations)
        {
            registration.Dispose();
        }

        foreach (HostFd fd in _owned)
        {
            fd.Dispose();
        }
    }

    private int Run()
    {
        SandboxSpec spec = _builder.Spec;
        spec.Platform = _flags.Platform;
        spec.Strace = _flags.Strace;
        spec.CountCalls = _flags.CountCalls;
        int logFd = OpenDebugLog();
        (HostFd control, HostFd sentryControl) = MakePair();
        List<HostFd> goferEnds = [];
        List<HostFd> sentryEnds = [];
        for (int i = 0; i < Gofers.ChannelCount; i++)
        {
            (HostFd goferEnd, HostFd sentryEnd) = MakePair();
            goferEnds.Add(goferEnd);
            sentryEnds.Add(sentryEnd);
        }

        if (spec.Terminal && spec.TerminalRows == 0)
        {
            (spec.TerminalRows, spec.TerminalColumns) = Terminal.Size();
        }

        ControlChannel channel = new(control.Value);
        using Terminal? terminal = spec.Terminal ? Terminal.MakeRaw() : null;
        ForwardSignals(channel, spec.Terminal);
        List<SpawnedProcess> started = [];
        try
        {
            // The Sentry first: it has more to do before they talk.
            started.Add(Sentries.Start(spec, sentryControl, sentryEnds, logFd));
            started.Add(Gofers.Start(_builder.AttachPoints, goferEnds));
            CloseAll(goferEnds);
            CloseAll(sentryEnds);
            sentryControl.Dispose();
            return AwaitEnd(channel, started);
        }
        finally
        {
            EndAll(started);
        }
    }

    /// <summary>Ends all before waiting for any, so that the host takes them down side by side.</summary>
    private static void EndAll(List<SpawnedProcess> processes)
    {
        foreach (SpawnedProcess process in processes)
        {
            HostWait.PidFdSendSignal(process.PidFd.Value, Signals.SIGKILL);
        }

        foreach (SpawnedProcess process in processes)
        {
            Reap(process);
        }
    }

    private static void CloseAll(List<HostFd> fds)
    {
        foreach (HostFd fd in fds)
        {
            fd.Dispose();
        }
    }

    /// <summary>Waits for its end; the result is its wait status.</summary>
    private static int Reap(SpawnedProcess process)
    {
        int status;
        while (HostWait.Wait4(process.Pid, HostWait.All, out status, out _) == Errno.EINTR)
        {
        }

        process.PidFd.Dispose();
        return status;
    }

    /// <summary>
    /// Waits for the Sentry's last words, after which it has nothing left to do. A Sentry without any is taken off the
    /// list of those still to be ended.
    /// </summary>
    private static int AwaitEnd(ControlChannel channel, List<SpawnedProcess> started)
    {
        if (!channel.Wait(SettleNs))
        {
            ResidentMemory.Trim();
        }

        ControlMessage? message = channel.Receive();
        if (message?.Kind == ControlKind.Exited)
        {
            return StatusOf(message.Number);
        }

        SpawnedProcess sentry = started[0];
        started.RemoveAt(0);
        HostWait.PidFdSendSignal(sentry.PidFd.Value, Signals.SIGKILL);
        int end = Reap(sentry);
        return message?.Kind switch
        {
            ControlKind.Failed => throw new UserErrorException(message.Text ?? "the sandbox could not start"),
            ControlKind.Crashed => throw new UserErrorException(
                "the sandbox failed: " + FirstLine(message.Text), CommandStatus.SentryFailed),
            _ => throw new UserErrorException(
                "the sandbox ended unexpectedly (wait status " + end + "); --debug-log tells more",
                CommandStatus.SentryFailed),
        };
    }

    private static string FirstLine(string? text) => (text ?? "").Split('\n')[0];

    /// <summary>A wait status as the shell shows it.</summary>
    private static int StatusOf(int waitStatus)
    {
        const int SignalBase = 128;
        int signal = waitStatus & 0x7f;
        return signal != 0 ? SignalBase + signal : waitStatus >> 8 & 0xff;
    }

    private void ForwardSignals(ControlChannel channel, bool hasTerminal)
    {
        foreach (int signal in s_forwarded)
        {
            _registrations.Add(PosixSignalRegistration.Create((PosixSignal)signal, context =>
            {
                context.Cancel = true;
                channel.Send(new ControlMessage { Kind = ControlKind.Signal, Number = signal });
            }));
        }

        if (hasTerminal)
        {
            _registrations.Add(PosixSignalRegistration.Create(PosixSignal.SIGWINCH, _ =>
            {
                (ushort rows, ushort columns) = Terminal.Size();
                channel.Send(new ControlMessage { Kind = ControlKind.WindowSize, Rows = rows, Columns = columns });
            }));
        }
    }

    private int OpenDebugLog()
    {
        if (_flags.DebugLog is not { } path)
        {
            return -1;
        }

        const int Flags = HostFcntl.WriteOnly | HostFcntl.Create | HostFcntl.Append | HostFcntl.CloseOnExec;
        const int OwnerOnly = 0x180;
        Errno errno = HostFcntl.OpenAt(HostFcntl.AtFdCwd, ByteStrings.FromText(path), Flags, OwnerOnly, out int fd);
        if (errno != Errno.None)
        {
            throw new UserErrorException("--debug-log: " + path + ": " + errno);
        }

        _owned.Add(new HostFd(fd));
        return fd;
    }

    private (HostFd First, HostFd Second) MakePair()
    {
        Errno errno = HostSocket.SocketPair(HostSocket.AfUnix, HostSocket.SeqPacket | HostSocket.Cloexec, 0,
            out int first, out int second);
        if (errno != Errno.None)
        {
            throw new UserErrorException("cannot make a socket pair: " + errno);
        }

        HostFd one = new(first);
        HostFd other = new(second);
        _owned.Add(one);
        _owned.Add(other);
        return (one, other);
    }
}
