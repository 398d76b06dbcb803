using Abi.Linux;
using HostOs;
using Lisafs;

namespace Gofer;

/// <summary>Mount, walk, open and attributes.</summary>
public sealed partial class Server
{
    private const long NsPerSecond = 1_000_000_000;

    private Errno Mount(ref MessageReader body, ref MessageWriter answer)
    {
        if (!MountRequest.TryRead(
            ref body, out MountRequest request) || request.AttachIndex >= (uint)_attachPoints.Length)
        {
            return Errno.EPROTO;
        }

        AttachPoint attachPoint = _attachPoints[request.AttachIndex];
        Errno error = FileAttributes.Read(attachPoint.Fd, out WireAttributes attributes);
        if (error != Errno.None)
        {
            return error;
        }

        error = HostFcntl.Duplicate(attachPoint.Fd, out int fd);
        if (error != Errno.None)
        {
            return error;
        }

        uint fileType = attributes.Mode & StatMode.S_IFMT;
        uint handle = _handles.Add(new ServerHandle(fd, attachPoint, fileType));
        new MountAnswer(
            attachPoint.Flags, new WireNode(handle, attributes, LinkTargetOf(fd, fileType))).Write(ref answer);
        return Errno.None;
    }

    private Errno Walk(ref MessageReader body, ref MessageWriter answer)
    {
        if (!WalkRequest.TryRead(ref body, out WalkRequest request))
        {
            return Errno.EPROTO;
        }

        Errno error = Pin(new WireTarget(request.Directory, ""), out PinnedFile start);
        if (error != Errno.None)
        {
            return error;
        }

        using (start)
        {
            int headPosition = answer.Length;
            new WalkAnswer(0, 0).Write(ref answer);
            System.Span<uint> handles = stackalloc uint[Protocol.MaxWalkNames];
            uint count = WalkNames(start, request, ref answer, handles, out error);
            if (IsExhausted(error))
            {
                foreach (uint handle in handles[..(int)count])
                {
                    _handles.Remove(handle);
                }

                return error;
            }

            answer.Patch(headPosition, count);
            answer.Patch(headPosition + sizeof(uint), (int)error);
            return Errno.None;
        }
    }

    /// <summary>
    /// No descriptor is left: the client may give some back and ask again, so nothing must be left half done.
    /// </summary>
    private static bool IsExhausted(Errno error) => error is Errno.EMFILE or Errno.ENFILE;

    /// <summary>
    /// Walks until the names end, something is no directory, or the answer is full; returns how many nodes were
    /// written.
    /// </summary>
    private uint WalkNames(
        in PinnedFile start, in WalkRequest request, ref MessageWriter answer, scoped System.Span<uint> handles,
        out Errno error)
    {
        error = start.FileType == StatMode.S_IFDIR ? Errno.None : Errno.ENOTDIR;
        int directoryFd = start.Fd;
        int openedFd = -1;
        uint count = 0;
        while (error == Errno.None && count < request.Names.Length)
        {
            error = OpenChild(directoryFd, request.Names[count], out int fd, out WireAttributes attributes);
            if (openedFd >= 0)
            {
                HostUnistd.Close(openedFd);
            }

            openedFd = fd;
            directoryFd = fd;
            if (error != Errno.None
                || !WriteNode(start, fd, attributes, request.Handles, ref answer, out handles[(int)count], out error))
            {
                break;
            }

            count++;
            if ((attributes.Mode & StatMode.S_IFMT) != StatMode.S_IFDIR)
            {
                break;
            }
        }

        if (openedFd >= 0)
        {
            HostUnistd.Close(openedFd);
        }

        return count;
    }

    /// <summary>
    /// Writes one node of a walk, with a handle of its own if wanted; false when the message is full or no descriptor
    /// is left (nothing is kept then).
    /// </summary>
    private bool WriteNode(
        in PinnedFile start, int fd, in WireAttributes attributes, WalkHandles wanted, ref MessageWriter answer,
        out uint handle, out Errno error)
    {
        uint fileType = attributes.Mode & StatMode.S_IFMT;
        bool wantsHandle = wanted == WalkHandles.All || (wanted == WalkHandles.Directories
            && fileType == StatMode.S_IFDIR);
        handle = Protocol.NoHandle;
        error = Errno.None;
        if (wantsHandle)
        {
            error = HostFcntl.Duplicate(fd, out int copy);
            if (error != Errno.None)
            {
                return false;
            }

            handle = _handles.Add(new ServerHandle(copy, start.AttachPoint, fileType));
        }

        int before = answer.Length;
        new WireNode(handle, attributes, LinkTargetOf(fd, fileType)).Write(ref answer);
        if (!answer.HasOverflowed)
        {
            return true;
        }

        answer.Rewind(before);
        _handles.Remove(handle);
        return false;
    }

    private Errno GetAttributes(ref MessageReader body, ref MessageWriter answer)
    {
        if (!TargetRequest.TryRead(ref body, out TargetRequest request))
        {
            return Errno.EPROTO;
        }

        Errno error = Pin(request.Target, out PinnedFile file);
        if (error != Errno.None)
        {
            return error;
        }

        using (file)
        {
            return AnswerAttributes(file.Fd, ref answer);
        }
    }

    private static Errno AnswerAttributes(int fd, ref MessageWriter answer)
    {
        Errno error = FileAttributes.Read(fd, out WireAttributes attributes);
        if (error == Errno.None)
        {
            answer.Write(attributes);
        }

        return error;
    }

    private Errno SetAttributes(ref MessageReader body, ref MessageWriter answer)
    {
        if (!SetAttributesRequest.TryRead(ref body, out SetAttributesRequest request))
        {
            return Errno.EPROTO;
        }

        Errno error = Pin(request.Target, out PinnedFile file);
        if (error != Errno.None)
        {
            return error;
        }

        using (file)
        {
            error = file.IsReadOnly ? Errno.EROFS : ApplyChange(file, request.Change);
            return error == Errno.None ? AnswerAttributes(file.Fd, ref answer) : error;
        }
    }

    /// <summary>
    /// Size first (it may fail), owner before mode (a change of owner clears set-id bits), times last (the others
    /// touch them).
    /// </summary>
    private Errno ApplyChange(in PinnedFile file, in WireAttributeChange change)
    {
        Errno error = Errno.None;
        if ((change.Mask & WireAttributeMask.Size) != 0)
        {
            error = Truncate(file, change.SizeBytes);
        }

        if (error == Errno.None && (change.Mask & (WireAttributeMask.Uid | WireAttributeMask.Gid)) != 0)
        {
            int uid = (change.Mask & WireAttributeMask.Uid) != 0 ? (int)change.Uid : -1;
            int gid = (change.Mask & WireAttributeMask.Gid) != 0 ? (int)change.Gid : -1;
            error = HostUnistd.FchownAt(file.Fd, "", uid, gid, HostFcntl.AtEmptyPath);
        }

        if (error == Errno.None && (change.Mask & WireAttributeMask.Mode) != 0)
        {
            error = ChangeMode(file.Fd, file.FileType, change.Mode);
        }

        if (error == Errno.None && (change.Mask & (WireAttributeMask.AccessTime | WireAttributeMask.ModifyTime)) != 0)
        {
            error = ChangeTimes(file.Fd, change);
        }

        return error;
    }

    private Errno Truncate(in PinnedFile file, long sizeBytes)
    {
        if (file.FileType != StatMode.S_IFREG)
        {
            return file.FileType == StatMode.S_IFDIR ? Errno.EISDIR : Errno.EINVAL;
        }

        if (sizeBytes < 0)
        {
            return Errno.EINVAL;
        }

        Errno error = Reopen(file.Fd, HostFcntl.WriteOnly, out int fd);
        if (error != Errno.None)
        {
            return error;
        }

        error = HostUnistd.Ftruncate(fd, sizeBytes);
        HostUnistd.Close(fd);
        return error;
    }

    private Errno ChangeMode(int fd, uint fileType, uint mode) => fileType == StatMode.S_IFLNK
        ? Errno.EOPNOTSUPP
        : HostStat.FchmodAt(_descriptorDirectoryFd, DecimalNames.Get(fd), (int)(mode & 0xfff));

    private static Errno ChangeTimes(int fd, in WireAttributeChange change)
    {
        Split(change.Mask & WireAttributeMask.AccessTime, change.AccessTimeNs, out long accessSec, out long accessNs);
        Split(change.Mask & WireAttributeMask.ModifyTime, change.ModifyTimeNs, out long modifySec, out long modifyNs);
        return HostStat.UtimensAt(fd, "", accessSec, accessNs, modifySec, modifyNs, HostFcntl.AtEmptyPath);
    }

    private static void Split(WireAttributeMask wanted, long timeNs, out long seconds, out long nanoseconds)
    {
        seconds = timeNs / NsPerSecond;
        nanoseconds = timeNs % NsPerSecond;
        if (nanoseconds < 0)
        {
            nanoseconds += NsPerSecond;
            seconds--;
        }

        if (wanted == WireAttributeMask.None)
        {
            nanoseconds = HostStat.UtimeOmit;
        }
    }

    private Errno Open(ref MessageReader body, ref MessageWriter answer, ref AnswerDescriptors files)
    {
        if (!OpenRequest.TryRead(ref body, out OpenRequest request))
        {
            return Errno.EPROTO;
        }

        Errno error = Pin(request.Target, out PinnedFile file);
        if (error != Errno.None)
        {
            return error;
        }

        using (file)
        {
            error = OpenFlags(file, request.Flags, out int flags);
            if (error != Errno.None)
            {
                return error;
            }

            error = Reopen(file.Fd, flags, out int fd);
            if (error != Errno.None)
            {
                return error;
            }

            files.Add(fd);
            return AnswerAttributes(fd, ref answer);
        }
    }

    /// <summary>
    /// What the client may have of what it asked for: regular files, and devices where the attach point allows
    /// them.
    /// </summary>
    private static Errno OpenFlags(in PinnedFile file, int requested, out int flags)
    {
        flags = requested & (Fcntl.O_ACCMODE | Fcntl.O_DIRECT | Fcntl.O_NOATIME);
        int access = requested & Fcntl.O_ACCMODE;
        if (access == Fcntl.O_ACCMODE)
        {
            return Errno.EINVAL;
        }

        if (access != Fcntl.O_RDONLY && file.IsReadOnly)
        {
            return Errno.EROFS;
        }

        switch (file.FileType)
        {
            case StatMode.S_IFREG:
                return Errno.None;
            case StatMode.S_IFDIR:
                return Errno.EISDIR;
            case StatMode.S_IFLNK:
                return Errno.ELOOP;
            default:
                return Errno.EPERM;
        }
    }

    private Errno ReadLink(ref MessageReader body, ref MessageWriter answer)
    {
        if (!TargetRequest.TryRead(ref body, out TargetRequest request))
        {
            return Errno.EPROTO;
        }

        Errno error = Pin(request.Target, out PinnedFile file);
        if (error != Errno.None)
        {
            return error;
        }

        using (file)
        {
            if (file.FileType != StatMode.S_IFLNK)
            {
                return Errno.EINVAL;
            }

            error = HostUnistd.ReadLinkAt(file.Fd, "", out string target);
            answer.WriteString(target);
            return error;
        }
    }

    private Errno Statistics(ref MessageReader body, ref MessageWriter answer)
    {
        if (!TargetRequest.TryRead(ref body, out TargetRequest request))
        {
            return Errno.EPROTO;
        }

        Errno error = Pin(request.Target, out PinnedFile file);
        if (error != Errno.None)
        {
            return error;
        }

        using (file)
        {
            error = HostStat.Fstatfs(file.Fd, out Statfs figures);
            answer.Write(new WireStatistics
            {
                Magic = figures.f_type,
                BlockSizeBytes = figures.f_bsize,
                Blocks = (ulong)figures.f_blocks,
                FreeBlocks = (ulong)figures.f_bfree,
                AvailableBlocks = (ulong)figures.f_bavail,
                Files = (ulong)figures.f_files,
                FreeFiles = (ulong)figures.f_ffree,
                NameLengthMax = figures.f_namelen,
            });
            return error;
        }
    }

    private Errno Sync(ref MessageReader body)
    {
        if (!TargetRequest.TryRead(ref body, out TargetRequest request))
        {
            return Errno.EPROTO;
        }

        Errno error = Pin(request.Target, out PinnedFile file);
        if (error != Errno.None)
        {
            return error;
        }

        using (file)
        {
            if (file.FileType is not (StatMode.S_IFREG or StatMode.S_IFDIR))
            {
                return Errno.EINVAL;
            }

            error = Reopen(file.Fd, HostFcntl.ReadOnly, out int fd);
            if (error != Errno.None)
            {
                return error;
            }

            error = HostUnistd.Fsync(fd);
            HostUnistd.Close(fd);
            return error;
        }
    }

    private Errno Close(ref MessageReader body)
    {
        System.Span<uint> handles = stackalloc uint[Protocol.MaxCloseHandles];
        if (!CloseRequest.TryRead(ref body, handles, out int count))
        {
            return Errno.EPROTO;
        }

        Errno error = Errno.None;
        for (int i = 0; i < count; i++)
        {
            if (!_handles.Remove(handles[i]))
            {
                error = Errno.EBADF;
            }
        }

        return error;
    }
}
