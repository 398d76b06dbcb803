namespace Sentry.Vfs;

/// <summary>A place in the tree: a dentry as seen through a mount.</summary>
public readonly record struct VfsPath(Mount Mount, Dentry Dentry);

/// <summary>A name in a directory, cached.</summary>
public sealed partial class Dentry
{
}

/// <summary>A file system attached at a place.</summary>
public sealed partial class Mount
{
}

/// <summary>A tree of mounts (mount_namespaces(7)).</summary>
public sealed partial class MountNamespace
{
}

/// <summary>Root, working directory and umask of one or more tasks (Linux's fs_struct).</summary>
public sealed partial class FsContext
{
}

/// <summary>Descriptors of one or more tasks (Linux's files_struct).</summary>
public sealed partial class FdTable
{
}
