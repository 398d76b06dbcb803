using System.IO;
using Iced.Intel;

namespace Ring0;

/// <summary>Assembled machine code and where its labels came to stand.</summary>
internal sealed class CodeImage
{
    private readonly AssemblerResult _result;

    private CodeImage(byte[] bytes, AssemblerResult result)
    {
        Bytes = bytes;
        _result = result;
    }

    public byte[] Bytes { get; }

    /// <summary>Encodes for the address the code will run at.</summary>
    public static CodeImage Assemble(Assembler assembler, ulong address)
    {
        using var stream = new MemoryStream();
        AssemblerResult result = assembler.Assemble(
            new StreamCodeWriter(stream), address, BlockEncoderOptions.ReturnNewInstructionOffsets);
        return new CodeImage(stream.ToArray(), result);
    }

    /// <summary>Address of a label.</summary>
    public ulong AddressOf(in Label label) => _result.GetLabelRIP(label);
}
