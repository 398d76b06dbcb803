using System;
using System.Runtime.InteropServices;

namespace Platform;

/// <summary>
/// Owner of one set of general registers outside the managed heap, where the host kernel reads and writes it.
/// </summary>
// SAFETY: the block is allocated once, aligned and zeroed, and freed once; references to it are not used after that.
internal sealed unsafe class RegisterBlock : IDisposable
{
    private const nuint CacheLine = 64;
    private GuestRegisters* _block;

    public RegisterBlock()
    {
        nuint bytes = ((nuint)sizeof(GuestRegisters) + CacheLine - 1) & ~(CacheLine - 1);
        _block = (GuestRegisters*)NativeMemory.AlignedAlloc(bytes, CacheLine);
        NativeMemory.Clear(_block, bytes);
    }

    public ref GuestRegisters Value => ref *_block;

    public nint Address => (nint)_block;

    /// <summary>Whether two sets are equal but for what the result of a system call changes.</summary>
    public static bool DifferInResultOnly(in GuestRegisters one, in GuestRegisters other)
    {
        // SAFETY: both are whole structs of 64-bit fields.
        fixed (GuestRegisters* a = &one, b = &other)
        {
            ulong* first = (ulong*)a;
            ulong* second = (ulong*)b;
            int end = sizeof(GuestRegisters) / sizeof(ulong);
            int result = (int)((byte*)&a->Rax - (byte*)a) / sizeof(ulong);
            int number = (int)((byte*)&a->OrigRax - (byte*)a) / sizeof(ulong);
            return new ReadOnlySpan<ulong>(first, result).SequenceEqual(new ReadOnlySpan<ulong>(second, result))
                && new ReadOnlySpan<ulong>(first + result + 1, number - result - 1).SequenceEqual(
                    new ReadOnlySpan<ulong>(second + result + 1, number - result - 1))
                && new ReadOnlySpan<ulong>(first + number + 1, end - number - 1).SequenceEqual(
                    new ReadOnlySpan<ulong>(second + number + 1, end - number - 1));
        }
    }

    public void Dispose()
    {
        NativeMemory.AlignedFree(_block);
        _block = null;
    }
}
