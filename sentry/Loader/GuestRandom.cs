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

    /// <summary>
    /// A random UUID (RFC 9562, version 4) as text. The run time's would open /dev/urandom, which an isolated Sentry
    /// cannot.
    /// </summary>
    internal static string NextUuid()
    {
        const int VersionAt = 6;
        const int VariantAt = 8;
        Span<byte> bytes = stackalloc byte[16];
        Fill(bytes);
        bytes[VersionAt] = (byte)((bytes[VersionAt] & 0x0F) | 0x40);
        bytes[VariantAt] = (byte)((bytes[VariantAt] & 0x3F) | 0x80);
        return new Guid(bytes, bigEndian: true).ToString();
    }
}
