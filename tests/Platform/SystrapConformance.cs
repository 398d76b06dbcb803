using System;
using Abi.Linux;
using global::Platform;
using global::Platform.Systrap;
using Xunit;

namespace Tests.Platform;

/// <summary>One systrap platform for all tests of a class.</summary>
public class SystrapFixture : IDisposable
{
    public SystrapFixture()
        : this(Patching.Off)
    {
    }

    protected SystrapFixture(Patching patching)
    {
        Errno error = SystrapPlatform.Create(patching, out SystrapPlatform? platform, out string problem);
        Assert.Equal("", problem);
        Assert.Equal(Errno.None, error);
        Platform = platform!;
    }

    public SystrapPlatform Platform { get; }

    public void Dispose()
    {
        Platform.Dispose();
        GC.SuppressFinalize(this);
    }
}

/// <summary>A platform that patches every call site at its first trap.</summary>
public sealed class EagerSystrapFixture() : SystrapFixture(Patching.Eager);

/// <summary>A systrap platform that patches as in a sandbox.</summary>
public sealed class PatchingSystrapFixture() : SystrapFixture(Patching.On);

/// <summary>The conformance suite on systrap.</summary>
public sealed class SystrapConformance : PlatformConformance, IClassFixture<SystrapFixture>
{
    private readonly SystrapFixture _fixture;

    public SystrapConformance(SystrapFixture fixture)
    {
        _fixture = fixture;
    }

    protected override IPlatform Platform => _fixture.Platform;
}

/// <summary>The conformance suite on systrap with every call site patched.</summary>
public sealed class PatchedSystrapConformance : PlatformConformance, IClassFixture<EagerSystrapFixture>
{
    private readonly EagerSystrapFixture _fixture;

    public PatchedSystrapConformance(EagerSystrapFixture fixture)
    {
        _fixture = fixture;
    }

    protected override IPlatform Platform => _fixture.Platform;
}
