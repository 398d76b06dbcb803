using System;
using System.Collections.Generic;
using Abi.Linux;
using HostOs;
using Stub;
using Xunit;

namespace Tests.Sentry.Time;

/// <summary>The vDSO as an ELF file and as code.</summary>
public sealed class VdsoImageTests
{
    private const long NsPerSecond = 1_000_000_000;

    private static readonly string[] Functions =
    [
        "__vdso_clock_gettime", "__vdso_gettimeofday", "__vdso_time", "__vdso_clock_getres", "__vdso_getcpu",
    ];

    public static IEnumerable<object[]> FixedTimes()
    {
        Random random = new(20240607);
        yield return [0L];
        yield return [1L];
        yield return [NsPerSecond - 1];
        yield return [NsPerSecond];
        yield return [(uint.MaxValue * NsPerSecond) + 999_999_999];
        yield return [long.MaxValue];
        for (int i = 0; i < 20; i++)
        {
            yield return [random.NextInt64()];
        }
    }

    [Fact]
    public void The_image_is_one_loadable_read_and_execute_segment_of_whole_pages()
    {
        byte[] image = VdsoImage.Build();
        VdsoElf elf = new(image);
        Assert.Equal(0, image.Length % 4096);
        Assert.Equal(2, elf.Segments.Count);
        Assert.Equal(new VdsoElf.Segment(1, 5, 0, 0, image.Length, image.Length), elf.Load);
        Assert.Equal("linux-vdso.so.1", elf.SoName);
    }

    [Fact]
    public void Every_function_is_found_through_the_hash_table_with_its_version()
    {
        VdsoElf elf = new(VdsoImage.Build());
        HashSet<long> places = new();
        foreach (string name in Functions)
        {
            VdsoElf.Symbol symbol = Assert.NotNull(elf.Find(name));
            Assert.Equal("LINUX_2.6", symbol.Version);
            Assert.Equal(0x12, symbol.Info);
            Assert.NotEqual(0, symbol.Section);
            Assert.True(places.Add(symbol.Value), name);
            Assert.InRange(symbol.Value, 64, elf.Load.MemoryBytes - 1);
        }

        Assert.Null(elf.Find("__vdso_sgx_enter_enclave"));
    }

    [Fact]
    public void Without_parameters_every_clock_is_the_kernels()
    {
        using LoadedVdso vdso = new();
        AssertBetween(HostTime.ClockRealtime, vdso);
        AssertBetween(HostTime.ClockMonotonic, vdso);
        AssertBetween(HostTime.ClockBoottime, vdso);
        Assert.Equal(0, vdso.GetTimeOfDay(out Timeval time, out _));
        Assert.InRange((HostTime.Now(HostTime.ClockRealtime) / NsPerSecond) - time.tv_sec, 0, 1);
        Assert.InRange((HostTime.Now(HostTime.ClockRealtime) / NsPerSecond) - vdso.Time(out _), 0, 1);
    }

    [Fact]
    public void Unknown_clocks_and_null_pointers_go_to_the_kernel()
    {
        using LoadedVdso vdso = new();
        SetFixedTime(vdso, 5);
        Assert.Equal(-(int)Errno.EINVAL, vdso.ClockGetTime(15, out _));
        Assert.Equal(-(int)Errno.EINVAL, vdso.ClockGetTime(1000, out _));
        Assert.Equal(0, vdso.ClockGetTime(HostTime.ClockThreadCpu, out Timespec own));
        Assert.NotEqual(5, own.tv_nsec);
        Assert.Equal(0, vdso.GetTimeOfDayOfNothing());
    }

    [Theory]
    [MemberData(nameof(FixedTimes))]
    public void A_time_is_split_exactly(long ns)
    {
        using LoadedVdso vdso = new();
        SetFixedTime(vdso, ns);
        foreach (int clock in (int[])[0, 1, 4, 5, 6, 7])
        {
            Assert.Equal(0, vdso.ClockGetTime(clock, out Timespec time));
            Assert.Equal((ns / NsPerSecond, ns % NsPerSecond), (time.tv_sec, time.tv_nsec));
        }

        Assert.Equal(0, vdso.GetTimeOfDay(out Timeval day, out Timezone zone));
        Assert.Equal((ns / NsPerSecond, ns % NsPerSecond / 1000), (day.tv_sec, day.tv_usec));
        Assert.Equal((0, 0), (zone.tz_minuteswest, zone.tz_dsttime));
        Assert.Equal(ns / NsPerSecond, vdso.Time(out long stored));
        Assert.Equal(ns / NsPerSecond, stored);
        Assert.Equal(ns / NsPerSecond, vdso.TimeWithoutStore());
    }

    [Fact]
    public void Each_clock_has_its_own_offset()
    {
        using LoadedVdso vdso = new();
        SetFixedTime(vdso, 1000);
        for (int clock = 0; clock < VdsoParameters.ClockCount; clock++)
        {
            vdso.Page.Offsets[clock] = clock * 10;
        }

        foreach (int clock in (int[])[0, 1, 4, 5, 6, 7])
        {
            Assert.Equal(1000 + (clock * 10), vdso.Now(clock));
        }
    }

    [Fact]
    public void The_rate_counts_ticks_in_32_32_fixed_point()
    {
        using LoadedVdso vdso = new();
        SetFixedTime(vdso, 0);
        vdso.Page.TscBase = 0;
        vdso.Page.NsPerTick = 1UL << 31;
        long first = vdso.Now(1);
        vdso.Page.NsPerTick = 1UL << 32;
        long second = vdso.Now(1);
        Assert.True(first > 0);
        Assert.InRange(second / (double)first, 2.0, 2.1);
    }

    [Fact]
    public void A_counter_behind_the_base_reads_as_the_base()
    {
        using LoadedVdso vdso = new();
        SetFixedTime(vdso, 1234);
        vdso.Page.NsPerTick = 1UL << 32;
        vdso.Page.TscBase = long.MaxValue;
        Assert.Equal(1234, vdso.Now(1));
    }

    [Fact]
    public void Resolution_and_cpu_are_the_kernels()
    {
        using LoadedVdso vdso = new();
        Assert.Equal(0, vdso.ClockGetRes(1, out Timespec resolution));
        Assert.Equal((0, 1), (resolution.tv_sec, resolution.tv_nsec));
        Assert.Equal(0, vdso.GetCpu(out uint cpu));
        Assert.InRange(cpu, 0u, 4095u);
    }

    private static void SetFixedTime(LoadedVdso vdso, long ns)
    {
        vdso.Page.NsPerTick = 0;
        vdso.Page.BaseNs = ns;
        vdso.Page.IsUsable = 1;
    }

    private static void AssertBetween(int clock, LoadedVdso vdso)
    {
        long before = HostTime.Now(clock);
        long now = vdso.Now(clock);
        Assert.InRange(now, before, HostTime.Now(clock));
    }
}
