using System.Runtime.InteropServices;

namespace Abi.Linux;

/// <summary>Constants of shmget(2), shmat(2) and shmctl(2), and the default limits.</summary>
[CHeader("limits.h", "linux/shm.h")]
public static class Shm
{
    // shmget(2), shmat(2).
    public const int SHM_R = 0x100; // 0400
    public const int SHM_W = 0x80; // 0200
    public const int SHM_HUGETLB = 0x800; // 04000
    public const int SHM_NORESERVE = 0x1000; // 010000
    public const int SHM_RDONLY = 0x1000; // 010000
    public const int SHM_RND = 0x2000; // 020000
    public const int SHM_REMAP = 0x4000; // 040000
    public const int SHM_EXEC = 0x8000; // 0100000

    // shmctl(2).
    public const int SHM_LOCK = 11;
    public const int SHM_UNLOCK = 12;
    public const int SHM_STAT = 13;
    public const int SHM_INFO = 14;
    public const int SHM_STAT_ANY = 15;

    // Limits.
    public const int SHMMIN = 1;
    public const int SHMMNI = 4096;
    public const int SHMSEG = 4096;

    public const ulong SHMMAX = 0xfffffffffeffffff;
    public const ulong SHMALL = 0xfffffffffeffffff;
}

/// <summary>Mode bits that shmctl(2) IPC_STAT adds.</summary>
[CHeader("sys/shm.h")]
public static class ShmMode
{
    public const uint SHM_DEST = 0x200; // 01000
    public const uint SHM_LOCKED = 0x400; // 02000
}

/// <summary>shmctl(2) IPC_STAT.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct shmid64_ds", "linux/shm.h")]
public struct Shmid64Ds
{
    public Ipc64Perm shm_perm;
    public ulong shm_segsz;
    public long shm_atime;
    public long shm_dtime;
    public long shm_ctime;
    public int shm_cpid;
    public int shm_lpid;
    public ulong shm_nattch;
    private ulong _pad0;
    private ulong _pad1;
}

/// <summary>shmctl(2) IPC_INFO.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct shminfo64", "linux/shm.h")]
public struct Shminfo64
{
    public ulong shmmax;
    public ulong shmmin;
    public ulong shmmni;
    public ulong shmseg;
    public ulong shmall;
    private ULongs4 _padEnd;
}

/// <summary>shmctl(2) SHM_INFO.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct shm_info", "linux/shm.h")]
public struct ShmInfo
{
    public int used_ids;
    private int _pad0;
    public ulong shm_tot;
    public ulong shm_rss;
    public ulong shm_swp;
    public ulong swap_attempts;
    public ulong swap_successes;
}
