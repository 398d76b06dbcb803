using System;
using System.Runtime.InteropServices;
using Abi.Linux;
using HostOs;

namespace Platform.Ptrace;

/// <summary>
/// Size and rules of the XSAVE area on this host (SDM vol. 1, 13.4), as PTRACE_GETREGSET hands it out: standard
/// format, with the enabled components
/// in the bytes the CPU leaves to software.
/// </summary>
// SAFETY: the probe buffer is larger than any area; it is read within the length the kernel reports.
internal sealed unsafe class FpFormat
{
    private const int ProbeBytes = 64 * 1024;
    private const int FcwOffset = 0;
    private const int MxcsrOffset = 24;
    private const int MxcsrMaskOffset = 28;
    private const int SoftwareOffset = 464;
    private const int LegacyBytes = 512;
    private const int HeaderBytes = 64;
    private const uint InitialMxcsr = 0x1f80;
    private const ushort InitialFcw = 0x37f;
    private const uint DefaultMxcsrMask = 0xffbf;
    private const ulong X87AndSse = 3;

    private readonly ulong _components;
    private readonly uint _mxcsrMask;

    private FpFormat(int bytes, ulong components, uint mxcsrMask)
    {
        Bytes = bytes;
        _components = components;
        _mxcsrMask = mxcsrMask == 0 ? DefaultMxcsrMask : mxcsrMask;
    }

    /// <summary>Size of the area.</summary>
    public int Bytes { get; }

    /// <summary>Asks the kernel about a stopped tracee. ENOTSUP without XSAVE.</summary>
    public static Errno Probe(int tid, out FpFormat? format)
    {
        format = null;
        byte* area = (byte*)NativeMemory.AllocZeroed(ProbeBytes);
        Errno error = Tracing.MoveFpState(HostPtrace.GetRegSet, tid, (nint)area, ProbeBytes, out int bytes);
        if (error == Errno.None && bytes < LegacyBytes + HeaderBytes)
        {
            error = Errno.EOPNOTSUPP;
        }
        if (error == Errno.None)
        {
            format = new FpFormat(bytes, *(ulong*)(area + SoftwareOffset), *(uint*)(area + MxcsrMaskOffset));
        }
        NativeMemory.Free(area);
        return error;
    }

    /// <summary>Writes the state of a new program: FNINIT, MXCSR 0x1f80, all vectors 0.</summary>
    public void Initialize(Span<byte> area)
    {
        area.Clear();
        BitConverter.TryWriteBytes(area[FcwOffset..], InitialFcw);
        BitConverter.TryWriteBytes(area[MxcsrOffset..], InitialMxcsr);
        BitConverter.TryWriteBytes(area[MxcsrMaskOffset..], _mxcsrMask);
    }

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
        if (state.Length < LegacyBytes + HeaderBytes)
        {
            present = X87AndSse;
        }
        uint mxcsr = BitConverter.ToUInt32(area[MxcsrOffset..]) & _mxcsrMask;
        BitConverter.TryWriteBytes(area[MxcsrOffset..], mxcsr);
        area.Slice(LegacyBytes, HeaderBytes).Clear();
        BitConverter.TryWriteBytes(area[LegacyBytes..], present);
    }
}
