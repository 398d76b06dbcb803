using System.Collections.Generic;

namespace Sentry.Vfs;

/// <summary>
/// What one umount takes away (fs/pnode.c, propagate_umount): a tree, and what is mounted at the same places of every
/// mount that receives events from there. Of the latter stays what holds something that stays, unless that only covers
/// it, and what is locked to a parent that stays. Used under the Rename and Mount locks.
/// </summary>
internal sealed class UnmountSet
{
    private readonly List<Mount> _mounts = [];
    private readonly HashSet<Mount> _going;
    private readonly HashSet<Mount> _unlocked = [];
    private readonly HashSet<Mount> _walked = [];
    private readonly int _treeCount;

    /// <summary>The tree and its counterparts.</summary>
    internal UnmountSet(List<Mount> tree)
    {
        _mounts.AddRange(tree);
        _going = [.. tree];
        _treeCount = tree.Count;
        AddCounterparts();
        Trim();
        _mounts.RemoveAll(mount => !_going.Contains(mount));
    }

    /// <summary>What goes, the given tree first.</summary>
    internal List<Mount> Mounts => _mounts;

    /// <summary>Mounts that stay and cover one that goes, with the place that they cover from now on.</summary>
    internal List<(Mount Cover, VfsPath Place)> Covers()
    {
        List<(Mount Cover, VfsPath Place)> covers = [];
        foreach (Mount mount in _mounts)
        {
            foreach (Mount child in mount.Children)
            {
                if (!_going.Contains(child))
                {
                    covers.Add((child, PlaceOf(mount)));
                }
            }
        }

        return covers;
    }

    /// <summary>Where it is mounted, seen without what goes below it.</summary>
    private VfsPath PlaceOf(Mount mount)
    {
        VfsPath at = mount.Mountpoint;
        while (_going.Contains(at.Mount))
        {
            at = at.Mount.Mountpoint;
        }

        return at;
    }

    private void AddCounterparts()
    {
        HashSet<(PeerGroup Group, Dentry Mountpoint)> seen = [];
        for (int i = 0; i < _treeCount; i++)
        {
            VfsPath at = _mounts[i].Mountpoint;
            if (at.IsNone || at.Mount.Peers is not { } group || !seen.Add((group, at.Dentry)))
            {
                continue;
            }

            HashSet<Mount> receivers = [];
            VirtualFileSystem.CollectReceivers(at.Mount, receivers);
            foreach (Mount receiver in receivers)
            {
                if (receiver.FindChild(at.Dentry) is not { } counterpart)
                {
                    continue;
                }

                if (i == 0)
                {
                    // Where the top goes from, its counterparts may go alone (propagate_mount_unlock).
                    _unlocked.Add(counterpart);
                }

                if (_going.Add(counterpart))
                {
                    _mounts.Add(counterpart);
                }
            }
        }
    }

    private void Trim()
    {
        for (int i = _treeCount; i < _mounts.Count; i++)
        {
            Mount mount = _mounts[i];
            foreach (Mount child in mount.Children)
            {
                if (!_going.Contains(child))
                {
                    KeepAbove(child);
                }
            }

            if (IsLocked(mount) && mount.Parent is { } parent && !_going.Contains(parent))
            {
                Keep(mount);
            }
        }
    }

    private bool IsLocked(Mount mount) => mount.IsLocked && !_unlocked.Contains(mount);

    /// <summary>One stays: so does everything above it but what is only covered on the way.</summary>
    private void KeepAbove(Mount staying)
    {
        Mount below = staying;
        while (below.Parent is { } parent && _going.Contains(parent))
        {
            if (below.Mountpoint.Dentry != parent.Root)
            {
                Keep(parent);
            }

            if (!_walked.Add(parent))
            {
                return;
            }

            below = parent;
        }
    }

    /// <summary>A counterpart stays, and with it what is locked to it.</summary>
    private void Keep(Mount mount)
    {
        Stack<Mount> pending = new([mount]);
        while (pending.TryPop(out Mount? next))
        {
            _going.Remove(next);
            foreach (Mount child in next.Children)
            {
                if (IsLocked(child) && _going.Contains(child))
                {
                    pending.Push(child);
                }
            }
        }
    }
}
