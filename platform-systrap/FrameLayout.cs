using Abi.Linux;
using Platform.Stubs;
using Stub;

namespace Platform.Systrap;

/// <summary>
/// Where in a context slot the host kernel puts a signal frame and the floating-point state in it. It depends on the
/// CPU
/// only, so it is learnt once, from a stub that has never run guest code.
/// </summary>
/// <param name="Frame">Offset of struct rt_sigframe.</param>
/// <param name="Fp">Offset of the XSAVE area.</param>
/// <param name="Software">What the kernel writes into the bytes of the area that the CPU leaves to software.</param>
/// <param name="Format">Size and rules of the area.</param>
internal sealed record FrameLayout(int Frame, int Fp, FpxSwBytes Software, FpFormat Format)
{
    /// <summary>
    /// The place of frames for threads that wait where a signal may come: the host's frame would overwrite ours at its
    /// place.
    /// </summary>
    public FrameLayout Prepared { get; private set; } = null!;

    /// <summary>A layout with the place of prepared frames.</summary>
    public static FrameLayout Create(int frame, int fp, in FpxSwBytes software, FpFormat format)
    {
        var prepared = new FrameLayout(ContextSlot.PreparedFrame, ContextSlot.PreparedFp, software, format);
        return new FrameLayout(frame, fp, software, format) { Prepared = prepared };
    }
}
