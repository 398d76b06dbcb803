using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Vfs;

namespace Sentry.Syscalls;

/// <summary>fcntl(2): who gets SIGIO and SIGURG of a file, and which signal.</summary>
internal static class OwnerSyscalls
{
    private const int MaxSignal = 64;

    internal static SyscallResult Control(Task task, FileDescription file, int command, ulong argument)
    {
        switch (command)
        {
            case Fcntl.F_SETOWN:
                return SetOwner(file, (int)argument);
            case Fcntl.F_GETOWN:
                FOwnerEx owner = file.SignalOwner;
                return owner.type == Fcntl.F_OWNER_PGRP ? -owner.pid : owner.pid;
            case Fcntl.F_SETSIG:
                int signal = (int)argument;
                if (signal is < 0 or > MaxSignal)
                {
                    return Errno.EINVAL;
                }

                file.SignalNumber = signal;
                return SyscallResult.Ok;
            case Fcntl.F_GETSIG:
                return file.SignalNumber;
            case Fcntl.F_SETOWN_EX:
                return SetOwnerEx(task, file, new GuestAddress(argument));
            case Fcntl.F_GETOWN_EX:
                return task.Mm.Write(new GuestAddress(argument), file.SignalOwner);
            default:
                return Errno.EINVAL;
        }
    }

    private static SyscallResult SetOwner(FileDescription file, int who)
    {
        if (who == int.MinValue)
        {
            return Errno.EINVAL;
        }

        file.SignalOwner = who < 0
            ? new FOwnerEx { type = Fcntl.F_OWNER_PGRP, pid = -who }
            : new FOwnerEx { type = Fcntl.F_OWNER_PID, pid = who };
        return SyscallResult.Ok;
    }

    private static SyscallResult SetOwnerEx(Task task, FileDescription file, GuestAddress address)
    {
        Errno errno = task.Mm.Read(address, out FOwnerEx owner);
        if (errno != Errno.None)
        {
            return errno;
        }

        if (owner.type is not (Fcntl.F_OWNER_TID or Fcntl.F_OWNER_PID or Fcntl.F_OWNER_PGRP))
        {
            return Errno.EINVAL;
        }

        file.SignalOwner = owner;
        return SyscallResult.Ok;
    }
}
