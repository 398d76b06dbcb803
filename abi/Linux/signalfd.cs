using System.Runtime.InteropServices;

namespace Abi.Linux;

/// <summary>Flags of signalfd4(2).</summary>
[CHeader("sys/signalfd.h")]
public static class SignalfdFlags
{
    public const int SFD_CLOEXEC = 0x80000; // 02000000
    public const int SFD_NONBLOCK = 0x800; // 00004000
}

/// <summary>What a signalfd reads, 128 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct signalfd_siginfo", "linux/signalfd.h")]
public struct SignalfdSiginfo
{
    public uint ssi_signo;
    public int ssi_errno;
    public int ssi_code;
    public uint ssi_pid;
    public uint ssi_uid;
    public int ssi_fd;
    public uint ssi_tid;
    public uint ssi_band;
    public uint ssi_overrun;
    public uint ssi_trapno;
    public int ssi_status;
    public int ssi_int;
    public ulong ssi_ptr;
    public ulong ssi_utime;
    public ulong ssi_stime;
    public ulong ssi_addr;
    public ushort ssi_addr_lsb;
    private ushort _pad0;
    public int ssi_syscall;
    public ulong ssi_call_addr;
    public uint ssi_arch;
    private Bytes28 _padEnd;
}
