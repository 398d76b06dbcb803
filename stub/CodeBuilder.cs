using System.IO;
using Iced.Intel;

namespace Stub;

/// <summary>Assembles position-independent code and remembers where its labels came to stand.</summary>
internal sealed class CodeBuilder
{
    private readonly AssemblerResult _result;

    private CodeBuilder(byte[] bytes, AssemblerResult result)
    {
        Bytes = bytes;
        _result = result;
    }

    /// <summary>The encoded instructions.</summary>
    public byte[] Bytes { get; }

    /// <summary>
    /// Encodes everything given to <paramref name="assembler"/> for address 0: references are relative, so any
    /// address will do.
    /// </summary>
    public static CodeBuilder Assemble(Assembler assembler)
    {
        using var stream = new MemoryStream();
        AssemblerResult result = assembler.Assemble(
            new StreamCodeWriter(stream), 0, BlockEncoderOptions.ReturnNewInstructionOffsets);
        return new CodeBuilder(stream.ToArray(), result);
    }

    /// <summary>Offset of a label from the start of the code.</summary>
    public int OffsetOf(in Label label) => (int)_result.GetLabelRIP(label);
}
