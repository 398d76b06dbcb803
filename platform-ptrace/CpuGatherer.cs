using System;
using System.Collections.Generic;
using System.Numerics;
using System.Threading;
using Abi.Linux;
using HostOs;

namespace Platform.Ptrace;

/// <summary>
/// Keeps all host and stub threads on one CPU as long as hardly more than one of them has work at a time. A system
/// call then costs two context
/// switches on one CPU instead of two wake-ups of idle CPUs, which cost several times as much. As soon as guests
/// really run in parallel the threads
/// may go anywhere again. Threads that the guest has bound to CPUs (<see cref="Bind"/>) stay there.
/// </summary>
/// <remarks>
/// A watchdog samples every few milliseconds how many contexts are inside a run of guest code, and decides by the
/// average. It sleeps when nothing
/// happens. From time to time it lets the threads go for one period, so that the host's scheduler can choose another
/// CPU for them.
/// </remarks>
internal sealed class CpuGatherer
{
    private const int MaskBytes = 128;
    private const int ShortPeriodMs = 4;
    private const int LongPeriodMs = 64;
    private const int StackBytes = 128 * 1024;

    /// <summary>Samples without any activity before the watchdog sleeps.</summary>
    private const int IdleSamples = 8;

    /// <summary>Samples between two choices of the CPU.</summary>
    private const int SamplesPerHome = 64;

    /// <summary>
    /// Averages of running contexts, in 1/256, below which threads are gathered and above which they are let go.
    /// </summary>
    private const int GatherBelow = 282;
    private const int SpreadAbove = 333;
    private const int One = 256;

    private readonly byte[] _everywhere = new byte[MaskBytes];
    private readonly byte[] _home = new byte[MaskBytes];
    private readonly bool _hasChoice;
    private readonly Thread _watchdog;
    private readonly object _gate = new();

    /// <summary>Contexts with a stub thread; guarded by <see cref="_gate"/>.</summary>
    private readonly List<PtraceContext> _contexts = [];

    /// <summary>Threads are on the CPU in <see cref="_home"/>; guarded by <see cref="_gate"/>.</summary>
    private bool _gathered;

    /// <summary>Guarded by <see cref="_gate"/>.</summary>
    private bool _stopped;

    /// <summary>The watchdog waits for activity. Written under <see cref="_gate"/>, read anywhere.</summary>
    private volatile bool _dormant = true;

    /// <summary>The watchdog's own: average of running contexts in 1/256.</summary>
    private int _average = One;

    public CpuGatherer()
    {
        Errno error = HostSched.GetAffinity(0, _everywhere, out int bytes);
        int cpus = 0;
        foreach (byte part in _everywhere.AsSpan(0, Math.Max(bytes, 0)))
        {
            cpus += BitOperations.PopCount(part);
        }
        _hasChoice = error == Errno.None && cpus > 1;
        _watchdog = new Thread(Watch, StackBytes) { IsBackground = true, Name = "ptrace-cpus" };
        if (_hasChoice)
        {
            _watchdog.Start();
        }
    }

    /// <summary>A context has got a stub thread; called on its host thread.</summary>
    public void Add(PtraceContext context)
    {
        if (!_hasChoice)
        {
            return;
        }
        lock (_gate)
        {
            context.GathererIndex = _contexts.Count;
            _contexts.Add(context);
            // A host thread inherits the affinity of the thread that made it, so it needs telling in either case.
            context.Place(_gathered ? _home : _everywhere);
        }
    }

    /// <summary>
    /// A context is about to lose its stub thread; called on its host thread, which may go anywhere again.
    /// </summary>
    public void Remove(PtraceContext context)
    {
        if (!_hasChoice)
        {
            return;
        }
        lock (_gate)
        {
            PtraceContext last = _contexts[^1];
            _contexts[context.GathererIndex] = last;
            last.GathererIndex = context.GathererIndex;
            _contexts.RemoveAt(_contexts.Count - 1);
            if (_gathered || context.Bound is not null)
            {
                HostSched.SetAffinity(0, _everywhere);
            }
        }
    }

    /// <summary>Binds a context to CPUs, whatever the others do; an empty mask lets it go with them again.</summary>
    public void Bind(PtraceContext context, ReadOnlySpan<byte> mask)
    {
        lock (_gate)
        {
            bool changes = !mask.IsEmpty || context.Bound is not null;
            context.Bound = mask.IsEmpty ? null : mask.ToArray();
            if (_hasChoice && changes)
            {
                context.Place(_gathered ? _home : _everywhere);
            }
        }
    }

    /// <summary>A context runs: wakes the watchdog if it sleeps.</summary>
    public void Note()
    {
        if (!_dormant || !_hasChoice)
        {
            return;
        }
        lock (_gate)
        {
            _dormant = false;
            Monitor.Pulse(_gate);
        }
    }

    /// <summary>Ends the watchdog.</summary>
    public void Stop()
    {
        if (!_hasChoice)
        {
            return;
        }
        lock (_gate)
        {
            _stopped = true;
            _dormant = false;
            Monitor.Pulse(_gate);
        }
        _watchdog.Join();
    }

    private void Watch()
    {
        HostPrctl.SetThreadName("ptrace-cpus");
        int period = ShortPeriodMs;
        int idle = 0;
        int untilNewHome = SamplesPerHome;
        lock (_gate)
        {
            while (!_stopped)
            {
                if (_dormant)
                {
                    Monitor.Wait(_gate);
                    continue;
                }
                Monitor.Wait(_gate, period);
                Activity activity = SampleLocked(out PtraceContext? busiest);
                idle = activity == Activity.None ? idle + 1 : 0;
                _dormant = idle >= IdleSamples;
                period = activity == Activity.Switches ? ShortPeriodMs : Math.Min(period * 2, LongPeriodMs);
                untilNewHome--;
                DecideLocked(busiest, ref untilNewHome);
            }
            SpreadLocked();
        }
    }

    /// <summary>
    /// Looks at every context: counts those in a run, and finds one that has switched since the last look.
    /// </summary>
    private Activity SampleLocked(out PtraceContext? busiest)
    {
        int running = 0;
        long most = 0;
        busiest = null;
        foreach (PtraceContext context in _contexts)
        {
            running += context.IsRunning ? 1 : 0;
            long switches = context.TakeSwitches();
            if (switches > most)
            {
                most = switches;
                busiest = context;
            }
        }
        _average += ((running * One) - _average) / 4;
        if (most > 0)
        {
            return Activity.Switches;
        }
        return running > 0 ? Activity.Computes : Activity.None;
    }

    private void DecideLocked(PtraceContext? busiest, ref int untilNewHome)
    {
        if (_gathered && (_average > SpreadAbove || untilNewHome <= 0))
        {
            SpreadLocked();
            untilNewHome = SamplesPerHome;
            return;
        }
        if (!_gathered && busiest is not null && _average < GatherBelow)
        {
            GatherLocked(busiest.LastCpu);
        }
    }

    private void GatherLocked(int cpu)
    {
        if ((uint)cpu >= MaskBytes * 8)
        {
            return;
        }
        Array.Clear(_home);
        _home[cpu / 8] = (byte)(1 << (cpu % 8));
        _gathered = true;
        foreach (PtraceContext context in _contexts)
        {
            context.Place(_home);
        }
    }

    private void SpreadLocked()
    {
        if (!_gathered)
        {
            return;
        }
        _gathered = false;
        foreach (PtraceContext context in _contexts)
        {
            context.Place(_everywhere);
        }
    }

    /// <summary>What a sample saw.</summary>
    private enum Activity
    {
        None,
        Computes,
        Switches,
    }
}
