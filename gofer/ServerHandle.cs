using System.Collections.Generic;
using System.Threading;
using Abi.Linux;
using HostOs;
using Lisafs;

namespace Gofer;

/// <summary>
/// A file a client holds: an O_PATH descriptor and the attach point it was reached from. Counted, because a
/// (hostile) client may close a handle while another channel uses it, and a descriptor number must not change its
/// meaning under that use.
/// </summary>
internal sealed class ServerHandle(int fd, AttachPoint attachPoint, uint fileType)
{
    private int _references = 1;

    /// <summary>Guards <see cref="StreamFd"/> and its position.</summary>
    internal readonly Lock StreamLock = new();

    /// <summary>O_PATH descriptor.</summary>
    internal int Fd { get; } = fd;

    /// <summary>Where it was reached from.</summary>
    internal AttachPoint AttachPoint { get; } = attachPoint;

    /// <summary>S_IFMT bits.</summary>
    internal uint FileType { get; } = fileType;

    /// <summary>Descriptor for getdents64, -1 until the directory is first read.</summary>
    internal int StreamFd { get; set; } = -1;

    internal bool IsDirectory => FileType == StatMode.S_IFDIR;

    internal bool IsReadOnly => (AttachPoint.Flags & AttachFlags.ReadOnly) != 0;

    /// <summary>One more user; under the table's lock, so the count is never zero here.</summary>
    internal void AddReference() => Interlocked.Increment(ref _references);

    /// <summary>One user fewer; the last closes the descriptors.</summary>
    internal void DropReference()
    {
        if (Interlocked.Decrement(ref _references) != 0)
        {
            return;
        }

        HostUnistd.Close(Fd);
        if (StreamFd >= 0)
        {
            HostUnistd.Close(StreamFd);
        }
    }
}

/// <summary>
/// Handles by number. Numbers are never 0 and are given out in rising order, so that a stale one rarely names
/// something new.
/// </summary>
internal sealed class HandleTable
{
    private readonly Lock _lock = new();
    private readonly Dictionary<uint, ServerHandle> _handles = new();
    private uint _last;

    /// <summary>Open handles.</summary>
    internal int Count
    {
        get
        {
            lock (_lock)
            {
                return _handles.Count;
            }
        }
    }

    /// <summary>Gives a number to a handle and takes over its reference.</summary>
    internal uint Add(ServerHandle handle)
    {
        lock (_lock)
        {
            do
            {
                _last = unchecked(_last + 1);
            }
            while (_last == Protocol.NoHandle || _handles.ContainsKey(_last));

            _handles.Add(_last, handle);
            return _last;
        }
    }

    /// <summary>Finds a handle and takes a reference on it; EBADF.</summary>
    internal Errno Acquire(uint number, out ServerHandle? handle)
    {
        lock (_lock)
        {
            if (!_handles.TryGetValue(number, out handle))
            {
                return Errno.EBADF;
            }

            handle.AddReference();
            return Errno.None;
        }
    }

    /// <summary>Forgets a handle; false when there is none.</summary>
    internal bool Remove(uint number)
    {
        ServerHandle? handle;
        lock (_lock)
        {
            if (!_handles.Remove(number, out handle))
            {
                return false;
            }
        }

        handle.DropReference();
        return true;
    }

    /// <summary>Forgets all.</summary>
    internal void Clear()
    {
        lock (_lock)
        {
            foreach (ServerHandle handle in _handles.Values)
            {
                handle.DropReference();
            }

            _handles.Clear();
        }
    }
}
