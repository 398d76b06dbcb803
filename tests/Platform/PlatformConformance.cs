using System;
using Abi.Linux;
using global::Platform;
using Iced.Intel;
using Xunit;
using static Iced.Intel.AssemblerRegisters;

namespace Tests.Platform;

/// <summary>
/// What every platform must do, shown by guests of a few instructions. This part: one guest thread, its registers and
/// system calls. A platform
/// that spins up a concrete class gets all parts.
/// </summary>
public abstract partial class PlatformConformance : PlatformContract
{
    [Fact]
    public void A_system_call_shows_and_keeps_every_register()
    {
        using var guest = new Guest(Platform, a =>
        {
            a.syscall();
            a.syscall();
        });
        using IContext context = guest.NewContext(Platform);
        GuestRegisters before = Distinct();
        context.Registers = before;
        ExpectSystemCall(context, guest, before.Rax);
        ExpectSame(before, context.Registers, Guest.Code + 2);

        GuestRegisters answered = Distinct();
        answered.Rax = unchecked((ulong)-38L);
        answered.Rdi = 0;
        answered.Rip = context.Registers.Rip;
        context.Registers = answered;
        ExpectSystemCall(context, guest, answered.Rax);
        ExpectSame(answered, context.Registers, Guest.Code + 4);
    }

    [Fact]
    public void No_system_call_number_reaches_the_host()
    {
        using var guest = new Guest(Platform, a => a.syscall());
        using IContext context = guest.NewContext(Platform);
        ulong[] numbers = [SysNr.exit_group, SysNr.exit, SysNr.fork, SysNr.execve, SysNr.rt_sigreturn, 99999, ~0UL];
        foreach (ulong number in numbers)
        {
            context.Registers.Rip = Guest.Code;
            context.Registers.Rax = number;
            ExpectSystemCall(context, guest, number);
        }
    }

    [Fact]
    public void A_result_that_looks_like_a_restart_code_is_left_alone()
    {
        using var guest = new Guest(Platform, a =>
        {
            a.syscall();
            a.mov(rbx, rax);
            a.syscall();
        });
        using IContext context = guest.NewContext(Platform);
        ulong[] codes = [512, 513, 514, 516];
        foreach (ulong code in codes)
        {
            context.Registers.Rip = Guest.Code;
            context.Registers.Rax = 1;
            ExpectSystemCall(context, guest, 1);
            context.Registers.Rax = 0 - code;
            context.Interrupt();
            Assert.Equal(SwitchReason.Interrupted, context.Switch(guest.Space, out _));
            Assert.Equal(0 - code, context.Registers.Rax);
            ExpectSystemCall(context, guest, 0 - code);
            Assert.Equal(0 - code, context.Registers.Rbx);
        }
    }

    [Theory]
    [InlineData(0x202UL)]
    [InlineData(0x246UL)]
    [InlineData(0x606UL)]
    [InlineData(0xad7UL)]
    [InlineData(0x40202UL)]
    public void Flags_are_set_and_read_back(ulong flags)
    {
        using var guest = new Guest(Platform, a =>
        {
            a.pushfq();
            a.pop(rbx);
            a.syscall();
        });
        guest.Map(Guest.Data, Guest.DataPage, ReadWrite);
        using IContext context = guest.NewContext(Platform);
        context.Registers.Rsp = Guest.Data + 4096;
        context.Registers.Eflags = flags;
        ExpectSystemCall(context, guest, 0);
        Assert.Equal(flags, context.Registers.Rbx);
        Assert.Equal(flags, context.Registers.Eflags);
    }

    [Fact]
    public void Segment_bases_belong_to_the_context()
    {
        using var guest = new Guest(Platform, a =>
        {
            a.mov(rbx, __qword_ptr.fs[0]);
            a.mov(rbp, __qword_ptr.gs[8]);
            a.syscall();
        });
        guest.Map(Guest.Data, Guest.DataPage, ReadWrite, 2);
        guest.Memory.WriteWord(Guest.DataPage, 0x1111);
        guest.Memory.WriteWord(Guest.DataPage + 1, 0x2222, 8);
        using IContext context = guest.NewContext(Platform);
        context.Registers.FsBase = Guest.Data;
        context.Registers.GsBase = Guest.Data + 4096;
        ExpectSystemCall(context, guest, 0);
        Assert.Equal(0x1111UL, context.Registers.Rbx);
        Assert.Equal(0x2222UL, context.Registers.Rbp);
        Assert.Equal(Guest.Data, context.Registers.FsBase);
        Assert.Equal(Guest.Data + 4096, context.Registers.GsBase);
    }

    [Fact]
    public void Single_steps_trap_after_each_instruction()
    {
        using var guest = new Guest(Platform, a =>
        {
            a.nop();
            a.inc(rbx);
            a.inc(rbx);
            a.syscall();
        });
        using IContext context = guest.NewContext(Platform);
        context.Registers.Eflags |= 0x100;
        ulong[] steps = [1, 4, 7];
        foreach (ulong step in steps)
        {
            FaultInfo fault = ExpectFault(context, guest);
            Assert.Equal((Signals.SIGTRAP, 2), (fault.Signal, fault.Code));
            Assert.Equal(Guest.Code + step, context.Registers.Rip);
            Assert.Equal(Guest.Code + step, fault.Address);
            Assert.NotEqual(0UL, context.Registers.Eflags & 0x100);
        }
        context.Registers.Eflags &= ~0x100UL;
        ExpectSystemCall(context, guest, 0);
        Assert.Equal(2UL, context.Registers.Rbx);
    }

    [Fact]
    public void A_guest_may_set_its_own_trap_flag()
    {
        using var guest = new Guest(Platform, a =>
        {
            a.pushfq();
            a.or(__qword_ptr[rsp], 0x100);
            a.popfq();
            a.nop();
            a.syscall();
        });
        guest.Map(Guest.Data, Guest.DataPage, ReadWrite);
        using IContext context = guest.NewContext(Platform);
        context.Registers.Rsp = Guest.Data + 4096;
        FaultInfo fault = ExpectFault(context, guest);
        Assert.Equal((Signals.SIGTRAP, 2), (fault.Signal, fault.Code));
        Assert.Equal(0x302UL, context.Registers.Eflags & 0x302);
    }

    [Fact]
    public void The_vsyscall_page_never_answers_by_itself()
    {
        const ulong VsyscallTime = 0xffffffffff600400;
        using var guest = new Guest(Platform, a =>
        {
            a.mov(rax, VsyscallTime);
            a.call(rax);
            a.nop();
            a.syscall();
        });
        guest.Map(Guest.Data, Guest.DataPage, ReadWrite);
        using IContext context = guest.NewContext(Platform);
        context.Registers.Rsp = Guest.Data + 4096;
        context.Registers.Rdi = 0;
        SwitchReason reason = context.Switch(guest.Space, out FaultInfo fault);
        if (reason == SwitchReason.Fault)
        {
            Assert.Equal((Signals.SIGSEGV, VsyscallTime), (fault.Signal, fault.Address));
            Assert.Equal(VsyscallTime, context.Registers.Rip);
            return;
        }
        Assert.Equal(SwitchReason.SystemCall, reason);
        Assert.Equal((ulong)SysNr.time, context.Registers.OrigRax);
        Assert.Equal((ulong)SysNr.time, context.Registers.Rax);
        Assert.Equal(Guest.Data + 4096, context.Registers.Rsp);
        Assert.Equal(Guest.Code + 12, context.Registers.Rip);
        context.Registers.Rax = 12345;
        ExpectSystemCall(context, guest, 12345);
    }

    [Fact]
    public void Switching_allocates_nothing()
    {
        using var guest = new Guest(Platform, a =>
        {
            Label again = a.CreateLabel();
            a.Label(ref again);
            a.mov(eax, 39);
            a.syscall();
            a.jmp(again);
        });
        using IContext context = guest.NewContext(Platform);
        long before = 0;
        for (int i = 0; i < 200; i++)
        {
            if (i == 100)
            {
                before = GC.GetAllocatedBytesForCurrentThread();
            }
            context.Switch(guest.Space, out _);
        }
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
        Assert.Equal(39UL, context.Registers.Rax);
    }

    [Fact]
    public void An_offered_answer_is_what_the_call_returns_and_changes_nothing_else() =>
        ExpectGiven(SysNr.getpid, 4711, static context => context.OfferAnswer(SysNr.getpid, 4711));

    [Fact]
    public void An_offered_yield_returns_zero_and_changes_nothing_else() =>
        ExpectGiven(SysNr.sched_yield, 0, static context => context.OfferYield());

    /// <summary>What a call returns that the platform may give by itself, or hand over.</summary>
    private void ExpectGiven(int number, ulong value, Action<IContext> offer)
    {
        using var guest = new Guest(Platform, EmitNumberAndCall);
        using IContext context = guest.NewContext(Platform);
        offer(context);
        GuestRegisters before = Distinct();
        before.R12 = (ulong)number;
        for (int i = 0; i < 3; i++)
        {
            context.Registers = before;
            Assert.Equal(SwitchReason.SystemCall, context.Switch(guest.Space, out _));
            if (context.Registers.OrigRax == (ulong)number)
            {
                context.Registers.Rax = value;
                Assert.Equal(SwitchReason.SystemCall, context.Switch(guest.Space, out _));
            }
            Assert.Equal((ulong)SysNr.gettid, context.Registers.OrigRax);
            Assert.Equal(value, context.Registers.R13);
            before.R13 = value;
            ExpectSame(before, context.Registers, context.Registers.Rip);
        }
        context.WithdrawAnswers();
        context.Registers = before;
        ExpectSystemCall(context, guest, (ulong)number);
    }

    /// <summary>Numbers that end like one that is on offer, and one that is all ones.</summary>
    [Theory]
    [InlineData(~0UL)]
    [InlineData(0xffffffff00000000UL | SysNr.getpid)]
    [InlineData(SysNr.getpid + 16UL)]
    public void Only_the_number_on_offer_is_answered(ulong number)
    {
        using var guest = new Guest(Platform, EmitNumberAndCall);
        using IContext context = guest.NewContext(Platform);
        context.OfferAnswer(SysNr.getpid, 4711);
        for (int i = 0; i < 20; i++)
        {
            context.Registers.Rip = Guest.Code;
            context.Registers.R12 = number;
            ExpectSystemCall(context, guest, number);
        }
    }

    /// <summary>Calls the number in r12, leaves the result in r13 and calls gettid.</summary>
    protected static void EmitNumberAndCall(Assembler a)
    {
        a.mov(rax, r12);
        a.syscall();
        a.mov(r13, rax);
        a.mov(eax, SysNr.gettid);
        a.syscall();
    }

    private static GuestRegisters Distinct() => new()
    {
        Rax = 39, Rbx = 0x1000000000000002, Rcx = 3, Rdx = 0x2000000000000004, Rsi = 0x3000000000000005,
        Rdi = 0x4000000000000006, Rbp = 0x5000000000000007, Rsp = 0x6000000000000008, R8 = 0x7000000000000009,
        R9 = 0xffffffffffffffff, R10 = 0x800000000000000b, R11 = 12, R12 = 0x900000000000000d,
        R13 = 0xa00000000000000e, R14 = 0xb00000000000000f, R15 = 0xc000000000000010, Rip = Guest.Code, Eflags = 0x202,
    };

    private static void ExpectSame(in GuestRegisters expected, in GuestRegisters actual, ulong rip)
    {
        Assert.Equal(rip, actual.Rip);
        Assert.Equal(rip, actual.Rcx);
        Assert.Equal(expected.Eflags, actual.R11);
        Assert.Equal(
            (expected.Rbx, expected.Rdx, expected.Rsi, expected.Rdi, expected.Rbp, expected.Rsp, expected.R8),
            (actual.Rbx, actual.Rdx, actual.Rsi, actual.Rdi, actual.Rbp, actual.Rsp, actual.R8));
        Assert.Equal(
            (expected.R9, expected.R10, expected.R12, expected.R13, expected.R14, expected.R15, expected.Eflags),
            (actual.R9, actual.R10, actual.R12, actual.R13, actual.R14, actual.R15, actual.Eflags));
    }
}
