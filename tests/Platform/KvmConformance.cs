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
