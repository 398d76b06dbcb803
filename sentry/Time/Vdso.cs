using System;
using Abi.Linux;
using Platform;
using Sentry.Mm;
using Stub;

namespace Sentry.Time;

/// <summary>
/// The pages that let a program read clocks without a system call (vdso(7)): the parameters that the kernel's own
/// clock reads too, and the code, in the
/// memory file for the life of the kernel.
/// </summary>
public sealed class Vdso
{
    private const ulong PageBytes = 4096;

    private readonly MemoryFile _memory;
    private readonly MemoryFileRange _parameters;
    private readonly MemoryFileRange _code;

    /// <summary>Puts the pages into the memory file. Throws when that has no room for them: nothing could
    /// run.</summary>
    public Vdso(MemoryFile memory, HostClockSource source)
    {
        byte[] image = VdsoImage.Prepared;
        _memory = memory;
        _parameters = Allocate(memory, PageBytes);
        _code = Allocate(memory, (ulong)image.Length);
        memory.Write(_code.Offset, image);
        Errno errno = memory.MapInternal(_parameters.Offset, PageBytes, out nuint address, out _);
        if (errno != Errno.None)
        {
            throw new InvalidOperationException("the page of clock parameters: " + errno);
        }

        Clock = new KernelClock(address, source);
    }

    /// <summary>The clock behind the parameters.</summary>
    public KernelClock Clock { get; }

    /// <summary>
    /// Maps [vvar] and, right after it, [vdso]. <paramref name="header"/> is AT_SYSINFO_EHDR, null when the address
    /// space has no such place: programs
    /// then make system calls.
    /// </summary>
    public Errno Map(MemoryManager mm, out GuestAddress header)
    {
        const MemoryAccess CodeAccess = MemoryAccess.Read | MemoryAccess.Execute;
        header = GuestAddress.Null;
        Errno errno = mm.MapSpecial(default, _memory, _code, CodeAccess, "[vdso]", out GuestAddress code);
        if (errno != Errno.None)
        {
            return errno;
        }

        GuestAddress wanted = new(code.Value - PageBytes);
        errno = mm.MapSpecial(wanted, _memory, _parameters, MemoryAccess.Read, "[vvar]", out GuestAddress data);
        if (errno == Errno.None && data == wanted)
        {
            header = code;
            return Errno.None;
        }

        if (errno == Errno.None)
        {
            mm.Unmap(data, PageBytes);
        }

        return mm.Unmap(code, _code.LengthBytes);
    }

    private static MemoryFileRange Allocate(MemoryFile memory, ulong bytes)
    {
        Errno errno = memory.Allocate(bytes, MemoryKind.Kernel, out MemoryFileRange range);
        return errno == Errno.None ? range : throw new InvalidOperationException("pages of the vDSO: " + errno);
    }
}
