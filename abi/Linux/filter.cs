using System.Runtime.InteropServices;

namespace Abi.Linux;

/// <summary>Classic BPF, Linux's Documentation/networking/filter.rst.</summary>
[CHeader("linux/filter.h")]
public static class Bpf
{
    public const ushort BPF_LD = 0x00;
    public const ushort BPF_LDX = 0x01;
    public const ushort BPF_ST = 0x02;
    public const ushort BPF_STX = 0x03;
    public const ushort BPF_ALU = 0x04;
    public const ushort BPF_JMP = 0x05;
    public const ushort BPF_RET = 0x06;
    public const ushort BPF_MISC = 0x07;
    public const ushort BPF_W = 0x00;
    public const ushort BPF_H = 0x08;
    public const ushort BPF_B = 0x10;
    public const ushort BPF_IMM = 0x00;
    public const ushort BPF_ABS = 0x20;
    public const ushort BPF_IND = 0x40;
    public const ushort BPF_MEM = 0x60;
    public const ushort BPF_LEN = 0x80;
    public const ushort BPF_MSH = 0xa0;
    public const ushort BPF_ADD = 0x00;
    public const ushort BPF_SUB = 0x10;
    public const ushort BPF_MUL = 0x20;
    public const ushort BPF_DIV = 0x30;
    public const ushort BPF_OR = 0x40;
    public const ushort BPF_AND = 0x50;
    public const ushort BPF_LSH = 0x60;
    public const ushort BPF_RSH = 0x70;
    public const ushort BPF_NEG = 0x80;
    public const ushort BPF_MOD = 0x90;
    public const ushort BPF_XOR = 0xa0;
    public const ushort BPF_JA = 0x00;
    public const ushort BPF_JEQ = 0x10;
    public const ushort BPF_JGT = 0x20;
    public const ushort BPF_JGE = 0x30;
    public const ushort BPF_JSET = 0x40;
    public const ushort BPF_K = 0x00;
    public const ushort BPF_X = 0x08;
    public const ushort BPF_A = 0x10;
    public const ushort BPF_TAX = 0x00;
    public const ushort BPF_TXA = 0x80;
    public const ushort BPF_MEMWORDS = 16;

    // Longest program.
    public const int BPF_MAXINSNS = 4096;

    // Ancillary loads.
    public const int SKF_AD_OFF = -4096;
    public const int SKF_AD_PROTOCOL = 0;
    public const int SKF_AD_PKTTYPE = 4;
    public const int SKF_AD_IFINDEX = 8;
    public const int SKF_AD_NLATTR = 12;
    public const int SKF_AD_NLATTR_NEST = 16;
    public const int SKF_AD_MARK = 20;
    public const int SKF_AD_QUEUE = 24;
    public const int SKF_AD_HATYPE = 28;
    public const int SKF_AD_RXHASH = 32;
    public const int SKF_AD_CPU = 36;
    public const int SKF_AD_ALU_XOR_X = 40;
    public const int SKF_AD_VLAN_TAG = 44;
    public const int SKF_AD_VLAN_TAG_PRESENT = 48;
    public const int SKF_AD_PAY_OFFSET = 52;
    public const int SKF_AD_RANDOM = 56;
    public const int SKF_AD_VLAN_TPID = 60;
    public const int SKF_AD_MAX = 64;
    public const int SKF_NET_OFF = -1048576;
    public const int SKF_LL_OFF = -2097152;
}

/// <summary>One instruction.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct sock_filter", "linux/filter.h")]
public struct SockFilter
{
    public ushort code;
    public byte jt;
    public byte jf;
    public uint k;
}

/// <summary>A program.</summary>
[StructLayout(LayoutKind.Sequential)]
[CType("struct sock_fprog", "linux/filter.h")]
public struct SockFprog
{
    public ushort len;
    private UShorts3 _pad0;
    public ulong filter;
}
