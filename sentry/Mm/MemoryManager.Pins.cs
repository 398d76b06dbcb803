using System;
using System.Runtime.CompilerServices;
using Abi.Linux;
using HostOs;
using Platform;

namespace Sentry.Mm;

/// <summary>Guest memory held while the host reads or writes it without a copy in between (preadv, pwritev on a host
/// descriptor).</summary>
public sealed partial class MemoryManager
{
    /// <summary>Most pieces that one host call moves.</summary>
    internal const int MaximumPieces = 16;

    private GuestRange[] _pins = new GuestRange[4];
    private int _pinCount;

    /// <summary>
    /// Holds guest memory from <paramref name="range"/>'s start on, as far as there are entries in the arrays;
    /// <paramref name="access"/> Write when the host will write it.
    /// EFAULT when not even the first page is accessible.
    /// </summary>
    internal Errno Pin(GuestRange range, MemoryAccess access, ref PinnedPieces pieces, Span<HostIovec> vector)
    {
        ulong at = range.Start;
        while (at < range.End && pieces.Count < MaximumPieces)
        {
            bool found;
            using (_activeLock.Enter())
            {
                found = TryPieceLocked(at, range.End - at, access, out Piece piece);
                if (found && piece.Length == 0)
                {
                    return pieces.Count > 0 ? Errno.None : Errno.EFAULT;
                }

                if (found)
                {
                    piece.AddReference();
                    vector[pieces.Count] = new HostIovec((nint)piece.Address, (nuint)piece.Length);
                    AddPinLocked(GuestRange.FromBounds(at, at + piece.Length), access);
                    pieces.Add(in piece, at);
                    at += piece.Length;
                }
            }

            if (!found && FaultIn(at, range.End - at, access) != Errno.None)
            {
                return pieces.Count > 0 ? Errno.None : Errno.EFAULT;
            }
        }

        return Errno.None;
    }

    /// <summary>Lets go of what <see cref="Pin"/> held.</summary>
    internal void Unpin(ref PinnedPieces pieces, MemoryAccess access)
    {
        using (_activeLock.Enter())
        {
            for (int i = 0; i < pieces.Count; i++)
            {
                RemovePinLocked(pieces.Start(i), access);
            }
        }

        for (int i = 0; i < pieces.Count; i++)
        {
            pieces.Piece(i).DropReference();
        }

        pieces.Count = 0;
    }

    /// <summary>Only memory the host writes matters to fork: a copy made later would miss the bytes.</summary>
    private void AddPinLocked(GuestRange range, MemoryAccess access)
    {
        if ((access & MemoryAccess.Write) == 0)
        {
            return;
        }

        if (_pinCount == _pins.Length)
        {
            Array.Resize(ref _pins, _pinCount * 2);
        }

        _pins[_pinCount++] = range;
    }

    private void RemovePinLocked(ulong start, MemoryAccess access)
    {
        if ((access & MemoryAccess.Write) == 0)
        {
            return;
        }

        for (int i = 0; i < _pinCount; i++)
        {
            if (_pins[i].Start == start)
            {
                _pins[i] = _pins[--_pinCount];
                return;
            }
        }
    }

    private bool IsPinnedLocked(GuestRange range)
    {
        for (int i = 0; i < _pinCount; i++)
        {
            if (_pins[i].Overlaps(range))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The pieces one host call uses; lives on the stack.</summary>
    internal struct PinnedPieces
    {
        private Slots _slots;

        /// <summary>Number of pieces.</summary>
        public int Count;

        /// <summary>Guest address of a piece.</summary>
        public readonly ulong Start(int index) => _slots[index].Start;

        /// <summary>A piece.</summary>
        public readonly Piece Piece(int index) => _slots[index].Piece;

        /// <summary>Appends a piece.</summary>
        public void Add(in Piece piece, ulong start)
        {
            _slots[Count].Piece = piece;
            _slots[Count].Start = start;
            Count++;
        }

        private struct Slot
        {
            public Piece Piece;
            public ulong Start;
        }

        [InlineArray(MaximumPieces)]
        private struct Slots
        {
            private Slot _first;
        }
    }
}
