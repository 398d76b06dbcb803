using System;
using Abi.Linux;
using HostOs;
using static Abi.Linux.Ioctls;
using static Abi.Linux.Termbits;

namespace Runsc.Sandbox;

/// <summary>The caller's terminal: raw while a sandbox with a terminal of its own runs on it, restored
/// afterwards.</summary>
internal sealed class Terminal : IDisposable
{
    private const int StandardInput = 0;

    private Termios _saved;
    private bool _isRaw;

    /// <summary>True when both standard input and output are terminals.</summary>
    internal static bool IsInteractive => HasTerminal(0) && HasTerminal(1);

    /// <summary>Puts the terminal into raw mode (cfmakeraw of termios(3)), remembering how it was.</summary>
    internal static Terminal MakeRaw()
    {
        Terminal terminal = new();
        if (HostIoctl.Ioctl(StandardInput, TCGETS, ref terminal._saved) != Errno.None)
        {
            return terminal;
        }

        Termios raw = terminal._saved;
        raw.c_iflag &= ~(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
        raw.c_oflag &= ~OPOST;
        raw.c_cflag = (raw.c_cflag & ~(CSIZE | PARENB)) | CS8;
        raw.c_lflag &= ~(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
        raw.c_cc[VMIN] = 1;
        raw.c_cc[VTIME] = 0;
        terminal._isRaw = HostIoctl.Ioctl(StandardInput, TCSETS, ref raw) == Errno.None;
        return terminal;
    }

    /// <summary>Size in characters, 0 x 0 when unknown.</summary>
    internal static (ushort Rows, ushort Columns) Size()
    {
        Winsize size = default;
        return HostIoctl.Ioctl(StandardInput, TIOCGWINSZ, ref size) == Errno.None ? (size.ws_row, size.ws_col)
            : ((ushort)0, (ushort)0);
    }

    /// <summary>Restores the terminal.</summary>
    public void Dispose()
    {
        if (_isRaw)
        {
            HostIoctl.Ioctl(StandardInput, TCSETSW, ref _saved);
            _isRaw = false;
        }
    }

    private static bool HasTerminal(int fd)
    {
        Termios ignored = default;
        return HostIoctl.Ioctl(fd, TCGETS, ref ignored) == Errno.None;
    }
}
