using System;
using System.Collections.Generic;
using System.Threading;
using Abi.Linux;
using HostOs;
using Stub;

namespace Platform.Systrap;

/// <summary>Guest code in stub threads that trap by seccomp. See the README of this folder for the model.</summary>
public sealed class SystrapPlatform : IPlatform
{
    private const ulong DefaultMinimum = 65536;

    private readonly StubAreas _areas;
    private readonly Lock _gate = new();

    /// <summary>Address spaces not disposed yet; guarded by <see cref="_gate"/>.</summary>
    private readonly HashSet<SystrapAddressSpace> _spaces = [];

    /// <summary>Contexts not disposed yet; guarded by <see cref="_gate"/>.</summary>
    private readonly HashSet<SystrapContext> _contexts = [];

    /// <summary>System calls of disposed contexts by their way in; guarded by <see cref="_gate"/>.</summary>
    private long _answered;
    private long _patched;
    private long _trapped;

    private FrameLayout? _layout;

    /// <summary>The address space in which the layout was learned, as good as new; guarded by
    /// <see cref="_gate"/>.</summary>
    private SystrapAddressSpace? _first;

    private SystrapPlatform(StubAreas areas, StubRegion region, Workshop workshop, Patching patching)
    {
        _areas = areas;
        Region = region;
        Workshop = workshop;
        Patching = patching;
        Library = new PatchLibrary(areas.PatchedPages);
    }

    /// <summary>
    /// Told one line when an address space dies for a reason the guest cannot see. Called under the address space's
    /// lock: must not call back.
    /// </summary>
    public Action<string>? Log { get; set; }

    public string Name => "systrap";

    public ulong MaxUserAddress => Region.Base;

    public int FpStateBytes => _layout!.Format.Bytes;

    public ulong MinUserAddress =>
        Patching == Patching.Off ? DefaultMinimum : (SystrapLayout.TableAddress | ushort.MaxValue) + 1;

    public string Report
    {
        get
        {
            lock (_gate)
            {
                long answered = _answered;
                long patched = _patched;
                long trapped = _trapped;
                foreach (SystrapContext context in _contexts)
                {
                    answered += context.AnsweredCalls;
                    patched += context.PatchedCalls;
                    trapped += context.TrappedCalls;
                }
                return $"systrap: {answered} calls answered in the stub, {patched} by patched sites, "
                    + $"{trapped} by signals";
            }
        }
    }

    internal SlotArea Contexts => _areas.Contexts;

    internal SlotArea Trampolines => _areas.Trampolines;

    internal SlotArea PatchedPages => _areas.PatchedPages;

    internal Patching Patching { get; }

    /// <summary>Call sites of files.</summary>
    internal PatchLibrary Library { get; }

    internal StubRegion Region { get; }

    internal Workshop Workshop { get; }

    /// <summary>
    /// Starts the platform: forks the process. Call it early, before the Sentry's seccomp filter and with as little
    /// memory as possible, and after entering namespaces. On failure <paramref name="problem"/> is one line that says
    /// which step failed.
    /// </summary>
    public static Errno Create(Patching patching, out SystrapPlatform? platform, out string problem)
    {
        platform = null;
        SafeCopy.Install();
        if (!CpuFeatures.HasFsGsBase)
        {
            problem = "systrap platform: the host does not let programs change segment bases (FSGSBASE)";
            return Errno.EOPNOTSUPP;
        }
        if (!CpuFeatures.HasRdtscp)
        {
            problem = "systrap platform: the CPU has no RDTSCP";
            return Errno.EOPNOTSUPP;
        }
        Errno error = MakeAreas(out StubAreas? areas, out StubRegion? region);
        if (error != Errno.None)
        {
            problem = $"systrap platform: making the shared memory: {error}";
            return error;
        }
        patching = CpuFeatures.HasRotate ? patching : Patching.Off;
        var workshop = new Workshop(areas!, region!, patching);
        error = workshop.Start(out string step);
        region!.Unmap();
        if (error != Errno.None)
        {
            workshop.Stop();
            areas!.Dispose();
            problem = $"systrap platform: {step}: {error}";
            return error;
        }
        platform = new SystrapPlatform(areas!, region, workshop, patching);
        error = platform.LearnLayout();
        if (error != Errno.None)
        {
            platform.Dispose();
            platform = null;
            problem = $"systrap platform: a trap into a stub: {error}";
            return error;
        }
        problem = "";
        return Errno.None;
    }

    public Errno NewAddressSpace(out IAddressSpace? addressSpace)
    {
        lock (_gate)
        {
            addressSpace = _first;
            _first = null;
        }
        if (addressSpace is not null)
        {
            return Errno.None;
        }
        Errno error = Workshop.NewProcess(out StubProcess? process);
        if (error != Errno.None)
        {
            return error is Errno.ENOMEM or Errno.EAGAIN ? error : Errno.ENOMEM;
        }
        var space = new SystrapAddressSpace(this, process!);
        lock (_gate)
        {
            _spaces.Add(space);
        }
        addressSpace = space;
        return Errno.None;
    }

    public bool LookOut(long start) => Waiting.LookOut(start, Neighbour.SameCpu);

    public IContext NewContext()
    {
        var context = new SystrapContext(this, _layout!);
        lock (_gate)
        {
            _contexts.Add(context);
        }
        return context;
    }

    /// <summary>Returns when the processes of all address spaces disposed before are gone.</summary>
    public void Drain() => Workshop.Drain();

    /// <summary>Ends every stub process. All contexts must have been disposed.</summary>
    public void Dispose()
    {
        SystrapAddressSpace[] left;
        lock (_gate)
        {
            left = [.. _spaces];
        }
        foreach (SystrapAddressSpace space in left)
        {
            space.Dispose();
        }
        Workshop.Drain();
        Workshop.Stop();
        Library.Dispose();
        _areas.Dispose();
    }

    /// <summary>A context is being disposed.</summary>
    internal void Forget(SystrapContext context)
    {
        lock (_gate)
        {
            _contexts.Remove(context);
            _answered += context.AnsweredCalls;
            _patched += context.PatchedCalls;
            _trapped += context.TrappedCalls;
        }
    }

    /// <summary>An address space has been disposed.</summary>
    internal void Forget(SystrapAddressSpace space)
    {
        lock (_gate)
        {
            _spaces.Remove(space);
        }
    }

    private static Errno MakeAreas(out StubAreas? areas, out StubRegion? region)
    {
        region = null;
        Errno error = StubAreas.Create(out areas);
        if (error == Errno.None)
        {
            error = StubRegion.Map(areas!.Commands, areas.PatchedPages, out region);
        }
        if (error != Errno.None)
        {
            areas?.Dispose();
        }
        return error;
    }

    /// <summary>
    /// Lets a stub that has nothing mapped trap, and looks where its registers came to lie. It stays for the first who
    /// wants an address space.
    /// </summary>
    private Errno LearnLayout()
    {
        Errno error = NewAddressSpace(out IAddressSpace? made);
        if (error != Errno.None)
        {
            return error;
        }
        var space = (SystrapAddressSpace)made!;
        StubThread? thread = null;
        if (error == Errno.None)
        {
            error = space.TakeThread(out thread);
        }
        if (error == Errno.None)
        {
            int state = 0;
            thread!.Memory.PrepareFirstFrame(StubThread.BlockedSignals);
            thread.Resume();
            error = thread.Await(ref state, 0) == WaitOutcome.Ready ? Errno.None : Errno.ESRCH;
        }
        if (error == Errno.None)
        {
            error = thread!.Memory.LearnLayout(out _layout);
        }
        if (thread is not null)
        {
            space.ReturnThread(thread);
        }
        if (error != Errno.None)
        {
            space.Dispose();
            return error;
        }
        lock (_gate)
        {
            _first = space;
        }
        return Errno.None;
    }
}
