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
public sealed class KvmRing0Fixture : KvmResidentFixture
{
    public KvmRing0Fixture()
        : base(SentryPlace.Ring0)
    {
    }
}

/// <summary>The same on page tables of its own.</summary>
public sealed class KvmApartFixture : KvmResidentFixture
{
    public KvmApartFixture()
        : base(SentryPlace.Ring0Apart)
    {
    }
}

/// <summary>What both have in common.</summary>
public abstract class KvmResidentFixture : IDisposable
{
    protected KvmResidentFixture(SentryPlace place)
    {
        Errno error = KvmPlatform.OpenDevice(out HostFd? device, out string problem);
        Assert.True(error == Errno.None, problem);
        error = KvmPlatform.Create(
            device!, out KvmPlatform? platform, out problem, KvmPlatform.DefaultMaxVcpus, place);
        Assert.True(error == Errno.None, problem);
        Platform = platform!;
        // On a CPU whose users can read what only ring 0 may it is always apart.
        Assert.True(platform!.IsRing0Emulated || platform.Place >= place, platform.WhyHostMode);
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
        bool answers = _fixture.Platform.Place != SentryPlace.HostMode;
        Assert.Equal(answers ? SysNr.gettid : SysNr.getpid, (int)context.Registers.OrigRax);
    }
}

/// <summary>
/// The suite on KVM with this process in ring 0 and guests that have nothing of it in their page tables. As with
/// <see cref="KvmRing0Conformance"/>, tests/lab has the machine for it.
/// </summary>
public sealed class KvmApartConformance : PlatformConformance, IClassFixture<KvmApartFixture>
{
    private readonly KvmApartFixture _fixture;

    public KvmApartConformance(KvmApartFixture fixture)
    {
        _fixture = fixture;
    }

    protected override IPlatform Platform => _fixture.Platform;
}
