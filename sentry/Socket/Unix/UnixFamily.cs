using Abi.Linux;
using Sentry.Kernel;

namespace Sentry.Socket.Unix;

/// <summary>AF_UNIX.</summary>
public sealed class UnixFamily : ISocketFamily
{
    /// <inheritdoc/>
    public Errno Create(Task task, int type, int protocol, out SocketFile? socket)
    {
        socket = null;
        Errno error = Check(ref type, protocol);
        if (error == Errno.None)
        {
            socket = new UnixSocket(task.Kernel, task.Credentials, NamesOf(task), type);
        }

        return error;
    }

    /// <inheritdoc/>
    public Errno CreatePair(Task task, int type, int protocol, out SocketFile? first, out SocketFile? second)
    {
        first = null;
        second = null;
        Errno error = Check(ref type, protocol);
        if (error == Errno.None)
        {
            (first, second) = UnixSocket.CreatePair(task, NamesOf(task), type);
        }

        return error;
    }

    /// <summary>Abstract names that a task sees.</summary>
    public static UnixNameSpace NamesOf(Task task)
    {
        NetNamespace net = task.Namespaces.Net;
        UnixNameSpace names = net.Parts.Get<UnixNameSpace>();
        net.UnixSocketTable ??= names.AppendTable;
        return names;
    }

    // SOCK_RAW means SOCK_DGRAM here, a relic that Linux keeps (unix_create).
    private static Errno Check(ref int type, int protocol)
    {
        if (protocol is not (0 or Sockets.PF_UNIX))
        {
            return Errno.EPROTONOSUPPORT;
        }

        type = type == Sockets.SOCK_RAW ? Sockets.SOCK_DGRAM : type;
        return type is Sockets.SOCK_STREAM or Sockets.SOCK_DGRAM or Sockets.SOCK_SEQPACKET
            ? Errno.None
            : Errno.ESOCKTNOSUPPORT;
    }
}
