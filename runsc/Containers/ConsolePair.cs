using System;
using System.Text;
using Abi.Linux;
using HostOs;
using Runsc.Oci;
using static Abi.Linux.Ioctls;
using static Abi.Linux.Termbits;

namespace Runsc.Containers;

/// <summary>A pseudo terminal of the host for a container with <c>--console-socket</c>: the master goes to the
/// engine, the
/// slave to the Sentry, raw, because the container's own terminal knows what keys mean.</summary>
internal sealed class ConsolePair : IDisposable
{
    private readonly HostFd _master;

    private ConsolePair(HostFd master, HostFd slave)
    {
        _master = master;
        Slave = slave;
    }

    internal HostFd Slave { get; }

    /// <summary>Makes a pair of the size (0 x 0: none).</summary>
    internal static ConsolePair Open(ushort rows, ushort columns)
    {
        const int Flags = HostFcntl.ReadWrite | HostFcntl.NoCtty | HostFcntl.CloseOnExec;
        int unlocked = 0;
        int slave = -1;
        Errno errno = HostFcntl.OpenAt(HostFcntl.AtFdCwd, "/dev/ptmx", Flags, 0, out int master);
        HostFd owned = new(master);
        errno = errno == Errno.None ? HostIoctl.Ioctl(master, TIOCSPTLCK, ref unlocked) : errno;
        errno = errno == Errno.None ? HostIoctl.Ioctl(master, TIOCGPTPEER, Flags | HostFcntl.NonBlock, out slave)
            : errno;
        if (errno != Errno.None)
        {
            owned.Dispose();
            throw new UserErrorException("cannot make a pseudo terminal: " + ErrorText.Describe(errno));
        }

        Termios settings = default;
        HostIoctl.Ioctl(slave, TCGETS, ref settings);
        Sandbox.Terminal.ToRaw(ref settings);
        HostIoctl.Ioctl(slave, TCSETS, ref settings);
        Winsize size = new() { ws_row = rows, ws_col = columns };
        if (rows != 0)
        {
            HostIoctl.Ioctl(master, TIOCSWINSZ, ref size);
        }

        return new ConsolePair(owned, new HostFd(slave));
    }

    /// <summary>Sends the master to whom listens on the socket.</summary>
    internal void SendMaster(string socketPath)
    {
        Errno errno = UnixSocket.Connect(socketPath, HostSocket.Stream, out HostFd? connection);
        using (connection)
        {
            byte[] name = Encoding.ASCII.GetBytes("/dev/ptmx");
            errno = errno == Errno.None
                ? HostSocket.Send(connection!.Value, name, [_master.Value], 0, out _)
                : errno;
        }

        if (errno != Errno.None)
        {
            throw new UserErrorException("--console-socket: " + socketPath + ": " + ErrorText.Describe(errno));
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Slave.Dispose();
        _master.Dispose();
    }
}
