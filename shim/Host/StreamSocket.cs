using System;
using System.Text;
using Abi.Linux;
using HostOs;

namespace Shim.Host;

/// <summary>AF_UNIX stream sockets by path (unix(7)).</summary>
internal static class StreamSocket
{
    private const int PathBytes = 108;
    private const int Backlog = 64;

    internal static Errno Listen(string path, out HostFd? listener) => Open(path, HowToOpen.Listen,
        out listener);

    internal static Errno Connect(string path, out HostFd? connection) => Open(path, HowToOpen.Connect,
        out connection);

    private static Errno Open(string path, HowToOpen how, out HostFd? socket)
    {
        socket = null;
        byte[] name = Encoding.UTF8.GetBytes(path);
        if (name.Length >= PathBytes)
        {
            return Errno.ENAMETOOLONG;
        }

        byte[] address = new byte[sizeof(ushort) + name.Length + 1];
        BitConverter.TryWriteBytes(address, (ushort)HostSocket.AfUnix);
        name.CopyTo(address.AsSpan(sizeof(ushort)));
        Errno errno = HostSocket.Socket(HostSocket.AfUnix, HostSocket.Stream | HostSocket.Cloexec, 0, out int fd);
        if (errno != Errno.None)
        {
            return errno;
        }

        HostFd result = new(fd);
        errno = how == HowToOpen.Connect ? HostSocket.Connect(fd, address) : HostSocket.Bind(fd, address);
        errno = errno == Errno.None && how == HowToOpen.Listen ? HostSocket.Listen(fd, Backlog) : errno;
        if (errno != Errno.None)
        {
            result.Dispose();
            return errno;
        }

        socket = result;
        return Errno.None;
    }

    private enum HowToOpen
    {
        Listen,
        Connect,
    }
}
