using System.Runtime.InteropServices;

namespace Stub;

/// <summary>
/// The page of clock parameters that the vDSO reads and the Sentry writes, under a sequence counter (odd while it is
/// written).
/// time = BaseNs + ((tsc - TscBase) * NsPerTick &gt;&gt; 32) + Offsets[clock].
/// </summary>
[StructLayout(LayoutKind.Sequential)]
public struct VdsoParameters
{
    /// <summary>Clock ids that have an offset.</summary>
    public const int ClockCount = 8;

    /// <summary>Clocks the parameters describe: REALTIME, MONOTONIC, MONOTONIC_RAW, the COARSE forms,
    /// BOOTTIME.</summary>
    public const uint ClockMask = 1 << 0 | 1 << 1 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 7;

    /// <summary>Offset of <see cref="Sequence"/>.</summary>
    public const int SequenceOffset = 0;

    /// <summary>Offset of <see cref="IsUsable"/>.</summary>
    public const int IsUsableOffset = 4;

    /// <summary>Offset of <see cref="TscBase"/>.</summary>
    public const int TscBaseOffset = 8;

    /// <summary>Offset of <see cref="NsPerTick"/>.</summary>
    public const int NsPerTickOffset = 16;

    /// <summary>Offset of <see cref="BaseNs"/>.</summary>
    public const int BaseNsOffset = 24;

    /// <summary>Offset of <see cref="Offsets"/>.</summary>
    public const int OffsetsOffset = 32;

    public uint Sequence;

    /// <summary>1: the time-stamp counter is fit for use; 0: the vDSO makes the system call instead.</summary>
    public uint IsUsable;

    public ulong TscBase;

    /// <summary>Nanoseconds per tick as a 32.32 fixed-point number.</summary>
    public ulong NsPerTick;

    public long BaseNs;

    public ClockOffsets Offsets;
}

/// <summary>What to add to the monotonic clock for each clock id.</summary>
[System.Runtime.CompilerServices.InlineArray(VdsoParameters.ClockCount)]
public struct ClockOffsets
{
    private long _element;
}
