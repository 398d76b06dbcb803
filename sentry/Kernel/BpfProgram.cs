using System;
using Abi.Linux;
using static Abi.Linux.Bpf;

namespace Sentry.Kernel;

/// <summary>
/// A classic BPF program over the sixteen 32-bit words of a <c>struct seccomp_data</c> (seccomp(2);
/// Documentation/networking/filter.rst). Only checked programs exist: every jump goes forwards and stays inside, every
/// load is in range, and the last instruction returns; so a run ends and cannot fail.
/// </summary>
public sealed class BpfProgram
{
    /// <summary>Words of the data a program sees.</summary>
    public const int DataWords = 16;

    private const int WordBytes = 4;
    private const uint DataBytes = DataWords * WordBytes;
    private const int ShiftMask = 31;

    private readonly SockFilter[] _code;

    private BpfProgram(SockFilter[] code) => _code = code;

    /// <summary>Number of instructions.</summary>
    public int Length => _code.Length;

    /// <summary>
    /// Checks a program as seccomp(2) does (net/core/filter.c, bpf_check_classic; kernel/seccomp.c,
    /// seccomp_check_filter). EINVAL for anything else.
    /// </summary>
    public static Errno TryCreate(ReadOnlySpan<SockFilter> code, out BpfProgram? program)
    {
        program = null;
        if (code.Length is 0 or > BPF_MAXINSNS)
        {
            return Errno.EINVAL;
        }

        for (int at = 0; at < code.Length; at++)
        {
            if (!IsAllowed(code[at], code.Length - at - 1))
            {
                return Errno.EINVAL;
            }
        }

        if ((code[^1].code & 7) != BPF_RET || !ReadsOnlyWhatItStored(code))
        {
            return Errno.EINVAL;
        }

        program = new BpfProgram(code.ToArray());
        return Errno.None;
    }

    /// <summary>Runs the program; the result is the action it returns.</summary>
    public uint Run(ReadOnlySpan<uint> data)
    {
        Span<uint> memory = stackalloc uint[BPF_MEMWORDS];
        memory.Clear();
        uint a = 0;
        uint x = 0;
        int at = 0;
        while (true)
        {
            ref readonly SockFilter step = ref _code[at];
            at++;
            switch (step.code & 7)
            {
                case BPF_LD:
                    a = Load(step, data, memory);
                    break;
                case BPF_LDX:
                    x = Load(step, data, memory);
                    break;
                case BPF_ST:
                    memory[(int)step.k] = a;
                    break;
                case BPF_STX:
                    memory[(int)step.k] = x;
                    break;
                case BPF_ALU:
                    if (!TryCompute(step, x, ref a))
                    {
                        return 0;
                    }

                    break;
                case BPF_JMP:
                    at += Jump(step, a, x);
                    break;
                case BPF_RET:
                    return (step.code & 0x18) == BPF_A ? a : step.k;
                default:
                    Move(step, ref a, ref x);
                    break;
            }
        }
    }

    private static void Move(in SockFilter step, ref uint a, ref uint x)
    {
        if ((step.code & 0xF8) == BPF_TXA)
        {
            a = x;
        }
        else
        {
            x = a;
        }
    }

    private static uint Load(in SockFilter step, ReadOnlySpan<uint> data, ReadOnlySpan<uint> memory) =>
        (step.code & 0xE0) switch
        {
            BPF_ABS => data[(int)(step.k / WordBytes)],
            BPF_MEM => memory[(int)step.k],
            BPF_LEN => DataBytes,
            _ => step.k,
        };

    /// <summary>False at a division by a register that is zero: the program then returns 0.</summary>
    private static bool TryCompute(in SockFilter step, uint x, ref uint a)
    {
        uint operand = (step.code & BPF_X) != 0 ? x : step.k;
        switch (step.code & 0xF0)
        {
            case BPF_ADD:
                a = unchecked(a + operand);
                return true;
            case BPF_SUB:
                a = unchecked(a - operand);
                return true;
            case BPF_MUL:
                a = unchecked(a * operand);
                return true;
            case BPF_DIV:
                a = operand == 0 ? 0 : a / operand;
                return operand != 0;
            case BPF_OR:
                a |= operand;
                return true;
            case BPF_AND:
                a &= operand;
                return true;
            case BPF_LSH:
                a <<= (int)(operand & ShiftMask);
                return true;
            case BPF_RSH:
                a >>= (int)(operand & ShiftMask);
                return true;
            case BPF_XOR:
                a ^= operand;
                return true;
            default:
                a = unchecked(0 - a);
                return true;
        }
    }

    private static int Jump(in SockFilter step, uint a, uint x)
    {
        uint operand = (step.code & BPF_X) != 0 ? x : step.k;
        bool holds;
        switch (step.code & 0xF0)
        {
            case BPF_JA:
                return (int)step.k;
            case BPF_JEQ:
                holds = a == operand;
                break;
            case BPF_JGT:
                holds = a > operand;
                break;
            case BPF_JGE:
                holds = a >= operand;
                break;
            default:
                holds = (a & operand) != 0;
                break;
        }

        return holds ? step.jt : step.jf;
    }

    /// <summary>Is the instruction one that filters may use, with operands in range? <paramref name="following"/>
    /// instructions come after it.</summary>
    private static bool IsAllowed(in SockFilter step, int following)
    {
        switch (step.code)
        {
            case BPF_LD | BPF_W | BPF_ABS:
                return step.k < DataBytes && step.k % WordBytes == 0;
            case BPF_LD | BPF_W | BPF_LEN or BPF_LDX | BPF_W | BPF_LEN or BPF_LD | BPF_IMM or BPF_LDX | BPF_IMM:
            case BPF_RET | BPF_K or BPF_RET | BPF_A or BPF_MISC | BPF_TAX or BPF_MISC | BPF_TXA:
            case BPF_ALU | BPF_NEG:
                return true;
            case BPF_LD | BPF_MEM or BPF_LDX | BPF_MEM or BPF_ST or BPF_STX:
                return step.k < BPF_MEMWORDS;
            case BPF_JMP | BPF_JA:
                return step.k < (uint)following;
            default:
                return (step.code & 7) switch
                {
                    BPF_ALU => IsArithmetic(step),
                    BPF_JMP => IsBranch(step) && step.jt < following && step.jf < following,
                    _ => false,
                };
        }
    }

    private static bool IsArithmetic(in SockFilter step)
    {
        bool isConstant = (step.code & BPF_X) == 0;
        return (step.code & ~0xFF) == 0 && (step.code & 0xF0) switch
        {
            BPF_ADD or BPF_SUB or BPF_MUL or BPF_OR or BPF_AND or BPF_XOR => true,
            BPF_DIV => !isConstant || step.k != 0,
            BPF_LSH or BPF_RSH => !isConstant || step.k <= ShiftMask,
            _ => false,
        };
    }

    private static bool IsBranch(in SockFilter step) => (step.code & ~0xFF) == 0
        && (step.code & 0xF0) is BPF_JEQ or BPF_JGT or BPF_JGE or BPF_JSET;

    /// <summary>Follows all paths at once: a scratch word may be read only where every path has written it.</summary>
    private static bool ReadsOnlyWhatItStored(ReadOnlySpan<SockFilter> code)
    {
        ushort[] arriving = new ushort[code.Length];
        Array.Fill(arriving, ushort.MaxValue);
        ushort written = 0;
        for (int at = 0; at < code.Length; at++)
        {
            ref readonly SockFilter step = ref code[at];
            written &= arriving[at];
            switch (step.code)
            {
                case BPF_ST or BPF_STX:
                    written |= (ushort)(1 << (int)step.k);
                    break;
                case BPF_LD | BPF_MEM or BPF_LDX | BPF_MEM when (written >> (int)step.k & 1) == 0:
                    return false;
                case BPF_JMP | BPF_JA:
                    arriving[at + 1 + (int)step.k] &= written;
                    written = ushort.MaxValue;
                    break;
                default:
                    written = Branch(step, arriving.AsSpan(at + 1), written);
                    break;
            }
        }

        return true;
    }

    private static ushort Branch(in SockFilter step, Span<ushort> following, ushort written)
    {
        if ((step.code & 7) != BPF_JMP)
        {
            return written;
        }

        following[step.jt] &= written;
        following[step.jf] &= written;
        return ushort.MaxValue;
    }
}
