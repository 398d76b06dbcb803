using System;
using System.Runtime.InteropServices;

namespace HostOs;

/// <summary>
/// A null-terminated array of NUL-terminated byte strings in one native block, as execve(2) wants it.
/// </summary>
// SAFETY: the wrappers hand the kernel addresses of locals and pinned spans, with their true lengths.
internal unsafe ref struct ByteStringArray
{
    private nint* _block;

    public ByteStringArray(ReadOnlySpan<string> items)
    {
        nuint bytes = (nuint)(items.Length + 1) * (nuint)sizeof(nint);
        nuint textAt = bytes;
        foreach (string item in items)
        {
            bytes += (nuint)item.Length + 1;
        }
        // SAFETY: the block holds the pointers and then every string with its NUL; the loop writes exactly that.
        _block = (nint*)NativeMemory.Alloc(bytes);
        byte* text = (byte*)_block + textAt;
        for (int i = 0; i < items.Length; i++)
        {
            _block[i] = (nint)text;
            foreach (char c in items[i])
            {
                if (c is '\0' or > '\u00ff')
                {
                    throw new ArgumentException("Not a byte string.", nameof(items));
                }
                *text++ = (byte)c;
            }
            *text++ = 0;
        }
        _block[items.Length] = 0;
    }

    /// <summary>Address of the pointer array; valid until <see cref="Dispose"/>.</summary>
    public readonly nint Address => (nint)_block;

    public void Dispose()
    {
        NativeMemory.Free(_block);
        _block = null;
    }
}
