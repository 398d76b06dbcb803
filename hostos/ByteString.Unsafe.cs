using System;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace HostOs;

/// <summary>
/// A NUL-terminated copy of a byte string (one char per byte), on the stack when short. Must stay a local: its
/// address is taken.
/// </summary>
// SAFETY: the wrappers hand the kernel addresses of locals and pinned spans, with their true lengths.
internal unsafe ref struct ByteString
{
    private const int InlineBytes = 512;
    private fixed byte _inline[InlineBytes];
    private byte* _heap;

    /// <summary>
    /// Copies <paramref name="text"/>; null stays a null pointer. Throws on an embedded NUL or a char above 255: a
    /// bug of the caller.
    /// </summary>
    [SkipLocalsInit]
    public ByteString(string? text)
    {
        IsNull = text is null;
        if (text is null)
        {
            return;
        }
        // SAFETY: the target holds Length + 1 bytes, inline or on the heap.
        if (text.Length >= InlineBytes)
        {
            _heap = (byte*)NativeMemory.Alloc((nuint)text.Length + 1);
        }
        byte* target = _heap != null ? _heap : (byte*)Unsafe.AsPointer(ref _inline[0]);
        for (int i = 0; i < text.Length; i++)
        {
            char c = text[i];
            if (c is '\0' or > '\u00ff')
            {
                throw new ArgumentException("Not a byte string.", nameof(text));
            }
            target[i] = (byte)c;
        }
        target[text.Length] = 0;
    }

    private bool IsNull { get; }

    /// <summary>Address of the bytes, 0 for a null string. Valid until the local goes out of scope.</summary>
    // SAFETY: a ref struct lives on the stack and does not move, so the address of its inline buffer stays good.
    public nint Address => IsNull ? 0 : _heap != null ? (nint)_heap : (nint)Unsafe.AsPointer(ref _inline[0]);

    public void Dispose()
    {
        NativeMemory.Free(_heap);
        _heap = null;
    }
}
