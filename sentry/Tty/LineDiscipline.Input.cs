using System;
using Abi.Linux;

namespace Sentry.Tty;

// What is typed.
internal sealed partial class LineDiscipline
{
    private const byte NewLine = (byte)'\n';
    private const byte CarriageReturn = (byte)'\r';
    private const byte Backspace = (byte)'\b';
    private const byte Rubout = 0xFF;

    /// <summary>
    /// Takes typed bytes; returns how many. Fewer than given when the buffer is full: a canonical line then still
    /// takes bytes, each in place of the last.
    /// </summary>
    public int Receive(ReadOnlySpan<byte> bytes)
    {
        int taken = 0;
        while (taken < bytes.Length && MakeRoom())
        {
            ReceiveOne(bytes[taken++]);
        }

        if (taken > 0 && !ReadsLines && Unread > 0)
        {
            _driver.OnInputReady();
        }

        return taken;
    }

    // n_tty_receive_buf_common: a full buffer without a finished line drops what comes before the line's end.
    private bool MakeRoom()
    {
        int room = BufferBytes - Unread;
        room = (Input(Termbits.PARMRK) ? (room + 2) / 3 : room) - 1;
        if (room > 0)
        {
            return true;
        }

        bool isOverflow = IsCanonical && _lineHead == _tail;
        if (isOverflow && room < 0)
        {
            _head--;
        }

        return isOverflow;
    }

    private void ReceiveOne(byte value)
    {
        if (Input(Termbits.ISTRIP))
        {
            value &= 0x7F;
        }

        if (Input(Termbits.IUCLC) && Local(Termbits.IEXTEN) && value is >= (byte)'A' and <= (byte)'Z')
        {
            value += 0x20;
        }

        if (Local(Termbits.EXTPROC))
        {
            Put(value);
            return;
        }

        if (_isLiteralNext)
        {
            _isLiteralNext = false;
            ReceiveOrdinary(value);
            return;
        }

        if (ReceiveFlowKey(value) || ReceiveSignalKey(value))
        {
            return;
        }

        ReceiveMapped(value);
    }

    private void ReceiveMapped(byte value)
    {
        if (value == CarriageReturn)
        {
            if (Input(Termbits.IGNCR))
            {
                return;
            }

            value = Input(Termbits.ICRNL) ? NewLine : value;
        }
        else if (value == NewLine && Input(Termbits.INLCR))
        {
            value = CarriageReturn;
        }

        if (IsCanonical && ReceiveCanonicalKey(value))
        {
            return;
        }

        if (value == NewLine && Local(Termbits.ECHO))
        {
            StartByAnyKey();
            FinishErasing();
            EchoRaw(NewLine);
            PutMarked(value);
            return;
        }

        ReceiveOrdinary(value);
    }

    private void ReceiveOrdinary(byte value)
    {
        StartByAnyKey();
        if (Local(Termbits.ECHO))
        {
            FinishErasing();
            NoteLineStart();
            EchoByte(value);
        }

        PutMarked(value);
    }

    private void StartByAnyKey()
    {
        if (_driver.IsOutputStopped && !_driver.IsStoppedByCall && Input(Termbits.IXON) && Input(Termbits.IXANY))
        {
            _driver.StartOutput();
        }
    }

    private bool ReceiveFlowKey(byte value)
    {
        if (!Input(Termbits.IXON))
        {
            return false;
        }

        if (IsKey(value, Termbits.VSTART))
        {
            if (!_driver.IsStoppedByCall)
            {
                _driver.StartOutput();
            }

            return true;
        }

        if (IsKey(value, Termbits.VSTOP))
        {
            _driver.StopOutput();
            return true;
        }

        return false;
    }

    private bool ReceiveSignalKey(byte value)
    {
        if (!Local(Termbits.ISIG))
        {
            return false;
        }

        int signal = IsKey(value, Termbits.VINTR) ? Signals.SIGINT
            : IsKey(value, Termbits.VQUIT) ? Signals.SIGQUIT
            : IsKey(value, Termbits.VSUSP) ? Signals.SIGTSTP : 0;
        if (signal == 0)
        {
            return false;
        }

        _driver.SignalForeground(signal);
        if (!Local(Termbits.NOFLSH))
        {
            _driver.FlushOutput();
            FlushInput();
        }

        if (Input(Termbits.IXON) && !_driver.IsStoppedByCall)
        {
            _driver.StartOutput();
        }

        if (Local(Termbits.ECHO))
        {
            EchoByte(value);
        }

        return true;
    }

    private bool ReceiveCanonicalKey(byte value)
    {
        if (IsKey(value, Termbits.VERASE) || IsKey(value, Termbits.VKILL) || IsExtendedKey(value, Termbits.VWERASE))
        {
            Erase(value);
            return true;
        }

        if (IsExtendedKey(value, Termbits.VLNEXT))
        {
            BeginLiteral();
            return true;
        }

        if (Local(Termbits.ECHO) && IsExtendedKey(value, Termbits.VREPRINT))
        {
            Reprint(value);
            return true;
        }

        return ReceiveLineEnd(value);
    }

    private bool ReceiveLineEnd(byte value)
    {
        if (value == NewLine)
        {
            if (Local(Termbits.ECHO) || Local(Termbits.ECHONL))
            {
                EchoRaw(NewLine);
            }

            EndLine(value);
            return true;
        }

        if (IsKey(value, Termbits.VEOF))
        {
            EndLine(DisabledChar);
            return true;
        }

        if (!IsKey(value, Termbits.VEOL) && !IsExtendedKey(value, Termbits.VEOL2))
        {
            return false;
        }

        if (Local(Termbits.ECHO))
        {
            NoteLineStart();
            EchoByte(value);
        }

        if (value == Rubout && Input(Termbits.PARMRK))
        {
            Put(value);
        }

        EndLine(value);
        return true;
    }

    private void BeginLiteral()
    {
        _isLiteralNext = true;
        if (!Local(Termbits.ECHO))
        {
            return;
        }

        FinishErasing();
        if (Local(Termbits.ECHOCTL))
        {
            EchoRaw((byte)'^');
            EchoRaw(Backspace);
        }
    }

    private void Reprint(byte value)
    {
        FinishErasing();
        EchoByte(value);
        EchoRaw(NewLine);
        for (uint at = _lineHead; at != _head; at++)
        {
            EchoByte(_buffer[at & Mask]);
        }
    }

    private void EndLine(byte value)
    {
        MarkLineEnd(_head);
        _buffer[_head & Mask] = value;
        _head++;
        _lineHead = _head;
        _driver.OnInputReady();
    }

    // A byte of 0377 is doubled under PARMRK, so that it is not taken for the mark of an error.
    private void PutMarked(byte value)
    {
        if (value == Rubout && Input(Termbits.PARMRK))
        {
            Put(value);
        }

        Put(value);
    }

    private void Put(byte value)
    {
        ClearLineEnd(_head);
        _buffer[_head & Mask] = value;
        _head++;
    }
}
