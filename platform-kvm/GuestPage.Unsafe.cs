using System;
using Ring0;

namespace Platform.Kvm;

/// <summary>Owner of the page that ring 0 saves a guest thread to (see <see cref="GuestState"/>).</summary>
// SAFETY: the page is one of the kernel area, which outlives it; it is this object's until Dispose gives it back, and
// nothing is used after that.
internal sealed unsafe class GuestPage : IDisposable
{
    private readonly KernelArea _area;
    private readonly ulong _physical;
    private readonly byte* _page;

    private GuestPage(KernelArea area, ulong physical)
    {
        _area = area;
        _physical = physical;
        _page = (byte*)area.HostOf(physical);
    }

    public nint HostAddress => (nint)_page;

    /// <summary>Where ring 0 sees the page.</summary>
    public ulong UpperAddress => _area.UpperOf(_physical);

    public ref GuestRegisters Registers => ref *(GuestRegisters*)_page;

    public ref GuestState State => ref *(GuestState*)(_page + GuestState.Trap);

    /// <summary>The XSAVE area; complete only while <see cref="GuestState.FpLive"/> is 0.</summary>
    public Span<byte> Fp => new(_page + GuestState.Fp, GuestState.MaxFpBytes);

    /// <summary>Null when the area is full.</summary>
    public static GuestPage? Create(KernelArea area) =>
        area.TryAllocate(GuestState.Bytes, out ulong physical, out _) ? new GuestPage(area, physical) : null;

    public void Dispose() => _area.Free(_physical);
}
