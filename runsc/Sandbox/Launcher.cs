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
        Signals.SIGUSR1, Signals.SIGUSR2, Signals.SIGALRM];

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

        ControlChannel channel = new(control.Value);
        using Terminal? terminal = spec.Terminal ? Terminal.MakeRaw() : null;
        ForwardSignals(channel, terminal);
        if (terminal is not null && spec.TerminalRows == 0)
        {
            (spec.TerminalRows, spec.TerminalColumns) = terminal.Size();
        }

        List<SpawnedProcess> started = [];
        int[] statuses;
        Ending ending;
        try
        {
            // The Sentry first: it has more to do before they talk.
            started.Add(Sentries.Start(spec, sentryControl, sentryEnds, logFd));
            started.Add(Gofers.Start(_builder.AttachPoints, goferEnds));
            CloseAll(goferEnds);
            CloseAll(sentryEnds);
            sentryControl.Dispose();
            ending = AwaitEnd(channel, control.Value, started);
        }
        finally
        {
            statuses = EndAll(started);
        }

        return Conclude(ending, statuses[0], statuses[1]);
    }

    /// <summary>Ends all before waiting for any, so that the host takes them down side by side; their wait
    /// statuses.</summary>
    private static int[] EndAll(List<SpawnedProcess> processes)
    {
        foreach (SpawnedProcess process in processes)
        {
            HostWait.PidFdSendSignal(process.PidFd.Value, Signals.SIGKILL);
        }

        int[] statuses = new int[processes.Count];
        for (int i = 0; i < statuses.Length; i++)
        {
            statuses[i] = Reap(processes[i]);
        }

        return statuses;
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

    /// <summary>Waits for the Sentry's word, or until it or the gofer is no more: none of the three goes on without the
    /// others.</summary>
    private static Ending AwaitEnd(ControlChannel channel, int control, List<SpawnedProcess> processes)
    {
        Span<HostPollFd> polled = stackalloc HostPollFd[3];
        long timeoutNs = SettleNs;
        while (true)
        {
            polled[0] = new HostPollFd { Fd = control, Events = HostPoll.In };
            polled[1] = new HostPollFd { Fd = processes[0].PidFd.Value, Events = HostPoll.In };
            polled[2] = new HostPollFd { Fd = processes[1].PidFd.Value, Events = HostPoll.In };
            Errno errno = HostPoll.Poll(polled, timeoutNs, out int ready);
            if (errno == Errno.None && ready > 0)
            {
                // The last word may have come after poll looked at the channel and before it looked at the processes.
                return new Ending(channel.TakeWaiting(), polled[0].Revents == 0 && polled[1].Revents == 0);
            }

            if (errno == Errno.None)
            {
                ResidentMemory.Trim();
                timeoutNs = -1;
            }
        }
    }

    private static int Conclude(Ending ending, int sentryStatus, int goferStatus)
    {
        if (ending.Message is { Kind: ControlKind.Exited } message)
        {
            return StatusOf(message.Number);
        }

        // A gofer that ends of itself has printed its line already.
        bool hasSpoken = (goferStatus & 0x7f) == 0 && goferStatus != 0;
        if (hasSpoken)
        {
            throw new UserErrorException("");
        }

        if (ending.Message is { Kind: ControlKind.Failed } failure)
        {
            throw new UserErrorException(failure.Text ?? "the sandbox could not start", failure.Number);
        }

        if (ending.Message is { Kind: ControlKind.Crashed } crash)
        {
            string line = (crash.Text ?? "").Split('\n')[0];
            throw new UserErrorException("the sandbox failed: " + line, CommandStatus.SentryFailed);
        }

        bool goferFirst = ending.IsGoferFirst;
        int end = goferFirst ? goferStatus : sentryStatus;
        throw new UserErrorException("the " + (goferFirst ? "gofer" : "sandbox") + " ended unexpectedly (wait status "
            + end + "); --debug-log tells more", CommandStatus.SentryFailed);
    }

    /// <summary>How a sandbox ended.</summary>
    /// <param name="Message">The Sentry's last word, if it had one.</param>
    /// <param name="IsGoferFirst">The gofer was gone while the Sentry was there.</param>
    private readonly record struct Ending(ControlMessage? Message, bool IsGoferFirst);

    /// <summary>A wait status as the shell shows it.</summary>
    private static int StatusOf(int waitStatus)
    {
        const int SignalBase = 128;
        int signal = waitStatus & 0x7f;
        return signal != 0 ? SignalBase + signal : waitStatus >> 8 & 0xff;
    }

    private void ForwardSignals(ControlChannel channel, Terminal? terminal)
    {
        foreach (int signal in s_forwarded)
        {
            _registrations.Add(PosixSignalRegistration.Create((PosixSignal)signal, context =>
            {
                context.Cancel = true;
                channel.Send(new ControlMessage { Kind = ControlKind.Signal, Number = signal });
            }));
        }

        if (terminal is not null)
        {
            _registrations.Add(PosixSignalRegistration.Create(PosixSignal.SIGWINCH, _ =>
            {
                (ushort rows, ushort columns) = terminal.Size();
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
        Errno errno = HostFcntl.OpenAt(HostFcntl.AtFdCwd, path, Flags, OwnerOnly, out int fd);
        if (errno != Errno.None)
        {
            throw new UserErrorException("--debug-log: " + path + ": " + ErrorText.Describe(errno));
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
