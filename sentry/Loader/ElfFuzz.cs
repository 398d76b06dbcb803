using System;
using Abi.Linux;

namespace Sentry.Loader;

/// <summary>Fuzz entry of the ELF parser.</summary>
public static class ElfFuzz
{
    /// <summary>Parses bytes as a whole file and checks what the loader relies on; throws when a promise is
    /// broken.</summary>
    public static void Run(ReadOnlySpan<byte> bytes)
    {
        if (ElfFile.ParseHeader(bytes, out ElfHeader header) != Errno.None)
        {
            return;
        }

        ulong offset = Math.Min(header.ProgramHeadersOffset, (ulong)bytes.Length);
        if (ElfFile.Parse(header, bytes[(int)offset..], out ElfFile? file) != Errno.None)
        {
            return;
        }

        if (file!.TryGetExtent(out ulong start, out ulong end) && (start >= end || end > (1UL << 47) + 4096))
        {
            throw new InvalidOperationException("extent out of user space");
        }

        if (file.Alignment() < 4096)
        {
            throw new InvalidOperationException("alignment below a page");
        }

        file.ProgramHeadersAddress();
    }
}
