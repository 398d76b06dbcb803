using System;
using System.Globalization;
using System.Text;
using Abi.Linux;
using HostOs;

namespace Runsc.Containers;

/// <summary>AF_UNIX sockets with names of any length: the directory is reached through /proc/self/fd, because sun_path
/// takes 108 bytes only (unix(7)).</summary>
internal static class UnixSocket
{
    /// <summary>A listening SOCK_SEQPACKET socket in a directory.</summary>
    internal static Errno Listen(int directory, string name, out HostFd? listener)
    {
        const int Backlog = 64;
        listener = null;
        Errno errno = HostSocket.Socket(HostSocket.AfUnix, HostSocket.SeqPacket | HostSocket.Cloexec, 0, out int fd);
        if (errno != Errno.None)
        {
            return errno;
        }

        HostFd result = new(fd);
        errno = HostSocket.Bind(fd, Address(directory, name));
        errno = errno == Errno.None ? HostSocket.Listen(fd, Backlog) : errno;
        if (errno != Errno.None)
        {
            result.Dispose();
            return errno;
        }

        listener = result;
        return Errno.None;
    }

    /// <summary>Connects to a socket in a directory.</summary>
    internal static Errno Connect(int directory, string name, int type, out HostFd? connection)
    {
        connection = null;
        Errno errno = HostSocket.Socket(HostSocket.AfUnix, type | HostSocket.Cloexec, 0, out int fd);
        if (errno != Errno.None)
        {
            return errno;
        }

        HostFd result = new(fd);
        errno = HostSocket.Connect(fd, Address(directory, name));
        if (errno != Errno.None)
        {
            result.Dispose();
            return errno;
        }

        connection = result;
        return Errno.None;
    }

    /// <summary>Connects to a socket by its path.</summary>
    internal static Errno Connect(string path, int type, out HostFd? connection)
    {
        connection = null;
        int slash = path.LastIndexOf('/');
        string directory = slash < 0 ? "." : slash == 0 ? "/" : path[..slash];
        const int Flags = HostFcntl.Path | HostFcntl.Directory | HostFcntl.CloseOnExec;
        Errno errno = HostFcntl.OpenAt(HostFcntl.AtFdCwd, directory, Flags, 0, out int opened);
        if (errno != Errno.None)
        {
            return errno;
        }

        using HostFd fd = new(opened);
        return Connect(opened, path[(slash + 1)..], type, out connection);
    }

    /// <summary>struct sockaddr_un.</summary>
    private static byte[] Address(int directory, string name)
    {
        string path = "/proc/self/fd/" + directory.ToString(CultureInfo.InvariantCulture) + "/" + name;
        byte[] result = new byte[sizeof(ushort) + path.Length + 1];
        BitConverter.TryWriteBytes(result, (ushort)HostSocket.AfUnix);
        Encoding.Latin1.GetBytes(path, result.AsSpan(sizeof(ushort)));
        return result;
    }
}
