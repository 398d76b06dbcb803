using System;
using System.Buffers.Binary;
using System.Text;

namespace Stub;

/// <summary>
/// Builds the vDSO: an ELF shared object of one loadable segment (vdso(7)) with DT_HASH, symbol versions (LINUX_2.6)
/// and the functions of <see cref="VdsoCode"/>.
/// Mapped read and execute right after the page of <see cref="VdsoParameters"/>.
/// </summary>
public static class VdsoImage
{
    private const int HeaderBytes = 64;
    private const int ProgramHeaderBytes = 56;
    private const int SymbolBytes = 24;
    private const int PageBytes = 4096;
    private const string SoName = "linux-vdso.so.1";
    private const string Version = "LINUX_2.6";

    /// <summary>Result of the Sentry's own clock: the page cannot tell.</summary>
    public const long ClockUnusable = -1;

    /// <summary>Result of the Sentry's own clock: the page is being written, ask again.</summary>
    public const long ClockBusy = -2;

    /// <summary>Code of the Sentry's own clock, see <see cref="VdsoCode.EmitClock"/>.</summary>
    public static byte[] EmitClock(long parametersAddress) => VdsoCode.EmitClock(parametersAddress);

    /// <summary>The same, prepared.</summary>
    public static byte[] PreparedClock(long parametersAddress)
    {
        byte[] code = PreparedCode.Clock.ToArray();
        BinaryPrimitives.WriteInt64LittleEndian(code.AsSpan(PreparedCode.ClockOffsets[0]), parametersAddress);
        return code;
    }

    /// <summary>Code of <c>ulong read_tsc(void)</c>, ordered against earlier loads.</summary>
    public static byte[] EmitReadTsc() => VdsoCode.EmitReadTsc();

    /// <summary>The same, prepared.</summary>
    public static ReadOnlySpan<byte> PreparedReadTsc => PreparedCode.ReadTsc;

    /// <summary>The image as <see cref="Build"/> makes it.</summary>
    public static byte[] Prepared
    {
        get
        {
            byte[] image = new byte[Align(PreparedCode.Vdso.Length, PageBytes)];
            PreparedCode.Vdso.CopyTo(image);
            return image;
        }
    }

    /// <summary>The image, padded to whole pages.</summary>
    public static byte[] Build()
    {
        string[] names = VdsoText.Names;
        byte[] strings = BuildStrings(names, out int[] nameOffsets, out int soNameOffset, out int versionOffset);
        int dynamicOffset = HeaderBytes + (2 * ProgramHeaderBytes);
        const int DynamicEntries = 10;
        int hashOffset = dynamicOffset + (DynamicEntries * 16);
        int symbolOffset = Align(hashOffset + (4 * (2 + 1 + names.Length + 1)), 8);
        int stringOffset = symbolOffset + (SymbolBytes * (names.Length + 1));
        int versionSymbolOffset = Align(stringOffset + strings.Length, 2);
        int versionDefinitionOffset = Align(versionSymbolOffset + (2 * (names.Length + 1)), 8);
        int textOffset = Align(versionDefinitionOffset + (2 * 28), 64);
        VdsoText text = VdsoCode.EmitFunctions(textOffset);
        byte[] image = new byte[Align(textOffset + text.Bytes.Length, PageBytes)];

        WriteHeaders(image, dynamicOffset, DynamicEntries * 16);
        WriteDynamic(
            image.AsSpan(dynamicOffset),
            [5, stringOffset, 10, strings.Length, 6, symbolOffset, 11, SymbolBytes, 4, hashOffset, 14, soNameOffset,
                0x6ffffff0, versionSymbolOffset,
             0x6ffffffc, versionDefinitionOffset, 0x6ffffffd, 2]);
        WriteHash(image.AsSpan(hashOffset), names.Length + 1);
        strings.CopyTo(image.AsSpan(stringOffset));
        for (int i = 0; i < names.Length; i++)
        {
            int at = symbolOffset + (SymbolBytes * (i + 1));
            WriteSymbol(image.AsSpan(at), nameOffsets[i], textOffset + text.Offsets[i]);
            BinaryPrimitives.WriteUInt16LittleEndian(image.AsSpan(versionSymbolOffset + (2 * (i + 1))), 2);
        }

        WriteVersion(image.AsSpan(versionDefinitionOffset), 1, 1, SoName, soNameOffset, 28);
        WriteVersion(image.AsSpan(versionDefinitionOffset + 28), 0, 2, Version, versionOffset, 0);
        text.Bytes.CopyTo(image, textOffset);
        return image;
    }

    private static byte[] BuildStrings(string[] names, out int[] nameOffsets, out int soNameOffset,
        out int versionOffset)
    {
        StringBuilder table = new("\0");
        nameOffsets = new int[names.Length];
        for (int i = 0; i < names.Length; i++)
        {
            nameOffsets[i] = table.Length;
            table.Append(names[i]).Append('\0');
        }

        soNameOffset = table.Length;
        table.Append(SoName).Append('\0');
        versionOffset = table.Length;
        table.Append(Version).Append('\0');
        return Encoding.ASCII.GetBytes(table.ToString());
    }

    private static void WriteHeaders(Span<byte> image, int dynamicOffset, int dynamicBytes)
    {
        ReadOnlySpan<byte> ident = [0x7f, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1];
        ident.CopyTo(image);
        BinaryPrimitives.WriteUInt16LittleEndian(image[16..], 3);                   // ET_DYN
        BinaryPrimitives.WriteUInt16LittleEndian(image[18..], 62);                  // EM_X86_64
        BinaryPrimitives.WriteUInt32LittleEndian(image[20..], 1);
        BinaryPrimitives.WriteUInt64LittleEndian(image[32..], HeaderBytes);         // e_phoff
        BinaryPrimitives.WriteUInt16LittleEndian(image[52..], HeaderBytes);
        BinaryPrimitives.WriteUInt16LittleEndian(image[54..], ProgramHeaderBytes);
        BinaryPrimitives.WriteUInt16LittleEndian(image[56..], 2);
        BinaryPrimitives.WriteUInt16LittleEndian(image[58..], 64);                  // e_shentsize
        WriteProgramHeader(image[HeaderBytes..], 1, 5, 0, image.Length, PageBytes);
        WriteProgramHeader(image[(HeaderBytes + ProgramHeaderBytes)..], 2, 4, dynamicOffset, dynamicBytes, 8);
    }

    private static void WriteProgramHeader(Span<byte> at, uint type, uint flags, int offset, int bytes, int alignment)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(at, type);
        BinaryPrimitives.WriteUInt32LittleEndian(at[4..], flags);
        BinaryPrimitives.WriteInt64LittleEndian(at[8..], offset);
        BinaryPrimitives.WriteInt64LittleEndian(at[16..], offset);
        BinaryPrimitives.WriteInt64LittleEndian(at[24..], offset);
        BinaryPrimitives.WriteInt64LittleEndian(at[32..], bytes);
        BinaryPrimitives.WriteInt64LittleEndian(at[40..], bytes);
        BinaryPrimitives.WriteInt64LittleEndian(at[48..], alignment);
    }

    /// <summary>Tag and value in turn, ended by DT_NULL (the space after them is already zero).</summary>
    private static void WriteDynamic(Span<byte> at, ReadOnlySpan<int> entries)
    {
        for (int i = 0; i < entries.Length; i++)
        {
            BinaryPrimitives.WriteInt64LittleEndian(at[(i * 8)..], entries[i]);
        }
    }

    /// <summary>DT_HASH with one bucket: a chain through all symbols (gABI, "Hash Table").</summary>
    private static void WriteHash(Span<byte> at, int symbols)
    {
        BinaryPrimitives.WriteInt32LittleEndian(at, 1);
        BinaryPrimitives.WriteInt32LittleEndian(at[4..], symbols);
        BinaryPrimitives.WriteInt32LittleEndian(at[8..], 1);
        for (int i = 1; i < symbols; i++)
        {
            BinaryPrimitives.WriteInt32LittleEndian(at[(12 + (4 * i))..], i + 1 < symbols ? i + 1 : 0);
        }
    }

    private static void WriteSymbol(Span<byte> at, int nameOffset, int value)
    {
        const byte GlobalFunction = 1 << 4 | 2;
        BinaryPrimitives.WriteInt32LittleEndian(at, nameOffset);
        at[4] = GlobalFunction;
        BinaryPrimitives.WriteUInt16LittleEndian(at[6..], 1);                       // any section but SHN_UNDEF
        BinaryPrimitives.WriteInt64LittleEndian(at[8..], value);
        BinaryPrimitives.WriteInt64LittleEndian(at[16..], 1);
    }

    private static void WriteVersion(Span<byte> at, ushort flags, ushort index, string name, int nameOffset, int next)
    {
        const int DefinitionBytes = 20;
        BinaryPrimitives.WriteUInt16LittleEndian(at, 1);
        BinaryPrimitives.WriteUInt16LittleEndian(at[2..], flags);
        BinaryPrimitives.WriteUInt16LittleEndian(at[4..], index);
        BinaryPrimitives.WriteUInt16LittleEndian(at[6..], 1);
        BinaryPrimitives.WriteUInt32LittleEndian(at[8..], ElfHash(name));
        BinaryPrimitives.WriteInt32LittleEndian(at[12..], DefinitionBytes);
        BinaryPrimitives.WriteInt32LittleEndian(at[16..], next);
        BinaryPrimitives.WriteInt32LittleEndian(at[20..], nameOffset);
    }

    /// <summary>The hash function of the gABI.</summary>
    private static uint ElfHash(string name)
    {
        uint hash = 0;
        foreach (char c in name)
        {
            hash = (hash << 4) + c;
            uint high = hash & 0xf0000000;
            hash = (hash ^ (high >> 24)) & ~high;
        }

        return hash;
    }

    private static int Align(int value, int alignment) => (value + alignment - 1) & -alignment;
}
