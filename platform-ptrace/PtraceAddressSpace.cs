using System.Threading;
using Abi.Linux;
using HostOs;
using Platform.Stubs;

namespace Platform.Ptrace;

/// <summary>
/// One stub process. Changes queue up and are made by whoever switches in next, or at once when a context that runs
/// guest code could otherwise
/// go on seeing old memory.
/// </summary>
internal sealed partial class PtraceAddressSpace : IAddressSpace, IScriptRunner
{
    private const ulong PageMask = 4095;

    /// <summary>Most queued operations before they are made at once: each queued map holds a descriptor.</summary>
    private const int MaxQueued = 192;

    private readonly PtracePlatform _platform;
    private readonly int _pid;
    private readonly int _slot;

    private readonly Lock _gate = new();

    /// <summary>Operations to be made, in order; guarded by <see cref="_gate"/>.</summary>
    private readonly OperationQueue _queue = new();

    /// <summary>
    /// Who runs the scripts of the flush under way, null for the service thread; guarded by <see cref="_gate"/>.
    /// </summary>
    private PtraceContext? _flusher;

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
            bool replaces = _queue.IsMapped(address, end);
            _queue.Map(new SpaceOperation
            {
                Kind = SpaceOperationKind.Map, Access = access, Hint = hint, Fd = fd,
                Start = address, End = end, FileOffset = fileOffset,
            });
            Announce();
            bool visible = replaces && Volatile.Read(ref _running) > 0;
            visible |= _queue.WasRefused(address, end);
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
            return _dead || !_queue.Unmap(address, end) ? Errno.None : FlushIfVisibleLocked();
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
            return _dead || !_queue.Protect(address, end, access) ? Errno.None : FlushIfVisibleLocked();
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
            _queue.Release();
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
