using Abi.Linux;

namespace Sentry.Tty;

// VERASE, VWERASE, VKILL and their traces on the screen.
internal sealed partial class LineDiscipline
{
    private const byte Space = (byte)' ';
    private const byte Tab = (byte)'\t';

    private enum EraseKind
    {
        Character,
        Word,
        Line,
    }

    private void Erase(byte key)
    {
        if (_head == _lineHead)
        {
            return;
        }

        EraseKind kind = IsKey(key, Termbits.VERASE) ? EraseKind.Character
            : IsExtendedKey(key, Termbits.VWERASE) ? EraseKind.Word : EraseKind.Line;
        if (kind == EraseKind.Line && ForgetLine(key))
        {
            return;
        }

        bool sawWord = false;
        while (_head != _lineHead && EraseOne(kind, key, ref sawWord) && kind != EraseKind.Character)
        {
        }

        if (_head == _lineHead && Local(Termbits.ECHO))
        {
            FinishErasing();
        }
    }

    /// <summary>VKILL without visual erasing; false when the characters are to be erased one by one.</summary>
    private bool ForgetLine(byte key)
    {
        if (!Local(Termbits.ECHO))
        {
            _head = _lineHead;
            return true;
        }

        if (Local(Termbits.ECHOK) && Local(Termbits.ECHOKE) && Local(Termbits.ECHOE))
        {
            return false;
        }

        _head = _lineHead;
        FinishErasing();
        EchoByte(key);
        if (Local(Termbits.ECHOK))
        {
            EchoRaw(NewLine);
        }

        return true;
    }

    /// <summary>
    /// Erases one character, which may be several bytes of UTF-8; false when there is nothing more to erase.
    /// </summary>
    private bool EraseOne(EraseKind kind, byte key, ref bool sawWord)
    {
        uint start = _head;
        byte first;
        do
        {
            start--;
            first = _buffer[start & Mask];
        }
        while (IsContinuation(first) && start != _lineHead);
        if (IsContinuation(first))
        {
            return false;
        }

        if (kind == EraseKind.Word)
        {
            bool isWord = first is (byte)'_' or (>= (byte)'0' and <= (byte)'9') or (>= (byte)'A' and <= (byte)'Z')
                or (>= (byte)'a' and <= (byte)'z') or >= 0xAA;
            if (!isWord && sawWord)
            {
                return false;
            }

            sawWord |= isWord;
        }

        uint end = _head;
        _head = start;
        if (Local(Termbits.ECHO))
        {
            EchoErased(kind, key, start, end, first);
        }

        return true;
    }

    private void EchoErased(EraseKind kind, byte key, uint start, uint end, byte first)
    {
        if (Local(Termbits.ECHOPRT))
        {
            EchoPrinted(start, end, first);
        }
        else if (kind == EraseKind.Character && !Local(Termbits.ECHOE))
        {
            EchoByte(key);
        }
        else if (first == Tab)
        {
            EraseTab();
        }
        else
        {
            if (IsControl(first) && Local(Termbits.ECHOCTL))
            {
                WipeColumn();
            }

            if (!IsControl(first) || Local(Termbits.ECHOCTL))
            {
                WipeColumn();
            }
        }
    }

    // Paper terminals: erased characters are printed between a backslash and a slash.
    private void EchoPrinted(uint start, uint end, byte first)
    {
        if (!_isErasing)
        {
            EchoRaw((byte)'\\');
            _isErasing = true;
        }

        EchoByte(first);
        for (uint at = start + 1; at != end; at++)
        {
            EchoRaw(_buffer[at & Mask]);
            _column = _column > 0 ? _column - 1 : 0;
        }
    }

    private void WipeColumn()
    {
        EchoRaw(Backspace);
        EchoRaw(Space);
        EchoRaw(Backspace);
    }

    // How wide the tab was depends on what stands before it in the line, or since the tab before.
    private void EraseTab()
    {
        int columns = 0;
        bool isAfterTab = false;
        for (uint at = _head; at != _lineHead && !isAfterTab;)
        {
            at--;
            byte value = _buffer[at & Mask];
            if (value == Tab)
            {
                isAfterTab = true;
            }
            else if (IsControl(value))
            {
                columns += Local(Termbits.ECHOCTL) ? 2 : 0;
            }
            else
            {
                columns += IsContinuation(value) ? 0 : 1;
            }
        }

        columns += isAfterTab ? 0 : _lineColumn;
        for (int left = 8 - (columns & 7); left > 0; left--)
        {
            EmitEcho([Backspace]);
            _column = _column > 0 ? _column - 1 : 0;
        }
    }

    private void FinishErasing()
    {
        if (_isErasing)
        {
            EchoRaw((byte)'/');
            _isErasing = false;
        }
    }
}
