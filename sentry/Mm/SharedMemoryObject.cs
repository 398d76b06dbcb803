using System;
using System.Threading;
using Abi.Linux;
using Platform;
using Sentry.Sync;

namespace Sentry.Mm;

/// <summary>Who pays for the pages of an object (the size limit of a tmpfs, a cgroup).</summary>
public interface IPageQuota
{
    /// <summary>Takes pages; false when there are not that many (ENOSPC).</summary>
    bool TryCharge(ulong pages);

    /// <summary>Gives pages back.</summary>
    void Uncharge(ulong pages);
}

/// <summary>What a <see cref="SharedMemoryObject"/> is, for the size of its allocations.</summary>
public enum SharedMemoryUse
{
    /// <summary>A file whose allocated blocks can be seen (tmpfs, memfd).</summary>
    File,

    /// <summary>Memory whose blocks nobody counts (shared anonymous memory, System V segments).</summary>
    Anonymous,
}

/// <summary>
/// Bytes in the memory file that several can map, read and write: the contents of tmpfs files, memfds, System V
/// segments and shared anonymous
/// memory. Growable and sparse. It lives as long as it has an owner or is mapped; then its pages are freed.
/// </summary>
/// <remarks>
/// Chunks of the memory file hold the bytes; "present" ranges say which pages count as data (blocks, SEEK_DATA,
/// quota): a chunk may reach beyond what
/// is present, because untouched pages cost nothing. No lock is held while guest memory is touched: pages are
/// referenced instead.
/// </remarks>
public sealed partial class SharedMemoryObject : IMappable
{
    private const ulong PageSize = GuestAddress.PageSize;
    private const ulong PageMask = PageSize - 1;
    private const ulong SmallChunkBytes = 64ul << 10;
    private const ulong LargeChunkBytes = 2ul << 20;

    /// <summary>Largest size of a file (MAX_LFS_FILESIZE).</summary>
    public const ulong MaximumSize = long.MaxValue;

    /// <summary>End of the last page that holds a byte of a file of the largest size.</summary>
    private const ulong EndOfPages = 1ul << 63;

    private readonly MemoryFile _memory;
    private readonly MappingSet _mappings = new();
    private readonly SharedMemoryUse _use;
    private readonly IPageQuota? _quota;

    // Guards all fields below.
    private readonly OrderedLock<PageCacheLevel> _lock = new();
    private readonly RangeSet<ulong, ChunkPolicy> _chunks = new();
    private readonly RangeSet<Present, PresentPolicy> _present = new();
    private ulong _size;
    private ulong _presentBytes;
    private uint _seals;
    private long _holders = 1;

    /// <summary>An object of <paramref name="sizeBytes"/> zeros with one owner.</summary>
    public SharedMemoryObject(MemoryFile memory, ulong sizeBytes, SharedMemoryUse use, IPageQuota? quota = null)
    {
        _memory = memory;
        _size = sizeBytes;
        _use = use;
        _quota = quota;
    }

    /// <inheritdoc/>
    public (ulong Device, ulong Inode) Identity { get; set; }

    /// <summary>Size in bytes.</summary>
    public ulong Size
    {
        get
        {
            using (_lock.Enter())
            {
                return _size;
            }
        }
    }

    /// <summary>Bytes of pages that hold data (st_blocks times 512).</summary>
    public ulong PresentBytes
    {
        get
        {
            using (_lock.Enter())
            {
                return _presentBytes;
            }
        }
    }

    /// <summary>Bytes of pages from <paramref name="start"/> to <paramref name="end"/> that hold data.</summary>
    public ulong PresentBytesIn(ulong start, ulong end)
    {
        using (_lock.Enter())
        {
            return OverlapLocked(start, end);
        }
    }

    /// <summary>One owner fewer; without owners and mappings the pages are freed.</summary>
    public void DropOwner()
    {
        if (Interlocked.Decrement(ref _holders) == 0)
        {
            using (_lock.Enter())
            {
                FreeLocked(0, ulong.MaxValue & ~PageMask);
            }
        }
    }

    /// <inheritdoc/>
    public Errno AddMapping(MemoryManager mm, GuestRange range, ulong offset, MappingKind kind)
    {
        Errno error = _mappings.Add(mm, range, offset, kind);
        if (error == Errno.None)
        {
            AdjustMapped(range.Length, 1);
        }

        return error;
    }

    /// <inheritdoc/>
    public void RemoveMapping(MemoryManager mm, GuestRange range, ulong offset, MappingKind kind)
    {
        _mappings.Remove(mm, range, kind);
        AdjustMapped(range.Length, -1);
    }

    /// <inheritdoc/>
    public Errno SyncMapping(ulong offset, ulong lengthBytes) => Errno.None;

    /// <inheritdoc/>
    public Errno Translate(
        ulong offset, ulong requiredBytes, ulong optionalBytes, MemoryAccess access, out Translation translation)
    {
        translation = default;
        using (_lock.Enter())
        {
            ulong end = (_size + PageMask) & ~PageMask;
            if (offset >= end || requiredBytes > end - offset)
            {
                return Errno.EFAULT;
            }

            ulong most = Math.Min(Math.Max(requiredBytes, optionalBytes), end - offset);
            Errno error = EnsureLocked(offset, requiredBytes, most, out ulong memoryOffset, out ulong contiguous);
            if (error != Errno.None)
            {
                return error == Errno.ENOSPC ? Errno.EFAULT : error;
            }

            translation.Backing = _memory;
            translation.BackingOffset = memoryOffset;
            translation.LengthBytes = contiguous;
            translation.Allowed = MemoryAccess.Read | MemoryAccess.Write | MemoryAccess.Execute;
            _memory.AddReference(memoryOffset, contiguous);
            return Errno.None;
        }
    }

    /// <summary>True when the page at an offset holds data.</summary>
    internal bool HasData(ulong offset)
    {
        using (_lock.Enter())
        {
            return offset < _size && _present.Find(offset) != 0;
        }
    }

    /// <summary>Bytes of pages right before <paramref name="offset"/> that are data and contiguous with it in
    /// memory.</summary>
    internal ulong PresentBefore(ulong offset, ulong maxBytes)
    {
        using (_lock.Enter())
        {
            int chunk = _chunks.Find(offset);
            int present = offset == 0 ? 0 : _present.Find(offset - 1);
            if (chunk == 0 || present == 0)
            {
                return 0;
            }

            ulong from = Math.Max(_chunks.Start(chunk), _present.Start(present));
            return Math.Min(offset - Math.Min(from, offset), maxBytes);
        }
    }

    /// <summary>Mappings hold the object like owners do, one holder per page mapped.</summary>
    private void AdjustMapped(ulong lengthBytes, int sign)
    {
        if (Interlocked.Add(ref _holders, sign * (long)(lengthBytes / PageSize)) == 0)
        {
            Interlocked.Increment(ref _holders);
            DropOwner();
        }
    }

    /// <summary>
    /// Makes [offset, offset + required) present in one contiguous piece of the memory file. The piece returned starts
    /// at offset and reaches over what is present already, to at most <paramref name="mostBytes"/>. Only objects
    /// whose blocks nobody counts make more present than required. EAGAIN: the memory is not contiguous.
    /// </summary>
    private Errno EnsureLocked(ulong offset, ulong required, ulong mostBytes, out ulong memoryOffset,
        out ulong contiguous)
    {
        contiguous = 0;
        memoryOffset = 0;
        int chunk = _chunks.Find(offset);
        if (chunk == 0)
        {
            Errno error = AddChunkLocked(offset, required);
            if (error != Errno.None)
            {
                return error;
            }

            chunk = _chunks.Find(offset);
        }

        ulong available = _chunks.End(chunk) - offset;
        if (available < required)
        {
            Errno error = ExtendLocked(offset, required);
            if (error != Errno.None)
            {
                return error;
            }

            chunk = _chunks.Find(offset);
            available = _chunks.End(chunk) - offset;
        }

        memoryOffset = _chunks.Value(chunk) + (offset - _chunks.Start(chunk));
        ulong wanted = _use == SharedMemoryUse.Anonymous ? Math.Min(mostBytes, available) : required;
        if (!PresentLocked(offset, wanted))
        {
            return Errno.ENOSPC;
        }

        ulong present = _present.End(_present.Find(offset)) - offset;
        contiguous = Math.Min(Math.Min(mostBytes, available), present);
        return Errno.None;
    }

    /// <summary>Takes memory for a hole around an offset: more for larger files.</summary>
    private Errno AddChunkLocked(ulong offset, ulong required)
    {
        int next = _chunks.FindAtOrAfter(offset);
        int previous = next == 0 ? _chunks.Last : _chunks.Previous(next);
        ulong low = previous == 0 ? 0 : _chunks.End(previous);
        ulong high = next == 0 ? EndOfPages : _chunks.Start(next);
        ulong before = previous == 0 ? 0 : _chunks.Range(previous).Length;
        ulong unit = _use == SharedMemoryUse.Anonymous || before >= LargeChunkBytes / 2 ? LargeChunkBytes
            : SmallChunkBytes;
        ulong start = Math.Max(low, offset & ~(unit - 1));
        ulong end = Math.Min(high, Math.Max((offset & ~(unit - 1)) + unit, offset + required));
        if (_use == SharedMemoryUse.Anonymous)
        {
            end = Math.Min(end, Math.Max((_size + PageMask) & ~PageMask, offset + required));
        }

        Errno error = _memory.Allocate(end - start, MemoryKind.Shared, out MemoryFileRange range);
        if (error == Errno.ENOMEM && end - start > required)
        {
            start = offset;
            end = Math.Min(high, offset + required);
            error = _memory.Allocate(end - start, MemoryKind.Shared, out range);
        }

        if (error != Errno.None)
        {
            return error;
        }

        _chunks.Merge(_chunks.Insert(GuestRange.FromBounds(start, end), range.Offset));
        return Errno.None;
    }

    /// <summary>
    /// The bytes wanted reach beyond their chunk: a hole after it is filled, which often continues the chunk. Else
    /// EAGAIN: the caller asks for less.
    /// </summary>
    private Errno ExtendLocked(ulong offset, ulong required)
    {
        int chunk = _chunks.Find(offset);
        ulong end = _chunks.End(chunk);
        if (_chunks.Find(end) != 0)
        {
            return Errno.EAGAIN;
        }

        Errno error = AddChunkLocked(end, offset + required - end);
        if (error != Errno.None)
        {
            return error;
        }

        chunk = _chunks.Find(offset);
        return _chunks.End(chunk) - offset >= required ? Errno.None : Errno.EAGAIN;
    }

    /// <summary>Marks pages as data and charges those that were not.</summary>
    private bool PresentLocked(ulong offset, ulong lengthBytes)
    {
        ulong end = offset + lengthBytes;
        ulong fresh = lengthBytes - OverlapLocked(offset, end);
        if (fresh == 0)
        {
            return true;
        }

        if (_quota is not null && !_quota.TryCharge(fresh / PageSize))
        {
            return false;
        }

        int at = _present.FindAtOrAfter(offset);
        while (at != 0 && _present.Start(at) < end)
        {
            int next = _present.Next(at);
            offset = Math.Min(offset, _present.Start(at));
            end = Math.Max(end, _present.End(at));
            _present.Remove(at);
            at = next;
        }

        _present.Merge(_present.Insert(GuestRange.FromBounds(offset, end), default));
        _presentBytes += fresh;
        return true;
    }

    private ulong OverlapLocked(ulong start, ulong end)
    {
        ulong sum = 0;
        int at = _present.FindAtOrAfter(start);
        while (at != 0 && _present.Start(at) < end)
        {
            sum += Math.Min(end, _present.End(at)) - Math.Max(start, _present.Start(at));
            at = _present.Next(at);
        }

        return sum;
    }

    /// <summary>Frees the pages of a page-aligned range: they become a hole.</summary>
    private void FreeLocked(ulong start, ulong end)
    {
        if (start >= end)
        {
            return;
        }

        GuestRange range = GuestRange.FromBounds(start, end);
        ulong gone = OverlapLocked(start, end);
        int at = _present.FindAtOrAfter(start);
        while (at != 0 && _present.Start(at) < end)
        {
            at = _present.Isolate(at, range);
            int next = _present.Next(at);
            _present.Remove(at);
            at = next;
        }

        at = _chunks.FindAtOrAfter(start);
        while (at != 0 && _chunks.Start(at) < end)
        {
            at = _chunks.Isolate(at, range);
            int next = _chunks.Next(at);
            _memory.DropReference(_chunks.Value(at), _chunks.Range(at).Length);
            _chunks.Remove(at);
            at = next;
        }

        _presentBytes -= gone;
        _quota?.Uncharge(gone / PageSize);
    }

    /// <summary>The value of a chunk is its offset in the memory file.</summary>
    private readonly struct ChunkPolicy : IRangePolicy<ulong>
    {
        public static ulong Split(ref ulong left, ulong distance) => left + distance;

        public static bool TryMerge(ref ulong left, ulong leftLength, in ulong right) => left + leftLength == right;
    }

    /// <summary>Present ranges have no value.</summary>
    private readonly struct Present;

    private readonly struct PresentPolicy : IRangePolicy<Present>
    {
        public static Present Split(ref Present left, ulong distance) => default;

        public static bool TryMerge(ref Present left, ulong leftLength, in Present right) => true;
    }
}
