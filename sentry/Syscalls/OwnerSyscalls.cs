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
                return SetOwner(task, file, (int)argument);
            case Fcntl.F_GETOWN:
                FOwnerEx owner = Describe(task, file);
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
                FOwnerEx described = Describe(task, file);
                return task.Mm.Write(new GuestAddress(argument), in described);
            default:
                return WriteUids(task, file, new GuestAddress(argument));
        }
    }

    /// <summary>F_SETOWN: a process, a group when negative, nobody for 0. EINVAL, ESRCH.</summary>
    private static SyscallResult SetOwner(Task task, FileDescription file, int who)
    {
        if (who == int.MinValue)
        {
            return Errno.EINVAL;
        }

        return Set(task, file, who < 0 ? Fcntl.F_OWNER_PGRP : Fcntl.F_OWNER_PID, who < 0 ? -who : who);
    }

    private static SyscallResult SetOwnerEx(Task task, FileDescription file, GuestAddress address)
    {
        Errno errno = task.Mm.Read(address, out FOwnerEx owner);
        if (errno != Errno.None)
        {
            return errno;
        }

        bool known = owner.type is Fcntl.F_OWNER_TID or Fcntl.F_OWNER_PID or Fcntl.F_OWNER_PGRP;
        return known ? Set(task, file, owner.type, owner.pid) : Errno.EINVAL;
    }

    private static SyscallResult Set(Task task, FileDescription file, int kind, int number)
    {
        if (number == 0)
        {
            file.SignalReceiver = null;
            return SyscallResult.Ok;
        }

        Pid? identity = number > 0 ? task.PidNamespace.Find(number) : null;
        if (identity is null)
        {
            return Errno.ESRCH;
        }

        Credentials credentials = task.Credentials;
        file.SignalReceiver = new SignalReceiver(identity, kind, credentials.RealUid, credentials.EffectiveUid);
        return SyscallResult.Ok;
    }

    /// <summary>The owner in the caller's numbers; 0 for nobody and for who is not visible or gone.</summary>
    private static FOwnerEx Describe(Task task, FileDescription file)
    {
        if (file.SignalReceiver is not { } receiver)
        {
            return new FOwnerEx { type = Fcntl.F_OWNER_TID };
        }

        bool gone = receiver.Identity.Task is null && receiver.Identity.ProcessGroup is null;
        return new FOwnerEx
        {
            type = receiver.Kind,
            pid = gone ? 0 : receiver.Identity.NumberIn(task.PidNamespace),
        };
    }

    /// <summary>F_GETOWNER_UIDS: real and effective uid of who set the owner.</summary>
    private static SyscallResult WriteUids(Task task, FileDescription file, GuestAddress address)
    {
        uint real = task.ToGuestUid(file.SignalReceiver?.Uid ?? 0);
        uint effective = task.ToGuestUid(file.SignalReceiver?.EffectiveUid ?? 0);
        Errno errno = task.Mm.Write(address, real);
        return errno != Errno.None ? errno : task.Mm.Write(address.Field(sizeof(uint)), effective);
    }
}
