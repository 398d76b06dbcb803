using System;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Platform.Kvm;

/// <summary>The floating-point state of a context while no vCPU holds it: struct kvm_xsave.</summary>
internal sealed class FpState
{
    private const int StructureBytes = 4096;

    private Area _area;

    /// <summary>What KVM_GET_XSAVE and KVM_SET_XSAVE take.</summary>
    public ref Area Structure => ref _area;

    public Span<byte> Bytes => _area;

    /// <summary>struct kvm_xsave: the state in standard format.</summary>
    [InlineArray(StructureBytes)]
    [StructLayout(LayoutKind.Sequential)]
    internal struct Area
    {
        private byte _element;
    }
}
