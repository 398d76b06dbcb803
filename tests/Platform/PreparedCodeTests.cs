using System;
using System.Buffers.Binary;
using System.Globalization;
using System.IO;
using System.Text;
using Stub;
using Xunit;

namespace Tests.Platform;

/// <summary><c>stub/PreparedCode.cs</c> is what the emitters of that folder emit; <c>scripts/docs</c> writes it
/// again.</summary>
public sealed class PreparedCodeTests
{
    private const string File = "stub/PreparedCode.cs";

    /// <summary>Set by scripts/docs: the file is written instead of compared.</summary>
    private const string WriteVariable = "STUB_WRITE_CODE";

    private const ulong HighestBase = 0x7fffe0000000;
    private const long SomeAddress = 0x1122334455667788;

    [Fact]
    public void The_file_of_prepared_code_is_what_is_emitted()
    {
        string text = Render();
        string path = Path.Combine(Root(), File);
        if (Environment.GetEnvironmentVariable(WriteVariable) is { Length: > 0 })
        {
            System.IO.File.WriteAllText(path, text);
        }

        Assert.Equal(text, System.IO.File.ReadAllText(path));
    }

    [Fact]
    public void Prepared_functions_begin_where_emitted_ones_do()
    {
        Assert.Equal(SpawnCode.Emit().Code, SpawnCode.Prepared.Code);
        Assert.Equal(Offsets(SpawnCode.Emit()), Offsets(SpawnCode.Prepared));
        Assert.Equal(SafeCopyCode.Emit().Code, SafeCopyCode.Prepared.Code);
        Assert.Equal(Offsets(SafeCopyCode.Emit()), Offsets(SafeCopyCode.Prepared));
        Assert.Equal(StubPage.Emit().Code, StubPage.Prepared.Code);
        Assert.Equal(Offsets(StubPage.Emit()), Offsets(StubPage.Prepared));
    }

    [Theory]
    [InlineData(HighestBase)]
    [InlineData(HighestBase - 0x20000000)]
    [InlineData(0x7f0000000000)]
    [InlineData(0x7e5a00000000)]
    public void A_prepared_page_is_the_emitted_one_where_the_base_takes_four_bytes(ulong address)
    {
        SystrapPage emitted = SystrapPage.Emit(address);
        SystrapPage prepared = SystrapPage.Prepare(address);
        Assert.Equal(emitted.Code, prepared.Code);
        Assert.Equal(Offsets(emitted), Offsets(prepared));
    }

    [Theory]
    [InlineData(SomeAddress)]
    [InlineData(0x7fff00001000)]
    [InlineData(0x1000)]
    public void A_prepared_clock_is_the_emitted_one_at_any_address(long address) =>
        Assert.Equal(VdsoImage.EmitClock(address), VdsoImage.PreparedClock(address));

    [Fact]
    public void The_prepared_vdso_is_the_built_one()
    {
        Assert.Equal(VdsoImage.Build(), VdsoImage.Prepared);
        Assert.Equal(VdsoImage.EmitReadTsc(), VdsoImage.PreparedReadTsc.ToArray());
    }

    private static int[] Offsets(SpawnCode code) => [code.SpawnOffset, code.ForkToOffset];

    private static int[] Offsets(SafeCopyCode code) =>
    [
        code.CopyOffset, code.ClearOffset, code.Load32Offset, code.Store32Offset, code.Cas32Offset, code.Cas64Offset,
        code.HandlerOffset, code.RestorerOffset,
    ];

    private static int[] Offsets(StubPage page) =>
    [
        page.InitializeFpOffset, page.ParkedOffset, page.ScriptOffset, page.SpawnThreadOffset, page.ExitThreadOffset,
    ];

    private static int[] Offsets(SystrapPage page) =>
    [
        page.FirstStageOffset, page.HandlerOffset, page.RestorerOffset, page.CallOffset, page.CallSavedOffset,
        page.CallFlagsOffset, page.CallSavingOffset, page.CallGivenOffset, page.EndOffset, page.BaseBitsOffset,
    ];

    private static string Render()
    {
        StringBuilder text = new();
        text.Append("""
            using System;

            namespace Stub;

            /// <summary>
            /// What the emitters of this folder emit, in advance: made by <c>scripts/docs</c>, compared by
            /// tests/Platform. An assembler's tables would be a good part of every start.
            /// </summary>
            internal static class PreparedCode
            {

            """);
        Append(text, "Spawn", SpawnCode.Emit().Code, Offsets(SpawnCode.Emit()));
        Append(text, "SafeCopy", SafeCopyCode.Emit().Code, Offsets(SafeCopyCode.Emit()));
        Append(text, "Stub", StubPage.Emit().Code, Offsets(StubPage.Emit()));
        Append(text, "Systrap", SystrapPage.Emit(HighestBase).Code, Offsets(SystrapPage.Emit(HighestBase)));
        byte[] clock = VdsoImage.EmitClock(SomeAddress);
        byte[] address = new byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(address, SomeAddress);
        Append(text, "Clock", clock, [clock.AsSpan().IndexOf(address)]);
        Append(text, "ReadTsc", VdsoImage.EmitReadTsc(), []);
        Append(text, "Vdso", VdsoImage.Build().AsSpan().TrimEnd((byte)0), []);
        text.Length--;
        return text.Append("}\n").ToString();
    }

    private static void Append(StringBuilder text, string name, ReadOnlySpan<byte> code, int[] offsets)
    {
        const int PerLine = 18;
        text.Append("    internal static ReadOnlySpan<byte> ").Append(name).Append(" =>\n    [\n");
        for (int at = 0; at < code.Length; at += PerLine)
        {
            text.Append("       ");
            foreach (byte value in code[at..Math.Min(at + PerLine, code.Length)])
            {
                text.Append(CultureInfo.InvariantCulture, $" 0x{value:x2},");
            }

            text.Append('\n');
        }

        text.Append("    ];\n\n");
        if (offsets.Length > 0)
        {
            text.Append("    internal static ReadOnlySpan<int> ").Append(name).Append("Offsets => [")
                .AppendJoin(", ", offsets).Append("];\n\n");
        }
    }

    private static string Root()
    {
        string? folder = AppContext.BaseDirectory;
        while (folder is not null && !System.IO.File.Exists(Path.Combine(folder, "Perf.sln")))
        {
            folder = Path.GetDirectoryName(folder);
        }

        return folder ?? throw new InvalidOperationException("no repository above " + AppContext.BaseDirectory);
    }
}
