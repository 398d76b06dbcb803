using System;
using System.Collections.Generic;
using Abi.Linux;
using HostOs;
using Runsc.Oci;
using static Abi.Linux.Ioctls;
using static Abi.Linux.Termbits;

namespace Runsc.Sandbox;

/// <summary>The caller's terminal: raw while a sandbox with a terminal of its own runs on it, restored
/// afterwards, even if the launcher is killed.</summary>
internal sealed class Terminal : IDisposable
{
    private readonly int _fd;
    private Termios _saved;
    private TerminalGuard? _guard;
    private bool _isRaw;

    private Terminal(int fd) => _fd = fd;

    /// <summary>True when both standard input and output are terminals, and the caller is in the foreground: a job in
    /// the background that sets a terminal's modes or reads is stopped (tcsetattr(3), termios(3)).</summary>
    internal static bool IsInteractive => IsTerminal(0) && IsTerminal(1) && IsForeground(0);

    /// <summary>
    /// Puts the terminal that one of the standard streams is into raw mode (cfmakeraw of termios(3)), remembering how
    /// it was. Without one there is nothing to show the container's terminal on: a user error.
    /// </summary>
    internal static Terminal MakeRaw()
    {
        int fd = 0;
        while (fd < 3 && !IsTerminal(fd))
        {
            fd++;
        }

        if (fd == 3)
        {
            throw new UserErrorException("process.terminal: no standard stream of the caller is a terminal");
        }

        Terminal terminal = new(fd);
        HostIoctl.Ioctl(fd, TCGETS, ref terminal._saved);
        terminal._guard = TerminalGuard.Start(fd, terminal._saved);
        if ((terminal._saved.c_lflag & ICANON) != 0)
        {
            terminal.ReadAhead();
        }

        Termios raw = terminal._saved;
        ToRaw(ref raw);
        terminal._isRaw = HostIoctl.Ioctl(fd, TCSETS, ref raw) == Errno.None;
        return terminal;
    }

    /// <summary>What was typed before the terminal became raw.</summary>
    internal byte[] TypedAhead { get; private set; } = [];

    /// <summary>Takes the lines that are there. An end of input among them would be a NUL once the terminal is raw
    /// (drivers/tty/n_tty.c, n_tty_receive_char_special), so it is kept as the character that typed it.</summary>
    private void ReadAhead()
    {
        const int MaxCanon = 4096;
        List<byte> typed = [];
        byte[] line = new byte[MaxCanon];
        Span<HostPollFd> polled = stackalloc HostPollFd[1];
        while (typed.Count < MaxCanon)
        {
            polled[0] = new HostPollFd { Fd = _fd, Events = HostPoll.In };
            bool isThere = HostPoll.Poll(polled, 0, out int ready) == Errno.None && ready > 0
                && polled[0].Revents == HostPoll.In;
            if (!isThere || HostUnistd.Read(_fd, line, out int got) != Errno.None)
            {
                break;
            }

            typed.AddRange(got > 0 ? line[..got] : [_saved.c_cc[VEOF]]);
        }

        TypedAhead = [.. typed];
    }

    /// <summary>Settings as cfmakeraw(3) makes them.</summary>
    internal static void ToRaw(ref Termios raw)
    {
        raw.c_iflag &= ~(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
        raw.c_oflag &= ~OPOST;
        raw.c_cflag = (raw.c_cflag & ~(CSIZE | PARENB)) | CS8;
        raw.c_lflag &= ~(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
        raw.c_cc[VMIN] = 1;
        raw.c_cc[VTIME] = 0;
    }

    /// <summary>Size in characters, 0 x 0 when unknown.</summary>
    internal (ushort Rows, ushort Columns) Size()
    {
        Winsize size = default;
        return HostIoctl.Ioctl(_fd, TIOCGWINSZ, ref size) == Errno.None ? (size.ws_row, size.ws_col)
            : ((ushort)0, (ushort)0);
    }

    /// <summary>Restores the terminal.</summary>
    public void Dispose()
    {
        if (_isRaw)
        {
            Restore();
        }

        _guard?.Dispose();
        _guard = null;
    }

    private void Restore()
    {
        // With SIGTTOU blocked the call works from the background too (tcsetattr(3), tty_check_change).
        const int Block = 0;
        const int Set = 2;
        HostSignal.SetMask(Block, 1UL << (Signals.SIGTTOU - 1), out ulong old);
        HostIoctl.Ioctl(_fd, TCSETSW, ref _saved);
        HostSignal.SetMask(Set, old, out _);
        _isRaw = false;
    }

    private static bool IsForeground(int fd)
    {
        // A terminal that is not the controlling one (ENOTTY) stops nobody.
        int group = 0;
        return HostIoctl.Ioctl(fd, TIOCGPGRP, ref group) != Errno.None || group == HostUnistd.GetProcessGroup();
    }

    private static bool IsTerminal(int fd)
    {
        Termios ignored = default;
        return HostIoctl.Ioctl(fd, TCGETS, ref ignored) == Errno.None;
    }
}
