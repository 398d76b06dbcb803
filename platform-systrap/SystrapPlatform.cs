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
    /// <summary>Most stub processes at a time; the area is sparse.</summary>
    private const int MaxProcesses = 1 << 15;

    /// <summary>Most stub threads at a time; the area is sparse.</summary>
    private const int MaxThreads = 1 << 16;

    private readonly SlotArea _commands;
    private readonly Lock _gate = new();

    /// <summary>Address spaces not disposed yet; guarded by <see cref="_gate"/>.</summary>
    private readonly HashSet<SystrapAddressSpace> _spaces = [];

    private FrameLayout? _layout;

    private SystrapPlatform(SlotArea commands, SlotArea contexts, StubRegion region, Workshop workshop)
    {
        _commands = commands;
        Contexts = contexts;
        Region = region;
        Workshop = workshop;
    }

    /// <summary>
    /// Told one line when an address space dies for a reason the guest cannot see. Called under the address space's
    /// lock: must not call back.
    /// </summary>
    public Action<string>? Log { get; set; }

    public string Name => "systrap";

    public ulong MaxUserAddress => Region.Base;

    public int FpStateBytes => _layout!.Format.Bytes;

    internal SlotArea Contexts { get; }

    internal StubRegion Region { get; }

    internal Workshop Workshop { get; }

    /// <summary>
    /// Starts the platform: forks the process. Call it early, before the Sentry's seccomp filter and with as little
    /// memory as possible, and after entering namespaces. On failure <paramref name="problem"/> is one line that says
    /// which step failed.
    /// </summary>
    public static Errno Create(out SystrapPlatform? platform, out string problem)
    {
        platform = null;
        SafeCopy.Install();
        if (!CpuFeatures.HasFsGsBase)
        {
            problem = "systrap platform: the host does not let programs change segment bases (FSGSBASE)";
            return Errno.EOPNOTSUPP;
        }
        Errno error = MakeAreas(out SlotArea? commands, out SlotArea? contexts, out StubRegion? region);
        if (error != Errno.None)
        {
            problem = $"systrap platform: making the shared memory: {error}";
            return error;
        }
        var workshop = new Workshop(commands!, contexts!, new MasterStub(commands!, region!));
        error = workshop.Start(out string step);
        region!.Unmap();
        if (error != Errno.None)
        {
            workshop.Stop();
            contexts!.Dispose();
            commands!.Dispose();
            problem = $"systrap platform: {step}: {error}";
            return error;
        }
        platform = new SystrapPlatform(commands!, contexts!, region, workshop);
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
        addressSpace = null;
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

    public IContext NewContext() => new SystrapContext(_layout!);

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
        Contexts.Dispose();
        _commands.Dispose();
    }

    /// <summary>An address space has been disposed.</summary>
    internal void Forget(SystrapAddressSpace space)
    {
        lock (_gate)
        {
            _spaces.Remove(space);
        }
    }

    private static Errno MakeAreas(out SlotArea? commands, out SlotArea? contexts, out StubRegion? region)
    {
        region = null;
        contexts = null;
        Errno error = SlotArea.Create("stub-commands", SystrapLayout.CommandBytes, MaxProcesses, out commands);
        if (error == Errno.None)
        {
            error = SlotArea.Create("stub-contexts", SystrapLayout.ContextBytes, MaxThreads, out contexts);
        }
        if (error == Errno.None)
        {
            error = StubRegion.Map(commands!, out region);
        }
        if (error != Errno.None)
        {
            contexts?.Dispose();
            commands?.Dispose();
        }
        return error;
    }

    /// <summary>Lets a stub that has nothing mapped trap, and looks where its registers came to lie.</summary>
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
        space.Dispose();
        return error;
    }
}
