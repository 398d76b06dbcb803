using System;
using System.Runtime.CompilerServices;
using Abi.Linux;

using unsafe Blocking = delegate* unmanaged<nint, nint, nint, nint, nint, nint, nint, nint>;
using unsafe Fast = delegate* unmanaged[SuppressGCTransition]<nint, nint, nint, nint, nint, nint, nint, nint>;

namespace HostOs;

/// <summary>
/// The raw system call (syscall(2), calling convention in the kernel's Documentation and psABI A.2.1): the kernel's
/// result comes back
/// unchanged, negative errno included.
/// </summary>
// SAFETY: the only pointers are to the routine below, which keeps the C calling convention.
public static unsafe class HostSyscall
{
    // SAFETY: both point at the routine below, which keeps the C calling convention and touches no memory but its one
    // stack argument.
    private static readonly Blocking s_blocking;
    private static readonly Fast s_fast;

    static HostSyscall()
    {
        nint code = CodeMemory.Load(RoutineBytes);
        s_blocking = (Blocking)code;
        s_fast = (Fast)code;
    }

    /// <summary>
    /// Address of the routine: the one place in the process from which <c>hostos</c> enters the host kernel.
    /// </summary>
    public static nint RoutineAddress => (nint)s_blocking;

    /// <summary>
    /// f(number, a0..a5): C arguments are rdi rsi rdx rcx r8 r9 [rsp+8]; the kernel wants rax, rdi rsi rdx r10 r8 r9.
    /// Kept as bytes because it must exist before anything else does; a test assembles it anew and compares.
    /// </summary>
    public static ReadOnlySpan<byte> RoutineBytes =>
    [
        0x48, 0x89, 0xf8,             // mov rax, rdi
        0x48, 0x89, 0xf7,             // mov rdi, rsi
        0x48, 0x89, 0xd6,             // mov rsi, rdx
        0x48, 0x89, 0xca,             // mov rdx, rcx
        0x4d, 0x89, 0xc2,             // mov r10, r8
        0x4d, 0x89, 0xc8,             // mov r8, r9
        0x4c, 0x8b, 0x4c, 0x24, 0x08, // mov r9, [rsp+8]
        0x0f, 0x05,                   // syscall
        0xc3,                         // ret
    ];

    /// <summary>Makes a system call that may block; the garbage collector does not wait for it.</summary>
    public static long Invoke(
        int number, nint a0 = 0, nint a1 = 0, nint a2 = 0, nint a3 = 0, nint a4 = 0, nint a5 = 0) =>
        s_blocking(number, a0, a1, a2, a3, a4, a5);

    /// <summary>
    /// Makes a system call that certainly returns within microseconds; a garbage collection waits for it.
    /// </summary>
    public static long InvokeFast(
        int number, nint a0 = 0, nint a1 = 0, nint a2 = 0, nint a3 = 0, nint a4 = 0, nint a5 = 0) =>
        s_fast(number, a0, a1, a2, a3, a4, a5);

    /// <summary>Turns a raw result into an errno; results outside [-4095, -1] are successes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Errno ToErrno(long result) =>
        (ulong)result >= unchecked((ulong)-4095L) ? (Errno)(int)-result : Errno.None;

    /// <summary>Splits a raw result into errno and value (-1 on failure).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Errno Split(long result, out long value)
    {
        Errno error = ToErrno(result);
        value = error == Errno.None ? result : -1;
        return error;
    }

    /// <summary>
    /// Splits a raw result into errno and 32-bit value (-1 on failure), for descriptors and process ids.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Errno Split(long result, out int value)
    {
        Errno error = ToErrno(result);
        value = error == Errno.None ? (int)result : -1;
        return error;
    }
}
