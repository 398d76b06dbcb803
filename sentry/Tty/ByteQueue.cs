using System;
using System.Numerics;
using Abi.Linux;
using Sentry.Mm;

namespace Sentry.Tty;

/// <summary>A growing ring of bytes. Guarded by its terminal's lock.</summary>
internal sealed class ByteQueue
{
    private const int InitialBytes = 256;

    private byte[] _ring = [];
    private int _head;

    /// <summary>Bytes in it.</summary>
    public int Count { get; private set; }

    /// <summary>The longest piece that can be taken without wrapping.</summary>
    public ReadOnlySpan<byte> Front => _ring.AsSpan(_head, Math.Min(Count, _ring.Length - _head));

    /// <summary>Appends.</summary>
    public void Enqueue(ReadOnlySpan<byte> bytes)
    {
        Grow(Count + bytes.Length);
        while (!bytes.IsEmpty)
        {
            Span<byte> free = FreePiece(bytes.Length);
            bytes[..free.Length].CopyTo(free);
            bytes = bytes[free.Length..];
            Count += free.Length;
        }
    }

    /// <summary>Appends at most <paramref name="maxBytes"/> from the guest.</summary>
    public Errno EnqueueFrom(ref IoSequence source, int maxBytes, out int done)
    {
        int wanted = (int)Math.Min(source.Remaining, maxBytes);
        Grow(Count + wanted);
        done = 0;
        while (done < wanted)
        {
            Errno error = source.CopyIn(FreePiece(wanted - done), out int copied);
            Count += copied;
            done += copied;
            if (error != Errno.None)
            {
                return error;
            }
        }

        return Errno.None;
    }

    /// <summary>Moves as much as there is and fits to the guest.</summary>
    public Errno DequeueTo(ref IoSequence destination, out long done)
    {
        done = 0;
        while (Count > 0 && destination.Remaining > 0)
        {
            Errno error = destination.CopyOut(Front, out int copied);
            Discard(copied);
            done += copied;
            if (error != Errno.None)
            {
                return error;
            }
        }

        return Errno.None;
    }

    /// <summary>Forgets the first bytes.</summary>
    public void Discard(int bytes)
    {
        Count -= bytes;
        _head = Count == 0 ? 0 : (_head + bytes) & (_ring.Length - 1);
    }

    /// <summary>Forgets all.</summary>
    public void Clear() => Discard(Count);

    private Span<byte> FreePiece(int maxBytes)
    {
        int tail = (_head + Count) & (_ring.Length - 1);
        int free = tail < _head ? _head - tail : _ring.Length - tail;
        return _ring.AsSpan(tail, Math.Min(free, maxBytes));
    }

    private void Grow(int bytes)
    {
        if (bytes <= _ring.Length)
        {
            return;
        }

        byte[] grown = new byte[Math.Max(InitialBytes, (int)BitOperations.RoundUpToPowerOf2((uint)bytes))];
        int first = Front.Length;
        Front.CopyTo(grown);
        if (first < Count)
        {
            _ring.AsSpan(0, Count - first).CopyTo(grown.AsSpan(first));
        }

        _ring = grown;
        _head = 0;
    }
}
