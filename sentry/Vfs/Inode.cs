using System;
using System.Collections.Generic;
using Abi.Linux;
using Sentry.Kernel;

namespace Sentry.Vfs;

/// <summary>
/// Attributes of an inode as stat(2) and statx(2) report them. Ids are kuids/kgids; times are ns since the epoch.
/// </summary>
public struct InodeAttributes
{
    /// <summary>Type and permission bits (S_IFMT | 07777).</summary>
    public uint Mode;
    public uint Uid;
    public uint Gid;
    public uint LinkCount;
    public ulong Inode;

    /// <summary>Device of the file system (makedev form of Linux, new_encode_dev).</summary>
    public ulong Device;

    /// <summary>Device number of a character or block special file.</summary>
    public ulong SpecialDevice;
    public long SizeBytes;

    /// <summary>512-byte units.</summary>
    public long Blocks;
    public uint BlockSizeBytes;
    public long AccessTimeNs;
    public long ModifyTimeNs;
    public long ChangeTimeNs;
    public long BirthTimeNs;
}

/// <summary>Which fields of <see cref="AttributeChange"/> count.</summary>
[Flags]
public enum AttributeMask
{
    None = 0,
    Mode = 1,
    Uid = 2,
    Gid = 4,
    Size = 8,
    AccessTime = 16,
    ModifyTime = 32,
}

/// <summary>
/// A change of attributes (chmod, chown, truncate, utimensat); rights were checked by the VFS, set-id bits already
/// cleared.
/// </summary>
public struct AttributeChange
{
    public AttributeMask Mask;
    public uint Mode;
    public uint Uid;
    public uint Gid;
    public long SizeBytes;
    public long AccessTimeNs;
    public long ModifyTimeNs;
}

/// <summary>
/// What creates a file: whose it will be. Mode already has umask applied and set-gid inheritance done by the VFS.
/// </summary>
public readonly record struct CreateContext(Task Task, uint Mode, uint Uid, uint Gid);

/// <summary>
/// A file as its file system sees it; names and permissions are the VFS's business (checked before these calls, under
/// the directory lock).
/// Defaults are what Linux answers when an operation is missing. Names are single components, never "." or "..",
/// Latin-1 byte strings.
/// </summary>
public abstract partial class Inode
{
    protected Inode(SuperBlock superBlock) => SuperBlock = superBlock;

    /// <summary>File system instance.</summary>
    public SuperBlock SuperBlock { get; }

    /// <summary>S_IFMT bits; never change.</summary>
    public abstract uint FileType { get; }

    /// <summary>True for a directory of a generated tree that never has entries (is_empty_dir_inode).</summary>
    public virtual bool IsAlwaysEmpty => false;

    /// <summary>Current attributes. Errors only from remote file systems (EIO, ESTALE).</summary>
    public abstract Errno GetAttributes(out InodeAttributes attributes);

    /// <summary>Applies a change and sets ctime. ETXTBSY, EFBIG, EROFS... as setattr.</summary>
    public virtual Errno SetAttributes(Task task, in AttributeChange change) => Errno.EPERM;

    /// <summary>Finds a child. ENOENT when there is none.</summary>
    public virtual Errno Lookup(Task task, string name, out Inode? child)
    {
        child = null;
        return Errno.ENOTDIR;
    }

    /// <summary>
    /// Makes a regular file. EEXIST cannot happen with exclusive file systems (the directory lock is held), may with
    /// shared ones.
    /// </summary>
    public virtual Errno Create(in CreateContext context, string name, out Inode? child)
    {
        child = null;
        return Errno.EPERM;
    }

    /// <summary>Makes a directory.</summary>
    public virtual Errno MakeDirectory(in CreateContext context, string name, out Inode? child)
    {
        child = null;
        return Errno.EPERM;
    }

    /// <summary>Makes a FIFO, socket or device node (mode has the type).</summary>
    public virtual Errno MakeNode(in CreateContext context, string name, ulong specialDevice, out Inode? child)
    {
        child = null;
        return Errno.EPERM;
    }

    /// <summary>Makes a symbolic link.</summary>
    public virtual Errno MakeSymlink(in CreateContext context, string name, string target, out Inode? child)
    {
        child = null;
        return Errno.EPERM;
    }

    /// <summary>Makes an unnamed regular file (O_TMPFILE) in this directory's file system.</summary>
    public virtual Errno MakeUnnamed(in CreateContext context, out Inode? file)
    {
        file = null;
        return Errno.EOPNOTSUPP;
    }

    /// <summary>Adds a name for an inode of the same file system.</summary>
    public virtual Errno Link(Task task, string name, Inode target) => Errno.EPERM;

    /// <summary>Removes a name of a non-directory.</summary>
    public virtual Errno Unlink(Task task, string name, Inode child) => Errno.EPERM;

    /// <summary>Removes an empty directory; ENOTEMPTY.</summary>
    public virtual Errno RemoveDirectory(Task task, string name, Inode child) => Errno.EPERM;

    /// <summary>
    /// Moves child <paramref name="oldName"/> of this directory to <paramref name="newName"/> of <paramref
    /// name="newDirectory"/>;
    /// <paramref name="replaced"/> is what stands there or null. Flags: RENAME_NOREPLACE, RENAME_EXCHANGE,
    /// RENAME_WHITEOUT.
    /// </summary>
    public virtual Errno Rename(
        Task task,
        string oldName,
        Inode child,
        Inode newDirectory,
        string newName,
        Inode? replaced,
        uint flags) =>
        Errno.EPERM;

    /// <summary>Target of a symbolic link.</summary>
    public virtual Errno ReadLink(Task task, out string target)
    {
        target = "";
        return Errno.EINVAL;
    }

    /// <summary>
    /// For magic links (/proc/pid/fd/N, exe, cwd, root, ns): the object itself; EINVAL for ordinary links.
    /// </summary>
    public virtual Errno FollowMagicLink(Task task, out VfsPath target)
    {
        target = default;
        return Errno.EINVAL;
    }

    /// <summary>
    /// Opens the file (permissions are checked, O_TRUNC is done by the VFS through SetAttributes). <paramref
    /// name="path"/> is where it was found.
    /// </summary>
    public abstract Errno Open(Task task, VfsPath path, int flags, out FileDescription? file);

    /// <summary>Reads an extended attribute: ENODATA, EOPNOTSUPP.</summary>
    public virtual Errno GetXattr(Task task, string name, out byte[] value)
    {
        value = [];
        return Errno.EOPNOTSUPP;
    }

    /// <summary>Sets an extended attribute (XATTR_CREATE, XATTR_REPLACE).</summary>
    public virtual Errno SetXattr(Task task, string name, ReadOnlySpan<byte> value, int flags) => Errno.EOPNOTSUPP;

    /// <summary>Appends the names.</summary>
    public virtual Errno ListXattr(Task task, List<string> names) => Errno.None;

    /// <summary>Removes an extended attribute.</summary>
    public virtual Errno RemoveXattr(Task task, string name) => Errno.EOPNOTSUPP;

    /// <summary>
    /// For file systems whose files change behind the Sentry's back: is <paramref name="child"/> still what <paramref
    /// name="name"/> means? ESTALE: look up again.
    /// Only called when <see cref="Vfs.SuperBlock.DentryPolicy"/> says Revalidate, or for directories that are <see
    /// cref="IsChangedFromAbove"/>.
    /// </summary>
    public virtual Errno Revalidate(Task task, string name, Inode? child) => Errno.None;

    /// <summary>The last dentry and descriptor are gone: free what the inode holds if its link count is 0.</summary>
    public virtual void Evict()
    {
    }
}
