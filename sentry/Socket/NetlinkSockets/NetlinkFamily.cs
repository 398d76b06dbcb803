using Abi.Linux;
using Sentry.Kernel;

namespace Sentry.Socket.NetlinkSockets;

/// <summary>
/// AF_NETLINK: of NETLINK_ROUTE what asks for interfaces, addresses and routes (rtnetlink(7)); of NETLINK_GENERIC the
/// controller and TASKSTATS.
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

        if (protocol is not (Netlink.NETLINK_ROUTE or Netlink.NETLINK_GENERIC))
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
