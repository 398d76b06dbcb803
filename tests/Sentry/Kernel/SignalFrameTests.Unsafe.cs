using System;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Abi.Linux;
using Platform;
using Sentry.Kernel;
using Xunit;

namespace Tests.Sentry.Kernel;

/// <summary>The layout of signal frames and what sigreturn lets through.</summary>
public sealed class SignalFrameTests
{
    [Fact]
    public void OffsetsAreThoseOfTheStructures()
    {
        Assert.Equal(SignalFrame.FrameBytes, Unsafe.SizeOf<RtSigframe>());
        Assert.Equal(SignalFrame.ContextOffset, (int)Marshal.OffsetOf<RtSigframe>(nameof(RtSigframe.uc)));
        Assert.Equal(SignalFrame.InfoOffset, (int)Marshal.OffsetOf<RtSigframe>(nameof(RtSigframe.info)));
    }

    [Fact]
    public void SavedRegistersComeBack()
    {
        GuestRegisters before = new() { R8 = 8, Rdi = 1, Rsp = 0x7000, Rip = 0x4000, Eflags = 0x246, Rbx = 11, Rcx =
            12 };
        SigContext context = default;
        SignalFrame.Save(before, ref context);
        GuestRegisters after = new() { Eflags = 0x202 };
        SignalFrame.Restore(context, ref after);
        Assert.Equal(before.Rip, after.Rip);
        Assert.Equal(before.Rsp, after.Rsp);
        Assert.Equal(before.Rbx, after.Rbx);
        Assert.Equal(before.Rcx, after.Rcx);
        Assert.Equal(0x246UL, after.Eflags);
    }

    [Fact]
    public void AForgedFrameCannotChangeSelectorsOrPrivilegedFlags()
    {
        SigContext forged = new() { cs = 0x10, ss = 0x18, eflags = ulong.MaxValue };
        GuestRegisters registers = new() { Eflags = 0x202 };
        SignalFrame.Restore(forged, ref registers);
        Assert.Equal(SignalFrame.UserCodeSelector, registers.Cs);
        Assert.Equal(SignalFrame.UserDataSelector, registers.Ss);
        const ulong Iopl = 3UL << 12;
        const ulong VirtualMode = 1UL << 17;
        const ulong NestedTask = 1UL << 14;
        Assert.Equal(0UL, registers.Eflags & (Iopl | VirtualMode | NestedTask));
    }

    [Fact]
    public void AMarkedImageIsRecognisedAndACutOneIsNot()
    {
        byte[] image = new byte[832 + XState.FP_XSTATE_MAGIC2_SIZE];
        SignalFrame.Mark(image, 7);
        FpState legacy = MemoryMarshal.Read<FpState>(image);
        Assert.Equal(XState.FP_XSTATE_MAGIC1, legacy.sw_reserved.magic1);
        Assert.Equal(7UL, legacy.sw_reserved.xfeatures);
        Assert.Equal(832U, legacy.sw_reserved.xstate_size);
        Assert.True(SignalFrame.IsMarked(image.AsSpan(0, 512), image.Length));
        Assert.True(SignalFrame.EndsMarked(image));
        Assert.False(SignalFrame.IsMarked(image.AsSpan(0, 512), image.Length - 8));
    }
}
