using System.Threading;

namespace Sentry.Vfs;

/// <summary>
/// What is attached to a mount. Most have one child or none, and stacks of mounts are walked one by one: a single child
/// stands here, only more of them have a table. Changed under the Rename and Mount locks; readers take none.
/// </summary>
public sealed partial class Mount
{
    private ChildPlace? _onlyChild;
    private MountChildren? _children;

    /// <summary>Mounts attached to this one, a copy.</summary>
    internal Mount[] Children => Volatile.Read(ref _onlyChild) is { } only
        ? [only.Child]
        : Volatile.Read(ref _children)?.ToArray() ?? [];

    /// <summary>Its place in the table of its parent. Guarded by the Mount lock.</summary>
    internal int SlotInParent { get; set; }

    /// <summary>The mount directly on a dentry of this one.</summary>
    internal Mount? FindChild(Dentry mountpoint)
    {
        ChildPlace? only = Volatile.Read(ref _onlyChild);
        if (only is not null)
        {
            return only.Mountpoint == mountpoint ? only.Child : null;
        }

        return Volatile.Read(ref _children)?.Find(mountpoint);
    }

    private void AddChildLocked(Mount child, Dentry mountpoint)
    {
        if (_onlyChild is null && _children is null)
        {
            Volatile.Write(ref _onlyChild, new ChildPlace(child, mountpoint));
            return;
        }

        MountChildren table = _children ?? new MountChildren();
        if (_onlyChild is { } only)
        {
            table.AddLocked(only.Child, only.Mountpoint);
        }

        table.AddLocked(child, mountpoint);
        Volatile.Write(ref _children, table);
        Volatile.Write(ref _onlyChild, null);
    }

    private void RemoveChildLocked(Mount child, Dentry mountpoint)
    {
        if (_onlyChild is not null)
        {
            Volatile.Write(ref _onlyChild, null);
        }
        else
        {
            _children!.RemoveLocked(child, mountpoint);
        }
    }

    private sealed record ChildPlace(Mount Child, Dentry Mountpoint);
}
