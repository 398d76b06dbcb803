using System.Runtime.InteropServices;

namespace Abi.Linux;

/// <summary>Constants of msgrcv(2) and msgctl(2), and the default limits.</summary>
[CHeader("linux/msg.h")]
public static class Msg
{
    public const int MSG_STAT = 11;
    public const int MSG_INFO = 12;
    public const int MSG_STAT_ANY = 13;
    public const int MSG_NOERROR = 0x1000; // 010000
    public const int MSG_EXCEPT = 0x2000; // 020000
    public const int MSG_COPY = 0x4000; // 040000

    // Limits.
    public const int MSGMNI = 32000;
    public const int MSGMAX = 8192;
    public const int MSGMNB = 16384;
    public const int MSGPOOL = 0x7d000;
    public const int MSGTQL = 16384;
    public const int MSGMAP = 16384;
    public const int MSGSSZ = 16;
    public const int __MSGSEG = 0x1f40000;
    public const int MSGSEG = 0xffff;
}

/// <summary>msgctl(2) IPC_STAT.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct msqid64_ds", "linux/msg.h")]
public struct Msqid64Ds
{
    public Ipc64Perm msg_perm;
    public long msg_stime;
    public long msg_rtime;
    public long msg_ctime;
    public ulong msg_cbytes;
    public ulong msg_qnum;
    public ulong msg_qbytes;
    public int msg_lspid;
    public int msg_lrpid;
    private ulong _pad0;
    private ulong _pad1;
}

/// <summary>msgctl(2) IPC_INFO and MSG_INFO.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct msginfo", "linux/msg.h")]
public struct Msginfo
{
    public int msgpool;
    public int msgmap;
    public int msgmax;
    public int msgmnb;
    public int msgmni;
    public int msgssz;
    public int msgtql;
    public ushort msgseg;
    private ushort _pad0;
}
