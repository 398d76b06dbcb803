using System;

namespace Platform;

/// <summary>
/// Size and rules of the XSAVE area in standard format (SDM vol. 1, 13.4), as a platform hands it out and takes it.
/// </summary>
internal sealed class FpFormat
{
    /// <summary>Where the bytes that the CPU leaves to software start in the legacy region.</summary>
    public const int SoftwareOffset = 464;

    /// <summary>The smallest area: legacy region and header.</summary>
    public const int MinBytes = LegacyBytes + HeaderBytes;

    /// <summary>Where the CPU says which bits of MXCSR exist.</summary>
    public const int MxcsrMaskOffset = 28;

    private const int FcwOffset = 0;
    private const int MxcsrOffset = 24;
    private const int LegacyBytes = 512;
    private const int HeaderBytes = 64;
    private const uint InitialMxcsr = 0x1f80;
    private const ushort InitialFcw = 0x37f;
    private const uint DefaultMxcsrMask = 0xffbf;
    private const ulong X87AndSse = 3;

    private readonly ulong _components;
    private readonly uint _mxcsrMask;

    /// <param name="bytes">Size of the area.</param>
    /// <param name="components">State components that are enabled (XCR0).</param>
    /// <param name="mxcsrMask">Bits of MXCSR that the CPU knows; 0 for the mask of the first CPUs with SSE.</param>
    public FpFormat(int bytes, ulong components, uint mxcsrMask)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bytes, MinBytes);
        Bytes = bytes;
        _components = components;
        _mxcsrMask = mxcsrMask == 0 ? DefaultMxcsrMask : mxcsrMask;
    }

    /// <summary>Size of the area.</summary>
    public int Bytes { get; }

    /// <summary>Writes the state of a new program: FNINIT, MXCSR 0x1f80, all vectors 0.</summary>
    public void Initialize(Span<byte> area)
    {
        area.Clear();
        BitConverter.TryWriteBytes(area[FcwOffset..], InitialFcw);
        BitConverter.TryWriteBytes(area[MxcsrOffset..], InitialMxcsr);
        BitConverter.TryWriteBytes(area[MxcsrMaskOffset..], _mxcsrMask);
    }

    /// <summary>Says that x87 and SSE state are in the area, in their initial state or not.</summary>
    public static void MarkLegacy(Span<byte> area) => area[LegacyBytes] |= (byte)X87AndSse;

    /// <summary>
    /// Copies a state that may hold anything and makes it one the kernel accepts: no unknown components, no
    /// compaction, no reserved bit. A state
    /// that ends before the XSAVE header has x87 and SSE only.
    /// </summary>
    public void Accept(ReadOnlySpan<byte> state, Span<byte> area)
    {
        area.Clear();
        state[..Math.Min(state.Length, area.Length)].CopyTo(area);
        ulong present = BitConverter.ToUInt64(area[LegacyBytes..]) & _components;
        if (state.Length < MinBytes)
        {
            present = X87AndSse;
        }
        uint mxcsr = BitConverter.ToUInt32(area[MxcsrOffset..]) & _mxcsrMask;
        BitConverter.TryWriteBytes(area[MxcsrOffset..], mxcsr);
        area.Slice(LegacyBytes, HeaderBytes).Clear();
        BitConverter.TryWriteBytes(area[LegacyBytes..], present);
    }
}
