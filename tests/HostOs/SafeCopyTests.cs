using System;
using System.Runtime.CompilerServices;
using Abi.Linux;
using HostOs;
using Xunit;

namespace Tests.HostOs;

/// <summary>Accesses to memory that may fault.</summary>
public sealed class SafeCopyTests : IDisposable
{
    private const nuint PageBytes = 4096;

    /// <summary>
    /// Three pages, the middle one without access. It stays mapped: an unmapped page would be taken at once by the run
    /// time of the test host, and then be written and unmapped from here.
    /// </summary>
    private readonly nint _pages;

    public SafeCopyTests()
    {
        SafeCopy.Install();
        int flags = HostMman.MapPrivate | HostMman.MapAnonymous;
        int access = HostMman.ProtRead | HostMman.ProtWrite;
        Assert.Equal(Errno.None, HostMman.Map(0, 3 * PageBytes, access, flags, -1, 0, out _pages));
        Assert.Equal(Errno.None, HostMman.Protect(_pages + (nint)PageBytes, PageBytes, HostMman.ProtNone));
    }

    public void Dispose() => HostMman.Unmap(_pages, 3 * PageBytes);

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(100)]
    public void A_copy_that_runs_into_a_hole_says_what_is_left(int fits)
    {
        byte[] data = new byte[100];
        data.AsSpan().Fill(0x5a);
        nint target = _pages + (nint)PageBytes - fits;
        Assert.Equal((nuint)(100 - fits), SafeCopy.CopyOut(target, data));
        byte[] back = new byte[100];
        Assert.Equal((nuint)(100 - fits), SafeCopy.CopyIn(back, target));
        Assert.Equal(data.AsSpan(0, fits).ToArray(), back.AsSpan(0, fits).ToArray());
        Assert.Equal(new byte[100 - fits], back.AsSpan(fits).ToArray());
    }

    [Fact]
    public void Large_copies_fault_the_same_way()
    {
        byte[] data = new byte[100_000];
        Assert.Equal((nuint)(100_000 - 4096), SafeCopy.CopyOut(_pages, data));
    }

    [Fact]
    public void Clearing_stops_at_a_hole()
    {
        Assert.Equal((nuint)4, SafeCopy.Clear(_pages + (nint)PageBytes - 4, 8));
        Assert.Equal((nuint)0, SafeCopy.Clear(_pages, PageBytes));
    }

    [Fact]
    public void Words_fault_with_EFAULT()
    {
        nint hole = _pages + (nint)PageBytes;
        Assert.Equal(Errno.EFAULT, SafeCopy.Load32(hole, out _));
        Assert.Equal(Errno.EFAULT, SafeCopy.Store32(hole, 1));
        Assert.Equal(Errno.EFAULT, SafeCopy.CompareExchange32(hole, 0, 1, out _));
        Assert.Equal(Errno.EFAULT, SafeCopy.CompareExchange64(hole, 0, 1, out _));
    }

    [Fact]
    public void An_address_nobody_maps_faults_like_a_forbidden_one()
    {
        const nint BelowAnyMapping = 16;
        Assert.Equal(Errno.EFAULT, SafeCopy.Load32(BelowAnyMapping, out _));
        Assert.Equal((nuint)8, SafeCopy.CopyIn(new byte[8], BelowAnyMapping));
    }

    [Fact]
    public void Compare_exchange_changes_only_what_was_expected()
    {
        Assert.Equal(Errno.None, SafeCopy.Store32(_pages, 5));
        Assert.Equal(Errno.None, SafeCopy.CompareExchange32(_pages, 4, 9, out uint seen));
        Assert.Equal(5u, seen);
        Assert.Equal(Errno.None, SafeCopy.CompareExchange32(_pages, 5, 9, out seen));
        Assert.Equal(5u, seen);
        Assert.Equal(Errno.None, SafeCopy.Load32(_pages, out seen));
        Assert.Equal(9u, seen);
        Assert.Equal(Errno.None, SafeCopy.CompareExchange64(_pages, 9, ulong.MaxValue, out ulong wide));
        Assert.Equal(9ul, wide);
        Assert.Equal(Errno.None, SafeCopy.CompareExchange64(_pages, 9, 1, out wide));
        Assert.Equal(ulong.MaxValue, wide);
    }

    [Fact]
    public void A_read_only_page_refuses_a_compare_exchange_that_would_not_store()
    {
        Assert.Equal(Errno.None, HostMman.Protect(_pages, PageBytes, HostMman.ProtRead));
        Assert.Equal(Errno.EFAULT, SafeCopy.CompareExchange32(_pages, 77, 1, out _));
        Assert.Equal(Errno.None, SafeCopy.Load32(_pages, out _));
    }

    [Fact]
    public void A_file_cut_short_under_its_mapping_is_a_fault()
    {
        Assert.Equal(Errno.None, HostMman.MemfdCreate("cut", HostMman.MfdCloexec, out int fd));
        using var owner = new HostFd(fd);
        Assert.Equal(Errno.None, HostUnistd.Ftruncate(fd, 8192));
        int access = HostMman.ProtRead | HostMman.ProtWrite;
        Assert.Equal(Errno.None, HostMman.Map(0, 8192, access, HostMman.MapShared, fd, 0, out nint address));
        Assert.Equal(Errno.None, HostUnistd.Ftruncate(fd, 4096));
        byte[] data = new byte[8192];
        Assert.Equal((nuint)4096, SafeCopy.CopyIn(data, address));
        Assert.Equal(Errno.None, HostMman.Unmap(address, 8192));
    }

    [Fact]
    public void Null_references_of_managed_code_still_throw()
    {
        for (int i = 0; i < 3; i++)
        {
            Assert.Throws<NullReferenceException>(() => LengthOf(null));
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int LengthOf(string? text) => text!.Length;
}
