using System;
using System.Buffers.Binary;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;

namespace Sentry.Syscalls;

/// <summary>Actions, masks, waiting for signals (signal(7)).</summary>
public static class SignalSyscalls
{
    private const ulong SetBytes = sizeof(ulong);
    private const long NsPerSecond = 1_000_000_000;

    /// <summary>rt_sigaction(2): signal, new action, old action, set size.</summary>
    public static SyscallResult RtSigAction(Task task, in SyscallArguments args)
    {
        int signal = args.Int(0);
        if (args[3] != SetBytes || !SignalSets.IsValid(signal))
        {
            return Errno.EINVAL;
        }

        KernelSigaction old;
        if (args.Address(1).IsNull)
        {
            old = task.ThreadGroup.Handlers.Get(signal);
        }
        else
        {
            Errno errno = task.Mm.Read(args.Address(1), out KernelSigaction action);
            if (errno != Errno.None)
            {
                return errno;
            }

            if (SignalSets.Contains(SignalSets.Unblockable, signal))
            {
                return Errno.EINVAL;
            }

            action.sa_flags &= KnownActionFlags;
            action.sa_mask &= ~SignalSets.Unblockable;
            old = task.ThreadGroup.SetAction(signal, action);
        }

        return args.Address(2).IsNull ? SyscallResult.Ok : task.Mm.Write(args.Address(2), old);
    }

    // SA_UNSUPPORTED is always cleared, so that a program can probe for flags (sigaction(2)).
    private const ulong KnownActionFlags = Signals.SA_NOCLDSTOP | Signals.SA_NOCLDWAIT | Signals.SA_SIGINFO
        | Signals.SA_ONSTACK
        | Signals.SA_RESTART | Signals.SA_NODEFER | Signals.SA_RESETHAND | Signals.SA_EXPOSE_TAGBITS
            | Signals.SA_RESTORER;

    /// <summary>rt_sigprocmask(2): how, new set, old set, set size.</summary>
    public static SyscallResult RtSigProcMask(Task task, in SyscallArguments args)
    {
        if (args[3] != SetBytes)
        {
            return Errno.EINVAL;
        }

        ulong old = task.SignalMask;
        if (!args.Address(1).IsNull)
        {
            Errno errno = task.Mm.Read(args.Address(1), out ulong set);
            if (errno != Errno.None)
            {
                return errno;
            }

            switch (args.Int(0))
            {
                case Signals.SIG_BLOCK:
                    task.SetSignalMask(old | set);
                    break;
                case Signals.SIG_UNBLOCK:
                    task.SetSignalMask(old & ~set);
                    break;
                case Signals.SIG_SETMASK:
                    task.SetSignalMask(set);
                    break;
                default:
                    return Errno.EINVAL;
            }
        }

        return args.Address(2).IsNull ? SyscallResult.Ok : task.Mm.Write(args.Address(2), old);
    }

    /// <summary>rt_sigpending(2): set, set size.</summary>
    public static SyscallResult RtSigPending(Task task, in SyscallArguments args)
    {
        if (args[1] > SetBytes)
        {
            return Errno.EINVAL;
        }

        ulong pending = task.AllPending & task.SignalMask;
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, pending);
        return task.Mm.CopyOut(args.Address(0), bytes[..(int)args[1]]);
    }

    /// <summary>rt_sigsuspend(2): set, set size.</summary>
    public static SyscallResult RtSigSuspend(Task task, in SyscallArguments args)
    {
        if (args[1] != SetBytes)
        {
            return Errno.EINVAL;
        }

        Errno errno = task.Mm.Read(args.Address(0), out ulong set);
        if (errno != Errno.None)
        {
            return errno;
        }

        task.SetTemporaryMask(set);
        return SleepUntilSignal(task);
    }

    /// <summary>pause(2).</summary>
    public static SyscallResult Pause(Task task, in SyscallArguments args) => SleepUntilSignal(task);

    /// <summary>rt_sigtimedwait(2): set, info, timeout, set size.</summary>
    public static SyscallResult RtSigTimedWait(Task task, in SyscallArguments args)
    {
        if (args[3] != SetBytes)
        {
            return Errno.EINVAL;
        }

        Errno errno = task.Mm.Read(args.Address(0), out ulong set);
        long deadlineNs = long.MaxValue;
        if (errno == Errno.None && !args.Address(2).IsNull)
        {
            errno = ReadDeadline(task, args.Address(2), out deadlineNs);
        }

        if (errno != Errno.None)
        {
            return errno;
        }

        int signal = WaitForSignal(task, set & ~SignalSets.Unblockable, deadlineNs, out SigInfo info, out errno);
        if (signal == 0)
        {
            return errno;
        }

        errno = args.Address(1).IsNull ? Errno.None : task.Mm.Write(args.Address(1), info);
        return SyscallResult.From(errno, signal);
    }

    /// <summary>sigaltstack(2): new, old.</summary>
    public static SyscallResult SigAltStack(Task task, in SyscallArguments args)
    {
        ulong stackPointer = task.Context.Registers.Rsp;
        SigAltStack old = task.ReportedAltStack(stackPointer);
        if (!args.Address(0).IsNull)
        {
            Errno errno = task.Mm.Read(args.Address(0), out SigAltStack wanted);
            errno = errno != Errno.None ? errno : task.SetAltStack(wanted, stackPointer);
            if (errno != Errno.None)
            {
                return errno;
            }
        }

        return args.Address(1).IsNull ? SyscallResult.Ok : task.Mm.Write(args.Address(1), old);
    }

    /// <summary>rt_sigreturn(2): a frame that cannot be read ends in SIGSEGV.</summary>
    public static SyscallResult RtSigReturn(Task task, in SyscallArguments args)
    {
        if (!task.PopFrame())
        {
            task.ForceSignal(SigInfos.FromKernel(Signals.SIGSEGV));
        }

        task.KeepRegisters();
        return SyscallResult.Ok;
    }

    private static Errno SleepUntilSignal(Task task)
    {
        Errno errno = Errno.None;
        while (errno == Errno.None)
        {
            errno = task.Block();
        }

        return Errno.ERESTARTNOHAND;
    }

    private static int WaitForSignal(Task task, ulong set, long deadlineNs, out SigInfo info, out Errno errno)
    {
        errno = Errno.EAGAIN;
        int signal = task.TakeSignal(set, out info);
        if (signal != 0 || deadlineNs == 0)
        {
            return signal;
        }

        task.BeginWaitForSignals(set);
        Errno slept = Errno.None;
        while (slept == Errno.None)
        {
            slept = task.Block(deadlineNs);
        }

        task.EndWaitForSignals();
        errno = slept == Errno.ETIMEDOUT ? Errno.EAGAIN : Errno.EINTR;
        return task.TakeSignal(set, out info);
    }

    private static Errno ReadDeadline(Task task, GuestAddress address, out long deadlineNs)
    {
        deadlineNs = 0;
        Errno errno = task.Mm.Read(address, out Timespec time);
        if (errno != Errno.None)
        {
            return errno;
        }

        if (time.tv_sec < 0 || time.tv_nsec is < 0 or >= NsPerSecond)
        {
            return Errno.EINVAL;
        }

        long now = task.Kernel.MonotonicNowNs;
        bool isForEver = time.tv_sec >= (long.MaxValue - now) / NsPerSecond - 1;
        bool isZero = time.tv_sec == 0 && time.tv_nsec == 0;
        deadlineNs = isForEver ? long.MaxValue : isZero ? 0 : now + (time.tv_sec * NsPerSecond) + time.tv_nsec;
        return Errno.None;
    }
}
