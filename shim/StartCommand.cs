using System.Globalization;
using System.IO;
using Abi.Linux;
using HostOs;
using Shim.Host;

namespace Shim;

/// <summary><c>start</c>: leaves a server behind for the container of the working directory, or finds that of its
/// sandbox, and prints its address. Nothing else may be printed: containerd reads both streams.</summary>
internal static class StartCommand
{
    private const string LogFifo = "/log";

    internal static int Run(ShimFlags flags)
    {
        string path = ShimSocket.PathFor(flags);
        using HostFd? listener = ShimSocket.Listen(path);
        if (listener is not null)
        {
            int pid = Leave(flags, path, listener);
            File.WriteAllText(flags.Bundle + "/shim.pid", pid.ToString(CultureInfo.InvariantCulture));
        }

        ShimSocket.Announce(flags.Bundle, path);
        return 0;
    }

    private static int Leave(ShimFlags flags, string socket, HostFd listener)
    {
        ShimException.Check("/proc/self/exe",
            HostUnistd.ReadLinkAt(HostFcntl.AtFdCwd, "/proc/self/exe", out string program));
        SpawnRequest request = new(program);
        request.Arguments.Add(program);
        flags.ForServer(socket).ForEach(word => request.Arguments.Add(Text.ToBytes(word)));
        Runtime.AddEnvironment(request);
        using HostFd nothing = Runtime.OpenNull();
        using HostFd? log = OpenLog(flags.Bundle);
        request.Descriptors.AddRange(
        [
            new FdMap(nothing.Value, 0), new FdMap(nothing.Value, 1), new FdMap((log ?? nothing).Value, 2),
            new FdMap(listener.Value, ServeCommand.ListenerFd),
        ]);
        Errno errno = Spawn.Run(request, out SpawnedProcess process, out string problem);
        if (errno != Errno.None)
        {
            throw new ShimException(StatusCode.Unknown, problem);
        }

        process.PidFd.Dispose();
        return process.Pid;
    }

    /// <summary>containerd reads a FIFO of the bundle for what the shim has to say; null when it does not.</summary>
    private static HostFd? OpenLog(string bundle)
    {
        const int Flags = HostFcntl.WriteOnly | HostFcntl.NonBlock | HostFcntl.CloseOnExec;
        string path = Text.ToBytes(bundle + LogFifo);
        return HostFcntl.OpenAt(HostFcntl.AtFdCwd, path, Flags, 0, out int fd) == Errno.None ? new HostFd(fd) : null;
    }
}
