using System;
using System.Runtime.Intrinsics.X86;
using global::Platform;
using Iced.Intel;
using Xunit;
using static Iced.Intel.AssemblerRegisters;

namespace Tests.Platform;

/// <summary>The floating-point state, which the platform may keep wherever it likes between switches.</summary>
public abstract partial class PlatformConformance
{
    private const int Xmm0Offset = 160;
    private const int MxcsrOffset = 24;
    private const int HeaderOffset = 512;

    [Fact]
    public void A_new_context_has_the_initial_state()
    {
        using var guest = new Guest(Platform, EmitStoreVectors);
        guest.Map(Guest.Data, Guest.DataPage, ReadWrite);
        guest.Memory.Write(Guest.DataPage, Filled(128, 0xcc));
        using IContext context = guest.NewContext(Platform);
        context.Registers.Rdi = Guest.Data;
        ExpectSystemCall(context, guest, 0);
        Assert.Equal(new byte[64], guest.Memory.Read(Guest.DataPage, 64));
        Assert.Equal(0x1f80u, BitConverter.ToUInt32(guest.Memory.Read(Guest.DataPage, 4, 64)));
        Assert.Equal(0x37f, BitConverter.ToUInt16(guest.Memory.Read(Guest.DataPage, 2, 72)));

        byte[] state = new byte[Platform.FpStateBytes];
        using IContext fresh = guest.NewContext(Platform);
        fresh.ReadFpState(state);
        Assert.Equal(0x1f80u, BitConverter.ToUInt32(state, MxcsrOffset));
        Assert.Equal(0x37f, BitConverter.ToUInt16(state));
    }

    [Fact]
    public void Vectors_survive_switches_and_other_contexts()
    {
        Assert.True(Avx.IsSupported);
        using var guest = new Guest(Platform, EmitVectorLoop);
        guest.Map(Guest.Data, Guest.DataPage, ReadWrite);
        using IContext one = guest.NewContext(Platform);
        using IContext other = guest.NewContext(Platform);
        one.Registers.Rax = 1;
        other.Registers.Rax = 2;
        for (ulong i = 1; i <= 10; i++)
        {
            ExpectSystemCall(one, guest, 1);
            ExpectSystemCall(other, guest, 2);
            Assert.Equal((i, 2 * i), (one.Registers.Rbx, other.Registers.Rbx));
            Assert.Equal((i, 2 * i), (one.Registers.Rbp, other.Registers.Rbp));
        }
    }

    [Fact]
    public void A_written_state_is_what_the_guest_has_and_what_is_read_back()
    {
        using var guest = new Guest(Platform, EmitStoreVectors);
        guest.Map(Guest.Data, Guest.DataPage, ReadWrite);
        using IContext context = guest.NewContext(Platform);
        context.Registers.Rdi = Guest.Data;
        byte[] state = new byte[Platform.FpStateBytes];
        context.ReadFpState(state);
        Filled(16, 0x11).CopyTo(state, Xmm0Offset);
        state[HeaderOffset] |= 3;
        BitConverter.TryWriteBytes(state.AsSpan(MxcsrOffset), 0x9fc0u);
        context.WriteFpState(state);
        ExpectSystemCall(context, guest, 0);
        Assert.Equal(Filled(16, 0x11), guest.Memory.Read(Guest.DataPage, 16));
        Assert.Equal(0x9fc0u, BitConverter.ToUInt32(guest.Memory.Read(Guest.DataPage, 4, 64)));
        byte[] back = new byte[Platform.FpStateBytes];
        context.ReadFpState(back);
        Assert.Equal(Filled(16, 0x11), back.AsSpan(Xmm0Offset, 16).ToArray());
        Assert.Equal(0x9fc0u, BitConverter.ToUInt32(back, MxcsrOffset));
    }

    [Fact]
    public void Any_bytes_are_accepted_as_a_state()
    {
        using var guest = new Guest(Platform, a => a.syscall());
        using IContext context = guest.NewContext(Platform);
        var random = new Random(7);
        byte[] state = new byte[Platform.FpStateBytes];
        for (int i = 0; i < 20; i++)
        {
            random.NextBytes(state);
            context.WriteFpState(i % 2 == 0 ? state : state.AsSpan(0, 512));
            context.Registers.Rip = Guest.Code;
            ExpectSystemCall(context, guest, 0);
        }
        Filled(state.Length, 0xff).CopyTo(state, 0);
        context.WriteFpState(state);
        context.Registers.Rip = Guest.Code;
        ExpectSystemCall(context, guest, 0);
    }

    [Fact]
    public void An_empty_state_resets_and_a_state_moves_between_contexts()
    {
        using var guest = new Guest(Platform, EmitVectorLoop);
        guest.Map(Guest.Data, Guest.DataPage, ReadWrite);
        using IContext parent = guest.NewContext(Platform);
        parent.Registers.Rax = 5;
        ExpectSystemCall(parent, guest, 5);
        ExpectSystemCall(parent, guest, 5);
        byte[] state = new byte[Platform.FpStateBytes];
        parent.ReadFpState(state);
        using IContext child = guest.NewContext(Platform);
        child.Registers = parent.Registers;
        child.WriteFpState(state);
        ExpectSystemCall(child, guest, 5);
        Assert.Equal(15UL, child.Registers.Rbx);
        Assert.Equal(15UL, child.Registers.Rbp);
        child.WriteFpState(ReadOnlySpan<byte>.Empty);
        ExpectSystemCall(child, guest, 5);
        Assert.Equal(5UL, child.Registers.Rbx);
        ExpectSystemCall(parent, guest, 5);
        Assert.Equal(15UL, parent.Registers.Rbx);
    }

    [Fact]
    public void The_state_follows_a_context_to_another_address_space()
    {
        using var first = new Guest(Platform, EmitVectorLoop);
        using var second = new Guest(Platform, EmitVectorLoop);
        using IContext context = first.NewContext(Platform);
        context.Registers.Rax = 3;
        ExpectSystemCall(context, first, 3);
        ExpectSystemCall(context, second, 3);
        ExpectSystemCall(context, first, 3);
        Assert.Equal(9UL, context.Registers.Rbx);
        Assert.Equal(9UL, context.Registers.Rbp);
    }

    /// <summary>Stores ymm0, ymm15, MXCSR and the x87 control word at rdi.</summary>
    private static void EmitStoreVectors(Assembler a)
    {
        a.vmovups(__[rdi], ymm0);
        a.vmovups(__[rdi + 32], ymm15);
        a.stmxcsr(__dword_ptr[rdi + 64]);
        a.fnstcw(__word_ptr[rdi + 72]);
        a.syscall();
    }

    /// <summary>
    /// Adds rax to the top of ymm3 and to mm-free xmm9, shows both in rbx and rbp, and makes a system call, for ever.
    /// </summary>
    private static void EmitVectorLoop(Assembler a)
    {
        Label again = a.CreateLabel();
        a.Label(ref again);
        a.vmovq(xmm0, rax);
        a.vpermilpd(xmm1, xmm0, 0);
        a.vinsertf128(ymm0, ymm0, xmm1, 1);
        a.vextractf128(xmm4, ymm3, 1);
        a.vpaddq(xmm4, xmm4, xmm1);
        a.vinsertf128(ymm3, ymm3, xmm4, 1);
        a.vpaddq(xmm9, xmm9, xmm1);
        a.vmovq(rbx, xmm4);
        a.vmovq(rbp, xmm9);
        a.syscall();
        a.jmp(again);
    }

    private static byte[] Filled(int count, byte value)
    {
        byte[] data = new byte[count];
        Array.Fill(data, value);
        return data;
    }
}
