using System;
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
        bool stop = false;
        var interrupter = new Thread(() =>
        {
            while (!Volatile.Read(ref stop))
            {
                context.Interrupt();
                Thread.SpinWait(200);
            }
        });
        interrupter.Start();
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
        Volatile.Write(ref stop, true);
        interrupter.Join();
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
