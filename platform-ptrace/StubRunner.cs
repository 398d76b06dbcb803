using Abi.Linux;
using HostOs;
using Platform.Stubs;

namespace Platform.Ptrace;

/// <summary>Makes a stopped stub thread run code of the stub page to the next INT3.</summary>
internal sealed class StubRunner
{
    private readonly StubLayout _layout;

    public StubRunner(StubLayout layout)
    {
        _layout = layout;
    }

    /// <summary>
    /// Runs the first <paramref name="count"/> entries of the command area the thread's process has mapped. <paramref
    /// name="registers"/> is used up.
    /// </summary>
    public ScriptOutcome RunScript(int tid, RegisterBlock registers, int count)
    {
        ref GuestRegisters r = ref registers.Value;
        Tracing.PrepareStubRegisters(ref r, _layout.Script);
        r.R12 = _layout.Commands;
        r.R13 = (ulong)count;
        if (!RunToTrap(tid, registers) || r.R14 > (ulong)count)
        {
            return new ScriptOutcome { Dead = true };
        }
        int done = (int)r.R14;
        return new ScriptOutcome { Done = done, Error = done == count ? Errno.None : HostSyscall.ToErrno((long)r.Rax) };
    }

    /// <summary>Resets the floating-point state. False when the thread is gone.</summary>
    public bool InitializeFpState(int tid, RegisterBlock registers)
    {
        Tracing.PrepareStubRegisters(ref registers.Value, _layout.InitializeFp);
        return RunToTrap(tid, registers);
    }

    /// <summary>Makes one system call that leaves a second task in the stub page, parked; gives its id.</summary>
    public Errno Clone(int tid, RegisterBlock registers, ulong flags, out int child)
    {
        ref GuestRegisters r = ref registers.Value;
        Tracing.PrepareStubRegisters(ref r, _layout.SpawnThread);
        r.Rax = SysNr.clone;
        r.Rdi = flags;
        child = -1;
        if (!RunToTrap(tid, registers))
        {
            return Errno.ESRCH;
        }
        Errno error = HostSyscall.ToErrno((long)r.Rax);
        child = error == Errno.None ? (int)r.Rax : -1;
        return error;
    }

    /// <summary>
    /// Sets registers, continues to the next INT3 and reads them back. False when the thread is gone or faulted.
    /// </summary>
    private static bool RunToTrap(int tid, RegisterBlock registers)
    {
        if (Tracing.SetRegisters(tid, registers) != Errno.None)
        {
            return false;
        }
        while (true)
        {
            if (Tracing.Resume(tid, HostPtrace.Cont) != Errno.None ||
                !Tracing.Wait(tid, out int status) || !Tracing.IsStop(status))
            {
                return false;
            }
            switch (status >> 8)
            {
                case Signals.SIGTRAP:
                    return Tracing.GetRegisters(tid, registers) == Errno.None;
                case Signals.SIGSEGV or Signals.SIGBUS or Signals.SIGILL or Signals.SIGFPE or Signals.SIGSYS:
                    return false;
                default:
                    // A signal from outside, or a stop left over from attaching: neither concerns the stub.
                    continue;
            }
        }
    }
}
