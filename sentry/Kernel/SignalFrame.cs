using System;
using System.Buffers.Binary;
using Abi.Linux;
using Platform;

namespace Sentry.Kernel;

/// <summary>
/// Layout of the frame a handler runs on (arch/x86/kernel/signal_64.c, x64_setup_rt_frame): return address, ucontext,
/// siginfo; above it the
/// floating-point state in XSAVE format with Linux's markers.
/// </summary>
internal static class SignalFrame
{
    internal const ulong RedZoneBytes = 128;
    internal const ulong UserCodeSelector = 0x33;
    internal const ulong UserDataSelector = 0x2B;

    /// <summary>Bytes of the legacy region of an XSAVE image.</summary>
    internal const int LegacyFpBytes = 512;

    private const ulong DirectionFlag = 1UL << 10;
    private const ulong ResumeFlag = 1UL << 16;
    private const ulong TrapFlag = 1UL << 8;

    // Flags sigreturn(2) may change (FIX_EFLAGS): AC, OF, DF, TF, SF, ZF, AF, PF, CF, RF.
    private const ulong RestorableFlags = 0x00050DD5;

    /// <summary>sizeof(struct rt_sigframe).</summary>
    internal const int FrameBytes = 440;

    /// <summary>offsetof(struct rt_sigframe, uc).</summary>
    internal const int ContextOffset = 8;

    /// <summary>offsetof(struct rt_sigframe, info).</summary>
    internal const int InfoOffset = 312;

    // Software-reserved bytes of the legacy region: struct _fpx_sw_bytes.
    private const int MarkerOffset = 464;
    private const int ExtendedSizeOffset = MarkerOffset + 4;
    private const int FeaturesOffset = MarkerOffset + 8;
    private const int StateSizeOffset = MarkerOffset + 16;
    private const ulong X87AndSse = 3;

    /// <summary>Writes Linux's markers into an XSAVE image that is followed by room for the second magic
    /// number.</summary>
    internal static void Mark(Span<byte> image, ulong features)
    {
        int stateBytes = image.Length - XState.FP_XSTATE_MAGIC2_SIZE;
        BinaryPrimitives.WriteUInt32LittleEndian(image[MarkerOffset..], XState.FP_XSTATE_MAGIC1);
        BinaryPrimitives.WriteUInt32LittleEndian(image[ExtendedSizeOffset..], (uint)image.Length);
        BinaryPrimitives.WriteUInt64LittleEndian(image[FeaturesOffset..], features);
        BinaryPrimitives.WriteUInt32LittleEndian(image[StateSizeOffset..], (uint)stateBytes);
        BinaryPrimitives.WriteUInt32LittleEndian(image[stateBytes..], XState.FP_XSTATE_MAGIC2);

        // A handler may edit x87 and SSE registers without knowing of the header: as in Linux they always count as
        // present.
        Span<byte> header = image[LegacyFpBytes..];
        BinaryPrimitives.WriteUInt64LittleEndian(header, BinaryPrimitives.ReadUInt64LittleEndian(header) | X87AndSse);
    }

    /// <summary>True when the legacy region says that a whole image of this size follows; the second magic number is
    /// not looked at.</summary>
    internal static bool IsMarked(ReadOnlySpan<byte> legacy, int imageBytes) =>
        BinaryPrimitives.ReadUInt32LittleEndian(legacy[MarkerOffset..]) == XState.FP_XSTATE_MAGIC1
        && BinaryPrimitives.ReadUInt32LittleEndian(legacy[ExtendedSizeOffset..]) == (uint)imageBytes
        && BinaryPrimitives.ReadUInt32LittleEndian(legacy[StateSizeOffset..]) == (uint)(
            imageBytes - XState.FP_XSTATE_MAGIC2_SIZE);

    /// <summary>True when the image ends with the second magic number.</summary>
    internal static bool EndsMarked(ReadOnlySpan<byte> image) =>
        BinaryPrimitives.ReadUInt32LittleEndian(image[^XState.FP_XSTATE_MAGIC2_SIZE..]) == XState.FP_XSTATE_MAGIC2;

    /// <summary>Keeps only features the CPU offers in the header of an image.</summary>
    internal static void LimitFeatures(Span<byte> image, ulong features)
    {
        Span<byte> header = image[LegacyFpBytes..];
        BinaryPrimitives.WriteUInt64LittleEndian(header, BinaryPrimitives.ReadUInt64LittleEndian(header) & features);
    }

    /// <summary>Flags a handler starts with.</summary>
    internal static ulong HandlerFlags(ulong flags) => flags & ~(DirectionFlag | ResumeFlag | TrapFlag);

    /// <summary>Fills the machine context of a frame.</summary>
    internal static void Save(in GuestRegisters from, ref SigContext to)
    {
        to.r8 = from.R8;
        to.r9 = from.R9;
        to.r10 = from.R10;
        to.r11 = from.R11;
        to.r12 = from.R12;
        to.r13 = from.R13;
        to.r14 = from.R14;
        to.r15 = from.R15;
        to.rdi = from.Rdi;
        to.rsi = from.Rsi;
        to.rbp = from.Rbp;
        to.rbx = from.Rbx;
        to.rdx = from.Rdx;
        to.rax = from.Rax;
        to.rcx = from.Rcx;
        to.rsp = from.Rsp;
        to.rip = from.Rip;
        to.eflags = from.Eflags;
        to.cs = (ushort)from.Cs;
        to.ss = (ushort)from.Ss;
    }

    /// <summary>Takes registers from a frame the guest may have forged: selectors and privileged flags stay the
    /// Sentry's.</summary>
    internal static void Restore(in SigContext from, ref GuestRegisters to)
    {
        to.R8 = from.r8;
        to.R9 = from.r9;
        to.R10 = from.r10;
        to.R11 = from.r11;
        to.R12 = from.r12;
        to.R13 = from.r13;
        to.R14 = from.r14;
        to.R15 = from.r15;
        to.Rdi = from.rdi;
        to.Rsi = from.rsi;
        to.Rbp = from.rbp;
        to.Rbx = from.rbx;
        to.Rdx = from.rdx;
        to.Rax = from.rax;
        to.Rcx = from.rcx;
        to.Rsp = from.rsp;
        to.Rip = from.rip;
        to.Eflags = (to.Eflags & ~RestorableFlags) | (from.eflags & RestorableFlags);
        to.Cs = UserCodeSelector;
        to.Ss = UserDataSelector;
        to.OrigRax = ulong.MaxValue;
    }
}
