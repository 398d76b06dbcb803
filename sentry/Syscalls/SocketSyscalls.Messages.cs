using System;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Socket;
using Sentry.Vfs;

namespace Sentry.Syscalls;

// Sending and receiving.
public static partial class SocketSyscalls
{
    private const uint ReadEvents = Epoll.EPOLLIN | Epoll.EPOLLRDNORM | Epoll.EPOLLRDHUP;
    private const uint WriteEvents = Epoll.EPOLLOUT | Epoll.EPOLLWRNORM;
    private const int StackRanges = 8;
    private const int MmsghdrBytes = 64;
    private const int MessageLengthOffset = 56;
    private const int NameLengthOffset = 8;
    private const int ControlLengthOffset = 40;
    private const int MessageFlagsOffset = 48;

    /// <summary>
    /// sendto(int sockfd, const void *buf, size_t len, int flags, const struct sockaddr *dest, socklen_t addrlen).
    /// </summary>
    public static SyscallResult Sendto(Task task, in SyscallArguments args)
    {
        using FdReference descriptor = task.FdTable.Borrow(args.Int(0));
        Errno error = AsSocket(descriptor, out SocketFile? socket);
        Span<byte> address = stackalloc byte[MaxAddressBytes];
        int addressBytes = args.Address(4).IsNull ? 0 : args.Int(5);
        error = error == Errno.None ? ReadAddress(task, args.Address(4), addressBytes, ref address) : error;
        if (error == Errno.None && !GuestRange.TryCreate(args.Address(1), args[2], out _))
        {
            error = Errno.EFAULT;
        }

        if (error != Errno.None)
        {
            return error;
        }

        GuestRange.TryCreate(args.Address(1), Math.Min(args[2], MaxTransferBytes), out GuestRange range);
        SendOperation operation = new()
        {
            Socket = socket!,
            Data = IoSequence.FromGuest(task.Mm, range),
            Request = new SendRequest { Flags = args.Int(3), Address = address },
        };
        return Send(task, ref operation);
    }

    /// <summary>
    /// recvfrom(int sockfd, void *buf, size_t len, int flags, struct sockaddr *src, socklen_t *addrlen).
    /// </summary>
    public static SyscallResult Recvfrom(Task task, in SyscallArguments args)
    {
        using FdReference descriptor = task.FdTable.Borrow(args.Int(0));
        Errno error = AsSocket(descriptor, out SocketFile? socket);
        if (error == Errno.None && !GuestRange.TryCreate(args.Address(1), args[2], out _))
        {
            error = Errno.EFAULT;
        }

        if (error != Errno.None)
        {
            return error;
        }

        GuestRange.TryCreate(args.Address(1), Math.Min(args[2], MaxTransferBytes), out GuestRange range);
        Span<byte> address = stackalloc byte[MaxAddressBytes];
        ReceiveOperation operation = new()
        {
            Socket = socket!,
            Data = IoSequence.FromGuest(task.Mm, range),
            Request = new ReceiveRequest { Flags = args.Int(3), Address = args.Address(4).IsNull ? default : address },
        };
        SyscallResult result = Receive(task, ref operation);
        operation.Request.Rights?.Dispose();
        if (!result.IsError && !args.Address(4).IsNull)
        {
            error = WriteAddress(task, address[..operation.Request.AddressBytes], args.Address(4), args.Address(5));
        }

        return error == Errno.None ? result : error;
    }

    /// <summary>sendmsg(int sockfd, const struct msghdr *msg, int flags).</summary>
    public static SyscallResult Sendmsg(Task task, in SyscallArguments args)
    {
        using FdReference descriptor = task.FdTable.Borrow(args.Int(0));
        Errno error = AsSocket(descriptor, out SocketFile? socket);
        return error == Errno.None ? SendMessage(task, socket!, args.Address(1), args.Int(2)) : error;
    }

    /// <summary>recvmsg(int sockfd, struct msghdr *msg, int flags).</summary>
    public static SyscallResult Recvmsg(Task task, in SyscallArguments args)
    {
        using FdReference descriptor = task.FdTable.Borrow(args.Int(0));
        Errno error = AsSocket(descriptor, out SocketFile? socket);
        return error == Errno.None ? ReceiveMessage(task, socket!, args.Address(1), args.Int(2)) : error;
    }

    /// <summary>
    /// sendmmsg(int sockfd, struct mmsghdr *msgvec, unsigned int vlen, int flags): how many messages went out, or the
    /// error of the first.
    /// </summary>
    public static SyscallResult Sendmmsg(Task task, in SyscallArguments args)
    {
        using FdReference descriptor = task.FdTable.Borrow(args.Int(0));
        Errno error = AsSocket(descriptor, out SocketFile? socket);
        if (error != Errno.None)
        {
            return error;
        }

        int count = (int)Math.Min(args.UInt(2), Uio.UIO_MAXIOV);
        int done = 0;
        while (done < count && error == Errno.None)
        {
            GuestAddress header = new(args[1] + ((ulong)done * MmsghdrBytes));
            SyscallResult sent = SendMessage(task, socket!, header, args.Int(3));
            error = sent.IsError ? sent.Errno : task.Mm.Write(header.Field(MessageLengthOffset), (uint)sent.Value);
            done += error == Errno.None ? 1 : 0;
        }

        return SyscallResult.Partial(error, done);
    }

    /// <summary>
    /// recvmmsg(int sockfd, struct mmsghdr *msgvec, unsigned int vlen, int flags, struct timespec *timeout).
    /// </summary>
    public static SyscallResult Recvmmsg(Task task, in SyscallArguments args)
    {
        Errno error = Deadlines.FromTimespec(task, args.Address(4), out long deadlineNs);
        using FdReference descriptor = task.FdTable.Borrow(args.Int(0));
        SocketFile? socket = null;
        error = error == Errno.None ? AsSocket(descriptor, out socket) : error;
        if (error != Errno.None)
        {
            return error;
        }

        int count = (int)Math.Min(args.UInt(2), Uio.UIO_MAXIOV);
        int flags = args.Int(3);
        int done = 0;
        while (done < count && error == Errno.None)
        {
            GuestAddress header = new(args[1] + ((ulong)done * MmsghdrBytes));
            SyscallResult got = ReceiveMessage(task, socket!, header, flags & ~Sockets.MSG_WAITFORONE);
            error = got.IsError ? got.Errno : task.Mm.Write(header.Field(MessageLengthOffset), (uint)got.Value);
            done += error == Errno.None ? 1 : 0;
            flags |= (flags & Sockets.MSG_WAITFORONE) != 0 ? Sockets.MSG_DONTWAIT : 0;

            // The timeout is looked at after each message only, a wart of Linux that programs know (recvmmsg(2), BUGS).
            if (deadlineNs != long.MaxValue && Deadlines.Remaining(task, deadlineNs) == 0)
            {
                break;
            }
        }

        if (done > 0 && !args.Address(4).IsNull)
        {
            Errno written = WriteTimeLeft(task, args.Address(4), Deadlines.Remaining(task, deadlineNs));
            return written == Errno.None ? done : written;
        }

        return SyscallResult.Partial(error, done);
    }

    private const ulong MaxTransferBytes = 0x7FFFF000;

    private static Errno WriteTimeLeft(Task task, GuestAddress address, long leftNs) =>
        task.Mm.Write(address, new Timespec { tv_sec = leftNs / 1000000000, tv_nsec = leftNs % 1000000000 });

    private static SyscallResult SendMessage(Task task, SocketFile socket, GuestAddress headerAddress, int flags)
    {
        Errno error = task.Mm.Read(headerAddress, out Msghdr header);
        Span<byte> address = stackalloc byte[MaxAddressBytes];
        Span<GuestRange> ranges = header.msg_iovlen <= StackRanges ? stackalloc GuestRange[StackRanges] : default;
        error = error == Errno.None ? LoadVector(task, header, ref ranges) : error;
        error = error == Errno.None ? ReadMessageAddress(task, header, ref address) : error;
        scoped SendOperation operation = default;
        error = error == Errno.None
            ? ControlMessages.Read(task, header.msg_control, header.msg_controllen, ref operation.Request)
            : error;
        if (error != Errno.None)
        {
            return error;
        }

        operation.Socket = socket;
        operation.Data = IoSequence.FromGuest(task.Mm, ranges);
        operation.Data.Limit((long)MaxTransferBytes);
        operation.Request.Flags = flags;
        operation.Request.Address = address;
        return Send(task, ref operation);
    }

    private static SyscallResult ReceiveMessage(Task task, SocketFile socket, GuestAddress headerAddress, int flags)
    {
        Errno error = task.Mm.Read(headerAddress, out Msghdr header);
        Span<byte> address = stackalloc byte[MaxAddressBytes];
        Span<GuestRange> ranges = header.msg_iovlen <= StackRanges ? stackalloc GuestRange[StackRanges] : default;
        error = error == Errno.None ? LoadVector(task, header, ref ranges) : error;
        if (error == Errno.None && header.msg_name != 0 && (int)header.msg_namelen < 0)
        {
            error = Errno.EINVAL;
        }

        if (error != Errno.None)
        {
            return error;
        }

        ReceiveOperation operation = new()
        {
            Socket = socket,
            Data = IoSequence.FromGuest(task.Mm, ranges),
            Request = new ReceiveRequest { Flags = flags, Address = header.msg_name == 0 ? default : address },
        };
        SyscallResult result = Receive(task, ref operation);
        if (result.IsError)
        {
            operation.Request.Rights?.Dispose();
            return result;
        }

        error = Report(task, headerAddress, header, ref operation.Request);
        return error == Errno.None ? result : error;
    }

    private static Errno Report(Task task, GuestAddress headerAddress, in Msghdr header, ref ReceiveRequest request)
    {
        ulong room = header.msg_controllen;
        Errno error = ControlMessages.Write(task, header.msg_control, room, ref request, out ulong used);
        if (header.msg_name != 0 && error == Errno.None)
        {
            int length = (int)Math.Min((uint)request.AddressBytes, header.msg_namelen);
            error = task.Mm.CopyOut(new GuestAddress(header.msg_name), request.Address[..length]);
        }

        if (header.msg_name != 0 && error == Errno.None)
        {
            error = task.Mm.Write(headerAddress.Field(NameLengthOffset), request.AddressBytes);
        }

        int cloexec = request.Flags & Sockets.MSG_CMSG_CLOEXEC;
        error = error == Errno.None
            ? task.Mm.Write(headerAddress.Field(MessageFlagsOffset), request.MessageFlags | cloexec)
            : error;
        return error == Errno.None ? task.Mm.Write(headerAddress.Field(ControlLengthOffset), used) : error;
    }

    private static Errno ReadMessageAddress(Task task, in Msghdr header, ref Span<byte> address)
    {
        if (header.msg_name == 0)
        {
            address = default;
            return Errno.None;
        }

        int length = (int)header.msg_namelen;
        return length < 0
            ? Errno.EINVAL
            : ReadAddress(task, new GuestAddress(header.msg_name), Math.Min(length, MaxAddressBytes), ref address);
    }

    /// <summary>
    /// Reads the iovec of a message. EMSGSIZE for more than UIO_MAXIOV, EINVAL for a negative length, EFAULT.
    /// </summary>
    private static Errno LoadVector(Task task, in Msghdr header, ref Span<GuestRange> ranges)
    {
        if (header.msg_iovlen > Uio.UIO_MAXIOV)
        {
            return Errno.EMSGSIZE;
        }

        int count = (int)header.msg_iovlen;
        Span<Iovec> vector = count <= StackRanges ? stackalloc Iovec[StackRanges] : new Iovec[count];
        vector = vector[..count];
        ranges = count <= StackRanges ? ranges[..count] : new GuestRange[count];
        Errno error = count == 0 ? Errno.None : task.Mm.ReadArray(new GuestAddress(header.msg_iov), vector);
        for (int i = 0; i < count && error == Errno.None; i++)
        {
            if ((long)vector[i].iov_len < 0)
            {
                return Errno.EINVAL;
            }

            bool isValid = GuestRange.TryCreate(new GuestAddress(vector[i].iov_base), vector[i].iov_len, out ranges[i]);
            error = isValid ? Errno.None : Errno.EFAULT;
        }

        return error;
    }

    private static SyscallResult Send(Task task, ref SendOperation operation)
    {
        long timeoutNs = TimeoutOf(operation.Socket, operation.Socket.Options.SendTimeoutNs, operation.Request.Flags);
        Errno error = SocketWait.Run(task, WriteEvents, timeoutNs, ref operation);
        operation.Request.Rights?.Dispose();
        return SyscallResult.Partial(error, operation.Done);
    }

    private static SyscallResult Receive(Task task, ref ReceiveOperation operation)
    {
        SocketOptions options = operation.Socket.Options;
        long timeoutNs = TimeoutOf(operation.Socket, options.ReceiveTimeoutNs, operation.Request.Flags);
        operation.Target = operation.Socket.ReceiveTarget(operation.Request.Flags, operation.Data.Remaining);
        Errno error = SocketWait.Run(task, ReadEvents, timeoutNs, ref operation);
        return SyscallResult.Partial(error, operation.Done);
    }

    private ref struct SendOperation : ISocketOperation
    {
        public SocketFile Socket;
        public IoSequence Data;
        public SendRequest Request;
        public long Done;

        public Errno Try(Task task, out WaitQueue? queue)
        {
            Request.BlockOn = null;
            Errno error = Socket.Send(task, ref Data, ref Request, out long done);
            Done += done;
            queue = Request.BlockOn ?? Socket.Queue;
            return error;
        }
    }

    private ref struct ReceiveOperation : ISocketOperation
    {
        public SocketFile Socket;
        public IoSequence Data;
        public ReceiveRequest Request;

        /// <summary>Bytes to wait for: one, SO_RCVLOWAT, or all with MSG_WAITALL.</summary>
        public long Target;
        public long Done;

        public Errno Try(Task task, out WaitQueue? queue)
        {
            queue = Socket.Queue;
            Errno error = Socket.Receive(task, ref Data, ref Request, out long done);
            Done += done;
            bool isShort = error == Errno.None && done > 0 && Done < Target && Request.Rights is null;
            if (isShort)
            {
                return Errno.EAGAIN;
            }

            return error == Errno.EAGAIN && Done >= Target ? Errno.None : error;
        }
    }
}
