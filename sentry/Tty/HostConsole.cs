using System;
using System.Threading;
using Abi.Linux;
using HostOs;
using Sentry.Kernel;
using Sentry.Mm;

namespace Sentry.Tty;

/// <summary>
/// Joins the master side of a terminal to descriptors of the host: what comes in there is typed, what is shown goes
/// out. The host's terminal is in raw mode, so
/// that keys mean what the guest's line discipline says. Two threads, asleep while nothing happens.
/// </summary>
public sealed class HostConsole : IDisposable
{
    private const int StackBytes = 256 * 1024;
    private const int ChunkBytes = 4096;

    private readonly Terminal _terminal;
    private readonly int _inputFd;
    private readonly int _outputFd;
    private readonly HostFd _stop;
    private readonly Gate _shown = new();
    private readonly Gate _room = new();
    private readonly Thread _reader;
    private readonly Thread _writer;
    private readonly InputKind _inputKind;
    private readonly byte[] _typedAhead;
    private volatile bool _isStopping;

    private HostConsole(Terminal terminal, int inputFd, int outputFd, int stopFd, byte[]? typedAhead)
    {
        _typedAhead = typedAhead ?? [];
        _terminal = terminal;
        _inputFd = inputFd;
        _outputFd = outputFd;
        _stop = new HostFd(stopFd);
        Termios ignored = default;
        _inputKind = HostIoctl.Ioctl(inputFd, Ioctls.TCGETS, ref ignored) == Errno.None ? InputKind.Terminal
            : InputKind.Stream;
        _shown.Events = Epoll.EPOLLIN;
        _room.Events = Epoll.EPOLLOUT;
        _reader = new Thread(RunReader, StackBytes) { IsBackground = true, Name = "console-in" };
        _writer = new Thread(RunWriter, StackBytes) { IsBackground = true, Name = "console-out" };
    }

    /// <summary>Starts both directions; <paramref name="typedAhead"/> is typed first. The descriptors stay the
    /// caller's.</summary>
    public static Errno Start(Terminal terminal, int inputFd, int outputFd, out HostConsole? console,
        byte[]? typedAhead = null)
    {
        console = null;
        Errno error = HostPoll.EventFd(0, HostFcntl.CloseOnExec, out int stopFd);
        if (error != Errno.None)
        {
            return error;
        }

        console = new HostConsole(terminal, inputFd, outputFd, stopFd, typedAhead);
        terminal.MasterQueue.Add(console._shown);
        terminal.MasterQueue.Add(console._room);
        console._reader.Start();
        console._writer.Start();
        return Errno.None;
    }

    /// <summary>Writes out what is still shown, and ends.</summary>
    public void Dispose()
    {
        _isStopping = true;
        Span<byte> one = [1, 0, 0, 0, 0, 0, 0, 0];
        _ = HostUnistd.Write(_stop.Value, one, out _);
        _shown.Signal.Set();
        _room.Signal.Set();
        _writer.Join();
        _reader.Join();
        _terminal.MasterQueue.Remove(_shown);
        _terminal.MasterQueue.Remove(_room);
        _stop.Dispose();
    }

    private void RunReader()
    {
        byte[] buffer = new byte[ChunkBytes];
        Span<HostPollFd> polled = stackalloc HostPollFd[2];
        Type(_typedAhead);
        while (!_isStopping)
        {
            polled[0] = new HostPollFd { Fd = _inputFd, Events = HostPoll.In };
            polled[1] = new HostPollFd { Fd = _stop.Value, Events = HostPoll.In };
            Errno error = HostPoll.Poll(polled, -1, out _);
            if (error == Errno.EINTR || polled[0].Revents == 0)
            {
                continue;
            }

            error = HostUnistd.Read(_inputFd, buffer, out int got);
            if (error is Errno.EINTR or Errno.EAGAIN)
            {
                continue;
            }

            if (error != Errno.None || got <= 0)
            {
                // The caller's terminal is gone: to the guest that is a hang-up. A file or pipe has just ended.
                if (_inputKind == InputKind.Terminal)
                {
                    _terminal.HangUp();
                }

                return;
            }

            Type(buffer.AsSpan(0, got));
        }
    }

    private void Type(Span<byte> bytes)
    {
        IoSequence source = IoSequence.FromBuffer(bytes);
        Errno error = Errno.None;
        while (error == Errno.None && source.Remaining > 0 && !_isStopping)
        {
            error = _terminal.MasterWrite(ref source, out _);
            if (error == Errno.EAGAIN)
            {
                _room.Signal.WaitOne();
                error = Errno.None;
            }
        }
    }

    private void RunWriter()
    {
        byte[] buffer = new byte[ChunkBytes];
        while (true)
        {
            IoSequence destination = IoSequence.FromBuffer(buffer);
            Errno error = _terminal.MasterRead(ref destination, out long done);
            if (error == Errno.None && done > 0)
            {
                WriteAll(buffer.AsSpan(0, (int)done));
                continue;
            }

            if (_isStopping)
            {
                return;
            }

            _shown.Signal.WaitOne();
        }
    }

    private void WriteAll(ReadOnlySpan<byte> bytes)
    {
        Span<HostPollFd> polled = stackalloc HostPollFd[1];
        while (!bytes.IsEmpty)
        {
            Errno error = HostUnistd.Write(_outputFd, bytes, out int written);
            if (error == Errno.EAGAIN)
            {
                polled[0] = new HostPollFd { Fd = _outputFd, Events = HostPoll.Out };
                _ = HostPoll.Poll(polled, -1, out _);
            }
            else if (error is not (Errno.None or Errno.EINTR))
            {
                return;
            }

            bytes = error == Errno.None ? bytes[written..] : bytes;
        }
    }

    /// <summary>What the end of the input means.</summary>
    private enum InputKind
    {
        /// <summary>Nothing more is typed.</summary>
        Stream,

        /// <summary>A hang-up.</summary>
        Terminal,
    }

    /// <summary>Wakes one of the threads.</summary>
    private sealed class Gate : WaitEntry
    {
        public AutoResetEvent Signal { get; } = new(false);

        public override bool OnNotify(uint events)
        {
            Signal.Set();
            return true;
        }
    }
}
