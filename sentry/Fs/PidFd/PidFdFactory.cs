using Abi.Linux;
using Sentry.Kernel;
using Sentry.Vfs;

namespace Sentry.Fs.PidFd;

/// <summary>What the kernel calls for CLONE_PIDFD and waitid(P_PIDFD); the composition root registers it.</summary>
public sealed class PidFdFactory : IPidFdFactory
{
    /// <inheritdoc/>
    public Errno Create(Task task, Pid pid, uint flags, out int fd) =>
        task.FdTable.InstallNew(task, new PidFdDescription(task.Kernel, pid, flags), CloseOnExec.Yes, out fd);

    /// <inheritdoc/>
    public Errno Get(Task task, int fd, out Pid? pid, out uint flags)
    {
        using FdReference reference = task.FdTable.Borrow(fd);
        PidFdDescription? file = reference.File as PidFdDescription;
        pid = file?.Pid;
        flags = file is null ? 0 : (uint)file.Flags;
        return file is null ? Errno.EBADF : Errno.None;
    }
}
