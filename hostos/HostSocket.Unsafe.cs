using System;
using System.Runtime.InteropServices;
using Abi.Linux;
using N = Abi.Linux.SysNr;

namespace HostOs;

/// <summary><c>&lt;sys/socket.h&gt;</c>, with descriptor passing (unix(7), SCM_RIGHTS).</summary>
// SAFETY: the wrappers hand the kernel addresses of locals and pinned spans, with their true lengths.
public static unsafe class HostSocket
{
    public const int AfUnix = 1;
    public const int AfInet = 2;
    public const int AfPacket = 17;
    public const int Stream = 1;
    public const int Datagram = 2;
    public const int SeqPacket = 5;
    public const int Cloexec = 0x80000;
    public const int NonBlock = 0x800;

    public const int MsgPeek = 2;
    public const int MsgTruncate = 0x20;
    public const int MsgDontWait = 0x40;
    public const int MsgNoSignal = 0x4000;
    public const int MsgCmsgCloexec = 0x40000000;
    public const int MsgControlTruncated = 8;

    /// <summary>Most descriptors one message may carry here (the kernel's own limit, SCM_MAX_FD, is 253).</summary>
    public const int MaxPassedFds = 64;

    private const int SolSocket = 1;
    private const int ScmRights = 1;
    private const int CmsgHeaderBytes = 16;

    [StructLayout(LayoutKind.Sequential)]
    private struct MsgHdr
    {
        public nint Name;
        public uint NameLength;
        private readonly uint _pad0;
        public nint Iov;
        public nuint IovCount;
        public nint Control;
        public nuint ControlLength;
        public int Flags;
        private readonly uint _pad1;
    }

    /// <summary>socket(2).</summary>
    public static Errno Socket(int domain, int type, int protocol, out int fd) =>
        HostSyscall.Split(HostSyscall.Invoke(N.socket, domain, type, protocol), out fd);

    /// <summary>socketpair(2).</summary>
    public static Errno SocketPair(int domain, int type, int protocol, out int first, out int second)
    {
        // SAFETY: the kernel writes two ints.
        int* pair = stackalloc int[2];
        pair[0] = pair[1] = -1;
        Errno error = HostSyscall.ToErrno(HostSyscall.Invoke(N.socketpair, domain, type, protocol, (nint)pair));
        first = pair[0];
        second = pair[1];
        return error;
    }

    /// <summary>bind(2) to a raw socket address.</summary>
    public static Errno Bind(int fd, ReadOnlySpan<byte> address)
    {
        // SAFETY: the kernel reads Length bytes of the pinned span.
        fixed (byte* p = address)
        {
            return HostSyscall.ToErrno(HostSyscall.Invoke(N.bind, fd, (nint)p, address.Length));
        }
    }

    /// <summary>connect(2) to a raw socket address.</summary>
    public static Errno Connect(int fd, ReadOnlySpan<byte> address)
    {
        // SAFETY: the kernel reads Length bytes of the pinned span.
        fixed (byte* p = address)
        {
            return HostSyscall.ToErrno(HostSyscall.Invoke(N.connect, fd, (nint)p, address.Length));
        }
    }

    /// <summary>listen(2).</summary>
    public static Errno Listen(int fd, int backlog) => HostSyscall.ToErrno(HostSyscall.Invoke(N.listen, fd, backlog));

    /// <summary>accept4(2) without the peer's address.</summary>
    public static Errno Accept4(int fd, int flags, out int connection) =>
        HostSyscall.Split(HostSyscall.Invoke(N.accept4, fd, 0, 0, flags), out connection);

    /// <summary>shutdown(2).</summary>
    public static Errno Shutdown(int fd, int how) => HostSyscall.ToErrno(HostSyscall.Invoke(N.shutdown, fd, how));

    /// <summary>setsockopt(2).</summary>
    public static Errno SetOption(int fd, int level, int name, ReadOnlySpan<byte> value)
    {
        // SAFETY: the kernel reads Length bytes of the pinned span.
        fixed (byte* p = value)
        {
            return HostSyscall.ToErrno(HostSyscall.Invoke(N.setsockopt, fd, level, name, (nint)p, value.Length));
        }
    }

    /// <summary>getsockopt(2); <paramref name="length"/> is the size of the option's value.</summary>
    public static Errno GetOption(int fd, int level, int name, Span<byte> value, out int length)
    {
        // SAFETY: the kernel writes at most Length bytes of the pinned span and the length into a local.
        int bytes = value.Length;
        fixed (byte* p = value)
        {
            long r = HostSyscall.Invoke(N.getsockopt, fd, level, name, (nint)p, (nint)(&bytes));
            length = bytes;
            return HostSyscall.ToErrno(r);
        }
    }

    /// <summary>
    /// sendmsg(2) of one buffer and up to <see cref="MaxPassedFds"/> descriptors; MSG_NOSIGNAL is always set.
    /// </summary>
    public static Errno Send(int fd, ReadOnlySpan<byte> data, ReadOnlySpan<int> fds, int flags, out int done)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(fds.Length, MaxPassedFds);
        // SAFETY: control holds one header and MaxPassedFds ints; data is pinned while the kernel reads it.
        byte* control = stackalloc byte[CmsgHeaderBytes + (MaxPassedFds * sizeof(int))];
        fixed (byte* p = data)
        {
            var piece = new HostIovec((nint)p, (nuint)data.Length);
            var message = new MsgHdr { Iov = (nint)(&piece), IovCount = 1 };
            if (!fds.IsEmpty)
            {
                message.Control = (nint)control;
                message.ControlLength = (nuint)(CmsgHeaderBytes + ((fds.Length * sizeof(int)) + 7 & ~7));
                *(nuint*)control = (nuint)(CmsgHeaderBytes + (fds.Length * sizeof(int)));
                ((int*)control)[2] = SolSocket;
                ((int*)control)[3] = ScmRights;
                fds.CopyTo(new Span<int>(control + CmsgHeaderBytes, MaxPassedFds));
            }
            long r = HostSyscall.Invoke(N.sendmsg, fd, (nint)(&message), flags | MsgNoSignal);
            return HostSyscall.Split(r, out done);
        }
    }

    /// <summary>
    /// recvmsg(2) of one buffer and the descriptors that come with it (close-on-exec). Descriptors beyond the span
    /// are closed and
    /// EMSGSIZE is returned, with the data in place. <paramref name="done"/> is 0 at the end of the stream.
    /// </summary>
    public static Errno Receive(int fd, Span<byte> data, Span<int> fds, int flags, out int done, out int fdCount)
    {
        const int ControlBytes = CmsgHeaderBytes + (MaxPassedFds * sizeof(int));
        fdCount = 0;
        // SAFETY: the kernel writes at most ControlBytes of control and Length bytes of the pinned span.
        byte* control = stackalloc byte[ControlBytes];
        fixed (byte* p = data)
        {
            var piece = new HostIovec((nint)p, (nuint)data.Length);
            var message = new MsgHdr
            {
                Iov = (nint)(&piece), IovCount = 1, Control = (nint)control, ControlLength = ControlBytes,
            };
            long r = HostSyscall.Invoke(N.recvmsg, fd, (nint)(&message), flags | MsgCmsgCloexec);
            Errno error = HostSyscall.Split(r, out done);
            if (error != Errno.None)
            {
                return error;
            }
            fdCount = TakeFds(control, message.ControlLength, fds, out bool dropped);
            bool cut = dropped || (message.Flags & MsgControlTruncated) != 0;
            return cut ? Errno.EMSGSIZE : Errno.None;
        }
    }

    // SAFETY: control holds length bytes written by the kernel; every record is bounds-checked before it is read.
    private static int TakeFds(byte* control, nuint length, Span<int> fds, out bool dropped)
    {
        int count = 0;
        dropped = false;
        nuint at = 0;
        while (at + CmsgHeaderBytes <= length)
        {
            nuint bytes = *(nuint*)(control + at);
            if (bytes < CmsgHeaderBytes || bytes > length - at)
            {
                break;
            }
            int* header = (int*)(control + at);
            bool rights = header[2] == SolSocket && header[3] == ScmRights;
            int n = rights ? (int)(bytes - CmsgHeaderBytes) / sizeof(int) : 0;
            for (int i = 0; i < n; i++)
            {
                int received = ((int*)(control + at + CmsgHeaderBytes))[i];
                if (count < fds.Length)
                {
                    fds[count++] = received;
                    continue;
                }
                HostUnistd.Close(received);
                dropped = true;
            }
            at += (bytes + 7) & ~(nuint)7;
        }
        return count;
    }
}
