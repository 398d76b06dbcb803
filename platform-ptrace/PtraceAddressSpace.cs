using System;
using System.Collections.Generic;
using System.Threading;
using Abi.Linux;
using HostOs;

namespace Platform.Ptrace;

/// <summary>
/// One stub process. Changes queue up and are made by whoever switches in next, or at once when a context that runs
/// guest code could otherwise
/// go on seeing old memory.
/// </summary>
internal sealed partial class PtraceAddressSpace : IAddressSpace
{
    private const ulong PageMask = 4095;

    /// <summary>Most queued operations before they are made at once: each queued map holds a descriptor.</summary>
    private const int MaxQueued = 192;

    /// <summary>How far back a new operation looks for older ones that it makes pointless.</summary>
    private const int LookBack = 8;

    private readonly PtracePlatform _platform;
    private readonly int _pid;
    private readonly int _slot;

    private readonly Lock _gate = new();

    /// <summary>Operations to be made, in order; guarded by <see cref="_gate"/>.</summary>
    private readonly List<SpaceOperation> _queue = [];

    /// <summary>
    /// What is mapped once the queue has been worked off, possibly more, never less; guarded by <see cref="_gate"/>.
    /// </summary>
    private readonly RangeSet _mapped = new();

    /// <summary>Stub threads of contexts, traced by their host threads; guarded by <see cref="_gate"/>.</summary>
    private int _threads;

    /// <summary>The process has been killed; guarded by <see cref="_gate"/>.</summary>
    private bool _dead;

    /// <summary>Disposed; guarded by <see cref="_gate"/>.</summary>
    private bool _disposed;

    /// <summary>Contexts between <see cref="Enter"/> and <see cref="Leave"/>.</summary>
    private int _running;

    /// <summary>
    /// 1 while the queue is not empty or being worked off: a full fence away from <see cref="_running"/> on both
    /// sides.
    /// </summary>
    private int _pending;

    /// <summary>
    /// The thread that came with the process, until a context takes it; guarded by <see cref="_gate"/>.
    /// </summary>
    private int _spareTid;

    public PtraceAddressSpace(PtracePlatform platform, StubProcess process)
    {
        _platform = platform;
        _pid = process.Pid;
        _slot = process.Slot;
        _spareTid = process.Tid;
    }

    /// <summary>Process id of the stub process, for signals to its threads.</summary>
    public int Pid => _pid;

    public Errno Map(
        ulong address, ulong lengthBytes, int hostFd, ulong fileOffset, MemoryAccess access, MapHint hint)
    {
        if (!TryGetEnd(address, lengthBytes, out ulong end) || (fileOffset & PageMask) != 0)
        {
            return Errno.EINVAL;
        }
        Errno error = HostFcntl.Duplicate(hostFd, out int fd);
        if (error != Errno.None)
        {
            return error;
        }
        lock (_gate)
        {
            if (_dead)
            {
                HostUnistd.Close(fd);
                return Errno.ENOMEM;
            }
            bool replaces = _mapped.Intersects(address, end);
            DropWithin(address, end);
            _queue.Add(new SpaceOperation
            {
                Kind = SpaceOperationKind.Map, Access = access, Hint = hint, Fd = fd,
                Start = address, End = end, FileOffset = fileOffset,
            });
            _mapped.Add(address, end);
            Announce();
            bool visible = replaces && Volatile.Read(ref _running) > 0;
            return visible || _queue.Count >= MaxQueued ? FlushLocked(Flusher(), FlushCause.Call) : Errno.None;
        }
    }

    public Errno Unmap(ulong address, ulong lengthBytes)
    {
        if (!TryGetEnd(address, lengthBytes, out ulong end))
        {
            return Errno.EINVAL;
        }
        lock (_gate)
        {
            if (_dead || !_mapped.Intersects(address, end))
            {
                return Errno.None;
            }
            DropWithin(address, end);
            Enqueue(SpaceOperationKind.Unmap, MemoryAccess.None, address, end);
            _mapped.Remove(address, end);
            return FlushIfVisibleLocked();
        }
    }

    public Errno Protect(ulong address, ulong lengthBytes, MemoryAccess access)
    {
        if (!TryGetEnd(address, lengthBytes, out ulong end))
        {
            return Errno.EINVAL;
        }
        lock (_gate)
        {
            if (_dead)
            {
                return Errno.None;
            }
            // mprotect(2) stops at a hole, so each mapped run is an operation of its own.
            bool any = false;
            for (int i = _mapped.FirstEndingAbove(address); i < _mapped.Count; i++)
            {
                (ulong start, ulong stop) = _mapped[i];
                if (start >= end)
                {
                    break;
                }
                Enqueue(SpaceOperationKind.Protect, access, Math.Max(start, address), Math.Min(stop, end));
                any = true;
            }
            return any ? FlushIfVisibleLocked() : Errno.None;
        }
    }

    public void Dispose()
    {
        PtraceContext.LeaveIfIn(this);
        lock (_gate)
        {
            if (_disposed)
            {
                return;
            }
            _disposed = true;
            Kill();
            ReleaseQueue();
            if (_threads == 0)
            {
                _platform.Service.ReapLater(_pid, _slot);
            }
        }
        _platform.Forget(this);
    }

    /// <summary>Makes a stub thread for a context; ESRCH when the process is gone.</summary>
    public Errno NewThread(out int tid)
    {
        lock (_gate)
        {
            tid = -1;
            if (_dead)
            {
                return Errno.ESRCH;
            }
            tid = _spareTid;
            _spareTid = -1;
            Errno error = tid >= 0 ? Errno.None : _platform.Service.NewThread(_pid, out tid);
            if (error == Errno.None)
            {
                _threads++;
            }
            return error;
        }
    }

    /// <summary>A context's stub thread is gone: it has been reaped, or let go to end by itself.</summary>
    public void ThreadGone()
    {
        lock (_gate)
        {
            _threads--;
            if (_disposed && _threads == 0)
            {
                _platform.Service.ReapLater(_pid, _slot);
            }
        }
    }

    /// <summary>
    /// A context is about to run guest code: all queued operations are made before this returns. False when the
    /// process is gone.
    /// Every true is paired with one <see cref="Leave"/>.
    /// </summary>
    public bool Enter(PtraceContext context)
    {
        Interlocked.Increment(ref _running);
        if (Volatile.Read(ref _pending) == 0)
        {
            return true;
        }
        Interlocked.Decrement(ref _running);
        lock (_gate)
        {
            if (!_dead && _queue.Count > 0)
            {
                FlushLocked(context, FlushCause.Switch);
            }
            if (_dead)
            {
                return false;
            }
            Interlocked.Increment(ref _running);
            return true;
        }
    }

    /// <summary>The context no longer runs guest code.</summary>
    public void Leave() => Interlocked.Decrement(ref _running);

    /// <summary>The end of a page-aligned range below the limit.</summary>
    private bool TryGetEnd(ulong address, ulong lengthBytes, out ulong end)
    {
        end = unchecked(address + lengthBytes);
        bool aligned = ((address | lengthBytes) & PageMask) == 0;
        return aligned && lengthBytes != 0 && end > address && end <= _platform.MaxUserAddress;
    }
}
