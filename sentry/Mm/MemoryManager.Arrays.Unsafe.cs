using System;
using System.Runtime.InteropServices;
using Abi.Linux;

namespace Sentry.Mm;

// Arrays of plain values.
public sealed partial class MemoryManager
{
    /// <summary>Reads as many values as fit the span, or EFAULT.</summary>
    // SAFETY: T has no references, so any bytes are a value of it.
    public Errno ReadArray<T>(GuestAddress source, Span<T> values)
        where T : unmanaged => CopyIn(source, MemoryMarshal.AsBytes(values));

    /// <summary>Writes all values, or EFAULT (a prefix may have been written).</summary>
    // SAFETY: T has no references; the bytes are read only.
    public Errno WriteArray<T>(GuestAddress destination, ReadOnlySpan<T> values)
        where T : unmanaged => CopyOut(destination, MemoryMarshal.AsBytes(values));
}
