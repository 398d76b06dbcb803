using System;
using System.Runtime.InteropServices;
using Abi.Linux;
using Platform;
using Sentry.Kernel;
using Sentry.Mm;
using static Abi.Linux.Ptrace;

namespace Sentry.Syscalls;

/// <content>Registers of a stopped task: they lie in its context, the floating-point state in its trace.</content>
public static partial class PtraceSyscalls
{
    private const int LegacyFpBytes = 512;
    private const int WordBytes = 8;
    private const int RegisterBytes = 27 * WordBytes;

    // Offsets in struct user (sys/user.h): the debug registers and the end.
    private const ulong DebugRegisters = 848;
    private const ulong UserBytes = 912;

    // Flags a tracer may change: CF PF AF ZF SF TF DF OF NT RF AC (arch/x86/kernel/ptrace.c, FLAG_MASK).
    private const ulong ChangeableFlags = 0x00054DD5;

    private static Errno PeekUser(Task task, Task target, ulong offset, GuestAddress to)
    {
        if (offset % WordBytes != 0 || offset > UserBytes - WordBytes)
        {
            return Errno.EIO;
        }

        // What is no general register is not there: no debug register is in use.
        ulong value = 0;
        if (offset < RegisterBytes)
        {
            GuestRegisters registers = target.Context.Registers;
            value = WordsOf(ref registers)[(int)(offset / WordBytes)];
        }

        return task.Mm.Write(to, value);
    }

    private static Errno PokeUser(Task target, ulong offset, ulong value)
    {
        if (offset % WordBytes != 0 || offset > UserBytes - WordBytes)
        {
            return Errno.EIO;
        }

        if (offset < RegisterBytes)
        {
            GuestRegisters registers = target.Context.Registers;
            WordsOf(ref registers)[(int)(offset / WordBytes)] = value;
            return Accept(target, registers);
        }

        return offset < DebugRegisters || value == 0 ? Errno.None : Errno.EINVAL;
    }

    private static Errno SetRegisters(Task task, Task target, GuestAddress from)
    {
        Errno errno = AsIo(task.Mm.Read(from, out GuestRegisters registers));
        return errno != Errno.None ? errno : Accept(target, registers);
    }

    /// <summary>Selectors and privileged flags stay the Sentry's; bases must lie in the guest's half.</summary>
    private static Errno Accept(Task target, GuestRegisters wanted)
    {
        ref GuestRegisters now = ref target.Context.Registers;
        if (wanted.FsBase >= GuestAddress.UserEnd || wanted.GsBase >= GuestAddress.UserEnd)
        {
            return Errno.EIO;
        }

        wanted.Cs = now.Cs;
        wanted.Ss = now.Ss;
        wanted.Ds = now.Ds;
        wanted.Es = now.Es;
        wanted.Fs = now.Fs;
        wanted.Gs = now.Gs;
        wanted.Eflags = (now.Eflags & ~ChangeableFlags) | (wanted.Eflags & ChangeableFlags);
        now = wanted;
        return Errno.None;
    }

    private static Errno SetFp(Task task, TraceState trace, GuestAddress from, int lengthBytes)
    {
        byte[] image = new byte[lengthBytes];
        Errno errno = AsIo(task.Mm.CopyIn(from, image));
        if (errno == Errno.None)
        {
            image.CopyTo(trace.FpImage!, 0);

            // x87 and SSE are there now, whatever the header said.
            trace.FpImage![LegacyFpBytes] |= 3;
            trace.HasNewFp = true;
        }

        return errno;
    }

    /// <summary>PTRACE_GETREGSET, PTRACE_SETREGSET: addr is the kind of set, data an iovec that gets the
    /// length.</summary>
    private static Errno RegisterSet(Task task, Task target, TraceState trace, in SyscallArguments args)
    {
        Errno errno = task.Mm.Read(args.Address(3), out Iovec buffer);
        if (errno != Errno.None)
        {
            return errno;
        }

        int whole = args.UInt(2) switch
        {
            Elf.NT_PRSTATUS => RegisterBytes,
            Elf.NT_PRFPREG => LegacyFpBytes,
            Elf.NT_X86_XSTATE => trace.FpImage!.Length,
            _ => 0,
        };
        if (whole == 0 || buffer.iov_len % WordBytes != 0)
        {
            return Errno.EINVAL;
        }

        int length = (int)Math.Min(buffer.iov_len, (ulong)whole);
        GuestAddress at = new(buffer.iov_base);
        bool isGeneral = args.UInt(2) == Elf.NT_PRSTATUS;
        errno = args.Int(0) == PTRACE_GETREGSET
            ? GetSet(task, target, trace, at, length, isGeneral)
            : SetSet(task, target, trace, at, length, isGeneral);
        return errno != Errno.None ? errno : task.Mm.Write(args.Address(3).Field(WordBytes), (ulong)length);
    }

    private static Errno GetSet(Task task, Task target, TraceState trace, GuestAddress at, int length, bool isGeneral)
    {
        GuestRegisters registers = target.Context.Registers;
        Span<byte> bytes = isGeneral ? BytesOf(ref registers) : trace.FpImage;
        return task.Mm.CopyOut(at, bytes[..length]);
    }

    private static Errno SetSet(Task task, Task target, TraceState trace, GuestAddress at, int length, bool isGeneral)
    {
        if (!isGeneral)
        {
            return SetFp(task, trace, at, length);
        }

        GuestRegisters registers = target.Context.Registers;
        Errno errno = task.Mm.CopyIn(at, BytesOf(ref registers)[..length]);
        return errno != Errno.None ? errno : Accept(target, registers);
    }

    /// <summary>PTRACE_GET_SYSCALL_INFO: as much as fits; the result is the size of all.</summary>
    private static SyscallResult SyscallInformation(Task task, Task target, TraceState trace, in SyscallArguments args)
    {
        const int HeaderBytes = 24;
        const int EntryBytes = 80;
        const int ExitBytes = 33;
        const int SeccompBytes = 84;
        ref readonly GuestRegisters registers = ref target.Context.Registers;
        PtraceSyscallInfo info = new()
        {
            arch = Audit.AUDIT_ARCH_X86_64,
            instruction_pointer = registers.Rip,
            stack_pointer = registers.Rsp,
        };
        int size = HeaderBytes;
        switch (trace.Kind)
        {
            case TraceStopKind.SyscallEntry or TraceStopKind.Seccomp:
                bool isEntry = trace.Kind == TraceStopKind.SyscallEntry;
                info.op = isEntry ? PTRACE_SYSCALL_INFO_ENTRY : PTRACE_SYSCALL_INFO_SECCOMP;
                info.entry_nr = registers.OrigRax;
                ReadOnlySpan<ulong> values =
                    [registers.Rdi, registers.Rsi, registers.Rdx, registers.R10, registers.R8, registers.R9];
                values.CopyTo(info.entry_args);
                info.seccomp_ret_data = isEntry ? 0 : (uint)trace.Message;
                size = isEntry ? EntryBytes : SeccompBytes;
                break;
            case TraceStopKind.SyscallExit:
                SyscallResult result = new((long)registers.Rax);
                info.op = PTRACE_SYSCALL_INFO_EXIT;
                info.exit_rval = result.Value;
                info.exit_is_error = (byte)(result.IsError ? 1 : 0);
                size = ExitBytes;
                break;
        }

        // SAFETY: a structure without references is its bytes.
        ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(new ReadOnlySpan<PtraceSyscallInfo>(in info));
        int length = (int)Math.Min(args[2], (ulong)size);
        return SyscallResult.From(task.Mm.CopyOut(args.Address(3), bytes[..length]), size);
    }

    // SAFETY: the structure is 27 words without padding; the span does not outlive it.
    private static Span<byte> BytesOf(ref GuestRegisters registers) =>
        MemoryMarshal.AsBytes(new Span<GuestRegisters>(ref registers));

    // SAFETY: as above.
    private static Span<ulong> WordsOf(ref GuestRegisters registers) =>
        MemoryMarshal.Cast<GuestRegisters, ulong>(new Span<GuestRegisters>(ref registers));
}
