using System.Runtime.InteropServices;

namespace Abi.Linux;

/// <summary>Modes and control characters of termios, ioctl_tty(2) and termios(3).</summary>
[CHeader("asm/termbits.h")]
public static class Termbits
{
    // Sizes and indices of c_cc.
    public const int NCCS = 19;
    public const int VINTR = 0;
    public const int VQUIT = 1;
    public const int VERASE = 2;
    public const int VKILL = 3;
    public const int VEOF = 4;
    public const int VTIME = 5;
    public const int VMIN = 6;
    public const int VSWTC = 7;
    public const int VSTART = 8;
    public const int VSTOP = 9;
    public const int VSUSP = 10;
    public const int VEOL = 11;
    public const int VREPRINT = 12;
    public const int VDISCARD = 13;
    public const int VWERASE = 14;
    public const int VLNEXT = 15;
    public const int VEOL2 = 16;

    // c_iflag.
    public const uint IGNBRK = 0x001;
    public const uint BRKINT = 0x002;
    public const uint IGNPAR = 0x004;
    public const uint PARMRK = 0x008;
    public const uint INPCK = 0x010;
    public const uint ISTRIP = 0x020;
    public const uint INLCR = 0x040;
    public const uint IGNCR = 0x080;
    public const uint ICRNL = 0x100;
    public const uint IXANY = 0x800;
    public const uint IUCLC = 0x0200;
    public const uint IXON = 0x0400;
    public const uint IXOFF = 0x1000;
    public const uint IMAXBEL = 0x2000;
    public const uint IUTF8 = 0x4000;

    // c_oflag.
    public const uint OPOST = 0x01;
    public const uint OCRNL = 0x08;
    public const uint ONOCR = 0x10;
    public const uint ONLRET = 0x20;
    public const uint OFILL = 0x40;
    public const uint OFDEL = 0x80;
    public const uint OLCUC = 0x00002;
    public const uint ONLCR = 0x00004;
    public const uint NLDLY = 0x00100;
    public const uint NL0 = 0x00000;
    public const uint NL1 = 0x00100;
    public const uint CRDLY = 0x00600;
    public const uint CR0 = 0x00000;
    public const uint CR1 = 0x00200;
    public const uint CR2 = 0x00400;
    public const uint CR3 = 0x00600;
    public const uint TABDLY = 0x01800;
    public const uint TAB0 = 0x00000;
    public const uint TAB1 = 0x00800;
    public const uint TAB2 = 0x01000;
    public const uint TAB3 = 0x01800;
    public const uint XTABS = 0x01800;
    public const uint BSDLY = 0x02000;
    public const uint BS0 = 0x00000;
    public const uint BS1 = 0x02000;
    public const uint VTDLY = 0x04000;
    public const uint VT0 = 0x00000;
    public const uint VT1 = 0x04000;
    public const uint FFDLY = 0x08000;
    public const uint FF0 = 0x00000;
    public const uint FF1 = 0x08000;

    // c_cflag.
    public const uint B0 = 0x00000000;
    public const uint B50 = 0x00000001;
    public const uint B75 = 0x00000002;
    public const uint B110 = 0x00000003;
    public const uint B134 = 0x00000004;
    public const uint B150 = 0x00000005;
    public const uint B200 = 0x00000006;
    public const uint B300 = 0x00000007;
    public const uint B600 = 0x00000008;
    public const uint B1200 = 0x00000009;
    public const uint B1800 = 0x0000000a;
    public const uint B2400 = 0x0000000b;
    public const uint B4800 = 0x0000000c;
    public const uint B9600 = 0x0000000d;
    public const uint B19200 = 0x0000000e;
    public const uint B38400 = 0x0000000f;
    public const uint EXTA = 0x0000000e;
    public const uint EXTB = 0x0000000f;
    public const uint ADDRB = 0x20000000;
    public const uint CMSPAR = 0x40000000;
    public const uint CRTSCTS = 0x80000000;
    public const uint IBSHIFT = 16;
    public const uint CBAUD = 0x0000100f;
    public const uint CSIZE = 0x00000030;
    public const uint CS5 = 0x00000000;
    public const uint CS6 = 0x00000010;
    public const uint CS7 = 0x00000020;
    public const uint CS8 = 0x00000030;
    public const uint CSTOPB = 0x00000040;
    public const uint CREAD = 0x00000080;
    public const uint PARENB = 0x00000100;
    public const uint PARODD = 0x00000200;
    public const uint HUPCL = 0x00000400;
    public const uint CLOCAL = 0x00000800;
    public const uint CBAUDEX = 0x00001000;
    public const uint BOTHER = 0x00001000;
    public const uint B57600 = 0x00001001;
    public const uint B115200 = 0x00001002;
    public const uint B230400 = 0x00001003;
    public const uint B460800 = 0x00001004;
    public const uint B500000 = 0x00001005;
    public const uint B576000 = 0x00001006;
    public const uint B921600 = 0x00001007;
    public const uint B1000000 = 0x00001008;
    public const uint B1152000 = 0x00001009;
    public const uint B1500000 = 0x0000100a;
    public const uint B2000000 = 0x0000100b;
    public const uint B2500000 = 0x0000100c;
    public const uint B3000000 = 0x0000100d;
    public const uint B3500000 = 0x0000100e;
    public const uint B4000000 = 0x0000100f;
    public const uint CIBAUD = 0x100f0000;

    // c_lflag.
    public const uint ISIG = 0x00001;
    public const uint ICANON = 0x00002;
    public const uint XCASE = 0x00004;
    public const uint ECHO = 0x00008;
    public const uint ECHOE = 0x00010;
    public const uint ECHOK = 0x00020;
    public const uint ECHONL = 0x00040;
    public const uint NOFLSH = 0x00080;
    public const uint TOSTOP = 0x00100;
    public const uint ECHOCTL = 0x00200;
    public const uint ECHOPRT = 0x00400;
    public const uint ECHOKE = 0x00800;
    public const uint FLUSHO = 0x01000;
    public const uint PENDIN = 0x04000;
    public const uint IEXTEN = 0x08000;
    public const uint EXTPROC = 0x10000;

    // tcflow(3), tcflush(3), tcsetattr(3).
    public const int TCOOFF = 0;
    public const int TCOON = 1;
    public const int TCIOFF = 2;
    public const int TCION = 3;
    public const int TCIFLUSH = 0;
    public const int TCOFLUSH = 1;
    public const int TCIOFLUSH = 2;
    public const int TCSANOW = 0;
    public const int TCSADRAIN = 1;
    public const int TCSAFLUSH = 2;
}

/// <summary>Modem lines, packet mode and line disciplines of ioctl_tty(2).</summary>
[CHeader("asm/termios.h", "linux/tty.h")]
public static class TtyIoctls
{
    // Modem lines.
    public const int TIOCM_LE = 0x001;
    public const int TIOCM_DTR = 0x002;
    public const int TIOCM_RTS = 0x004;
    public const int TIOCM_ST = 0x008;
    public const int TIOCM_SR = 0x010;
    public const int TIOCM_CTS = 0x020;
    public const int TIOCM_CAR = 0x040;
    public const int TIOCM_RNG = 0x080;
    public const int TIOCM_DSR = 0x100;
    public const int TIOCM_CD = 0x040;
    public const int TIOCM_RI = 0x080;
    public const int TIOCM_OUT1 = 0x2000;
    public const int TIOCM_OUT2 = 0x4000;
    public const int TIOCM_LOOP = 0x8000;

    // Packet mode.
    public const int TIOCPKT_DATA = 0;
    public const int TIOCPKT_FLUSHREAD = 1;
    public const int TIOCPKT_FLUSHWRITE = 2;
    public const int TIOCPKT_STOP = 4;
    public const int TIOCPKT_START = 8;
    public const int TIOCPKT_NOSTOP = 16;
    public const int TIOCPKT_DOSTOP = 32;
    public const int TIOCPKT_IOCTL = 64;

    // Line disciplines.
    public const int N_TTY = 0;
}

/// <summary>TCGETS and TCSETS: the kernel's struct termios, 36 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct termios", "asm/termbits.h")]
public struct Termios
{
    public uint c_iflag;
    public uint c_oflag;
    public uint c_cflag;
    public uint c_lflag;
    public byte c_line;
    public Bytes19 c_cc;
}

/// <summary>TCGETS2 and TCSETS2.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct termios2", "asm/termbits.h")]
public struct Termios2
{
    public uint c_iflag;
    public uint c_oflag;
    public uint c_cflag;
    public uint c_lflag;
    public byte c_line;
    public Bytes19 c_cc;
    public uint c_ispeed;
    public uint c_ospeed;
}

/// <summary>TCGETA and TCSETA, the old form.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct termio", "asm/termios.h")]
public struct Termio
{
    public ushort c_iflag;
    public ushort c_oflag;
    public ushort c_cflag;
    public ushort c_lflag;
    public byte c_line;
    public Bytes8 c_cc;
    private byte _pad0;
}

/// <summary>TIOCGWINSZ.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct winsize", "asm/termios.h")]
public struct Winsize
{
    public ushort ws_row;
    public ushort ws_col;
    public ushort ws_xpixel;
    public ushort ws_ypixel;
}
