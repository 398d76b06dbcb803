using System;
using System.Threading;
using Abi.Linux;
using HostOs;
using Sentry.Sync;

namespace Sentry.Mm;

/// <summary>What memory is used for (meminfo, cgroup memory.stat).</summary>
public enum MemoryKind
{
    /// <summary>Private and anonymous memory of processes.</summary>
    Anonymous,

    /// <summary>tmpfs, memfd, System V and shared anonymous memory.</summary>
    Shared,

    /// <summary>Copies of files kept for speed.</summary>
    PageCache,

    /// <summary>The kernel's own.</summary>
    Kernel,
}

/// <summary>What the caller of <see cref="MemoryFile.Allocate"/> does with the pages first.</summary>
public enum PageContent
{
    /// <summary>They must read as zero.</summary>
    Zero,

    /// <summary>The caller overwrites every byte before anybody else can see it.</summary>
    WillOverwrite,
}

/// <summary>A range of the memory file.</summary>
public readonly record struct MemoryFileRange(ulong Offset, ulong LengthBytes);

/// <summary>Told when memory is short; see <see cref="MemoryFile.OutOfMemory"/>.</summary>
public interface IOutOfMemoryHandler
{
    /// <summary>
    /// Frees memory, for example by killing a process and waiting for its end. Called without locks of the memory
    /// manager on the thread that needs
    /// <paramref name="neededBytes"/>. Returns None when it is worth trying again.
    /// </summary>
    Errno Relieve(ulong neededBytes);
}

/// <summary>
/// One memfd that backs all anonymous memory and page cache, mapped once into the Sentry: offset to pointer is one
/// addition. Pages have a
/// reference count each. Pages never handed out, or given back to the host, are holes of the file: they read as zero
/// and cost nothing until touched.
/// </summary>
public sealed partial class MemoryFile : IMemoryBacking, IDisposable
{
    private const int PageShift = 12;
    private const int PagesPerBlock = 512;
    private const int KindCount = 4;

    /// <summary>Least space set aside, so that even tiny limits leave room for alignment.</summary>
    private const ulong MinimumSizeBytes = 1ul << 30;

    private readonly OrderedLock<MemoryFileLevel> _lock = new();
    private readonly HostFd _fd;
    private readonly nuint _base;
    private readonly int _pageCount;
    private readonly long[] _allocatedPages = new long[KindCount];
    private long _allocatedTotal;
    private long _limitPages;
    private long _objectNumber = 1024;
    private ZeroPages? _zeros;

    private MemoryFile(HostFd fd, nint address, ulong sizeBytes, ulong limitBytes)
    {
        _fd = fd;
        _base = (nuint)address;
        _pageCount = (int)(sizeBytes >> PageShift);
        LimitBytes = limitBytes;
    }

    /// <summary>Called when an allocation for a guest fails; null: the guest sees ENOMEM or SIGBUS at once.</summary>
    public IOutOfMemoryHandler? OutOfMemory { get; set; }

    /// <summary>Most bytes that may be used, ulong.MaxValue for no limit. Of a part never more than of the
    /// whole.</summary>
    public ulong LimitBytes
    {
        get
        {
            long own = Volatile.Read(ref _limitPages);
            ulong bytes = own == long.MaxValue ? ulong.MaxValue : (ulong)own << PageShift;
            return _whole is { } whole ? Math.Min(bytes, whole.LimitBytes) : bytes;
        }

        set => Volatile.Write(ref _limitPages,
            value >> PageShift >= (ulong)_pageCount ? long.MaxValue : (long)(value >> PageShift));
    }

    /// <summary>Bytes of address space in the file, used or not.</summary>
    public ulong SizeBytes => (ulong)_pageCount << PageShift;

    /// <inheritdoc/>
    public int HostFd => _fd.Value;

    /// <inheritdoc/>
    public bool MayFault => false;

    /// <inheritdoc/>
    public bool IsConstant => false;

    /// <summary>Address in the Sentry of offset 0.</summary>
    internal nuint BaseAddress => _base;

    /// <summary>
    /// Makes the file: <paramref name="sizeBytes"/> of sparse space, of which at most <paramref name="limitBytes"/>
    /// are ever used
    /// (ulong.MaxValue for no limit of our own).
    /// </summary>
    public static Errno Create(ulong sizeBytes, ulong limitBytes, out MemoryFile? file)
    {
        file = null;
        Errno error = CreateBacking(out HostFd fd);
        return error == Errno.None ? Create(fd, sizeBytes, limitBytes, out file) : error;
    }

    /// <summary>memfd_create(2) of a file that guests may map executable; hosts before 6.3 do not know
    /// MFD_EXEC.</summary>
    public static Errno CreateBacking(out HostFd fd)
    {
        Errno error = HostMman.MemfdCreate("memory", HostMman.MfdCloexec | HostMman.MfdExec, out int value);
        if (error == Errno.EINVAL)
        {
            error = HostMman.MemfdCreate("memory", HostMman.MfdCloexec, out value);
        }

        fd = new HostFd(value);
        return error;
    }

    /// <summary>Takes the descriptor.</summary>
    private static Errno Create(HostFd fd, ulong sizeBytes, ulong limitBytes, out MemoryFile? file)
    {
        file = null;
        ulong blockBytes = (ulong)PagesPerBlock << PageShift;
        sizeBytes = (Math.Max(sizeBytes, MinimumSizeBytes) + blockBytes - 1) & ~(blockBytes - 1);
        Errno error = HostUnistd.Ftruncate(fd.Value, (long)sizeBytes);
        nint address = 0;
        if (error == Errno.None)
        {
            const int Flags = HostMman.MapShared | HostMman.MapNoReserve;
            const int Access = HostMman.ProtRead | HostMman.ProtWrite;
            error = HostMman.Map(0, (nuint)sizeBytes, Access, Flags, fd.Value, 0, out address);
        }

        if (error == Errno.None)
        {
            file = new MemoryFile(fd, address, sizeBytes, limitBytes);
            error = file.CreateTables();
        }

        if (error != Errno.None)
        {
            file = null;
            fd.Dispose();
        }

        return error;
    }

    /// <summary>Bytes of host memory that the file and its parts occupy now, freed pages not yet given back
    /// included.</summary>
    public ulong UsedBytes
    {
        get
        {
            ulong bytes = HeldBytes;
            foreach (MemoryFile part in Volatile.Read(ref _parts))
            {
                bytes += part.HeldBytes;
            }

            return bytes;
        }
    }

    private ulong HeldBytes
    {
        get
        {
            const int SectorBytes = 512;
            Errno error = HostStat.Fstat(_fd.Value, out Stat status);
            return error == Errno.None ? (ulong)status.st_blocks * SectorBytes
                : (ulong)Volatile.Read(ref _allocatedTotal) << PageShift;
        }
    }

    /// <summary>The zeros behind anonymous memory only read so far; null while there is no memory for them.</summary>
    internal ZeroPages? Zeros
    {
        get
        {
            if (_whole is { } whole)
            {
                return whole.Zeros;
            }

            if (Volatile.Read(ref _zeros) is { } zeros)
            {
                return zeros;
            }

            if (ZeroPages.Create(this, out ZeroPages? made) != Errno.None)
            {
                return null;
            }

            ZeroPages? earlier = Interlocked.CompareExchange(ref _zeros, made, null);
            if (earlier is not null)
            {
                made!.Forget();
            }

            return earlier ?? made;
        }
    }

    /// <summary>A number for an object without an inode (shared anonymous memory): unique in the sandbox.</summary>
    public ulong NextObjectNumber() => (ulong)Interlocked.Increment(ref _objectNumber);

    /// <summary>Bytes handed out for a purpose, here and in all parts: an upper bound of what is used for
    /// it.</summary>
    public ulong AllocatedBytes(MemoryKind kind)
    {
        long pages = Volatile.Read(ref _allocatedPages[(int)kind]);
        foreach (MemoryFile part in Volatile.Read(ref _parts))
        {
            pages += Volatile.Read(ref part._allocatedPages[(int)kind]);
        }

        return (ulong)pages << PageShift;
    }

    /// <summary>Stops the background thread and gives everything back. Nobody may use the file any more.</summary>
    public void Dispose()
    {
        foreach (MemoryFile part in _parts)
        {
            part.Dispose();
        }

        KernelAccount?.Unbind(this);
        StopReclaimer();
        HostMman.Unmap((nint)_base, (nuint)SizeBytes);
        DisposeTables();
        _fd.Dispose();
    }
}
