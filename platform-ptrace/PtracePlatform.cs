using System;
using System.Collections.Generic;
using System.Threading;
using Abi.Linux;
using HostOs;
using Platform.Stubs;

namespace Platform.Ptrace;

/// <summary>Guest code under PTRACE_SYSEMU. See the README of this folder for the model.</summary>
public sealed class PtracePlatform : IPlatform
{
    private readonly CommandArea _area;
    private readonly ServiceThread _service;
    private readonly StubLayout _layout;
    private readonly StubRunner _runner;
    private readonly FpFormat _fpFormat;
    private readonly CpuGatherer _gatherer = new();
    private readonly Lock _gate = new();

    /// <summary>Address spaces not disposed yet; guarded by <see cref="_gate"/>.</summary>
    private readonly HashSet<PtraceAddressSpace> _spaces = [];

    private PtracePlatform(
        CommandArea area, ServiceThread service, StubLayout layout, StubRunner runner, FpFormat fpFormat)
    {
        _area = area;
        _service = service;
        _layout = layout;
        _runner = runner;
        _fpFormat = fpFormat;
    }

    /// <summary>
    /// Told one line when an address space dies for a reason the guest cannot see. Called under the address space's
    /// lock: must not call back.
    /// </summary>
    public Action<string>? Log { get; set; }

    public string Name => "ptrace";

    public ulong MaxUserAddress => _layout.Base;

    public int FpStateBytes => _fpFormat.Bytes;

    /// <summary>
    /// Starts the platform: forks the process. Call it early, before the Sentry's seccomp filter and with as little
    /// memory as possible, and after
    /// entering namespaces. On failure <paramref name="problem"/> is one line that says which step failed.
    /// </summary>
    public static Errno Create(out PtracePlatform? platform, out string problem)
    {
        platform = null;
        SafeCopy.Install();
        Errno error = CommandArea.Create(out CommandArea? area);
        if (error != Errno.None)
        {
            problem = $"ptrace platform: making the command area: {error}";
            return error;
        }
        error = StubRegion.Map(area!, out StubLayout? layout);
        if (error != Errno.None)
        {
            area!.Dispose();
            problem = $"ptrace platform: mapping the stub page: {error}";
            return error;
        }
        QuietChildStops();
        var runner = new StubRunner(layout!);
        var master = new MasterStub(area!, layout!, runner);
        var service = new ServiceThread(area!, master);
        error = service.Start(out FpFormat? fpFormat, out string step);
        StubRegion.Unmap(layout!);
        if (error != Errno.None)
        {
            area!.Dispose();
            problem = $"ptrace platform: {step}: {error}";
            return error;
        }
        problem = "";
        platform = new PtracePlatform(area!, service, layout!, runner, fpFormat!);
        return Errno.None;
    }

    public Errno NewAddressSpace(out IAddressSpace? addressSpace)
    {
        addressSpace = null;
        Errno error = _service.NewProcess(out StubProcess process);
        if (error != Errno.None)
        {
            return error is Errno.ENOMEM or Errno.EAGAIN ? error : Errno.ENOMEM;
        }
        var space = new PtraceAddressSpace(this, process);
        lock (_gate)
        {
            _spaces.Add(space);
        }
        addressSpace = space;
        return Errno.None;
    }

    public IContext NewContext() => new PtraceContext(_runner, _layout, _fpFormat, _gatherer);

    /// <summary>Returns when the processes of all address spaces disposed before are gone.</summary>
    public void Drain() => _service.Drain();

    /// <summary>Ends every stub process. All contexts must have been disposed.</summary>
    public void Dispose()
    {
        PtraceAddressSpace[] left;
        lock (_gate)
        {
            left = [.. _spaces];
        }
        foreach (PtraceAddressSpace space in left)
        {
            space.Dispose();
        }
        _gatherer.Stop();
        _service.Stop();
        _area.Dispose();
    }

    internal CommandArea Area => _area;

    internal ServiceThread Service => _service;

    /// <summary>An address space has been disposed.</summary>
    internal void Forget(PtraceAddressSpace space)
    {
        lock (_gate)
        {
            _spaces.Remove(space);
        }
    }

    /// <summary>
    /// Every ptrace stop would send SIGCHLD to the process; ask for none. An ignored SIGCHLD must not stay so: the
    /// kernel would reap our stubs behind
    /// our back (wait(2), notes).
    /// </summary>
    private static void QuietChildStops()
    {
        if (HostSignal.GetAction(Signals.SIGCHLD, out HostSigaction action) != Errno.None)
        {
            return;
        }
        action.Flags |= HostSignal.FlagNoChildStop;
        if (action.Handler == HostSignal.Ignore)
        {
            action.Handler = HostSignal.Default;
        }
        HostSignal.SetAction(Signals.SIGCHLD, action);
    }
}
