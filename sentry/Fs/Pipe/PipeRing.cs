using System;
using System.Numerics;
using System.Threading;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Sync;

namespace Sentry.Fs.Pipe;

/// <summary>
/// A pipe or FIFO (pipe(7), fs/pipe.c): a ring of slots of at most one page each. A write that does not fill a page
/// may be appended to the last slot;
/// so any write of at most PIPE_BUF bytes needs one slot and is atomic.
/// </summary>
public sealed partial class PipeRing
{
    private const int DefaultSlots = 16;
    private const uint ReadEvents = Epoll.EPOLLIN | Epoll.EPOLLRDNORM;
    private const uint WriteEvents = Epoll.EPOLLOUT | Epoll.EPOLLWRNORM;

    private static long s_created;

    private readonly long _order = Interlocked.Increment(ref s_created);

    // Two pipes are locked in the order of their creation.
    private readonly OrderedLock<PipeLevel> _lock = new();

    // Guarded by _lock; written under it, the counts also read without.
    private PipeSlot[] _slots = new PipeSlot[DefaultSlots];
    private int _head;
    private int _count;
    private int _reserved;
    private int _readers;
    private int _writers;
    private uint _readerOpens;
    private uint _writerOpens;
    private SpliceState _splice;

    // Set once a poll was made or O_ASYNC set: from then on every write is announced, for edge-triggered users that
    // do not drain
    // (pipe_write, poll_usage).
    private volatile bool _isPolled;

    /// <summary>Set while a splice drains the head without the lock.</summary>
    private enum SpliceState
    {
        Idle,
        Draining,
    }

    /// <summary>Notified when data, room or ends come and go.</summary>
    public WaitQueue Queue { get; } = new();

    /// <summary>Notified when an end opens: FIFO opens wait for their partner here.</summary>
    public WaitQueue OpenQueue { get; } = new();

    /// <summary>Bytes of capacity (F_GETPIPE_SZ).</summary>
    public int CapacityBytes => Volatile.Read(ref _slots).Length * PipePage.SizeBytes;

    /// <summary>Readers open now.</summary>
    internal int Readers => Volatile.Read(ref _readers);

    private bool IsFullLocked => _count + _reserved >= _slots.Length;

    /// <summary>Unread bytes (FIONREAD).</summary>
    public long Available()
    {
        using (_lock.Enter())
        {
            long total = 0;
            for (int i = 0; i < _count; i++)
            {
                total += SlotLocked(i).Length;
            }

            return total;
        }
    }

    /// <summary>read(2): what is there; 0 with None at end of file, EAGAIN when empty with a writer.</summary>
    public Errno Read(ref IoSequence destination, out long done)
    {
        done = 0;
        if (destination.Remaining == 0)
        {
            return Errno.None;
        }

        Errno result;
        bool wasFull;
        using (_lock.Enter())
        {
            wasFull = IsFullLocked;
            result = ReadLocked(ref destination, ref done);
        }

        if (wasFull && done > 0)
        {
            Queue.Notify(WriteEvents);
        }

        return result;
    }

    /// <summary>
    /// write(2): EPIPE without readers (the caller raises SIGPIPE); EAGAIN when full, with <paramref name="done"/>
    /// counting what went in.
    /// </summary>
    public Errno Write(ref IoSequence source, PipeMode mode, out long done)
    {
        done = 0;
        if (source.Remaining == 0)
        {
            return Errno.None;
        }

        Errno result;
        bool wasEmpty;
        using (_lock.Enter())
        {
            if (_readers == 0)
            {
                return Errno.EPIPE;
            }

            wasEmpty = _count == 0;
            result = WriteLocked(ref source, mode, ref done);
        }

        if (done > 0 && (wasEmpty || _isPolled))
        {
            Queue.Notify(ReadEvents);
        }

        return result;
    }

    /// <summary>From now on every write is announced.</summary>
    internal void ReportEveryEvent()
    {
        _isPolled = true;
        Interlocked.MemoryBarrier();
    }

    /// <summary>
    /// Events that hold for an end; <paramref name="writerOpensSeen"/> is the reader's value of <see
    /// cref="PartnerOpens"/> when it opened alone, or null.
    /// </summary>
    internal uint Poll(PipeAccess access, uint? writerOpensSeen)
    {
        _isPolled = true;
        Interlocked.MemoryBarrier();
        uint events = 0;
        using (_lock.Enter())
        {
            if ((access & PipeAccess.Read) != 0)
            {
                events |= _count > 0 ? ReadEvents : 0;
                events |= _writers == 0 && writerOpensSeen != _writerOpens ? Epoll.EPOLLHUP : 0;
            }

            if ((access & PipeAccess.Write) != 0)
            {
                events |= !IsFullLocked ? WriteEvents : 0;
                events |= _readers == 0 ? Epoll.EPOLLERR : 0;
            }
        }

        return events;
    }

    /// <summary>F_SETPIPE_SZ to a number of slots; EBUSY when more are in use.</summary>
    internal Errno Resize(int slots)
    {
        bool hasRoom;
        using (_lock.Enter())
        {
            if (_splice != SpliceState.Idle || _count + _reserved > slots)
            {
                return Errno.EBUSY;
            }

            PipeSlot[] grown = new PipeSlot[slots];
            for (int i = 0; i < _count; i++)
            {
                grown[i] = SlotLocked(i);
            }

            _slots = grown;
            _head = 0;
            hasRoom = !IsFullLocked;
        }

        if (hasRoom)
        {
            Queue.Notify(WriteEvents);
        }

        return Errno.None;
    }

    /// <summary>
    /// How often the other end was opened; lets a FIFO reader tell "no writer yet" from "writers gone".
    /// </summary>
    internal uint PartnerOpens(PipeAccess access) =>
        access == PipeAccess.Read ? Volatile.Read(ref _writerOpens) : Volatile.Read(ref _readerOpens);

    /// <summary>
    /// An end opens. True when the other end was not open; <paramref name="partnerOpens"/> is then what <see
    /// cref="PartnerOpens"/> was. Both are told before anybody is woken: a partner that has waited for this end may
    /// open, close and be gone before this returns.
    /// </summary>
    internal bool Attach(PipeAccess access, out uint partnerOpens)
    {
        bool isAlone;
        using (_lock.Enter())
        {
            partnerOpens = PartnerOpens(access);
            isAlone = access == PipeAccess.Read ? _writers == 0 : access == PipeAccess.Write && _readers == 0;
            if ((access & PipeAccess.Read) != 0)
            {
                _readers++;
                _readerOpens++;
            }

            if ((access & PipeAccess.Write) != 0)
            {
                _writers++;
                _writerOpens++;
            }
        }

        OpenQueue.Notify(ReadEvents | WriteEvents);
        return isAlone;
    }

    /// <summary>An end closes; the last one drops the data.</summary>
    internal void Detach(PipeAccess access)
    {
        using (_lock.Enter())
        {
            _readers -= (access & PipeAccess.Read) != 0 ? 1 : 0;
            _writers -= (access & PipeAccess.Write) != 0 ? 1 : 0;
            while (_readers == 0 && _writers == 0 && _count > 0)
            {
                PopLocked();
            }
        }

        Queue.Notify(ReadEvents | WriteEvents | Epoll.EPOLLERR | Epoll.EPOLLHUP);
    }

    private Errno ReadLocked(ref IoSequence destination, ref long done)
    {
        if (_splice == SpliceState.Draining)
        {
            return Errno.EAGAIN;
        }

        while (_count > 0 && destination.Remaining > 0)
        {
            ref PipeSlot slot = ref SlotLocked(0);
            int wanted = (int)Math.Min(slot.Length, destination.Remaining);
            Errno error = destination.CopyOut(slot.Page.Data.Slice(slot.Offset, wanted), out int copied);
            slot.Offset += copied;
            slot.Length -= copied;
            done += copied;
            if (error != Errno.None)
            {
                return error;
            }

            bool endsRead = slot.Kind == PipeSlotKind.Packet;
            if (slot.Length == 0 || endsRead)
            {
                PopLocked();
            }

            if (endsRead)
            {
                return Errno.None;
            }
        }

        return done > 0 || _writers == 0 ? Errno.None : Errno.EAGAIN;
    }

    private Errno WriteLocked(ref IoSequence source, PipeMode mode, ref long done)
    {
        int tail = (int)(source.Remaining & (PipePage.SizeBytes - 1));
        if (tail != 0 && _count > 0 && mode == PipeMode.Stream)
        {
            Errno error = MergeLocked(ref source, tail, ref done);
            if (error != Errno.None)
            {
                return error;
            }
        }

        while (source.Remaining > 0)
        {
            if (IsFullLocked)
            {
                return Errno.EAGAIN;
            }

            PipePage page = PipePage.Rent();
            int wanted = (int)Math.Min(PipePage.SizeBytes, source.Remaining);
            Errno error = source.CopyIn(page.Data[..wanted], out int copied);
            if (copied == 0)
            {
                page.DropReference();
                return error;
            }

            PipeSlotKind kind = mode == PipeMode.Packet ? PipeSlotKind.Packet : PipeSlotKind.Mergeable;
            PushLocked(new PipeSlot { Page = page, Length = copied, Kind = kind });
            done += copied;
            if (error != Errno.None)
            {
                return error;
            }
        }

        return Errno.None;
    }

    private Errno MergeLocked(ref IoSequence source, int lengthBytes, ref long done)
    {
        ref PipeSlot last = ref SlotLocked(_count - 1);
        int end = last.Offset + last.Length;
        if (last.Kind != PipeSlotKind.Mergeable || !last.Page.IsSole || end + lengthBytes > PipePage.SizeBytes)
        {
            return Errno.None;
        }

        Errno error = source.CopyIn(last.Page.Data.Slice(end, lengthBytes), out int copied);
        last.Length += copied;
        done += copied;
        return error;
    }

    private ref PipeSlot SlotLocked(int index) => ref _slots[(_head + index) & (_slots.Length - 1)];

    private void PushLocked(in PipeSlot slot)
    {
        _count++;
        SlotLocked(_count - 1) = slot;
    }

    private void PopLocked()
    {
        ref PipeSlot slot = ref SlotLocked(0);
        slot.Page.DropReference();
        slot = default;
        _head = (_head + 1) & (_slots.Length - 1);
        _count--;
    }

    /// <summary>Slots for a size in bytes: a power of two of whole pages (round_pipe_size); 0 when too large.</summary>
    internal static int SlotsFor(uint bytes)
    {
        if (bytes > 1u << 31)
        {
            return 0;
        }

        return bytes < PipePage.SizeBytes ? 1 : (int)(BitOperations.RoundUpToPowerOf2(bytes) / PipePage.SizeBytes);
    }
}

/// <summary>What an end may do.</summary>
[Flags]
public enum PipeAccess
{
    None = 0,
    Read = 1,
    Write = 2,
    ReadWrite = 3,
}

/// <summary>Does a write make packets (O_DIRECT, pipe(2))?</summary>
public enum PipeMode
{
    Stream,
    Packet,
}
