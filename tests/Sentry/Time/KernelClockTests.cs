using System;
using System.Threading;
using HostOs;
using Sentry.Time;
using Xunit;

namespace Tests.Sentry.Time;

/// <summary>The kernel's clocks against the host's.</summary>
public sealed class KernelClockTests : IDisposable
{
    private const long NsPerMs = 1_000_000;
    private readonly LoadedVdso _vdso = new();
    private readonly KernelClock _clock;

    public KernelClockTests() => _clock = new KernelClock(_vdso.Parameters, HostClockSource.Unknown);

    public void Dispose() => _vdso.Dispose();

    [Fact]
    public void Before_the_first_refresh_the_host_is_asked()
    {
        long before = HostTime.Now(HostTime.ClockMonotonic);
        long now = _clock.MonotonicNs;
        Assert.InRange(now, before, HostTime.Now(HostTime.ClockMonotonic));
        Assert.Equal(0u, _vdso.Page.IsUsable);
    }

    [Fact]
    public void The_error_is_small_after_refreshes()
    {
        SpinUntilRefreshed(3);
        AssertClose(HostTime.ClockMonotonic, () => _clock.MonotonicNs);
        AssertClose(HostTime.ClockRealtime, () => _clock.RealtimeNs);
        AssertClose(HostTime.ClockBoottime, () => _clock.BootNs);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public void Ticks_become_the_nanoseconds_that_have_passed(int refreshes)
    {
        SpinUntilRefreshed(refreshes);
        for (int i = 0; i < 3; i++)
        {
            long before = HostTime.Now(HostTime.ClockMonotonic);
            long start = _clock.Ticks;
            long started = HostTime.Now(HostTime.ClockMonotonic);
            SpinWait.SpinUntil(() => HostTime.Now(HostTime.ClockMonotonic) - started > 5 * NsPerMs);
            long ending = HostTime.Now(HostTime.ClockMonotonic);
            long end = _clock.Ticks;
            long after = HostTime.Now(HostTime.ClockMonotonic);
            long ns = _clock.NsOf(end - start);
            Assert.InRange((double)ns, (ending - started) * 0.99, (after - before) * 1.01);
        }
    }

    [Fact]
    public void Any_number_of_ticks_has_its_nanoseconds()
    {
        SpinUntilRefreshed(1);
        Assert.Equal(0, _clock.NsOf(0));
        Assert.Equal(0, _clock.NsOf(-1));
        Assert.Equal(0, _clock.NsOf(long.MinValue));
        double one = _clock.NsOf(1L << 50) / (double)(1L << 50);
        for (int bits = 20; bits < 60; bits++)
        {
            Assert.Equal(one, _clock.NsOf(1L << bits) / (double)(1L << bits), 1e-4);
            Assert.Equal(one, _clock.NsOf((1L << bits) - 1) / (double)(1L << bits), 1e-4);
        }
    }

    [Fact]
    public void System_calls_and_the_vdso_read_one_clock()
    {
        SpinUntilRefreshed(1);
        foreach ((int clock, Func<long> read) in ((int, Func<long>)[])[
            (0, () => _clock.RealtimeNs), (1, () => _clock.MonotonicNs), (7, () => _clock.BootNs)])
        {
            long before = read();
            long guest = _vdso.Now(clock);
            Assert.InRange(guest, before, read());
        }
    }

    [Fact]
    public void The_collector_can_stop_a_reader_that_waits_for_a_writer()
    {
        SpinUntilRefreshed(1);
        _vdso.Page.Sequence++;
        bool isReading = false;
        Thread reader = new(() =>
        {
            Volatile.Write(ref isReading, true);
            _ = _clock.MonotonicNs;
        })
        { IsBackground = true };
        reader.Start();
        Assert.True(SpinWait.SpinUntil(() => Volatile.Read(ref isReading), TimeSpan.FromSeconds(30)));
        for (int i = 0; i < 20; i++)
        {
            GC.Collect();
        }

        Assert.True(reader.IsAlive);
        _vdso.Page.Sequence++;
        Assert.True(reader.Join(TimeSpan.FromSeconds(30)));
    }

    [Fact]
    public void Time_never_goes_back_while_another_thread_refreshes()
    {
        SpinUntilRefreshed(1);
        bool stop = false;
        Thread writer = new(() =>
        {
            while (!Volatile.Read(ref stop))
            {
                // Short intervals ask for the largest corrections.
                _clock.Refresh(1000);
            }
        });
        writer.Start();
        long last = 0;
        long errors = 0;
        for (int i = 0; i < 2_000_000; i++)
        {
            long now = (i & 1) == 0 ? _vdso.Now(1) : _clock.MonotonicNs;
            errors += now < last ? 1 : 0;
            last = now;
        }

        Volatile.Write(ref stop, true);
        writer.Join();
        Assert.Equal(0, errors);
    }

    [Fact]
    public void A_clock_that_fell_far_behind_is_stepped_forwards()
    {
        SpinUntilRefreshed(1);
        _vdso.Page.BaseNs -= 50 * NsPerMs;
        long behind = HostTime.Now(HostTime.ClockMonotonic) - _clock.MonotonicNs;
        Assert.InRange(behind, 45 * NsPerMs, long.MaxValue);
        SpinUntilRefreshed(1);
        AssertClose(HostTime.ClockMonotonic, () => _clock.MonotonicNs);
    }

    [Fact]
    public void A_clock_that_runs_ahead_waits_and_does_not_step_back()
    {
        SpinUntilRefreshed(1);
        _vdso.Page.BaseNs += 50 * NsPerMs;
        long ahead = _clock.MonotonicNs;
        SpinUntilRefreshed(1);
        Assert.InRange(_clock.MonotonicNs, ahead, long.MaxValue);
    }

    [Fact]
    public void A_steady_wall_clock_is_reported_as_such()
    {
        Assert.Equal(RealtimeChange.None, _clock.Refresh(100 * NsPerMs));
        Assert.Equal(RealtimeChange.None, _clock.Refresh(100 * NsPerMs));
    }

    [Fact]
    public void Deadlines_on_other_clocks_become_monotonic_ones()
    {
        SpinUntilRefreshed(1);
        long expected = _clock.MonotonicNs + (1000 * NsPerMs);
        long actual = _clock.RealtimeToMonotonic(_clock.RealtimeNs + (1000 * NsPerMs));
        Assert.InRange(actual - expected, 0, 500 * NsPerMs);
        actual = _clock.BootToMonotonic(_clock.BootNs + (1000 * NsPerMs));
        Assert.InRange(actual - expected, 0, 500 * NsPerMs);
        Assert.Equal(long.MaxValue, _clock.RealtimeToMonotonic(long.MaxValue));
        Assert.Equal(0, _clock.RealtimeToMonotonic(0));
    }

    /// <summary>
    /// Refreshes until so many of them were accepted: the sequence moves by two for each. A refresh whose reading was
    /// interrupted changes nothing, so the number of tries is not fixed.
    /// </summary>
    private void SpinUntilRefreshed(int times)
    {
        uint target = _vdso.Page.Sequence + (uint)(2 * times);
        for (int tries = 0; _vdso.Page.Sequence < target; tries++)
        {
            Assert.True(tries < 1000, "the host's clock cannot be read without interruption");
            long start = HostTime.Now(HostTime.ClockMonotonic);
            while (HostTime.Now(HostTime.ClockMonotonic) - start < 20 * NsPerMs)
            {
                Thread.SpinWait(100);
            }

            _clock.Refresh(20 * NsPerMs);
        }
    }

    /// <summary>The best of many comparisons counts: the others were interrupted between the two readings.</summary>
    private static void AssertClose(int clock, Func<long> read)
    {
        const long ToleranceNs = 5000;
        long best = long.MaxValue;
        for (int i = 0; i < 1000 && best > ToleranceNs; i++)
        {
            long before = HostTime.Now(clock);
            long ours = read();
            long after = HostTime.Now(clock);
            long error = Math.Max(Math.Max(before - ours, ours - after), 0) + (after - before);
            best = Math.Min(best, error);
        }

        Assert.InRange(best, 0, ToleranceNs);
    }
}
