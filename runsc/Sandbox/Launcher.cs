using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using Abi.Linux;
using HostOs;
using Runsc.Boot;
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

    private readonly SandboxProcesses _processes = SandboxProcesses.Prepare();
    private readonly List<PosixSignalRegistration> _registrations = [];

    private Launcher()
    {
    }

    /// <summary>Runs the sandbox to its end; the result is the exit status of its first process (128 + signal number
    /// if one killed it).</summary>
    /// <param name="builder">What to run.</param>
    /// <param name="flags">How.</param>
    /// <param name="wiring">What it gets from the host.</param>
    /// <param name="onCreated">When the specification says that the program waits: called when all else is there, and
    /// before the program runs.</param>
    /// <param name="onStarted">Called after that.</param>
    internal static int Run(SandboxBuilder builder, GlobalFlags.Values flags, SandboxWiring wiring,
        Action<SandboxProcesses>? onCreated = null, Action? onStarted = null)
    {
        using Launcher launcher = new();
        return launcher.RunToEnd(builder, flags, wiring, onCreated, onStarted);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (PosixSignalRegistration registration in _registrations)
        {
            registration.Dispose();
        }

        _processes.Dispose();
    }

    private int RunToEnd(SandboxBuilder builder, GlobalFlags.Values flags, SandboxWiring wiring,
        Action<SandboxProcesses>? onCreated, Action? onStarted)
    {
        SandboxSpec spec = builder.Spec;
        using Terminal? terminal = spec.Terminal ? Terminal.MakeRaw() : null;
        ForwardSignals(_processes.Channel, terminal);
        spec.TypedAhead = terminal?.TypedAhead ?? [];
        if (terminal is not null && spec.TerminalRows == 0)
        {
            (spec.TerminalRows, spec.TerminalColumns) = terminal.Size();
        }

        int[] statuses;
        Ending ending;
        try
        {
            _processes.Start(builder, flags, wiring);
            ending = AwaitEnd();
            if (ending.Message is { Kind: ControlKind.Created })
            {
                onCreated!(_processes);
                _processes.Channel.Send(new ControlMessage { Kind = ControlKind.Start });
                onStarted!();
                ending = AwaitEnd();
            }
        }
        finally
        {
            DebugLog log = new(wiring.LogFd, Program.StartedAt);
            log.Step("launcher: the sandbox's last word");
            statuses = _processes.End();
            log.Step("launcher: processes gone");
        }

        if (ending.Message is null && Left(wiring.ExitFile) is { } left)
        {
            return StatusOf(left);
        }

        return Conclude(ending, statuses[0], statuses[1], _processes.GoferSaid());
    }

    /// <summary>The wait status in an exit file: the Sentry's last word, or of who ended the sandbox by <c>kill</c> or
    /// <c>delete</c>. Null when there is none.</summary>
    private static int? Left(HostFd? exitFile)
    {
        byte[] word = new byte[sizeof(int)];
        bool isThere = exitFile is not null && HostUnistd.Pread(exitFile.Value, word, 0, out int done) == Errno.None
            && done == word.Length;
        return isThere ? BitConverter.ToInt32(word) : null;
    }

    /// <summary>Waits until the sandbox that is to outlive this process is created, or throws why it is
    /// not.</summary>
    internal static void AwaitCreated(SandboxProcesses processes)
    {
        Ending ending = AwaitEnd(processes);
        if (ending.Message is not { Kind: ControlKind.Created })
        {
            int[] statuses = processes.End();
            _ = Conclude(ending, statuses[0], statuses[1], processes.GoferSaid());
            throw new UserErrorException("the sandbox ended before it was created");
        }
    }

    private Ending AwaitEnd() => AwaitEnd(_processes);

    /// <summary>Waits for the Sentry's word, or until it or the gofer is no more: none of the three goes on without the
    /// others.</summary>
    private static Ending AwaitEnd(SandboxProcesses processes)
    {
        Span<HostPollFd> polled = stackalloc HostPollFd[3];
        long timeoutNs = SettleNs;
        while (true)
        {
            polled[0] = new HostPollFd { Fd = processes.ChannelFd, Events = HostPoll.In };
            polled[1] = new HostPollFd { Fd = processes.Sentry.PidFd.Value, Events = HostPoll.In };
            polled[2] = new HostPollFd { Fd = processes.Gofer.PidFd.Value, Events = HostPoll.In };
            Errno errno = HostPoll.Poll(polled, timeoutNs, out int ready);
            if (errno == Errno.None && ready > 0)
            {
                // The last word may have come after poll looked at the channel and before it looked at the processes.
                return new Ending(processes.Channel.TakeWaiting(), polled[0].Revents == 0 && polled[1].Revents == 0);
            }

            if (errno == Errno.None)
            {
                ResidentMemory.Trim();
                timeoutNs = -1;
            }
        }
    }

    private static int Conclude(Ending ending, int sentryStatus, int goferStatus, string goferSaid)
    {
        if (ending.Message is { Kind: ControlKind.Exited } message)
        {
            return StatusOf(message.Number);
        }

        // A gofer that ends of itself has printed its line already.
        bool hasSpoken = (goferStatus & 0x7f) == 0 && goferStatus != 0;
        if (hasSpoken)
        {
            throw new UserErrorException(goferSaid);
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
        throw new UserErrorException("the " + (goferFirst ? "gofer" : "sandbox") + " ended unexpectedly ("
            + InWords(end) + "); --debug-log tells more", CommandStatus.SentryFailed);
    }

    private static string InWords(int waitStatus)
    {
        int signal = waitStatus & 0x7f;
        return signal == Signals.SIGKILL ? "killed: by somebody, or because the host's memory or its limit was short"
            : signal != 0 ? "signal " + signal
            : "exit status " + (waitStatus >> 8 & 0xff);
    }

    /// <summary>How a sandbox ended.</summary>
    /// <param name="Message">The Sentry's last word, if it had one.</param>
    /// <param name="IsGoferFirst">The gofer was gone while the Sentry was there.</param>
    private readonly record struct Ending(ControlMessage? Message, bool IsGoferFirst);

    /// <summary>A wait status as the shell shows it.</summary>
    internal static int StatusOf(int waitStatus)
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
}
