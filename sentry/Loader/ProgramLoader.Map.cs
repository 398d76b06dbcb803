using System;
using Abi.Linux;
using Platform;
using Sentry.Mm;
using Sentry.Vfs;

namespace Sentry.Loader;

internal sealed partial class ProgramLoader
{
    private const ulong PageMask = GuestAddress.PageSize - 1;

    /// <summary>Maps the program and sets code, data and break (fs/binfmt_elf.c).</summary>
    private Errno MapProgram(ElfFile elf, bool hasInterpreter, out ulong bias)
    {
        bias = 0;
        bool isFixed = elf.Header.Type == Elf.ET_EXEC;
        ulong preferred = !isFixed && hasInterpreter ? _mm.PieBase : 0;
        Errno errno = MapImage(elf, _plan.Program, preferred, isFixed ? MapPlacement.FixedNoReplace
            : MapPlacement.Hint, out bias);
        if (errno != Errno.None)
        {
            return errno;
        }

        elf.TryGetExtent(out _, out ulong end);
        NoteCodeAndData(elf, bias);
        bool isLoader = !isFixed && !hasInterpreter;
        ulong breakStart = isLoader ? _mm.PieBase : unchecked(end + bias);
        return _mm.SetBrkStart(new GuestAddress(breakStart), BrkPlacement.Randomised);
    }

    /// <summary>
    /// Finds room for all loadable segments in one piece, then maps each at its place; <paramref name="bias"/> is
    /// what is added to its addresses.
    /// </summary>
    private Errno MapImage(ElfFile elf, FileDescription file, ulong preferred, MapPlacement placement, out ulong bias)
    {
        bias = 0;
        if (!elf.TryGetExtent(out ulong start, out ulong end))
        {
            return Errno.ENOEXEC;
        }

        Errno errno = file.GetMappable(_task, out IMappable? mappable);
        if (errno != Errno.None)
        {
            return errno == Errno.ENODEV ? Errno.ENOEXEC : errno;
        }

        errno = Reserve(elf, start, end - start, preferred, placement, out bias);
        if (errno != Errno.None)
        {
            return errno;
        }

        foreach (ElfSegment segment in elf.Segments)
        {
            if (segment.Type == Elf.PT_LOAD && segment.MemoryBytes != 0)
            {
                errno = MapSegment(segment, file, mappable!, bias);
            }

            if (errno != Errno.None)
            {
                return errno;
            }
        }

        return Errno.None;
    }

    private Errno Reserve(ElfFile elf, ulong start, ulong length, ulong preferred, MapPlacement placement,
        out ulong bias)
    {
        bias = 0;
        ulong alignment = elf.Alignment();
        bool isFixed = placement == MapPlacement.FixedNoReplace;
        ulong slack = isFixed || preferred != 0 ? 0 : alignment - GuestAddress.PageSize;
        ulong wish = isFixed ? start : preferred & ~(alignment - 1);
        if (length + slack < length)
        {
            return Errno.ENOMEM;
        }

        MapRequest request = new()
        {
            Address = new GuestAddress(wish),
            LengthBytes = length + slack,
            Placement = placement,
            Access = MemoryAccess.None,
            MaxAccess = MemoryAccess.None,
            Flags = VmaFlags.NoReserve,
        };
        Errno errno = _mm.Map(request, out GuestAddress found);
        if (errno != Errno.None)
        {
            return errno;
        }

        ulong place = isFixed ? start : (found.Value + alignment - 1) & ~(alignment - 1);
        bias = unchecked(place - start);
        return _mm.Unmap(found, request.LengthBytes);
    }

    /// <summary>Maps one segment: file pages, then zeros up to its size in memory.</summary>
    private Errno MapSegment(in ElfSegment segment, FileDescription file, IMappable mappable, ulong bias)
    {
        ulong address = unchecked(segment.Address + bias);
        ulong inPage = address & PageMask;
        ulong fileEnd = address + segment.FileBytes;
        ulong filePagesEnd = segment.FileBytes == 0 ? address - inPage : (fileEnd + PageMask) & ~PageMask;
        ulong memoryEnd = (address + segment.MemoryBytes + PageMask) & ~PageMask;
        MemoryAccess access = Access(segment.Flags);
        Errno errno = Errno.None;
        if (segment.FileBytes != 0)
        {
            errno = _mm.Map(
                new MapRequest
                {
                    Address = new GuestAddress(address - inPage),
                    LengthBytes = filePagesEnd - (address - inPage),
                    Placement = MapPlacement.Fixed,
                    Access = access,
                    MaxAccess = MemoryAccess.Read | MemoryAccess.Write | MemoryAccess.Execute,
                    Mappable = mappable,
                    Offset = segment.Offset - inPage,
                    File = file,
                },
                out _);
        }

        if (errno == Errno.None && segment.FileBytes != 0 && segment.MemoryBytes > segment.FileBytes
            && filePagesEnd > fileEnd)
        {
            // The rest of the last file page belongs to the bss; a read-only segment keeps what the file has there,
            // as on Linux.
            Errno zeroed = _mm.ZeroOut(new GuestAddress(fileEnd), filePagesEnd - fileEnd, out _);
            errno = (access & MemoryAccess.Write) != 0 ? zeroed : Errno.None;
        }

        if (errno == Errno.None && memoryEnd > filePagesEnd)
        {
            errno = MapZeros(filePagesEnd, memoryEnd - filePagesEnd, access);
        }

        return errno;
    }

    private Errno MapZeros(ulong address, ulong length, MemoryAccess access) => _mm.Map(
        new MapRequest
        {
            Address = new GuestAddress(address),
            LengthBytes = length,
            Placement = MapPlacement.Fixed,
            Access = access,
            MaxAccess = MemoryAccess.Read | MemoryAccess.Write | MemoryAccess.Execute,
        },
        out _);

    private static MemoryAccess Access(uint flags)
    {
        MemoryAccess access = (flags & Elf.PF_R) != 0 ? MemoryAccess.Read : MemoryAccess.None;
        access |= (flags & Elf.PF_W) != 0 ? MemoryAccess.Write : MemoryAccess.None;
        return access | ((flags & Elf.PF_X) != 0 ? MemoryAccess.Execute : MemoryAccess.None);
    }

    private static MemoryAccess StackAccess(ElfFile elf)
    {
        bool executable = elf.TryFind(Elf.PT_GNU_STACK, out ElfSegment stack) && (stack.Flags & Elf.PF_X) != 0;
        return MemoryAccess.Read | MemoryAccess.Write | (executable ? MemoryAccess.Execute : MemoryAccess.None);
    }

    private void NoteCodeAndData(ElfFile elf, ulong bias)
    {
        ulong startCode = ulong.MaxValue;
        foreach (ElfSegment segment in elf.Segments)
        {
            if (segment.Type != Elf.PT_LOAD)
            {
                continue;
            }

            ulong start = unchecked(segment.Address + bias);
            ulong end = start + segment.FileBytes;
            if ((segment.Flags & Elf.PF_X) != 0)
            {
                startCode = Math.Min(startCode, start);
                _image.EndCode = Math.Max(_image.EndCode, end);
            }

            _image.StartData = Math.Max(_image.StartData, start);
            _image.EndData = Math.Max(_image.EndData, end);
        }

        _image.StartCode = startCode == ulong.MaxValue ? 0 : startCode;
    }
}
