using System;
using Abi.Linux;
using Sentry.Mm;
using Xunit;

namespace Tests.Sentry.Mm;

/// <summary>The Sentry's own memory under the limit of the memory file.</summary>
public sealed class KernelHeapTests : IOutOfMemoryHandler, IDisposable
{
    private const ulong LimitBytes = 64 << 20;
    private const long MiB = 1 << 20;

    private readonly MemoryFile _file;
    private readonly HeapAccount _heap = new();
    private readonly System.Threading.ManualResetEventSlim _asked = new(false);

    public KernelHeapTests()
    {
        Assert.Equal(Errno.None, MemoryFile.Create(LimitBytes * 4, LimitBytes, out MemoryFile? file));
        _file = file!;
        _file.OutOfMemory = this;
        _heap.BindTo(_file);
    }

    [Fact]
    public void What_outlives_its_maker_is_refused_above_the_limit()
    {
        Assert.True(_heap.TryCharge(40 * MiB));
        Assert.False(_heap.TryCharge(30 * MiB));
        Assert.Equal(40 * MiB, _heap.Bytes);
        _heap.Uncharge(40 * MiB);
        Assert.Equal(0, _heap.Bytes);
        Assert.False(_asked.IsSet);
    }

    [Fact]
    public void Files_leave_a_part_of_the_limit_to_processes()
    {
        Assert.False(_heap.TryCharge(63 * MiB));
        Assert.True(_heap.TryCharge(50 * MiB));
        _heap.Uncharge(50 * MiB);
    }

    [Fact]
    public void What_goes_with_its_process_asks_for_an_end_above_the_limit()
    {
        _heap.Charge(50 * MiB);
        Assert.False(_asked.IsSet);
        _heap.Charge(20 * MiB);
        Assert.True(_asked.Wait(TimeSpan.FromSeconds(30)));
        _heap.Uncharge(70 * MiB);
    }

    [Fact]
    public void Pages_and_the_heap_share_the_limit()
    {
        Assert.True(_heap.TryCharge(40 * MiB));
        Assert.Equal(Errno.ENOMEM, _file.Allocate((ulong)(30 * MiB), MemoryKind.Anonymous, out _));
        Assert.Equal(Errno.None, _file.Allocate((ulong)(20 * MiB), MemoryKind.Anonymous, out MemoryFileRange range));
        _heap.Uncharge(40 * MiB);
        _file.DropReference(range.Offset, range.LengthBytes);
    }

    [Fact]
    public void Near_the_limit_nothing_is_charged_beside_much_garbage()
    {
        Assert.True(_heap.TryCharge(40 * MiB));
        WeakReference garbage = MakeGarbage();
        _heap.Uncharge(40 * MiB);
        Assert.True(_heap.TryCharge(1));
        Assert.False(garbage.IsAlive);
        _heap.Uncharge(1);
    }

    [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
    private static WeakReference MakeGarbage() => new(new byte[1000]);

    [Fact]
    public void A_dropped_charge_gives_back_the_rest()
    {
        HeapCharge charge = new(_heap);
        Assert.True(charge.TryAdd(1000));
        charge.Remove(300);
        Assert.Equal(700, _heap.Bytes);
        charge.Clear();
        charge.Clear();
        Assert.Equal(0, _heap.Bytes);
    }

    /// <inheritdoc/>
    public Errno Relieve(ulong neededBytes)
    {
        _asked.Set();
        return Errno.None;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _file.Dispose();
        _asked.Dispose();
    }
}
