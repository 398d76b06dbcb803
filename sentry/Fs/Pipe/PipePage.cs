using System;
using System.Threading;
using Sentry.Mm;
using Sentry.Sync;

namespace Sentry.Fs.Pipe;

/// <summary>
/// A page of pipe data. Shared between pipes by tee(2), so reference-counted; pooled, so that writing allocates
/// nothing in the steady state.
/// </summary>
internal sealed class PipePage
{
    /// <summary>Bytes of a page: also PIPE_BUF, which is why a small write is atomic.</summary>
    public const int SizeBytes = 4096;

    private const int PoolMax = 1024;
    private const long HeapBytes = SizeBytes + 64;

    private static readonly OrderedLock<LeafLevel> s_lock = new();

    // Guarded by s_lock. One pool for the sandbox: pages carry no owner.
    private static PipePage? s_free;
    private static int s_freeCount;

    private readonly byte[] _data = GC.AllocateUninitializedArray<byte>(SizeBytes);
    private int _references;
    private PipePage? _nextFree;

    private PipePage()
    {
    }

    /// <summary>The page's memory.</summary>
    public Span<byte> Data => _data;

    /// <summary>True when no other slot shares the page.</summary>
    public bool IsSole => Volatile.Read(ref _references) == 1;

    /// <summary>A page with one reference and any content.</summary>
    public static PipePage Rent()
    {
        PipePage? page;
        using (s_lock.Enter())
        {
            page = s_free;
            if (page is not null)
            {
                s_free = page._nextFree;
                s_freeCount--;
            }
        }

        KernelHeap.Charge(HeapBytes);
        page ??= new PipePage();
        page._nextFree = null;
        page._references = 1;
        return page;
    }

    /// <summary>One more slot refers to the page.</summary>
    public void AddReference() => Interlocked.Increment(ref _references);

    /// <summary>One slot fewer; the last one gives the page back.</summary>
    public void DropReference()
    {
        if (Interlocked.Decrement(ref _references) != 0)
        {
            return;
        }

        KernelHeap.Uncharge(HeapBytes);
        using (s_lock.Enter())
        {
            if (s_freeCount < PoolMax)
            {
                _nextFree = s_free;
                s_free = this;
                s_freeCount++;
            }
        }
    }
}

/// <summary>One entry of a pipe's ring: a part of a page.</summary>
internal struct PipeSlot
{
    /// <summary>The page; the slot holds one reference.</summary>
    public PipePage Page;

    /// <summary>First unread byte.</summary>
    public int Offset;

    /// <summary>Unread bytes.</summary>
    public int Length;

    /// <summary>How the next write and the next read treat the slot.</summary>
    public PipeSlotKind Kind;
}

/// <summary>Kinds of slots.</summary>
internal enum PipeSlotKind
{
    /// <summary>Stream bytes; a small write may be appended.</summary>
    Mergeable,

    /// <summary>Stream bytes of a page that others may see: nothing is appended.</summary>
    Fixed,

    /// <summary>One packet (O_DIRECT): a read ends with it and discards its rest.</summary>
    Packet,
}
