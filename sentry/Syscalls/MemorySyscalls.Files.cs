using Abi.Linux;
using Platform;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Vfs;

namespace Sentry.Syscalls;

/// <summary>mmap(2) of files.</summary>
public static partial class MemorySyscalls
{
    private static SyscallResult MapFile(Task task, int fd, int flags, ref MapRequest request)
    {
        using FdReference reference = task.FdTable.Borrow(fd);
        FileDescription? file = reference.File;
        if (file is null || file.IsPathOnly)
        {
            return Errno.EBADF;
        }

        if ((flags & Mman.MAP_HUGETLB) != 0)
        {
            return Errno.EINVAL;
        }

        if (request.LengthBytes == 0)
        {
            return Errno.EINVAL;
        }

        Errno error = CheckFile(file, flags, ref request);
        if (error != Errno.None)
        {
            return error;
        }

        error = file.GetMappable(task, out IMappable? mappable);
        if (error != Errno.None)
        {
            return error;
        }

        bool shared = (request.Flags & VmaFlags.Shared) != 0;
        if (ReferenceEquals(mappable, ZeroMappable.Instance))
        {
            return shared ? MapSharedZeros(task, ref request) : MapRequested(task, in request);
        }

        request.Mappable = mappable;
        request.File = file;
        return MapRequested(task, in request);
    }

    /// <summary>Rights that the open mode and the mount give (mm/mmap.c: do_mmap).</summary>
    private static Errno CheckFile(FileDescription file, int flags, ref MapRequest request)
    {
        const int SharedFlags =
            Mman.MAP_SHARED | Mman.MAP_PRIVATE | Mman.MAP_FIXED | Mman.MAP_ANONYMOUS | Mman.MAP_DENYWRITE
            | Mman.MAP_EXECUTABLE | Mman.MAP_GROWSDOWN | Mman.MAP_LOCKED | Mman.MAP_NORESERVE | Mman.MAP_POPULATE
            | Mman.MAP_NONBLOCK | Mman.MAP_STACK | Mman.MAP_HUGETLB | Mman.MAP_32BIT | Mman.MAP_FIXED_NOREPLACE
            | Mman.MAP_UNINITIALIZED;
        int type = flags & Mman.MAP_TYPE;
        if (type is not (Mman.MAP_SHARED or Mman.MAP_PRIVATE or Mman.MAP_SHARED_VALIDATE))
        {
            return Errno.EINVAL;
        }

        if (type == Mman.MAP_SHARED_VALIDATE && (flags & ~(SharedFlags | Mman.MAP_TYPE)) != 0)
        {
            return Errno.EOPNOTSUPP;
        }

        bool writes = (request.Access & MemoryAccess.Write) != 0;
        if (type != Mman.MAP_PRIVATE)
        {
            if (writes && !file.CanWrite)
            {
                return Errno.EACCES;
            }

            request.Flags |= VmaFlags.Shared;
            request.MaxAccess = file.CanWrite ? AllAccess : AllAccess & ~MemoryAccess.Write;
        }

        if (!file.CanRead)
        {
            return Errno.EACCES;
        }

        if (!file.Path.IsNone && file.Path.Mount.IsNoExecute)
        {
            if ((request.Access & MemoryAccess.Execute) != 0)
            {
                return Errno.EPERM;
            }

            request.MaxAccess &= ~MemoryAccess.Execute;
        }

        return (flags & Mman.MAP_GROWSDOWN) != 0 ? Errno.EINVAL : Errno.None;
    }
}
