using System;
using System.Collections.Generic;
using Abi.Linux;
using Sentry.Mm;
using Sentry.Sync;

namespace Sentry.Kernel;

/// <summary>
/// One asynchronous I/O context (io_setup(2)): completions that wait for io_getevents(2). Linux completes buffered file
/// I/O before io_submit(2) returns, and so does this kernel: nothing is ever in flight.
/// </summary>
public sealed class AioContext
{
    private readonly int _capacity;

    private readonly OrderedLock<LeafLevel> _lock = new();

    // Guarded by _lock.
    private readonly Queue<IoEvent> _events = new();
    private bool _isDead;

    internal AioContext(GuestRange ring, int capacity)
    {
        Ring = ring;
        _capacity = capacity;
    }

    /// <summary>Pages of the guest whose address is the id of the context. They hold no ring: user space that looks for
    /// one finds no magic number there and makes the system call.</summary>
    public GuestRange Ring { get; }

    /// <summary>Notified at a completion and at the end of the context.</summary>
    public WaitQueue Queue { get; } = new();

    /// <summary>True after io_destroy(2).</summary>
    public bool IsDead
    {
        get
        {
            using (_lock.Enter())
            {
                return _isDead;
            }
        }
    }

    /// <summary>Is there room for one more completion? Only requests of other threads can take it meanwhile; the room
    /// is a limit, not a buffer.</summary>
    public bool HasRoom
    {
        get
        {
            using (_lock.Enter())
            {
                return _events.Count < _capacity;
            }
        }
    }

    /// <summary>Adds a completion.</summary>
    public void Complete(in IoEvent completion)
    {
        using (_lock.Enter())
        {
            _events.Enqueue(completion);
        }

        Queue.Notify(1);
    }

    /// <summary>Takes the oldest completion.</summary>
    public bool TryTake(out IoEvent completion)
    {
        using (_lock.Enter())
        {
            return _events.TryDequeue(out completion);
        }
    }

    internal void End()
    {
        using (_lock.Enter())
        {
            _isDead = true;
        }

        Queue.Notify(1);
    }
}

/// <summary>The contexts of one address space; they end with it.</summary>
public sealed class AioContextTable
{
    /// <summary>/proc/sys/fs/aio-max-nr: most requests of one address space.</summary>
    public const uint MaxRequests = 65536;

    private readonly OrderedLock<LeafLevel> _lock = new();

    // Guarded by _lock.
    private readonly Dictionary<ulong, AioContext> _contexts = new();
    private readonly Dictionary<ulong, uint> _asked = new();
    private uint _requests;

    /// <summary>Counts requests against the limit before a context is made; EAGAIN.</summary>
    internal bool TryCharge(uint requests)
    {
        using (_lock.Enter())
        {
            if (requests > MaxRequests - _requests)
            {
                return false;
            }

            _requests += requests;
            return true;
        }
    }

    internal void Uncharge(uint requests)
    {
        using (_lock.Enter())
        {
            _requests -= requests;
        }
    }

    /// <summary>Makes a context whose requests were charged; it has room for more than asked, as Linux's ring of whole
    /// pages does (fs/aio.c, aio_setup_ring).</summary>
    internal void Add(GuestRange ring, uint requests)
    {
        const int MinimumCapacity = 126;
        using (_lock.Enter())
        {
            _contexts[ring.Start] = new AioContext(ring, Math.Max(MinimumCapacity, (int)requests));
            _asked[ring.Start] = requests;
        }
    }

    /// <summary>The context with this id; null when there is none.</summary>
    public AioContext? Find(ulong id)
    {
        using (_lock.Enter())
        {
            return _contexts.GetValueOrDefault(id);
        }
    }

    /// <summary>Takes a context out; null when there is none.</summary>
    internal AioContext? Remove(ulong id)
    {
        using (_lock.Enter())
        {
            if (!_contexts.Remove(id, out AioContext? context))
            {
                return null;
            }

            _asked.Remove(id, out uint requests);
            _requests -= requests;
            return context;
        }
    }
}
