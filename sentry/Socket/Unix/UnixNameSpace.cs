using System.Collections.Generic;
using System.Text;
using Abi.Linux;
using Sentry.Sync;

namespace Sentry.Socket.Unix;

/// <summary>
/// Abstract names of one network namespace (unix(7)). Names of different socket types do not meet, as in Linux.
/// </summary>
public sealed class UnixNameSpace
{
    private const uint AutobindLimit = 1 << 20;

    private readonly OrderedLock<LeafLevel> _lock = new();

    // Guarded by _lock.
    private readonly Dictionary<(string Name, int Type), UnixSocket> _names = new();
    private readonly HashSet<UnixSocket> _sockets = new();
    private uint _nextAutobind;

    /// <summary>/proc/sys/net/unix/max_dgram_qlen: datagrams a socket queues before senders wait.</summary>
    public int MaxDatagramQueue { get; set; } = 512;

    /// <summary>Every socket of the namespace, for /proc/net/unix.</summary>
    internal List<UnixSocket> Snapshot()
    {
        using (_lock.Enter())
        {
            return new List<UnixSocket>(_sockets);
        }
    }

    internal void Register(UnixSocket socket)
    {
        using (_lock.Enter())
        {
            _sockets.Add(socket);
        }
    }

    internal void Unregister(UnixSocket socket)
    {
        using (_lock.Enter())
        {
            _sockets.Remove(socket);
        }
    }

    /// <summary>Takes a name; EADDRINUSE.</summary>
    internal Errno Bind(UnixName name, UnixSocket socket)
    {
        using (_lock.Enter())
        {
            return _names.TryAdd(Key(name, socket.Type), socket) ? Errno.None : Errno.EADDRINUSE;
        }
    }

    /// <summary>Takes a free name of five hexadecimal digits; ENOSPC when all are taken.</summary>
    internal Errno Autobind(UnixSocket socket, out UnixName? name)
    {
        using (_lock.Enter())
        {
            for (uint tries = 0; tries < AutobindLimit; tries++)
            {
                uint number = _nextAutobind++ % AutobindLimit;
                name = new UnixName(Encoding.Latin1.GetBytes("\0" + number.ToString("x5")), UnixNameKind.Abstract);
                if (_names.TryAdd(Key(name, socket.Type), socket))
                {
                    return Errno.None;
                }
            }
        }

        name = null;
        return Errno.ENOSPC;
    }

    /// <summary>
    /// Gives a name back; nothing happens when it is another socket's (an accepted socket shows its listener's name).
    /// </summary>
    internal void Unbind(UnixName name, UnixSocket socket)
    {
        using (_lock.Enter())
        {
            (string Name, int Type) key = Key(name, socket.Type);
            if (_names.GetValueOrDefault(key) == socket)
            {
                _names.Remove(key);
            }
        }
    }

    /// <summary>The socket bound to a name; null when there is none.</summary>
    internal UnixSocket? Find(UnixName name, int type)
    {
        using (_lock.Enter())
        {
            return _names.GetValueOrDefault(Key(name, type));
        }
    }

    private static (string Name, int Type) Key(UnixName name, int type) =>
        (Encoding.Latin1.GetString(name.Bytes), type);
}
