using System;
using System.Globalization;
using Abi.Linux;
using HostOs;
using Runsc.Sandbox;
using Stub;

namespace Runsc.Containers;

/// <summary>
/// <c>runsc exec-wait TERMINAL</c>: internal. The process of the host that stands for a detached exec: it passes on
/// every signal it gets, and the size of its terminal, and ends as the process inside does. When it is killed its
/// connection closes, and the Sentry kills the process inside.
/// </summary>
internal static class ExecWaiter
{
    internal const string Name = "exec-wait";

    private const int ConnectionFd = 3;
    private const int TerminalFd = 4;

    /// <summary>Size of struct signalfd_siginfo (signalfd(2)); it begins with the signal's number.</summary>
    private const int SignalInfoBytes = 128;

    private const ulong AllSignals = ulong.MaxValue;

    /// <summary>Starts it over a connection on which the process inside was started.</summary>
    internal static SpawnedProcess Start(HostFd connection, HostFd? terminal)
    {
        SpawnRequest request = new("/proc/self/exe") { BlockedSignals = AllSignals };
        string number = (terminal is null ? -1 : TerminalFd).ToString(CultureInfo.InvariantCulture);
        request.Arguments.AddRange(["runsc-exec", Name, number]);
        request.Environment.AddRange(HostIds.Nursery);
        request.Descriptors.Add(new FdMap(connection.Value, ConnectionFd));
        request.ExtraCalls.Add(HostIds.OwnSession());
        if (terminal is not null)
        {
            request.Descriptors.Add(new FdMap(terminal.Value, TerminalFd));
            ScriptEntry call = new(SysNr.ioctl, (ulong)terminal.Value, Ioctls.TIOCSCTTY);
            request.ExtraCalls.Add(("ioctl(TIOCSCTTY)", call));
        }

        return HostIds.Start(request);
    }

    internal static int Run(string[] args)
    {
        int terminal = int.Parse(args[1], CultureInfo.InvariantCulture);
        const int Flags = HostFcntl.CloseOnExec | HostFcntl.NonBlock;
        using ControlClient client = ControlClient.Over(new HostFd(ConnectionFd));
        if (HostSignal.SignalFd(-1, AllSignals, Flags, out int signals) != Errno.None)
        {
            return CommandStatus.SentryFailed;
        }

        SendSize(client, terminal);
        ResidentMemory.Trim();
        Span<HostPollFd> polled = stackalloc HostPollFd[2];
        while (true)
        {
            polled[0] = new HostPollFd { Fd = ConnectionFd, Events = HostPoll.In };
            polled[1] = new HostPollFd { Fd = signals, Events = HostPoll.In };
            if (HostPoll.Poll(polled, -1, out _) != Errno.None)
            {
                continue;
            }

            if (polled[1].Revents != 0)
            {
                ForwardSignals(client, signals, terminal);
            }

            if (polled[0].Revents != 0)
            {
                return client.Receive() is { Kind: ReplyKind.Ended } ended ? Launcher.StatusOf(ended.Number)
                    : Launcher.StatusOf(Signals.SIGKILL);
            }
        }
    }

    private static void ForwardSignals(ControlClient client, int signals, int terminal)
    {
        Span<byte> information = stackalloc byte[SignalInfoBytes];
        while (HostUnistd.Read(signals, information, out int done) == Errno.None && done == SignalInfoBytes)
        {
            int signal = BitConverter.ToInt32(information);
            if (signal == Signals.SIGWINCH && terminal >= 0)
            {
                SendSize(client, terminal);
            }
            else if (signal is not (Signals.SIGCHLD or Signals.SIGWINCH))
            {
                client.Send(new ControlRequest { Kind = RequestKind.Signal, Number = signal });
            }
        }
    }

    private static void SendSize(ControlClient client, int terminal)
    {
        Winsize size = default;
        bool isKnown = terminal >= 0 && HostIoctl.Ioctl(terminal, Ioctls.TIOCGWINSZ, ref size) == Errno.None
            && size.ws_row != 0;
        if (isKnown)
        {
            client.Send(new ControlRequest { Kind = RequestKind.WindowSize, Rows = size.ws_row, Columns =
                size.ws_col });
        }
    }
}
