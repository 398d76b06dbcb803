using Abi.Linux;
using Sentry.Fs.Tmpfs;
using Sentry.Kernel;
using Sentry.Vfs;

namespace Sentry.Syscalls;

/// <summary>memfd_create(2).</summary>
public static class MemFdSyscalls
{
    private const int MaxNameBytes = 249;
    private const uint HugeSizes = Memfd.MFD_HUGE_MASK << (int)Memfd.MFD_HUGE_SHIFT;
    private const uint KnownFlags = Memfd.MFD_CLOEXEC | Memfd.MFD_ALLOW_SEALING | Memfd.MFD_HUGETLB
        | Memfd.MFD_NOEXEC_SEAL | Memfd.MFD_EXEC;

    /// <summary>
    /// int memfd_create(const char *name, unsigned int flags): huge pages are a wish, ordinary ones serve it.
    /// </summary>
    public static SyscallResult Create(Task task, in SyscallArguments args)
    {
        uint flags = args.UInt(1);
        uint known = (flags & Memfd.MFD_HUGETLB) != 0 ? KnownFlags | HugeSizes : KnownFlags;
        const uint Both = Memfd.MFD_EXEC | Memfd.MFD_NOEXEC_SEAL;
        if ((flags & ~known) != 0 || (flags & Both) == Both)
        {
            return Errno.EINVAL;
        }

        Errno errno = task.Mm.ReadString(args.Address(0), MaxNameBytes + 1, out string name);
        if (errno != Errno.None)
        {
            return errno == Errno.ENAMETOOLONG ? Errno.EINVAL : errno;
        }

        errno = MemFd.Create(task, name, flags, out FileDescription? file);
        if (errno != Errno.None)
        {
            return errno;
        }

        CloseOnExec closeOnExec = (flags & Memfd.MFD_CLOEXEC) != 0 ? CloseOnExec.Yes : CloseOnExec.No;
        errno = task.FdTable.InstallNew(task, file!, closeOnExec, out int fd);
        return SyscallResult.From(errno, fd);
    }
}
