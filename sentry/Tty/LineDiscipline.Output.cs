using System;
using Abi.Linux;

namespace Sentry.Tty;

// What is shown: echo and output processing, with the column they need.
internal sealed partial class LineDiscipline
{
    private const int EchoMaxBytes = BufferBytes;

    // Echo that waits until stopped output starts again.
    private readonly ByteQueue _heldEcho = new();

    // Column of the cursor, and where the line being typed began.
    private int _column;
    private int _lineColumn;

    /// <summary>
    /// Output of the slave, processed if OPOST says so. The caller saw to it that output is not stopped.
    /// </summary>
    public void Write(ReadOnlySpan<byte> bytes)
    {
        ReleaseEcho();
        if (!Output(Termbits.OPOST))
        {
            _driver.WriteOutput(bytes);
            return;
        }

        Span<byte> processed = stackalloc byte[8];
        while (!bytes.IsEmpty)
        {
            int plain = PlainRun(bytes);
            if (plain > 0)
            {
                _driver.WriteOutput(bytes[..plain]);
                bytes = bytes[plain..];
                continue;
            }

            int length = Process(bytes[0], processed);
            _driver.WriteOutput(processed[..length]);
            bytes = bytes[1..];
        }
    }

    /// <summary>Output was started again: shows the echo that waited.</summary>
    public void ReleaseEcho()
    {
        while (_heldEcho.Count > 0 && !_driver.IsOutputStopped)
        {
            ReadOnlySpan<byte> front = _heldEcho.Front;
            _driver.WriteOutput(front);
            _heldEcho.Discard(front.Length);
        }
    }

    /// <summary>Forgets echo that waits.</summary>
    public void DropEcho() => _heldEcho.Clear();

    /// <summary>
    /// Length of the leading run that output processing leaves alone (process_output_block); moves the column.
    /// </summary>
    private int PlainRun(ReadOnlySpan<byte> bytes)
    {
        bool toUpper = Output(Termbits.OLCUC);
        int length = 0;
        while (length < bytes.Length)
        {
            byte value = bytes[length];
            if (IsControl(value) || toUpper)
            {
                break;
            }

            _column += IsContinuation(value) ? 0 : 1;
            length++;
        }

        return length;
    }

    /// <summary>Output processing of one byte (do_output_char); returns the bytes it becomes, at most 8.</summary>
    private int Process(byte value, Span<byte> processed)
    {
        processed[0] = value;
        switch (value)
        {
            case NewLine:
                return ProcessNewLine(processed);
            case CarriageReturn:
                return ProcessReturn(processed);
            case Tab:
                int spaces = 8 - (_column & 7);
                _column += spaces;
                if ((_settings.c_oflag & Termbits.TABDLY) != Termbits.XTABS)
                {
                    return 1;
                }

                processed[..spaces].Fill(Space);
                return spaces;
            case Backspace:
                _column = _column > 0 ? _column - 1 : 0;
                return 1;
            default:
                if (!IsControl(value))
                {
                    bool isLower = Output(Termbits.OLCUC) && value is >= (byte)'a' and <= (byte)'z';
                    processed[0] = isLower ? (byte)(value - 0x20) : value;
                    _column += IsContinuation(value) ? 0 : 1;
                }

                return 1;
        }
    }

    private int ProcessNewLine(Span<byte> processed)
    {
        if (Output(Termbits.ONLRET))
        {
            _column = 0;
        }

        if (Output(Termbits.ONLCR))
        {
            _lineColumn = _column = 0;
            processed[0] = CarriageReturn;
            processed[1] = NewLine;
            return 2;
        }

        _lineColumn = _column;
        return 1;
    }

    private int ProcessReturn(Span<byte> processed)
    {
        if (Output(Termbits.ONOCR) && _column == 0)
        {
            return 0;
        }

        if (Output(Termbits.OCRNL))
        {
            processed[0] = NewLine;
            if (Output(Termbits.ONLRET))
            {
                _lineColumn = _column = 0;
            }

            return 1;
        }

        _lineColumn = _column = 0;
        return 1;
    }

    private void NoteLineStart()
    {
        if (_lineHead == _head)
        {
            _lineColumn = _column;
        }
    }

    /// <summary>Echo of a byte as it is, but for output processing.</summary>
    private void EchoRaw(byte value)
    {
        Span<byte> processed = stackalloc byte[8];
        processed[0] = value;
        int length = Output(Termbits.OPOST) ? Process(value, processed) : 1;
        EmitEcho(processed[..length]);
    }

    /// <summary>Echo of a typed byte: control characters as ^X with ECHOCTL.</summary>
    private void EchoByte(byte value)
    {
        if (!Local(Termbits.ECHOCTL) || !IsControl(value) || value == Tab)
        {
            EchoRaw(value);
            return;
        }

        EmitEcho([(byte)'^', (byte)(value ^ 0x40)]);
        _column += 2;
    }

    private void EmitEcho(ReadOnlySpan<byte> bytes)
    {
        if (!_driver.IsOutputStopped)
        {
            _driver.WriteOutput(bytes);
        }
        else if (_heldEcho.Count + bytes.Length <= EchoMaxBytes)
        {
            _heldEcho.Enqueue(bytes);
        }
    }
}
