using System;
using System.Text;
using Abi.Linux;
using Platform;
using Sentry.Mm;
using Sentry.Vfs;
using Xunit;

namespace Tests.Sentry.Mm;

/// <summary>mremap, madvise, mlock, mincore and the texts of /proc.</summary>
public sealed class MemoryCallsTests : IDisposable
{
    private const ulong Page = GuestAddress.PageSize;
    private const MemoryAccess ReadWrite = MemoryAccess.Read | MemoryAccess.Write;

    private readonly TestLimits _limits = new();
    private readonly MemoryFile _file;
    private readonly TestGuest _guest;

    public MemoryCallsTests()
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
    public void Remap_grows_in_place_or_moves_with_the_contents()
    {
        Map(Page, null);
        ulong at = Map(4 * Page, null);
        _guest.Store(at, 1);
        _guest.Store(at + (3 * Page), 4);
        Assert.Equal(Errno.ENOMEM, Remap(at, 4 * Page, 8 * Page, 0, 0, out _));
        Assert.Equal(Errno.None, Remap(at, 4 * Page, 8 * Page, Mman.MREMAP_MAYMOVE, 0, out ulong moved));
        Assert.NotEqual(at, moved);
        Assert.Equal(0, _guest.Load(moved + (3 * Page), out byte value));
        Assert.Equal(4, value);
        Assert.Equal(0, _guest.Load(moved + (7 * Page), out value));
        Assert.Equal(0, value);
        Assert.Equal(Signals.SIGSEGV, _guest.Load(at, out _));
        Assert.Equal(Errno.None, Remap(moved, 8 * Page, 2 * Page, 0, 0, out ulong shrunk));
        Assert.Equal(moved, shrunk);
        Assert.Equal(Errno.None, Remap(moved, 2 * Page, 6 * Page, 0, 0, out _));
        Assert.Equal(0, _guest.Load(moved, out value));
        Assert.Equal(1, value);
    }

    [Fact]
    public void Remap_dontunmap_leaves_an_empty_mapping()
    {
        ulong at = Map(2 * Page, null);
        _guest.Store(at, 7);
        const uint Flags = Mman.MREMAP_MAYMOVE | Mman.MREMAP_DONTUNMAP;
        Assert.Equal(Errno.None, Remap(at, 2 * Page, 2 * Page, Flags, 0, out ulong moved));
        Assert.Equal(0, _guest.Load(moved, out byte value));
        Assert.Equal(7, value);
        Assert.Equal(0, _guest.Load(at, out value));
        Assert.Equal(0, value);
    }

    [Fact]
    public void Remap_fixed_replaces_and_duplicates_shared_memory()
    {
        SharedMemoryObject shared = new(_file, 4 * Page, SharedMemoryUse.Anonymous);
        ulong at = Map(2 * Page, shared);
        _guest.Store(at + Page, 3);
        ulong target = at - (100 * Page);
        const uint Flags = Mman.MREMAP_MAYMOVE | Mman.MREMAP_FIXED;
        Assert.Equal(Errno.EINVAL, Remap(at, 2 * Page, 2 * Page, Flags, at + Page, out _));
        Assert.Equal(Errno.None, Remap(at, 0, 2 * Page, Flags, target, out ulong copy));
        Assert.Equal(target, copy);
        Assert.Equal(0, _guest.Load(target + Page, out byte value));
        Assert.Equal(3, value);
        Assert.Equal(0, _guest.Load(at + Page, out value));
        Assert.Equal(3, value);
        shared.DropOwner();
    }

    [Fact]
    public void Dontneed_zeroes_private_memory_without_a_fault_and_refetches_files()
    {
        ulong at = Map(8 * Page, null);
        _guest.Store(at, 9);
        int faults = _guest.Faults;
        Assert.Equal(Errno.None, Mm.Advise(Range(at, 8), Mman.MADV_DONTNEED));
        Assert.Equal(0, _guest.Load(at, out byte value));
        Assert.Equal(0, value);
        Assert.Equal(faults, _guest.Faults);
        Assert.Equal(Errno.None, Mm.Fork(out MemoryManager? child));
        _guest.Store(at, 5);
        Assert.Equal(Errno.None, child!.Advise(Range(at, 8), Mman.MADV_DONTNEED));
        Assert.Equal(0, _guest.Load(at, out value));
        Assert.Equal(5, value);
        child.DropUser();
        Assert.Equal(Errno.ENOMEM, Mm.Advise(Range(at, 9), Mman.MADV_DONTNEED));
    }

    [Fact]
    public void Remove_punches_shared_objects_and_wipeonfork_wipes()
    {
        SharedMemoryObject shared = new(_file, 4 * Page, SharedMemoryUse.File);
        ulong at = Map(4 * Page, shared);
        _guest.Store(at + Page, 3);
        Assert.Equal(Errno.EINVAL, Mm.Advise(Range(at, 4), Mman.MADV_WIPEONFORK));
        Assert.Equal(Errno.None, Mm.Advise(Range(at, 4), Mman.MADV_REMOVE));
        Assert.Equal(0ul, shared.PresentBytes);
        Assert.Equal(0, _guest.Load(at + Page, out byte value));
        Assert.Equal(0, value);
        ulong secret = Map(Page, null);
        _guest.Store(secret, 1);
        Assert.Equal(Errno.None, Mm.Advise(Range(secret, 1), Mman.MADV_WIPEONFORK));
        Assert.Equal(Errno.None, Mm.Fork(out MemoryManager? child));
        Assert.Equal(Errno.None, child!.Read(new GuestAddress(secret), out value));
        Assert.Equal(0, value);
        child.DropUser();
        shared.DropOwner();
    }

    [Fact]
    public void Dontfork_and_wipeonfork_can_be_taken_back()
    {
        ulong gone = Map(Page, null);
        ulong wiped = Map(Page, null);
        _guest.Store(gone, 1);
        _guest.Store(wiped, 1);
        Assert.Equal(Errno.None, Mm.Advise(Range(gone, 1), Mman.MADV_DONTFORK));
        Assert.Equal(Errno.None, Mm.Advise(Range(wiped, 1), Mman.MADV_WIPEONFORK));
        Assert.Equal(Errno.None, Mm.Fork(out MemoryManager? first));
        Assert.Equal(Errno.EFAULT, first!.Read(new GuestAddress(gone), out byte value));
        first.DropUser();
        Assert.Equal(Errno.None, Mm.Advise(Range(gone, 1), Mman.MADV_DOFORK));
        Assert.Equal(Errno.None, Mm.Advise(Range(wiped, 1), Mman.MADV_KEEPONFORK));
        _guest.Store(gone, 2);
        Assert.Equal(Errno.None, Mm.Fork(out MemoryManager? second));
        Assert.Equal(Errno.None, second!.Read(new GuestAddress(gone), out value));
        Assert.Equal(2, value);
        Assert.Equal(Errno.None, second.Read(new GuestAddress(wiped), out value));
        Assert.Equal(1, value);
        second.DropUser();
    }

    [Fact]
    public void Locks_are_counted_against_their_limit()
    {
        ulong at = Map(8 * Page, null);
        Assert.Equal(Errno.ENOMEM, Mm.Lock(Range(at, 8), VmaFlags.Locked, 4 * Page));
        Assert.Equal(Errno.None, Mm.Lock(Range(at, 4), VmaFlags.Locked, 4 * Page));
        Assert.Equal(Errno.None, Mm.Lock(Range(at + Page, 2), VmaFlags.Locked, 4 * Page));
        Assert.Equal((long)(4 * Page), Mm.Totals.Locked);
        Assert.Equal(Errno.EINVAL, Mm.Advise(Range(at, 8), Mman.MADV_DONTNEED));
        Assert.Equal(Errno.None, Mm.Unlock(Range(at, 2)));
        Assert.Equal((long)(2 * Page), Mm.Totals.Locked);
        Assert.Equal(Errno.ENOMEM, Mm.Unlock(Range(at, 9)));
        Assert.Equal(Errno.None, Mm.LockAll(null, VmaFlags.Locked, ulong.MaxValue));
        Map(Page, null);
        Assert.Equal((long)(Page), Mm.Totals.Locked);
    }

    [Fact]
    public void Residency_tells_what_was_touched()
    {
        ulong at = Map(8 * Page, null);
        byte[] flags = new byte[8];
        Assert.Equal(Errno.None, Mm.InCore(Range(at, 8), flags));
        Assert.Equal(new byte[8], flags);
        _guest.Store(at + (2 * Page), 1);
        Assert.Equal(Errno.None, Mm.InCore(Range(at, 8), flags));
        Assert.Equal<byte>([0, 0, 1, 0, 0, 0, 0, 0], flags);
        Assert.Equal(Page, Mm.MeasureUse().Anonymous);
        Assert.Equal(Errno.ENOMEM, Mm.InCore(Range(at - Page, 9), new byte[9]));
    }

    [Fact]
    public void Maps_look_as_on_linux()
    {
        MapRequest request = new()
        {
            Address = new GuestAddress(0x555555554000),
            Placement = MapPlacement.Fixed,
            LengthBytes = 2 * Page,
            Access = MemoryAccess.Read | MemoryAccess.Execute,
            MaxAccess = ReadWrite,
            Name = "[anon:x]",
        };
        Assert.Equal(Errno.None, Mm.Map(in request, out _));
        StringBuilder text = new();
        Mm.WriteMaps(text, new NoNames());
        string expected = "555555554000-555555556000 r-xp 00000000 00:00 0 ".PadRight(73) + "[anon:x]\n";
        Assert.Equal(expected, text.ToString());
        text.Clear();
        Mm.WriteSmaps(text, new NoNames());
        Assert.Contains("Size:                  8 kB\nKernelPageSize:        4 kB\n", text.ToString());
        Assert.Contains("VmFlags: rd ex mr mw \n", text.ToString());
    }

    [Fact]
    public void Seals_forbid_what_they_say()
    {
        SharedMemoryObject shared = new(_file, 4 * Page, SharedMemoryUse.File);
        ulong at = Map(4 * Page, shared);
        Assert.Equal(Errno.EBUSY, shared.AddSeals(Fcntl.F_SEAL_WRITE));
        Mm.Unmap(new GuestAddress(at), 4 * Page);
        Assert.Equal(Errno.None, shared.AddSeals(Fcntl.F_SEAL_WRITE | Fcntl.F_SEAL_SHRINK));
        Assert.Equal(Errno.EPERM, shared.Truncate(Page));
        Assert.Equal(Errno.None, shared.Truncate(8 * Page));
        MapRequest request = Shared(4 * Page, shared);
        Assert.Equal(Errno.EPERM, Mm.Map(in request, out _));
        request.Access = MemoryAccess.Read;
        Assert.Equal(Errno.None, Mm.Map(in request, out GuestAddress readOnly));
        Assert.Equal(Errno.EACCES, Mm.Protect(readOnly, Page, ReadWrite));
        byte[] one = [1];
        IoSequence source = IoSequence.FromBuffer(one);
        Assert.Equal(Errno.EPERM, shared.Write(ref source, 0, out _));
        Assert.Equal(Errno.None, shared.AddSeals(Fcntl.F_SEAL_SEAL));
        Assert.Equal(Errno.EPERM, shared.AddSeals(Fcntl.F_SEAL_GROW));
        shared.DropOwner();
    }

    private static MapRequest Shared(ulong bytes, SharedMemoryObject shared) => new()
    {
        LengthBytes = bytes,
        Access = ReadWrite,
        MaxAccess = ReadWrite,
        Flags = VmaFlags.Shared,
        Mappable = shared,
    };

    private static GuestRange Range(ulong at, ulong pages) => GuestRange.FromBounds(at, at + (pages * Page));

    private ulong Map(ulong bytes, SharedMemoryObject? shared)
    {
        MapRequest request = shared is null
            ? new MapRequest { LengthBytes = bytes, Access = ReadWrite, MaxAccess = ReadWrite }
            : Shared(bytes, shared);
        Assert.Equal(Errno.None, Mm.Map(in request, out GuestAddress address));
        return address.Value;
    }

    private Errno Remap(ulong at, ulong oldBytes, ulong newBytes, uint flags, ulong target, out ulong place)
    {
        RemapRequest request = new()
        {
            Address = new GuestAddress(at),
            OldBytes = oldBytes,
            NewBytes = newBytes,
            Flags = flags,
            NewAddress = new GuestAddress(target),
            LockLimitBytes = ulong.MaxValue,
        };
        Errno error = Mm.Remap(in request, out GuestAddress address);
        place = address.Value;
        return error;
    }

    private sealed class NoNames : IMappingNamer
    {
        public void AppendPath(StringBuilder text, FileDescription file) => text.Append('?');
    }
}
