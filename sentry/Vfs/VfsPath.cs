namespace Sentry.Vfs;

/// <summary>A place in the tree: a dentry as seen through a mount.</summary>
public readonly record struct VfsPath(Mount Mount, Dentry Dentry)
{
    /// <summary>True for the default value (anonymous files have no place).</summary>
    public bool IsNone => Dentry is null;

    /// <summary>Keeps mount and dentry in use (open files, working directories).</summary>
    internal void Pin()
    {
        Mount.Pin();
        Dentry.Pin();
    }

    internal void Unpin()
    {
        Dentry.Unpin();
        Mount.Unpin();
    }
}
