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

    /// <summary>A tracer wants to stop the task at system calls.</summary>
    Ptrace = 8,
}

// SAFETY: function pointers come from the immutable table of system calls only.
public sealed unsafe partial class Task
{
    // Bits of DispatchFlags; a thread that synchronises filters sets one on the others.
    private int _dispatchFlags;
    private bool _registersReplaced;

    // While system calls are counted: the last one, and what its thread had allocated when it began.
    private uint _countedCall = SystemCallCounts.NoCall;
    private long _allocatedBefore;

    /// <summary>Adds to what happens at every system call of this task. Any thread.</summary>
    internal void AddDispatchFlags(DispatchFlags flags)
    {
        Interlocked.Or(ref _dispatchFlags, (int)flags);
        Volatile.Read(ref _context)?.WithdrawAnswers();
    }

    internal void RemoveDispatchFlags(DispatchFlags flags)
    {
        Interlocked.And(ref _dispatchFlags, ~(int)flags);
        OfferAnswers();
    }

    private bool Dispatches(DispatchFlags flag) => (Volatile.Read(ref _dispatchFlags) & (int)flag) != 0;

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
        CallSerial++;

        // SAFETY: every entry of the table has a handler of this signature.
        SyscallResult result = _dispatchFlags == 0
            ? SyscallTable.Lookup(number).Handler(this, args)
            : Dispatches(DispatchFlags.Ptrace) ? DispatchTraced() : DispatchInstrumented(number, args);
        if (_registersReplaced)
        {
            _registersReplaced = false;
        }
        else
        {
            StoreResult(result);
        }

        if (Dispatches(DispatchFlags.Ptrace))
        {
            FinishTraced();
        }
    }

    private void StoreResult(SyscallResult result)
    {
        _context!.Registers.Rax = (ulong)result.Value;
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

    /// <summary>The system call of a task whose tracer stops it there: it may change number and arguments, or leave the
    /// call out and give the result itself.</summary>
    private SyscallResult DispatchTraced()
    {
        bool runs = StopAtSyscallEntry();
        ref GuestRegisters registers = ref _context!.Registers;
        if (!runs)
        {
            KeepRegisters();
            return default;
        }

        SyscallArguments args = new(registers.Rdi, registers.Rsi, registers.Rdx, registers.R10, registers.R8,
            registers.R9);
        return DispatchInstrumented((uint)registers.OrigRax, args);
    }

    private void FinishTraced()
    {
        if (_exitRequested)
        {
            return;
        }

        ulong before = _context!.Registers.Rax;
        StopAtSyscallExit();
        if (_context.Registers.Rax != before)
        {
            _restart = Errno.None;
        }
    }

    /// <summary>Calls what the registers name now: a tracer may have changed them while filters decided.</summary>
    private SyscallResult CallFromRegisters()
    {
        ref GuestRegisters registers = ref _context!.Registers;
        SyscallArguments args = new(registers.Rdi, registers.Rsi, registers.Rdx, registers.R10, registers.R8,
            registers.R9);

        // SAFETY: every entry of the table has a handler of this signature.
        return SyscallTable.Lookup((uint)registers.OrigRax).Handler(this, args);
    }

    private SyscallResult DispatchInstrumented(uint number, in SyscallArguments args)
    {
        ref readonly SyscallEntry entry = ref SyscallTable.Lookup(number);
        if (Dispatches(DispatchFlags.Count))
        {
            CountSystemCall(number);
        }

        bool traces = Dispatches(DispatchFlags.Trace);
        if (traces)
        {
            Strace.Entered(this, number, args);
        }

        bool isFiltered = Dispatches(DispatchFlags.Seccomp);
        if (!isFiltered || PassesSeccomp(number, args, out SyscallResult result))
        {
            // SAFETY: every entry of the table has a handler of this signature.
            result = isFiltered ? CallFromRegisters() : entry.Handler(this, args);
        }

        if (traces)
        {
            Strace.Left(this, number, args, result);
        }

        return result;
    }
}
