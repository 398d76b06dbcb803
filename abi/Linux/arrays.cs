using System.Runtime.CompilerServices;

namespace Abi.Linux;

/// <summary>An array of 8 <c>byte</c> inside a struct.</summary>
[InlineArray(8)]
public struct Bytes8
{
    private byte _element;
}

/// <summary>An array of 14 <c>byte</c> inside a struct.</summary>
[InlineArray(14)]
public struct Bytes14
{
    private byte _element;
}

/// <summary>An array of 16 <c>byte</c> inside a struct.</summary>
[InlineArray(16)]
public struct Bytes16
{
    private byte _element;
}

/// <summary>An array of 19 <c>byte</c> inside a struct.</summary>
[InlineArray(19)]
public struct Bytes19
{
    private byte _element;
}

/// <summary>An array of 28 <c>byte</c> inside a struct.</summary>
[InlineArray(28)]
public struct Bytes28
{
    private byte _element;
}

/// <summary>An array of 32 <c>byte</c> inside a struct.</summary>
[InlineArray(32)]
public struct Bytes32
{
    private byte _element;
}

/// <summary>An array of 65 <c>byte</c> inside a struct.</summary>
[InlineArray(65)]
public struct Bytes65
{
    private byte _element;
}

/// <summary>An array of 80 <c>byte</c> inside a struct.</summary>
[InlineArray(80)]
public struct Bytes80
{
    private byte _element;
}

/// <summary>An array of 108 <c>byte</c> inside a struct.</summary>
[InlineArray(108)]
public struct Bytes108
{
    private byte _element;
}

/// <summary>An array of 3 <c>ushort</c> inside a struct.</summary>
[InlineArray(3)]
public struct UShorts3
{
    private ushort _element;
}

/// <summary>An array of 3 <c>uint</c> inside a struct.</summary>
[InlineArray(3)]
public struct UInts3
{
    private uint _element;
}

/// <summary>An array of 7 <c>uint</c> inside a struct.</summary>
[InlineArray(7)]
public struct UInts7
{
    private uint _element;
}

/// <summary>An array of 11 <c>uint</c> inside a struct.</summary>
[InlineArray(11)]
public struct UInts11
{
    private uint _element;
}

/// <summary>An array of 12 <c>uint</c> inside a struct.</summary>
[InlineArray(12)]
public struct UInts12
{
    private uint _element;
}

/// <summary>An array of 24 <c>uint</c> inside a struct.</summary>
[InlineArray(24)]
public struct UInts24
{
    private uint _element;
}

/// <summary>An array of 32 <c>uint</c> inside a struct.</summary>
[InlineArray(32)]
public struct UInts32
{
    private uint _element;
}

/// <summary>An array of 64 <c>uint</c> inside a struct.</summary>
[InlineArray(64)]
public struct UInts64
{
    private uint _element;
}

/// <summary>An array of 2 <c>ulong</c> inside a struct.</summary>
[InlineArray(2)]
public struct ULongs2
{
    private ulong _element;
}

/// <summary>An array of 3 <c>ulong</c> inside a struct.</summary>
[InlineArray(3)]
public struct ULongs3
{
    private ulong _element;
}

/// <summary>An array of 4 <c>ulong</c> inside a struct.</summary>
[InlineArray(4)]
public struct ULongs4
{
    private ulong _element;
}

/// <summary>An array of 5 <c>ulong</c> inside a struct.</summary>
[InlineArray(5)]
public struct ULongs5
{
    private ulong _element;
}

/// <summary>An array of 6 <c>ulong</c> inside a struct.</summary>
[InlineArray(6)]
public struct ULongs6
{
    private ulong _element;
}

/// <summary>An array of 8 <c>ulong</c> inside a struct.</summary>
[InlineArray(8)]
public struct ULongs8
{
    private ulong _element;
}

/// <summary>An array of 15 <c>ulong</c> inside a struct.</summary>
[InlineArray(15)]
public struct ULongs15
{
    private ulong _element;
}

/// <summary>An array of 32 <c>ulong</c> inside a struct.</summary>
[InlineArray(32)]
public struct ULongs32
{
    private ulong _element;
}

/// <summary>An array of 43 <c>ulong</c> inside a struct.</summary>
[InlineArray(43)]
public struct ULongs43
{
    private ulong _element;
}

/// <summary>An array of 3 <c>long</c> inside a struct.</summary>
[InlineArray(3)]
public struct Longs3
{
    private long _element;
}

/// <summary>An array of 4 <c>long</c> inside a struct.</summary>
[InlineArray(4)]
public struct Longs4
{
    private long _element;
}

/// <summary>An array of 2 <c>int</c> inside a struct.</summary>
[InlineArray(2)]
public struct Ints2
{
    private int _element;
}
