using System;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Vfs;

namespace Sentry.Fs.Seccomp;

/// <summary>The supervisor's end of a seccomp listener (seccomp_unotify(2), kernel/seccomp.c).</summary>
public sealed class SeccompNotifyDescription : FileDescription
{
    private const int PageBytes = 4096;

    private readonly AnonymousInode _inode;
    private readonly SeccompListener _listener;

    /// <summary>The descriptor of a new listener.</summary>
    public SeccompNotifyDescription(GuestKernel kernel, SeccompListener listener)
    {
        _inode = new AnonymousInode(kernel.PseudoFileSystems.Anonymous, 0x180, 0, 0);
        _listener = listener;
        Flags = Fcntl.O_RDWR;
    }

    /// <inheritdoc/>
    public override Inode Inode => _inode;

    /// <inheritdoc/>
    public override string? AnonymousName => "anon_inode:seccomp notify";

    /// <inheritdoc/>
    public override WaitQueue? WaitQueue => _listener.Queue;

    /// <inheritdoc/>
    public override uint Poll(Task task) => _listener.Events;

    /// <inheritdoc/>
    public override Errno Ioctl(Task task, uint command, ulong argument, out long result)
    {
        result = 0;
        GuestAddress address = new(argument);
        switch (command)
        {
            case Abi.Linux.Seccomp.SECCOMP_IOCTL_NOTIF_RECV:
                return Receive(task, address);
            case Abi.Linux.Seccomp.SECCOMP_IOCTL_NOTIF_SEND:
                return Send(task, address);
            case Abi.Linux.Seccomp.SECCOMP_IOCTL_NOTIF_ID_VALID:
                Errno errno = task.Mm.Read(address, out ulong id);
                return errno != Errno.None || _listener.IsReceived(id) ? errno : Errno.ENOENT;
            case Abi.Linux.Seccomp.SECCOMP_IOCTL_NOTIF_SET_FLAGS:
                // Who wakes whom on which CPU is the host's.
                return (argument & ~(ulong)Abi.Linux.Seccomp.SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP) != 0
                    ? Errno.EINVAL : Errno.None;
        }

        // The size is part of the number: later versions of the structure are longer.
        const uint SizeMask = 0x3fffu << 16;
        bool adds = (command & ~SizeMask) == (Abi.Linux.Seccomp.SECCOMP_IOCTL_NOTIF_ADDFD & ~SizeMask);
        return adds ? AddFile(task, address, (int)((command & SizeMask) >> 16), out result) : Errno.EINVAL;
    }

    /// <inheritdoc/>
    protected override void Release() => _listener.Close();

    private Errno Receive(Task task, GuestAddress address)
    {
        Errno errno = task.Mm.Read(address, out SeccompNotif notification);
        if (errno != Errno.None)
        {
            return errno;
        }

        bool isClear = !RawMemory.ReadOnlyBytes(in notification).ContainsAnyExcept((byte)0);
        errno = isClear ? Await(task, out notification) : Errno.EINVAL;
        if (errno != Errno.None)
        {
            return errno;
        }

        errno = task.Mm.Write(address, in notification);
        if (errno != Errno.None)
        {
            _listener.GiveBack(notification.id);
        }

        return errno;
    }

    private Errno Await(Task task, out SeccompNotif notification)
    {
        TaskWaiter waiter = task.Waiter;
        _listener.Queue.Add(waiter);
        Errno errno = Errno.None;
        while (!_listener.TryReceive(task, out notification) && errno == Errno.None)
        {
            errno = _listener.IsAbandoned ? Errno.ENOENT : task.Block();
        }

        _listener.Queue.Remove(waiter);
        return notification.id != 0 ? Errno.None : errno;
    }

    private Errno Send(Task task, GuestAddress address)
    {
        Errno errno = task.Mm.Read(address, out SeccompNotifResp answer);
        if (errno != Errno.None)
        {
            return errno;
        }

        const uint Continue = Abi.Linux.Seccomp.SECCOMP_USER_NOTIF_FLAG_CONTINUE;
        bool isConfused = (answer.flags & Continue) != 0 && (answer.error != 0 || answer.val != 0);
        return (answer.flags & ~Continue) != 0 || isConfused ? Errno.EINVAL : _listener.Answer(in answer);
    }

    private Errno AddFile(Task task, GuestAddress address, int sizeBytes, out long result)
    {
        const int KnownBytes = 24;
        const uint Set = Abi.Linux.Seccomp.SECCOMP_ADDFD_FLAG_SETFD;
        const uint Answers = Abi.Linux.Seccomp.SECCOMP_ADDFD_FLAG_SEND;
        result = 0;
        if (sizeBytes is < KnownBytes or >= PageBytes)
        {
            return Errno.EINVAL;
        }

        Errno errno = task.Mm.Read(address, out SeccompNotifAddfd request);
        errno = errno != Errno.None ? errno : CheckTail(task, address, KnownBytes, sizeBytes);
        if (errno != Errno.None)
        {
            return errno;
        }

        bool isBad = (request.newfd_flags & ~(uint)Fcntl.O_CLOEXEC) != 0 || (request.flags & ~(Set | Answers)) != 0
            || (request.newfd != 0 && (request.flags & Set) == 0);
        if (isBad)
        {
            return Errno.EINVAL;
        }

        FileDescription? file = task.FdTable.Get((int)request.srcfd);
        if (file is not { IsPathOnly: false })
        {
            file?.DropReference(task);
            return Errno.EBADF;
        }

        int place = (request.flags & Set) != 0 ? (int)Math.Min(request.newfd, int.MaxValue) : -1;
        SeccompAddition addition = new(task, file, place)
        {
            CloseOnExec = request.newfd_flags != 0 ? CloseOnExec.Yes : CloseOnExec.No,
            Answers = (request.flags & Answers) != 0,
        };
        errno = _listener.Add(task, request.id, addition, out int descriptor);
        result = descriptor;
        return errno;
    }

    /// <summary>E2BIG when what this kernel does not know is not zero.</summary>
    private static Errno CheckTail(Task task, GuestAddress address, int from, int to)
    {
        Span<byte> tail = stackalloc byte[PageBytes];
        tail = tail[..(to - from)];
        Errno errno = address.TryAdd((ulong)from, out GuestAddress rest) ? task.Mm.CopyIn(rest, tail) : Errno.EFAULT;
        return errno == Errno.None && tail.ContainsAnyExcept((byte)0) ? Errno.E2BIG : errno;
    }
}
