using System;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;
using static Abi.Linux.Ptrace;

namespace Sentry.Syscalls;

/// <summary>ptrace(2).</summary>
public static partial class PtraceSyscalls
{
    /// <summary>ptrace(long request, pid_t pid, void *addr, void *data).</summary>
    public static SyscallResult Control(Task task, in SyscallArguments args)
    {
        int request = args.Int(0);
        if (request == PTRACE_TRACEME)
        {
            return task.TraceByParent();
        }

        Task? target = task.PidNamespace.FindTask(args.Int(1));
        if (target is null)
        {
            return Errno.ESRCH;
        }

        if (request is PTRACE_ATTACH or PTRACE_SEIZE)
        {
            return Attach(task, target, args);
        }

        if (target.Trace is not { } trace || trace.Tracer != task)
        {
            return Errno.ESRCH;
        }

        switch (request)
        {
            case PTRACE_KILL:
                return target.SendSignal(SigInfos.FromKernel(Signals.SIGKILL));
            case PTRACE_INTERRUPT:
                return Interrupt(target, trace);
            default:
                bool isStopped = trace is { StopCode: not 0, IsListening: false };
                return isStopped ? ControlStopped(task, target, trace, args) : Errno.ESRCH;
        }
    }

    private static Errno Attach(Task task, Task target, in SyscallArguments args)
    {
        bool seizes = args.Int(0) == PTRACE_SEIZE;
        if (seizes && (args[2] != 0 || (args[3] & ~(ulong)PTRACE_O_MASK) != 0))
        {
            return Errno.EIO;
        }

        return task.AttachTo(target, seizes ? TraceAttachment.Seize : TraceAttachment.Stop,
            seizes ? args.UInt(3) : 0);
    }

    private static Errno Interrupt(Task target, TraceState trace)
    {
        if (!trace.IsSeized)
        {
            return Errno.EIO;
        }

        target.TrapForTracer();
        return Errno.None;
    }

    private static SyscallResult ControlStopped(Task task, Task target, TraceState trace, in SyscallArguments args)
    {
        switch (args.Int(0))
        {
            case PTRACE_CONT:
                return Resume(target, TraceResume.Continue, args);
            case PTRACE_SYSCALL:
                return Resume(target, TraceResume.Syscall, args);
            case PTRACE_SINGLESTEP:
                return Resume(target, TraceResume.Step, args);
            case PTRACE_SYSEMU:
                return Resume(target, TraceResume.EmulateSyscall, args);
            case PTRACE_SYSEMU_SINGLESTEP:
                return Resume(target, TraceResume.EmulateStep, args);
            case PTRACE_LISTEN:
                return target.ListenForTracer();
            case PTRACE_DETACH:
                return Detach(target, args);
            case PTRACE_SETOPTIONS or PTRACE_OLDSETOPTIONS:
                return SetOptions(trace, args[3]);
            case PTRACE_GETEVENTMSG:
                return task.Mm.Write(args.Address(3), trace.Message);
            case PTRACE_GETSIGINFO:
                return trace.Kind == TraceStopKind.Group ? Errno.EINVAL : task.Mm.Write(args.Address(3), trace.Info);
            case PTRACE_SETSIGINFO:
                return SetSignalInfo(task, trace, args.Address(3));
            case PTRACE_GETSIGMASK:
                return args[2] != sizeof(ulong) ? Errno.EINVAL : task.Mm.Write(args.Address(3), target.SignalMask);
            case PTRACE_SETSIGMASK:
                return SetSignalMask(task, target, args);
            case PTRACE_GET_SYSCALL_INFO:
                return SyscallInformation(task, target, trace, args);
            default:
                return Look(task, target, trace, args);
        }
    }

    private static SyscallResult Look(Task task, Task target, TraceState trace, in SyscallArguments args)
    {
        switch (args.Int(0))
        {
            case PTRACE_PEEKTEXT or PTRACE_PEEKDATA:
                return Peek(task, target, args.Address(2), args.Address(3));
            case PTRACE_POKETEXT or PTRACE_POKEDATA:
                return Poke(target, args.Address(2), args[3]);
            case PTRACE_PEEKUSR:
                return PeekUser(task, target, args[2], args.Address(3));
            case PTRACE_POKEUSR:
                return PokeUser(target, args[2], args[3]);
            case PTRACE_GETREGS:
                return AsIo(task.Mm.Write(args.Address(3), target.Context.Registers));
            case PTRACE_SETREGS:
                return SetRegisters(task, target, args.Address(3));
            case PTRACE_GETFPREGS:
                return AsIo(task.Mm.CopyOut(args.Address(3), trace.FpImage.AsSpan(0, LegacyFpBytes)));
            case PTRACE_SETFPREGS:
                return SetFp(task, trace, args.Address(3), LegacyFpBytes);
            case PTRACE_GETREGSET or PTRACE_SETREGSET:
                return RegisterSet(task, target, trace, args);
            default:
                return Errno.EIO;
        }
    }

    /// <summary>What cannot be read or written is an I/O error to ptrace(2).</summary>
    private static Errno AsIo(Errno errno) => errno == Errno.EFAULT ? Errno.EIO : errno;

    private static Errno Resume(Task target, TraceResume mode, in SyscallArguments args) =>
        args[3] > Signals.NSIG ? Errno.EIO : target.ResumeTraced(mode, (int)args[3]);

    private static Errno Detach(Task target, in SyscallArguments args)
    {
        if (args[3] > Signals.NSIG)
        {
            return Errno.EIO;
        }

        target.DetachTracer((int)args[3]);
        return Errno.None;
    }

    private static Errno SetOptions(TraceState trace, ulong options)
    {
        if ((options & ~(ulong)PTRACE_O_MASK) != 0)
        {
            return Errno.EINVAL;
        }

        trace.Options = (uint)options;
        return Errno.None;
    }

    private static Errno SetSignalInfo(Task task, TraceState trace, GuestAddress address)
    {
        Errno errno = task.Mm.Read(address, out SigInfo info);
        if (errno == Errno.None && trace.Kind == TraceStopKind.Group)
        {
            return Errno.EINVAL;
        }

        trace.Info = errno == Errno.None ? info : trace.Info;
        return errno;
    }

    private static Errno SetSignalMask(Task task, Task target, in SyscallArguments args)
    {
        if (args[2] != sizeof(ulong))
        {
            return Errno.EINVAL;
        }

        Errno errno = task.Mm.Read(args.Address(3), out ulong mask);
        if (errno == Errno.None)
        {
            target.SetSignalMask(mask);
        }

        return errno;
    }

    private static Errno Peek(Task task, Task target, GuestAddress from, GuestAddress to)
    {
        Span<byte> word = stackalloc byte[sizeof(ulong)];
        MemoryManager? memory = target.AcquireMm();
        Errno errno = memory is null ? Errno.EIO : memory.CopyInForced(from, word, out _);
        memory?.DropUser();
        return errno != Errno.None ? Errno.EIO : task.Mm.CopyOut(to, word);
    }

    private static Errno Poke(Task target, GuestAddress to, ulong value)
    {
        Span<byte> word = stackalloc byte[sizeof(ulong)];
        System.Buffers.Binary.BinaryPrimitives.WriteUInt64LittleEndian(word, value);
        MemoryManager? memory = target.AcquireMm();
        Errno errno = memory is null ? Errno.EIO : memory.CopyOutForced(to, word, out _);
        memory?.DropUser();
        return errno != Errno.None ? Errno.EIO : Errno.None;
    }
}
