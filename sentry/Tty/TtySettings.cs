using Abi.Linux;

namespace Sentry.Tty;

/// <summary>The initial settings of terminals (drivers/tty/tty_io.c tty_std_termios, drivers/tty/pty.c).</summary>
internal static class TtySettings
{
    /// <summary>Speed that pseudo terminals claim, as B38400 says.</summary>
    public const uint DefaultSpeed = 38400;

    /// <summary>Line editing, echo, signals: what a slave starts with.</summary>
    public static Termios2 ForSlave()
    {
        Termios2 settings = new()
        {
            c_iflag = Termbits.ICRNL | Termbits.IXON,
            c_oflag = Termbits.OPOST | Termbits.ONLCR,
            c_cflag = Termbits.B38400 | Termbits.CS8 | Termbits.CREAD,
            c_lflag = Termbits.ISIG | Termbits.ICANON | Termbits.ECHO | Termbits.ECHOE | Termbits.ECHOK
                | Termbits.ECHOCTL | Termbits.ECHOKE | Termbits.IEXTEN,
            c_ispeed = DefaultSpeed,
            c_ospeed = DefaultSpeed,
        };
        settings.c_cc[Termbits.VINTR] = 3;
        settings.c_cc[Termbits.VQUIT] = 28;
        settings.c_cc[Termbits.VERASE] = 127;
        settings.c_cc[Termbits.VKILL] = 21;
        settings.c_cc[Termbits.VEOF] = 4;
        settings.c_cc[Termbits.VMIN] = 1;
        settings.c_cc[Termbits.VSTART] = 17;
        settings.c_cc[Termbits.VSTOP] = 19;
        settings.c_cc[Termbits.VSUSP] = 26;
        settings.c_cc[Termbits.VREPRINT] = 18;
        settings.c_cc[Termbits.VDISCARD] = 15;
        settings.c_cc[Termbits.VWERASE] = 23;
        settings.c_cc[Termbits.VLNEXT] = 22;
        return settings;
    }
}

/// <summary>What a line discipline needs of the terminal below it. Called with the terminal's lock held.</summary>
internal interface ITtyDriver
{
    /// <summary>Output of the slave is stopped (VSTOP, TCOOFF).</summary>
    bool IsOutputStopped { get; }

    /// <summary>It was TCOOFF that stopped it: keys do not start it again.</summary>
    bool IsStoppedByCall { get; }

    /// <summary>Bytes for the other end.</summary>
    void WriteOutput(System.ReadOnlySpan<byte> bytes);

    /// <summary>VSTOP.</summary>
    void StopOutput();

    /// <summary>VSTART, or any key with IXANY.</summary>
    void StartOutput();

    /// <summary>Drops what the other end has not read yet.</summary>
    void FlushOutput();

    /// <summary>The input was flushed.</summary>
    void OnInputFlushed();

    /// <summary>Sends a signal to the foreground process group.</summary>
    void SignalForeground(int signal);

    /// <summary>There is something to read.</summary>
    void OnInputReady();
}
