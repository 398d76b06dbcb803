using System;
using System.Runtime.InteropServices;
using Abi.Linux;
using HostOs;

namespace Platform.Ptrace;

/// <summary>Owner of one floating-point state outside the managed heap.</summary>
// SAFETY: one block of Bytes, 64-byte aligned, allocated once and freed once.
internal sealed unsafe class FpArea : IDisposable
{
    private const nuint Alignment = 64;
    private readonly int _bytes;
    private byte* _block;

    public FpArea(int bytes)
    {
        _bytes = bytes;
        _block = (byte*)NativeMemory.AlignedAlloc((nuint)bytes, Alignment);
    }

    /// <summary>The state.</summary>
    public Span<byte> Span => new(_block, _bytes);

    /// <summary>Reads it from a stopped tracee.</summary>
    public Errno Load(int tid) => Tracing.MoveFpState(HostPtrace.GetRegSet, tid, (nint)_block, _bytes, out _);

    /// <summary>Writes it to a stopped tracee.</summary>
    public Errno Store(int tid) => Tracing.MoveFpState(HostPtrace.SetRegSet, tid, (nint)_block, _bytes, out _);

    public void Dispose()
    {
        NativeMemory.AlignedFree(_block);
        _block = null;
    }
}
