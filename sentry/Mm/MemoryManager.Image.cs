using System;
using Abi.Linux;
using Platform;

namespace Sentry.Mm;

public sealed partial class MemoryManager
{
    /// <summary>
    /// An empty address space with one user. <paramref name="limits"/> is asked whenever a mapping grows.
    /// </summary>
    public static Errno Create(
        IPlatform platform,
        MemoryFile memoryFile,
        IMemoryLimits limits,
        in MemoryLayoutRequest layout,
        out MemoryManager? mm) => throw new NotImplementedException();

    /// <summary>Whose limits count; execve and fork point it at the process that now owns the address space.</summary>
    public IMemoryLimits Limits { get; set; } = null!;

    /// <summary>First address above the place of the stack (STACK_TOP less the random part).</summary>
    public ulong StackTop => throw new NotImplementedException();

    /// <summary>Highest address that <see cref="Map"/> gives out by itself.</summary>
    public ulong MmapBase => throw new NotImplementedException();

    /// <summary>Where an interpreter-loaded PIE goes (ELF_ET_DYN_BASE plus the random part), page aligned.</summary>
    public ulong PieBase => throw new NotImplementedException();

    /// <summary>Parts of the program; read and replaced as a whole under an internal lock.</summary>
    public ProcessImage Image { get => throw new NotImplementedException(); set => throw new NotImplementedException(); }

    /// <summary>mmap(2) without its argument decoding: ENOMEM, EEXIST, EPERM (below mmap_min_addr), EAGAIN (RLIMIT_MEMLOCK), EINVAL.</summary>
    public Errno Map(in MapRequest request, out GuestAddress address) => throw new NotImplementedException();

    /// <summary>munmap(2).</summary>
    public Errno Unmap(GuestAddress start, ulong lengthBytes) => throw new NotImplementedException();

    /// <summary>mprotect(2) without PROT_GROWSDOWN.</summary>
    public Errno Protect(GuestAddress start, ulong lengthBytes, MemoryAccess access) => throw new NotImplementedException();

    /// <summary>
    /// Sets where the program break starts: <paramref name="endOfBss"/> rounded up, plus the random part when <paramref name="placement"/> asks for it.
    /// </summary>
    public Errno SetBrkStart(GuestAddress endOfBss, BrkPlacement placement) => throw new NotImplementedException();

    /// <summary>brk(2): the break after the call (unchanged when the wish cannot be met).</summary>
    public GuestAddress Brk(GuestAddress wish) => throw new NotImplementedException();

    /// <summary>
    /// Maps the initial stack below <see cref="StackTop"/>, growing down; <paramref name="initialBytes"/> are mapped at once. <paramref name="access"/> has Execute for
    /// programs whose PT_GNU_STACK says so.
    /// </summary>
    public Errno MapStack(ulong initialBytes, MemoryAccess access, out GuestRange stack) => throw new NotImplementedException();

    /// <summary>
    /// Maps pages that the kernel owns (vDSO, its data page): shared, from <paramref name="offset"/> of the memory file, which the caller keeps referenced for the life of the kernel.
    /// </summary>
    public Errno MapSpecial(GuestAddress hint, ulong offset, ulong lengthBytes, MemoryAccess access, string name, out GuestAddress address) =>
        throw new NotImplementedException();
}

/// <summary>Where the break begins.</summary>
public enum BrkPlacement
{
    /// <summary>Right after the bss.</summary>
    AfterBss,

    /// <summary>A random distance (up to 32 MiB) after it, when the address space is randomised.</summary>
    Randomised,
}
