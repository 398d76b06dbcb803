using System;
using System.Collections.Generic;
using System.Threading;
using Abi.Linux;
using HostOs;
using Runsc.Sandbox;

namespace Runsc.Boot;

/// <summary>
/// The Sentry's ear: the launcher's channel, the control socket with a thread per connection, the size of the host's
/// terminal, and whether the gofer lives.
/// </summary>
internal sealed class ControlServer
{
    private const int StackBytes = 256 * 1024;
    private const int MaxSessions = 256;

    /// <summary>How long the end of the sandbox waits for the last words of its exec sessions.</summary>
    private const int FarewellMs = 2000;

    /// <summary>Signals that the host's terminal sends to the leader of its session; blocked from the first
    /// instruction.</summary>
    internal const ulong TerminalSignals = 1UL << (Signals.SIGWINCH - 1) | 1UL << (Signals.SIGHUP - 1);

    private readonly SandboxSpec _spec;
    private readonly SandboxLife _life;
    private readonly ControlChannel _channel;
    private readonly Lock _lock = new();

    // Guarded by _lock.
    private readonly HashSet<ControlSession> _sessions = [];
    private readonly List<int> _waiters = [];
    private int _endedStatus = -1;

    /// <summary>The containers that joined.</summary>
    internal Members Members { get; } = new();

    private int _channelFd;
    private int _terminalSignalFd = -1;
    private bool _isDetached;

    internal ControlServer(SandboxSpec spec, SandboxLife life, ControlChannel channel)
    {
        _spec = spec;
        _life = life;
        _channel = channel;
        _channelFd = spec.ControlFd;
    }

    /// <summary>What must happen before the system-call filter stands.</summary>
    internal Errno Prepare() => _spec.Terminal && _spec.ListenerFd >= 0
        ? HostSignal.SignalFd(-1, TerminalSignals, HostFcntl.CloseOnExec | HostFcntl.NonBlock, out _terminalSignalFd)
        : Errno.None;

    /// <summary>Begins to listen.</summary>
    internal void Start() => new Thread(Listen, StackBytes) { IsBackground = true, Name = "control" }.Start();

    /// <summary>Tells all who wait that the first process ended, and lets exec sessions say their last.</summary>
    internal void Finish(int waitStatus)
    {
        List<ControlSession> open;
        lock (_lock)
        {
            _endedStatus = waitStatus;
            foreach (int socket in _waiters)
            {
                SendEnded(socket, waitStatus);
            }

            open = [.. _sessions];
        }

        long deadline = Environment.TickCount64 + FarewellMs;
        foreach (ControlSession session in open)
        {
            session.AwaitEnd((int)Math.Max(0, deadline - Environment.TickCount64));
        }
    }

    /// <summary>From now on, or at once when it has happened, <paramref name="socket"/> hears of the end.</summary>
    internal void AddWaiter(int socket)
    {
        lock (_lock)
        {
            if (_endedStatus >= 0)
            {
                SendEnded(socket, _endedStatus);
            }

            _waiters.Add(socket);
        }
    }

    internal void Remove(ControlSession session, int socket)
    {
        lock (_lock)
        {
            _waiters.RemoveAll(waiter => waiter == socket);
            _sessions.Remove(session);
        }

        Members.RemoveWaiter(socket);
    }

    /// <summary>Tells of an end, to whoever still listens.</summary>
    internal static void SendEnded(int socket, int waitStatus) =>
        Packets.Send(socket, new ControlReply { Kind = ReplyKind.Ended, Number = waitStatus }.ToJson(), default,
            HostSocket.MsgDontWait);

    private void Listen()
    {
        Span<HostPollFd> polled = stackalloc HostPollFd[4];
        while (true)
        {
            polled[0] = new HostPollFd { Fd = _channelFd, Events = HostPoll.In };
            polled[1] = new HostPollFd { Fd = _spec.ListenerFd, Events = HostPoll.In };
            polled[2] = new HostPollFd { Fd = _terminalSignalFd, Events = HostPoll.In };
            polled[3] = new HostPollFd { Fd = _isDetached ? _spec.GoferFds[0] : -1 };
            if (HostPoll.Poll(polled, -1, out _) != Errno.None)
            {
                continue;
            }

            if (polled[0].Revents != 0)
            {
                HearLauncher();
            }

            if (polled[1].Revents != 0)
            {
                Accept();
            }

            if (polled[2].Revents != 0)
            {
                HearTerminal();
            }

            if (polled[3].Revents != 0)
            {
                // Files would fail one after the other: the sandbox ends with its gofer.
                HostUnistd.ExitGroup(CommandStatus.SentryFailed);
            }
        }
    }

    private void HearLauncher()
    {
        switch (_channel.Receive())
        {
            case { Kind: ControlKind.Start }:
                _life.Start();
                break;
            case { Kind: ControlKind.Signal } message:
                _life.Signal(message.Number);
                break;
            case { Kind: ControlKind.WindowSize } message:
                _life.Composer.Resize(message.Rows, message.Columns);
                break;
            case { Kind: ControlKind.Detach }:
                _isDetached = true;
                _channel.Close();
                _channelFd = -1;
                break;
            default:
                // The launcher is gone before it let the sandbox go.
                HostUnistd.ExitGroup(BootCommand.FailedStatus);
                break;
        }
    }

    private void Accept()
    {
        if (HostSocket.Accept4(_spec.ListenerFd, HostSocket.Cloexec, out int connection) != Errno.None)
        {
            return;
        }

        ControlSession session = new(this, _life, connection);
        lock (_lock)
        {
            if (_sessions.Count >= MaxSessions)
            {
                HostUnistd.Close(connection);
                return;
            }

            _sessions.Add(session);
        }

        session.Start(StackBytes);
    }

    /// <summary>SIGWINCH: pass the size on. SIGHUP: the console's reader sees the hang-up itself.</summary>
    private void HearTerminal()
    {
        Span<byte> information = stackalloc byte[128];
        while (HostUnistd.Read(_terminalSignalFd, information, out int done) == Errno.None && done > 0)
        {
        }

        Winsize size = default;
        if (HostIoctl.Ioctl(0, Ioctls.TIOCGWINSZ, ref size) == Errno.None)
        {
            _life.Composer.Resize(size.ws_row, size.ws_col);
        }
    }
}
