using System;
using System.Runtime.CompilerServices;
using Abi.Linux;
using Stub;
using unsafe Bulk = delegate* unmanaged<nint, nint, nuint, nuint>;
using unsafe BulkFast = delegate* unmanaged[SuppressGCTransition]<nint, nint, nuint, nuint>;
using unsafe Clearing = delegate* unmanaged<nint, nuint, nuint>;
using unsafe Load = delegate* unmanaged[SuppressGCTransition]<nint, uint*, int>;
using unsafe Store = delegate* unmanaged[SuppressGCTransition]<nint, uint, int>;
using unsafe Swap32 = delegate* unmanaged[SuppressGCTransition]<nint, uint, uint, uint*, int>;
using unsafe Swap64 = delegate* unmanaged[SuppressGCTransition]<nint, ulong, ulong, ulong*, int>;

namespace HostOs;

/// <summary>
/// Accesses to memory that may be unmapped, protected, or a mapping of a file that was cut short. A fault ends the
/// access, not the process.
/// Call <see cref="Install"/> once at start, after the run time has installed its own handlers.
/// </summary>
// SAFETY: the functions called bear faults; results go to locals, and spans are pinned.
public static unsafe class SafeCopy
{
    /// <summary>
    /// Copies up to this size do not announce themselves to the garbage collector: they end within a microsecond or a
    /// page fault.
    /// </summary>
    private const nuint FastBytes = 16384;

    // SAFETY: all point into the code loaded by the static constructor, whose functions keep the C calling convention.
    private static readonly Bulk s_copy;
    private static readonly BulkFast s_copyFast;
    private static readonly Clearing s_clear;
    private static readonly Load s_load32;
    private static readonly Store s_store32;
    private static readonly Swap32 s_cas32;
    private static readonly Swap64 s_cas64;

    static SafeCopy()
    {
        SafeCopyCode code = SafeCopyCode.Prepared;
        nint handlers = CodeMemory.LoadWithData(code.Code, SafeCopyCode.HandlersOffset, out nint start);
        s_copy = (Bulk)(start + code.CopyOffset);
        s_copyFast = (BulkFast)(start + code.CopyOffset);
        s_clear = (Clearing)(start + code.ClearOffset);
        s_load32 = (Load)(start + code.Load32Offset);
        s_store32 = (Store)(start + code.Store32Offset);
        s_cas32 = (Swap32)(start + code.Cas32Offset);
        s_cas64 = (Swap64)(start + code.Cas64Offset);
        InstallHandler(Signals.SIGSEGV, handlers, start + code.HandlerOffset, start + code.RestorerOffset);
        InstallHandler(Signals.SIGBUS, handlers, start + code.HandlerOffset, start + code.RestorerOffset);
    }

    /// <summary>
    /// Installs the signal handlers, if that has not happened. Any other member does the same; this one does nothing
    /// else.
    /// </summary>
    public static void Install() => RuntimeHelpers.RunClassConstructor(typeof(SafeCopy).TypeHandle);

    /// <summary>
    /// Copies <paramref name="bytes"/> bytes upwards; returns how many were not copied because one end faulted.
    /// </summary>
    public static nuint Copy(nint to, nint from, nuint bytes) =>
        bytes <= FastBytes ? s_copyFast(to, from, bytes) : s_copy(to, from, bytes);

    /// <summary>Copies from memory that may fault into a span; returns how many bytes were not copied.</summary>
    public static nuint CopyIn(Span<byte> to, nint from)
    {
        // SAFETY: the span is pinned for the copy and exactly Length bytes are written.
        fixed (byte* p = to)
        {
            return Copy((nint)p, from, (nuint)to.Length);
        }
    }

    /// <summary>Copies a span to memory that may fault; returns how many bytes were not copied.</summary>
    public static nuint CopyOut(nint to, ReadOnlySpan<byte> from)
    {
        // SAFETY: the span is pinned for the copy and exactly Length bytes are read.
        fixed (byte* p = from)
        {
            return Copy(to, (nint)p, (nuint)from.Length);
        }
    }

    /// <summary>Writes zeros; returns how many bytes were not written.</summary>
    public static nuint Clear(nint to, nuint bytes) => s_clear(to, bytes);

    /// <summary>One 32-bit load. EFAULT when it faults.</summary>
    public static Errno Load32(nint address, out uint value)
    {
        // SAFETY: the result goes to a local.
        uint loaded = 0;
        Errno error = (Errno)s_load32(address, &loaded);
        value = loaded;
        return error;
    }

    /// <summary>One 32-bit store. EFAULT when it faults.</summary>
    public static Errno Store32(nint address, uint value) => (Errno)s_store32(address, value);

    /// <summary>
    /// LOCK CMPXCHG: stores <paramref name="desired"/> if the word is <paramref name="expected"/>, and gives what was
    /// there.
    /// EFAULT when the word cannot be written, whatever it holds.
    /// </summary>
    public static Errno CompareExchange32(nint address, uint expected, uint desired, out uint observed)
    {
        // SAFETY: the result goes to a local.
        uint before = 0;
        Errno error = (Errno)s_cas32(address, expected, desired, &before);
        observed = before;
        return error;
    }

    /// <summary>As <see cref="CompareExchange32"/>, on 64 bits.</summary>
    public static Errno CompareExchange64(nint address, ulong expected, ulong desired, out ulong observed)
    {
        // SAFETY: the result goes to a local.
        ulong before = 0;
        Errno error = (Errno)s_cas64(address, expected, desired, &before);
        observed = before;
        return error;
    }

    // SAFETY: handlers is the writable page the handler reads the previous handler from; the slot is set before the
    // handler can run.
    private static void InstallHandler(int signal, nint handlers, nint handler, nint restorer)
    {
        if (HostSignal.GetAction(signal, out HostSigaction old) != Errno.None)
        {
            throw new InvalidOperationException("rt_sigaction fails.");
        }
        ((nint*)handlers)[signal] = old.Handler;
        var action = new HostSigaction
        {
            Handler = handler,
            Flags = old.Flags | HostSignal.FlagSigInfo | HostSignal.FlagOnStack | HostSignal.FlagRestorer,
            Restorer = restorer,
            Mask = old.Mask,
        };
        if (HostSignal.SetAction(signal, action) != Errno.None)
        {
            throw new InvalidOperationException("rt_sigaction fails.");
        }
    }
}
