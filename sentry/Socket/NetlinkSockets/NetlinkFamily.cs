using Abi.Linux;
using Sentry.Kernel;

namespace Sentry.Socket.NetlinkSockets;

/// <summary>
/// AF_NETLINK: NETLINK_ROUTE only, and of that what asks for interfaces, addresses and routes (rtnetlink(7)).
/// </summary>
public sealed class NetlinkFamily : ISocketFamily
{
    /// <inheritdoc/>
    public Errno Create(Task task, int type, int protocol, out SocketFile? socket)
    {
        socket = null;
        if (type is not (Sockets.SOCK_RAW or Sockets.SOCK_DGRAM))
        {
            return Errno.ESOCKTNOSUPPORT;
        }

        if (protocol != Netlink.NETLINK_ROUTE)
        {
            return Errno.EPROTONOSUPPORT;
        }

        NetlinkPorts ports = task.Namespaces.Net.Parts.Get<NetlinkPorts>();
        socket = new NetlinkSocket(task.Kernel, task.Credentials, ports, type, protocol);
        return Errno.None;
    }

    /// <inheritdoc/>
    public Errno CreatePair(Task task, int type, int protocol, out SocketFile? first, out SocketFile? second)
    {
        first = null;
        second = null;
        return Errno.EOPNOTSUPP;
    }
}
