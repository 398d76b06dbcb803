using System.Collections.Generic;
using System.Globalization;
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

    /// <summary>The rows of /proc/net/unix.</summary>
    public void AppendTable(StringBuilder text)
    {
        const int AcceptsConnections = 0x10000;
        const int Unconnected = 1;
        const int Connected = 3;
        List<UnixSocket> sockets;
        using (_lock.Enter())
        {
            sockets = new List<UnixSocket>(_sockets);
        }

        foreach (UnixSocket socket in sockets)
        {
            int flags = socket.IsListening ? AcceptsConnections : 0;
            int state = socket.State == UnixSocket.UnixState.Connected ? Connected : Unconnected;
            text.Append(CultureInfo.InvariantCulture, $"{0:x16}: {socket.ReferenceCount:X8} {0:X8} {flags:X8} ")
                .Append(CultureInfo.InvariantCulture, $"{socket.Type:X4} {state:X2} {socket.InodeNumber,5}");
            if (socket.Name is { } name)
            {
                string path = Encoding.Latin1.GetString(name.Bytes);
                bool isAbstract = name.Kind == UnixNameKind.Abstract;
                text.Append(' ').Append(isAbstract ? path.Replace('\0', '@') : path.TrimEnd('\0'));
            }

            text.Append('\n');
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
