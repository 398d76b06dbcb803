using System;
using System.Text;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Vfs;

namespace Sentry.Fs.PidFd;

/// <summary>
/// A descriptor for a process, or with PIDFD_THREAD for one thread, that never comes to mean another (pidfd_open(2),
/// fs/pidfs.c).
/// </summary>
public sealed class PidFdDescription : FileDescription
{
    private readonly AnonymousInode _inode;

    /// <summary>A descriptor for <paramref name="pid"/>; <paramref name="flags"/> are PIDFD_NONBLOCK and
    /// PIDFD_THREAD.</summary>
    public PidFdDescription(GuestKernel kernel, Pid pid, uint flags)
    {
        Pid = pid;
        IsThread = (flags & Pidfd.PIDFD_THREAD) != 0;
        _inode = new AnonymousInode(kernel.PseudoFileSystems.Anonymous, 0x1C0, 0, 0);
        Flags = Fcntl.O_RDWR | (int)(flags & (Pidfd.PIDFD_NONBLOCK | Pidfd.PIDFD_THREAD));
    }

    /// <summary>Whom it means.</summary>
    public Pid Pid { get; }

    /// <summary>PIDFD_THREAD: the thread alone, not its process.</summary>
    public bool IsThread { get; }

    /// <inheritdoc/>
    public override Inode Inode => _inode;

    /// <inheritdoc/>
    public override string? AnonymousName => "anon_inode:[pidfd]";

    /// <inheritdoc/>
    public override WaitQueue? WaitQueue => Pid.WaitQueue;

    /// <summary>Readable once it ended; hung up once it is reaped.</summary>
    public override uint Poll(Task task)
    {
        Task? target = Pid.Task;
        if (target is null)
        {
            return Epoll.EPOLLIN | Epoll.EPOLLRDNORM | Epoll.EPOLLHUP;
        }

        bool hasEnded = IsThread ? target.State is TaskState.Zombie or TaskState.Dead : target.ThreadGroup.IsDead;
        return hasEnded ? Epoll.EPOLLIN | Epoll.EPOLLRDNORM : 0;
    }

    /// <inheritdoc/>
    public override Errno Seek(Task task, long offset, int whence, out long result)
    {
        result = 0;
        return Errno.ESPIPE;
    }

    /// <summary>PIDFD_GET_INFO, with any size of the structure from the first one on.</summary>
    public override Errno Ioctl(Task task, uint command, ulong argument, out long result)
    {
        const uint SizeMask = 0x3fff_0000;
        const int SizeShift = 16;
        result = 0;
        if ((command & ~SizeMask) != (Pidfd.PIDFD_GET_INFO & ~SizeMask))
        {
            bool isNamespace = command is >= Pidfd.PIDFD_GET_CGROUP_NAMESPACE and <= Pidfd.PIDFD_GET_UTS_NAMESPACE;
            return isNamespace ? Errno.EOPNOTSUPP : Errno.ENOTTY;
        }

        uint size = (command & SizeMask) >> SizeShift;
        if (size < (Pidfd.PIDFD_GET_INFO & SizeMask) >> SizeShift)
        {
            return Errno.EINVAL;
        }

        GuestAddress address = new(argument);
        Errno errno = task.Mm.Read(address, out PidfdInfo wanted);
        if (errno != Errno.None)
        {
            return errno;
        }

        errno = GetInfo(task, wanted.mask, out PidfdInfo info);
        return errno != Errno.None ? errno : task.Mm.Write(address, info);
    }

    /// <inheritdoc/>
    public override void AppendInformation(Task reader, StringBuilder text)
    {
        const int Gone = -1;
        bool exists = Pid.Task is not null;
        text.Append("Pid:\t").Append(exists ? Pid.NumberIn(reader.PidNamespace) : Gone).Append("\nNSpid:");
        if (!exists)
        {
            text.Append('\t').Append(Gone);
        }
        else if (Pid.NumberIn(reader.PidNamespace) == 0)
        {
            text.Append("\t0");
        }
        else
        {
            foreach (int number in Pid.NumbersFrom(reader.PidNamespace))
            {
                text.Append('\t').Append(number);
            }
        }

        text.Append('\n');
    }

    private Errno GetInfo(Task task, ulong mask, out PidfdInfo info)
    {
        info = default;
        PidNamespace viewer = task.PidNamespace;
        if (!Pid.Namespace.IsDescendantOf(viewer) || Pid.Task is not { } target)
        {
            return Errno.ESRCH;
        }

        Credentials credentials = target.Credentials;
        UserNamespace ids = task.Credentials.UserNamespace;
        info.mask = Pidfd.PIDFD_INFO_PID | Pidfd.PIDFD_INFO_CREDS;
        if ((mask & Pidfd.PIDFD_INFO_SUPPORTED_MASK) != 0)
        {
            info.mask |= Pidfd.PIDFD_INFO_SUPPORTED_MASK;
        }

        info.pid = (uint)Pid.NumberIn(viewer);
        info.tgid = (uint)target.ThreadGroup.Identity.NumberIn(viewer);
        info.ppid = (uint)target.ThreadGroup.ParentIdIn(viewer);
        info.ruid = ids.FromKernelUidOrOverflow(credentials.RealUid);
        info.rgid = ids.FromKernelGidOrOverflow(credentials.RealGid);
        info.euid = ids.FromKernelUidOrOverflow(credentials.EffectiveUid);
        info.egid = ids.FromKernelGidOrOverflow(credentials.EffectiveGid);
        info.suid = ids.FromKernelUidOrOverflow(credentials.SavedUid);
        info.sgid = ids.FromKernelGidOrOverflow(credentials.SavedGid);
        info.fsuid = ids.FromKernelUidOrOverflow(credentials.FsUid);
        info.fsgid = ids.FromKernelGidOrOverflow(credentials.FsGid);
        return Errno.None;
    }
}
