using System;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace HostOs;

/// <summary>What a process that will now mostly wait keeps in memory.</summary>
// SAFETY: only pages of code are dropped, which nobody writes and the host reads again when they are touched.
public static unsafe class ResidentMemory
{
    private const uint LoadSegment = 1;
    private const uint Executable = 1;
    private const uint Writable = 2;
    private const ulong PageMask = 4095;

    /// <summary>
    /// Gives back what starting took and waiting does not need: garbage, free heap, and the code of the executable and
    /// the libraries, of which what is still in use comes back from the page cache as it is touched. Read-only data
    /// stays: the run time has written a cookie there that the file does not have. Takes some milliseconds, for once.
    /// </summary>
    public static void Trim()
    {
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        LibC.MallocTrim(0);
        // SAFETY: the callback keeps the C calling convention and only reads what it is given.
        delegate* unmanaged[Cdecl]<LoadedObject*, nuint, nint, int> callback = &DropCode;
        LibC.IterateProgramHeaders((nint)callback, 0);
    }

    /// <summary>Callback of dl_iterate_phdr(3); 0 goes on.</summary>
    // SAFETY: info and its table of headers are the dynamic linker's and stay while it calls.
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int DropCode(LoadedObject* info, nuint size, nint data)
    {
        for (int i = 0; i < info->HeaderCount; i++)
        {
            ref ProgramHeader header = ref info->Headers[i];
            if (header.Type != LoadSegment || (header.Flags & (Executable | Writable)) != Executable)
            {
                continue;
            }

            // Whole pages only: those at the ends may be shared with a neighbour.
            ulong start = (info->Address + header.Address + PageMask) & ~PageMask;
            ulong end = (info->Address + header.Address + header.FileBytes) & ~PageMask;
            if (start < end)
            {
                HostMman.Advise((nint)start, (nuint)(end - start), HostMman.MadvDontNeed);
            }
        }

        return 0;
    }

    /// <summary>The first members of struct dl_phdr_info (dl_iterate_phdr(3)).</summary>
    private struct LoadedObject
    {
        public ulong Address;
        public byte* Name;
        public ProgramHeader* Headers;
        public ushort HeaderCount;
    }

    /// <summary>Elf64_Phdr (elf(5)).</summary>
    private struct ProgramHeader
    {
        public uint Type;
        public uint Flags;
        public ulong Offset;
        public ulong Address;
        public ulong PhysicalAddress;
        public ulong FileBytes;
        public ulong MemoryBytes;
        public ulong Alignment;
    }
}
