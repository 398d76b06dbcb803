using System;
using System.Runtime.Intrinsics.X86;
using System.Threading;
using HostOs;
using Sentry.Sync;
using Stub;

namespace Sentry.Time;

/// <summary>What a refresh found out about the host's CLOCK_REALTIME.</summary>
public enum RealtimeChange
{
    /// <summary>It runs along CLOCK_MONOTONIC.</summary>
    None,

    /// <summary>Somebody set it: absolute deadlines on it have moved.</summary>
    Stepped,
}

/// <summary>What the host's own clocks read.</summary>
public enum HostClockSource
{
    /// <summary>Not told: the CPU must say that its time-stamp counter is steady.</summary>
    Unknown,

    /// <summary>The time-stamp counter, which the host has found steady whatever the CPU says.</summary>
    Tsc,
}

/// <summary>
/// The clocks of the guest. Time is read from the time-stamp counter through the same parameter page as the guest's
/// vDSO, so that a system call and the vDSO never disagree; <see cref="Refresh"/> keeps the page in step with the
/// host's CLOCK_MONOTONIC and CLOCK_REALTIME. Monotonic time is the host's, so that deadlines need no conversion.
/// </summary>
// SAFETY: the parameter page stays mapped for the life of the kernel; each use says why it is in bounds.
public sealed unsafe class KernelClock
{
    private const int ClockRealtime = 0;
    private const int ClockMonotonic = 1;
    private const int ClockRealtimeCoarse = 5;
    private const int ClockBoottime = 7;
    private const int ClockTai = 11;
    private const long NsPerSecond = 1_000_000_000;

    /// <summary>Largest rate correction, in parts per million, that a refresh applies to work off an error.</summary>
    private const double MaxSlewPpm = 500;

    /// <summary>So long a time says the rate to one in some thousands.</summary>
    private const double LeastRateTicks = 1e6;

    /// <summary>Of a rate behind the point.</summary>
    private const int FractionBits = 32;

    /// <summary>An error beyond this (the machine slept) is stepped over, forwards only.</summary>
    private const long StepNs = 1_000_000;

    /// <summary>Differences below this between two readings of a clock's offset are noise of the reading.</summary>
    private const long OffsetNoiseNs = 2_000;

    /// <summary>A sample that took longer was interrupted and says little about the rate.</summary>
    private const ulong MaxSampleWidthTicks = 50_000;

    private readonly VdsoParameters* _page;
    private readonly delegate* unmanaged[SuppressGCTransition]<int, long> _now;
    private readonly delegate* unmanaged[SuppressGCTransition]<ulong> _readTsc;
    private readonly bool _isTscSteady;

    private readonly Sample _first;

    /// <summary>Nanoseconds of a tick, 32 bits of them behind the point; 0 until a refresh has measured it.</summary>
    private ulong _nsPerTick;

    // Guards the page's writers and the fields below.
    private readonly OrderedLock<LeafLevel> _lock = new();
    private Sample _last;
    private long _realtimeOffsetNs;
    private long _bootOffsetNs;
    private long _taiOffsetNs;
    private int _realtimeSteps;
    private bool _isStarted;

    /// <summary>
    /// A clock whose parameters live at <paramref name="parametersPage"/>: 4096 zero bytes that stay mapped and that
    /// the guest sees read-only.
    /// </summary>
    public KernelClock(nuint parametersPage, HostClockSource source)
    {
        // SAFETY: the caller vouches for the page; the code just loaded has the signatures named and keeps the C
        // calling convention.
        _page = (VdsoParameters*)parametersPage;
        byte[] clock = VdsoImage.PreparedClock((long)parametersPage);
        _now = (delegate* unmanaged[SuppressGCTransition]<int, long>)CodeMemory.Load(clock);
        _readTsc = (delegate* unmanaged[SuppressGCTransition]<ulong>)CodeMemory.Load(VdsoImage.PreparedReadTsc);
        _isTscSteady = source == HostClockSource.Tsc || HasInvariantTsc();
        _nsPerTick = _isTscSteady ? 0 : 1UL << FractionBits;
        _first = TakeSample();
        _last = _first;
        _realtimeOffsetNs = ReadOffset(HostTime.ClockRealtime, out _);
        _bootOffsetNs = ReadOffset(HostTime.ClockBoottime, out _);
        _taiOffsetNs = ReadTaiOffset();
    }

    /// <summary>One reading of counter and host clock at the same instant, and how exact it is.</summary>
    private readonly record struct Sample(ulong Tsc, long MonotonicNs, ulong WidthTicks);

    /// <summary>CLOCK_MONOTONIC in ns.</summary>
    public long MonotonicNs => Read(ClockMonotonic);

    /// <summary>CLOCK_REALTIME in ns since the epoch.</summary>
    public long RealtimeNs => Read(ClockRealtime);

    /// <summary>CLOCK_BOOTTIME in ns.</summary>
    public long BootNs => Read(ClockBoottime);

    /// <summary>What CLOCK_TAI is ahead of CLOCK_REALTIME, whole seconds in ns; as the host has it.</summary>
    public long TaiOffsetNs => Volatile.Read(ref _taiOffsetNs);

    /// <summary>How often CLOCK_REALTIME was found to have been set.</summary>
    public int RealtimeSteps => Volatile.Read(ref _realtimeSteps);

    /// <summary>
    /// What a stretch of time is measured with where reading a clock is too dear: only differences mean something, and
    /// only as <see cref="NsOf"/> says.
    /// </summary>
    // SAFETY: the routine only reads the counter.
    internal long Ticks => _isTscSteady ? (long)_readTsc() : HostTime.Now(HostTime.ClockMonotonic);

    /// <summary>
    /// Nanoseconds of a difference of <see cref="Ticks"/>; none of a negative one, as another CPU's counter may lag a
    /// little.
    /// </summary>
    internal long NsOf(long ticks)
    {
        ulong rate = Volatile.Read(ref _nsPerTick);
        return (ulong)ticks <= int.MaxValue && rate - 1 < 1UL << (FractionBits + 1)
            ? (long)(((ulong)ticks * rate) >> FractionBits)
            : NsOfMany(ticks, rate);
    }

    private long NsOfMany(long ticks, ulong rate)
    {
        if (ticks <= 0)
        {
            return 0;
        }

        return (long)(ulong)(((UInt128)(ulong)ticks * (rate == 0 ? MeasureRate() : rate)) >> FractionBits);
    }

    /// <summary>The rate since the clock was made, kept until a refresh knows better, unless that was only
    /// now.</summary>
    private ulong MeasureRate()
    {
        Sample now = TakeSample();
        double counted = now.Tsc - _first.Tsc;
        ulong rate = (ulong)((now.MonotonicNs - _first.MonotonicNs) / counted * (1UL << FractionBits));
        if (counted > LeastRateTicks)
        {
            Interlocked.CompareExchange(ref _nsPerTick, rate, 0);
        }

        return rate;
    }

    /// <summary>
    /// Converts a CLOCK_REALTIME time to the monotonic deadline at which it will be reached if the clock is not set.
    /// </summary>
    public long RealtimeToMonotonic(long realtimeNs) => ToMonotonic(realtimeNs, RealtimeNs);

    /// <summary>Converts a CLOCK_BOOTTIME time to the monotonic deadline at which it will be reached.</summary>
    public long BootToMonotonic(long bootNs) => ToMonotonic(bootNs, BootNs);

    /// <summary>
    /// Brings the page in step with the host. Call a few ms after the clock was made, then after 100 ms, 1 s, and every
    /// 10 s; <paramref name="nextRefreshNs"/> says how long until the next. Readers never see time go back.
    /// </summary>
    public RealtimeChange Refresh(long nextRefreshNs)
    {
        using (_lock.Enter())
        {
            RealtimeChange change = RefreshOffsetsLocked();
            if (!_isTscSteady)
            {
                return change;
            }

            Sample sample = TakeSample();
            bool isUsable = sample.Tsc > _last.Tsc && sample.MonotonicNs > _last.MonotonicNs;
            if (!isUsable || sample.WidthTicks > MaxSampleWidthTicks)
            {
                return change;
            }

            double rate = (sample.MonotonicNs - _last.MonotonicNs) / (double)(sample.Tsc - _last.Tsc);
            long error = _isStarted ? sample.MonotonicNs - ValueAt(sample.Tsc) : 0;
            long step = error > StepNs ? error : 0;
            double slew = Math.Clamp((error - step) / (double)nextRefreshNs, -MaxSlewPpm / 1e6, MaxSlewPpm / 1e6);
            Volatile.Write(ref _nsPerTick, (ulong)(rate * (1UL << FractionBits)));
            PublishLocked(sample, step, rate * (1 + slew));
            _last = sample;
            _isStarted = true;
            return change;
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

    /// <summary>
    /// Reads the distance of a clock from CLOCK_MONOTONIC between two readings of the latter; the narrowest of several
    /// tries counts, and half of <paramref name="widthNs"/> is its error.
    /// </summary>
    private static long ReadOffset(int clock, out long widthNs)
    {
        const int Tries = 5;
        long best = 0;
        widthNs = long.MaxValue;
        for (int i = 0; i < Tries; i++)
        {
            long before = HostTime.Now(HostTime.ClockMonotonic);
            long now = HostTime.Now(clock);
            long width = HostTime.Now(HostTime.ClockMonotonic) - before;
            if (width < widthNs)
            {
                widthNs = width;
                best = now - before - (width / 2);
            }
        }

        return best;
    }

    /// <summary>The distance now, or <paramref name="old"/> while the difference may be the error of the
    /// readings.</summary>
    private static long UpdateOffset(int clock, long old)
    {
        long now = ReadOffset(clock, out long widthNs);
        return Math.Abs(now - old) > OffsetNoiseNs + widthNs ? now : old;
    }

    private static long ReadTaiOffset()
    {
        long distance = HostTime.Now(ClockTai) - HostTime.Now(HostTime.ClockRealtime);
        return (distance + (NsPerSecond / 2)) / NsPerSecond * NsPerSecond;
    }

    private long ToMonotonic(long time, long now)
    {
        if (time == long.MaxValue)
        {
            return time;
        }

        long wait = time - now;
        long monotonic = MonotonicNs;
        return wait > long.MaxValue - monotonic ? long.MaxValue : Math.Max(0, monotonic + wait);
    }

    private long Read(int clock)
    {
        // SAFETY: the routine reads only the parameter page.
        long ns = _now(clock);
        while (ns == VdsoImage.ClockBusy)
        {
            // Here, not in the routine: the collector may have stopped the writer, and must be able to stop us.
            Thread.Yield();
            ns = _now(clock);
        }

        return ns >= 0 ? ns : HostTime.Now(clock);
    }

    private long ValueAt(ulong tsc)
    {
        // SAFETY: the page stays mapped; the lock keeps writers out.
        UInt128 product = (UInt128)(tsc - _page->TscBase) * _page->NsPerTick;
        return _page->BaseNs + (long)(ulong)(product >> 32);
    }

    private RealtimeChange RefreshOffsetsLocked()
    {
        long realtime = UpdateOffset(HostTime.ClockRealtime, _realtimeOffsetNs);
        bool stepped = realtime != _realtimeOffsetNs;
        _realtimeOffsetNs = realtime;
        _bootOffsetNs = UpdateOffset(HostTime.ClockBoottime, _bootOffsetNs);
        if (stepped)
        {
            Volatile.Write(ref _taiOffsetNs, ReadTaiOffset());
            Volatile.Write(ref _realtimeSteps, _realtimeSteps + 1);
        }

        return stepped ? RealtimeChange.Stepped : RealtimeChange.None;
    }

    /// <summary>
    /// Writes new parameters. The base is the counter's value while readers are shut out: whoever read the old
    /// parameters did so before it, so that time goes on from there without a step back.
    /// </summary>
    private void PublishLocked(in Sample sample, long stepNs, double nsPerTick)
    {
        // SAFETY: the page stays mapped and this is its only writer; readers retry while the sequence is odd.
        VdsoParameters* page = _page;
        ulong fixedRate = (ulong)(nsPerTick * 4294967296.0);
        Volatile.Write(ref page->Sequence, page->Sequence + 1);
        Interlocked.MemoryBarrier();
        ulong tsc = _readTsc();
        page->BaseNs = _isStarted
            ? ValueAt(tsc) + stepNs
            : sample.MonotonicNs + (long)(ulong)(((UInt128)(tsc - sample.Tsc) * fixedRate) >> 32);
        page->TscBase = tsc;
        page->NsPerTick = fixedRate;
        page->Offsets[ClockRealtime] = _realtimeOffsetNs;
        page->Offsets[ClockRealtimeCoarse] = _realtimeOffsetNs;
        page->Offsets[ClockBoottime] = _bootOffsetNs;
        page->IsUsable = 1;
        Interlocked.MemoryBarrier();
        Volatile.Write(ref page->Sequence, page->Sequence + 1);
    }

    private Sample TakeSample()
    {
        const int Tries = 9;
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
                best = new Sample(before + (width / 2), now, width);
            }
        }

        return best;
    }
}
