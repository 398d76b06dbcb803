using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Text;
using Abi.Linux;
using HostOs;

namespace Tests.Gofer;

/// <summary>A tree of the host kernel below a directory: the oracle.</summary>
internal sealed class HostTree(string top) : ITree
{
    private const int Cwd = HostFcntl.AtFdCwd;
    private const long NsPerSecond = 1_000_000_000;

    public Errno MakeDirectory(string path) => HostStat.MkdirAt(Cwd, top + path, 0x1ed);

    public Errno Write(string path, int flags, string text, long offset)
    {
        Errno error = Open(path, flags, out int fd);
        if (error == Errno.None)
        {
            error = HostUnistd.Pwrite(fd, Encoding.Latin1.GetBytes(text), offset, out _);
            HostUnistd.Close(fd);
        }

        return error;
    }

    public Errno Read(string path, out string text)
    {
        text = "";
        Errno error = Open(path, HostFcntl.ReadOnly, out int fd);
        if (error == Errno.None)
        {
            byte[] buffer = new byte[1 << 20];
            error = HostUnistd.ReadAll(fd, buffer, out int done);
            text = Encoding.Latin1.GetString(buffer, 0, done);
            HostUnistd.Close(fd);
        }

        return error;
    }

    public Errno Truncate(string path, long sizeBytes)
    {
        Errno error = Open(path, HostFcntl.WriteOnly, out int fd);
        if (error == Errno.None)
        {
            error = HostUnistd.Ftruncate(fd, sizeBytes);
            HostUnistd.Close(fd);
        }

        return error;
    }

    public Errno Unlink(string path) => HostUnistd.UnlinkAt(Cwd, top + path, 0);

    public Errno RemoveDirectory(string path) => HostUnistd.UnlinkAt(Cwd, top + path, HostFcntl.AtRemoveDir);

    public Errno Rename(string from, string to, uint flags) =>
        HostUnistd.RenameAt2(Cwd, top + from, Cwd, top + to, flags);

    public Errno Link(string from, string to) => HostUnistd.LinkAt(Cwd, top + from, Cwd, top + to, 0);

    public Errno Symlink(string target, string path) => HostUnistd.SymlinkAt(target, Cwd, top + path);

    public Errno ChangeMode(string path, uint mode)
    {
        Errno error = HostFcntl.OpenAt(
            Cwd, top + path, HostFcntl.CloseOnExec | HostFcntl.NoFollow | HostFcntl.NonBlock, 0, out int fd);
        if (error == Errno.None)
        {
            error = HostStat.Fchmod(fd, (int)mode);
            HostUnistd.Close(fd);
        }

        return error;
    }

    public Errno ChangeOwner(string path, uint uid, uint gid) =>
        HostUnistd.FchownAt(Cwd, top + path, (int)uid, (int)gid, HostFcntl.AtSymlinkNoFollow);

    public Errno ChangeTimes(string path, long timeNs)
    {
        (long seconds, long rest) = (timeNs / NsPerSecond, timeNs % NsPerSecond);
        return HostStat.UtimensAt(Cwd, top + path, seconds, rest, seconds, rest, HostFcntl.AtSymlinkNoFollow);
    }

    public Errno MakeFifo(string path) => HostStat.MknodAt(Cwd, top + path, (int)StatMode.S_IFIFO | 0x1a4, 0);

    public Errno ReadLink(string path, out string target) => HostUnistd.ReadLinkAt(Cwd, top + path, out target);

    public Errno Stat(string path, out TreeStat stat)
    {
        Errno error = HostStat.FstatAt(Cwd, top + path, HostFcntl.AtSymlinkNoFollow, out Stat raw);
        long modified = ((long)raw.st_mtime * NsPerSecond) + (long)raw.st_mtime_nsec;
        stat = new TreeStat(raw.st_mode, raw.st_uid, raw.st_gid, (uint)raw.st_nlink, raw.st_ino, raw.st_size, modified);
        return error;
    }

    public Errno List(string path, out List<TreeEntry> entries)
    {
        entries = [];
        Errno error = HostFcntl.OpenAt(
            Cwd, top + path, HostFcntl.CloseOnExec | HostFcntl.NoFollow | HostFcntl.Directory, 0, out int fd);
        if (error != Errno.None)
        {
            return error;
        }

        byte[] buffer = new byte[1 << 16];
        while (HostStat.GetDents64(fd, buffer, out int length) == Errno.None && length > 0)
        {
            AddRecords(buffer.AsSpan(0, length), entries);
        }

        HostUnistd.Close(fd);
        return Errno.None;
    }

    /// <summary>Opens a file; a FIFO, which would wait for its other end, is ENXIO.</summary>
    private Errno Open(string path, int flags, out int fd)
    {
        fd = -1;
        bool isFifo = Stat(path, out TreeStat stat) == Errno.None && (stat.Mode & StatMode.S_IFMT) == StatMode.S_IFIFO;
        return isFifo
            ? Errno.ENXIO
            : HostFcntl.OpenAt(Cwd, top + path, flags | HostFcntl.CloseOnExec | HostFcntl.NoFollow, 0x1a4, out fd);
    }

    private static void AddRecords(ReadOnlySpan<byte> records, List<TreeEntry> entries)
    {
        while (!records.IsEmpty)
        {
            int length = BinaryPrimitives.ReadUInt16LittleEndian(records[16..]);
            ReadOnlySpan<byte> name = records[19..length];
            string text = Encoding.Latin1.GetString(name[..name.IndexOf((byte)0)]);
            if (text is not ("." or ".."))
            {
                entries.Add(new TreeEntry(text, BinaryPrimitives.ReadUInt64LittleEndian(records), records[18]));
            }

            records = records[length..];
        }
    }
}
