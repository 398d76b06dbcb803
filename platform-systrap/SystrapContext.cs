using System;
using System.Threading;
using Abi.Linux;
using HostOs;
using Platform.Stubs;
using Stub;

namespace Platform.Systrap;

/// <summary>
/// One guest thread: its registers, and the stub thread that runs it in the address space it was last in. Everything
/// but <see cref="Interrupt"/> and <see cref="SetAffinity"/> belongs to one host thread.
/// </summary>
internal sealed partial class SystrapContext : IContext
{
    private readonly SystrapPlatform _platform;
    private readonly FrameLayout _layout;
    private readonly RegisterBlock _registers = new();
    private readonly byte[] _fp;

    /// <summary>Guards <see cref="_thread"/> against <see cref="Interrupt"/> from other threads.</summary>
    private readonly Lock _threadLock = new();

    /// <summary>Where the truth about the floating-point state is.</summary>
    private FpPlace _fpPlace = FpPlace.Nowhere;

    /// <summary>
    /// The stub thread may wait where a signal is let in, not in the handler of one: the place of the host's frames is
    /// not ours.
    /// </summary>
    private bool _isOpen;

    /// <summary>The thread was last sent on from a frame in the place of prepared ones.</summary>
    private bool _isPrepared;

    /// <summary>Patched calls since the last that needed the floating-point state they came with.</summary>
    private int _unusedSaves;

    private SystrapAddressSpace? _space;

    /// <summary>The stub thread; null for none. Written by the owner under the lock.</summary>
    private StubThread? _thread;
    private bool _disposed;

    /// <summary>The host thread that switches; written with <see cref="_thread"/>.</summary>
    private int _hostTid;

    /// <summary>The CPUs the guest thread is bound to, or null; guarded by the lock.</summary>
    private byte[]? _bound;

    /// <summary>A set of <see cref="RunState"/> bits, changed atomically.</summary>
    private int _state;

    public SystrapContext(SystrapPlatform platform, FrameLayout layout)
    {
        _platform = platform;
        _layout = layout;
        _fp = new byte[layout.Format.Bytes];
    }

    public ref GuestRegisters Registers => ref _registers.Value;

    public void Rest() => _thread?.Rest();

    public void Interrupt()
    {
        int before = Interlocked.Or(ref _state, (int)RunState.InterruptPending);
        if (before != (int)RunState.Running)
        {
            // Not running: the next switch sees the bit. Running and already pending: a signal is on its way.
            return;
        }
        lock (_threadLock)
        {
            _thread?.Interrupt();
        }
    }

    public void SetAffinity(ReadOnlySpan<byte> mask)
    {
        lock (_threadLock)
        {
            bool changes = !mask.IsEmpty || _bound is not null;
            _bound = mask.IsEmpty ? null : mask.ToArray();
            if (changes)
            {
                PlaceLocked(_bound);
            }
        }
    }

    public void ReadFpState(Span<byte> state)
    {
        SaveFpState();
        _fp.AsSpan(0, Math.Min(state.Length, _fp.Length)).CopyTo(state);
    }

    public void WriteFpState(ReadOnlySpan<byte> state)
    {
        if (state.IsEmpty)
        {
            _layout.Format.Initialize(_fp);
        }
        else
        {
            _layout.Format.Accept(state, _fp);
        }
        _fpPlace = FpPlace.Here;
    }

    public void Dispose()
    {
        if (_disposed)
        {
            return;
        }
        _disposed = true;
        LeaveSpace();
        _platform.Forget(this);
        _registers.Dispose();
    }

    /// <summary>Makes sure there is a stub thread in the address space.</summary>
    private bool Bind(SystrapAddressSpace space)
    {
        if (_space == space)
        {
            return true;
        }
        SaveFpState();
        LeaveSpace();
        if (space.TakeThread(out StubThread? thread) != Errno.None)
        {
            return false;
        }
        thread!.Memory.PrepareFrame(_layout.Prepared, StubThread.BlockedSignals);
        thread.Memory.SetSaveFor(ulong.MaxValue);
        _isOpen = true;
        _sites.Clear();
        _jumps.Clear();
        lock (_threadLock)
        {
            _thread = thread;
            _space = space;
            OfferAnswersLocked();
            _hostTid = HostUnistd.GetTid();
            if (_bound is not null)
            {
                PlaceLocked(_bound);
            }
        }
        _fpPlace = FpPlace.Here;
        return true;
    }

    /// <summary>Says where host and stub thread may run; null: on all CPUs of the process.</summary>
    private void PlaceLocked(byte[]? mask)
    {
        if (_thread is not null)
        {
            HostSched.SetAffinity(_thread.Tid, mask is null ? Waiting.AllCpus : mask);
            HostSched.SetAffinity(_hostTid, mask is null ? Waiting.AllCpus : mask);
        }
    }

    /// <summary>Moves this host thread away from a CPU, unless the guest says where it is to be.</summary>
    private void MoveFrom(int cpu)
    {
        lock (_threadLock)
        {
            if (_bound is null)
            {
                Waiting.MoveFrom(cpu);
            }
        }
    }

    /// <summary>Gives the stub thread, if any, back. The floating-point state must be here.</summary>
    private void LeaveSpace()
    {
        SystrapAddressSpace? space = _space;
        StubThread? thread = _thread;
        lock (_threadLock)
        {
            if (_bound is not null)
            {
                PlaceLocked(null);
            }
            if (_thread is not null)
            {
                _answeredBefore += _thread.Memory.Answered;
                ContextMemory memory = _thread.Memory;
                if (memory.Answered != 0)
                {
                    _space!.Patches.NoteAnswered(_answers, _yields);
                }
                memory.Answered = 0;
                memory.ClearAnswers();
            }
            _thread = null;
            _space = null;
        }
        if (space is not null && thread is not null)
        {
            space.ReturnThread(thread);
        }
    }

    /// <summary>Brings the floating-point state here if only the frame or the stub thread has it.</summary>
    private void SaveFpState()
    {
        if (_fpPlace == FpPlace.Thread)
        {
            _fpPlace = FetchFpState(_thread!);
        }
        if (_fpPlace == FpPlace.Nowhere)
        {
            _layout.Format.Initialize(_fp);
            _fpPlace = FpPlace.Here;
        }
        else if (_fpPlace == FpPlace.Frame)
        {
            _thread!.Memory.ReadFp(_layout, _fp);
            _fpPlace = FpPlace.Both;
        }
        else if (_fpPlace == FpPlace.Saved)
        {
            _thread!.Memory.ReadFp(_layout.Prepared, _fp);
            _fpPlace = FpPlace.ThreadAndHere;
            _unusedSaves = 0;
        }
    }

    /// <summary>Has the thread, which waits in a patched call, save its state; the next such call comes with
    /// it.</summary>
    private FpPlace FetchFpState(StubThread thread)
    {
        if (thread.SaveFp() != WaitOutcome.Ready)
        {
            _space!.Bury();
            return FpPlace.Nowhere;
        }
        thread.Memory.SetSaveFor(_handed.OrigRax);
        _isOpen = thread.Memory.State != ContextSlot.StateFrame;
        return _isOpen ? FpPlace.Saved : FpPlace.Frame;
    }
}

/// <summary>Where a context's floating-point state is to be found.</summary>
internal enum FpPlace
{
    /// <summary>The initial state, never asked for.</summary>
    Nowhere,

    /// <summary>In the registers of the stub thread, which waits in a patched call.</summary>
    Thread,

    /// <summary>There, and in the place of prepared frames.</summary>
    Saved,

    /// <summary>There, and the same here.</summary>
    ThreadAndHere,

    /// <summary>In the signal frame only.</summary>
    Frame,

    /// <summary>Here only: to be stored before the guest runs.</summary>
    Here,

    /// <summary>The same here and in the frame.</summary>
    Both,
}

/// <summary>What <see cref="SystrapContext.Interrupt"/> needs to know.</summary>
[Flags]
internal enum RunState
{
    Idle = 0,

    /// <summary>The stub thread runs guest code, or is about to.</summary>
    Running = 1,

    /// <summary>An interrupt has been asked for and not been answered.</summary>
    InterruptPending = 2,
}
