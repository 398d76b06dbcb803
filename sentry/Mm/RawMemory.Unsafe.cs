using System;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Threading;

namespace Sentry.Mm;

/// <summary>Plain accesses to memory that the caller holds mapped: pages of the memory file it has a reference
/// on.</summary>
// SAFETY: every caller is in this folder and passes addresses that MapInternal of a backing without faults gave for a
// range it holds.
internal static unsafe class RawMemory
{
    internal static void Copy(nuint target, nuint source, nuint lengthBytes) =>
        Buffer.MemoryCopy((void*)source, (void*)target, lengthBytes, lengthBytes);

    internal static void CopyIn(Span<byte> target, nuint source) =>
        new ReadOnlySpan<byte>((void*)source, target.Length).CopyTo(target);

    internal static void CopyOut(nuint target, ReadOnlySpan<byte> source) =>
        source.CopyTo(new Span<byte>((void*)target, source.Length));

    internal static void Clear(nuint target, nuint lengthBytes) => NativeMemory.Clear((void*)target, lengthBytes);

    internal static ReadOnlySpan<byte> Span(nuint source, int lengthBytes) => new((void*)source, lengthBytes);

    internal static uint Load32(nuint address) => Volatile.Read(ref *(uint*)address);

    internal static uint CompareExchange32(nuint address, uint desired, uint expected) =>
        Interlocked.CompareExchange(ref *(uint*)address, desired, expected);

    /// <summary>The bytes of a value.</summary>
    internal static Span<byte> Bytes<T>(ref T value)
        where T : unmanaged => MemoryMarshal.AsBytes(new Span<T>(ref value));

    /// <summary>The bytes of a value that is only read.</summary>
    internal static ReadOnlySpan<byte> ReadOnlyBytes<T>(ref readonly T value)
        where T : unmanaged => MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in value));
}
