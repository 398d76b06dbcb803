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
    /// user: it acts on files for it. Where ids are mapped it is root of a user namespace with that mapping, and the
    /// host translates owners.
    /// Command line: gofer CHANNELS ORDERS (the descriptor an order comes from, or -1) then, per attach point, "ro"
    /// or "rw" (with "-tree": mounts below it too) and the
    /// path.
    /// </summary>
    internal static StartingProcess Begin(SandboxBuilder builder, IReadOnlyList<HostFd> channels,
        SandboxWiring wiring, HostFd? standardError, HostFd? orders)
    {
        bool hasUsers = !HostIds.IsRoot || builder.UidMap.Count > 0;
        SpawnRequest request = new("/proc/self/exe")
        {
            NamespaceFlags = (hasUsers ? Sched.CLONE_NEWUSER : 0) | Sched.CLONE_NEWNS | Sched.CLONE_NEWPID
                | Sched.CLONE_NEWNET | Sched.CLONE_NEWIPC | Sched.CLONE_NEWUTS,
            SetGroups = HostIds.IsRoot ? SetGroups.Allow : SetGroups.Deny,
        };
        if (!HostIds.IsRoot)
        {
            request.UidMap.Add(new IdMap(0, (uint)HostUnistd.GetUid(), 1));
            request.GidMap.Add(new IdMap(0, (uint)HostUnistd.GetGid(), 1));
        }
        else if (hasUsers)
        {
            request.UidMap.AddRange(builder.UidMap);
            request.GidMap.AddRange(builder.GidMap);
            request.ExtraCalls.Add(("setresgid", new ScriptEntry(SysNr.setresgid)));
            request.ExtraCalls.Add(("setgroups", new ScriptEntry(SysNr.setgroups)));
            request.ExtraCalls.Add(("setresuid", new ScriptEntry(SysNr.setresuid)));
        }

        request.Cloned = wiring.Joined;
        int ordersFd = FirstChannelFd + channels.Count;
        request.Arguments.AddRange(["runsc-gofer", "gofer", channels.Count.ToString(CultureInfo.InvariantCulture),
            orders is null ? "-1" : ordersFd.ToString(CultureInfo.InvariantCulture)]);
        request.Environment.AddRange(HostIds.Nursery);
        foreach (AttachPoint point in builder.AttachPoints)
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
