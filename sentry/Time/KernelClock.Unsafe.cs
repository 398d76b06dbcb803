using System;
using System.Runtime.Intrinsics.X86;
using System.Threading;
using HostOs;
using Sentry.Sync;
using Stub;

namespace Sentry.Time;

/// <summary>
/// The clocks of the guest. Time is read from the time-stamp counter through the same parameter page as the guest's vDSO, so that a system call
/// and the vDSO never disagree; <see cref="Refresh"/> keeps the page in step with the host's CLOCK_MONOTONIC and CLOCK_REALTIME.
/// Monotonic time is the host's, so that deadlines need no conversion.
/// </summary>
public sealed unsafe class KernelClock
{
    private const int ClockRealtime = 0;
    private const int ClockMonotonic = 1;
    private const int ClockBoottime = 7;

    /// <summary>Largest rate correction, in parts per million, that a refresh applies to work off an error.</summary>
    private const double MaxSlewPpm = 500;

    /// <summary>An error beyond this (the machine slept) is stepped over, forwards only.</summary>
    private const long StepNs = 1_000_000;

    private readonly VdsoParameters* _page;
    private readonly delegate* unmanaged[SuppressGCTransition]<int, long> _now;
    private readonly delegate* unmanaged[SuppressGCTransition]<ulong> _readTsc;
    private readonly bool _hasInvariantTsc;

    // Guards the page's writers and the samples.
    private readonly OrderedLock<LeafLevel> _lock = new();
    private Sample _first;
    private bool _isStarted;

    /// <summary>A clock whose parameters live at <paramref name="parametersPage"/>: 4096 zero bytes that stay mapped and that the guest sees read-only.</summary>
    public KernelClock(nuint parametersPage)
    {
        // SAFETY: the caller vouches for the page; the code just loaded has the signatures named and keeps the C calling convention.
        _page = (VdsoParameters*)parametersPage;
        _now = (delegate* unmanaged[SuppressGCTransition]<int, long>)CodeMemory.Load(VdsoImage.EmitClock((long)parametersPage));
        _readTsc = (delegate* unmanaged[SuppressGCTransition]<ulong>)CodeMemory.Load(VdsoImage.EmitReadTsc());
        _hasInvariantTsc = HasInvariantTsc();
        _first = TakeSample();
    }

    /// <summary>One reading of counter and host clock at the same instant.</summary>
    private readonly record struct Sample(ulong Tsc, long MonotonicNs);

    /// <summary>CLOCK_MONOTONIC in ns.</summary>
    public long MonotonicNs => Read(ClockMonotonic);

    /// <summary>CLOCK_REALTIME in ns since the epoch.</summary>
    public long RealtimeNs => Read(ClockRealtime);

    /// <summary>CLOCK_BOOTTIME in ns.</summary>
    public long BootNs => Read(ClockBoottime);

    /// <summary>Converts a CLOCK_REALTIME time to the monotonic deadline at which it will be reached if the clock is not set.</summary>
    public long RealtimeToMonotonic(long realtimeNs)
    {
        long wait = realtimeNs - RealtimeNs;
        long now = MonotonicNs;
        return wait > long.MaxValue - now ? long.MaxValue : now + wait;
    }

    /// <summary>
    /// Brings the page in step with the host. Call when the guest starts, then after 100 ms, 1 s, and every 10 s while anything runs.
    /// Readers never see time go back.
    /// </summary>
    public void Refresh(long nextRefreshNs)
    {
        if (!_hasInvariantTsc)
        {
            return;
        }

        using (_lock.Enter())
        {
            Sample sample = TakeSample();
            if (sample.Tsc <= _first.Tsc || sample.MonotonicNs <= _first.MonotonicNs)
            {
                return;
            }

            double rate = (sample.MonotonicNs - _first.MonotonicNs) / (double)(sample.Tsc - _first.Tsc);
            long ours = _isStarted ? ValueAt(sample.Tsc) : sample.MonotonicNs;
            long error = sample.MonotonicNs - ours;
            if (error > StepNs)
            {
                ours = sample.MonotonicNs;
                error = 0;
            }

            double slew = Math.Clamp(error / (double)nextRefreshNs, -MaxSlewPpm / 1e6, MaxSlewPpm / 1e6);
            Publish(sample.Tsc, ours, rate * (1 + slew));
            _isStarted = true;
        }
    }

    private static bool HasInvariantTsc()
    {
        const int AdvancedPowerLeaf = unchecked((int)0x80000007);
        if (!X86Base.IsSupported || X86Base.CpuId(unchecked((int)0x80000000), 0).Eax < AdvancedPowerLeaf)
        {
            return false;
        }

        return (X86Base.CpuId(AdvancedPowerLeaf, 0).Edx & (1 << 8)) != 0;
    }

    private long Read(int clock)
    {
        // SAFETY: the routine reads only the parameter page.
        long ns = _now(clock);
        return ns >= 0 ? ns : HostTime.Now(clock);
    }

    private long ValueAt(ulong tsc)
    {
        // SAFETY: the page stays mapped; the lock keeps writers out.
        UInt128 product = (UInt128)(tsc - _page->TscBase) * _page->NsPerTick;
        return _page->BaseNs + (long)(ulong)(product >> 32);
    }

    private void Publish(ulong tsc, long baseNs, double nsPerTick)
    {
        long realtime = HostTime.Now(HostTime.ClockRealtime) - HostTime.Now(HostTime.ClockMonotonic);
        long boot = HostTime.Now(HostTime.ClockBoottime) - HostTime.Now(HostTime.ClockMonotonic);

        // SAFETY: the page stays mapped and this is its only writer; readers retry while the sequence is odd.
        VdsoParameters* page = _page;
        Volatile.Write(ref page->Sequence, page->Sequence + 1);
        Interlocked.MemoryBarrier();
        page->TscBase = tsc;
        page->BaseNs = baseNs;
        page->NsPerTick = (ulong)(nsPerTick * 4294967296.0);
        page->Offsets[ClockRealtime] = realtime;
        page->Offsets[5] = realtime;
        page->Offsets[ClockBoottime] = boot;
        page->IsUsable = 1;
        Interlocked.MemoryBarrier();
        Volatile.Write(ref page->Sequence, page->Sequence + 1);
    }

    private Sample TakeSample()
    {
        const int Tries = 5;
        Sample best = default;
        ulong bestWidth = ulong.MaxValue;
        for (int i = 0; i < Tries; i++)
        {
            // SAFETY: the routine only reads the counter.
            ulong before = _readTsc();
            long now = HostTime.Now(HostTime.ClockMonotonic);
            ulong width = _readTsc() - before;
            if (width < bestWidth)
            {
                bestWidth = width;
                best = new Sample(before + (width / 2), now);
            }
        }

        return best;
    }
}
