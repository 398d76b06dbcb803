using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Text;
using global::Platform.Kvm;
using Xunit;

namespace Tests.Platform;

/// <summary>Files of KVM's statistics: KVM API documentation, 4.133.</summary>
public sealed class KvmStatisticTests
{
    private const int HeaderBytes = 24;
    private const int DescriptionBytes = 16;
    private const int NameBytes = 48;
    private const int Descriptions = HeaderBytes + NameBytes;
    private const int Data = 1000;

    private static readonly (string Name, ushort Values, uint Offset)[] Statistics =
    [
        ("exits", 1, 0), ("insn_emulation_fail", 1, 8), ("insn_emulation", 1, 16), ("none", 0, 24), ("last", 16, 32),
    ];

    [Theory]
    [InlineData("exits", 0)]
    [InlineData("insn_emulation", 16)]
    [InlineData("insn_emulation_fail", 8)]
    [InlineData("last", 32)]
    public void A_statistic_is_found_by_its_whole_name(string name, int offset)
    {
        Assert.True(KvmStatistic.TryFind(MakeFile(), Encoding.ASCII.GetBytes(name), out long found));
        Assert.Equal(Data + offset, found);
    }

    [Theory]
    [InlineData("insn_emul")]
    [InlineData("xits")]
    [InlineData("none")]
    [InlineData("a_name_that_is_as_long_as_the_room_for_it_or_longer")]
    public void What_is_not_there_is_not_found(string name) =>
        Assert.False(KvmStatistic.TryFind(MakeFile(), Encoding.ASCII.GetBytes(name), out _));

    [Fact]
    public void A_file_that_ends_early_has_what_it_has()
    {
        byte[] file = MakeFile();
        int lastEnds = Descriptions + (Statistics.Length * (DescriptionBytes + NameBytes));
        for (int length = 0; length < file.Length; length++)
        {
            Assert.Equal(length >= lastEnds, KvmStatistic.TryFind(file.AsSpan(0, length), "last"u8, out _));
        }
    }

    [Fact]
    public void A_header_with_absurd_numbers_leads_nowhere()
    {
        for (int field = 0; field < HeaderBytes / sizeof(uint); field++)
        {
            foreach (uint value in (uint[])[0, 1, 40, 32768, int.MaxValue, uint.MaxValue - 8, uint.MaxValue])
            {
                byte[] file = MakeFile();
                BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(field * sizeof(uint)), value);
                if (KvmStatistic.TryFind(file, "last"u8, out long offset))
                {
                    // Flags, the place of the identifier, more than there are, or where the data is: not looked at.
                    Assert.True(offset >= 32, $"field {field}, {value}");
                }
            }
        }
    }

    private static byte[] MakeFile()
    {
        var file = new List<byte>();
        foreach (uint field in (uint[])[0, NameBytes, (uint)Statistics.Length, HeaderBytes, Descriptions, Data])
        {
            file.AddRange(BitConverter.GetBytes(field));
        }
        file.AddRange(new byte[NameBytes]);
        foreach ((string name, ushort values, uint offset) in Statistics)
        {
            file.AddRange(BitConverter.GetBytes(0u));
            file.AddRange(BitConverter.GetBytes((short)0));
            file.AddRange(BitConverter.GetBytes(values));
            file.AddRange(BitConverter.GetBytes(offset));
            file.AddRange(BitConverter.GetBytes(0u));
            file.AddRange(Encoding.ASCII.GetBytes(name.PadRight(NameBytes, '\0')));
        }
        return [.. file];
    }
}
