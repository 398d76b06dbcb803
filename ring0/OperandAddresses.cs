using System;
using Iced.Intel;

namespace Ring0;

/// <summary>Values of registers that an address may be made of.</summary>
public interface IRegisterValues
{
    /// <summary>General register by its number in instruction encodings: rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8...
    /// </summary>
    ulong General(int number);

    ulong FsBase { get; }

    ulong GsBase { get; }

    ulong Rip { get; }
}

/// <summary>
/// Which memory an instruction touches, for a fault of which nobody kept the address. Slow: for faults that end in a
/// signal.
/// </summary>
public static class OperandAddresses
{
    private const int LongestInstruction = 15;

    /// <summary>Fills in addresses, the instruction's own first; returns how many there are.</summary>
    public static int Find(ReadOnlySpan<byte> code, IRegisterValues registers, Span<ulong> addresses)
    {
        int count = 0;
        addresses[count++] = registers.Rip;
        var decoder = Decoder.Create(
            64, new ByteArrayCodeReader(code[..int.Min(code.Length, LongestInstruction)].ToArray()), registers.Rip);
        decoder.Decode(out Instruction instruction);
        if (instruction.IsInvalid)
        {
            return count;
        }
        addresses[count++] = registers.Rip + (ulong)instruction.Length - 1;
        foreach (UsedMemory memory in new InstructionInfoFactory().GetInfo(instruction).GetUsedMemory())
        {
            if (count < addresses.Length && memory.TryGetVirtualAddress(0, out ulong address, Value))
            {
                addresses[count++] = address;
            }
        }
        return count;

        bool Value(Register register, int elementIndex, int elementSize, out ulong value)
        {
            value = register switch
            {
                Register.FS => registers.FsBase,
                Register.GS => registers.GsBase,
                >= Register.ES and <= Register.GS => 0,
                >= Register.EAX and <= Register.R15D => (uint)registers.General(register - Register.EAX),
                >= Register.RAX and <= Register.R15 => registers.General(register - Register.RAX),
                _ => 0,
            };
            return register is (>= Register.ES and <= Register.GS) or (>= Register.EAX and <= Register.R15);
        }
    }
}
