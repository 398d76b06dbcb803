using System.Runtime.InteropServices;

namespace Abi.Linux;

/// <summary>Constants of mmap(2), mremap(2), msync(2), madvise(2), mlock(2) and memory protection keys.</summary>
[CHeader("linux/mman.h")]
public static class Mman
{
    // Protection.
    public const int PROT_READ = 0x1;
    public const int PROT_WRITE = 0x2;
    public const int PROT_EXEC = 0x4;
    public const int PROT_SEM = 0x8;
    public const int PROT_NONE = 0x0;
    public const int PROT_GROWSDOWN = 0x01000000;
    public const int PROT_GROWSUP = 0x02000000;

    // mmap(2).
    public const int MAP_32BIT = 0x40;
    public const int MAP_ABOVE4G = 0x80;
    public const int MAP_TYPE = 0x0f;
    public const int MAP_FIXED = 0x10;
    public const int MAP_ANONYMOUS = 0x20;
    public const int MAP_POPULATE = 0x008000;
    public const int MAP_NONBLOCK = 0x010000;
    public const int MAP_STACK = 0x020000;
    public const int MAP_HUGETLB = 0x040000;
    public const int MAP_SYNC = 0x080000;
    public const int MAP_FIXED_NOREPLACE = 0x100000;
    public const int MAP_UNINITIALIZED = 0x4000000;
    public const int MAP_FILE = 0;
    public const int MAP_GROWSDOWN = 0x0100;
    public const int MAP_DENYWRITE = 0x0800;
    public const int MAP_EXECUTABLE = 0x1000;
    public const int MAP_LOCKED = 0x2000;
    public const int MAP_NORESERVE = 0x4000;
    public const int MAP_SHARED = 0x01;
    public const int MAP_PRIVATE = 0x02;
    public const int MAP_SHARED_VALIDATE = 0x03;
    public const int MAP_DROPPABLE = 0x08;

    // Huge page sizes of mmap(2), memfd_create(2) and shmget(2).
    public const uint HUGETLB_FLAG_ENCODE_SHIFT = 26;
    public const uint HUGETLB_FLAG_ENCODE_MASK = 0x3f;
    public const uint HUGETLB_FLAG_ENCODE_16KB = 0x38000000;
    public const uint HUGETLB_FLAG_ENCODE_64KB = 0x40000000;
    public const uint HUGETLB_FLAG_ENCODE_512KB = 0x4c000000;
    public const uint HUGETLB_FLAG_ENCODE_1MB = 0x50000000;
    public const uint HUGETLB_FLAG_ENCODE_2MB = 0x54000000;
    public const uint HUGETLB_FLAG_ENCODE_8MB = 0x5c000000;
    public const uint HUGETLB_FLAG_ENCODE_16MB = 0x60000000;
    public const uint HUGETLB_FLAG_ENCODE_32MB = 0x64000000;
    public const uint HUGETLB_FLAG_ENCODE_256MB = 0x70000000;
    public const uint HUGETLB_FLAG_ENCODE_512MB = 0x74000000;
    public const uint HUGETLB_FLAG_ENCODE_1GB = 0x78000000;
    public const uint HUGETLB_FLAG_ENCODE_2GB = 0x7c000000;
    public const uint HUGETLB_FLAG_ENCODE_16GB = 0x88000000;
    public const uint MAP_HUGE_SHIFT = 26;
    public const uint MAP_HUGE_MASK = 0x3f;
    public const uint MAP_HUGE_16KB = 0x38000000;
    public const uint MAP_HUGE_64KB = 0x40000000;
    public const uint MAP_HUGE_512KB = 0x4c000000;
    public const uint MAP_HUGE_1MB = 0x50000000;
    public const uint MAP_HUGE_2MB = 0x54000000;
    public const uint MAP_HUGE_8MB = 0x5c000000;
    public const uint MAP_HUGE_16MB = 0x60000000;
    public const uint MAP_HUGE_32MB = 0x64000000;
    public const uint MAP_HUGE_256MB = 0x70000000;
    public const uint MAP_HUGE_512MB = 0x74000000;
    public const uint MAP_HUGE_1GB = 0x78000000;
    public const uint MAP_HUGE_2GB = 0x7c000000;
    public const uint MAP_HUGE_16GB = 0x88000000;

    // mremap(2).
    public const uint MREMAP_MAYMOVE = 1;
    public const uint MREMAP_FIXED = 2;
    public const uint MREMAP_DONTUNMAP = 4;

    // mlock(2), mlockall(2).
    public const int MLOCK_ONFAULT = 0x01;
    public const int MCL_CURRENT = 1;
    public const int MCL_FUTURE = 2;
    public const int MCL_ONFAULT = 4;

    // msync(2).
    public const int MS_ASYNC = 1;
    public const int MS_INVALIDATE = 2;
    public const int MS_SYNC = 4;

    // madvise(2).
    public const int MADV_NORMAL = 0;
    public const int MADV_RANDOM = 1;
    public const int MADV_SEQUENTIAL = 2;
    public const int MADV_WILLNEED = 3;
    public const int MADV_DONTNEED = 4;
    public const int MADV_FREE = 8;
    public const int MADV_REMOVE = 9;
    public const int MADV_DONTFORK = 10;
    public const int MADV_DOFORK = 11;
    public const int MADV_HWPOISON = 100;
    public const int MADV_SOFT_OFFLINE = 101;
    public const int MADV_MERGEABLE = 12;
    public const int MADV_UNMERGEABLE = 13;
    public const int MADV_HUGEPAGE = 14;
    public const int MADV_NOHUGEPAGE = 15;
    public const int MADV_DONTDUMP = 16;
    public const int MADV_DODUMP = 17;
    public const int MADV_WIPEONFORK = 18;
    public const int MADV_KEEPONFORK = 19;
    public const int MADV_COLD = 20;
    public const int MADV_PAGEOUT = 21;
    public const int MADV_POPULATE_READ = 22;
    public const int MADV_POPULATE_WRITE = 23;
    public const int MADV_DONTNEED_LOCKED = 24;
    public const int MADV_COLLAPSE = 25;
    public const int MADV_GUARD_INSTALL = 102;
    public const int MADV_GUARD_REMOVE = 103;

    // pkey_alloc(2).
    public const uint PKEY_UNRESTRICTED = 0x0;
    public const uint PKEY_DISABLE_ACCESS = 0x1;
    public const uint PKEY_DISABLE_WRITE = 0x2;
    public const uint PKEY_ACCESS_MASK = 3;

    // Values of /proc/sys/vm/overcommit_memory.
    public const int OVERCOMMIT_GUESS = 0;
    public const int OVERCOMMIT_ALWAYS = 1;
    public const int OVERCOMMIT_NEVER = 2;
}

/// <summary>cachestat(2).</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct cachestat_range", "linux/mman.h")]
public struct CachestatRange
{
    public ulong off;
    public ulong len;
}

/// <summary>cachestat(2): pages.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct cachestat", "linux/mman.h")]
public struct Cachestat
{
    public ulong nr_cache;
    public ulong nr_dirty;
    public ulong nr_writeback;
    public ulong nr_evicted;
    public ulong nr_recently_evicted;
}
