using System.Globalization;
using Abi.Linux;
using HostOs;
using Sentry.Kernel;
using Sentry.Vfs;

namespace Sentry.Fs.Host;

/// <summary>
/// The inode of an imported host file: what fstat(2) says of it, with the sandbox's own device number.
/// </summary>
internal sealed partial class HostInode : Inode
{
    internal HostInode(PseudoSuperBlock superBlock, HostFile file)
        : base(superBlock) => File = file;

    /// <summary>The open file.</summary>
    internal HostFile File { get; }

    /// <summary>Terminal state of this file, null when it is no terminal.</summary>
    internal HostTerminal? Terminal { get; init; }

    /// <inheritdoc/>
    public override uint FileType => File.FileType;

    /// <summary>
    /// What /proc/pid/fd shows. A file outside has no path in here: its name is that of a file whose name is gone, so
    /// that nobody opens it other than through the link.
    /// </summary>
    internal string LinkName => FileType switch
    {
        StatMode.S_IFIFO => Numbered("pipe:[", "]"),
        StatMode.S_IFSOCK => Numbered("socket:[", "]"),
        _ => Numbered("/host:[", "] (deleted)"),
    };

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

        if ((change.Mask & AttributeMask.Size) == 0 || FileType != StatMode.S_IFREG)
        {
            return Errno.None;
        }

        Errno error = HostUnistd.Ftruncate(File.Fd, change.SizeBytes);
        if (error == Errno.None)
        {
            InvalidateFrom(change.SizeBytes);
        }

        return error;
    }

    /// <summary>
    /// Opening it again (/dev/stdout, /proc/self/fd/1): a regular file gets a description with a position of its own,
    /// pipes and devices have none. EACCES for more than the descriptor of the host allows.
    /// </summary>
    public override Errno Open(Task task, VfsPath path, int flags, out FileDescription? file)
    {
        file = null;
        if (!File.Allows(flags))
        {
            return Errno.EACCES;
        }

        file = FileType == StatMode.S_IFREG
            ? new HostReopenedDescription(this, flags)
            : HostFileDescription.Make(this, flags, HostInodeHold.ByVfs);
        return Errno.None;
    }

    /// <inheritdoc/>
    public override void Evict() => File.Close();

    private string Numbered(string before, string after) =>
        before + File.InodeNumber.ToString(CultureInfo.InvariantCulture) + after;

    private static long ToNs(ulong seconds, ulong nanoseconds) =>
        unchecked(((long)seconds * 1_000_000_000) + (long)nanoseconds);
}
