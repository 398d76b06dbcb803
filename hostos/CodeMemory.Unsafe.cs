using System;

namespace HostOs;

/// <summary>Executable memory for machine code made by this project: written once, then read and execute only, never freed.</summary>
public static unsafe class CodeMemory
{
    private const int ProtReadWrite = 3;
    private const int ProtReadExecute = 5;
    private const int MapPrivateAnonymous = 0x22;
    private const nuint PageBytes = 4096;

    /// <summary>Copies <paramref name="code"/> to pages of its own and makes them executable. Throws if the host refuses: nothing can run without it.</summary>
    public static nint Load(ReadOnlySpan<byte> code) => Load(code, ReadOnlySpan<byte>.Empty, out _);

    /// <summary>As <see cref="Load(ReadOnlySpan{byte})"/>, with writable pages holding <paramref name="data"/> directly after the code pages.</summary>
    public static nint Load(ReadOnlySpan<byte> code, ReadOnlySpan<byte> data, out nint dataAddress)
    {
        nuint codeBytes = RoundUp((nuint)code.Length);
        nuint dataBytes = RoundUp((nuint)data.Length);
        nint address = LibC.Mmap(0, codeBytes + dataBytes, ProtReadWrite, MapPrivateAnonymous, -1, 0);
        if (address == -1)
        {
            throw new OutOfMemoryException("No memory for machine code.");
        }
        // SAFETY: the mapping just made is at least as long as both spans and nobody else knows it.
        code.CopyTo(new Span<byte>((void*)address, (int)codeBytes));
        dataAddress = address + (nint)codeBytes;
        data.CopyTo(new Span<byte>((void*)dataAddress, (int)dataBytes));
        if (LibC.Mprotect(address, codeBytes, ProtReadExecute) != 0)
        {
            throw new InvalidOperationException("The host refuses executable memory.");
        }
        return address;
    }

    /// <summary>Bytes that <see cref="Load(ReadOnlySpan{byte})"/> occupies for a code of this length: where its data would begin.</summary>
    public static nuint RoundUp(nuint bytes) => (bytes + PageBytes - 1) & ~(PageBytes - 1);
}
