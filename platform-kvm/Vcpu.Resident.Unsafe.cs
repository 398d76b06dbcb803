using System;
using System.Threading;
using Ring0;

namespace Platform.Kvm;

/// <summary>The words that the emitted code shares with this one, and the call of it.</summary>
// SAFETY: the block lies in the kernel area, which outlives its vCPUs, and is as long as VcpuBlock says; the thread
// that
// keeps the vCPU is the only one that reads or writes it, but for the answers, whose words are written whole.
internal sealed unsafe partial class Vcpu
{
    private ref ResidentState Resident => ref *(ResidentState*)(_hostBlock + VcpuBlock.Resident);

    private nint RunAddress => (nint)_run;

    /// <summary>An address of the stack that this thread uses now.</summary>
    // SAFETY: the address is not kept as a pointer.
    public static ulong StackAddress()
    {
        byte here;
        return (ulong)&here;
    }

    // SAFETY: the code was emitted for this area, keeps the C calling convention and returns on the thread it was
    // called
    // on, in ring 0 or in host mode.
    private ResidentReason CallSwitch() =>
        (ResidentReason)((delegate* unmanaged<nint, int>)_switchCode)(_hostBlock);

    /// <summary>Has ring 0 answer a system call by itself; for the thread that keeps the vCPU.</summary>
    public void SetAnswer(int number, ulong value)
    {
        ulong* pair = AnswerAt(number & (VcpuBlock.AnswerCount - 1));
        pair[1] = value;
        Volatile.Write(ref pair[0], (ulong)number);
    }

    /// <summary>Has ring 0 answer nothing by itself. Any thread, while a context has the vCPU.</summary>
    public void ClearAnswers()
    {
        for (int place = 0; place < VcpuBlock.AnswerCount; place++)
        {
            // No number that is looked for here ends like this one.
            Volatile.Write(ref AnswerAt(place)[0], ~(ulong)place);
        }
        Interlocked.MemoryBarrier();
    }

    private ulong* AnswerAt(int place) =>
        (ulong*)(_hostBlock + VcpuBlock.Answers + (place * VcpuBlock.AnswerBytes));

    private uint LeaveCountAt(int kind) =>
        new ReadOnlySpan<uint>((uint*)(_hostBlock + VcpuBlock.LeaveCounts), LeaveCounts.Kinds)[kind];
}
