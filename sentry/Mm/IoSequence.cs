using System;
using Abi.Linux;
using HostOs;
using Platform;

namespace Sentry.Mm;

/// <summary>
/// Source or destination of one I/O operation, consumed from the front: guest ranges (an iovec) or a buffer of the
/// Sentry. Files move
/// bytes only through it, so that guest memory is checked and touched in one place.
/// </summary>
public ref partial struct IoSequence
{
    private MemoryManager? _mm;
    private GuestRange _current;
    private ReadOnlySpan<GuestRange> _rest;
    private Span<byte> _buffer;
    private long _remaining;

    /// <summary>Bytes not consumed yet.</summary>
    public readonly long Remaining => _remaining;

    /// <summary>A sequence over one guest range, already checked not to wrap.</summary>
    public static IoSequence FromGuest(MemoryManager mm, GuestRange range)
    {
        IoSequence sequence = default;
        sequence._mm = mm;
        sequence._current = range;
        sequence._remaining = (long)Math.Min(range.Length, long.MaxValue);
        return sequence;
    }

    /// <summary>A sequence over several guest ranges; the span must outlive the sequence.</summary>
    public static IoSequence FromGuest(MemoryManager mm, ReadOnlySpan<GuestRange> ranges)
    {
        IoSequence sequence = default;
        sequence._mm = mm;
        sequence._rest = ranges;
        ulong sum = 0;
        foreach (GuestRange range in ranges)
        {
            sum = Math.Min(sum + Math.Min(range.Length, long.MaxValue), long.MaxValue);
        }

        sequence._remaining = (long)sum;
        return sequence;
    }

    /// <summary>A sequence over a buffer of the Sentry (exec, sendfile, splice).</summary>
    public static IoSequence FromBuffer(Span<byte> buffer)
    {
        IoSequence sequence = default;
        sequence._buffer = buffer;
        sequence._remaining = buffer.Length;
        return sequence;
    }

    /// <summary>Shortens the sequence to at most this many more bytes.</summary>
    public void Limit(long maxBytes) => _remaining = Math.Min(_remaining, Math.Max(maxBytes, 0));

    /// <summary>Consumes bytes without touching them.</summary>
    public void Skip(long bytes)
    {
        bytes = Math.Min(bytes, _remaining);
        while (bytes > 0)
        {
            long step = _mm is null ? bytes : (long)Math.Min((ulong)bytes, Current().Length);
            Advance((ulong)step);
            bytes -= step;
        }
    }

    /// <summary>Moves bytes from the Sentry into the sequence (read side); stops at its end. EFAULT at a bad guest
    /// page, with <paramref name="done"/> counted.</summary>
    public Errno CopyOut(scoped ReadOnlySpan<byte> source, out int done)
    {
        done = 0;
        int limit = (int)Math.Min(source.Length, _remaining);
        if (_mm is null)
        {
            source[..limit].CopyTo(_buffer);
            Advance((ulong)limit);
            done = limit;
            return Errno.None;
        }

        while (done < limit)
        {
            GuestRange range = Current();
            int part = (int)Math.Min((ulong)(limit - done), range.Length);
            Errno error = _mm.CopyOutPartial(new GuestAddress(range.Start), source.Slice(done, part), out int moved);
            Advance((ulong)moved);
            done += moved;
            if (error != Errno.None)
            {
                return error;
            }
        }

        return Errno.None;
    }

    /// <summary>Moves bytes from the sequence to the Sentry (write side); stops at its end.</summary>
    public Errno CopyIn(scoped Span<byte> destination, out int done)
    {
        done = 0;
        int limit = (int)Math.Min(destination.Length, _remaining);
        if (_mm is null)
        {
            _buffer[..limit].CopyTo(destination);
            Advance((ulong)limit);
            done = limit;
            return Errno.None;
        }

        while (done < limit)
        {
            GuestRange range = Current();
            int part = (int)Math.Min((ulong)(limit - done), range.Length);
            Errno error =
                _mm.CopyInPartial(new GuestAddress(range.Start), destination.Slice(done, part), out int moved);
            Advance((ulong)moved);
            done += moved;
            if (error != Errno.None)
            {
                return error;
            }
        }

        return Errno.None;
    }

    /// <summary>Writes zeros into the sequence.</summary>
    public Errno ZeroOut(long maxBytes, out long done) =>
        Transfer(0, maxBytes, TransferKind.Zero, HostMemory.Safety.Mapped, out done);

    /// <summary>Moves bytes from memory the Sentry holds mapped (page cache) into the sequence without an
    /// intermediate copy; safe against faults on both sides.</summary>
    public Errno CopyOutFrom(nuint address, long lengthBytes, out long done) =>
        Transfer(address, lengthBytes, TransferKind.Out, HostMemory.Safety.MayFault, out done);

    /// <summary>Moves bytes from the sequence into memory the Sentry holds mapped.</summary>
    public Errno CopyInTo(nuint address, long lengthBytes, out long done) =>
        Transfer(address, lengthBytes, TransferKind.In, HostMemory.Safety.MayFault, out done);

    /// <summary>As <see cref="CopyOutFrom"/> for pages of the memory file that the caller holds: they cannot
    /// fault.</summary>
    internal Errno CopyOutFromPages(nuint address, long lengthBytes, out long done) =>
        Transfer(address, lengthBytes, TransferKind.Out, HostMemory.Safety.Mapped, out done);

    /// <summary>As <see cref="CopyInTo"/> for pages of the memory file that the caller holds.</summary>
    internal Errno CopyInToPages(nuint address, long lengthBytes, out long done) =>
        Transfer(address, lengthBytes, TransferKind.In, HostMemory.Safety.Mapped, out done);

    /// <summary>preadv from a host descriptor straight into the sequence; offset -1 reads at the descriptor's own
    /// position.</summary>
    public Errno ReadFromHost(int hostFd, long offset, long maxBytes, out long done) =>
        HostTransfer(hostFd, offset, maxBytes, MemoryAccess.Write, out done);

    /// <summary>pwritev to a host descriptor straight from the sequence; offset -1 writes at the descriptor's own
    /// position.</summary>
    public Errno WriteToHost(int hostFd, long offset, long maxBytes, out long done) =>
        HostTransfer(hostFd, offset, maxBytes, MemoryAccess.Read, out done);

    /// <summary>The guest range at the front; not empty while bytes remain, and not longer than those.</summary>
    private GuestRange Current()
    {
        while (_current.IsEmpty)
        {
            _current = _rest[0];
            _rest = _rest[1..];
        }

        return _current.Length <= (ulong)_remaining
            ? _current
            : GuestRange.FromBounds(_current.Start, _current.Start + (ulong)_remaining);
    }

    private void Advance(ulong bytes)
    {
        _remaining -= (long)bytes;
        if (_mm is null)
        {
            _buffer = _buffer[(int)bytes..];
        }
        else
        {
            _current = GuestRange.FromBounds(_current.Start + bytes, _current.End);
        }
    }

    private Errno Transfer(nuint address, long lengthBytes, TransferKind kind, HostMemory.Safety safety, out long done)
    {
        long limit = Math.Min(lengthBytes, _remaining);
        if (_mm is null || (ulong)limit > _current.Length)
        {
            return TransferRanges(address, limit, kind, safety, out done);
        }

        Errno error = _mm.Transfer(_current.Start, address, (ulong)limit, kind, safety, out ulong moved);
        Advance(moved);
        done = (long)moved;
        return error;
    }

    /// <summary>From a buffer, or from several ranges.</summary>
    private Errno TransferRanges(nuint address, long limit, TransferKind kind, HostMemory.Safety safety, out long done)
    {
        done = 0;
        if (_mm is null)
        {
            done = limit - BufferTransfer(_buffer[..(int)limit], address, kind, safety);
            Advance((ulong)done);
            return done == limit ? Errno.None : Errno.EFAULT;
        }

        while (done < limit)
        {
            GuestRange range = Current();
            ulong part = Math.Min((ulong)(limit - done), range.Length);
            Errno error = _mm.Transfer(range.Start, address + (nuint)done, part, kind, safety, out ulong moved);
            Advance(moved);
            done += (long)moved;
            if (error != Errno.None)
            {
                return error;
            }
        }

        return Errno.None;
    }

    /// <summary>Returns how many bytes were not moved.</summary>
    private static int BufferTransfer(Span<byte> buffer, nuint address, TransferKind kind, HostMemory.Safety safety)
    {
        switch (kind)
        {
            case TransferKind.Out:
                return HostMemory.CopyIn(buffer, address, safety);
            case TransferKind.In:
                return HostMemory.CopyOut(address, buffer, safety);
            default:
                buffer.Clear();
                return 0;
        }
    }

    private Errno HostTransfer(int hostFd, long offset, long maxBytes, MemoryAccess access, out long done)
    {
        done = 0;
        long limit = Math.Min(maxBytes, _remaining);
        while (done < limit)
        {
            long at = offset < 0 ? -1 : offset + done;
            Errno error = HostTransferSome(hostFd, at, limit - done, access, out long wanted, out long moved);
            if (moved > 0)
            {
                Skip(moved);
                done += moved;
            }

            if (error != Errno.None || moved < wanted)
            {
                return done > 0 ? Errno.None : error;
            }
        }

        return Errno.None;
    }

    /// <summary>One host call over as many pieces as fit; consumes nothing.</summary>
    private readonly Errno HostTransferSome(
        int hostFd, long offset, long limit, MemoryAccess access, out long wanted, out long moved)
    {
        if (_mm is null)
        {
            Span<byte> part = _buffer[..(int)Math.Min(limit, _buffer.Length)];
            wanted = part.Length;
            return HostBuffer(hostFd, offset, part, access, out moved);
        }

        Span<HostIovec> vector = stackalloc HostIovec[MemoryManager.MaximumPieces];
        MemoryManager.PinnedPieces pieces = default;
        Errno error = PinFront(limit, access, ref pieces, vector);
        wanted = 0;
        moved = 0;
        for (int i = 0; i < pieces.Count; i++)
        {
            wanted += (long)vector[i].Length;
        }

        if (error == Errno.None && pieces.Count > 0)
        {
            error = (access & MemoryAccess.Write) != 0
                ? HostUio.Preadv2(hostFd, vector[..pieces.Count], offset, 0, out moved)
                : HostUio.Pwritev2(hostFd, vector[..pieces.Count], offset, 0, out moved);
        }

        _mm.Unpin(ref pieces, access);
        moved = Math.Max(moved, 0);
        return error;
    }

    private readonly Errno PinFront(
        long limit, MemoryAccess access, ref MemoryManager.PinnedPieces pieces, Span<HostIovec> vector)
    {
        IoSequence ahead = this;
        ahead.Limit(limit);
        while (ahead._remaining > 0 && pieces.Count < MemoryManager.MaximumPieces)
        {
            GuestRange range = ahead.Current();
            int before = pieces.Count;
            Errno error = _mm!.Pin(range, access, ref pieces, vector);
            ulong pinned = 0;
            for (int i = before; i < pieces.Count; i++)
            {
                pinned += vector[i].Length;
            }

            ahead.Skip((long)pinned);
            if (error != Errno.None || pinned < range.Length)
            {
                return pieces.Count > 0 ? Errno.None : error;
            }
        }

        return Errno.None;
    }

    private static Errno HostBuffer(int hostFd, long offset, Span<byte> buffer, MemoryAccess access, out long moved)
    {
        int done;
        Errno error = (offset >= 0, (access & MemoryAccess.Write) != 0) switch
        {
            (true, true) => HostUnistd.Pread(hostFd, buffer, offset, out done),
            (true, false) => HostUnistd.Pwrite(hostFd, buffer, offset, out done),
            (false, true) => HostUnistd.Read(hostFd, buffer, out done),
            _ => HostUnistd.Write(hostFd, buffer, out done),
        };
        moved = Math.Max(done, 0);
        return error;
    }
}
