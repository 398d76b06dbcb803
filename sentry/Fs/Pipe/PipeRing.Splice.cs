using System;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Vfs;

namespace Sentry.Fs.Pipe;

// The other file is never called with the pipe's lock held (its locks may come before ours): filling reserves slots,
// draining marks the head busy.
public sealed partial class PipeRing
{
    /// <summary>
    /// splice(2) into the pipe; see <see cref="IPipeEnd.SpliceFrom"/>. EPIPE: the caller raises SIGPIPE.
    /// </summary>
    internal Errno SpliceFrom(Task task, FileDescription source, ref long? offset, long maxBytes, out long done)
    {
        done = 0;
        while (done < maxBytes)
        {
            Errno error = Reserve();
            if (error != Errno.None)
            {
                return done > 0 ? Errno.None : error;
            }

            PipePage page = PipePage.Rent();
            int wanted = (int)Math.Min(PipePage.SizeBytes, maxBytes - done);
            error = ReadPiece(task, source, page.Data[..wanted], ref offset, out long got);
            Commit(page, (int)got);
            done += got;
            if (error != Errno.None || got < wanted)
            {
                return done > 0 ? Errno.None : error;
            }
        }

        return Errno.None;
    }

    /// <summary>splice(2) out of the pipe; see <see cref="IPipeEnd.SpliceTo"/>.</summary>
    internal Errno SpliceTo(Task task, FileDescription target, ref long? offset, long maxBytes, out long done)
    {
        done = 0;
        while (done < maxBytes)
        {
            Errno error = BeginDrain(out PipeSlot head);
            if (error != Errno.None || head.Length == 0)
            {
                return done > 0 ? Errno.None : error;
            }

            int wanted = (int)Math.Min(head.Length, maxBytes - done);
            error = WritePiece(task, target, head.Page.Data.Slice(head.Offset, wanted), ref offset, out long put);
            EndDrain(head.Page, (int)put);
            done += put;
            if (error != Errno.None || put < wanted)
            {
                return done > 0 ? Errno.None : error;
            }
        }

        return Errno.None;
    }

    /// <summary>splice(2) or tee(2) between two pipes: pages change hands, bytes stay where they are.</summary>
    internal Errno TransferTo(PipeRing target, PipeTransfer transfer, long maxBytes, out long done)
    {
        Errno result;
        bool targetWasEmpty;
        bool wasFull;
        PipeRing first = _order < target._order ? this : target;
        PipeRing second = first == this ? target : this;
        using (first._lock.Enter())
        using (second._lock.EnterNested())
        {
            targetWasEmpty = target._count == 0;
            wasFull = IsFullLocked;
            result = TransferLocked(target, transfer, maxBytes, out done);
        }

        if (done > 0 && (targetWasEmpty || target._isPolled))
        {
            target.Queue.Notify(ReadEvents);
        }

        if (done > 0 && wasFull && transfer == PipeTransfer.Move)
        {
            Queue.Notify(WriteEvents);
        }

        return result;
    }

    private Errno TransferLocked(PipeRing target, PipeTransfer transfer, long maxBytes, out long done)
    {
        done = 0;
        if (target._readers == 0)
        {
            return Errno.EPIPE;
        }

        if (_splice == SpliceState.Draining)
        {
            return Errno.EAGAIN;
        }

        if (_count == 0)
        {
            return _writers == 0 ? Errno.None : Errno.EAGAIN;
        }

        int index = 0;
        while (done < maxBytes && index < _count && !target.IsFullLocked)
        {
            ref PipeSlot slot = ref SlotLocked(index);
            int length = (int)Math.Min(slot.Length, maxBytes - done);
            PipeSlotKind kind = slot.Kind == PipeSlotKind.Packet ? PipeSlotKind.Packet : PipeSlotKind.Fixed;
            slot.Page.AddReference();
            target.PushLocked(new PipeSlot { Page = slot.Page, Offset = slot.Offset, Length = length, Kind = kind });
            done += length;
            if (transfer == PipeTransfer.Duplicate)
            {
                slot.Kind = kind;
                index++;
                continue;
            }

            slot.Offset += length;
            slot.Length -= length;
            if (slot.Length == 0)
            {
                PopLocked();
            }
        }

        return done > 0 ? Errno.None : Errno.EAGAIN;
    }

    private static Errno ReadPiece(Task task, FileDescription source, Span<byte> buffer, ref long? offset, out long got)
    {
        IoSequence destination = IoSequence.FromBuffer(buffer);
        if (offset is not { } position)
        {
            return source.Read(task, ref destination, out got);
        }

        Errno error = source.PRead(task, ref destination, position, out got);
        offset = position + got;
        return error;
    }

    private static Errno WritePiece(
        Task task, FileDescription target, Span<byte> buffer, ref long? offset, out long put)
    {
        IoSequence source = IoSequence.FromBuffer(buffer);
        if (offset is not { } position)
        {
            return target.Write(task, ref source, out put);
        }

        Errno error = target.PWrite(task, ref source, position, out put, out long newOffset);
        offset = newOffset;
        return error;
    }

    private Errno Reserve()
    {
        using (_lock.Enter())
        {
            if (_readers == 0)
            {
                return Errno.EPIPE;
            }

            if (IsFullLocked)
            {
                return Errno.EAGAIN;
            }

            _reserved++;
            return Errno.None;
        }
    }

    private void Commit(PipePage page, int lengthBytes)
    {
        bool isAnnounced;
        using (_lock.Enter())
        {
            _reserved--;
            isAnnounced = lengthBytes > 0 && (_count == 0 || _isPolled);
            if (lengthBytes > 0 && _readers > 0)
            {
                PushLocked(new PipeSlot { Page = page, Length = lengthBytes, Kind = PipeSlotKind.Fixed });
            }
            else
            {
                page.DropReference();
            }
        }

        Queue.Notify(isAnnounced ? ReadEvents : WriteEvents);
    }

    private Errno BeginDrain(out PipeSlot head)
    {
        head = default;
        using (_lock.Enter())
        {
            if (_splice == SpliceState.Draining)
            {
                return Errno.EAGAIN;
            }

            if (_count == 0)
            {
                return _writers == 0 ? Errno.None : Errno.EAGAIN;
            }

            head = SlotLocked(0);
            head.Page.AddReference();
            _splice = SpliceState.Draining;
            return Errno.None;
        }
    }

    private void EndDrain(PipePage page, int consumedBytes)
    {
        page.DropReference();
        bool wasFull;
        using (_lock.Enter())
        {
            _splice = SpliceState.Idle;
            wasFull = IsFullLocked;
            if (_count > 0 && consumedBytes > 0)
            {
                ref PipeSlot slot = ref SlotLocked(0);
                slot.Offset += consumedBytes;
                slot.Length -= consumedBytes;
                if (slot.Length == 0)
                {
                    PopLocked();
                }
            }
        }

        // Readers that came during the drain were told EAGAIN: let them look again.
        Queue.Notify(wasFull && consumedBytes > 0 ? ReadEvents | WriteEvents : ReadEvents);
    }
}
