using System;
using System.Globalization;
using Abi.Linux;
using HostOs;

namespace Shim.Host;

/// <summary>
/// Where the runtime sends the master of a terminal (<c>--console-socket</c>). Its name goes through our list of
/// descriptors: a bundle's path is longer than sun_path takes (unix(7)).
/// </summary>
internal sealed class ConsoleSocket : IDisposable
{
    private const int DirectoryFlags = HostFcntl.Path | HostFcntl.Directory | HostFcntl.CloseOnExec;

    private readonly HostFd _directory;
    private readonly HostFd _listener;
    private readonly string _name;

    private ConsoleSocket(HostFd directory, HostFd listener, string name)
    {
        _directory = directory;
        _listener = listener;
        _name = name;
    }

    /// <summary>The socket's name for another process.</summary>
    internal string Path => PathOf(_directory.Value, _name);

    /// <summary>Makes one in a directory.</summary>
    internal static ConsoleSocket Make(string directory, string name)
    {
        ShimException.Check(directory,
            HostFcntl.OpenAt(HostFcntl.AtFdCwd, Text.ToBytes(directory), DirectoryFlags, 0, out int opened));
        HostFd place = new(opened);
        Errno errno = StreamSocket.Listen(PathOf(opened, name), out HostFd? listener);
        if (errno != Errno.None)
        {
            place.Dispose();
            throw ShimException.Of("console socket", errno);
        }

        return new ConsoleSocket(place, listener!, name);
    }

    /// <summary>The master that came; the runtime has sent it before it ended.</summary>
    internal HostFd Receive()
    {
        const int Flags = HostSocket.Cloexec | HostSocket.NonBlock;
        _ = HostFcntl.Fcntl(_listener.Value, HostFcntl.SetFl, HostFcntl.NonBlock, out _);
        ShimException.Check("console socket", HostSocket.Accept4(_listener.Value, Flags, out int accepted));
        using HostFd connection = new(accepted);
        Span<byte> name = stackalloc byte[256];
        Span<int> fds = stackalloc int[1];
        ShimException.Check("console socket", HostSocket.Receive(accepted, name, fds, 0, out _, out int count));
        return count == 1 ? new HostFd(fds[0])
            : throw new ShimException(StatusCode.Unknown, "console socket: no terminal came");
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _ = HostUnistd.UnlinkAt(_directory.Value, _name, 0);
        _listener.Dispose();
        _directory.Dispose();
    }

    private static string PathOf(int directory, string name) => "/proc/"
        + Environment.ProcessId.ToString(CultureInfo.InvariantCulture) + "/fd/"
        + directory.ToString(CultureInfo.InvariantCulture) + "/" + name;
}
