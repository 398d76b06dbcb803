using System.Threading;
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
    private const int NoDescriptor = -1;

    /// <summary>
    /// Guards the descriptors; they are only ever set here and closed at eviction, so that whoever has the file
    /// open may use them without it.
    /// </summary>
    private readonly OrderedLock<PageCacheLevel> _descriptorLock = new();
    private readonly OrderedLock<InodeLevel> _appendLock = new();
    private int _readFd = NoDescriptor;
    private int _writeFd = NoDescriptor;

    internal GoferRegularFile(GoferSuperBlock superBlock, GoferDirectory? parent, string name, in WireNode node)
        : base(superBlock, parent, name, node)
    {
    }

    /// <summary>A descriptor that can be read, or -1.</summary>
    internal int ReadFd
    {
        get
        {
            int fd = Volatile.Read(ref _readFd);
            return fd >= 0 ? fd : WriteFd;
        }
    }

    /// <summary>A descriptor that can be read and written, or -1.</summary>
    internal int WriteFd => Volatile.Read(ref _writeFd);

    /// <inheritdoc/>
    public override Errno Open(Task task, VfsPath path, int flags, out FileDescription? file)
    {
        file = null;
        bool wantsWrite = (flags & Fcntl.O_ACCMODE) != Fcntl.O_RDONLY;
        Errno error = wantsWrite ? EnsureWritable() : EnsureReadable();
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
        if (change.Mask == AttributeMask.Size && WriteFd >= 0)
        {
            error = HostUnistd.Ftruncate(WriteFd, change.SizeBytes);
            MarkStale();
        }
        else
        {
            error = base.SetAttributes(task, change);
        }

        return error;
    }

    /// <inheritdoc/>
    public override void Evict()
    {
        int readFd = Interlocked.Exchange(ref _readFd, NoDescriptor);
        int writeFd = Interlocked.Exchange(ref _writeFd, NoDescriptor);
        if (readFd >= 0)
        {
            HostUnistd.Close(readFd);
        }

        if (writeFd >= 0)
        {
            HostUnistd.Close(writeFd);
        }

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

    /// <summary>Takes over the descriptor (for reading and writing) of a file that was just made.</summary>
    internal void AdoptDescriptor(int hostFd) => Install(ref _writeFd, hostFd);

    /// <summary>Has a descriptor for reading.</summary>
    internal Errno EnsureReadable() => ReadFd >= 0 ? Errno.None : OpenHost(Fcntl.O_RDONLY, ref _readFd);

    /// <summary>Has a descriptor for reading and writing.</summary>
    internal Errno EnsureWritable() => WriteFd >= 0 ? Errno.None : OpenHost(Fcntl.O_RDWR, ref _writeFd);

    /// <inheritdoc/>
    protected override Errno Refresh()
    {
        int fd = ReadFd;
        if (fd < 0)
        {
            return base.Refresh();
        }

        ClearStale();
        Errno error = HostStat.Fstat(fd, out Stat stat);
        if (error == Errno.None)
        {
            AdoptStat(stat);
        }

        return error;
    }

    private Errno OpenHost(int access, ref int slot)
    {
        if (access != Fcntl.O_RDONLY && Gofer.IsServedReadOnly)
        {
            return Errno.EROFS;
        }

        Errno error = GetTarget(out WireTarget target);
        if (error != Errno.None)
        {
            return error;
        }

        error = Client.Open(target, access, out int fd, out WireAttributes attributes);
        if (error != Errno.None)
        {
            return error;
        }

        if ((attributes.Device, attributes.Inode) != HostIdentity)
        {
            HostUnistd.Close(fd);
            return Errno.ESTALE;
        }

        Install(ref slot, fd);
        return Errno.None;
    }

    private void Install(ref int slot, int fd)
    {
        using (_descriptorLock.Enter())
        {
            if (slot < 0)
            {
                Volatile.Write(ref slot, fd);
                return;
            }
        }

        HostUnistd.Close(fd);
    }
}
