using System;

namespace Platform.Ptrace;

/// <summary>The table an opcode byte belongs to.</summary>
internal enum OpcodeMap
{
    Unknown,
    OneByte,
    TwoByte,
    ThreeByte38,
    ThreeByte3A,
}

/// <summary>
/// The parts of an instruction in 64-bit mode that say where it touches memory: prefixes, opcode, ModRM (SDM vol. 2,
/// chapter 2).
/// </summary>
internal readonly ref struct FaultInstruction
{
    private readonly ReadOnlySpan<byte> _code;
    private readonly int _modRmAt;
    private readonly int _rexB;
    private readonly int _rexX;
    private readonly byte _segment;

    /// <summary>Takes the instruction apart; bytes that are missing read as 0.</summary>
    public FaultInstruction(ReadOnlySpan<byte> code)
    {
        _code = code;
        int at = 0;
        byte rex = 0;
        for (byte b = this[at]; IsPrefix(b); b = this[++at])
        {
            Prefix = b is 0x66 or 0xf2 or 0xf3 && Prefix is 0 or 0x66 ? b : Prefix;
            _segment = b is 0x64 or 0x65 ? b : _segment;
        }
        if (this[at] is >= 0x40 and <= 0x4f)
        {
            rex = this[at++];
        }
        _rexX = (rex & 2) << 2;
        _rexB = (rex & 1) << 3;
        byte first = this[at++];
        Map = OpcodeMap.OneByte;
        Opcode = first;
        if (first == 0x0f)
        {
            Opcode = this[at++];
            Map = Opcode switch
            {
                0x38 => OpcodeMap.ThreeByte38,
                0x3a => OpcodeMap.ThreeByte3A,
                _ => OpcodeMap.TwoByte,
            };
            Opcode = Map == OpcodeMap.TwoByte ? Opcode : this[at++];
        }
        else if (first is 0xc4 or 0xc5)
        {
            // In 64-bit mode these are always VEX. The short form inverts R, the long one R, X and B.
            byte low = first == 0xc5 ? (byte)1 : (byte)(this[at] & 0x1f);
            _rexX = first == 0xc4 && (this[at] & 0x40) == 0 ? 8 : 0;
            _rexB = first == 0xc4 && (this[at] & 0x20) == 0 ? 8 : 0;
            at += first == 0xc4 ? 1 : 0;
            Prefix = (this[at++] & 3) switch { 1 => 0x66, 2 => 0xf3, 3 => 0xf2, _ => 0 };
            IsVex = true;
            Opcode = this[at++];
            Map = low switch
            {
                1 => OpcodeMap.TwoByte,
                2 => OpcodeMap.ThreeByte38,
                3 => OpcodeMap.ThreeByte3A,
                _ => OpcodeMap.Unknown,
            };
        }
        else if (first == 0x62)
        {
            Map = OpcodeMap.Unknown;
        }
        _modRmAt = at;
    }

    /// <summary>Which table <see cref="Opcode"/> is from.</summary>
    public OpcodeMap Map { get; }

    /// <summary>Last opcode byte.</summary>
    public byte Opcode { get; }

    /// <summary>The mandatory prefix 66, F2 or F3 (the last two win), 0 for none.</summary>
    public byte Prefix { get; }

    /// <summary>Encoded with VEX.</summary>
    public bool IsVex { get; }

    /// <summary>The reg field of ModRM.</summary>
    public int Reg => (ModRm >> 3) & 7;

    /// <summary>Whether ModRM, if the opcode has one, names memory.</summary>
    public bool HasMemoryOperand => (ModRm & 0xc0) != 0xc0;

    private byte ModRm => this[_modRmAt];

    private byte this[int index] => (uint)index < (uint)_code.Length ? _code[index] : (byte)0;

    /// <summary>The address of the memory operand; relative to Rip only to within the length of an immediate.</summary>
    public ulong EffectiveAddress(in GuestRegisters r)
    {
        int mod = ModRm >> 6;
        int rm = ModRm & 7;
        int at = _modRmAt + 1;
        ulong address = _segment switch { 0x64 => r.FsBase, 0x65 => r.GsBase, _ => 0 };
        if (rm == 4)
        {
            byte sib = this[at++];
            int index = ((sib >> 3) & 7) | _rexX;
            address += index == 4 ? 0 : Register(in r, index) << (sib >> 6);
            bool noBase = mod == 0 && (sib & 7) == 5;
            address += noBase ? 0 : Register(in r, (sib & 7) | _rexB);
            mod = noBase ? 2 : mod;
        }
        else if (mod == 0 && rm == 5)
        {
            address += r.Rip + (ulong)(at + sizeof(int));
            mod = 2;
        }
        else
        {
            address += Register(in r, rm | _rexB);
        }
        return mod switch
        {
            1 => address + (ulong)(sbyte)this[at],
            2 => address + (ulong)Displacement(at),
            _ => address,
        };
    }

    private static bool IsPrefix(byte b) => b is 0x66 or 0x67 or 0xf0 or 0xf2 or 0xf3 or 0x2e or 0x36 or 0x3e or 0x26
        or 0x64 or 0x65;

    private static ulong Register(in GuestRegisters r, int number) => number switch
    {
        0 => r.Rax,
        1 => r.Rcx,
        2 => r.Rdx,
        3 => r.Rbx,
        4 => r.Rsp,
        5 => r.Rbp,
        6 => r.Rsi,
        7 => r.Rdi,
        8 => r.R8,
        9 => r.R9,
        10 => r.R10,
        11 => r.R11,
        12 => r.R12,
        13 => r.R13,
        14 => r.R14,
        _ => r.R15,
    };

    private int Displacement(int at) => this[at] | (this[at + 1] << 8) | (this[at + 2] << 16) | (this[at + 3] << 24);
}
