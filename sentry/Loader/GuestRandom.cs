using System;
using System.Buffers.Binary;
using Abi.Linux;
using HostOs;

namespace Sentry.Loader;

/// <summary>Random bytes from the host for the guest: ASLR, AT_RANDOM, getrandom(2).</summary>
internal static class GuestRandom
{
    /// <summary>Fills the span; a host without randomness is broken.</summary>
    internal static void Fill(Span<byte> bytes)
    {
        if (HostPrctl.GetRandom(bytes) != Errno.None)
        {
            throw new InvalidOperationException("the host gives no random bytes");
        }
    }

    /// <summary>A seed for address-space randomisation, never 0 (which would switch it off).</summary>
    internal static ulong NextSeed()
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        Fill(bytes);
        return BinaryPrimitives.ReadUInt64LittleEndian(bytes) | 1;
    }
}
