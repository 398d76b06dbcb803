using System;
using System.Reflection;
using System.Threading;
using global::Platform;
using global::Platform.Systrap;
using Iced.Intel;
using Xunit;
using static Iced.Intel.AssemblerRegisters;

namespace Tests.Platform;

/// <summary>State that is set or read while a thread waits in a patched call; sites whose move is the longer
/// one.</summary>
public abstract partial class SystrapPatchCases
{
    [Fact]
    public void Floating_point_state_set_or_read_in_a_patched_call_survives_interrupts()
    {
        const int Xmm3 = 208;
        const int Features = 512;
        const byte X87AndSse = 3;
        using var guest = new Guest(_patching, _backing, EmitCounter);
        using IContext context = guest.NewContext(_patching);
        byte[] state = new byte[_patching.FpStateBytes];
        context.ReadFpState(state);
        state[Features] |= X87AndSse;
        using var interrupter = new Interrupter(context);
        ulong counted = 0;
        for (ulong round = 1; round <= 6000;)
        {
            SwitchReason reason = context.Switch(guest.Space, out FaultInfo fault);
            ref GuestRegisters r = ref context.Registers;
            Assert.True(
                reason is SwitchReason.SystemCall or SwitchReason.Interrupted, Describe(reason, in fault, in r));
            if (reason == SwitchReason.Interrupted)
            {
                continue;
            }
            Assert.Equal(counted, r.R12);
            switch (round % 5)
            {
                case 0:
                    // As a signal's return: all registers and the state are others.
                    counted = round * 1000;
                    BitConverter.TryWriteBytes(state.AsSpan(Xmm3), counted);
                    context.WriteFpState(state);
                    r.Rbp = round;
                    break;
                case 1 or 2:
                    byte[] seen = new byte[_patching.FpStateBytes];
                    context.ReadFpState(seen);
                    Assert.Equal(counted, BitConverter.ToUInt64(seen, Xmm3));
                    r.Rbp += round % 5;
                    break;
            }
            counted++;
            round++;
        }
        interrupter.Dispose();
        Assert.True(((SystrapContext)context).PatchedCalls > 1000);
    }

    [Fact]
    public void An_interrupt_whose_signal_came_while_the_thread_waited_in_a_patched_call_is_not_late()
    {
        const int Rounds = 20;
        const int LateMs = 50;
        using var guest = new Guest(_patching, _backing, EmitCallAndSpin);
        guest.Map(Guest.Data, Guest.DataPage, ReadWrite);
        using IContext context = guest.NewContext(_patching);
        context.Registers.Rdi = Guest.Data;
        var interrupter = new Thread(() =>
        {
            for (ulong round = 1; round <= Rounds; round++)
            {
                while (guest.Memory.ReadWord(Guest.DataPage) != round)
                {
                    Thread.Yield();
                }
                context.Interrupt();
            }
        });
        interrupter.Start();
        long[] usual = new long[Rounds];
        long[] waiting = new long[Rounds];
        for (int round = 0; round < Rounds; round++)
        {
            // What an interrupt takes when the program runs, the machine takes.
            usual[round] = TimeToInterrupt(context, guest, round + 1, context.Switch);
            waiting[round] = TimeToInterrupt(context, guest, 0, (IAddressSpace space, out FaultInfo fault) =>
                RunInterrupted((SystrapContext)context, space, out fault));
        }
        interrupter.Join();
        Assert.True(((SystrapContext)context).PatchedCalls > Rounds);
        Array.Sort(usual);
        Array.Sort(waiting);
        long median = waiting[Rounds / 2];
        Assert.True(median < usual[Rounds / 2] + LateMs, $"{median} ms, and {usual[Rounds / 2]} ms while it runs");
    }

    private delegate SwitchReason SwitchFunction(IAddressSpace space, out FaultInfo fault);

    /// <summary>
    /// Milliseconds from the return from a call until the interrupt is reported that comes before the next.
    /// </summary>
    private static long TimeToInterrupt(IContext context, Guest guest, int mark, SwitchFunction change)
    {
        context.Registers.Rip = Guest.Code;
        ExpectCall(context, guest);
        context.Registers.R12 = (ulong)mark;
        long start = Environment.TickCount64;
        Assert.Equal(SwitchReason.Interrupted, change(guest.Space, out _));
        return Environment.TickCount64 - start;
    }

    /// <summary>
    /// As Switch when an interrupt has been asked for in the moment before the thread is let go, and the handler of its
    /// signal has found nothing to do: no other thread could be told to hit that moment.
    /// </summary>
    private static SwitchReason RunInterrupted(SystrapContext context, IAddressSpace space, out FaultInfo fault)
    {
        const BindingFlags Hidden = BindingFlags.Instance | BindingFlags.NonPublic;
        FieldInfo state = typeof(SystrapContext).GetField("_state", Hidden)!;
        state.SetValue(context, (int)(RunState.Running | RunState.InterruptPending));
        object?[] arguments = [space, default(FaultInfo)];
        var reason = (SwitchReason)typeof(SystrapContext).GetMethod("Run", Hidden)!.Invoke(context, arguments)!;
        fault = (FaultInfo)arguments[1]!;
        state.SetValue(context, 0);
        return reason;
    }

    private static void EmitCallAndSpin(Assembler a)
    {
        Label forEver = a.CreateLabel();
        a.inc(rbx);
        a.mov(eax, 39);
        a.syscall();
        a.mov(__[rdi], r12);
        a.Label(ref forEver);
        a.pause();
        a.jmp(forEver);
    }

    [Fact]
    public void A_site_that_is_jumped_into_again_and_again_is_given_up()
    {
        const int Jumps = 150;
        using var guest = new Guest(_patching, _backing, EmitProgram);
        guest.Map(Guest.Data, Guest.DataPage, ReadWrite);
        using IContext context = guest.NewContext(_patching);
        var counted = (SystrapContext)context;
        context.Registers.Rdi = Guest.Data;
        ulong behind = 0;
        for (int i = 0; i < 9; i++)
        {
            ExpectCall(context, guest);
            behind = i % 3 == 1 ? context.Registers.Rip : behind;
            context.Registers.Rax = 5;
        }
        for (int i = 0; i < Jumps; i++)
        {
            context.Registers.Rip = Guest.Code + JumperOffset(guest);
            context.Registers.Rsi = behind;
            context.Registers.Rax = 1000;
            ExpectCall(context, guest);
        }
        context.Registers.Rax = 5;
        long trapped = counted.TrappedCalls;
        long patched = counted.PatchedCalls;
        RunSome(context, guest, 30);
        Assert.Equal((trapped + 10, patched + 20), (counted.TrappedCalls, counted.PatchedCalls));
    }

    [Fact]
    public void A_call_whose_number_is_moved_at_length_is_patched_too()
    {
        byte[] move = [0x48, 0xc7, 0xc0, 15, 0, 0, 0, 0x0f, 0x05];
        using var guest = new Guest(_patching, _backing, a =>
        {
            Label again = a.CreateLabel();
            a.Label(ref again);
            a.nop();
            a.db(move);
            a.nop();
            a.mov(r13, rax);
            a.jmp(again);
            a.jmp(rsi);
        });
        using IContext context = guest.NewContext(_patching);
        ulong behind = 0;
        for (ulong i = 1; i < 30; i++)
        {
            ExpectCall(context, guest);
            Assert.Equal(15UL, context.Registers.OrigRax);
            Assert.Equal(i == 1 ? 0 : i - 1, context.Registers.R13);
            behind = context.Registers.Rip;
            context.Registers.Rax = i;
        }
        Assert.Equal(28, ((SystrapContext)context).PatchedCalls);
        for (int i = 0; i < 20; i++)
        {
            JumpTo(context, guest, behind - 2, rax: 77);
            Assert.Equal(77UL, context.Registers.OrigRax);
            Assert.Equal(behind, context.Registers.Rip);
            context.Registers.Rip = Guest.Code + JumperOffset(guest);
            context.Registers.Rsi = behind - 2;
            context.Registers.Rax = 78;
            ExpectCall(context, guest);
            Assert.Equal(78UL, context.Registers.OrigRax);
            Assert.Equal(behind, context.Registers.Rip);
        }
    }

    [Fact]
    public void A_call_whose_number_is_moved_before_other_moves_is_patched_too()
    {
        using var guest = new Guest(_patching, _backing, EmitAhead);
        using IContext context = guest.NewContext(_patching);
        context.Registers.Rdx = Guest.Code + AheadStart;

        // Stopped behind the trampoline before its call has begun, a thread goes on at the SYSCALL itself.
        int stoppedAtCall = 0;
        using (new Interrupter(context))
        {
            for (ulong i = 1; i < 4000; i++)
            {
                context.Registers.Rdi = i;
                stoppedAtCall += NextCall(context, guest, Guest.Code + AheadStart + 13);
                ref GuestRegisters r = ref context.Registers;
                Assert.Equal((15UL, i, AtWorkingDirectory), (r.OrigRax, r.Rsi, r.Rdi));
                Assert.Equal(Guest.Code + AheadStart + 15, r.Rip);
                r.Rax = i;
            }
        }
        Assert.InRange(((SystrapContext)context).PatchedCalls, 3998 - stoppedAtCall, 3998);
        Assert.Equal(3999, ((SystrapContext)context).PatchedCalls + ((SystrapContext)context).TrappedCalls);

        // To each instruction of the site: sent there, and by a jump of its own.
        foreach (ulong offset in (ulong[])[0, 5, 8, 13])
        {
            foreach (ulong from in (ulong[])[Guest.Code + AheadStart + offset, Guest.Code])
            {
                ref GuestRegisters r = ref context.Registers;
                (r.Rip, r.Rdx, r.Rax) = (from, Guest.Code + AheadStart + offset, 77);
                (r.Rsi, r.Rdi) = (1, 2);
                NextCall(context, guest);
                Assert.Equal(offset == 0 ? 15UL : 77UL, r.OrigRax);
                Assert.Equal(offset <= 5 ? 2UL : 1UL, r.Rsi);
                Assert.Equal(offset <= 8 ? AtWorkingDirectory : 2UL, r.Rdi);
                Assert.Equal(Guest.Code + AheadStart + 15, r.Rip);
            }
        }
        Assert.Equal(AheadSteps(_plain, 0), AheadSteps(_patching, 3));
    }

    private const ulong AheadStart = 8;
    private const ulong AtWorkingDirectory = 0xffffff9c;

    private string[] AheadSteps(SystrapPlatform platform, int warm)
    {
        using var guest = new Guest(platform, _backing, EmitAhead);
        using IContext context = guest.NewContext(platform);
        context.Registers.Rdx = Guest.Code + AheadStart;
        for (int i = 0; i < warm; i++)
        {
            NextCall(context, guest);
        }
        (context.Registers.Rsi, context.Registers.Rdi, context.Registers.Rax) = (0, 0, 0);
        context.Registers.Rip = Guest.Code + 2;
        context.Registers.Eflags |= TrapFlag;
        string[] steps = new string[40];
        for (int i = 0; i < steps.Length; i++)
        {
            SwitchReason reason = context.Switch(guest.Space, out FaultInfo fault);
            ref GuestRegisters r = ref context.Registers;
            steps[i] = $"{reason} {fault.Signal} {fault.Code} {r.Rip:x} {r.Rsi:x} {r.Rdi:x}";
            (r.Rdi, r.Rax) = reason == SwitchReason.SystemCall ? ((ulong)i, 0) : (r.Rdi, r.Rax);
        }
        return steps;
    }

    /// <summary>Goes on to the next call; says how often the thread was stopped at an address before.</summary>
    private static int NextCall(IContext context, Guest guest, ulong counted = 0)
    {
        int stops = 0;
        SwitchReason reason;
        FaultInfo fault;
        while ((reason = context.Switch(guest.Space, out fault)) == SwitchReason.Interrupted)
        {
            stops += context.Registers.Rip == counted ? 1 : 0;
        }
        Assert.True(reason == SwitchReason.SystemCall, Describe(reason, in fault, in context.Registers));
        return stops;
    }

    /// <summary>A jump to RDX; a call with two moves between that of the number and the SYSCALL, over and
    /// over.</summary>
    private static void EmitAhead(Assembler a)
    {
        Label start = a.CreateLabel();
        a.jmp(rdx);
        for (int i = 2; i < (int)AheadStart; i++)
        {
            a.nop();
        }
        a.Label(ref start);
        a.mov(eax, 15);
        a.mov(rsi, rdi);
        a.mov(edi, unchecked((int)AtWorkingDirectory));
        a.syscall();
        a.jmp(start);
    }

    /// <summary>Counts calls in XMM3, and shows the count before each in R12.</summary>
    private static void EmitCounter(Assembler a)
    {
        Label again = a.CreateLabel();
        a.mov(r14d, 1);
        a.Label(ref again);
        a.movq(r12, xmm3);
        a.mov(eax, FirstNumber);
        a.nop();
        a.syscall();
        a.mov(r13, rax);
        a.mov(r13, rax);
        a.movq(xmm2, r14);
        a.paddq(xmm3, xmm2);
        a.jmp(again);
    }
}
