using System.Runtime.InteropServices;

namespace Abi.Linux;

/// <summary>Constants of semop(2) and semctl(2), and the default limits.</summary>
[CHeader("linux/sem.h")]
public static class Sem
{
    // Flags and commands.
    public const int SEM_UNDO = 0x1000;
    public const int GETPID = 11;
    public const int GETVAL = 12;
    public const int GETALL = 13;
    public const int GETNCNT = 14;
    public const int GETZCNT = 15;
    public const int SETVAL = 16;
    public const int SETALL = 17;
    public const int SEM_STAT = 18;
    public const int SEM_INFO = 19;
    public const int SEM_STAT_ANY = 20;

    // Limits.
    public const int SEMMNI = 32000;
    public const int SEMMSL = 32000;
    public const int SEMMNS = 0x3d090000;
    public const int SEMOPM = 500;
    public const int SEMVMX = 32767;
    public const int SEMAEM = 32767;
    public const int SEMMNU = 0x3d090000;
    public const int SEMMAP = 0x3d090000;
    public const int SEMUSZ = 20;
}

/// <summary>semctl(2) IPC_STAT.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct semid64_ds", "linux/sem.h", "asm/sembuf.h")]
public struct Semid64Ds
{
    public Ipc64Perm sem_perm;
    public long sem_otime;
    private ulong _pad0;
    public long sem_ctime;
    private ulong _pad1;
    public ulong sem_nsems;
    private ulong _pad2;
    private ulong _pad3;
}

/// <summary>semop(2).</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct sembuf", "linux/sem.h")]
public struct Sembuf
{
    public ushort sem_num;
    public short sem_op;
    public short sem_flg;
}

/// <summary>semctl(2) IPC_INFO and SEM_INFO.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct seminfo", "linux/sem.h")]
public struct Seminfo
{
    public int semmap;
    public int semmni;
    public int semmns;
    public int semmnu;
    public int semmsl;
    public int semopm;
    public int semume;
    public int semusz;
    public int semvmx;
    public int semaem;
}
