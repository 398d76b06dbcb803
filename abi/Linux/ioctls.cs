namespace Abi.Linux;

/// <summary>Terminal and file ioctls, ioctl_tty(2) and ioctl(2).</summary>
[CHeader("asm/termbits.h", "asm/termios.h", "linux/ioctl.h")]
public static class Ioctls
{
    public const uint TCGETS = 0x5401;
    public const uint TCSETS = 0x5402;
    public const uint TCSETSW = 0x5403;
    public const uint TCSETSF = 0x5404;
    public const uint TCGETA = 0x5405;
    public const uint TCSETA = 0x5406;
    public const uint TCSETAW = 0x5407;
    public const uint TCSETAF = 0x5408;
    public const uint TCSBRK = 0x5409;
    public const uint TCXONC = 0x540a;
    public const uint TCFLSH = 0x540b;
    public const uint TIOCEXCL = 0x540c;
    public const uint TIOCNXCL = 0x540d;
    public const uint TIOCSCTTY = 0x540e;
    public const uint TIOCGPGRP = 0x540f;
    public const uint TIOCSPGRP = 0x5410;
    public const uint TIOCOUTQ = 0x5411;
    public const uint TIOCSTI = 0x5412;
    public const uint TIOCGWINSZ = 0x5413;
    public const uint TIOCSWINSZ = 0x5414;
    public const uint TIOCMGET = 0x5415;
    public const uint TIOCMBIS = 0x5416;
    public const uint TIOCMBIC = 0x5417;
    public const uint TIOCMSET = 0x5418;
    public const uint TIOCGSOFTCAR = 0x5419;
    public const uint TIOCSSOFTCAR = 0x541a;
    public const uint FIONREAD = 0x541b;
    public const uint TIOCINQ = 0x541b;
    public const uint TIOCLINUX = 0x541c;
    public const uint TIOCCONS = 0x541d;
    public const uint TIOCGSERIAL = 0x541e;
    public const uint TIOCSSERIAL = 0x541f;
    public const uint TIOCPKT = 0x5420;
    public const uint FIONBIO = 0x5421;
    public const uint TIOCNOTTY = 0x5422;
    public const uint TIOCSETD = 0x5423;
    public const uint TIOCGETD = 0x5424;
    public const uint TCSBRKP = 0x5425;
    public const uint TIOCSBRK = 0x5427;
    public const uint TIOCCBRK = 0x5428;
    public const uint TIOCGSID = 0x5429;
    public const uint TCGETS2 = 0x802c542a;
    public const uint TCSETS2 = 0x402c542b;
    public const uint TCSETSW2 = 0x402c542c;
    public const uint TCSETSF2 = 0x402c542d;
    public const uint TIOCGRS485 = 0x542e;
    public const uint TIOCSRS485 = 0x542f;
    public const uint TIOCGPTN = 0x80045430;
    public const uint TIOCSPTLCK = 0x40045431;
    public const uint TIOCGDEV = 0x80045432;
    public const uint TCGETX = 0x5432;
    public const uint TCSETX = 0x5433;
    public const uint TCSETXF = 0x5434;
    public const uint TCSETXW = 0x5435;
    public const uint TIOCSIG = 0x40045436;
    public const uint TIOCVHANGUP = 0x5437;
    public const uint TIOCGPKT = 0x80045438;
    public const uint TIOCGPTLCK = 0x80045439;
    public const uint TIOCGEXCL = 0x80045440;
    public const uint TIOCGPTPEER = 0x00005441;
    public const uint FIONCLEX = 0x5450;
    public const uint FIOCLEX = 0x5451;
    public const uint FIOASYNC = 0x5452;
    public const uint TIOCSERCONFIG = 0x5453;
    public const uint TIOCSERGWILD = 0x5454;
    public const uint TIOCSERSWILD = 0x5455;
    public const uint TIOCGLCKTRMIOS = 0x5456;
    public const uint TIOCSLCKTRMIOS = 0x5457;
    public const uint TIOCSERGSTRUCT = 0x5458;
    public const uint TIOCSERGETLSR = 0x5459;
    public const uint TIOCSERGETMULTI = 0x545a;
    public const uint TIOCSERSETMULTI = 0x545b;
    public const uint TIOCMIWAIT = 0x545c;
    public const uint TIOCGICOUNT = 0x545d;
    public const uint FIOQSIZE = 0x5460;

    // Encoding of a command.
    public const uint _IOC_NRBITS = 8;
    public const uint _IOC_TYPEBITS = 8;
    public const uint _IOC_SIZEBITS = 14;
    public const uint _IOC_DIRBITS = 2;
    public const uint _IOC_NRMASK = 0x000000ff;
    public const uint _IOC_TYPEMASK = 0x000000ff;
    public const uint _IOC_SIZEMASK = 0x00003fff;
    public const uint _IOC_DIRMASK = 0x00000003;
    public const uint _IOC_NRSHIFT = 0;
    public const uint _IOC_TYPESHIFT = 0x00000008;
    public const uint _IOC_SIZESHIFT = 0x00000010;
    public const uint _IOC_DIRSHIFT = 0x0000001e;
    public const uint _IOC_NONE = 0;
    public const uint _IOC_WRITE = 1;
    public const uint _IOC_READ = 2;

    /// <summary>
    /// The command number that the _IOC macro makes; <paramref name="sizeBytes"/> is that of its
    /// argument.
    /// </summary>
    public static uint Command(uint direction, uint type, uint number, uint sizeBytes) =>
        (direction << (int)_IOC_DIRSHIFT) | (type << (int)_IOC_TYPESHIFT) | (number << (int)_IOC_NRSHIFT)
        | (sizeBytes << (int)_IOC_SIZESHIFT);
}
