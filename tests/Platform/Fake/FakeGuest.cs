using System;
using System.Collections.Generic;
using global::Platform;

namespace Tests.Platform.Fake;

/// <summary>
/// The script of one guest thread, built by chaining: <c>new FakeGuest().Store(address, bytes).Call(SysNr.write, 1,
/// address, 5).Returns(5)</c>. A
/// step that is not met throws <see cref="FakeGuestException"/> out of Switch, on the host thread of the task.
/// </summary>
public sealed class FakeGuest
{
    private readonly List<FakeStep> _steps = [];

    /// <summary>The steps, in order.</summary>
    public IReadOnlyList<FakeStep> Steps => _steps;

    /// <summary>Whether the script starts again when it is over.</summary>
    public bool Repeats { get; init; }

    /// <summary>Makes a system call.</summary>
    public FakeGuest Call(
        int number, ulong a0 = 0, ulong a1 = 0, ulong a2 = 0, ulong a3 = 0, ulong a4 = 0, ulong a5 = 0) =>
        Add(new FakeStep.Call((ulong)number, [a0, a1, a2, a3, a4, a5]));

    /// <summary>Expects the result of the call before.</summary>
    public FakeGuest Returns(long result) => Then((in GuestRegisters registers) =>
    {
        if ((long)registers.Rax != result)
        {
            throw new FakeGuestException($"expected {result}, the call returned {(long)registers.Rax}");
        }
    });

    /// <summary>Looks at the registers, for example at the result of the call before.</summary>
    public FakeGuest Then(FakeInspection look) => Add(new FakeStep.Look(look));

    /// <summary>Writes memory; page faults are reported until somebody resolves them.</summary>
    public FakeGuest Store(ulong address, params byte[] data) => Add(new FakeStep.Store(address, data));

    /// <summary>Reads memory and expects these bytes.</summary>
    public FakeGuest Load(ulong address, params byte[] expected) => Add(new FakeStep.Load(address, expected));

    /// <summary>
    /// Reads the word at rdi into rbx and makes system call 1: what the conformance suite's reading guest does.
    /// </summary>
    public FakeGuest Peek() => Add(new FakeStep.Peek());

    /// <summary>Raises a fault, once.</summary>
    public FakeGuest Raise(FaultInfo fault) => Add(new FakeStep.Raise(fault));

    /// <summary>Runs for ever; only an interrupt ends a switch here, and the next switch is here again.</summary>
    public FakeGuest Spin() => Add(new FakeStep.Spin());

    private FakeGuest Add(FakeStep step)
    {
        _steps.Add(step);
        return this;
    }
}

/// <summary>A look at the registers of a guest.</summary>
public delegate void FakeInspection(in GuestRegisters registers);

/// <summary>A guest met something its script did not expect.</summary>
public sealed class FakeGuestException : Exception
{
    public FakeGuestException(string message)
        : base(message)
    {
    }
}

/// <summary>One step of a script.</summary>
public abstract record FakeStep
{
    private FakeStep()
    {
    }

    /// <summary>A system call.</summary>
    public sealed record Call(ulong Number, ulong[] Arguments) : FakeStep;

    /// <summary>An inspection.</summary>
    public sealed record Look(FakeInspection Inspection) : FakeStep;

    /// <summary>A write.</summary>
    public sealed record Store(ulong Address, byte[] Data) : FakeStep;

    /// <summary>A read that must give certain bytes.</summary>
    public sealed record Load(ulong Address, byte[] Expected) : FakeStep;

    /// <summary>A read of the word at rdi, shown in rbx.</summary>
    public sealed record Peek : FakeStep;

    /// <summary>A fault.</summary>
    public sealed record Raise(FaultInfo Fault) : FakeStep;

    /// <summary>An endless loop.</summary>
    public sealed record Spin : FakeStep;
}
