using System;
using Abi.Linux;

namespace Sentry.Mm;

/// <summary>Reading, writing, sizing and sealing.</summary>
public sealed partial class SharedMemoryObject
{
    /// <summary>F_SEAL_* bits (fcntl(2)).</summary>
    public uint Seals
    {
        get
        {
            using (_lock.Enter())
            {
                return _seals;
            }
        }
    }

    /// <summary>Adds seals: EPERM when F_SEAL_SEAL is set, EBUSY when F_SEAL_WRITE meets a shared writable
    /// mapping.</summary>
    public Errno AddSeals(uint seals)
    {
        if ((Seals & Fcntl.F_SEAL_SEAL) != 0)
        {
            return Errno.EPERM;
        }

        if ((seals & Fcntl.F_SEAL_WRITE) != 0 && !_mappings.TryForbidWrite())
        {
            return Errno.EBUSY;
        }

        if ((seals & Fcntl.F_SEAL_FUTURE_WRITE) != 0)
        {
            _mappings.ForbidNewWritable();
        }

        using (_lock.Enter())
        {
            _seals |= seals;
            return Errno.None;
        }
    }

    /// <summary>Reads from <paramref name="offset"/>; holes read as zero; done = 0 at the end.</summary>
    public Errno Read(ref IoSequence destination, ulong offset, out long done)
    {
        done = 0;
        while (destination.Remaining > 0)
        {
            if (!TakePiece(offset + (ulong)done, (ulong)destination.Remaining, out MemoryFileRange piece,
                out ulong length))
            {
                return Errno.None;
            }

            Errno error;
            long moved;
            if (piece.LengthBytes == 0)
            {
                error = destination.ZeroOut((long)length, out moved);
            }
            else
            {
                nuint address = _memory.BaseAddress + (nuint)(piece.Offset + ((offset + (ulong)done) & PageMask));
                error = destination.CopyOutFromPages(address, (long)length, out moved);
                _memory.DropReference(piece.Offset, piece.LengthBytes);
            }

            done += moved;
            if (error != Errno.None)
            {
                return done > 0 ? Errno.None : error;
            }
        }

        return Errno.None;
    }

    /// <summary>
    /// Writes at <paramref name="offset"/>, growing the object: EPERM when sealed, EFBIG, ENOSPC (quota), ENOMEM. A
    /// partial write is no error.
    /// </summary>
    public Errno Write(ref IoSequence source, ulong offset, out long done)
    {
        done = 0;
        while (source.Remaining > 0)
        {
            ulong at = offset + (ulong)done;
            if (at >= MaximumSize)
            {
                return done > 0 ? Errno.None : Errno.EFBIG;
            }

            ulong wanted = Math.Min((ulong)source.Remaining, MaximumSize - at);
            Errno error = PrepareWrite(at, wanted, out MemoryFileRange piece, out ulong length);
            long moved = 0;
            if (error == Errno.None)
            {
                nuint address = _memory.BaseAddress + (nuint)(piece.Offset + (at & PageMask));
                error = source.CopyInToPages(address, (long)length, out moved);
                Grow(at + (ulong)moved);
                _memory.DropReference(piece.Offset, piece.LengthBytes);
            }

            done += moved;
            if (error != Errno.None)
            {
                return done > 0 ? Errno.None : error;
            }
        }

        return Errno.None;
    }

    /// <summary>ftruncate(2): EPERM when sealed, EFBIG.</summary>
    public Errno Truncate(ulong size)
    {
        if (size > MaximumSize)
        {
            return Errno.EFBIG;
        }

        ulong before;
        using (_lock.Enter())
        {
            bool sealedSize = size < _size ? (_seals & Fcntl.F_SEAL_SHRINK) != 0 : size > _size
                && (_seals & Fcntl.F_SEAL_GROW) != 0;
            if (sealedSize)
            {
                return Errno.EPERM;
            }

            before = _size;
            _size = size;
        }

        if (size < before)
        {
            DropFrom(size);
        }

        return Errno.None;
    }

    /// <summary>fallocate(2) without FALLOC_FL_PUNCH_HOLE: makes the pages data; grows the size unless told to keep
    /// it.</summary>
    public Errno Allocate(ulong offset, ulong lengthBytes, SizeChange change)
    {
        ulong end = offset + lengthBytes;
        if (end > MaximumSize || end < offset)
        {
            return Errno.EFBIG;
        }

        using (_lock.Enter())
        {
            if (end > _size && change == SizeChange.Grow && (_seals & Fcntl.F_SEAL_GROW) != 0)
            {
                return Errno.EPERM;
            }

            ulong at = offset & ~PageMask;
            ulong stop = (end + PageMask) & ~PageMask;
            while (at < stop)
            {
                Errno error = EnsureSomeLocked(at, stop - at, out ulong contiguous);
                if (error != Errno.None)
                {
                    return error == Errno.ENOMEM ? Errno.ENOSPC : error;
                }

                at += contiguous;
            }

            if (change == SizeChange.Grow && end > _size)
            {
                _size = end;
            }

            return Errno.None;
        }
    }

    /// <summary>FALLOC_FL_PUNCH_HOLE, MADV_REMOVE: the bytes read as zero and whole pages are freed.</summary>
    public Errno PunchHole(ulong offset, ulong lengthBytes)
    {
        if ((Seals & (Fcntl.F_SEAL_WRITE | Fcntl.F_SEAL_FUTURE_WRITE)) != 0)
        {
            return Errno.EPERM;
        }

        ulong end = offset + Math.Min(lengthBytes, MaximumSize - Math.Min(offset, MaximumSize));
        ulong firstWhole = (offset + PageMask) & ~PageMask;
        ulong lastWhole = end & ~PageMask;
        if (firstWhole >= lastWhole)
        {
            ZeroRange(offset, end);
            return Errno.None;
        }

        ZeroRange(offset, firstWhole);
        ZeroRange(lastWhole, end);
        using (_lock.Enter())
        {
            FreeLocked(firstWhole, lastWhole);
        }

        _mappings.Invalidate(firstWhole, lastWhole - firstWhole, InvalidateKind.KeepPrivateCopies);
        return Errno.None;
    }

    /// <summary>FALLOC_FL_ZERO_RANGE within the data that exists: the bytes read as zero, pages stay.</summary>
    public void ZeroRange(ulong start, ulong end)
    {
        using (_lock.Enter())
        {
            while (start < end)
            {
                int chunk = _chunks.FindAtOrAfter(start);
                if (chunk == 0 || _chunks.Start(chunk) >= end)
                {
                    return;
                }

                ulong from = Math.Max(start, _chunks.Start(chunk));
                ulong to = Math.Min(end, _chunks.End(chunk));
                ZeroPresentLocked(from, to, _chunks.Value(chunk) + (from - _chunks.Start(chunk)));
                start = to;
            }
        }
    }

    /// <summary>lseek(2) SEEK_DATA and SEEK_HOLE; ENXIO beyond the end.</summary>
    public Errno Seek(ulong offset, SeekTarget target, out ulong result)
    {
        result = 0;
        using (_lock.Enter())
        {
            if (offset >= _size)
            {
                return Errno.ENXIO;
            }

            int at = _present.FindAtOrAfter(offset);
            if (target == SeekTarget.Data)
            {
                result = at == 0 ? _size : Math.Max(offset, _present.Start(at));
                return result < _size ? Errno.None : Errno.ENXIO;
            }

            bool inside = at != 0 && _present.Start(at) <= offset;
            result = Math.Min(inside ? _present.End(at) : offset, _size);
            return Errno.None;
        }
    }

    /// <summary>One byte per page from <paramref name="offset"/> on: 1 where there is data.</summary>
    internal void Residency(ulong offset, Span<byte> residency)
    {
        using (_lock.Enter())
        {
            for (int i = 0; i < residency.Length; i++)
            {
                residency[i] = _present.Find(offset + ((ulong)i * PageSize)) == 0 ? (byte)0 : (byte)1;
            }
        }
    }

    /// <summary>A referenced piece of data, or the length of a hole (piece empty); false at the end of the
    /// object.</summary>
    private bool TakePiece(ulong offset, ulong wanted, out MemoryFileRange piece, out ulong length)
    {
        piece = default;
        using (_lock.Enter())
        {
            length = offset >= _size ? 0 : Math.Min(wanted, _size - offset);
            if (length == 0)
            {
                return false;
            }

            int present = _present.FindAtOrAfter(offset);
            if (present == 0 || _present.Start(present) > offset)
            {
                ulong holeEnd = present == 0 ? ulong.MaxValue : _present.Start(present);
                length = Math.Min(length, holeEnd - offset);
                return true;
            }

            int chunk = _chunks.Find(offset);
            length = Math.Min(length, Math.Min(_present.End(present), _chunks.End(chunk)) - offset);
            ulong start = offset & ~PageMask;
            ulong end = (offset + length + PageMask) & ~PageMask;
            piece = new MemoryFileRange(_chunks.Value(chunk) + (start - _chunks.Start(chunk)), end - start);
            _memory.AddReference(piece.Offset, piece.LengthBytes);
            return true;
        }
    }

    private Errno PrepareWrite(ulong offset, ulong wanted, out MemoryFileRange piece, out ulong length)
    {
        piece = default;
        length = 0;
        using (_lock.Enter())
        {
            bool grows = offset + wanted > _size && (_seals & Fcntl.F_SEAL_GROW) != 0;
            if ((_seals & (Fcntl.F_SEAL_WRITE | Fcntl.F_SEAL_FUTURE_WRITE)) != 0 || (grows && offset >= _size))
            {
                return Errno.EPERM;
            }

            wanted = grows ? _size - offset : wanted;
            ulong start = offset & ~PageMask;
            ulong end = (offset + wanted + PageMask) & ~PageMask;
            Errno error = EnsureSomeLocked(start, end - start, out ulong contiguous);
            if (error != Errno.None)
            {
                return error;
            }

            int chunk = _chunks.Find(start);
            piece = new MemoryFileRange(_chunks.Value(chunk) + (start - _chunks.Start(chunk)), contiguous);
            length = Math.Min(wanted, start + contiguous - offset);
            _memory.AddReference(piece.Offset, piece.LengthBytes);
            return Errno.None;
        }
    }

    /// <summary>Makes as much as possible of the range present in one contiguous piece, at least a page.</summary>
    private Errno EnsureSomeLocked(ulong start, ulong wanted, out ulong contiguous)
    {
        ulong want = Math.Min(wanted, LargeChunkBytes);
        Errno error = EnsureLocked(start, want, want, out _, out contiguous);
        if (error == Errno.EAGAIN)
        {
            int chunk = _chunks.Find(start);
            want = Math.Min(want, _chunks.End(chunk) - start);
            error = EnsureLocked(start, want, want, out _, out contiguous);
        }

        if (error is Errno.ENOSPC or Errno.ENOMEM && want > PageSize)
        {
            error = EnsureLocked(start, PageSize, PageSize, out _, out contiguous);
        }

        return error;
    }

    private void Grow(ulong size)
    {
        using (_lock.Enter())
        {
            _size = Math.Max(_size, size);
        }
    }

    /// <summary>
    /// Frees what lies beyond a new end, after all address spaces have forgotten it. The bytes of the last page
    /// beyond the end are zeroed, for the file may grow again.
    /// </summary>
    private void DropFrom(ulong size)
    {
        ulong whole = (size + PageMask) & ~PageMask;
        _mappings.Invalidate(whole, ulong.MaxValue - whole, InvalidateKind.DropPrivateCopies);
        ZeroRange(size, whole);
        using (_lock.Enter())
        {
            ulong keep = Math.Max(whole, (_size + PageMask) & ~PageMask);
            FreeLocked(keep, ulong.MaxValue & ~PageMask);
        }
    }

    /// <summary>Zeroes the bytes that are present, so that holes stay holes.</summary>
    private void ZeroPresentLocked(ulong start, ulong end, ulong memoryOffset)
    {
        int at = _present.FindAtOrAfter(start);
        while (at != 0 && _present.Start(at) < end)
        {
            ulong from = Math.Max(start, _present.Start(at));
            ulong to = Math.Min(end, _present.End(at));
            _memory.Clear(memoryOffset + (from - start), to - from);
            at = _present.Next(at);
        }
    }
}

/// <summary>Whether fallocate(2) may change the size.</summary>
public enum SizeChange
{
    /// <summary>The size grows to the end of the range.</summary>
    Grow,

    /// <summary>FALLOC_FL_KEEP_SIZE.</summary>
    Keep,
}

/// <summary>What <see cref="SharedMemoryObject.Seek"/> looks for.</summary>
public enum SeekTarget
{
    /// <summary>SEEK_DATA.</summary>
    Data,

    /// <summary>SEEK_HOLE.</summary>
    Hole,
}
