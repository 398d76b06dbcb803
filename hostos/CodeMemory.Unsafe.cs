using System;

namespace HostOs;

/// <summary>
/// Executable memory for machine code made by this project: written once, then read and execute only, never freed.
/// </summary>
// SAFETY: the wrappers hand the kernel addresses of locals and pinned spans, with their true lengths.
public static unsafe class CodeMemory
{
    private const int ProtReadWrite = 3;
    private const int ProtReadExecute = 5;
    private const int MapPrivateAnonymous = 0x22;
    private const nuint PageBytes = 4096;

    /// <summary>
    /// Copies <paramref name="code"/> to pages of its own and makes them executable. Throws if the host refuses:
    /// nothing can run without it.
    /// </summary>
    public static nint Load(ReadOnlySpan<byte> code)
    {
        Place(code, RoundUp((nuint)code.Length), 0, out nint start);
        return start;
    }

    /// <summary>
    /// As <see cref="Load"/>, with one writable page of zeros at <paramref name="dataOffset"/> (where the code's pages
    /// end), whose address is returned.
    /// </summary>
    public static nint LoadWithData(ReadOnlySpan<byte> code, int dataOffset, out nint start)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual((nuint)dataOffset, RoundUp((nuint)code.Length));
        Place(code, (nuint)dataOffset, PageBytes, out start);
        return start + dataOffset;
    }

    private static void Place(ReadOnlySpan<byte> code, nuint codeBytes, nuint dataBytes, out nint start)
    {
        start = LibC.Mmap(0, codeBytes + dataBytes, ProtReadWrite, MapPrivateAnonymous, -1, 0);
        if (start == -1)
        {
            throw new OutOfMemoryException("No memory for machine code.");
        }
        // SAFETY: the mapping just made is at least as long as the span and nobody else knows it.
        code.CopyTo(new Span<byte>((void*)start, code.Length));
        if (LibC.Mprotect(start, codeBytes, ProtReadExecute) != 0)
        {
            throw new InvalidOperationException("The host refuses executable memory.");
        }
    }

    private static nuint RoundUp(nuint bytes) => (bytes + PageBytes - 1) & ~(PageBytes - 1);
}
