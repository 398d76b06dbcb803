using Abi.Linux;

namespace HostOs;

/// <summary>Instructions of classic BPF as seccomp(2) takes them: struct sock_filter, one word each.</summary>
public static class ClassicBpf
{
    /// <summary>Offset of the call's number in struct seccomp_data.</summary>
    public const uint NumberOffset = 0;

    /// <summary>Offset of the AUDIT_ARCH_* value.</summary>
    public const uint ArchOffset = 4;

    /// <summary>Offset of the first of six arguments of 8 bytes.</summary>
    public const uint ArgumentsOffset = 16;

    /// <summary>The accumulator becomes the 32-bit word at an offset of struct seccomp_data.</summary>
    public static ulong Load(uint offset) => Encode(Bpf.BPF_LD | Bpf.BPF_W | Bpf.BPF_ABS, 0, 0, offset);

    /// <summary>The accumulator keeps the bits of the mask.</summary>
    public static ulong And(uint mask) => Encode(Bpf.BPF_ALU | Bpf.BPF_AND | Bpf.BPF_K, 0, 0, mask);

    /// <summary>Skips as many instructions as the outcome of accumulator == value says.</summary>
    public static ulong JumpIfEqual(uint value, byte whenEqual, byte otherwise) =>
        Jump(Bpf.BPF_JEQ, value, whenEqual, otherwise);

    /// <summary>Skips as many instructions as the outcome of a test (BPF_JEQ, BPF_JGT...) says.</summary>
    public static ulong Jump(int test, uint value, byte whenTrue, byte whenFalse) =>
        Encode(Bpf.BPF_JMP | test | Bpf.BPF_K, whenTrue, whenFalse, value);

    /// <summary>Skips instructions, more than a test can.</summary>
    public static ulong JumpAlways(uint distance) => Encode(Bpf.BPF_JMP | Bpf.BPF_JA, 0, 0, distance);

    /// <summary>Ends with a SECCOMP_RET_* action.</summary>
    public static ulong Return(uint action) => Encode(Bpf.BPF_RET | Bpf.BPF_K, 0, 0, action);

    private static ulong Encode(int code, byte whenTrue, byte whenFalse, uint k) =>
        (ushort)code | ((ulong)whenTrue << 16) | ((ulong)whenFalse << 24) | ((ulong)k << 32);
}
