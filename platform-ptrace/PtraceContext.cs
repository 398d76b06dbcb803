using System;
using System.Threading;
using Abi.Linux;
using HostOs;
using Platform.Stubs;

namespace Platform.Ptrace;

/// <summary>
/// One guest thread: its registers, and the stub thread that runs it in the address space it was last in. Everything
/// but <see cref="Interrupt"/>
/// and <see cref="SetAffinity"/> belongs to one host thread, the tracer of the stub thread.
/// </summary>
internal sealed partial class PtraceContext : IContext
{
    /// <summary>Synchronous signals and the interrupt stay open; the rest is for nobody here.</summary>
    private const ulong BlockedSignals = ~(
        (1UL << (Signals.SIGSEGV - 1)) | (1UL << (Signals.SIGBUS - 1)) | (1UL << (Signals.SIGFPE - 1)) |
        (1UL << (Signals.SIGILL - 1)) | (1UL << (Signals.SIGTRAP - 1)) | (1UL << (Signals.SIGSYS - 1)) |
        (1UL << (Tracing.InterruptSignal - 1)));

    [ThreadStatic]
    private static PtraceContext? t_current;

    private readonly StubRunner _runner;
    private readonly StubLayout _layout;
    private readonly FpFormat _fpFormat;
    private readonly CpuGatherer _gatherer;
    private readonly RegisterBlock _registers = new();
    private readonly RegisterBlock _scriptRegisters = new();
    private readonly FpArea _fpArea;

    /// <summary>Where the truth about the floating-point state is.</summary>
    private FpPlace _fpPlace = FpPlace.Nowhere;

    private PtraceAddressSpace? _space;
    private bool _stubAlive;
    private bool _disposed;

    /// <summary>Guards <see cref="_tid"/> against <see cref="Interrupt"/> from other threads.</summary>
    private readonly Lock _stubLock = new();

    /// <summary>The host thread that traces the stub thread; written with <see cref="_tid"/>.</summary>
    private int _hostTid = -1;

    /// <summary>The stub thread; -1 for none. Written by the owner under the lock.</summary>
    private int _tid = -1;

    /// <summary>A set of <see cref="RunState"/> bits, changed atomically.</summary>
    private int _state;

    /// <summary>Switches since the last look of the <see cref="CpuGatherer"/>; roughly, on purpose.</summary>
    private long _switches;

    public PtraceContext(StubRunner runner, StubLayout layout, FpFormat fpFormat, CpuGatherer gatherer)
    {
        _gatherer = gatherer;
        _runner = runner;
        _layout = layout;
        _fpFormat = fpFormat;
        _fpArea = new FpArea(fpFormat.Bytes);
    }

    /// <summary>The context whose stub thread this host thread traces; the last one if there are several.</summary>
    public static PtraceContext? OfThisThread => t_current;

    public ref GuestRegisters Registers => ref _registers.Value;

    /// <summary>The CPU of the host thread at its last switch.</summary>
    public int LastCpu { get; private set; }

    /// <summary>Whether the context is in a run of guest code right now.</summary>
    public bool IsRunning => (Volatile.Read(ref _state) & (int)RunState.Running) != 0;

    /// <summary>Switches since the last call, of the <see cref="CpuGatherer"/>.</summary>
    public long TakeSwitches()
    {
        long switches = Volatile.Read(ref _switches);
        Volatile.Write(ref _switches, 0);
        return switches;
    }

    /// <summary>The mask the guest thread is bound to, or null; guarded by the lock of the gatherer.</summary>
    public byte[]? Bound { get; set; }

    /// <summary>Its place in the list of the gatherer; guarded by the gatherer's lock.</summary>
    public int GathererIndex { get; set; }

    public void SetAffinity(ReadOnlySpan<byte> mask) => _gatherer.Bind(this, mask);

    /// <summary>Says where host and stub thread may run unless the guest thread is bound.</summary>
    public void Place(ReadOnlySpan<byte> unbound)
    {
        ReadOnlySpan<byte> mask = Bound ?? unbound;
        lock (_stubLock)
        {
            if (_tid >= 0)
            {
                HostSched.SetAffinity(_hostTid, mask);
                HostSched.SetAffinity(_tid, mask);
            }
        }
    }

    /// <summary>Whether <see cref="RunScript"/> works in that address space, on the calling thread.</summary>
    public bool CanRunScriptsIn(PtraceAddressSpace space) => _space == space && _stubAlive;

    /// <summary>
    /// Runs a script in the stub thread, whose registers are otherwise only those of the last switch.
    /// </summary>
    public ScriptOutcome RunScript(int count)
    {
        ScriptOutcome outcome = _runner.RunScript(_tid, _scriptRegisters, count);
        if (outcome.Dead)
        {
            Bury();
        }
        return outcome;
    }

    /// <summary>
    /// If the calling thread's context is in an address space that is about to go: saves what it needs and leaves.
    /// </summary>
    public static void LeaveIfIn(PtraceAddressSpace space)
    {
        PtraceContext? context = t_current;
        if (context is not null && context._space == space)
        {
            context.SaveFpState();
            context.LeaveSpace();
        }
    }

    public void Interrupt()
    {
        int before = Interlocked.Or(ref _state, (int)RunState.InterruptPending);
        if (before != (int)RunState.Running)
        {
            // Not running: the next switch sees the bit. Running and already pending: a signal is on its way.
            return;
        }
        lock (_stubLock)
        {
            if (_tid >= 0)
            {
                HostSignal.Tgkill(_space!.Pid, _tid, Tracing.InterruptSignal);
            }
        }
    }

    public void ReadFpState(Span<byte> state)
    {
        if (_fpPlace == FpPlace.Nowhere)
        {
            _fpFormat.Initialize(_fpArea.Span);
            _fpPlace = FpPlace.Both;
        }
        SaveFpState();
        _fpArea.Span[..Math.Min(state.Length, _fpFormat.Bytes)].CopyTo(state);
    }

    public void WriteFpState(ReadOnlySpan<byte> state)
    {
        if (state.IsEmpty)
        {
            _fpFormat.Initialize(_fpArea.Span);
        }
        else
        {
            _fpFormat.Accept(state, _fpArea.Span);
        }
        _fpPlace = FpPlace.Area;
    }

    /// <summary>
    /// Must be called on the host thread that switched, before that thread ends: only the tracer can let a stub
    /// thread go.
    /// </summary>
    public void Dispose()
    {
        if (_disposed)
        {
            return;
        }
        _disposed = true;
        LeaveSpace();
        _registers.Dispose();
        _scriptRegisters.Dispose();
        _fpArea.Dispose();
    }

    /// <summary>Makes sure there is a live stub thread in the address space.</summary>
    private bool Bind(PtraceAddressSpace space)
    {
        if (_space == space)
        {
            return _stubAlive;
        }
        SaveFpState();
        LeaveSpace();
        if (space.NewThread(out int tid) != Errno.None)
        {
            return false;
        }
        if (Tracing.Attach(tid) != Errno.None || Tracing.SetSignalMask(tid, BlockedSignals) != Errno.None)
        {
            // Only the death of the process can do that; the thread dies with it, and if traced already, ours to reap.
            while (Tracing.Wait(tid, out int status) && Tracing.IsStop(status))
            {
            }
            space.ThreadGone();
            return false;
        }
        lock (_stubLock)
        {
            _tid = tid;
            _hostTid = HostUnistd.GetTid();
            _space = space;
        }
        _stubAlive = true;
        t_current = this;
        _gatherer.Add(this);
        return true;
    }

    /// <summary>Lets the stub thread, if any, go and end.</summary>
    private void LeaveSpace()
    {
        PtraceAddressSpace? space = _space;
        if (space is null)
        {
            return;
        }
        int tid = _tid;
        _gatherer.Remove(this);
        lock (_stubLock)
        {
            _tid = -1;
            _space = null;
        }
        if (_stubAlive)
        {
            _stubAlive = false;
            ReleaseStub(tid);
        }
        if (t_current == this)
        {
            t_current = null;
        }
        if (_fpPlace == FpPlace.Both)
        {
            _fpPlace = FpPlace.Area;
        }
        space.ThreadGone();
    }

    /// <summary>
    /// Points the stub thread at its end and stops tracing it; waits for it only if it is dying already.
    /// </summary>
    private void ReleaseStub(int tid)
    {
        Tracing.PrepareStubRegisters(ref _scriptRegisters.Value, _layout.ExitThread);
        if (Tracing.SetRegisters(tid, _scriptRegisters) == Errno.None &&
            Tracing.Resume(tid, HostPtrace.Detach) == Errno.None)
        {
            return;
        }
        while (Tracing.Wait(tid, out int status) && Tracing.IsStop(status))
        {
        }
    }

    /// <summary>
    /// The stub thread has died under us: reaps it if that has not happened. The context stays in its dead address
    /// space until told another.
    /// </summary>
    private void Bury()
    {
        if (!_stubAlive)
        {
            return;
        }
        _stubAlive = false;
        int tid = _tid;
        lock (_stubLock)
        {
            _tid = -1;
        }
        HostSignal.Kill(_space!.Pid, Signals.SIGKILL);
        while (Tracing.Wait(tid, out int status) && Tracing.IsStop(status))
        {
        }
    }

    /// <summary>Brings the floating-point state to <see cref="_fpArea"/> if only the stub thread has it.</summary>
    private void SaveFpState()
    {
        if (_fpPlace != FpPlace.Stub)
        {
            return;
        }
        if (!_stubAlive || _fpArea.Load(_tid) != Errno.None)
        {
            _fpFormat.Initialize(_fpArea.Span);
        }
        _fpPlace = FpPlace.Both;
    }
}

/// <summary>Where a context's floating-point state is to be found.</summary>
internal enum FpPlace
{
    /// <summary>The initial state, never asked for: what every new stub thread has.</summary>
    Nowhere,

    /// <summary>In the stub thread only.</summary>
    Stub,

    /// <summary>In the area only: to be stored before the guest runs.</summary>
    Area,

    /// <summary>The same in the area and the stub thread.</summary>
    Both,
}

/// <summary>What <see cref="PtraceContext.Interrupt"/> needs to know.</summary>
[Flags]
internal enum RunState
{
    Idle = 0,

    /// <summary>The stub thread runs guest code, or is about to.</summary>
    Running = 1,

    /// <summary>An interrupt has been asked for and not been answered.</summary>
    InterruptPending = 2,
}
