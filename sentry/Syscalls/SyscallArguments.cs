using Sentry.Mm;

namespace Sentry.Syscalls;

/// <summary>The six argument registers of a system call (RDI, RSI, RDX, R10, R8, R9).</summary>
public readonly struct SyscallArguments
{
    private readonly ulong _a0;
    private readonly ulong _a1;
    private readonly ulong _a2;
    private readonly ulong _a3;
    private readonly ulong _a4;
    private readonly ulong _a5;

    public SyscallArguments(ulong a0, ulong a1, ulong a2, ulong a3, ulong a4, ulong a5)
    {
        _a0 = a0;
        _a1 = a1;
        _a2 = a2;
        _a3 = a3;
        _a4 = a4;
        _a5 = a5;
    }

    /// <summary>Argument as the full 64-bit register.</summary>
    public ulong this[int index] => index switch
    {
        0 => _a0,
        1 => _a1,
        2 => _a2,
        3 => _a3,
        4 => _a4,
        _ => _a5,
    };

    /// <summary>Argument of C type int (the upper half of the register is ignored, as by Linux).</summary>
    public int Int(int index) => (int)this[index];

    /// <summary>Argument of C type unsigned int.</summary>
    public uint UInt(int index) => (uint)this[index];

    /// <summary>Argument of C type long.</summary>
    public long Long(int index) => (long)this[index];

    /// <summary>Argument that is a guest pointer.</summary>
    public GuestAddress Address(int index) => new(this[index]);
}
