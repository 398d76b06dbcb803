using System.Collections.Generic;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;

namespace Sentry.Vfs.Synthetic;

/// <summary>An open generated directory. The position is the cookie of the last entry given, plus one.</summary>
internal sealed class SyntheticDirectoryDescription : FileDescription
{
    private readonly SyntheticDirectory _directory;

    internal SyntheticDirectoryDescription(SyntheticDirectory directory, VfsPath path, int flags)
    {
        _directory = directory;
        Path = path;
        Flags = flags;
    }

    /// <inheritdoc/>
    public override Inode Inode => _directory;

    /// <inheritdoc/>
    public override bool IsSeekable => true;

    /// <inheritdoc/>
    public override Errno PRead(Task task, ref IoSequence destination, long offset, out long done)
    {
        done = 0;
        return Errno.EISDIR;
    }

    /// <inheritdoc/>
    public override Errno IterateDirectory(Task task, IDirentSink sink)
    {
        const byte DirectoryEntry = 4;
        if (Position == 0 && !Give(sink, _directory.Number, DirectoryEntry, ".", 1))
        {
            return Errno.None;
        }

        if (Position == 1 && !Give(sink, ParentNumber(), DirectoryEntry, "..", 2))
        {
            return Errno.None;
        }

        List<SyntheticEntry> entries = [];
        Errno errno = _directory.List(task, entries);
        foreach (SyntheticEntry entry in entries)
        {
            if (entry.Cookie >= Position && !Give(sink, entry.Number, entry.Type, entry.Name, entry.Cookie + 1))
            {
                break;
            }
        }

        return errno;
    }

    private bool Give(IDirentSink sink, ulong number, byte type, string name, long next)
    {
        if (!sink.Add(number, type, name, next))
        {
            return false;
        }

        Position = next;
        return true;
    }

    private ulong ParentNumber()
    {
        Inode? parent = Path.Dentry?.Parent?.Inode;
        return parent is SyntheticInode inode ? inode.Number : _directory.Number;
    }
}
