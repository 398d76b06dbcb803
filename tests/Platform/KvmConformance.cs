using System;
using Abi.Linux;
using global::Platform;
using global::Platform.Kvm;
using HostOs;
using Xunit;

namespace Tests.Platform;

/// <summary>One KVM platform for all tests of a class.</summary>
public sealed class KvmFixture : IDisposable
{
    public KvmFixture()
    {
        Errno error = KvmPlatform.OpenDevice(out HostFd? device, out string problem);
        Assert.True(error == Errno.None, problem);
        error = KvmPlatform.Create(device!, out KvmPlatform? platform, out problem);
        Assert.True(error == Errno.None, problem);
        Platform = platform!;
    }

    public KvmPlatform Platform { get; }

    public void Dispose() => Platform.Dispose();
}

/// <summary>The conformance suite on KVM, with this process in host mode.</summary>
public sealed class KvmConformance : PlatformConformance, IClassFixture<KvmFixture>
{
    private readonly KvmFixture _fixture;

    public KvmConformance(KvmFixture fixture)
    {
        _fixture = fixture;
    }

    protected override IPlatform Platform => _fixture.Platform;
}

/// <summary>One KVM platform with this process in ring 0, where that runs on the CPU.</summary>
public sealed class KvmRing0Fixture : IDisposable
{
    public KvmRing0Fixture()
    {
        Errno error = KvmPlatform.OpenDevice(out HostFd? device, out string problem);
        Assert.True(error == Errno.None, problem);
        error = KvmPlatform.Create(
            device!, out KvmPlatform? platform, out problem, KvmPlatform.DefaultMaxVcpus, SentryPlace.Ring0);
        Assert.True(error == Errno.None, problem);
        Platform = platform!;
        Assert.True(platform!.IsRing0Emulated || platform.Place == SentryPlace.Ring0, platform.WhyHostMode);
    }

    public KvmPlatform Platform { get; }

    public void Dispose() => Platform.Dispose();
}

/// <summary>
/// The conformance suite on KVM with this process in ring 0. Where the host emulates ring 0 the platform stays in host
/// mode, and this is the same as <see cref="KvmConformance"/>; tests/lab has a machine where it is not.
/// </summary>
public sealed class KvmRing0Conformance : PlatformConformance, IClassFixture<KvmRing0Fixture>
{
    private readonly KvmRing0Fixture _fixture;

    public KvmRing0Conformance(KvmRing0Fixture fixture)
    {
        _fixture = fixture;
    }

    protected override IPlatform Platform => _fixture.Platform;

    [Fact]
    public void Ring_0_gives_offered_answers_by_itself()
    {
        using var guest = new Guest(Platform, EmitNumberAndCall);
        using IContext context = guest.NewContext(Platform);
        context.OfferAnswer(SysNr.getpid, 4711);
        context.Registers.R12 = SysNr.getpid;
        Assert.Equal(SwitchReason.SystemCall, context.Switch(guest.Space, out _));
        bool answers = _fixture.Platform.Place == SentryPlace.Ring0;
        Assert.Equal(answers ? SysNr.gettid : SysNr.getpid, (int)context.Registers.OrigRax);
    }
}
