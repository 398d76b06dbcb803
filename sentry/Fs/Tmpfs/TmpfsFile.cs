using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Sync;
using Sentry.Vfs;

namespace Sentry.Fs.Tmpfs;

/// <summary>A regular file: its bytes are a shared memory object, charged to the instance.</summary>
internal sealed class TmpfsFile : TmpfsInode
{
    private const int SectorBytes = 512;

    // Orders writes with size changes and appends; held across the copy, as Linux's i_rwsem.
    private readonly OrderedLock<FileWriteLevel> _writeLock = new();

    internal TmpfsFile(TmpfsSuperBlock superBlock, MemoryFile memory, in CreateContext context)
        : base(superBlock, in context)
    {
        Data = new SharedMemoryObject(memory, 0, SharedMemoryUse.File, superBlock)
        {
            Identity = (superBlock.Device, Number),
        };
    }

    /// <summary>The contents; owned by the inode until it is evicted, by mappings after.</summary>
    internal SharedMemoryObject Data { get; }

    /// <summary>A memfd: fcntl(2) may add and show seals.</summary>
    internal bool IsSealable { get; set; }

    /// <inheritdoc/>
    public override Errno SetAttributes(Task task, in AttributeChange change)
    {
        const uint Execute = StatMode.S_IXUSR | StatMode.S_IXGRP | StatMode.S_IXOTH;
        bool changesExecute = (change.Mask & AttributeMask.Mode) != 0 && ((change.Mode ^ Permissions) & Execute) != 0;
        bool isSealed = IsSealable && changesExecute && (Data.Seals & Fcntl.F_SEAL_EXEC) != 0;
        return isSealed ? Errno.EPERM : base.SetAttributes(task, in change);
    }

    /// <inheritdoc/>
    protected override (long SizeBytes, long Blocks) SizeLocked => ((long)Data.Size,
        (long)(Data.PresentBytes / SectorBytes));

    /// <inheritdoc/>
    public override Errno Open(Task task, VfsPath path, int flags, out FileDescription? file)
    {
        file = new TmpfsFileDescription(this, path);
        return Errno.None;
    }

    /// <inheritdoc/>
    public override ulong CachedBytes(ulong start, ulong end) => Data.PresentBytesIn(start, end);

    /// <summary>Writes at the offset, or at the end for O_APPEND.</summary>
    internal Errno Write(Task task, ref IoSequence source, long offset, WritePlace place, out long done, out long end)
    {
        Errno errno;
        using (_writeLock.Enter())
        {
            ulong start = place == WritePlace.End ? Data.Size : (ulong)offset;
            errno = Data.Write(ref source, start, out done);
            end = (long)start + done;
        }

        if (done > 0)
        {
            DropSetIdBits(task);
            TouchModified();
        }

        return errno;
    }

    /// <summary>
    /// fallocate(2): the default mode, KEEP_SIZE, PUNCH_HOLE and ZERO_RANGE, as Linux's tmpfs plus zeroing.
    /// </summary>
    internal Errno Allocate(Task task, int mode, long offset, long lengthBytes)
    {
        const int Known = Falloc.FALLOC_FL_KEEP_SIZE | Falloc.FALLOC_FL_PUNCH_HOLE;
        if ((mode & ~Known) != 0)
        {
            return Errno.EOPNOTSUPP;
        }

        Errno errno;
        using (_writeLock.Enter())
        {
            if ((mode & Falloc.FALLOC_FL_PUNCH_HOLE) != 0)
            {
                errno = Data.PunchHole((ulong)offset, (ulong)lengthBytes);
            }
            else
            {
                SizeChange change = (mode & Falloc.FALLOC_FL_KEEP_SIZE) != 0 ? SizeChange.Keep : SizeChange.Grow;
                errno = Data.Allocate((ulong)offset, (ulong)lengthBytes, change);
            }
        }

        if (errno == Errno.None)
        {
            DropSetIdBits(task);
            TouchModified();
        }

        return errno;
    }

    /// <summary>
    /// F_ADD_SEALS (mm/memfd.c: memfd_add_seals). Sealing the execute bits of an executable file seals its contents.
    /// </summary>
    internal Errno AddSeals(uint seals)
    {
        const uint ExecuteBits = 0x49;
        const uint Contents = Fcntl.F_SEAL_SHRINK | Fcntl.F_SEAL_GROW | Fcntl.F_SEAL_WRITE | Fcntl.F_SEAL_FUTURE_WRITE;
        bool sealsCode = (seals & Fcntl.F_SEAL_EXEC) != 0 && (Permissions & ExecuteBits) != 0;
        return Data.AddSeals(sealsCode ? seals | Contents : seals);
    }

    /// <inheritdoc/>
    protected override Errno SetSize(long sizeBytes)
    {
        using (_writeLock.Enter())
        {
            return Data.Truncate((ulong)sizeBytes);
        }
    }

    /// <inheritdoc/>
    protected override void FreeContents() => Data.DropOwner();
}

/// <summary>Where a write goes.</summary>
internal enum WritePlace
{
    /// <summary>At the offset given.</summary>
    Offset,

    /// <summary>At the end, whatever the offset (O_APPEND).</summary>
    End,
}
