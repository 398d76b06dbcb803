using Abi.Linux;
using HostOs;
using Lisafs;

namespace Gofer;

/// <summary>statx(2) into the protocol's form.</summary>
internal static class FileAttributes
{
    private const uint Wanted = StatxMask.STATX_BASIC_STATS | StatxMask.STATX_BTIME;

    /// <summary>Attributes of a descriptor (O_PATH or not).</summary>
    internal static Errno Read(int fd, out WireAttributes attributes) =>
        Read(fd, "", HostFcntl.AtEmptyPath, out attributes);

    /// <summary>Attributes of a name in a directory, without following a link.</summary>
    internal static Errno ReadChild(int directoryFd, string name, out WireAttributes attributes) =>
        Read(directoryFd, name, HostFcntl.AtSymlinkNoFollow, out attributes);

    private static Errno Read(int fd, string name, int flags, out WireAttributes attributes)
    {
        Errno error = HostStat.Statx(fd, name, flags, Wanted, out Statx statx);
        attributes = error == Errno.None ? Convert(statx) : default;
        return error;
    }

    private static WireAttributes Convert(in Statx statx) => new()
    {
        Mode = statx.stx_mode,
        Uid = statx.stx_uid,
        Gid = statx.stx_gid,
        LinkCount = statx.stx_nlink,
        Inode = statx.stx_ino,
        Device = Sysmacros.Makedev(statx.stx_dev_major, statx.stx_dev_minor),
        SpecialDevice = Sysmacros.Makedev(statx.stx_rdev_major, statx.stx_rdev_minor),
        SizeBytes = (long)statx.stx_size,
        Blocks = (long)statx.stx_blocks,
        BlockSizeBytes = statx.stx_blksize,
        AccessTimeNs = ToNs(statx.stx_atime),
        ModifyTimeNs = ToNs(statx.stx_mtime),
        ChangeTimeNs = ToNs(statx.stx_ctime),
        BirthTimeNs = (statx.stx_mask & StatxMask.STATX_BTIME) != 0 ? ToNs(statx.stx_btime) : 0,
    };

    /// <summary>Saturates: a file system may hold any 64-bit second.</summary>
    private static long ToNs(in StatxTimestamp time)
    {
        const long NsPerSecond = 1_000_000_000;
        if (time.tv_sec >= long.MaxValue / NsPerSecond)
        {
            return long.MaxValue;
        }

        return time.tv_sec <= long.MinValue / NsPerSecond ? long.MinValue : (time.tv_sec * NsPerSecond) + time.tv_nsec;
    }
}
