using System;
using System.Threading;
using Abi.Linux;
using global::Platform;
using global::Platform.Systrap;
using Iced.Intel;
using Stub;
using Xunit;
using static Iced.Intel.AssemblerRegisters;

namespace Tests.Platform;

/// <summary>Patched call sites behave as if nothing had been patched; every site is, at its first trap.</summary>
public abstract partial class SystrapPatchCases : IClassFixture<EagerSystrapFixture>, IClassFixture<SystrapFixture>
{
    private const MemoryAccess ReadExecute = MemoryAccess.Read | MemoryAccess.Execute;
    private const MemoryAccess ReadWrite = MemoryAccess.Read | MemoryAccess.Write;
    private const ulong PageBytes = 4096;
    private const ulong TrapFlag = 0x100;

    /// <summary>Of a row of system calls that the program makes; the host answers uprobe(2), 336, behind every
    /// filter.</summary>
    private const int FirstNumber = 400;
    private readonly SystrapPlatform _patching;
    private readonly SystrapPlatform _plain;
    private readonly GuestBacking _backing;

    protected SystrapPatchCases(EagerSystrapFixture patching, SystrapFixture plain, GuestBacking backing)
    {
        _backing = backing;
        _patching = patching.Platform;
        _plain = plain.Platform;
    }

    [Fact]
    public void A_program_sees_the_same_with_and_without_patches()
    {
        const int Seeds = 20;
        const int Least = 20;
        long patchedCalls = 0;
        for (int seed = 1; seed <= Seeds; seed++)
        {
            string[] plain = Trace(_plain, seed, out long none);
            string[] patched = Trace(_patching, seed, out long calls);
            Assert.Equal(plain, patched);
            Assert.Equal(0, none);
            patchedCalls += calls;
        }
        Assert.True(patchedCalls > Least * Seeds, $"only {patchedCalls} calls came in by patched sites");
    }

    [Theory]
    [InlineData(0UL)]
    [InlineData(Guest.Data + 64)]
    public void Interrupts_find_registers_that_the_program_could_have(ulong gsBase)
    {
        using var guest = new Guest(_patching, _backing, EmitProgram);
        guest.Map(Guest.Data, Guest.DataPage, ReadWrite);
        using IContext context = guest.NewContext(_patching);
        context.Registers.Rdi = Guest.Data;
        context.Registers.GsBase = gsBase;
        using var interrupter = new Interrupter(context);
        ulong round = 0;
        int interrupts = 0;
        for (int calls = 0; calls < 6000;)
        {
            SwitchReason reason = context.Switch(guest.Space, out FaultInfo fault);
            ref GuestRegisters r = ref context.Registers;
            Assert.True(
                reason is SwitchReason.SystemCall or SwitchReason.Interrupted, Describe(reason, in fault, in r));
            Assert.InRange(r.Rip, Guest.Code, Guest.Code + 200);
            Assert.Equal(Guest.Data, r.Rdi);
            Assert.Equal(0UL, r.Rsp);
            if (reason == SwitchReason.Interrupted)
            {
                interrupts++;
                continue;
            }
            round += calls % 3 == 0 ? 1UL : 0;
            Assert.Equal(round, r.Rbx);
            Assert.Equal((calls % 3) switch { 0 => 39, 1 => round + FirstNumber, _ => 7 }, r.OrigRax);
            calls++;
            r.Rax = calls % 3 == 2 ? 1 : round;
        }
        interrupter.Dispose();
        Assert.True(interrupts > 0);
        Assert.Equal(gsBase == 0, ((SystrapContext)context).PatchedCalls > 1000);
    }

    [Fact]
    public void A_jump_into_a_patched_site_executes_what_was_there()
    {
        using var guest = new Guest(_patching, _backing, EmitProgram);
        guest.Map(Guest.Data, Guest.DataPage, ReadWrite);
        using IContext context = guest.NewContext(_patching);
        context.Registers.Rdi = Guest.Data;
        ulong[] behind = new ulong[3];
        for (int i = 0; i < 9; i++)
        {
            Assert.Equal(SwitchReason.SystemCall, context.Switch(guest.Space, out _));
            behind[i % 3] = context.Registers.Rip;
            context.Registers.Rax = 5;
        }
        for (int i = 0; i < 50; i++)
        {
            // The SYSCALL behind a move that is part of its site.
            JumpTo(context, guest, behind[0] - 2, rax: 77);
            Assert.Equal(77UL, context.Registers.OrigRax);
            Assert.Equal(behind[0], context.Registers.Rip);

            // The comparison behind another, by a jump of the guest itself.
            context.Registers.Rip = Guest.Code + JumperOffset(guest);
            context.Registers.Rsi = behind[1];
            context.Registers.Rax = 1000;
            context.Registers.Rbp = 1;
            Assert.Equal(SwitchReason.SystemCall, context.Switch(guest.Space, out _));
            Assert.Equal(behind[2], context.Registers.Rip);
            Assert.Equal(1001UL, context.Registers.Rbp);

            // The second of two moves.
            JumpTo(context, guest, behind[2] + 3, rax: 123);
            Assert.Equal(123UL, context.Registers.R14);
            Assert.Equal(behind[0], context.Registers.Rip);
        }
    }

    [Fact]
    public void A_thread_sent_between_two_instructions_of_a_site_executes_the_bytes_of_the_program()
    {
        for (int site = 0; site < 3; site++)
        {
            // Behind the SYSCALL of the first there is nothing of the site, in front of the others neither.
            for (int at = site == 0 ? -6 : -1; at < (site == 0 ? 0 : 6); at++)
            {
                Assert.Equal(Torn(_plain, site, at), Torn(_patching, site, at));
            }
        }
    }

    [Fact]
    public void Steps_stop_where_they_would_without_patches()
    {
        Assert.Equal(Steps(_plain, warm: 9), Steps(_patching, warm: 9));
    }

    [Fact]
    public void A_program_that_sets_its_trap_flag_steps_as_without_patches()
    {
        Assert.Equal(OwnSteps(_plain), OwnSteps(_patching));
    }

    [Fact]
    public void Code_that_changes_loses_its_patches()
    {
        using var guest = new Guest(_patching, _backing, EmitProgram);
        guest.Map(Guest.Data, Guest.DataPage, ReadWrite);
        using IContext context = guest.NewContext(_patching);
        context.Registers.Rdi = Guest.Data;
        for (int round = 0; round < 20; round++)
        {
            for (int i = 0; i < 6; i++)
            {
                Assert.Equal(SwitchReason.SystemCall, context.Switch(guest.Space, out _));
                context.Registers.Rax = 5;
            }
            switch (round % 3)
            {
                case 0:
                    guest.Map(Guest.Code, Guest.CodePage, ReadExecute);
                    break;
                case 1:
                    guest.Space.Unmap(Guest.Code, PageBytes);
                    Assert.Equal(SwitchReason.Fault, context.Switch(guest.Space, out FaultInfo fault));
                    Assert.True(fault.IsPageFault);
                    guest.Map(Guest.Code, Guest.CodePage, ReadExecute);
                    break;
                default:
                    guest.Space.Protect(Guest.Code, PageBytes, ReadExecute | MemoryAccess.Write);
                    guest.Map(Guest.Code, Guest.CodePage, ReadExecute | MemoryAccess.Write);
                    for (int i = 0; i < 6; i++)
                    {
                        long before = ((SystrapContext)context).PatchedCalls;
                        Assert.Equal(SwitchReason.SystemCall, context.Switch(guest.Space, out _));
                        Assert.Equal(before, ((SystrapContext)context).PatchedCalls);
                        context.Registers.Rax = 5;
                    }
                    guest.Space.Protect(Guest.Code, PageBytes, ReadExecute);
                    break;
            }
        }
    }

    [Theory]
    [InlineData(0UL)]
    [InlineData(Guest.Data + 64)]
    public void Threads_race_through_a_site_while_it_is_patched(ulong gsBase)
    {
        for (int round = 0; round < 30; round++)
        {
            using var guest = new Guest(_patching, _backing, EmitProgram);
            guest.Map(Guest.Data, Guest.DataPage, ReadWrite);
            var threads = new Thread[3];
            Exception? problem = null;
            for (int i = 0; i < threads.Length; i++)
            {
                threads[i] = new Thread(() =>
                {
                    try
                    {
                        RunModel(guest, gsBase, 300);
                    }
                    catch (Exception exception)
                    {
                        problem = exception;
                    }
                });
                threads[i].Start();
            }
            foreach (Thread thread in threads)
            {
                thread.Join();
            }
            Assert.True(problem is null, problem?.ToString());
        }
    }

    [Fact]
    public void A_guest_with_a_GS_base_of_its_own_goes_the_slow_way_and_keeps_it()
    {
        using var guest = new Guest(_patching, _backing, EmitProgram);
        guest.Map(Guest.Data, Guest.DataPage, ReadWrite);
        using IContext context = guest.NewContext(_patching);
        context.Registers.Rdi = Guest.Data;
        RunSome(context, guest, 9);
        context.Registers.GsBase = Guest.Data + 64;
        Assert.Equal(SwitchReason.SystemCall, context.Switch(guest.Space, out _));
        long before = ((SystrapContext)context).PatchedCalls;
        RunSome(context, guest, 30);
        Assert.Equal(before, ((SystrapContext)context).PatchedCalls);
        Assert.Equal(Guest.Data + 64, context.Registers.GsBase);
        context.Registers.GsBase = 0;
        RunSome(context, guest, 30);
        Assert.True(((SystrapContext)context).PatchedCalls > before + 20);
        Assert.Equal(0UL, context.Registers.GsBase);
    }

    [Theory]
    [InlineData(0UL)]
    [InlineData(Guest.Data + 64)]
    public void A_call_that_the_host_lets_no_filter_see_is_seen(ulong gsBase)
    {
        using var guest = new Guest(_patching, _backing, a =>
        {
            Label again = a.CreateLabel();
            a.Label(ref again);
            a.mov(eax, r12d);
            a.nop();
            a.syscall();
            a.mov(r13, rax);
            a.mov(r14, rax);
            a.jmp(again);
        });
        using IContext context = guest.NewContext(_patching);
        context.Registers.GsBase = gsBase;
        for (int i = 0; i < 40; i++)
        {
            context.Registers.R12 = i % 4 == 3 ? SysNr.uretprobe : 400UL;
            ExpectCall(context, guest);
            Assert.Equal(context.Registers.R12, context.Registers.OrigRax);
            Assert.Equal(context.Registers.Rip, context.Registers.Rcx);
            context.Registers.Rax = (ulong)i;
            if (i > 0)
            {
                Assert.Equal((ulong)i - 1, context.Registers.R14);
            }
        }
    }

    [Fact]
    public void An_offered_answer_is_given_without_a_switch_until_it_is_withdrawn()
    {
        using var guest = new Guest(_patching, _backing, EmitProgram);
        guest.Map(Guest.Data, Guest.DataPage, ReadWrite);
        using IContext context = guest.NewContext(_patching);
        context.Registers.Rdi = Guest.Data;
        RunSome(context, guest, 9);
        context.OfferAnswer(39, 4711);
        for (int i = 0; i < 20; i++)
        {
            Assert.Equal(SwitchReason.SystemCall, context.Switch(guest.Space, out _));
            Assert.NotEqual(39UL, context.Registers.OrigRax);
            Assert.Equal(4711UL, guest.Memory.ReadWord(Guest.DataPage));
            context.Registers.Rax = 5;
        }
        context.WithdrawAnswers();
        int asked = 0;
        for (int i = 0; i < 9; i++)
        {
            Assert.Equal(SwitchReason.SystemCall, context.Switch(guest.Space, out _));
            asked += context.Registers.OrigRax == 39 ? 1 : 0;
            context.Registers.Rax = 5;
        }
        Assert.Equal(3, asked);
    }

    [Fact]
    public void An_offered_yield_is_made_without_a_switch_until_it_is_withdrawn()
    {
        using var guest = new Guest(_patching, _backing, EmitYields);
        guest.Map(Guest.Data, Guest.DataPage, ReadWrite);
        using IContext context = guest.NewContext(_patching);
        context.Registers.Rdi = Guest.Data;
        RunSome(context, guest, 10);
        Assert.Equal(5UL, context.Registers.Rbx);
        context.OfferYield();
        for (ulong i = 1; i <= 20; i++)
        {
            ExpectCall(context, guest);
            Assert.NotEqual((ulong)SysNr.sched_yield, context.Registers.OrigRax);
            Assert.Equal(5 + i, context.Registers.Rbx);
            Assert.Equal(0UL, guest.Memory.ReadWord(Guest.DataPage));
            guest.Memory.WriteWord(Guest.DataPage, 1);
        }
        context.WithdrawAnswers();
        ExpectCall(context, guest);
        Assert.Equal((ulong)SysNr.sched_yield, context.Registers.OrigRax);
    }

    /// <summary>Interrupts come at any instruction: a yield that is begun again is still one to the guest.</summary>
    [Fact]
    public void Interrupted_yields_are_counted_once_by_the_guest()
    {
        using var guest = new Guest(_patching, _backing, EmitYields);
        guest.Map(Guest.Data, Guest.DataPage, ReadWrite);
        using IContext context = guest.NewContext(_patching);
        context.Registers.Rdi = Guest.Data;
        context.OfferYield();
        using var interrupter = new Interrupter(context);
        ulong others = 0;
        ulong asked = 0;
        for (int interrupts = 0; others < 2000 || interrupts < 10;)
        {
            SwitchReason reason = context.Switch(guest.Space, out FaultInfo fault);
            ref GuestRegisters r = ref context.Registers;
            Assert.True(
                reason is SwitchReason.SystemCall or SwitchReason.Interrupted, Describe(reason, in fault, in r));
            Assert.InRange(r.Rip, Guest.Code, Guest.Code + 200);
            Assert.Equal((Guest.Data, 0UL), (r.Rdi, r.Rsp));
            if (reason == SwitchReason.Interrupted)
            {
                interrupts++;
                continue;
            }
            bool yields = r.OrigRax == SysNr.sched_yield;
            asked += yields ? 1UL : 0;
            others += yields ? 0UL : 1;
            Assert.Equal(others + (yields ? 1UL : 0), r.Rbx);
            r.Rax = 0;
        }
        Assert.InRange(asked, 0UL, others / 2);
    }

    [Fact]
    public void Jumping_anywhere_into_the_stub_with_any_registers_harms_nobody_else()
    {
        using var bystander = new Guest(_patching, _backing, EmitProgram);
        bystander.Map(Guest.Data, Guest.DataPage, ReadWrite);
        using IContext other = bystander.NewContext(_patching);
        other.Registers.Rdi = Guest.Data;
        var random = new Random(7);
        int code = SystrapPage.Emit(_patching.MaxUserAddress).EndOffset;
        for (int offset = 0; offset < code; offset += 3)
        {
            using var guest = new Guest(_patching, _backing, EmitProgram);
            guest.Map(Guest.Data, Guest.DataPage, ReadWrite);
            using IContext context = guest.NewContext(_patching);
            context.Registers.Rdi = Guest.Data;
            RunSome(context, guest, 4);
            ref GuestRegisters r = ref context.Registers;
            r.Rip = _patching.MaxUserAddress + (ulong)offset;
            r.Rax = (ulong)random.Next(0, 400);
            r.Rcx = _patching.MaxUserAddress + SystrapLayout.ContextsOffset;
            r.R15 = r.Rcx;
            r.R11 = (ulong)random.NextInt64();
            using var timer = new Timer(_ => context.Interrupt(), null, 50, 50);
            for (int i = 0; i < 3; i++)
            {
                SwitchReason reason = context.Switch(guest.Space, out FaultInfo _);
                if (reason == SwitchReason.Dead)
                {
                    break;
                }
            }
            timer.Dispose();
            RunSome(other, bystander, 3);
        }
    }

    private static void EmitProgram(Assembler a)
    {
        Label again = a.CreateLabel();
        Label bad = a.CreateLabel();
        a.Label(ref again);
        a.inc(rbx);
        a.mov(eax, 39);
        a.syscall();
        a.mov(__[rdi], rax);
        a.lea(rax, __[rbx + FirstNumber]);
        a.syscall();
        a.cmp(rax, -4096);
        a.jae(bad);
        a.add(rbp, rax);
        a.movq(xmm0, rbx);
        a.paddq(xmm1, xmm0);
        a.mov(eax, 7);
        a.nop();
        a.syscall();
        a.mov(r13, rax);
        a.mov(r14, rax);
        a.jmp(again);
        a.Label(ref bad);
        a.mov(r12, rax);
        a.jmp(again);
        a.jmp(rsi);
    }

    /// <summary>Counts in rbx, yields, leaves what that returned at [rdi], and makes another call.</summary>
    private static void EmitYields(Assembler a)
    {
        Label again = a.CreateLabel();
        a.Label(ref again);
        a.inc(rbx);
        a.mov(eax, SysNr.sched_yield);
        a.syscall();
        a.mov(__[rdi], rax);
        a.mov(eax, 7);
        a.nop();
        a.syscall();
        a.mov(r13, rax);
        a.mov(r14, rax);
        a.jmp(again);
    }

    /// <summary>Where the jump by register at the end of the program is.</summary>
    private static ulong JumperOffset(Guest guest) =>
        (ulong)guest.Memory.Read(Guest.CodePage, 200).AsSpan().LastIndexOf(new byte[] { 0xff, 0xe6 });

    private static void JumpTo(IContext context, Guest guest, ulong address, ulong rax)
    {
        context.Registers.Rip = address;
        context.Registers.Rax = rax;
        Assert.Equal(SwitchReason.SystemCall, context.Switch(guest.Space, out _));
    }

    private static void RunSome(IContext context, Guest guest, int calls)
    {
        for (int i = 0; i < calls; i++)
        {
            ExpectCall(context, guest);
            context.Registers.Rax = 5;
        }
    }

    private static void ExpectCall(IContext context, Guest guest)
    {
        SwitchReason reason = context.Switch(guest.Space, out FaultInfo fault);
        Assert.True(reason == SwitchReason.SystemCall, Describe(reason, in fault, in context.Registers));
    }

    private static string Describe(SwitchReason reason, in FaultInfo fault, in GuestRegisters r) =>
        $"{reason} {fault.Signal} {fault.Code} {fault.Address:x} error {fault.ErrorCode:x} at {Show(in r)}";

    /// <summary>Runs a thread of the program and checks its registers against what they must be.</summary>
    private void RunModel(Guest guest, ulong gsBase, int rounds)
    {
        using IContext context = guest.NewContext(_patching);
        context.Registers.Rdi = Guest.Data;
        context.Registers.GsBase = gsBase;
        ulong sum = 0;
        for (ulong round = 1; round <= (ulong)rounds; round++)
        {
            ExpectCall(context, guest);
            Assert.Equal((round, 39UL), (context.Registers.Rbx, context.Registers.OrigRax));
            context.Registers.Rax = round;
            ExpectCall(context, guest);
            Assert.Equal((round, round + FirstNumber), (context.Registers.Rbx, context.Registers.OrigRax));
            context.Registers.Rax = round * 3;
            sum += round * 3;
            ExpectCall(context, guest);
            Assert.Equal((sum, 7UL), (context.Registers.Rbp, context.Registers.OrigRax));
            context.Registers.Rax = round;
        }
    }

    /// <summary>What a Sentry sees that does now this, now that with the registers of the program.</summary>
    private string[] Trace(SystrapPlatform platform, int seed, out long patchedCalls)
    {
        const int Length = 400;
        var random = new Random(seed);
        using var guest = new Guest(platform, _backing, EmitProgram);
        guest.Map(Guest.Data, Guest.DataPage, ReadWrite);
        using IContext context = guest.NewContext(platform);
        context.Registers.Rdi = Guest.Data;
        string[] trace = new string[Length];
        byte[] fp = new byte[platform.FpStateBytes];
        for (int i = 0; i < Length; i++)
        {
            SwitchReason reason = context.Switch(guest.Space, out FaultInfo fault);
            trace[i] = $"{i} {reason} {fault.Signal} {fault.Code} {fault.Address:x} {Show(context.Registers)}";
            context.Registers.Rax = random.Next(10) == 0 ? unchecked((ulong)-random.Next(1, 4096))
                : (ulong)random.Next();
            switch (random.Next(12))
            {
                case 0:
                    context.ReadFpState(fp);
                    trace[i] += " fp " + Convert.ToHexString(fp.AsSpan(160, 32)) + " " + fp[24] + fp[25];
                    break;
                case 1:
                    context.ReadFpState(fp);
                    random.NextBytes(fp.AsSpan(160, 32));
                    context.WriteFpState(fp);
                    break;
                case 2:
                    context.WriteFpState([]);
                    break;
                case 3:
                    context.Registers.R12 = (ulong)random.NextInt64();
                    break;
                case 4 when reason == SwitchReason.SystemCall:
                    context.Registers.Rip -= 2;
                    context.Registers.Rax = context.Registers.OrigRax;
                    break;
                case 5:
                    context.Registers.Eflags = 0x202 | ((ulong)random.Next() & 0x8d5);
                    break;
                case 6:
                    context.Registers.Eflags ^= TrapFlag;
                    break;
                default:
                    break;
            }
        }
        patchedCalls = ((SystrapContext)context).PatchedCalls;
        return trace;
    }

    /// <summary>What becomes of a program that is sent to an address relative to the end of a hot call.</summary>
    private string Torn(SystrapPlatform platform, int site, int at)
    {
        using var guest = new Guest(platform, _backing, EmitProgram);
        guest.Map(Guest.Data, Guest.DataPage, ReadWrite);
        using IContext context = guest.NewContext(platform);
        context.Registers.Rdi = Guest.Data;
        RunSome(context, guest, 9);
        ulong behind = 0;
        for (int i = 0; i <= site; i++)
        {
            ExpectCall(context, guest);
            behind = context.Registers.Rip;
            context.Registers.Rax = 5;
        }
        string result = "";
        context.Registers.Rip = behind + (ulong)at;
        for (int i = 0; i < 3; i++)
        {
            SwitchReason reason = context.Switch(guest.Space, out FaultInfo fault);
            result += $"{at} {reason} {fault.Signal} {fault.Code} {fault.Address:x} {Show(context.Registers)}\n";
            context.Registers.Rax = 5;
        }
        return result;
    }

    private static string Show(in GuestRegisters r) =>
        $"{r.Rip:x} {r.Rax:x} {r.Rbx:x} {r.Rcx:x} {r.Rdx:x} {r.Rsi:x} {r.Rdi:x} {r.Rbp:x} {r.Rsp:x} {r.R8:x} {r.R9:x} "
        + $"{r.R10:x} {r.R11:x} {r.R12:x} {r.R13:x} {r.R14:x} {r.R15:x} {r.Eflags:x} {r.OrigRax:x} {r.FsBase:x} "
        + $"{r.GsBase:x} {r.Cs:x} {r.Ss:x}";

    private string[] Steps(SystrapPlatform platform, int warm)
    {
        using var guest = new Guest(platform, _backing, EmitProgram);
        guest.Map(Guest.Data, Guest.DataPage, ReadWrite);
        using IContext context = guest.NewContext(platform);
        context.Registers.Rdi = Guest.Data;
        RunSome(context, guest, warm);
        string[] steps = new string[60];
        for (int i = 0; i < steps.Length; i++)
        {
            context.Registers.Eflags |= TrapFlag;
            SwitchReason reason = context.Switch(guest.Space, out FaultInfo fault);
            steps[i] = $"{reason} {fault.Signal} {fault.Code} {fault.Address:x} {context.Registers.Rip:x}";
            context.Registers.Rax = reason == SwitchReason.SystemCall ? 5 : context.Registers.Rax;
        }
        return steps;
    }

    private string[] OwnSteps(SystrapPlatform platform)
    {
        using var guest = new Guest(platform, _backing, a =>
        {
            Label again = a.CreateLabel();
            Label flag = a.CreateLabel();
            a.Label(ref again);
            a.pushfq();
            a.or(__qword_ptr[rsp], (int)TrapFlag);
            a.test(r12, r12);
            a.jz(flag);
            a.popfq();
            a.mov(eax, 39);
            a.syscall();
            a.mov(__[rdi], rax);
            a.mov(eax, 40);
            a.nop();
            a.syscall();
            a.cmp(rax, -4096);
            a.nop();
            a.jmp(again);
            a.Label(ref flag);
            a.popfq();
            a.jmp(again);
        });
        guest.Map(Guest.Data, Guest.DataPage, ReadWrite);
        using IContext context = guest.NewContext(platform);
        context.Registers.Rdi = Guest.Data;
        context.Registers.Rsp = Guest.Data + PageBytes;
        context.Registers.R12 = 1;
        string[] steps = new string[80];
        for (int i = 0; i < steps.Length; i++)
        {
            SwitchReason reason = context.Switch(guest.Space, out FaultInfo fault);
            steps[i] = $"{reason} {fault.Signal} {fault.Code} {fault.Address:x} {context.Registers.Rip:x}";
            context.Registers.Rax = reason == SwitchReason.SystemCall ? 5 : context.Registers.Rax;
        }
        return steps;
    }
}

/// <summary>Code in memory that is no file: each process has its own sites.</summary>
public sealed class SystrapPatchTests(EagerSystrapFixture patching, SystrapFixture plain)
    : SystrapPatchCases(patching, plain, GuestBacking.Memory);
