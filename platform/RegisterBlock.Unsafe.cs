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

    public void Dispose()
    {
        NativeMemory.AlignedFree(_block);
        _block = null;
    }
}
