using Abi.Linux;
using HostOs;
using Lisafs;

namespace Gofer;

/// <summary>Making files. Owner and mode are set on the descriptor of what was made, never by name.</summary>
public sealed partial class Server
{
    private const uint PermissionBits = 0xfff;
    private const uint AccessBits = 0x1ff;

    private Errno BeginCreate(ref MessageReader body, out CreateRequest request, out PinnedFile directory)
    {
        directory = default;
        if (!CreateRequest.TryRead(ref body, out request))
        {
            return Errno.EPROTO;
        }

        return PinWritableDirectory(request.Directory, out directory);
    }

    private Errno Create(ref MessageReader body, ref MessageWriter answer, ref AnswerDescriptors files)
    {
        const int Flags = HostFcntl.Create | HostFcntl.Exclusive | HostFcntl.NoFollow | HostFcntl.ReadWrite
            | HostFcntl.CloseOnExec;
        Errno error = BeginCreate(ref body, out CreateRequest request, out PinnedFile directory);
        if (error != Errno.None)
        {
            return error;
        }

        using (directory)
        {
            if (request.Name.Length == 0)
            {
                return Errno.EPROTO;
            }

            error = HostFcntl.OpenAt(directory.Fd, request.Name, Flags, (int)(request.Mode & AccessBits), out int fd);
            if (error != Errno.None)
            {
                return error;
            }

            error = GiveFile(fd, request);
            if (error != Errno.None)
            {
                HostUnistd.Close(fd);
                HostUnistd.UnlinkAt(directory.Fd, request.Name, 0);
                return error;
            }

            files.Add(fd);
            return AnswerNode(fd, StatMode.S_IFREG, Protocol.NoHandle, ref answer);
        }
    }

    private Errno MakeUnnamed(ref MessageReader body, ref MessageWriter answer, ref AnswerDescriptors files)
    {
        Errno error = BeginCreate(ref body, out CreateRequest request, out PinnedFile directory);
        if (error != Errno.None)
        {
            return error;
        }

        using (directory)
        {
            const int Flags = HostFcntl.TempFile | HostFcntl.ReadWrite | HostFcntl.CloseOnExec;
            error = HostFcntl.OpenAt(directory.Fd, ".", Flags, (int)(request.Mode & AccessBits), out int fd);
            if (error != Errno.None)
            {
                return error;
            }

            files.Add(fd);
            error = GiveFile(fd, request);
            if (error != Errno.None)
            {
                return error;
            }

            error = Reopen(fd, HostFcntl.Path, out int pathFd);
            if (error != Errno.None)
            {
                return error;
            }

            uint handle = _handles.Add(new ServerHandle(pathFd, directory.AttachPoint, StatMode.S_IFREG));
            return AnswerNode(fd, StatMode.S_IFREG, handle, ref answer);
        }
    }

    private Errno MakeDirectory(ref MessageReader body, ref MessageWriter answer)
    {
        Errno error = BeginCreate(ref body, out CreateRequest request, out PinnedFile directory);
        if (error != Errno.None)
        {
            return error;
        }

        using (directory)
        {
            if (request.Name.Length == 0)
            {
                return Errno.EPROTO;
            }

            error = HostStat.MkdirAt(directory.Fd, request.Name, (int)(request.Mode & AccessBits));
            return error == Errno.None ? FinishNode(directory, request, StatMode.S_IFDIR, ref answer) : error;
        }
    }

    private Errno MakeNode(ref MessageReader body, ref MessageWriter answer)
    {
        Errno error = BeginCreate(ref body, out CreateRequest request, out PinnedFile directory);
        if (error != Errno.None)
        {
            return error;
        }

        using (directory)
        {
            uint fileType = request.Mode & StatMode.S_IFMT;
            if (request.Name.Length == 0)
            {
                return Errno.EPROTO;
            }

            error = CheckNode(fileType, request.SpecialDevice);
            if (error != Errno.None)
            {
                return error;
            }

            error = HostStat.MknodAt(
                directory.Fd, request.Name, (int)(fileType | (request.Mode & AccessBits)), request.SpecialDevice);
            return error == Errno.None ? FinishNode(directory, request, fileType, ref answer) : error;
        }
    }

    /// <summary>
    /// FIFOs, sockets and whiteouts (device 0:0, which mknod(2) makes for everybody) harm nobody; device nodes are
    /// not made.
    /// </summary>
    private static Errno CheckNode(uint fileType, ulong device)
    {
        switch (fileType)
        {
            case StatMode.S_IFIFO or StatMode.S_IFSOCK:
                return Errno.None;
            case StatMode.S_IFCHR or StatMode.S_IFBLK:
                return device == 0 ? Errno.None : Errno.EPERM;
            default:
                return Errno.EINVAL;
        }
    }

    private Errno MakeSymlink(ref MessageReader body, ref MessageWriter answer)
    {
        Errno error = BeginCreate(ref body, out CreateRequest request, out PinnedFile directory);
        if (error != Errno.None)
        {
            return error;
        }

        using (directory)
        {
            if (request.Name.Length == 0 || request.LinkTarget.Length == 0)
            {
                return Errno.EPROTO;
            }

            error = HostUnistd.SymlinkAt(request.LinkTarget, directory.Fd, request.Name);
            return error == Errno.None ? FinishNode(directory, request, StatMode.S_IFLNK, ref answer) : error;
        }
    }

    /// <summary>
    /// Opens what was just made, checks that it still is what was made, gives it away and answers; what cannot be
    /// given away is removed.
    /// </summary>
    private Errno FinishNode(
        in PinnedFile directory, in CreateRequest request, uint fileType, ref MessageWriter answer)
    {
        int removal = fileType == StatMode.S_IFDIR ? HostFcntl.AtRemoveDir : 0;
        Errno error = OpenChild(directory.Fd, request.Name, out int fd, out WireAttributes attributes);
        if (error != Errno.None)
        {
            if (IsExhausted(error))
            {
                HostUnistd.UnlinkAt(directory.Fd, request.Name, removal);
            }

            return error;
        }

        if ((attributes.Mode & StatMode.S_IFMT) != fileType)
        {
            HostUnistd.Close(fd);
            return Errno.ESTALE;
        }

        error = GiveFile(fd, request);
        if (error != Errno.None)
        {
            HostUnistd.Close(fd);
            HostUnistd.UnlinkAt(directory.Fd, request.Name, removal);
            return error;
        }

        if (fileType != StatMode.S_IFDIR)
        {
            error = AnswerNode(fd, fileType, Protocol.NoHandle, ref answer);
            HostUnistd.Close(fd);
            return error;
        }

        uint handle = _handles.Add(new ServerHandle(fd, directory.AttachPoint, fileType));
        return AnswerNode(fd, fileType, handle, ref answer);
    }

    /// <summary>Sets owner and permission bits where they differ from what the host gave.</summary>
    private Errno GiveFile(int fd, in CreateRequest request)
    {
        Errno error = FileAttributes.Read(fd, out WireAttributes now);
        if (error == Errno.None && (now.Uid != request.Uid || now.Gid != request.Gid))
        {
            error = HostUnistd.FchownAt(fd, "", (int)request.Uid, (int)request.Gid, HostFcntl.AtEmptyPath);
        }

        uint fileType = now.Mode & StatMode.S_IFMT;
        bool modeDiffers = (now.Mode & PermissionBits) != (request.Mode & PermissionBits);
        if (error == Errno.None && modeDiffers && fileType != StatMode.S_IFLNK)
        {
            error = ChangeMode(fd, fileType, request.Mode);
        }

        return error;
    }

    private static Errno AnswerNode(int fd, uint fileType, uint handle, ref MessageWriter answer)
    {
        Errno error = FileAttributes.Read(fd, out WireAttributes attributes);
        if (error == Errno.None)
        {
            new WireNode(handle, attributes, LinkTargetOf(fd, fileType)).Write(ref answer);
        }

        return error;
    }
}
