using System;
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
        using (new Interrupter(context))
        {
            for (ulong i = 1; i < 4000; i++)
            {
                context.Registers.Rdi = i;
                NextCall(context, guest);
                ref GuestRegisters r = ref context.Registers;
                Assert.Equal((15UL, i, AtWorkingDirectory), (r.OrigRax, r.Rsi, r.Rdi));
                Assert.Equal(Guest.Code + AheadStart + 15, r.Rip);
                r.Rax = i;
            }
        }
        Assert.Equal(3998, ((SystrapContext)context).PatchedCalls);

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

    private static void NextCall(IContext context, Guest guest)
    {
        SwitchReason reason;
        FaultInfo fault;
        do
        {
            reason = context.Switch(guest.Space, out fault);
        }
        while (reason == SwitchReason.Interrupted);
        Assert.True(reason == SwitchReason.SystemCall, Describe(reason, in fault, in context.Registers));
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
