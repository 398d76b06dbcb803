using System;
using Abi.Linux;
using Sentry.Mm;

namespace Sentry.Tty;

/// <summary>What a read found.</summary>
internal enum TtyReadResult
{
    /// <summary>Nothing there.</summary>
    Empty,

    /// <summary>Plain bytes; non-canonical mode may want more.</summary>
    Bytes,

    /// <summary>A line or the end of file: the read is over.</summary>
    Line,
}

// Reading.
internal sealed partial class LineDiscipline
{
    /// <summary>True when a read has something to return: a line, or <paramref name="minimum"/> bytes.</summary>
    public bool IsReadable(int minimum) =>
        ReadsLines ? _lineHead != _tail : Unread >= Math.Max(1, minimum);

    /// <summary>FIONREAD: bytes of finished lines without the marks of VEOF, or all bytes.</summary>
    public int CountReadable()
    {
        if (!ReadsLines)
        {
            return Unread;
        }

        int count = 0;
        for (uint at = _tail; at != _lineHead; at++)
        {
            count += IsLineEnd(at) && _buffer[at & Mask] == DisabledChar ? 0 : 1;
        }

        return count;
    }

    /// <summary>Takes a line, or what is there, into the guest.</summary>
    public Errno Read(ref IoSequence destination, out long done, out TtyReadResult result)
    {
        done = 0;
        result = TtyReadResult.Empty;
        if (!IsReadable(1))
        {
            return Errno.None;
        }

        return ReadsLines
            ? ReadLine(ref destination, ref done, out result)
            : ReadBytes(ref destination, ref done, out result);
    }

    private Errno ReadBytes(ref IoSequence destination, ref long done, out TtyReadResult result)
    {
        result = TtyReadResult.Bytes;
        while (Unread > 0 && destination.Remaining > 0)
        {
            int index = (int)(_tail & Mask);
            int length = Math.Min(Unread, BufferBytes - index);
            Errno error = destination.CopyOut(_buffer.AsSpan(index, length), out int copied);
            _tail += (uint)copied;
            done += copied;
            if (error != Errno.None)
            {
                return error;
            }
        }

        if (_lineHead - _tail > BufferBytes)
        {
            _lineHead = _tail;
        }

        return Errno.None;
    }

    private Errno ReadLine(ref IoSequence destination, ref long done, out TtyReadResult result)
    {
        result = TtyReadResult.Line;
        while (_tail != _lineHead)
        {
            uint end = FindLineEnd((int)Math.Min(destination.Remaining, int.MaxValue), out bool isComplete);
            bool isEndOfFile = isComplete && !_isPushed && _buffer[(end - 1) & Mask] == DisabledChar;
            Errno error = CopyLine(ref destination, isEndOfFile ? end - 1 : end, ref done);
            if (error != Errno.None)
            {
                return error;
            }

            if (!isComplete)
            {
                SkipEndOfFile();
                return Errno.None;
            }

            _tail = end;
            ClearLineEnd(end - 1);
            _isPushed = false;
            return Errno.None;
        }

        return Errno.None;
    }

    // A read that was filled exactly up to the end-of-file key takes the key along: the next read is not an end of
    // file (canon_skip_eof).
    private void SkipEndOfFile()
    {
        if (_tail != _lineHead && IsLineEnd(_tail) && _buffer[_tail & Mask] == DisabledChar && !_isPushed)
        {
            ClearLineEnd(_tail);
            _tail++;
        }
    }

    /// <summary>Position after the line's end, or after as many bytes as there is room for.</summary>
    private uint FindLineEnd(int room, out bool isComplete)
    {
        uint at = _tail;
        while (at != _lineHead)
        {
            bool isEnd = IsLineEnd(at);
            bool isMark = isEnd && !_isPushed && _buffer[at & Mask] == DisabledChar;
            if (at - _tail >= (uint)room && !(isMark && at == _tail))
            {
                break;
            }

            at++;
            if (isEnd)
            {
                isComplete = true;
                return at;
            }
        }

        isComplete = false;
        return at;
    }

    private Errno CopyLine(ref IoSequence destination, uint end, ref long done)
    {
        while (_tail != end)
        {
            int index = (int)(_tail & Mask);
            int length = Math.Min((int)(end - _tail), BufferBytes - index);
            Errno error = destination.CopyOut(_buffer.AsSpan(index, length), out int copied);
            _tail += (uint)copied;
            done += copied;
            if (error != Errno.None)
            {
                return error;
            }
        }

        return Errno.None;
    }
}
