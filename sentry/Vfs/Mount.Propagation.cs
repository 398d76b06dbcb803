using System.Collections.Generic;

namespace Sentry.Vfs;

/// <summary>Propagation type of a mount. Guarded by the Mount lock.</summary>
public sealed partial class Mount
{
    // Its places in the lists of its groups, made once.
    private LinkedListNode<Mount>? _asPeer;
    private LinkedListNode<Mount>? _asSlave;

    /// <summary>Group it shares events with; null when not shared.</summary>
    internal PeerGroup? Peers { get; private set; }

    /// <summary>Group it receives events from; null when no slave.</summary>
    internal PeerGroup? Master { get; private set; }

    /// <summary>MS_UNBINDABLE.</summary>
    internal bool IsUnbindable { get; private set; }

    internal bool IsShared => Peers is not null;

    /// <summary>Becomes shared, alone in a new group unless it is in one.</summary>
    internal void MakeSharedLocked()
    {
        IsUnbindable = false;
        if (Peers is null)
        {
            JoinLocked(new PeerGroup());
        }
    }

    /// <summary>Joins a group.</summary>
    internal void JoinLocked(PeerGroup group)
    {
        Peers = group;
        group.Members.AddLast(_asPeer ??= new LinkedListNode<Mount>(this));
    }

    /// <summary>Receives from a group.</summary>
    internal void FollowLocked(PeerGroup master)
    {
        Master = master;
        master.Slaves.AddLast(_asSlave ??= new LinkedListNode<Mount>(this));
    }

    private void LeaveMasterLocked()
    {
        Master?.Slaves.Remove(_asSlave!);
        Master = null;
    }

    /// <summary>Becomes private (or unbindable): neither sends nor receives.</summary>
    internal void MakePrivateLocked(PropagationType type)
    {
        LeavePeersLocked();
        LeaveMasterLocked();
        IsUnbindable = type == PropagationType.Unbindable;
    }

    /// <summary>
    /// Becomes a slave of its group. A mount that was alone in its group keeps its master, or becomes private; a
    /// private one stays as it is.
    /// </summary>
    internal void MakeSlaveLocked()
    {
        if (Peers is not { } group)
        {
            return;
        }

        LeavePeersLocked();
        if (group.Members.Count > 0)
        {
            LeaveMasterLocked();
            FollowLocked(group);
        }
    }

    /// <summary>The type of a copy of this mount.</summary>
    internal void CopyPropagationLocked(Mount source, CloneKind kind)
    {
        if (kind == CloneKind.Private)
        {
            return;
        }

        bool slave = kind is CloneKind.Slave or CloneKind.LessPrivileged;
        if (slave && source.Peers is { } master)
        {
            FollowLocked(master);
            return;
        }

        if (source.Peers is { } group)
        {
            JoinLocked(group);
        }

        if (source.Master is { } above)
        {
            FollowLocked(above);
        }

        IsUnbindable = source.IsUnbindable;
    }

    /// <summary>
    /// Leaves its group; the last one out hands the group's slaves to its own master, or sets them free.
    /// </summary>
    private void LeavePeersLocked()
    {
        PeerGroup? group = Peers;
        Peers = null;
        if (group is null)
        {
            return;
        }

        group.Members.Remove(_asPeer!);
        if (group.Members.Count > 0)
        {
            return;
        }

        foreach (Mount slave in new List<Mount>(group.Slaves))
        {
            slave.LeaveMasterLocked();
            if (Master is { } above)
            {
                slave.FollowLocked(above);
            }
        }
    }
}

/// <summary>What a copy of a mount inherits of its propagation.</summary>
internal enum CloneKind
{
    /// <summary>Everything: a copy of a shared mount is its peer.</summary>
    Copy,

    /// <summary>Nothing.</summary>
    Private,

    /// <summary>It receives from the source's group.</summary>
    Slave,

    /// <summary>As <see cref="Slave"/>, and what a lesser user namespace must not undo is locked.</summary>
    LessPrivileged,
}
