using System.Globalization;
using Abi.Linux;
using HostOs;
using Sentry.Kernel;
using Sentry.Vfs;

namespace Sentry.Fs.Host;

/// <summary>
/// The inode of an imported host file: what fstat(2) says of it, with the sandbox's own device number.
/// </summary>
internal sealed class HostInode : Inode
{
    internal HostInode(PseudoSuperBlock superBlock, HostFile file)
        : base(superBlock) => File = file;

    /// <summary>The open file.</summary>
    internal HostFile File { get; }

    /// <summary>Terminal state of this file, null when it is no terminal.</summary>
    internal HostTerminal? Terminal { get; init; }

    /// <inheritdoc/>
    public override uint FileType => File.FileType;

    /// <summary>What /proc/pid/fd shows.</summary>
    internal string LinkName
    {
        get
        {
            HostStat.Fstat(File.Fd, out Stat stat);
            string kind = FileType switch
            {
                StatMode.S_IFIFO => "pipe",
                StatMode.S_IFSOCK => "socket",
                _ => "host",
            };
            return string.Create(CultureInfo.InvariantCulture, $"{kind}:[{stat.st_ino}]");
        }
    }

    /// <inheritdoc/>
    public override Errno GetAttributes(out InodeAttributes attributes)
    {
        Errno error = HostStat.Fstat(File.Fd, out Stat stat);
        attributes = error != Errno.None ? default : new InodeAttributes
        {
            Mode = stat.st_mode,
            Uid = stat.st_uid,
            Gid = stat.st_gid,
            LinkCount = (uint)stat.st_nlink,
            Inode = stat.st_ino,
            Device = SuperBlock.Device,
            SpecialDevice = stat.st_rdev,
            SizeBytes = stat.st_size,
            Blocks = stat.st_blocks,
            BlockSizeBytes = (uint)stat.st_blksize,
            AccessTimeNs = ToNs(stat.st_atime, stat.st_atime_nsec),
            ModifyTimeNs = ToNs(stat.st_mtime, stat.st_mtime_nsec),
            ChangeTimeNs = ToNs(stat.st_ctime, stat.st_ctime_nsec),
        };
        return error;
    }

    /// <summary>
    /// Truncation of a regular file that is open for writing; everything else about a host file is not the
    /// sandbox's to change.
    /// </summary>
    public override Errno SetAttributes(Task task, in AttributeChange change)
    {
        const AttributeMask Ignored = AttributeMask.AccessTime | AttributeMask.ModifyTime;
        if ((change.Mask & ~(AttributeMask.Size | Ignored)) != 0)
        {
            return Errno.EPERM;
        }

        return (change.Mask & AttributeMask.Size) != 0 && FileType == StatMode.S_IFREG
            ? HostUnistd.Ftruncate(File.Fd, change.SizeBytes)
            : Errno.None;
    }

    /// <summary>Opening it again (/dev/stdout, /proc/self/fd/1) gives the same open file of the host.</summary>
    public override Errno Open(Task task, VfsPath path, int flags, out FileDescription? file)
    {
        file = new HostFileDescription(this, flags, HostInodeHold.ByVfs);
        return Errno.None;
    }

    /// <inheritdoc/>
    public override void Evict() => File.Close();

    private static long ToNs(ulong seconds, ulong nanoseconds) =>
        unchecked(((long)seconds * 1_000_000_000) + (long)nanoseconds);
}
