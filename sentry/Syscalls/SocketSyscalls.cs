using System;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Socket;
using Sentry.Vfs;

namespace Sentry.Syscalls;

/// <summary>socket(2), socketpair(2), names, connections and options.</summary>
public static partial class SocketSyscalls
{
    private const int TypeFlags = Sockets.SOCK_CLOEXEC | Sockets.SOCK_NONBLOCK;
    private const int TypeMask = 0xF;
    private const int MaxAddressBytes = 128;
    private const int MaxOptionBytes = 4096;

    /// <summary>socket(int domain, int type, int protocol).</summary>
    public static SyscallResult Socket(Task task, in SyscallArguments args)
    {
        int type = args.Int(1);
        Errno error = FindFamily(args.Int(0), type, out ISocketFamily? family);
        SocketFile? socket = null;
        if (error == Errno.None)
        {
            error = family!.Create(task, type & TypeMask, args.Int(2), out socket);
        }

        if (error != Errno.None)
        {
            return error;
        }

        socket!.Flags |= type & Sockets.SOCK_NONBLOCK;
        return Descriptors.Install(task, socket, type & Sockets.SOCK_CLOEXEC);
    }

    /// <summary>socketpair(int domain, int type, int protocol, int sv[2]).</summary>
    public static SyscallResult Socketpair(Task task, in SyscallArguments args)
    {
        int type = args.Int(1);
        Errno error = FindPairFamily(args.Int(0), type, out ISocketFamily? family);
        SocketFile? first = null;
        SocketFile? second = null;
        if (error == Errno.None)
        {
            error = family!.CreatePair(task, type & TypeMask, args.Int(2), out first, out second);
        }

        if (error != Errno.None)
        {
            return error;
        }

        first!.Flags |= type & Sockets.SOCK_NONBLOCK;
        second!.Flags |= type & Sockets.SOCK_NONBLOCK;
        return Descriptors.InstallPair(task, first, second, type & Sockets.SOCK_CLOEXEC, args.Address(3));
    }

    /// <summary>bind(int sockfd, const struct sockaddr *addr, socklen_t addrlen).</summary>
    public static SyscallResult Bind(Task task, in SyscallArguments args)
    {
        using FdReference descriptor = task.FdTable.Borrow(args.Int(0));
        Errno error = AsSocket(descriptor, out SocketFile? socket);
        Span<byte> address = stackalloc byte[MaxAddressBytes];
        error = error == Errno.None ? ReadAddress(task, args.Address(1), args.Int(2), ref address) : error;
        return error == Errno.None ? socket!.Bind(task, address) : error;
    }

    /// <summary>listen(int sockfd, int backlog).</summary>
    public static SyscallResult Listen(Task task, in SyscallArguments args)
    {
        using FdReference descriptor = task.FdTable.Borrow(args.Int(0));
        Errno error = AsSocket(descriptor, out SocketFile? socket);
        return error == Errno.None ? socket!.Listen(task, args.Int(1)) : error;
    }

    /// <summary>connect(int sockfd, const struct sockaddr *addr, socklen_t addrlen).</summary>
    public static SyscallResult Connect(Task task, in SyscallArguments args)
    {
        using FdReference descriptor = task.FdTable.Borrow(args.Int(0));
        Errno error = AsSocket(descriptor, out SocketFile? socket);
        Span<byte> address = stackalloc byte[MaxAddressBytes];
        error = error == Errno.None ? ReadAddress(task, args.Address(1), args.Int(2), ref address) : error;
        if (error != Errno.None)
        {
            return error;
        }

        ConnectOperation operation = new() { Socket = socket!, Address = address };
        return SocketWait.Run(task, WriteEvents, TimeoutOf(socket!, socket!.Options.SendTimeoutNs, 0), ref operation);
    }

    /// <summary>accept(int sockfd, struct sockaddr *addr, socklen_t *addrlen).</summary>
    public static SyscallResult Accept(Task task, in SyscallArguments args) => AcceptWith(task, args, 0);

    /// <summary>accept4(int sockfd, struct sockaddr *addr, socklen_t *addrlen, int flags).</summary>
    public static SyscallResult Accept4(Task task, in SyscallArguments args)
    {
        int flags = args.Int(3);
        return (flags & ~TypeFlags) != 0 ? Errno.EINVAL : AcceptWith(task, args, flags);
    }

    /// <summary>shutdown(int sockfd, int how).</summary>
    public static SyscallResult Shutdown(Task task, in SyscallArguments args)
    {
        using FdReference descriptor = task.FdTable.Borrow(args.Int(0));
        Errno error = AsSocket(descriptor, out SocketFile? socket);
        return error == Errno.None ? socket!.Shutdown(task, args.Int(1)) : error;
    }

    /// <summary>getsockname(int sockfd, struct sockaddr *addr, socklen_t *addrlen).</summary>
    public static SyscallResult Getsockname(Task task, in SyscallArguments args)
    {
        using FdReference descriptor = task.FdTable.Borrow(args.Int(0));
        Errno error = AsSocket(descriptor, out SocketFile? socket);
        Span<byte> address = stackalloc byte[MaxAddressBytes];
        int length = 0;
        error = error == Errno.None ? socket!.GetName(task, address, out length) : error;
        return error == Errno.None ? WriteAddress(task, address[..length], args.Address(1), args.Address(2)) : error;
    }

    /// <summary>getpeername(int sockfd, struct sockaddr *addr, socklen_t *addrlen).</summary>
    public static SyscallResult Getpeername(Task task, in SyscallArguments args)
    {
        using FdReference descriptor = task.FdTable.Borrow(args.Int(0));
        Errno error = AsSocket(descriptor, out SocketFile? socket);
        Span<byte> address = stackalloc byte[MaxAddressBytes];
        int length = 0;
        error = error == Errno.None ? socket!.GetPeerName(task, address, out length) : error;
        return error == Errno.None ? WriteAddress(task, address[..length], args.Address(1), args.Address(2)) : error;
    }

    /// <summary>setsockopt(int sockfd, int level, int optname, const void *optval, socklen_t optlen).</summary>
    public static SyscallResult Setsockopt(Task task, in SyscallArguments args)
    {
        int length = args.Int(4);
        if (length < 0)
        {
            return Errno.EINVAL;
        }

        using FdReference descriptor = task.FdTable.Borrow(args.Int(0));
        Errno error = AsSocket(descriptor, out SocketFile? socket);
        if (error != Errno.None)
        {
            return error;
        }

        Span<byte> value = stackalloc byte[MaxOptionBytes];
        value = value[..Math.Min(length, MaxOptionBytes)];
        error = task.Mm.CopyIn(args.Address(3), value);
        return error == Errno.None ? socket!.SetOption(task, args.Int(1), args.Int(2), value) : error;
    }

    /// <summary>getsockopt(int sockfd, int level, int optname, void *optval, socklen_t *optlen).</summary>
    public static SyscallResult Getsockopt(Task task, in SyscallArguments args)
    {
        using FdReference descriptor = task.FdTable.Borrow(args.Int(0));
        Errno error = AsSocket(descriptor, out SocketFile? socket);
        int length = 0;
        error = error == Errno.None ? task.Mm.Read(args.Address(4), out length) : error;
        if (error == Errno.None && length < 0)
        {
            error = Errno.EINVAL;
        }

        if (error != Errno.None)
        {
            return error;
        }

        Span<byte> value = stackalloc byte[MaxOptionBytes];
        value = value[..Math.Min(length, MaxOptionBytes)];
        error = socket!.GetOption(task, args.Int(1), args.Int(2), value, out int written);
        if (error == Errno.None)
        {
            error = task.Mm.CopyOut(args.Address(3), value[..Math.Min(written, value.Length)]);
        }

        // ERANGE of SO_PEERGROUPS still says how much room is needed.
        bool isTold = error is Errno.None or Errno.ERANGE;
        Errno told = isTold ? task.Mm.Write(args.Address(4), written) : Errno.None;
        return error == Errno.None ? told : error;
    }

    private static Errno FindFamily(int domain, int type, out ISocketFamily? family)
    {
        family = null;
        return (type & ~(TypeMask | TypeFlags)) != 0
            ? Errno.EINVAL
            : SocketFamilies.Find(domain, type & TypeMask, out family);
    }

    private static Errno FindPairFamily(int domain, int type, out ISocketFamily? family)
    {
        family = null;
        return (type & ~(TypeMask | TypeFlags)) != 0
            ? Errno.EINVAL
            : SocketFamilies.FindForPair(domain, type & TypeMask, out family);
    }

    private static SyscallResult AcceptWith(Task task, in SyscallArguments args, int flags)
    {
        using FdReference descriptor = task.FdTable.Borrow(args.Int(0));
        Errno error = AsSocket(descriptor, out SocketFile? listener);
        if (error != Errno.None)
        {
            return error;
        }

        AcceptOperation operation = new() { Listener = listener! };
        long timeoutNs = TimeoutOf(listener!, listener!.Options.ReceiveTimeoutNs, 0);
        error = SocketWait.Run(task, ReadEvents, timeoutNs, ref operation);
        if (error != Errno.None)
        {
            return error;
        }

        SocketFile accepted = operation.Accepted!;
        accepted.Flags |= flags & Sockets.SOCK_NONBLOCK;
        if (!args.Address(1).IsNull)
        {
            Span<byte> address = stackalloc byte[MaxAddressBytes];
            error = accepted.GetPeerName(task, address, out int length);
            error = error == Errno.ENOTCONN ? Errno.ECONNABORTED : error;
            error = error == Errno.None
                ? WriteAddress(task, address[..length], args.Address(1), args.Address(2))
                : error;
        }

        if (error != Errno.None)
        {
            accepted.DropReference(task);
            return error;
        }

        return Descriptors.Install(task, accepted, flags & Sockets.SOCK_CLOEXEC);
    }

    /// <summary>EBADF, ENOTSOCK.</summary>
    private static Errno AsSocket(in FdReference descriptor, out SocketFile? socket)
    {
        socket = descriptor.File as SocketFile;
        if (socket is not null)
        {
            return Errno.None;
        }

        return descriptor.File is null || (descriptor.File.Flags & Fcntl.O_PATH) != 0 ? Errno.EBADF : Errno.ENOTSOCK;
    }

    private static Errno ReadAddress(Task task, GuestAddress address, int length, ref Span<byte> buffer)
    {
        if ((uint)length > MaxAddressBytes)
        {
            return Errno.EINVAL;
        }

        buffer = buffer[..length];
        return length == 0 ? Errno.None : task.Mm.CopyIn(address, buffer);
    }

    /// <summary>Writes what fits of an address, and its real length (move_addr_to_user).</summary>
    private static Errno WriteAddress(
        Task task, ReadOnlySpan<byte> value, GuestAddress address, GuestAddress lengthAddress)
    {
        Errno error = task.Mm.Read(lengthAddress, out int room);
        if (error != Errno.None)
        {
            return error;
        }

        if (room < 0)
        {
            return Errno.EINVAL;
        }

        error = task.Mm.CopyOut(address, value[..Math.Min(room, value.Length)]);
        return error == Errno.None ? task.Mm.Write(lengthAddress, value.Length) : error;
    }

    private static long TimeoutOf(SocketFile socket, long optionNs, int flags)
    {
        bool isNonblocking = (socket.Flags & Fcntl.O_NONBLOCK) != 0 || (flags & Sockets.MSG_DONTWAIT) != 0;
        return isNonblocking ? 0 : optionNs;
    }

    private ref struct ConnectOperation : ISocketOperation
    {
        public SocketFile Socket;
        public ReadOnlySpan<byte> Address;

        public readonly Errno Try(Task task, out WaitQueue? queue)
        {
            Errno error = Socket.Connect(task, Address, out queue);
            queue ??= Socket.Queue;
            return error;
        }
    }

    private struct AcceptOperation : ISocketOperation
    {
        public SocketFile Listener;
        public SocketFile? Accepted;

        public Errno Try(Task task, out WaitQueue? queue)
        {
            queue = Listener.Queue;
            return Listener.Accept(task, out Accepted);
        }
    }
}
