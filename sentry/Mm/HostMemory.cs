using System;
using HostOs;

namespace Sentry.Mm;

/// <summary>Copies between addresses of the Sentry, with or without protection against faults; see <see
/// cref="IMemoryBacking.MayFault"/>.</summary>
internal static class HostMemory
{
    /// <summary>Whether an access may fault.</summary>
    internal enum Safety
    {
        /// <summary>Both ends are held mapped.</summary>
        Mapped,

        /// <summary>An end may be a file that was cut short.</summary>
        MayFault,
    }

    /// <summary>Copies; returns how many bytes were not copied.</summary>
    internal static nuint Copy(nuint target, nuint source, nuint lengthBytes, Safety safety)
    {
        if (safety == Safety.MayFault)
        {
            return SafeCopy.Copy((nint)target, (nint)source, lengthBytes);
        }

        RawMemory.Copy(target, source, lengthBytes);
        return 0;
    }

    /// <summary>Copies into a buffer; returns how many bytes were not copied.</summary>
    internal static int CopyIn(Span<byte> target, nuint source, Safety safety)
    {
        if (safety == Safety.MayFault)
        {
            return (int)SafeCopy.CopyIn(target, (nint)source);
        }

        RawMemory.CopyIn(target, source);
        return 0;
    }

    /// <summary>Copies out of a buffer; returns how many bytes were not copied.</summary>
    internal static int CopyOut(nuint target, ReadOnlySpan<byte> source, Safety safety)
    {
        if (safety == Safety.MayFault)
        {
            return (int)SafeCopy.CopyOut((nint)target, source);
        }

        RawMemory.CopyOut(target, source);
        return 0;
    }

    /// <summary>Writes zeros; returns how many bytes were not written.</summary>
    internal static nuint Clear(nuint target, nuint lengthBytes, Safety safety)
    {
        if (safety == Safety.MayFault)
        {
            return SafeCopy.Clear((nint)target, lengthBytes);
        }

        RawMemory.Clear(target, lengthBytes);
        return 0;
    }
}
