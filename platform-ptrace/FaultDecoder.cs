using System;

namespace Platform.Ptrace;

/// <summary>
/// Says from the instruction and the registers what a page fault attempted, which ptrace does not tell. Knows the
/// instructions that compilers and
/// C libraries use (SDM vol. 2, appendix A); for others it says nothing.
/// </summary>
internal static class FaultDecoder
{
    /// <summary>Longest instruction of the architecture.</summary>
    public const int MaxInstructionBytes = 15;

    /// <summary>How far from its pointer one step of a string instruction may fault.</summary>
    private const ulong StringWindow = 64;

    /// <summary>Bytes an instruction may write below the stack pointer or read above it.</summary>
    private const ulong StackWindow = 16;

    /// <summary>An operand's size, generously.</summary>
    private const ulong OperandWindow = 64;

    // What an opcode does to memory: r and w read and write the ModRM operand; p pushes, o pops, c reads the operand
    // and pushes; M moves a
    // string, S stores one (rdi), L only reads one; R and W read and write at an address in the instruction; g asks
    // the reg field, x the prefix.
    private const string OneByte =
        "wwrr....wwrr...." +
        "wwrr....wwrr...." +
        "wwrr....wwrr...." +
        "wwrr....rrrr...." +
        "................" +
        "ppppppppoooooooo" +
        "...r....prprSSLL" +
        "................" +
        "gg.grrwwwwrrw.rw" +
        "............po.." +
        "RRWWMMLL..SSLLLL" +
        "................" +
        "wwoo..wwpooo...o" +
        "wwww...Rrgrgrgrg" +
        "........p......." +
        "......gg......gg";

    private const string TwoByte =
        "................" +
        "rwrwrrrw........" +
        "........rwrwrrrr" +
        "................" +
        "rrrrrrrrrrrrrrrr" +
        ".rrrrrrrrrrrrrrr" +
        "rrrrrrrrrrrrrrrr" +
        "r...rrr.....rrxw" +
        "................" +
        "wwwwwwwwwwwwwwww" +
        "po.rww..po.wwwgr" +
        "ww.w..rrr.gwrrrr" +
        "wwrwr.rg........" +
        "rrrrrrw.rrrrrrrr" +
        "rrrrrrrwrrrrrrrr" +
        "rrrrrrrSrrrrrrr.";

    /// <summary>What the fault attempted; <see cref="MemoryAccess.None"/> if the instruction is not known.</summary>
    /// <param name="code">The bytes from Rip on, as many as can be read.</param>
    /// <param name="r">Registers at the fault.</param>
    /// <param name="address">The faulting address.</param>
    public static MemoryAccess Classify(ReadOnlySpan<byte> code, in GuestRegisters r, ulong address)
    {
        ulong ahead = unchecked(address - r.Rip);
        if (ahead < MaxInstructionBytes && ahead >= (ulong)code.Length)
        {
            return MemoryAccess.Execute;
        }
        var instruction = new FaultInstruction(code);
        char effect = r.Cs == Tracing.UserCs ? EffectOf(in instruction) : '.';
        if (ahead < MaxInstructionBytes && !Touches(effect, in instruction, in r, address))
        {
            return MemoryAccess.Execute;
        }
        return effect switch
        {
            'r' when instruction.HasMemoryOperand => MemoryAccess.Read,
            'w' when instruction.HasMemoryOperand => MemoryAccess.Write,
            'R' or 'L' or 'o' => MemoryAccess.Read,
            'W' or 'S' or 'p' => MemoryAccess.Write,
            'M' => IsNear(address, r.Rdi, StringWindow) ? MemoryAccess.Write : MemoryAccess.Read,
            'c' => IsNear(address, r.Rsp - StackWindow, StackWindow) ? MemoryAccess.Write : MemoryAccess.Read,
            _ => MemoryAccess.None,
        };
    }

    private static char EffectOf(in FaultInstruction instruction)
    {
        byte opcode = instruction.Opcode;
        switch (instruction.Map)
        {
            case OpcodeMap.OneByte:
                return OneByte[opcode] == 'g' ? OneByteGroup(opcode, instruction.Reg) : OneByte[opcode];
            case OpcodeMap.TwoByte:
                return TwoByte[opcode] switch
                {
                    'g' when opcode == 0xae && instruction.Prefix != 0 => 'r',
                    'g' => TwoByteGroup(opcode, instruction.Reg),
                    'x' => instruction.Prefix == 0xf3 ? 'r' : 'w',
                    char effect => effect,
                };
            case OpcodeMap.ThreeByte38:
                return ThreeByte38(in instruction);
            case OpcodeMap.ThreeByte3A:
                return opcode is 0x14 or 0x15 or 0x16 or 0x17 or 0x19 or 0x1d or 0x39 ? 'w' : 'r';
            default:
                return '.';
        }
    }

    private static char ThreeByte38(in FaultInstruction instruction) => instruction.Opcode switch
    {
        // Masked stores.
        0x2e or 0x2f or 0x8e => instruction.IsVex ? 'w' : '.',
        0xf1 => instruction.Prefix == 0xf2 || instruction.IsVex ? 'r' : 'w',
        0xf6 => instruction.Prefix == 0 ? 'w' : 'r',
        0xf9 => 'w',
        _ => instruction.Opcode is >= 0x80 and <= 0x8f or > 0xf9 or 0xf5 or 0xf8 ? '.' : 'r',
    };

    private static char OneByteGroup(byte opcode, int reg) => opcode switch
    {
        0x80 or 0x81 or 0x83 => "wwwwwwwr"[reg],
        0xd9 => "r.wwrrww"[reg],
        0xdb => "rwww.r.w"[reg],
        0xdd => "rwwwr.ww"[reg],
        0xdf => "rwwwrrww"[reg],
        0xf6 or 0xf7 => "rrwwrrrr"[reg],
        0xfe => "ww......"[reg],
        _ => "wwccrrc."[reg],
    };

    private static char TwoByteGroup(byte opcode, int reg) => opcode switch
    {
        0xae => "wrrwwrw."[reg],
        0xba => "....rwww"[reg],
        _ => ".w..w..."[reg],
    };

    /// <summary>
    /// Whether the instruction's own memory operands can be at the address, which lies within its bytes: then it is
    /// no fetch.
    /// </summary>
    private static bool Touches(char effect, in FaultInstruction instruction, in GuestRegisters r, ulong address)
    {
        switch (effect)
        {
            case 'M' or 'S' or 'L':
                return IsNear(address, r.Rdi, StringWindow) || IsNear(address, r.Rsi, StringWindow);
            case 'p' or 'o':
                return IsNear(address, r.Rsp - StackWindow, 2 * StackWindow);
            case 'r' or 'w' or 'c' when instruction.HasMemoryOperand:
                bool stack = effect == 'c' && IsNear(address, r.Rsp - StackWindow, StackWindow);
                return stack || IsNear(address, instruction.EffectiveAddress(in r) - StackWindow, OperandWindow);
            default:
                return false;
        }
    }

    private static bool IsNear(ulong address, ulong start, ulong bytes) => unchecked(address - start) < bytes;
}
