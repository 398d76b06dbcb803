using System;
using System.Collections.Generic;
using global::Platform;
using global::Platform.Ptrace;
using Iced.Intel;
using Xunit;
using static Iced.Intel.AssemblerRegisters;

namespace Tests.Platform;

/// <summary>The little decoder against Iced's, and on its own ground.</summary>
public sealed class FaultDecoderTests
{
    private const ulong Rip = 0x400000;
    private const ulong Pointer = 0x7000_0000;

    private static readonly GuestRegisters s_registers = new()
    {
        Rip = Rip, Cs = 0x33, Rsp = 0x9000_0000, Rdi = Pointer, Rsi = 0x8000_0000, Rax = Pointer, Rbx = Pointer,
        R12 = Pointer, R13 = Pointer,
    };

    public static TheoryData<string, Action<Assembler>, MemoryAccess> Instructions()
    {
        var data = new TheoryData<string, Action<Assembler>, MemoryAccess>();
        foreach ((Action<Assembler> emit, MemoryAccess access) in Cases())
        {
            string text = BitConverter.ToString(Guest.Assemble(emit, Rip));
            data.Add(text, emit, access);
        }
        return data;
    }

    [Theory]
    [MemberData(nameof(Instructions))]
    public void Reads_and_writes_are_told_apart(string text, Action<Assembler> emit, MemoryAccess expected)
    {
        byte[] code = Guest.Assemble(emit, Rip);
        Assert.Equal(expected, FaultDecoder.Classify(code, s_registers, Pointer));
        Assert.NotEqual("", text);
    }

    [Fact]
    public void A_fetch_is_told_from_an_access_to_the_instruction_itself()
    {
        byte[] store = Guest.Assemble(a => a.mov(__qword_ptr[rdi], rax), Rip);
        GuestRegisters r = s_registers;
        Assert.Equal(MemoryAccess.Execute, FaultDecoder.Classify(store, r, Rip));
        r.Rdi = Rip;
        Assert.Equal(MemoryAccess.Write, FaultDecoder.Classify(store, r, Rip));
        Assert.Equal(MemoryAccess.Execute, FaultDecoder.Classify([], r, Rip));
        Assert.Equal(MemoryAccess.Execute, FaultDecoder.Classify(store.AsSpan(0, 2), s_registers, Rip + 2));
        byte[] patch = Guest.Assemble(a => a.mov(__byte_ptr[Rip + 2], 1), Rip);
        Assert.Equal(MemoryAccess.Write, FaultDecoder.Classify(patch, s_registers, Rip + 2));
    }

    [Fact]
    public void Calls_and_string_moves_go_by_the_address()
    {
        byte[] call = Guest.Assemble(a => a.call(__qword_ptr[rdi]), Rip);
        Assert.Equal(MemoryAccess.Write, FaultDecoder.Classify(call, s_registers, s_registers.Rsp - 8));
        Assert.Equal(MemoryAccess.Read, FaultDecoder.Classify(call, s_registers, Pointer));
        byte[] move = Guest.Assemble(a => a.rep.movsq(), Rip);
        Assert.Equal(MemoryAccess.Write, FaultDecoder.Classify(move, s_registers, s_registers.Rdi + 7));
        Assert.Equal(MemoryAccess.Read, FaultDecoder.Classify(move, s_registers, s_registers.Rsi));
    }

    /// <summary>
    /// Random bytes that Iced decodes to an instruction with exactly one memory operand: whenever the little decoder
    /// says something, Iced says the
    /// same. Segment and system instructions, which a program does not execute, are left out.
    /// </summary>
    [Theory]
    [InlineData(11)]
    [InlineData(12)]
    public void What_it_says_about_random_instructions_agrees_with_Iced(int seed)
    {
        var random = new Random(seed);
        var factory = new InstructionInfoFactory();
        byte[] code = new byte[15];
        int compared = 0;
        var wrong = new Dictionary<Code, string>();
        for (int i = 0; i < 400_000; i++)
        {
            random.NextBytes(code);
            Shape(random, code);
            Instruction instruction = Decoder.Create(64, code, Rip).Decode();
            InstructionInfo info = factory.GetInfo(instruction);
            if (instruction.IsInvalid || !OneAccess(instruction, info, out MemoryAccess expected))
            {
                continue;
            }
            // Far from the instruction, the stack and the strings: the address says nothing.
            MemoryAccess said = FaultDecoder.Classify(code, new GuestRegisters { Rip = Rip, Cs = 0x33 }, 0x1234_0000);
            if (said == MemoryAccess.None)
            {
                continue;
            }
            compared++;
            if (said != expected)
            {
                wrong.TryAdd(instruction.Code, $"{instruction}: {said}, {Convert.ToHexString(code)}");
            }
        }
        Assert.True(wrong.Count == 0, $"{wrong.Count}:\n{string.Join('\n', wrong.Values)}");
        Assert.True(compared > 20_000, $"only {compared}");
    }

    /// <summary>Makes common prefixes and opcode maps likelier than chance does.</summary>
    private static void Shape(Random random, byte[] code)
    {
        int at = 0;
        byte[] prefixes = [0x66, 0xf2, 0xf3, 0x48, 0x41];
        if (random.Next(2) == 0)
        {
            code[at++] = prefixes[random.Next(prefixes.Length)];
        }
        int map = random.Next(4);
        if (map > 0)
        {
            code[at++] = 0x0f;
        }
        if (map > 1 && random.Next(4) == 0)
        {
            code[at] = map == 2 ? (byte)0x38 : (byte)0x3a;
        }
    }

    private static bool OneAccess(in Instruction instruction, in InstructionInfo info, out MemoryAccess access)
    {
        access = MemoryAccess.None;
        bool plain = !instruction.IsPrivileged && !instruction.IsStringInstruction && !instruction.IsStackInstruction &&
            instruction.CodeSize == CodeSize.Code64 && instruction.Encoding is EncodingKind.Legacy or EncodingKind.VEX;
        int count = 0;
        foreach (UsedMemory memory in info.GetUsedMemory())
        {
            count++;
            access = memory.Access switch
            {
                OpAccess.Read or OpAccess.CondRead => MemoryAccess.Read,
                OpAccess.Write or OpAccess.CondWrite or OpAccess.ReadWrite or OpAccess.ReadCondWrite =>
                    MemoryAccess.Write,
                _ => MemoryAccess.None,
            };
        }
        return plain && count == 1 && access != MemoryAccess.None;
    }

    private static IEnumerable<(Action<Assembler> Emit, MemoryAccess Access)> Cases()
    {
        const MemoryAccess Read = MemoryAccess.Read;
        const MemoryAccess Write = MemoryAccess.Write;
        yield return (a => a.mov(rcx, __[rdi]), Read);
        yield return (a => a.mov(__[rdi], cl), Write);
        yield return (a => a.mov(__dword_ptr[r12 + 8], 5), Write);
        yield return (a => a.mov(__byte_ptr[r13], 5), Write);
        yield return (a => a.add(__qword_ptr[rdi], 1), Write);
        yield return (a => a.cmp(__qword_ptr[rdi], 1), Read);
        yield return (a => a.cmp(__qword_ptr[rdi], rcx), Read);
        yield return (a => a.test(__byte_ptr[rdi], 1), Read);
        yield return (a => a.@lock.cmpxchg(__[rdi], rcx), Write);
        yield return (a => a.@lock.xadd(__[rdi], rcx), Write);
        yield return (a => a.xchg(__[rdi], rcx), Write);
        yield return (a => a.movzx(ecx, __byte_ptr[rdi]), Read);
        yield return (a => a.sete(__byte_ptr[rdi]), Write);
        yield return (a => a.movups(xmm0, __[rdi]), Read);
        yield return (a => a.movups(__[rdi], xmm0), Write);
        yield return (a => a.movaps(__[rdi], xmm0), Write);
        yield return (a => a.movntdq(__[rdi], xmm0), Write);
        yield return (a => a.movq(__qword_ptr[rdi], xmm0), Write);
        yield return (a => a.movq(xmm0, __qword_ptr[rdi]), Read);
        yield return (a => a.movd(__dword_ptr[rdi], xmm0), Write);
        yield return (a => a.movhps(__qword_ptr[rdi], xmm0), Write);
        yield return (a => a.vmovdqu(ymm0, __[rdi]), Read);
        yield return (a => a.vmovdqu(__[rdi], ymm9), Write);
        yield return (a => a.vpcmpeqb(ymm0, ymm1, __[rdi]), Read);
        yield return (a => a.vextracti128(__[rdi], ymm0, 1), Write);
        yield return (a => a.pextrb(__[rdi], xmm0, 1), Write);
        yield return (a => a.fstp(__dword_ptr[rdi]), Write);
        yield return (a => a.fld(__dword_ptr[rdi]), Read);
        yield return (a => a.fxsave(__[rdi]), Write);
        yield return (a => a.xsave(__[rdi]), Write);
        yield return (a => a.xrstor(__[rdi]), Read);
        yield return (a => a.ldmxcsr(__[rdi]), Read);
        yield return (a => a.neg(__qword_ptr[rdi]), Write);
        yield return (a => a.div(__qword_ptr[rdi]), Read);
        yield return (a => a.inc(__dword_ptr[rdi]), Write);
        yield return (a => a.push(__qword_ptr[rdi]), Read);
        yield return (a => a.jmp(__qword_ptr[rdi]), Read);
        yield return (a => a.bt(__dword_ptr[rdi], 3), Read);
        yield return (a => a.bts(__dword_ptr[rdi], 3), Write);
        yield return (a => a.movbe(__dword_ptr[rdi], ecx), Write);
        yield return (a => a.cmpxchg16b(__[rdi]), Write);
        yield return (a => a.rep.stosb(), Write);
        yield return (a => a.repne.scasb(), Read);
        yield return (a => a.lodsq(), Read);
        yield return (a => a.imul(ecx, __dword_ptr[rdi], 7), Read);
        yield return (a => a.shl(__qword_ptr[rdi], 3), Write);
        yield return (a => a.cmove(rcx, __[rdi]), Read);
        yield return (a => a.cvtsi2sd(xmm0, __qword_ptr[rdi]), Read);
    }
}
