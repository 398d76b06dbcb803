using Abi.Linux;
using Sentry.Kernel;
using Sentry.Loader;
using Sentry.Mm;

namespace Sentry.Syscalls;

/// <summary>execve(2), execveat(2).</summary>
public static class ExecSyscalls
{
    private const ulong PointerBytes = 8;

    /// <summary>execve(2): path, argv, envp.</summary>
    public static SyscallResult Execve(Task task, in SyscallArguments args) =>
        Execute(task, Fcntl.AT_FDCWD, args.Address(0), args.Address(1), args.Address(2), 0);

    /// <summary>execveat(2): directory, path, argv, envp, flags.</summary>
    public static SyscallResult ExecveAt(Task task, in SyscallArguments args)
    {
        int flags = args.Int(4);
        if ((flags & ~(Fcntl.AT_EMPTY_PATH | Fcntl.AT_SYMLINK_NOFOLLOW)) != 0)
        {
            return Errno.EINVAL;
        }

        return Execute(task, args.Int(0), args.Address(1), args.Address(2), args.Address(3), flags);
    }

    private static Errno Execute(Task task, int directoryFd, GuestAddress path, GuestAddress argv, GuestAddress envp,
        int flags)
    {
        Errno errno = task.Mm.ReadString(path, Limits.PATH_MAX, out string name);
        if (errno != Errno.None)
        {
            return errno;
        }

        if (name.Length == 0 && (flags & Fcntl.AT_EMPTY_PATH) == 0)
        {
            return Errno.ENOENT;
        }

        ProgramArguments arguments = new(task.ThreadGroup.Limits.Soft(Resource.RLIMIT_STACK));
        errno = arguments.Charge(name);
        errno = errno != Errno.None ? errno : ReadVector(task, argv, arguments, VectorKind.Arguments);
        errno = errno != Errno.None ? errno : ReadVector(task, envp, arguments, VectorKind.Environment);
        if (errno == Errno.None && arguments.Arguments.Count == 0)
        {
            // A program always finds an argv[0], if only an empty one (fs/exec.c).
            errno = arguments.AddArgument("");
        }

        return errno != Errno.None ? errno : task.Execute(directoryFd, name, flags, arguments);
    }

    private enum VectorKind
    {
        Arguments,
        Environment,
    }

    /// <summary>Reads a null-terminated array of strings; a null array counts as empty.</summary>
    private static Errno ReadVector(Task task, GuestAddress vector, ProgramArguments arguments, VectorKind kind)
    {
        for (GuestAddress at = vector; !vector.IsNull; at = at.Field((int)PointerBytes))
        {
            Errno errno = task.Mm.Read(at, out ulong pointer);
            if (errno != Errno.None || pointer == 0)
            {
                return errno;
            }

            errno = task.Mm.ReadString(new GuestAddress(pointer), ProgramArguments.MaxStringBytes, out string value);
            if (errno != Errno.None)
            {
                return errno == Errno.ENAMETOOLONG ? Errno.E2BIG : errno;
            }

            errno = kind == VectorKind.Arguments ? arguments.AddArgument(value) : arguments.AddEnvironment(value);
            if (errno != Errno.None)
            {
                return errno;
            }

            if (task.IsKilled)
            {
                return Errno.ERESTARTNOINTR;
            }
        }

        return Errno.None;
    }
}
