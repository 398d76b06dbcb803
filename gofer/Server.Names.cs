using Abi.Linux;
using HostOs;
using Lisafs;

namespace Gofer;

/// <summary>Link, unlink, rename.</summary>
public sealed partial class Server
{
    private const uint RenameFlags = Fcntl.RENAME_NOREPLACE | Fcntl.RENAME_EXCHANGE | Fcntl.RENAME_WHITEOUT;

    private Errno Link(ref MessageReader body, ref MessageWriter answer)
    {
        if (!LinkRequest.TryRead(ref body, out LinkRequest request))
        {
            return Errno.EPROTO;
        }

        Errno error = PinWritableDirectory(request.Directory, out PinnedFile directory);
        if (error != Errno.None)
        {
            return error;
        }

        using (directory)
        {
            error = Pin(request.Target, out PinnedFile file);
            if (error != Errno.None)
            {
                return error;
            }

            using (file)
            {
                return LinkFile(file, directory, request.Name, ref answer);
            }
        }
    }

    private Errno LinkFile(in PinnedFile file, in PinnedFile directory, string name, ref MessageWriter answer)
    {
        if (file.AttachPoint != directory.AttachPoint)
        {
            return Errno.EXDEV;
        }

        if (file.FileType == StatMode.S_IFDIR)
        {
            return Errno.EPERM;
        }

        // The magic link leads to the very file of the descriptor, also when that is a symbolic link.
        Errno error = HostUnistd.LinkAt(
            _descriptorDirectoryFd, DecimalNames.Get(file.Fd), directory.Fd, name, HostFcntl.AtSymlinkFollow);
        return error == Errno.None ? AnswerAttributes(file.Fd, ref answer) : error;
    }

    private Errno Unlink(ref MessageReader body, ref MessageWriter answer)
    {
        if (!UnlinkRequest.TryRead(ref body, out UnlinkRequest request))
        {
            return Errno.EPROTO;
        }

        Errno error = PinWritableDirectory(request.Directory, out PinnedFile directory);
        if (error != Errno.None)
        {
            return error;
        }

        using (directory)
        {
            int flags = (request.Flags & UnlinkFlags.Directory) != 0 ? HostFcntl.AtRemoveDir : 0;
            if ((request.Flags & UnlinkFlags.KeepHandle) == 0)
            {
                answer.Write(Protocol.NoHandle);
                return HostUnistd.UnlinkAt(directory.Fd, request.Name, flags);
            }

            return UnlinkKeeping(directory, request.Name, flags, ref answer);
        }
    }

    private Errno UnlinkKeeping(in PinnedFile directory, string name, int flags, ref MessageWriter answer)
    {
        Errno error = OpenChild(directory.Fd, name, out int fd, out WireAttributes attributes);
        if (error != Errno.None)
        {
            return error;
        }

        error = HostUnistd.UnlinkAt(directory.Fd, name, flags);
        if (error != Errno.None)
        {
            HostUnistd.Close(fd);
            return error;
        }

        answer.Write(_handles.Add(new ServerHandle(fd, directory.AttachPoint, attributes.Mode & StatMode.S_IFMT)));
        return Errno.None;
    }

    private Errno Rename(ref MessageReader body)
    {
        if (!RenameRequest.TryRead(ref body, out RenameRequest request) || (request.Flags & ~RenameFlags) != 0)
        {
            return Errno.EPROTO;
        }

        Errno error = PinWritableDirectory(request.OldDirectory, out PinnedFile oldDirectory);
        if (error != Errno.None)
        {
            return error;
        }

        using (oldDirectory)
        {
            error = PinWritableDirectory(request.NewDirectory, out PinnedFile newDirectory);
            if (error != Errno.None)
            {
                return error;
            }

            using (newDirectory)
            {
                return oldDirectory.AttachPoint == newDirectory.AttachPoint
                    ? HostUnistd.RenameAt2(
                        oldDirectory.Fd, request.OldName, newDirectory.Fd, request.NewName, request.Flags)
                    : Errno.EXDEV;
            }
        }
    }
}
