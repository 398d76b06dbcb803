using System;
using System.Threading;
using Abi.Linux;
using Platform;
using Sentry.Syscalls;

namespace Sentry.Kernel;

public sealed partial class Task
{
    // Written under ThreadGroup.SignalLock by the task itself or by a thread that synchronises filters.
    private SeccompState? _seccomp;

    /// <summary>What seccomp(2) holds the task to; null for nothing. Any thread.</summary>
    public SeccompState? SeccompState => Volatile.Read(ref _seccomp);

    /// <summary>Before its first program runs: the container's own filter.</summary>
    public void ConfineFromOutside(SeccompState state) => SetSeccomp(state);

    /// <summary>Enters strict mode, or puts <paramref name="filter"/> on top.</summary>
    internal void SetSeccomp(SeccompState state)
    {
        using (ThreadGroup.SignalLock.Enter())
        {
            SetSeccompLocked(state);
        }
    }

    /// <summary>
    /// SECCOMP_FILTER_FLAG_TSYNC: gives every thread of the process the filter, if what each has is a part of this
    /// task's own; else the id of one that strayed.
    /// </summary>
    internal int SetSeccompOnAll(SeccompState state)
    {
        using (ThreadGroup.SignalLock.Enter())
        {
            int strayed = ThreadGroup.FindSeccompStrayLocked(this);
            if (strayed == 0)
            {
                ThreadGroup.SpreadSeccompLocked(state, NoNewPrivileges);
            }

            return strayed;
        }
    }

    /// <summary>True when the task's filters are none, or the first of those of <paramref name="other"/>.</summary>
    internal bool HasSeccompPrefixOf(Task other)
    {
        SeccompState? mine = SeccompState;
        return mine is null || (mine.Filter is not null && other.SeccompState?.Filter?.Extends(mine.Filter) == true);
    }

    internal void SetSeccompLocked(SeccompState state)
    {
        state.Filter?.AddUser(_seccomp?.Filter);
        Volatile.Write(ref _seccomp, state);
        AddDispatchFlags(DispatchFlags.Seccomp);
    }

    internal void InheritSeccompLocked(Task parent)
    {
        if (parent.SeccompState is { } state)
        {
            SetSeccompLocked(state);
        }

        NoNewPrivileges = parent.NoNewPrivileges;
    }

    /// <summary>
    /// Asks the filters about a system call. True when it shall run; else <paramref name="result"/> is what it gives,
    /// or the task is on its way out.
    /// </summary>
    private bool PassesSeccomp(uint number, in SyscallArguments args, out SyscallResult result)
    {
        result = Errno.ENOSYS;
        SeccompState state = _seccomp!;
        if (state.Mode == Seccomp.SECCOMP_MODE_STRICT)
        {
            bool allowed = number is SysNr.read or SysNr.write or SysNr.exit or SysNr.rt_sigreturn;
            if (!allowed)
            {
                RequestExit(WaitStatus.Signaled(Signals.SIGKILL));
            }

            return allowed;
        }

        uint decision = Decide(state.Filter!, number, args, out SeccompFilter? decider);
        if ((decision & Seccomp.SECCOMP_RET_ACTION_FULL) == Seccomp.SECCOMP_RET_USER_NOTIF)
        {
            return decider?.Listener is { } listener && AsksListener(listener, number, args, out result);
        }

        return Act(decision, number, out result);
    }

    /// <summary>SECCOMP_RET_USER_NOTIF: true when the supervisor lets the call run.</summary>
    private bool AsksListener(
        SeccompListener listener, uint number, in SyscallArguments args, out SyscallResult result)
    {
        SeccompData data = new()
        {
            nr = (int)number,
            arch = Audit.AUDIT_ARCH_X86_64,
            instruction_pointer = Context.Registers.Rip,
        };
        for (int i = 0; i < 6; i++)
        {
            data.args[i] = args[i];
        }

        return listener.Ask(this, in data, out result) && !IsKilled;
    }

    /// <summary>The task ends: supervisors that wait for its calls may hear that there are no more.</summary>
    private void LeaveSeccomp() => SeccompState?.Filter?.DropUser();

    private uint Decide(SeccompFilter filter, uint number, in SyscallArguments args, out SeccompFilter? decider)
    {
        const int HeaderWords = 4;
        Span<uint> data = stackalloc uint[BpfProgram.DataWords];
        ulong instruction = Context.Registers.Rip;
        data[0] = number;
        data[1] = Audit.AUDIT_ARCH_X86_64;
        data[2] = (uint)instruction;
        data[3] = (uint)(instruction >> 32);
        for (int i = 0; i < 6; i++)
        {
            data[HeaderWords + (2 * i)] = (uint)args[i];
            data[HeaderWords + (2 * i) + 1] = (uint)(args[i] >> 32);
        }

        return filter.Decide(data, out decider);
    }

    /// <summary>Does what the filters decided (kernel/seccomp.c, __seccomp_filter).</summary>
    private bool Act(uint decision, uint number, out SyscallResult result)
    {
        const int MaxErrno = 4095;
        int data = (int)(decision & Seccomp.SECCOMP_RET_DATA);
        result = Errno.ENOSYS;
        switch (decision & Seccomp.SECCOMP_RET_ACTION_FULL)
        {
            case Seccomp.SECCOMP_RET_ALLOW:
            case Seccomp.SECCOMP_RET_LOG:
                return true;
            case Seccomp.SECCOMP_RET_ERRNO:
                result = new SyscallResult(-Math.Min(data, MaxErrno));
                return false;
            case Seccomp.SECCOMP_RET_TRAP:
                KeepRegisters();
                ForceSignal(TrapInfo(number, data));
                return false;
            case Seccomp.SECCOMP_RET_TRACE:
                return PassesTracer(data);
            case Seccomp.SECCOMP_RET_KILL_THREAD when ThreadGroup.LiveTasks > 1:
                RequestExit(WaitStatus.Signaled(Signals.SIGSYS));
                return false;
            default:
                ThreadGroup.BeginGroupExit(ThreadGroup.WouldDumpCore
                    ? WaitStatus.CoreDumped(Signals.SIGSYS) : WaitStatus.Signaled(Signals.SIGSYS));
                return false;
        }
    }

    /// <summary>SECCOMP_RET_TRACE: a tracer that asked for it decides, without one the call does not exist.</summary>
    private bool PassesTracer(int data)
    {
        if (Trace is not { } trace || !trace.Has(Ptrace.PTRACE_O_TRACESECCOMP))
        {
            return false;
        }

        int code = Signals.SIGTRAP | (Ptrace.PTRACE_EVENT_SECCOMP << EventShift);
        StopForTracer(code, TraceStopKind.Seccomp, (ulong)data, TrapInfo(code), 0);
        bool runs = (int)Context.Registers.OrigRax != -1;
        if (!runs)
        {
            KeepRegisters();
        }

        return runs && !IsKilled;
    }

    /// <summary>SIGSYS of SECCOMP_RET_TRAP: the registers stay those of the call.</summary>
    private SigInfo TrapInfo(uint number, int data) => new()
    {
        si_signo = Signals.SIGSYS,
        si_code = SigCode.SYS_SECCOMP,
        si_errno = data,
        si_call_addr = Context.Registers.Rip,
        si_syscall = (int)number,
        si_arch = Audit.AUDIT_ARCH_X86_64,
    };
}
