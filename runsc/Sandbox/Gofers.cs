using System.Collections.Generic;
using System.Globalization;
using Abi.Linux;
using HostOs;
using Runsc.Oci;
using Stub;

namespace Runsc.Sandbox;

/// <summary>Starts the gofer process.</summary>
internal static class Gofers
{
    /// <summary>Channels of one gofer connection: as many requests are served at once.</summary>
    internal const int ChannelCount = 4;

    private const int FirstChannelFd = 3;

    /// <summary>
    /// Starts <c>runsc gofer</c> in mount, PID, network, IPC and UTS namespaces of its own. It keeps the caller's
    /// user: it acts on files for it.
    /// Command line: gofer CHANNELS ORDERS (the descriptor an order comes from, or -1) then, per attach point, "ro"
    /// or "rw" (with "-tree": mounts below it too) and the
    /// path.
    /// </summary>
    internal static StartingProcess Begin(IReadOnlyList<AttachPoint> attachPoints, IReadOnlyList<HostFd> channels,
        SandboxWiring wiring, HostFd? standardError, HostFd? orders)
    {
        SpawnRequest request = new("/proc/self/exe")
        {
            NamespaceFlags = HostIds.IsRoot
                ? Sched.CLONE_NEWNS | Sched.CLONE_NEWPID | Sched.CLONE_NEWNET | Sched.CLONE_NEWIPC | Sched.CLONE_NEWUTS
                : Sched.CLONE_NEWUSER | Sched.CLONE_NEWNS | Sched.CLONE_NEWPID | Sched.CLONE_NEWNET
                    | Sched.CLONE_NEWIPC | Sched.CLONE_NEWUTS,
            SetGroups = HostIds.IsRoot ? SetGroups.Allow : SetGroups.Deny,
        };
        if (!HostIds.IsRoot)
        {
            request.UidMap.Add(new IdMap(0, (uint)HostUnistd.GetUid(), 1));
            request.GidMap.Add(new IdMap(0, (uint)HostUnistd.GetGid(), 1));
        }

        request.Cloned = wiring.Joined;
        int ordersFd = FirstChannelFd + channels.Count;
        request.Arguments.AddRange(["runsc-gofer", "gofer", channels.Count.ToString(CultureInfo.InvariantCulture),
            orders is null ? "-1" : ordersFd.ToString(CultureInfo.InvariantCulture)]);
        request.Environment.AddRange(HostIds.Nursery);
        foreach (AttachPoint point in attachPoints)
        {
            string access = point.Access == AttachAccess.ReadOnly ? "ro" : "rw";
            request.Arguments.Add(point.Scope == AttachScope.Tree ? access + "-tree" : access);
            request.Arguments.Add(point.HostPath);
        }

        request.Descriptors.Add(new FdMap(standardError?.Value ?? 2, 2));
        for (int i = 0; i < channels.Count; i++)
        {
            request.Descriptors.Add(new FdMap(channels[i].Value, FirstChannelFd + i));
        }

        if (orders is not null)
        {
            request.Descriptors.Add(new FdMap(orders.Value, ordersFd));
        }

        request.ExtraCalls.Add(HostIds.OwnSession());
        if (wiring.Lifetime == SandboxLifetime.EndsWithLauncher)
        {
            request.ExtraCalls.Add(HostIds.DieWithParent());
        }

        return HostIds.Begin(request);
    }
}
