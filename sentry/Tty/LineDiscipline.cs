using System;
using Abi.Linux;

namespace Sentry.Tty;

/// <summary>
/// The N_TTY line discipline (termios(3), drivers/tty/n_tty.c): line editing, echo, signals, flow control, output
/// processing. It owns the input buffer of
/// 4096 bytes and writes echo and output to its driver. Everything is guarded by the terminal's lock.
/// </summary>
internal sealed partial class LineDiscipline
{
    /// <summary>N_TTY_BUF_SIZE: also the limit of a line.</summary>
    public const int BufferBytes = 4096;

    private const byte DisabledChar = 0;
    private const int Mask = BufferBytes - 1;

    private readonly ITtyDriver _driver;
    private readonly byte[] _buffer = new byte[BufferBytes];

    // One bit per byte of the buffer: the byte ends a line.
    private readonly ulong[] _lineEnds = new ulong[BufferBytes / 64];
    private Termios2 _settings;

    // Counters of bytes ever put, finished lines, and taken; the buffer index is the counter modulo its size.
    private uint _head;
    private uint _lineHead;
    private uint _tail;
    private bool _isLiteralNext;
    private bool _isErasing;

    // A line that was only ended by a change to canonical mode: its last byte is data even when it equals VEOF's mark.
    private bool _isPushed;

    /// <summary>A discipline with the given settings.</summary>
    public LineDiscipline(ITtyDriver driver, in Termios2 settings)
    {
        _driver = driver;
        _settings = settings;
    }

    /// <summary>Settings now.</summary>
    public ref readonly Termios2 Settings => ref _settings;

    /// <summary>VMIN and VTIME of non-canonical reads.</summary>
    public (int Min, int TenthsOfSecond) ReadLimits => (_settings.c_cc[Termbits.VMIN], _settings.c_cc[Termbits.VTIME]);

    /// <summary>True in canonical mode.</summary>
    public bool IsCanonical => Local(Termbits.ICANON);

    /// <summary>Lines are what counts for readers.</summary>
    private bool ReadsLines => IsCanonical && !Local(Termbits.EXTPROC);

    private int Unread => (int)(_head - _tail);

    /// <summary>
    /// Replaces the settings (n_tty_set_termios): what is in the buffer becomes a line, or plain bytes.
    /// </summary>
    public void Configure(in Termios2 settings)
    {
        Termios2 old = _settings;
        _settings = settings;
        if (((old.c_lflag ^ settings.c_lflag) & (Termbits.ICANON | Termbits.EXTPROC)) != 0)
        {
            SwitchMode();
        }

        bool lostFlowControl = (old.c_iflag & Termbits.IXON) != 0 && !Input(Termbits.IXON);
        if (lostFlowControl && _driver.IsOutputStopped && !_driver.IsStoppedByCall)
        {
            _driver.StartOutput();
        }
    }

    /// <summary>Forgets all input (TCIFLUSH, a signal key without NOFLSH).</summary>
    public void FlushInput()
    {
        _head = _lineHead = _tail = 0;
        _isErasing = false;
        _isLiteralNext = false;
        _isPushed = false;
        Array.Clear(_lineEnds);
        _driver.OnInputFlushed();
    }

    private bool Input(uint flag) => (_settings.c_iflag & flag) != 0;

    private bool Output(uint flag) => (_settings.c_oflag & flag) != 0;

    private bool Local(uint flag) => (_settings.c_lflag & flag) != 0;

    private bool IsKey(byte value, int key) => value == _settings.c_cc[key] && value != DisabledChar;

    private bool IsExtendedKey(byte value, int key) => Local(Termbits.IEXTEN) && IsKey(value, key);

    private void SwitchMode()
    {
        Array.Clear(_lineEnds);
        if (!IsCanonical || Unread == 0)
        {
            _lineHead = _tail;
            _isPushed = false;
        }
        else
        {
            MarkLineEnd(_head - 1);
            _lineHead = _head;
            _isPushed = true;
        }

        _isErasing = false;
        _isLiteralNext = false;
    }

    private void MarkLineEnd(uint position)
    {
        int index = (int)(position & Mask);
        _lineEnds[index >> 6] |= 1UL << (index & 63);
    }

    private void ClearLineEnd(uint position)
    {
        int index = (int)(position & Mask);
        _lineEnds[index >> 6] &= ~(1UL << (index & 63));
    }

    private bool IsLineEnd(uint position)
    {
        int index = (int)(position & Mask);
        return (_lineEnds[index >> 6] >> (index & 63) & 1) != 0;
    }

    private static bool IsControl(byte value) => value is < 0x20 or 0x7F;

    private bool IsContinuation(byte value) => Input(Termbits.IUTF8) && (value & 0xC0) == 0x80;
}
