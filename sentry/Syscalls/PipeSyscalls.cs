using Abi.Linux;
using Sentry.Fs.Pipe;
using Sentry.Kernel;
using Sentry.Mm;

namespace Sentry.Syscalls;

/// <summary>pipe(2).</summary>
public static class PipeSyscalls
{
    private const int PipeFlags = Fcntl.O_CLOEXEC | Fcntl.O_NONBLOCK | Fcntl.O_DIRECT;

    /// <summary>pipe(int pipefd[2]).</summary>
    public static SyscallResult Pipe(Task task, in SyscallArguments args) => Make(task, args.Address(0), 0);

    /// <summary>pipe2(int pipefd[2], int flags).</summary>
    public static SyscallResult Pipe2(Task task, in SyscallArguments args)
    {
        int flags = args.Int(1);
        return (flags & ~PipeFlags) != 0 ? Errno.EINVAL : Make(task, args.Address(0), flags);
    }

    private static SyscallResult Make(Task task, GuestAddress descriptors, int flags)
    {
        (PipeDescription reader, PipeDescription writer) = PipeDescription.Create(task, flags);
        return Descriptors.InstallPair(task, reader, writer, flags, descriptors);
    }
}
