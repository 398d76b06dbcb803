using System;
using System.Threading;
using Abi.Linux;
using Platform;
using Sentry.Syscalls;

namespace Sentry.Kernel;

/// <summary>What the dispatcher does besides calling the handler; bits of one word.</summary>
[Flags]
public enum DispatchFlags
{
    None = 0,

    /// <summary>Print every system call (<c>--strace</c>).</summary>
    Trace = 1,

    /// <summary>Count system calls by number, and the managed memory they take.</summary>
    Count = 2,

    /// <summary>The task has seccomp filters.</summary>
    Seccomp = 4,
}

// SAFETY: function pointers come from the immutable table of system calls only.
public sealed unsafe partial class Task
{
    private DispatchFlags _dispatchFlags;
    private bool _registersReplaced;

    // While system calls are counted: the last one, and what its thread had allocated when it began.
    private uint _countedCall = SystemCallCounts.NoCall;
    private long _allocatedBefore;

    /// <summary>Adds to what happens at every system call of this task; by the task itself or before it runs.</summary>
    internal void AddDispatchFlags(DispatchFlags flags) => _dispatchFlags |= flags;

    /// <summary>
    /// The handler has set all registers itself (rt_sigreturn, execve): the result is not stored and no restart is
    /// considered.
    /// </summary>
    internal void KeepRegisters() => _registersReplaced = true;

    /// <summary>Runs one system call; its result or restart code is left in the registers and in the work
    /// bits.</summary>
    private void DispatchSystemCall()
    {
        ref GuestRegisters registers = ref _context!.Registers;
        uint number = (uint)registers.Rax;
        SyscallArguments args = new(registers.Rdi, registers.Rsi, registers.Rdx, registers.R10, registers.R8,
            registers.R9);
        registers.OrigRax = registers.Rax;

        // SAFETY: every entry of the table has a handler of this signature.
        SyscallResult result = _dispatchFlags == DispatchFlags.None
            ? SyscallTable.Lookup(number).Handler(this, args)
            : DispatchInstrumented(number, args);
        if (_registersReplaced)
        {
            _registersReplaced = false;
            return;
        }

        _context.Registers.Rax = (ulong)result.Value;
        if (result.IsError && -result.Value >= (long)Errno.ERESTARTSYS)
        {
            NoteRestart(result.Errno);
        }
        else if (_hasSavedMask)
        {
            Interlocked.Or(ref _work, (int)TaskWork.Resolve);
        }
    }

    private void NoteRestart(Errno code)
    {
        if (code is Errno.ERESTARTSYS or Errno.ERESTARTNOINTR or Errno.ERESTARTNOHAND or Errno.ERESTART_RESTARTBLOCK)
        {
            _restart = code;
            Interlocked.Or(ref _work, (int)TaskWork.Resolve);
        }
    }

    private void CountSystemCall(uint number)
    {
        long allocated = GC.GetAllocatedBytesForCurrentThread();
        Kernel.SystemCallCounts.Charge(_countedCall, allocated - _allocatedBefore);
        Kernel.SystemCallCounts.Count(number);
        _countedCall = number;
        _allocatedBefore = allocated;
    }

    private SyscallResult DispatchInstrumented(uint number, in SyscallArguments args)
    {
        ref readonly SyscallEntry entry = ref SyscallTable.Lookup(number);
        if ((_dispatchFlags & DispatchFlags.Count) != 0)
        {
            CountSystemCall(number);
        }

        bool traces = (_dispatchFlags & DispatchFlags.Trace) != 0;
        if (traces)
        {
            Strace.Entered(this, number, args);
        }

        bool isFiltered = (_dispatchFlags & DispatchFlags.Seccomp) != 0;
        if (!isFiltered || PassesSeccomp(number, args, out SyscallResult result))
        {
            // SAFETY: every entry of the table has a handler of this signature.
            result = entry.Handler(this, args);
        }

        if (traces)
        {
            Strace.Left(this, number, args, result);
        }

        return result;
    }
}
