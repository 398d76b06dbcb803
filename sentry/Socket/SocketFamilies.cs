using System.Collections.Generic;
using Abi.Linux;
using Sentry.Kernel;

namespace Sentry.Socket;

/// <summary>Makes the sockets of one family.</summary>
public interface ISocketFamily
{
    /// <summary>socket(2); <paramref name="type"/> without SOCK_NONBLOCK and SOCK_CLOEXEC.</summary>
    Errno Create(Task task, int type, int protocol, out SocketFile? socket);

    /// <summary>socketpair(2); EOPNOTSUPP where there is no such thing.</summary>
    Errno CreatePair(Task task, int type, int protocol, out SocketFile? first, out SocketFile? second);
}

/// <summary>The families of this kernel by their AF_* number.</summary>
public static class SocketFamilies
{
    // AF_MAX and SOCK_MAX of the kernel.
    private const int MaxFamily = 46;
    private const int MaxType = 11;

    private static readonly Dictionary<int, ISocketFamily> s_families = new()
    {
        [Sockets.AF_UNIX] = new Unix.UnixFamily(),
        [Sockets.AF_NETLINK] = new NetlinkSockets.NetlinkFamily(),
    };

    /// <summary>
    /// The family of a number: EAFNOSUPPORT for those nobody implements, EINVAL for a type that cannot be.
    /// </summary>
    public static Errno Find(int family, int type, out ISocketFamily? result)
    {
        result = null;
        if (family is < 0 or >= MaxFamily)
        {
            return Errno.EAFNOSUPPORT;
        }

        if (type is < 0 or >= MaxType)
        {
            return Errno.EINVAL;
        }

        return s_families.TryGetValue(family, out result) ? Errno.None : Errno.EAFNOSUPPORT;
    }

    /// <summary>
    /// As <see cref="Find"/> for socketpair(2): EOPNOTSUPP for the families of Linux that know no pairs, be they
    /// implemented or not.
    /// </summary>
    public static Errno FindForPair(int family, int type, out ISocketFamily? result)
    {
        Errno error = Find(family, type, out result);
        bool hasNoPairs = error == Errno.EAFNOSUPPORT && family is Sockets.AF_INET or Sockets.AF_INET6;
        return hasNoPairs ? Errno.EOPNOTSUPP : error;
    }
}
