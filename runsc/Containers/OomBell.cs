using System;
using Abi.Linux;
using HostOs;
using Runsc.Oci;
using Runsc.Sandbox;

namespace Runsc.Containers;

/// <summary>
/// <c>runsc oom-bell</c>: internal. Engines learn that a container ran out of memory from the out-of-memory event of
/// its
/// control group (containerd watches it, dockerd's OOMKilled comes from there). But the Sentry ends the process inside
/// before its group is full. So a small process waits in the group, the first that the host would take; when the Sentry
/// rings it takes memory until the host ends it, and that is the event.
/// </summary>
internal static class OomBell
{
    internal const string Name = "oom-bell";

    private const int RopeFd = 3;
    private const int ChunkBytes = 1 << 20;

    /// <summary>More than any group has left when its guest is full.</summary>
    private const int MaxChunks = 1 << 16;

    /// <summary>Starts it; the result is its id and the Sentry's end of the rope. It ends when that closes.</summary>
    internal static (int Pid, HostFd Rope) Hang()
    {
        Errno errno = HostSocket.SocketPair(HostSocket.AfUnix, HostSocket.SeqPacket | HostSocket.Cloexec, 0,
            out int own, out int other);
        if (errno != Errno.None)
        {
            throw new UserErrorException("cannot make a socket pair: " + ErrorText.Describe(errno));
        }

        HostFd rope = new(own);
        using HostFd far = new(other);
        SpawnRequest request = new("/proc/self/exe") { BlockedSignals = ulong.MaxValue };
        request.Arguments.AddRange(["runsc-oom-bell", Name]);
        request.Environment.AddRange(HostIds.Nursery);
        request.Descriptors.Add(new FdMap(other, RopeFd));
        request.ExtraCalls.Add(HostIds.OwnSession());
        SpawnedProcess process = HostIds.Start(request);
        process.PidFd.Dispose();
        return (process.Pid, rope);
    }

    internal static int Run()
    {
        _ = CgroupHierarchy.WriteFile("/proc/self/oom_score_adj", "1000");
        ResidentMemory.Trim();
        Span<byte> one = stackalloc byte[1];
        Errno errno;
        int done;
        do
        {
            errno = HostUnistd.Read(RopeFd, one, out done);
        }
        while (errno == Errno.EINTR);

        if (errno != Errno.None || done == 0 || HostMman.MemfdCreate("runsc-oom-bell", 0, out int file) != Errno.None)
        {
            return 0;
        }

        byte[] chunk = new byte[ChunkBytes];
        for (int i = 0; i < MaxChunks && HostUnistd.WriteAll(file, chunk) == Errno.None; i++)
        {
        }

        return 0;
    }
}
