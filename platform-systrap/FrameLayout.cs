using Abi.Linux;
using Platform.Stubs;

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
internal sealed record FrameLayout(int Frame, int Fp, FpxSwBytes Software, FpFormat Format);
