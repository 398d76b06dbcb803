using System;
using System.Collections.Generic;
using System.Threading;
using Abi.Linux;
using global::Platform;

namespace Tests.Platform.Fake;

/// <summary>
/// A platform that runs no code: each context follows a <see cref="FakeGuest"/>, a script of system calls and memory
/// accesses. Scripts are handed
/// out in the order contexts are made. It exists so that the kernel can be tested with no host feature at all.
/// </summary>
public sealed class FakePlatform : IPlatform
{
    /// <summary>Size of the state the fake keeps: legacy region, header, and the upper halves of the vectors.</summary>
    public const int FpBytes = 832;

    private readonly Lock _gate = new();
    private readonly Queue<FakeGuest> _guests = new();
    private readonly FakeGuest? _otherwise;

    /// <param name="otherwise">What contexts follow when no script is queued; null makes that an error.</param>
    public FakePlatform(FakeGuest? otherwise = null)
    {
        _otherwise = otherwise;
    }

    public string Name => "fake";

    public ulong MaxUserAddress => 0x7ffffe000000;

    public int FpStateBytes => FpBytes;

    /// <summary>Queues the script of the next context.</summary>
    public FakePlatform Run(FakeGuest guest)
    {
        lock (_gate)
        {
            _guests.Enqueue(guest);
        }
        return this;
    }

    public Errno NewAddressSpace(out IAddressSpace? addressSpace)
    {
        addressSpace = new FakeAddressSpace(MaxUserAddress);
        return Errno.None;
    }

    public IContext NewContext()
    {
        lock (_gate)
        {
            FakeGuest? guest = _guests.TryDequeue(out FakeGuest? queued) ? queued : _otherwise;
            return new FakeContext(guest ?? throw new InvalidOperationException("No script for this context."));
        }
    }

    public void Dispose()
    {
    }
}
