using Abi.Linux;
using HostOs;
using Lisafs;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Sync;
using Sentry.Vfs;

namespace Sentry.Fs.Gofer;

/// <summary>
/// A regular file. Its bytes live in the host's page cache and are reached through descriptors the server gave,
/// never through the server.
/// </summary>
internal sealed partial class GoferRegularFile : GoferInode
{
    /// <summary>Makes appends of this sandbox follow each other. Guest memory is read under it.</summary>
    private readonly OrderedLock<InodeLevel> _appendLock = new();

    internal GoferRegularFile(GoferSuperBlock superBlock, GoferDirectory? parent, string name, in WireNode node)
        : base(superBlock, parent, name, node)
    {
    }

    /// <inheritdoc/>
    public override Errno Open(Task task, VfsPath path, int flags, out FileDescription? file)
    {
        file = null;
        int access = (flags & Fcntl.O_ACCMODE) == Fcntl.O_RDONLY ? Fcntl.O_RDONLY : Fcntl.O_RDWR;
        Errno error = AddOpen(access);
        if (error == Errno.None)
        {
            file = new GoferFileDescription(this, path, flags);
        }

        return error;
    }

    /// <inheritdoc/>
    public override Errno SetAttributes(Task task, in AttributeChange change)
    {
        Errno error;
        if (change.Mask == AttributeMask.Size && TryPin(Fcntl.O_RDWR, out HostFileMapper? mapper))
        {
            error = HostUnistd.Ftruncate(mapper!.HostFd, change.SizeBytes);
            Unpin(mapper);
            MarkStale();
        }
        else
        {
            error = base.SetAttributes(task, change);
        }

        if (error == Errno.None && (change.Mask & AttributeMask.Size) != 0)
        {
            InvalidateFrom(change.SizeBytes);
        }

        return error;
    }

    /// <inheritdoc/>
    public override void Evict()
    {
        CloseDescriptors();
        base.Evict();
    }

    /// <summary>
    /// Writes at the end. Appends of this sandbox do not overlap; other writers of a shared file are the host's
    /// business.
    /// </summary>
    internal Errno Append(ref IoSequence source, out long offset, out long done)
    {
        using (_appendLock.Enter())
        {
            offset = 0;
            done = 0;
            Errno error = HostStat.Fstat(WriteFd, out Stat stat);
            if (error != Errno.None)
            {
                return error;
            }

            offset = stat.st_size;
            return source.WriteToHost(WriteFd, offset, source.Remaining, out done);
        }
    }

    /// <inheritdoc/>
    protected override Errno Refresh()
    {
        if (!TryPin(Fcntl.O_RDONLY, out HostFileMapper? mapper))
        {
            return base.Refresh();
        }

        ClearStale();
        Errno error = HostStat.Fstat(mapper!.HostFd, out Stat stat);
        Unpin(mapper);
        if (Gofer.IsShared)
        {
            // Others may change the owner, which only the server tells.
            return error == Errno.None && TryAdopt(stat) ? Errno.None : base.Refresh();
        }

        if (error == Errno.None)
        {
            AdoptStat(stat);
        }

        return error;
    }
}
