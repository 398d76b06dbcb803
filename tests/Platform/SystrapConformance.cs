using System;
using Abi.Linux;
using global::Platform;
using global::Platform.Systrap;
using Xunit;

namespace Tests.Platform;

/// <summary>One systrap platform for all tests of a class.</summary>
public sealed class SystrapFixture : IDisposable
{
    public SystrapFixture()
    {
        Errno error = SystrapPlatform.Create(out SystrapPlatform? platform, out string problem);
        Assert.Equal("", problem);
        Assert.Equal(Errno.None, error);
        Platform = platform!;
    }

    public SystrapPlatform Platform { get; }

    public void Dispose() => Platform.Dispose();
}

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
