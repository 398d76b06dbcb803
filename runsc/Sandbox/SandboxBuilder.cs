using System.Collections.Generic;
using HostOs;
using static Abi.Linux.MountFlags;

namespace Runsc.Sandbox;

/// <summary>Collects what a sandbox needs: its specification and the host paths the gofer serves. Attach point 0 is
/// the root.</summary>
internal sealed class SandboxBuilder
{
    /// <summary>Specification under construction.</summary>
    internal SandboxSpec Spec { get; } = new();

    /// <summary>Host paths, in the order of their indexes.</summary>
    internal List<AttachPoint> AttachPoints { get; } = [];

    /// <summary>Which users and groups of the host those inside are to the files that are served; none: the same
    /// ones.</summary>
    internal List<IdMap> UidMap { get; } = [];

    /// <summary>As <see cref="UidMap"/>.</summary>
    internal List<IdMap> GidMap { get; } = [];

    /// <summary>Serves the root file system. Read-only unless the host keeps what is written: else it goes to the
    /// overlay's upper layer.</summary>
    internal void SetRoot(string hostPath, RootStorage storage = RootStorage.Memory)
    {
        Spec.RootStorage = storage;
        AttachAccess access = storage == RootStorage.Memory ? AttachAccess.ReadOnly : AttachAccess.ReadWrite;
        AttachPoints.Add(new AttachPoint(hostPath, access, AttachScope.Tree));
    }

    /// <summary>Adds a bind mount of a host path.</summary>
    internal void AddBind(string hostPath, string destination, ulong flags, ulong propagation)
    {
        AttachScope scope = (flags & MS_REC) != 0 ? AttachScope.Tree : AttachScope.SingleMount;
        AttachAccess access = (flags & MS_RDONLY) != 0 ? AttachAccess.ReadOnly : AttachAccess.ReadWrite;
        Spec.Mounts.Add(new SandboxMount
        {
            Type = "bind",
            Destination = destination,
            AttachPoint = AttachPoints.Count,
            Source = hostPath,
            Flags = flags & ~(ulong)(MS_BIND | MS_REC),
            Propagation = propagation,
        });
        AttachPoints.Add(new AttachPoint(hostPath, access, scope));
    }

    /// <summary>Adds a mount of one of the Sentry's file systems.</summary>
    internal void AddMount(string type, string destination, ulong flags, string data, ulong propagation = 0) =>
        Spec.Mounts.Add(new SandboxMount
        {
            Type = type,
            Destination = destination,
            Source = type,
            Flags = flags,
            Data = data,
            Propagation = propagation,
        });
}
