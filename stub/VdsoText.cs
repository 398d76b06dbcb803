using System.IO;
using Iced.Intel;

namespace Stub;

/// <summary>The assembled functions of the vDSO and where each begins.</summary>
internal sealed class VdsoText
{
    /// <summary>Symbols in the order of their labels (vdso(7), x86-64 functions).</summary>
    internal static readonly string[] Names =
    [
        "__vdso_clock_gettime", "__vdso_gettimeofday", "__vdso_time", "__vdso_clock_getres", "__vdso_getcpu",
    ];

    private VdsoText(byte[] bytes, int[] offsets)
    {
        Bytes = bytes;
        Offsets = offsets;
    }

    internal byte[] Bytes { get; }

    /// <summary>Offset of each of <see cref="Names"/> from the start of the text.</summary>
    internal int[] Offsets { get; }

    /// <summary>
    /// Encodes the code as if the parameter page lay at 0 and the text at <paramref name="textAddress"/>, which fixes
    /// their distance.
    /// </summary>
    internal static VdsoText Assemble(Assembler a, Label[] labels, Label parameters, int textAddress)
    {
        // The label is placed after the code and the references to it are rewritten: an assembler knows no address
        // outside its code.
        Label end = parameters;
        a.Label(ref end);
        a.nop();
        using MemoryStream stream = new();
        AssemblerResult result = a.Assemble(new StreamCodeWriter(stream), (ulong)textAddress,
            BlockEncoderOptions.ReturnNewInstructionOffsets);
        byte[] bytes = stream.ToArray();
        Retarget(bytes, (ulong)textAddress, result.GetLabelRIP(end));
        int[] offsets = new int[labels.Length];
        for (int i = 0; i < labels.Length; i++)
        {
            offsets[i] = (int)result.GetLabelRIP(labels[i]) - textAddress;
        }

        return new VdsoText(bytes, offsets);
    }

    private static void Retarget(byte[] bytes, ulong textAddress, ulong placeholder)
    {
        Decoder decoder = Decoder.Create(64, new ByteArrayCodeReader(bytes), textAddress);
        while (decoder.IP < textAddress + (ulong)bytes.Length)
        {
            Instruction instruction = decoder.Decode();
            if (!instruction.IsIPRelativeMemoryOperand || instruction.IPRelativeMemoryAddress != placeholder)
            {
                continue;
            }

            ConstantOffsets place = decoder.GetConstantOffsets(instruction);
            int at = (int)(instruction.IP - textAddress) + place.DisplacementOffset;
            System.Buffers.Binary.BinaryPrimitives.WriteInt32LittleEndian(System.MemoryExtensions.AsSpan(bytes, at),
                -(int)instruction.NextIP);
        }
    }
}
