using System.Runtime.InteropServices;

namespace Abi.Linux;

/// <summary>Constants that semget(2), shmget(2) and msgget(2) share.</summary>
[CHeader("linux/ipc.h")]
public static class Ipc
{
    public const int IPC_CREAT = 0x200; // 00001000
    public const int IPC_EXCL = 0x400; // 00002000
    public const int IPC_NOWAIT = 0x800; // 00004000
    public const int IPC_DIPC = 0x1000; // 00010000
    public const int IPC_OWN = 0x2000; // 00020000
    public const int IPC_RMID = 0;
    public const int IPC_SET = 1;
    public const int IPC_STAT = 2;
    public const int IPC_INFO = 3;
    public const int IPC_OLD = 0;
    public const int IPC_64 = 0x0100;

    /// <summary>The key that always makes a new object.</summary>
    [CField("((int)IPC_PRIVATE)")]
    public const int IPC_PRIVATE = 0;
}

/// <summary>Owner and permissions of a System V IPC object.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct ipc64_perm", "linux/ipc.h", "asm/ipcbuf.h")]
public struct Ipc64Perm
{
    public int key;
    public uint uid;
    public uint gid;
    public uint cuid;
    public uint cgid;
    public uint mode;
    public ushort seq;
    private ushort _pad0;
    private uint _pad1;
    private ulong _pad2;
    private ulong _pad3;
}
