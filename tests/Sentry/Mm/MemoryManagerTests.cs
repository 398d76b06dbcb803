using System;
using System.Text;
using Abi.Linux;
using Platform;
using Sentry.Mm;
using Xunit;

namespace Tests.Sentry.Mm;

/// <summary>Mappings, faults, copy-on-write and copies of one address space, over a table of translations.</summary>
public sealed class MemoryManagerTests : IDisposable
{
    private const ulong Page = GuestAddress.PageSize;
    private const MemoryAccess ReadWrite = MemoryAccess.Read | MemoryAccess.Write;
    private const MemoryAccess All = ReadWrite | MemoryAccess.Execute;

    private readonly TestLimits _limits = new();
    private readonly MemoryFile _file;
    private readonly TestGuest _guest;

    public MemoryManagerTests()
    {
        Assert.Equal(Errno.None, MemoryFile.Create(1ul << 30, ulong.MaxValue, out MemoryFile? file));
        _file = file!;
        MemoryLayoutRequest layout = new() { StackLimitBytes = 8 << 20 };
        Assert.Equal(Errno.None,
            MemoryManager.Create(new TestPlatform(), _file, _limits, in layout, out MemoryManager? mm));
        _guest = new TestGuest(mm!, _file);
    }

    private MemoryManager Mm => _guest.Mm;

    public void Dispose() => _file.Dispose();

    [Fact]
    public void Anonymous_memory_is_zero_and_keeps_what_is_written()
    {
        const ulong Bytes = 4ul << 20;
        ulong at = Map(Bytes);
        for (ulong offset = 0; offset < Bytes; offset += Page)
        {
            Assert.Equal(0, _guest.Load(at + offset + 5, out byte zero));
            Assert.Equal(0, zero);
        }

        Assert.InRange(_guest.Faults, 1, 8);
        Assert.Equal(0, _guest.Store(at + Bytes - 1, 42));
        Assert.Equal(Errno.None, Mm.Read(new GuestAddress(at + Bytes - 1), out byte value));
        Assert.Equal(42, value);
    }

    [Fact]
    public void Reading_takes_no_memory_and_a_write_replaces_the_zeros()
    {
        const ulong Bytes = 64ul << 20;
        ulong at = Map(Bytes);
        for (ulong offset = 0; offset < Bytes; offset += Page)
        {
            Assert.Equal(0, _guest.Load(at + offset, out byte zero));
            Assert.Equal(0, zero);
        }

        Assert.Equal(0ul, _file.AllocatedBytes(MemoryKind.Anonymous));
        Assert.Equal(0ul, Mm.MeasureUse().Resident);
        Assert.True(_guest.Space.TryFind(at + (Bytes / 2), out (int Fd, ulong Offset, MemoryAccess Access) page));
        Assert.Equal(MemoryAccess.None, page.Access & MemoryAccess.Write);

        ulong written = at + (Bytes / 2);
        Assert.Equal(0, _guest.Store(written, 42));
        Assert.InRange(_file.AllocatedBytes(MemoryKind.Anonymous), Page, 2ul << 20);
        Assert.Equal(Page, Mm.MeasureUse().Resident);
        Assert.Equal(0, _guest.Load(written, out byte value));
        Assert.Equal(42, value);
        Assert.Equal(0, _guest.Load(written + Page, out value));
        Assert.Equal(0, value);
        Assert.Equal(0, _guest.Load(at, out value));
        Assert.Equal(0, value);
    }

    [Fact]
    public void A_population_ends_with_its_task()
    {
        ulong at = Map(64ul << 20);
        GuestRange range = GuestRange.FromBounds(at, at + (64ul << 20));
        _limits.IsEnding = true;
        Assert.Equal(Errno.EINTR, Mm.Advise(range, Mman.MADV_POPULATE_WRITE));
        Assert.Equal(Errno.EINTR, Mm.Advise(range, Mman.MADV_POPULATE_READ));
        Assert.Equal(Errno.EINTR, Mm.Lock(range, VmaFlags.Locked, ulong.MaxValue));
        _limits.IsEnding = false;
        Assert.Equal(Errno.None, Mm.Advise(range, Mman.MADV_POPULATE_WRITE));
    }

    [Fact]
    public void Small_memory_is_there_without_a_fault()
    {
        ulong at = Map(64 * Page);
        Assert.Equal(0, _guest.Store(at + (63 * Page), 42));
        Assert.Equal(0, _guest.Faults);
        Assert.Equal(Page, Mm.MeasureUse().Resident);
    }

    [Fact]
    public void Memory_is_reached_by_force_where_rights_are_missing()
    {
        ulong at = Map(Page);
        _guest.Store(at, 7);
        Assert.Equal(Errno.None, Mm.Protect(new GuestAddress(at), Page, MemoryAccess.None));
        Assert.Equal(Errno.None, Mm.Fork(out MemoryManager? child));
        byte[] one = [9];
        Assert.Equal(Errno.None, Mm.CopyOutForced(new GuestAddress(at), one, out int done));
        Assert.Equal(1, done);
        Assert.Equal(Errno.None, child!.CopyInForced(new GuestAddress(at), one, out _));
        Assert.Equal(7, one[0]);
        Assert.Equal(Signals.SIGSEGV, _guest.Load(at, out _));
        Assert.Equal(Errno.None, Mm.CopyInForced(new GuestAddress(at), one, out _));
        Assert.Equal(9, one[0]);
        Assert.Equal(Errno.EFAULT, Mm.CopyInForced(new GuestAddress(at - Page), one, out _));
        child.DropUser();
    }

    [Fact]
    public void Mappings_go_top_down_and_merge()
    {
        ulong first = Map(Page);
        ulong second = Map(Page);
        Assert.Equal(first - Page, second);
        Assert.Equal(Mm.MmapBase - Page, first);
        Assert.Equal(Errno.None, Mm.Unmap(new GuestAddress(second), 2 * Page));
        Assert.Equal(Errno.EFAULT, Mm.Read(new GuestAddress(first), out byte _));
    }

    [Fact]
    public void Unmapped_and_forbidden_accesses_raise_signals()
    {
        ulong at = Map(Page, MemoryAccess.Read);
        Assert.Equal(Signals.SIGSEGV, _guest.Store(at, 1));
        Assert.Equal(0, _guest.Load(at, out _));
        Assert.Equal(Signals.SIGSEGV, _guest.Load(at - Page, out _));
        Assert.Equal(Errno.EFAULT, Mm.Write(new GuestAddress(at), (byte)1));
    }

    [Fact]
    public void Fork_shares_pages_until_one_side_writes()
    {
        ulong at = Map(32 * Page);
        for (ulong i = 0; i < 32; i++)
        {
            _guest.Store(at + (i * Page), (byte)i);
        }

        int protectsBefore = _guest.Space.Protects;
        Assert.Equal(Errno.None, Mm.Fork(out MemoryManager? childMm));
        Assert.Equal(protectsBefore + 1, _guest.Space.Protects);
        TestGuest child = new(childMm!, _file);
        Assert.Equal(0, child.Load(at + (7 * Page), out byte value));
        Assert.Equal(7, value);
        Assert.Equal(0, child.Store(at + (7 * Page), 99));
        Assert.Equal(0, _guest.Load(at + (7 * Page), out value));
        Assert.Equal(7, value);
        Assert.Equal(0, _guest.Store(at + (8 * Page), 88));
        Assert.Equal(0, child.Load(at + (8 * Page), out value));
        Assert.Equal(8, value);
        childMm!.DropUser();
    }

    [Fact]
    public void After_the_child_is_gone_pages_are_claimed_without_a_copy()
    {
        ulong at = Map(8 * Page);
        _guest.Store(at, 1);
        (int _, ulong offset, MemoryAccess _) = _guest.Space.Pages[at];
        Assert.Equal(Errno.None, Mm.Fork(out MemoryManager? child));
        child!.DropUser();
        _guest.Store(at, 2);
        Assert.Equal(offset, _guest.Space.Pages[at].Offset);
        Assert.Equal(1, _file.ReferenceCount(offset));
    }

    [Fact]
    public void A_copy_into_the_guest_breaks_copy_on_write()
    {
        ulong at = Map(4 * Page);
        Assert.Equal(Errno.None, Mm.CopyOut(new GuestAddress(at), "before"u8));
        Assert.Equal(Errno.None, Mm.Fork(out MemoryManager? child));
        Assert.Equal(Errno.None, Mm.CopyOut(new GuestAddress(at), "after "u8));
        byte[] buffer = new byte[6];
        Assert.Equal(Errno.None, child!.CopyIn(new GuestAddress(at), buffer));
        Assert.Equal("before", Encoding.ASCII.GetString(buffer));
        child.DropUser();
    }

    [Fact]
    public void Protect_splits_and_merges_and_takes_rights_away()
    {
        ulong at = Map(3 * Page);
        _guest.Store(at + Page, 1);
        Assert.Equal(Errno.None, Mm.Protect(new GuestAddress(at + Page), Page, MemoryAccess.Read));
        Assert.Equal(Signals.SIGSEGV, _guest.Store(at + Page, 2));
        Assert.Equal(0, _guest.Store(at, 2));
        Assert.Equal(Errno.None, Mm.Protect(new GuestAddress(at + Page), Page, ReadWrite));
        Assert.Equal(0, _guest.Store(at + Page, 3));
        Assert.Equal(Errno.ENOMEM, Mm.Protect(new GuestAddress(at), 4 * Page, MemoryAccess.Read));
    }

    [Fact]
    public void The_break_grows_and_shrinks()
    {
        Assert.Equal(Errno.None, Mm.SetBrkStart(new GuestAddress(0x10000123), BrkPlacement.AfterBss));
        GuestAddress start = Mm.Brk(default);
        Assert.Equal(0x10001000ul, start.Value);
        Assert.Equal(start.Value + 100_000, Mm.Brk(new GuestAddress(start.Value + 100_000)).Value);
        Assert.Equal(0, _guest.Store(start.Value + 99_999, 1));
        Assert.Equal(start, Mm.Brk(start));
        Assert.Equal(Signals.SIGSEGV, _guest.Load(start.Value + 99_999, out _));
        _limits.Soft[Resource.RLIMIT_DATA] = 8 * Page;
        Assert.Equal(start, Mm.Brk(new GuestAddress(start.Value + 100_000)));
    }

    [Fact]
    public void The_stack_grows_to_its_limit_and_keeps_its_distance()
    {
        _limits.Soft[Resource.RLIMIT_STACK] = 1 << 20;
        Assert.Equal(Errno.None, Mm.MapStack(128 << 10, ReadWrite, out GuestRange stack));
        Assert.Equal(Mm.StackTop, stack.End);
        Assert.Equal(0, _guest.Store(stack.End - (1 << 20), 1));
        Assert.Equal(Signals.SIGSEGV, _guest.Store(stack.End - (1 << 20) - 1, 1));
        _limits.Soft[Resource.RLIMIT_STACK] = ulong.MaxValue;
        ulong below = stack.End - (3 << 20);
        MapAt(below, Page, MapPlacement.Fixed);
        Assert.Equal(Signals.SIGSEGV, _guest.Store(below + Page, 1));
        Assert.Equal(0, _guest.Store(below + Page + (1 << 20), 1));
    }

    [Fact]
    public void Fixed_replaces_and_noreplace_does_not()
    {
        ulong at = Map(2 * Page);
        _guest.Store(at, 5);
        MapRequest request = Anonymous(Page);
        request.Address = new GuestAddress(at);
        request.Placement = MapPlacement.FixedNoReplace;
        Assert.Equal(Errno.EEXIST, Mm.Map(in request, out _));
        MapAt(at, Page, MapPlacement.Fixed);
        Assert.Equal(0, _guest.Load(at, out byte value));
        Assert.Equal(0, value);
    }

    [Fact]
    public void Shared_objects_are_seen_by_all_and_die_with_the_last_mapping()
    {
        SharedMemoryObject shared = new(_file, 16 * Page, SharedMemoryUse.Anonymous);
        MapRequest request = Anonymous(16 * Page);
        request.Mappable = shared;
        request.Flags = VmaFlags.Shared;
        Assert.Equal(Errno.None, Mm.Map(in request, out GuestAddress at));
        shared.DropOwner();
        Assert.Equal(Errno.None, Mm.Fork(out MemoryManager? childMm));
        TestGuest child = new(childMm!, _file);
        child.Store(at.Value + Page, 9);
        Assert.Equal(0, _guest.Load(at.Value + Page, out byte value));
        Assert.Equal(9, value);
        childMm!.DropUser();
        Assert.Equal(Errno.None, Mm.Unmap(at, 16 * Page));
        Assert.Equal(0ul, _file.AllocatedBytes(MemoryKind.Shared));
    }

    [Fact]
    public void Truncation_takes_pages_away_with_sigbus()
    {
        SharedMemoryObject shared = new(_file, 4 * Page, SharedMemoryUse.File);
        MapRequest request = Anonymous(4 * Page);
        request.Mappable = shared;
        Assert.Equal(Errno.None, Mm.Map(in request, out GuestAddress at));
        Assert.Equal(0, _guest.Store(at.Value + (3 * Page), 1));
        Assert.Equal(Errno.None, shared.Truncate(Page + 1));
        Assert.Equal(Signals.SIGBUS, _guest.Load(at.Value + (3 * Page), out _));
        Assert.Equal(0, _guest.Load(at.Value + Page, out _));
        shared.DropOwner();
    }

    [Fact]
    public void Private_mappings_of_a_file_do_not_write_it()
    {
        SharedMemoryObject shared = new(_file, 4 * Page, SharedMemoryUse.File);
        byte[] text = Encoding.ASCII.GetBytes("original");
        IoSequence source = IoSequence.FromBuffer(text);
        Assert.Equal(Errno.None, shared.Write(ref source, Page, out long done));
        Assert.Equal(text.Length, done);
        MapRequest request = Anonymous(4 * Page);
        request.Mappable = shared;
        Assert.Equal(Errno.None, Mm.Map(in request, out GuestAddress at));
        Assert.Equal(0, _guest.Load(at.Value + Page, out byte value));
        Assert.Equal((byte)'o', value);
        _guest.Store(at.Value + Page, (byte)'X');
        byte[] back = new byte[text.Length];
        IoSequence destination = IoSequence.FromBuffer(back);
        Assert.Equal(Errno.None, shared.Read(ref destination, Page, out done));
        Assert.Equal("original", Encoding.ASCII.GetString(back));
        Assert.Equal(0, _guest.Load(at.Value + Page + 1, out value));
        Assert.Equal((byte)'r', value);
        shared.DropOwner();
    }

    [Fact]
    public void Strings_end_at_their_nul_or_at_the_edge()
    {
        ulong at = Map(Page);
        GuestAddress near = new(at + Page - 5);
        Mm.CopyOut(near, "abcd\0"u8);
        Assert.Equal(Errno.None, Mm.ReadString(near, 100, out string value));
        Assert.Equal("abcd", value);
        Mm.CopyOut(near, "abcde"u8);
        Assert.Equal(Errno.EFAULT, Mm.ReadString(near, 100, out value));
        Assert.Equal(Errno.ENAMETOOLONG, Mm.ReadString(near, 5, out value));
    }

    [Fact]
    public void Copies_allocate_nothing()
    {
        ulong at = Map(Page);
        byte[] buffer = new byte[64];
        Mm.CopyOut(new GuestAddress(at), buffer);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1000; i++)
        {
            Mm.CopyIn(new GuestAddress(at), buffer);
            Mm.CopyOut(new GuestAddress(at), buffer);
            Mm.AtomicCompareExchange32(new GuestAddress(at), 0, 0, out _);
        }

        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    [Fact]
    public void The_end_of_an_address_space_frees_all_memory()
    {
        ulong at = Map(100 * Page);
        _guest.Store(at, 1);
        Mm.DropUser();
        Assert.Equal(0ul, _file.AllocatedBytes(MemoryKind.Anonymous));
        Assert.True(_guest.Space.IsDisposed);
    }

    private static MapRequest Anonymous(ulong bytes, MemoryAccess access = ReadWrite) =>
        new() { LengthBytes = bytes, Access = access, MaxAccess = All };

    private ulong Map(ulong bytes, MemoryAccess access = ReadWrite)
    {
        MapRequest request = Anonymous(bytes, access);
        Assert.Equal(Errno.None, Mm.Map(in request, out GuestAddress address));
        return address.Value;
    }

    private void MapAt(ulong at, ulong bytes, MapPlacement placement)
    {
        MapRequest request = Anonymous(bytes);
        request.Address = new GuestAddress(at);
        request.Placement = placement;
        Assert.Equal(Errno.None, Mm.Map(in request, out GuestAddress address));
        Assert.Equal(at, address.Value);
    }
}
