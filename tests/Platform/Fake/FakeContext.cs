using System;
using System.Threading;
using global::Platform;

namespace Tests.Platform.Fake;

/// <summary>One fake guest thread: where it is in its script.</summary>
public sealed class FakeContext : IContext
{
    private const ulong SyscallBytes = 2;

    private readonly object _gate = new();
    private readonly FakeGuest _guest;
    private readonly byte[] _fpState = new byte[FakePlatform.FpBytes];
    private GuestRegisters _registers;
    private int _next;
    private bool _interrupted;

    public FakeContext(FakeGuest guest)
    {
        _guest = guest;
        WriteFpState(ReadOnlySpan<byte>.Empty);
    }

    public ref GuestRegisters Registers => ref _registers;

    /// <summary>Whether the script is over.</summary>
    public bool IsOver => _next >= _guest.Steps.Count && !_guest.Repeats;

    public SwitchReason Switch(IAddressSpace addressSpace, out FaultInfo fault)
    {
        fault = default;
        SwitchReason? reason = null;
        while (reason is null)
        {
            if (TakeInterrupt())
            {
                return SwitchReason.Interrupted;
            }
            if (_next >= _guest.Steps.Count)
            {
                if (!_guest.Repeats)
                {
                    throw new FakeGuestException("the script is over and the guest is switched to");
                }
                _next = 0;
            }
            reason = Do(_guest.Steps[_next], (FakeAddressSpace)addressSpace, ref fault);
        }
        // Another reason is reported: a pending interrupt is consumed with it.
        TakeInterrupt();
        return reason.Value;
    }

    public void Interrupt()
    {
        lock (_gate)
        {
            _interrupted = true;
            Monitor.Pulse(_gate);
        }
    }

    public void SetAffinity(ReadOnlySpan<byte> mask)
    {
        // A script runs on the thread that switches to it and asks no CPU.
    }

    public void ReadFpState(Span<byte> state) =>
        _fpState.AsSpan(0, Math.Min(state.Length, _fpState.Length)).CopyTo(state);

    public void WriteFpState(ReadOnlySpan<byte> state)
    {
        Array.Clear(_fpState);
        state[..Math.Min(state.Length, _fpState.Length)].CopyTo(_fpState);
        if (state.IsEmpty)
        {
            BitConverter.TryWriteBytes(_fpState.AsSpan(0), (ushort)0x37f);
            BitConverter.TryWriteBytes(_fpState.AsSpan(24), 0x1f80u);
        }
    }

    public void Dispose()
    {
    }

    private bool TakeInterrupt()
    {
        lock (_gate)
        {
            bool taken = _interrupted;
            _interrupted = false;
            return taken;
        }
    }

    /// <summary>Does one step and moves on, unless it faults; null when the guest simply goes on.</summary>
    private SwitchReason? Do(FakeStep step, FakeAddressSpace space, ref FaultInfo fault)
    {
        switch (step)
        {
            case FakeStep.Call call:
                _next++;
                return SystemCall(call.Number, call.Arguments);
            case FakeStep.Look look:
                _next++;
                look.Inspection(_registers);
                return null;
            case FakeStep.Raise raise:
                _next++;
                fault = raise.Fault;
                return SwitchReason.Fault;
            case FakeStep.Store store:
                return Store(store, space, ref fault);
            case FakeStep.Load load:
                return Load(load, space, ref fault);
            case FakeStep.Peek:
                return Peek(space, ref fault);
            default:
                WaitForInterrupt();
                return null;
        }
    }

    private SwitchReason SystemCall(ulong number, ulong[] arguments)
    {
        _registers.Rdi = arguments[0];
        _registers.Rsi = arguments[1];
        _registers.Rdx = arguments[2];
        _registers.R10 = arguments[3];
        _registers.R8 = arguments[4];
        _registers.R9 = arguments[5];
        return AtSystemCall(number);
    }

    private SwitchReason AtSystemCall(ulong number)
    {
        _registers.Rip += SyscallBytes;
        _registers.Rcx = _registers.Rip;
        _registers.R11 = _registers.Eflags;
        _registers.Rax = number;
        _registers.OrigRax = number;
        return SwitchReason.SystemCall;
    }

    private SwitchReason? Store(FakeStep.Store store, FakeAddressSpace space, ref FaultInfo fault)
    {
        byte[] copy = [.. store.Data];
        if (!space.TryAccess(store.Address, copy, MemoryAccess.Write, out fault))
        {
            return SwitchReason.Fault;
        }
        _next++;
        return null;
    }

    private SwitchReason? Load(FakeStep.Load load, FakeAddressSpace space, ref FaultInfo fault)
    {
        byte[] seen = new byte[load.Expected.Length];
        if (!space.TryAccess(load.Address, seen, MemoryAccess.Read, out fault))
        {
            return SwitchReason.Fault;
        }
        if (!seen.AsSpan().SequenceEqual(load.Expected))
        {
            string expected = Convert.ToHexString(load.Expected);
            string found = Convert.ToHexString(seen);
            throw new FakeGuestException($"at {load.Address:x}: expected {expected}, found {found}");
        }
        _next++;
        return null;
    }

    private SwitchReason Peek(FakeAddressSpace space, ref FaultInfo fault)
    {
        byte[] word = new byte[sizeof(ulong)];
        if (!space.TryAccess(_registers.Rdi, word, MemoryAccess.Read, out fault))
        {
            return SwitchReason.Fault;
        }
        _next++;
        _registers.Rbx = BitConverter.ToUInt64(word);
        return AtSystemCall(1);
    }

    private void WaitForInterrupt()
    {
        lock (_gate)
        {
            while (!_interrupted)
            {
                Monitor.Wait(_gate);
            }
        }
    }
}
