using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using Sentry.Time;
using Xunit;

namespace Tests.Sentry.Time;

/// <summary>The kernel's timers, driven by hand and by their thread.</summary>
public sealed class TimerManagerTests : IDisposable
{
    private const long NsPerMs = 1_000_000;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    private readonly LoadedVdso _vdso = new();
    private readonly KernelClock _clock;
    private readonly TimerManager _manager;

    public TimerManagerTests()
    {
        _clock = new KernelClock(_vdso.Parameters, HostClockSource.Unknown);
        _manager = new TimerManager(_clock);
    }

    public void Dispose()
    {
        _manager.Stop();
        _vdso.Dispose();
    }

    [Fact]
    public void Random_arming_and_disarming_fires_what_a_sorted_list_would()
    {
        const int Seed = 7321;
        Random random = new(Seed);
        Dictionary<Probe, long> model = new();
        Probe[] probes = Enumerable.Range(0, 200).Select(_ => new Probe()).ToArray();
        long now = 0;
        for (int step = 0; step < 20000; step++)
        {
            Probe probe = probes[random.Next(probes.Length)];
            switch (random.Next(8))
            {
                case 0:
                    Assert.Equal(model.Remove(probe), _manager.Disarm(probe));
                    break;
                case 1:
                    now += random.Next(50);
                    CheckDue(model, probes, now);
                    break;
                default:
                    long deadline = now + random.Next(1, 500);
                    _manager.Arm(probe, deadline);
                    model[probe] = deadline;
                    break;
            }

            Assert.Equal(model.Count, _manager.ArmedCount);
        }
    }

    [Fact]
    public void Timers_fire_in_the_order_of_their_deadlines()
    {
        List<long> order = new();
        foreach (long deadline in (long[])[50, 10, 40, 20, 30])
        {
            _manager.Arm(new Probe { OnFire = _ => order.Add(deadline) }, deadline);
        }

        Assert.Equal(50, _manager.RunDue(45));
        Assert.Equal([10, 20, 30, 40], order);
        Assert.Equal(long.MaxValue, _manager.RunDue(50));
    }

    [Fact]
    public void A_callback_may_arm_its_timer_again()
    {
        Probe probe = new();
        probe.OnFire = now => _manager.Arm(probe, now + 10);
        _manager.Arm(probe, 10);
        Assert.Equal(20, _manager.RunDue(10));
        Assert.Equal(35, _manager.RunDue(25));
        Assert.Equal(2, probe.Fired);
    }

    [Fact]
    public void The_greatest_deadline_disarms()
    {
        Probe probe = new();
        _manager.Arm(probe, 10);
        _manager.Arm(probe, long.MaxValue);
        Assert.Equal(long.MaxValue, _manager.RunDue(100));
        Assert.Equal(0, probe.Fired);
    }

    [Fact]
    public void Arming_allocates_nothing()
    {
        Probe probe = new();
        _manager.Arm(probe, 10);
        _manager.Disarm(probe);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1000; i++)
        {
            _manager.Arm(probe, i);
            _manager.Arm(probe, i + 5);
            _manager.RunDue(i);
            _manager.Disarm(probe);
        }

        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    [Fact]
    public void A_stepped_wall_clock_reaches_only_timers_that_follow_it()
    {
        Probe follows = new() { Follows = true };
        Probe steady = new();
        _manager.Arm(follows, 10);
        _manager.Arm(steady, 10);
        _manager.OnRealtimeStepped();
        Assert.Equal((1, 0), (follows.Steps, steady.Steps));
    }

    [Fact]
    public void The_thread_fires_timers_not_before_their_time()
    {
        _manager.Start();
        using ManualResetEventSlim done = new();
        long firedAt = 0;
        long deadline = _clock.MonotonicNs + (20 * NsPerMs);
        Probe probe = new()
        {
            OnFire = _ =>
            {
                firedAt = _clock.MonotonicNs;
                done.Set();
            },
        };
        _manager.Arm(probe, deadline);
        Assert.True(done.Wait(s_patience));
        Assert.InRange(firedAt, deadline, long.MaxValue);
    }

    [Fact]
    public void An_earlier_timer_wakes_the_sleeping_thread()
    {
        _manager.Start();
        using ManualResetEventSlim done = new();
        Probe late = new();
        Probe early = new() { OnFire = _ => done.Set() };
        _manager.Arm(late, _clock.MonotonicNs + (3_600_000 * NsPerMs));
        for (int i = 0; i < 200; i++)
        {
            done.Reset();
            _manager.Arm(early, _clock.MonotonicNs + (i % 3 * NsPerMs / 4));
            Assert.True(done.Wait(s_patience));
        }

        Assert.Equal(0, late.Fired);
    }

    [Fact]
    public void The_thread_brings_the_clock_in_step_with_the_host()
    {
        _manager.Start();
        Assert.True(SpinWait.SpinUntil(() => Volatile.Read(ref _vdso.Page.IsUsable) == 1, s_patience));
    }

    [Fact]
    public void Threads_that_arm_at_once_lose_no_timer()
    {
        _manager.Start();
        const int Threads = 4;
        const int Rounds = 300;
        int fired = 0;
        Thread[] threads = new Thread[Threads];
        for (int t = 0; t < Threads; t++)
        {
            threads[t] = new Thread(() =>
            {
                using SemaphoreSlim ready = new(0);
                Probe probe = new()
                {
                    OnFire = _ =>
                    {
                        Interlocked.Increment(ref fired);
                        ready.Release();
                    },
                };
                for (int i = 0; i < Rounds; i++)
                {
                    _manager.Arm(probe, _clock.MonotonicNs + (i * 1000));
                    if (!ready.Wait(s_patience))
                    {
                        return;
                    }
                }
            });
            threads[t].Start();
        }

        foreach (Thread thread in threads)
        {
            thread.Join();
        }

        Assert.Equal(Threads * Rounds, fired);
    }

    private void CheckDue(Dictionary<Probe, long> model, Probe[] probes, long now)
    {
        foreach (Probe probe in probes)
        {
            probe.Fired = 0;
        }

        long next = _manager.RunDue(now);
        foreach (Probe probe in probes)
        {
            bool isDue = model.TryGetValue(probe, out long deadline) && deadline <= now;
            Assert.Equal(isDue ? 1 : 0, probe.Fired);
            if (isDue)
            {
                model.Remove(probe);
            }
        }

        Assert.Equal(model.Count == 0 ? long.MaxValue : model.Values.Min(), next);
    }

    private sealed class Probe : KernelTimer
    {
        public int Fired { get; set; }

        public int Steps { get; private set; }

        public bool Follows { get; init; }

        public Action<long>? OnFire { get; set; }

        public override bool FollowsRealtime => Follows;

        public override void OnExpired(long nowNs)
        {
            Fired++;
            OnFire?.Invoke(nowNs);
        }

        public override void OnRealtimeStepped() => Steps++;
    }
}
