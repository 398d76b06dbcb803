using System;
using System.Buffers.Binary;
using System.IO;
using Abi.Linux;
using Sentry.Loader;
using Xunit;

namespace Tests.Sentry.Loader;

/// <summary>The ELF parser on real, broken and random files.</summary>
public sealed class ElfFileTests
{
    [Fact]
    public void ARealProgramIsUnderstood()
    {
        byte[] bytes = File.ReadAllBytes("/bin/busybox");
        Assert.Equal(Errno.None, ElfFile.ParseHeader(bytes, out ElfHeader header));
        Assert.Equal(Errno.None, ElfFile.Parse(header, bytes.AsSpan((int)header.ProgramHeadersOffset),
            out ElfFile? file));
        Assert.True(file!.TryGetExtent(out ulong start, out ulong end));
        Assert.True(end > start);
        Assert.NotEqual(0UL, file.ProgramHeadersAddress());
    }

    [Theory]
    [InlineData(0, (byte)0x7e)]
    [InlineData(Elf.EI_CLASS, (byte)Elf.ELFCLASS32)]
    [InlineData(Elf.EI_DATA, (byte)Elf.ELFDATA2MSB)]
    [InlineData(16, (byte)Elf.ET_REL)]
    [InlineData(18, (byte)Elf.EM_386)]
    [InlineData(54, (byte)55)]
    [InlineData(56, (byte)0)]
    public void AChangedHeaderByteMakesItNoExecutable(int offset, byte value)
    {
        byte[] bytes = Sound();
        bytes[offset] = value;
        bytes[57] = offset == 56 ? (byte)0 : bytes[57];
        Assert.Equal(Errno.ENOEXEC, ElfFile.ParseHeader(bytes, out _));
    }

    [Fact]
    public void ASegmentThatIsLargerInTheFileThanInMemoryIsRefused()
    {
        byte[] bytes = Sound();
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(64 + 32), 0x3000);
        Assert.Equal(Errno.ENOEXEC, ParseAll(bytes));
    }

    [Fact]
    public void ASegmentThatWrapsAroundIsRefused()
    {
        byte[] bytes = Sound();
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(64 + 16), ulong.MaxValue & ~0xfffUL);
        Assert.Equal(Errno.ENOEXEC, ParseAll(bytes));
    }

    [Fact]
    public void ASegmentWhoseOffsetAndAddressDisagreeWithinAPageIsRefused()
    {
        byte[] bytes = Sound();
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(64 + 16), 0x400010);
        Assert.Equal(Errno.ENOEXEC, ParseAll(bytes));
    }

    [Fact]
    public void ATableThatIsCutOffIsRefused() => Assert.Equal(Errno.ENOEXEC, ParseAll(Sound().AsSpan(0, 64 + 55)));

    [Fact]
    public void NothingMutatedBreaksAPromise()
    {
        const int Rounds = 20000;
        int seed = Environment.TickCount;
        System.Random random = new(seed);
        for (int round = 0; round < Rounds; round++)
        {
            byte[] bytes = Sound();
            for (int change = 0; change < 4; change++)
            {
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            }

            Exception? thrown = Record.Exception(() => ElfFuzz.Run(bytes));
            Assert.True(thrown is null, "seed " + seed + " round " + round + ": " + thrown);
        }
    }

    private static Errno ParseAll(ReadOnlySpan<byte> bytes)
    {
        Errno errno = ElfFile.ParseHeader(bytes, out ElfHeader header);
        return errno != Errno.None ? errno : ElfFile.Parse(header, bytes[64..], out _);
    }

    /// <summary>A header and one loadable segment of a page.</summary>
    private static byte[] Sound()
    {
        byte[] bytes = new byte[64 + 56];
        "\u007fELF"u8.CopyTo(bytes);
        bytes[Elf.EI_CLASS] = Elf.ELFCLASS64;
        bytes[Elf.EI_DATA] = Elf.ELFDATA2LSB;
        bytes[Elf.EI_VERSION] = Elf.EV_CURRENT;
        Span<byte> all = bytes;
        BinaryPrimitives.WriteUInt16LittleEndian(all[16..], Elf.ET_EXEC);
        BinaryPrimitives.WriteUInt16LittleEndian(all[18..], Elf.EM_X86_64);
        BinaryPrimitives.WriteUInt64LittleEndian(all[24..], 0x400000);
        BinaryPrimitives.WriteUInt64LittleEndian(all[32..], 64);
        BinaryPrimitives.WriteUInt16LittleEndian(all[54..], 56);
        BinaryPrimitives.WriteUInt16LittleEndian(all[56..], 1);
        BinaryPrimitives.WriteUInt32LittleEndian(all[64..], Elf.PT_LOAD);
        BinaryPrimitives.WriteUInt32LittleEndian(all[68..], Elf.PF_R | Elf.PF_X);
        BinaryPrimitives.WriteUInt64LittleEndian(all[80..], 0x400000);
        BinaryPrimitives.WriteUInt64LittleEndian(all[96..], 0x1000);
        BinaryPrimitives.WriteUInt64LittleEndian(all[104..], 0x1000);
        BinaryPrimitives.WriteUInt64LittleEndian(all[112..], 0x1000);
        return bytes;
    }
}
