using System.Collections.Generic;
using System.Threading;

namespace Sentry.Vfs;

/// <summary>
/// Mounts that share mount and unmount events (mount_namespaces(7), "Shared subtrees"), and the mounts that only
/// receive them. Guarded by the Mount lock.
/// </summary>
internal sealed class PeerGroup
{
    private static int s_nextId;

    /// <summary>Number in /proc/pid/mountinfo.</summary>
    internal int Id { get; } = Interlocked.Increment(ref s_nextId);

    /// <summary>Mounts that send and receive.</summary>
    internal LinkedList<Mount> Members { get; } = new();

    /// <summary>Mounts that receive; they may be shared among themselves.</summary>
    internal LinkedList<Mount> Slaves { get; } = new();
}
