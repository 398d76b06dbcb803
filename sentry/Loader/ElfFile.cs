using System;
using System.Buffers.Binary;
using Abi.Linux;

namespace Sentry.Loader;

/// <summary>One program header (elf(5)), checked for what the loader relies on.</summary>
public struct ElfSegment
{
    public uint Type;
    public uint Flags;
    public ulong Offset;
    public ulong Address;
    public ulong FileBytes;
    public ulong MemoryBytes;
    public ulong Alignment;
}

/// <summary>
/// The header of an ELF file and its program headers (elf(5), gABI chapter 5): only values the loader may use without
/// further checks.
/// </summary>
public sealed class ElfFile
{
    /// <summary>Bytes of the ELF header.</summary>
    public const int HeaderBytes = 64;

    /// <summary>Bytes of one program header.</summary>
    public const int ProgramHeaderBytes = 56;

    /// <summary>Most bytes of program headers (fs/binfmt_elf.c, load_elf_phdrs: one 64 KiB allocation).</summary>
    public const int MaxProgramHeadersBytes = 65536;

    private readonly ElfSegment[] _segments;

    private ElfFile(ElfHeader header, ElfSegment[] segments)
    {
        Header = header;
        _segments = segments;
    }

    /// <summary>The header.</summary>
    public ElfHeader Header { get; }

    /// <summary>Program headers in file order.</summary>
    public ReadOnlySpan<ElfSegment> Segments => _segments;

    /// <summary>
    /// Reads the header. ENOEXEC for anything but a 64-bit little-endian x86-64 executable or shared object with
    /// sound program headers.
    /// </summary>
    public static Errno ParseHeader(ReadOnlySpan<byte> bytes, out ElfHeader header)
    {
        header = default;
        if (bytes.Length < HeaderBytes || !bytes[..4].SequenceEqual("\u007fELF"u8)
            || bytes[Elf.EI_CLASS] != Elf.ELFCLASS64 || bytes[Elf.EI_DATA] != Elf.ELFDATA2LSB)
        {
            return Errno.ENOEXEC;
        }

        header.Type = BinaryPrimitives.ReadUInt16LittleEndian(bytes[16..]);
        ushort machine = BinaryPrimitives.ReadUInt16LittleEndian(bytes[18..]);
        header.Entry = BinaryPrimitives.ReadUInt64LittleEndian(bytes[24..]);
        header.ProgramHeadersOffset = BinaryPrimitives.ReadUInt64LittleEndian(bytes[32..]);
        ushort entryBytes = BinaryPrimitives.ReadUInt16LittleEndian(bytes[54..]);
        header.ProgramHeaderCount = BinaryPrimitives.ReadUInt16LittleEndian(bytes[56..]);
        int tableBytes = header.ProgramHeaderCount * ProgramHeaderBytes;
        bool sound = machine == Elf.EM_X86_64
            && header.Type is Elf.ET_EXEC or Elf.ET_DYN
            && entryBytes == ProgramHeaderBytes
            && tableBytes is > 0 and <= MaxProgramHeadersBytes
            && header.ProgramHeadersOffset <= long.MaxValue - MaxProgramHeadersBytes;
        return sound ? Errno.None : Errno.ENOEXEC;
    }

    /// <summary>Reads the program headers that go with a header. ENOEXEC when a loadable one is impossible.</summary>
    public static Errno Parse(in ElfHeader header, ReadOnlySpan<byte> table, out ElfFile? file)
    {
        file = null;
        if (table.Length < header.ProgramHeaderCount * ProgramHeaderBytes)
        {
            return Errno.ENOEXEC;
        }

        ElfSegment[] segments = new ElfSegment[header.ProgramHeaderCount];
        for (int i = 0; i < segments.Length; i++)
        {
            segments[i] = ParseSegment(table.Slice(i * ProgramHeaderBytes, ProgramHeaderBytes));
            if (segments[i].Type == Elf.PT_LOAD && !IsLoadable(segments[i]))
            {
                return Errno.ENOEXEC;
            }
        }

        file = new ElfFile(header, segments);
        return Errno.None;
    }

    /// <summary>The first segment of a type; false when there is none.</summary>
    public bool TryFind(uint type, out ElfSegment segment)
    {
        foreach (ElfSegment candidate in _segments)
        {
            if (candidate.Type == type)
            {
                segment = candidate;
                return true;
            }
        }

        segment = default;
        return false;
    }

    /// <summary>Lowest and highest page-rounded address of the loadable segments; false when there is none.</summary>
    public bool TryGetExtent(out ulong start, out ulong end)
    {
        const ulong PageMask = 4095;
        start = ulong.MaxValue;
        end = 0;
        foreach (ElfSegment segment in _segments)
        {
            if (segment.Type == Elf.PT_LOAD)
            {
                start = Math.Min(start, segment.Address & ~PageMask);
                end = Math.Max(end, (segment.Address + segment.MemoryBytes + PageMask) & ~PageMask);
            }
        }

        return end > start;
    }

    /// <summary>Largest power-of-two alignment of the loadable segments, at least a page.</summary>
    public ulong Alignment()
    {
        ulong result = 4096;
        foreach (ElfSegment segment in _segments)
        {
            bool counts = segment.Type == Elf.PT_LOAD && (segment.Alignment & (segment.Alignment - 1)) == 0;
            result = counts ? Math.Max(result, segment.Alignment) : result;
        }

        return result;
    }

    /// <summary>Address of the program headers in memory before relocation (AT_PHDR): in the segment that holds their
    /// file offset; 0 if none does.</summary>
    public ulong ProgramHeadersAddress()
    {
        ulong offset = Header.ProgramHeadersOffset;
        foreach (ElfSegment segment in _segments)
        {
            if (segment.Type == Elf.PT_LOAD && offset >= segment.Offset && offset - segment.Offset < segment.FileBytes)
            {
                return segment.Address + (offset - segment.Offset);
            }
        }

        return 0;
    }

    private static ElfSegment ParseSegment(ReadOnlySpan<byte> bytes) => new()
    {
        Type = BinaryPrimitives.ReadUInt32LittleEndian(bytes),
        Flags = BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]),
        Offset = BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..]),
        Address = BinaryPrimitives.ReadUInt64LittleEndian(bytes[16..]),
        FileBytes = BinaryPrimitives.ReadUInt64LittleEndian(bytes[32..]),
        MemoryBytes = BinaryPrimitives.ReadUInt64LittleEndian(bytes[40..]),
        Alignment = BinaryPrimitives.ReadUInt64LittleEndian(bytes[48..]),
    };

    /// <summary>No sum wraps, the image fits in user space, and file offset and address agree within a page.</summary>
    private static bool IsLoadable(in ElfSegment segment)
    {
        const ulong MaxAddress = 1UL << 47;
        const ulong MaxOffset = 1UL << 62;
        const ulong PageMask = 4095;
        return segment.FileBytes <= segment.MemoryBytes
            && segment.MemoryBytes <= MaxAddress
            && segment.Address <= MaxAddress - segment.MemoryBytes
            && segment.Offset <= MaxOffset
            && segment.FileBytes <= MaxOffset
            && ((segment.Offset ^ segment.Address) & PageMask) == 0;
    }
}

/// <summary>What the loader needs of an ELF header.</summary>
public struct ElfHeader
{
    public ushort Type;
    public ulong Entry;
    public ulong ProgramHeadersOffset;
    public int ProgramHeaderCount;
}
