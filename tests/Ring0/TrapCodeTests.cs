using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Linq;
using global::Ring0;
using Iced.Intel;
using Xunit;

namespace Tests.Ring0;

/// <summary>Descriptor tables as a CPU reads them, and the trap code as a disassembler does.</summary>
public sealed class TrapCodeTests
{
    private const ulong Address = 0xffffff0000000000;
    private const ulong TssAddress = 0xffffff0012345080;

    private static readonly TrapCode Code = TrapCode.Emit(Address);

    [Fact]
    public void Every_gate_is_an_interrupt_gate_to_ring_0_on_a_stack_of_its_own()
    {
        byte[] idt = new byte[DescriptorTables.IdtBytes];
        DescriptorTables.WriteIdt(idt, Code.Vectors);
        for (int vector = 0; vector < DescriptorTables.Vectors; vector++)
        {
            ReadOnlySpan<byte> gate = idt.AsSpan(vector * DescriptorTables.GateBytes);
            ulong target = BinaryPrimitives.ReadUInt16LittleEndian(gate)
                | ((ulong)BinaryPrimitives.ReadUInt16LittleEndian(gate[6..]) << 16)
                | ((ulong)BinaryPrimitives.ReadUInt32LittleEndian(gate[8..]) << 32);
            Assert.Equal(Code.Vectors[vector], target);
            Assert.Equal(DescriptorTables.KernelCode, BinaryPrimitives.ReadUInt16LittleEndian(gate[2..]));
            Assert.NotEqual(0, gate[4] & 7);
            Assert.Equal(vector is 3 or 4 ? 0xee : 0x8e, gate[5]);
        }
    }

    [Fact]
    public void Descriptors_have_the_privilege_of_their_selector_and_data_is_not_code()
    {
        byte[] gdt = new byte[DescriptorTables.GdtBytes];
        DescriptorTables.WriteGdt(gdt, TssAddress);
        (ushort Selector, bool Code)[] expected =
        [
            (DescriptorTables.KernelCode, true), (DescriptorTables.KernelData, false),
            (DescriptorTables.UserCode32, true), (DescriptorTables.UserData, false), (DescriptorTables.UserCode, true),
        ];
        foreach ((ushort selector, bool code) in expected)
        {
            ulong descriptor = BinaryPrimitives.ReadUInt64LittleEndian(gdt.AsSpan(selector & ~7));
            Assert.Equal(selector & 3, (int)(descriptor >> 45) & 3);
            Assert.Equal(code, ((descriptor >> 43) & 1) != 0);
            Assert.Equal(1UL, (descriptor >> 47) & 1);
            bool longMode = selector is DescriptorTables.KernelCode or DescriptorTables.UserCode;
            Assert.Equal(longMode, ((descriptor >> 53) & 1) != 0);
        }
        // SYSCALL: CS = STAR[47:32], SS = CS + 8. SYSRET to 64 bits: CS = STAR[63:48] + 16, SS = STAR[63:48] + 8.
        Assert.Equal(DescriptorTables.KernelCode, (int)((DescriptorTables.Star >> 32) & 0xffff));
        Assert.Equal(DescriptorTables.KernelData, (int)((DescriptorTables.Star >> 32) & 0xffff) + 8);
        Assert.Equal(DescriptorTables.UserCode, (int)(DescriptorTables.Star >> 48) + 16);
        Assert.Equal(DescriptorTables.UserData, (int)(DescriptorTables.Star >> 48) + 8);
    }

    [Fact]
    public void The_task_state_lies_where_its_descriptor_says_and_opens_no_port()
    {
        byte[] gdt = new byte[DescriptorTables.GdtBytes];
        DescriptorTables.WriteGdt(gdt, TssAddress);
        ReadOnlySpan<byte> descriptor = gdt.AsSpan(DescriptorTables.TaskState);
        ulong low = BinaryPrimitives.ReadUInt64LittleEndian(descriptor);
        ulong at = ((low >> 16) & 0xffffff) | ((low >> 56) << 24)
            | (BinaryPrimitives.ReadUInt64LittleEndian(descriptor[8..]) << 32);
        Assert.Equal(TssAddress, at);
        Assert.Equal(0x89UL, (low >> 40) & 0xff);
        byte[] tss = new byte[DescriptorTables.TssBytes];
        DescriptorTables.WriteTss(tss, 0xffffff0000001000);
        Assert.Equal(0xffffff0000001000, BinaryPrimitives.ReadUInt64LittleEndian(tss.AsSpan(0x24)));
        Assert.True(BinaryPrimitives.ReadUInt16LittleEndian(tss.AsSpan(0x66)) >= (low & 0xffff));
    }

    [Fact]
    public void Every_trap_halts_at_once_and_the_place_tells_which()
    {
        ulong[] entries = [.. Code.Vectors, Code.SystemCall];
        for (int i = 0; i < entries.Length; i++)
        {
            List<Instruction> halt = Disassemble(entries[i], 2);
            Assert.Equal((Mnemonic.Hlt, Mnemonic.Ud2), (halt[0].Mnemonic, halt[1].Mnemonic));
            Assert.True(Code.TryGetVector(halt[0].NextIP, out int vector));
            Assert.Equal(i, vector);
        }
        Assert.False(Code.TryGetVector(Address, out _));
        Assert.False(Code.TryGetVector(Code.TouchTables + 1, out _));
        Assert.False(Code.TryGetVector(0, out _));
    }

    [Fact]
    public void The_code_uses_no_stack_and_writes_only_where_it_is_told()
    {
        var info = new InstructionInfoFactory();
        foreach (Instruction instruction in Disassemble(Code.TouchTables, int.MaxValue))
        {
            Assert.False(instruction.IsStackInstruction, instruction.ToString());
            foreach (UsedMemory memory in info.GetInfo(instruction).GetUsedMemory())
            {
                bool writes = memory.Access is not (OpAccess.Read or OpAccess.CondRead);
                Assert.True(!writes || memory.Base == Register.RAX, instruction.ToString());
            }
        }
    }

    [Fact]
    public void What_ring_0_is_tried_with_touches_no_memory_and_finds_an_exact_quotient()
    {
        var info = new InstructionInfoFactory();
        foreach (ulong entry in (ulong[])[Code.Calibration, Code.Compute])
        {
            Mnemonic last = Mnemonic.INVALID;
            foreach (Instruction instruction in Disassemble(entry, int.MaxValue))
            {
                Assert.False(instruction.IsStackInstruction, instruction.ToString());
                Assert.Empty(info.GetInfo(instruction).GetUsedMemory());
                last = instruction.Mnemonic;
                if (last == Mnemonic.Hlt)
                {
                    break;
                }
            }
            Assert.Equal(Mnemonic.Hlt, last);
        }
        double quotient = BitConverter.UInt64BitsToDouble(TrapCode.Quotient);
        Assert.Equal(Math.Truncate(quotient), quotient);
    }

    [Theory]
    [InlineData("mov", 0x1010UL)]
    [InlineData("movs", 0x3000UL)]
    [InlineData("push", 0x1ff8UL)]
    [InlineData("fs", 0x10005UL)]
    public void Operand_addresses_are_those_the_instruction_uses(string kind, ulong expected)
    {
        byte[] code = kind switch
        {
            "mov" => [0x48, 0x8b, 0x47, 0x10],          // mov rax, [rdi+16]
            "movs" => [0xa4],                           // movsb
            "push" => [0x50],                           // push rax
            _ => [0x64, 0x8a, 0x04, 0x25, 5, 0, 0, 0],  // mov al, fs:[5]
        };
        Span<ulong> addresses = stackalloc ulong[8];
        int count = OperandAddresses.Find(code, new Values(), addresses);
        Assert.Contains(expected, addresses[..count].ToArray());
        Assert.Contains(0x400000UL, addresses[..count].ToArray());
    }

    private static List<Instruction> Disassemble(ulong address, int count)
    {
        int offset = (int)(address - Address);
        var decoder = Decoder.Create(64, Code.Bytes.AsSpan(offset).ToArray(), address);
        return decoder.TakeWhile(at => !at.IsInvalid).Take(count).ToList();
    }

    private sealed class Values : IRegisterValues
    {
        public ulong FsBase => 0x10000;

        public ulong GsBase => 0x20000;

        public ulong Rip => 0x400000;

        public ulong General(int number) => number switch { 4 => 0x2000, 6 => 0x3000, 7 => 0x1000, _ => 0 };
    }
}
