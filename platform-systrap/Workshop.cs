using System.Collections.Generic;
using System.Threading;
using Abi.Linux;
using HostOs;

namespace Platform.Systrap;

/// <summary>A killed process and what it held.</summary>
internal readonly record struct DyingProcess(StubProcess Process, List<int> ContextSlots, PatchSlots Patches);

/// <summary>
/// The host thread that made the master stub, and so must live as long as any stub. It keeps one process with a
/// thread made
/// in advance, so that a guest's fork does not wait for the host's, and waits for killed ones. The first process and
/// the first fork of a guest are made when they are asked for: many guests never fork.
/// </summary>
internal sealed class Workshop
{
    private const int StackBytes = 256 * 1024;

    /// <summary>Processes that say nothing about later ones: that of the guest's first program.</summary>
    private const int First = 1;

    private readonly StubAreas _areas;
    private readonly StubRegion _region;
    private readonly Patching _patching;
    private readonly MasterStub _master;
    private readonly Thread _thread;
    private readonly object _gate = new();

    /// <summary>Taken to use the master; outer to <see cref="_gate"/>.</summary>
    private readonly Lock _masterGate = new();

    /// <summary>Killed processes that are still to be waited for; guarded by <see cref="_gate"/>.</summary>
    private readonly Queue<DyingProcess> _dying = new();

    /// <summary>A process made in advance; guarded by <see cref="_gate"/>.</summary>
    private StubProcess? _spare;

    /// <summary>Making a process in advance failed: none is made until somebody has got one.</summary>
    private bool _spareFails;

    /// <summary>Processes that were asked for while there was none in advance; guarded by
    /// <see cref="_gate"/>.</summary>
    private int _waited;

    /// <summary>The thread is reaping: guarded by <see cref="_gate"/>.</summary>
    private bool _reaping;
    private bool _started;
    private bool _stopped;
    private Errno _startError;
    private string _startStep = "";

    public Workshop(StubAreas areas, StubRegion region, Patching patching)
    {
        _areas = areas;
        _region = region;
        _patching = patching;
        _master = new MasterStub(areas.Commands, region);
        _thread = new Thread(Run, StackBytes) { IsBackground = true, Name = "systrap-shop" };
    }

    /// <summary>Starts the thread and, on it, the master. <paramref name="step"/> names what failed.</summary>
    public Errno Start(out string step)
    {
        _thread.Start();
        lock (_gate)
        {
            while (!_started)
            {
                Monitor.Wait(_gate);
            }
        }
        step = _startStep;
        return _startError;
    }

    /// <summary>Takes the process made in advance, if there is one; otherwise makes one.</summary>
    public Errno NewProcess(out StubProcess? process)
    {
        lock (_gate)
        {
            process = _spare;
            if (process is not null)
            {
                _spare = null;
                Monitor.PulseAll(_gate);
                return Errno.None;
            }
        }
        Errno error;
        lock (_masterGate)
        {
            error = _master.NewProcess(out process);
        }
        lock (_gate)
        {
            _spareFails = error != Errno.None;
            _waited++;
            Monitor.PulseAll(_gate);
        }
        return error;
    }

    /// <summary>Has a killed process waited for and its slots given back, some time later.</summary>
    public void ReapLater(in DyingProcess process)
    {
        lock (_gate)
        {
            _dying.Enqueue(process);
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Returns when every process given to <see cref="ReapLater"/> before is gone.</summary>
    public void Drain()
    {
        lock (_gate)
        {
            while (_dying.Count > 0 || _reaping)
            {
                Monitor.Wait(_gate);
            }
        }
    }

    /// <summary>Ends master and thread.</summary>
    public void Stop()
    {
        lock (_gate)
        {
            _stopped = true;
            Monitor.PulseAll(_gate);
        }
        _thread.Join();
    }

    private void Run()
    {
        HostPrctl.SetThreadName("systrap-shop");
        _startError = _master.Start(out _startStep);
        lock (_gate)
        {
            _started = true;
            Monitor.PulseAll(_gate);
        }
        while (_startError == Errno.None && Next(out DyingProcess dying, out bool reap))
        {
            if (reap)
            {
                Reap(dying);
            }
            else
            {
                MakeSpare();
            }
        }
        Clear();
    }

    /// <summary>Waits for something to do; false when the thread shall end.</summary>
    private bool Next(out DyingProcess dying, out bool reap)
    {
        lock (_gate)
        {
            while (true)
            {
                bool wantsSpare = _waited > First && !_stopped && _spare is null && !_spareFails;
                dying = default;
                reap = !wantsSpare && _dying.TryDequeue(out dying);
                if (reap || wantsSpare)
                {
                    _reaping = reap;
                    return true;
                }
                if (_stopped)
                {
                    return false;
                }
                Monitor.Wait(_gate);
            }
        }
    }

    private void MakeSpare()
    {
        Errno error;
        StubProcess? process;
        lock (_masterGate)
        {
            error = _master.NewProcess(out process);
        }

        // Every process runs something: its first thread is ready with it.
        if (process is not null)
        {
            error = process.MakeFirstThread(_areas.Contexts, _region, _patching, out int slot);
            if (error != Errno.None)
            {
                HostSignal.Kill(process.Pid, Signals.SIGKILL);
                StubProcess.Reap(process.Pid);
                _areas.Commands.Return(process.Slot);
                _areas.Contexts.Return(slot);
                process = null;
            }
        }

        lock (_gate)
        {
            _spareFails = error != Errno.None;
            _spare = process;
        }
    }

    private void Reap(in DyingProcess dying)
    {
        StubProcess.Reap(dying.Process.Pid);
        _areas.Commands.Return(dying.Process.Slot);
        _areas.Contexts.Return(dying.ContextSlots);
        _areas.PatchedPages.Return(dying.Patches.Pages);
        dying.Patches.Library.Release(dying.Patches.Versions);
        if (dying.Patches.Trampolines >= 0)
        {
            _areas.Trampolines.Return(dying.Patches.Trampolines);
        }
        lock (_gate)
        {
            _reaping = false;
            Monitor.PulseAll(_gate);
        }
    }

    private void Clear()
    {
        if (_spare is not null)
        {
            HostSignal.Kill(_spare.Pid, Signals.SIGKILL);
            StubProcess.Reap(_spare.Pid);
            _spare = null;
        }
        _master.Kill();
    }
}
