using System.Collections.Generic;
using Abi.Linux;
using Sentry.Sync;

namespace Sentry.Socket.NetlinkSockets;

/// <summary>Port ids of NETLINK_ROUTE in one network namespace (netlink(7)).</summary>
internal sealed class NetlinkPorts
{
    private readonly OrderedLock<LeafLevel> _lock = new();

    // Guarded by _lock.
    private readonly HashSet<uint> _taken = new();
    private uint _nextFree = 0xFFFFF000;

    /// <summary>Takes a port; EADDRINUSE.</summary>
    public Errno Bind(uint port)
    {
        using (_lock.Enter())
        {
            return _taken.Add(port) ? Errno.None : Errno.EADDRINUSE;
        }
    }

    /// <summary>Takes <paramref name="wanted"/>, the process id, or another free one.</summary>
    public uint Autobind(uint wanted)
    {
        using (_lock.Enter())
        {
            while (!_taken.Add(wanted))
            {
                wanted = _nextFree--;
            }

            return wanted;
        }
    }

    /// <summary>Gives a port back.</summary>
    public void Unbind(uint port)
    {
        using (_lock.Enter())
        {
            _taken.Remove(port);
        }
    }
}
