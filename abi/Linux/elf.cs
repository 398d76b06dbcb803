using System.Runtime.InteropServices;

namespace Abi.Linux;

/// <summary>Constants of ELF, elf(5).</summary>
[CHeader("linux/elf.h")]
public static class Elf
{
    // e_ident.
    public const int EI_NIDENT = 16;
    public const int EI_MAG0 = 0;
    public const int EI_MAG1 = 1;
    public const int EI_MAG2 = 2;
    public const int EI_MAG3 = 3;
    public const int EI_CLASS = 4;
    public const int EI_DATA = 5;
    public const int EI_VERSION = 6;
    public const int EI_OSABI = 7;
    public const int EI_PAD = 8;
    public const int ELFMAG0 = 0x7f;
    public const int ELFMAG1 = 69;
    public const int ELFMAG2 = 76;
    public const int ELFMAG3 = 70;
    public const int SELFMAG = 4;
    public const int ELFCLASSNONE = 0;
    public const int ELFCLASS32 = 1;
    public const int ELFCLASS64 = 2;
    public const int ELFCLASSNUM = 3;
    public const int ELFDATANONE = 0;
    public const int ELFDATA2LSB = 1;
    public const int ELFDATA2MSB = 2;
    public const int EV_NONE = 0;
    public const int EV_CURRENT = 1;
    public const int EV_NUM = 2;
    public const int ELFOSABI_NONE = 0;
    public const int ELFOSABI_LINUX = 3;

    // e_type.
    public const ushort ET_NONE = 0;
    public const ushort ET_REL = 1;
    public const ushort ET_EXEC = 2;
    public const ushort ET_DYN = 3;
    public const ushort ET_CORE = 4;
    public const ushort ET_LOPROC = 0xff00;
    public const ushort ET_HIPROC = 0xffff;

    // Program headers.
    public const uint PT_NULL = 0;
    public const uint PT_LOAD = 1;
    public const uint PT_DYNAMIC = 2;
    public const uint PT_INTERP = 3;
    public const uint PT_NOTE = 4;
    public const uint PT_SHLIB = 5;
    public const uint PT_PHDR = 6;
    public const uint PT_TLS = 7;
    public const uint PT_LOOS = 0x60000000;
    public const uint PT_HIOS = 0x6fffffff;
    public const uint PT_LOPROC = 0x70000000;
    public const uint PT_HIPROC = 0x7fffffff;
    public const uint PT_GNU_EH_FRAME = 0x6474e550;
    public const uint PT_GNU_STACK = 0x6474e551;
    public const uint PT_GNU_RELRO = 0x6474e552;
    public const uint PT_GNU_PROPERTY = 0x6474e553;
    public const uint PT_AARCH64_MEMTAG_MTE = 0x70000002;

    // More program headers than e_phnum holds.
    public const ushort PN_XNUM = 0xffff;

    // p_flags.
    public const uint PF_R = 0x4;
    public const uint PF_W = 0x2;
    public const uint PF_X = 0x1;

    // Sections.
    public const uint SHT_NULL = 0;
    public const uint SHT_PROGBITS = 1;
    public const uint SHT_SYMTAB = 2;
    public const uint SHT_STRTAB = 3;
    public const uint SHT_RELA = 4;
    public const uint SHT_HASH = 5;
    public const uint SHT_DYNAMIC = 6;
    public const uint SHT_NOTE = 7;
    public const uint SHT_NOBITS = 8;
    public const uint SHT_REL = 9;
    public const uint SHT_SHLIB = 10;
    public const uint SHT_DYNSYM = 11;
    public const uint SHT_NUM = 12;
    public const uint SHT_LOPROC = 0x70000000;
    public const uint SHT_HIPROC = 0x7fffffff;
    public const uint SHT_LOUSER = 0x80000000;
    public const uint SHT_HIUSER = 0xffffffff;
    public const uint SHF_WRITE = 0x1;
    public const uint SHF_ALLOC = 0x2;
    public const uint SHF_EXECINSTR = 0x4;
    public const uint SHF_MERGE = 0x10;
    public const uint SHF_STRINGS = 0x20;
    public const uint SHF_INFO_LINK = 0x40;
    public const uint SHF_LINK_ORDER = 0x80;
    public const uint SHF_OS_NONCONFORMING = 0x100;
    public const uint SHF_GROUP = 0x200;
    public const uint SHF_TLS = 0x400;
    public const uint SHF_RELA_LIVEPATCH = 0x00100000;
    public const uint SHF_RO_AFTER_INIT = 0x00200000;
    public const uint SHF_ORDERED = 0x04000000;
    public const uint SHF_EXCLUDE = 0x08000000;
    public const uint SHF_MASKOS = 0x0ff00000;
    public const uint SHF_MASKPROC = 0xf0000000;

    // Special section indices.
    public const ushort SHN_UNDEF = 0;
    public const ushort SHN_LORESERVE = 0xff00;
    public const ushort SHN_LOPROC = 0xff00;
    public const ushort SHN_HIPROC = 0xff1f;
    public const ushort SHN_LIVEPATCH = 0xff20;
    public const ushort SHN_ABS = 0xfff1;
    public const ushort SHN_COMMON = 0xfff2;
    public const ushort SHN_HIRESERVE = 0xffff;

    // Dynamic section.
    public const long DT_NULL = 0;
    public const long DT_NEEDED = 1;
    public const long DT_PLTRELSZ = 2;
    public const long DT_PLTGOT = 3;
    public const long DT_HASH = 4;
    public const long DT_STRTAB = 5;
    public const long DT_SYMTAB = 6;
    public const long DT_RELA = 7;
    public const long DT_RELASZ = 8;
    public const long DT_RELAENT = 9;
    public const long DT_STRSZ = 10;
    public const long DT_SYMENT = 11;
    public const long DT_INIT = 12;
    public const long DT_FINI = 13;
    public const long DT_SONAME = 14;
    public const long DT_RPATH = 15;
    public const long DT_SYMBOLIC = 16;
    public const long DT_REL = 17;
    public const long DT_RELSZ = 18;
    public const long DT_RELENT = 19;
    public const long DT_PLTREL = 20;
    public const long DT_DEBUG = 21;
    public const long DT_TEXTREL = 22;
    public const long DT_JMPREL = 23;
    public const long DT_LOOS = 0x6000000d;
    public const long DT_HIOS = 0x6ffff000;
    public const long DT_VALRNGLO = 0x6ffffd00;
    public const long DT_VALRNGHI = 0x6ffffdff;
    public const long DT_ADDRRNGLO = 0x6ffffe00;
    public const long DT_GNU_HASH = 0x6ffffef5;
    public const long DT_ADDRRNGHI = 0x6ffffeff;
    public const long DT_VERSYM = 0x6ffffff0;
    public const long DT_RELACOUNT = 0x6ffffff9;
    public const long DT_RELCOUNT = 0x6ffffffa;
    public const long DT_FLAGS_1 = 0x6ffffffb;
    public const long DT_VERDEF = 0x6ffffffc;
    public const long DT_VERDEFNUM = 0x6ffffffd;
    public const long DT_VERNEED = 0x6ffffffe;
    public const long DT_VERNEEDNUM = 0x6fffffff;
    public const long DT_LOPROC = 0x70000000;
    public const long DT_HIPROC = 0x7fffffff;

    // Symbols.
    public const byte STB_LOCAL = 0;
    public const byte STB_GLOBAL = 1;
    public const byte STB_WEAK = 2;
    public const byte STN_UNDEF = 0;
    public const byte STT_NOTYPE = 0;
    public const byte STT_OBJECT = 1;
    public const byte STT_FUNC = 2;
    public const byte STT_SECTION = 3;
    public const byte STT_FILE = 4;
    public const byte STT_COMMON = 5;
    public const byte STT_TLS = 6;

    // Notes of core files, ptrace(2) PTRACE_GETREGSET.
    public const uint NT_PRSTATUS = 1;
    public const uint NT_PRFPREG = 2;
    public const uint NT_PRPSINFO = 3;
    public const uint NT_TASKSTRUCT = 4;
    public const uint NT_AUXV = 6;
    public const uint NT_SIGINFO = 0x53494749;
    public const uint NT_FILE = 0x46494c45;
    public const uint NT_PRXFPREG = 0x46e62b7f;
    public const uint NT_386_TLS = 0x200;
    public const uint NT_386_IOPERM = 0x201;
    public const uint NT_X86_XSTATE = 0x202;
    public const uint NT_X86_SHSTK = 0x204;
    public const uint NT_X86_XSAVE_LAYOUT = 0x205;

    /// <summary>e_machine of x86-64.</summary>
    public const ushort EM_X86_64 = 62;

    /// <summary>e_machine of i386.</summary>
    public const ushort EM_386 = 3;
}

/// <summary>ELF constants of x86-64, System V ABI.</summary>
[CHeader("elf.h")]
public static class ElfX8664
{
    // Relocations.
    public const uint R_X86_64_NONE = 0;
    public const uint R_X86_64_64 = 1;
    public const uint R_X86_64_PC32 = 2;
    public const uint R_X86_64_GOT32 = 3;
    public const uint R_X86_64_PLT32 = 4;
    public const uint R_X86_64_COPY = 5;
    public const uint R_X86_64_GLOB_DAT = 6;
    public const uint R_X86_64_JUMP_SLOT = 7;
    public const uint R_X86_64_RELATIVE = 8;
    public const uint R_X86_64_GOTPCREL = 9;
    public const uint R_X86_64_32 = 10;
    public const uint R_X86_64_32S = 11;
    public const uint R_X86_64_16 = 12;
    public const uint R_X86_64_PC16 = 13;
    public const uint R_X86_64_8 = 14;
    public const uint R_X86_64_PC8 = 15;
    public const uint R_X86_64_DTPMOD64 = 16;
    public const uint R_X86_64_DTPOFF64 = 17;
    public const uint R_X86_64_TPOFF64 = 18;
    public const uint R_X86_64_TLSGD = 19;
    public const uint R_X86_64_TLSLD = 20;
    public const uint R_X86_64_DTPOFF32 = 21;
    public const uint R_X86_64_GOTTPOFF = 22;
    public const uint R_X86_64_TPOFF32 = 23;
    public const uint R_X86_64_PC64 = 24;
    public const uint R_X86_64_GOTOFF64 = 25;
    public const uint R_X86_64_GOTPC32 = 26;
    public const uint R_X86_64_GOT64 = 27;
    public const uint R_X86_64_GOTPCREL64 = 28;
    public const uint R_X86_64_GOTPC64 = 29;
    public const uint R_X86_64_GOTPLT64 = 30;
    public const uint R_X86_64_PLTOFF64 = 31;
    public const uint R_X86_64_SIZE32 = 32;
    public const uint R_X86_64_SIZE64 = 33;
    public const uint R_X86_64_GOTPC32_TLSDESC = 34;
    public const uint R_X86_64_TLSDESC_CALL = 35;
    public const uint R_X86_64_TLSDESC = 36;
    public const uint R_X86_64_IRELATIVE = 37;
    public const uint R_X86_64_RELATIVE64 = 38;
    public const uint R_X86_64_GOTPCRELX = 41;
    public const uint R_X86_64_REX_GOTPCRELX = 42;
    public const uint R_X86_64_NUM = 43;

    // Notes and program properties.
    public const uint NT_GNU_ABI_TAG = 1;
    public const uint NT_GNU_HWCAP = 2;
    public const uint NT_GNU_BUILD_ID = 3;
    public const uint NT_GNU_GOLD_VERSION = 4;
    public const uint NT_GNU_PROPERTY_TYPE_0 = 5;
    public const uint GNU_PROPERTY_X86_ISA_1_USED = 0xc0010002;
    public const uint GNU_PROPERTY_X86_ISA_1_NEEDED = 0xc0008002;
    public const uint GNU_PROPERTY_X86_FEATURE_1_AND = 0xc0000002;
    public const uint GNU_PROPERTY_X86_ISA_1_BASELINE = 1;
    public const uint GNU_PROPERTY_X86_ISA_1_V2 = 2;
    public const uint GNU_PROPERTY_X86_ISA_1_V3 = 4;
    public const uint GNU_PROPERTY_X86_ISA_1_V4 = 8;
    public const uint GNU_PROPERTY_X86_FEATURE_1_IBT = 1;
    public const uint GNU_PROPERTY_X86_FEATURE_1_SHSTK = 2;
}

/// <summary>The ELF header.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("Elf64_Ehdr", "linux/elf.h")]
public struct Elf64Ehdr
{
    public Bytes16 e_ident;
    public ushort e_type;
    public ushort e_machine;
    public uint e_version;
    public ulong e_entry;
    public ulong e_phoff;
    public ulong e_shoff;
    public uint e_flags;
    public ushort e_ehsize;
    public ushort e_phentsize;
    public ushort e_phnum;
    public ushort e_shentsize;
    public ushort e_shnum;
    public ushort e_shstrndx;
}

/// <summary>A program header.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("Elf64_Phdr", "linux/elf.h")]
public struct Elf64Phdr
{
    public uint p_type;
    public uint p_flags;
    public ulong p_offset;
    public ulong p_vaddr;
    public ulong p_paddr;
    public ulong p_filesz;
    public ulong p_memsz;
    public ulong p_align;
}

/// <summary>A section header.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("Elf64_Shdr", "linux/elf.h")]
public struct Elf64Shdr
{
    public uint sh_name;
    public uint sh_type;
    public ulong sh_flags;
    public ulong sh_addr;
    public ulong sh_offset;
    public ulong sh_size;
    public uint sh_link;
    public uint sh_info;
    public ulong sh_addralign;
    public ulong sh_entsize;
}

/// <summary>A symbol.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("Elf64_Sym", "linux/elf.h")]
public struct Elf64Sym
{
    public uint st_name;
    public byte st_info;
    public byte st_other;
    public ushort st_shndx;
    public ulong st_value;
    public ulong st_size;
}

/// <summary>An entry of the dynamic section.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("Elf64_Dyn", "linux/elf.h")]
public struct Elf64Dyn
{
    public long d_tag;
    [CField("d_un.d_val")]
    public ulong d_val;
}

/// <summary>A relocation with addend.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("Elf64_Rela", "linux/elf.h")]
public struct Elf64Rela
{
    public ulong r_offset;
    public ulong r_info;
    public long r_addend;
}

/// <summary>The header of a note.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("Elf64_Nhdr", "linux/elf.h")]
public struct Elf64Nhdr
{
    public uint n_namesz;
    public uint n_descsz;
    public uint n_type;
}
