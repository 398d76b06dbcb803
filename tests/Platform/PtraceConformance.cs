using System;
using Abi.Linux;
using global::Platform;
using global::Platform.Ptrace;
using Xunit;

namespace Tests.Platform;

/// <summary>One ptrace platform for all tests of a class.</summary>
public sealed class PtraceFixture : IDisposable
{
    public PtraceFixture()
    {
        Errno error = PtracePlatform.Create(out PtracePlatform? platform, out string problem);
        Assert.Equal("", problem);
        Assert.Equal(Errno.None, error);
        Platform = platform!;
    }

    public PtracePlatform Platform { get; }

    public void Dispose() => Platform.Dispose();
}

/// <summary>The conformance suite on ptrace.</summary>
public sealed class PtraceConformance : PlatformConformance, IClassFixture<PtraceFixture>
{
    private readonly PtraceFixture _fixture;

    public PtraceConformance(PtraceFixture fixture)
    {
        _fixture = fixture;
    }

    protected override IPlatform Platform => _fixture.Platform;
}
