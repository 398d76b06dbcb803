using System;
using System.Diagnostics.CodeAnalysis;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Vfs;

namespace Sentry.Syscalls;

/// <summary>Looking up and installing descriptors as system calls do it.</summary>
internal static class Descriptors
{
    /// <summary>
    /// The file of a descriptor with a reference, which the caller drops; false for EBADF, also for O_PATH
    /// descriptors.
    /// </summary>
    public static bool TryGet(Task task, int descriptor, [NotNullWhen(true)] out FileDescription? file)
    {
        file = task.FdTable.Get(descriptor);
        if (file is not null && (file.Flags & Fcntl.O_PATH) != 0)
        {
            file.DropReference(task);
            file = null;
        }

        return file is not null;
    }

    /// <summary>
    /// Gives a new file a descriptor; O_CLOEXEC counts among the flags. The file is released when there is none to be
    /// had.
    /// </summary>
    public static SyscallResult Install(Task task, FileDescription file, int flags)
    {
        Errno error = task.FdTable.InstallNew(task, file, CloseOnExecOf(flags), out int descriptor);
        return SyscallResult.From(error, descriptor);
    }

    /// <summary>Gives two new files descriptors and writes both numbers to the guest; all or nothing.</summary>
    public static SyscallResult InstallPair(
        Task task, FileDescription first, FileDescription second, int flags, GuestAddress numbers)
    {
        CloseOnExec closeOnExec = CloseOnExecOf(flags);
        Errno error = task.FdTable.InstallNew(task, first, closeOnExec, out int firstNumber);
        if (error != Errno.None)
        {
            second.DropReference(task);
            return error;
        }

        error = task.FdTable.InstallNew(task, second, closeOnExec, out int secondNumber);
        if (error == Errno.None)
        {
            Span<int> pair = [firstNumber, secondNumber];
            error = task.Mm.WriteArray<int>(numbers, pair);
            if (error == Errno.None)
            {
                return SyscallResult.Ok;
            }

            _ = task.FdTable.Close(task, secondNumber);
        }

        _ = task.FdTable.Close(task, firstNumber);
        return error;
    }

    /// <summary>O_CLOEXEC, which EPOLL_CLOEXEC, EFD_CLOEXEC, SOCK_CLOEXEC and the others equal.</summary>
    public static CloseOnExec CloseOnExecOf(int flags) =>
        (flags & Fcntl.O_CLOEXEC) != 0 ? CloseOnExec.Yes : CloseOnExec.No;
}
