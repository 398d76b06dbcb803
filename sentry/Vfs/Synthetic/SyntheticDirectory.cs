using System.Collections.Generic;
using Abi.Linux;
using Sentry.Kernel;
using static Abi.Linux.StatMode;

namespace Sentry.Vfs.Synthetic;

/// <summary>One entry of a generated directory. <paramref name="Cookie"/> orders the entries and stays the same while
/// the entry exists; at least 2.</summary>
public readonly record struct SyntheticEntry(long Cookie, string Name, ulong Number, byte Type);

/// <summary>A directory whose entries are computed at each look-up and each reading.</summary>
public abstract class SyntheticDirectory(SyntheticSuperBlock superBlock, SyntheticIdentity identity)
    : SyntheticInode(superBlock, identity)
{
    /// <summary>Cookies below are "." and "..".</summary>
    public const long FirstCookie = 2;

    /// <inheritdoc/>
    public override uint FileType => S_IFDIR;

    /// <inheritdoc/>
    protected override uint LinkCount => 2;

    /// <summary>Appends the entries in the order of their cookies. ENOENT when what the directory shows is
    /// gone.</summary>
    public abstract Errno List(Task task, List<SyntheticEntry> entries);

    /// <inheritdoc/>
    public abstract override Errno Lookup(Task task, string name, out Inode? child);

    /// <inheritdoc/>
    public override Errno Open(Task task, VfsPath path, int flags, out FileDescription? file)
    {
        file = new SyntheticDirectoryDescription(this, path, flags);
        return Errno.None;
    }
}

/// <summary>A directory with a fixed set of children, added while the tree is built.</summary>
public class FixedDirectory(SyntheticSuperBlock superBlock, SyntheticIdentity identity)
    : SyntheticDirectory(superBlock, identity)
{
    private readonly Dictionary<string, SyntheticInode> _children = [];
    private readonly List<SyntheticEntry> _entries = [];
    private uint _directories;

    /// <inheritdoc/>
    protected override uint LinkCount => 2 + _directories;

    /// <inheritdoc/>
    public override bool IsAlwaysEmpty => _entries.Count == 0;

    /// <summary>Adds a child; only before the tree is in use.</summary>
    public void Add(string name, SyntheticInode child)
    {
        _children.Add(name, child);
        _entries.Add(new SyntheticEntry(FirstCookie + _entries.Count, name, child.Number,
            DirentTypes.FromMode(child.FileType)));
        _directories += child.FileType == S_IFDIR ? 1u : 0;
    }

    /// <inheritdoc/>
    public override Errno List(Task task, List<SyntheticEntry> entries)
    {
        entries.AddRange(_entries);
        return Errno.None;
    }

    /// <inheritdoc/>
    public override Errno Lookup(Task task, string name, out Inode? child)
    {
        bool found = _children.TryGetValue(name, out SyntheticInode? inode);
        child = inode;
        return found ? Errno.None : Errno.ENOENT;
    }
}

/// <summary>d_type of a directory entry (readdir(3)).</summary>
public static class DirentTypes
{
    /// <summary>DT_* for the S_IFMT bits of a mode.</summary>
    public static byte FromMode(uint mode) => (byte)(mode >> 12 & 15);
}
