using System;
using Platform;

namespace Sentry.Mm;

/// <summary>How a <see cref="Pma"/> may be written.</summary>
[Flags]
internal enum PmaFlags
{
    None = 0,

    /// <summary>Pages of the memory file that belong to private mappings only (anonymous, or copied from a
    /// file).</summary>
    Private = 1,

    /// <summary>Before a write the pages must be copied, or found to have no other user.</summary>
    CopyOnWrite = 2,

    /// <summary>The platform has no translation yet (after fork): map the whole PMA at the first fault.</summary>
    Unmapped = 4,
}

/// <summary>Memory behind a part of a mapping: the truth of which the platform's translations are a cache. Holds one
/// reference on each page.</summary>
internal struct Pma
{
    /// <summary>Where the pages are.</summary>
    public IMemoryBacking Backing;

    /// <summary>Offset of the first byte there.</summary>
    public ulong Offset;

    /// <summary>Rights the platform may give now.</summary>
    public MemoryAccess Access;

    /// <summary>Most rights the backing allows (see <see cref="Translation.Allowed"/>).</summary>
    public MemoryAccess Allowed;

    /// <summary>How it may be written.</summary>
    public PmaFlags Flags;

    /// <summary>True when the pages are private memory.</summary>
    public readonly bool IsPrivate => (Flags & PmaFlags.Private) != 0;

    /// <summary>True when a write must first copy or claim the pages.</summary>
    public readonly bool NeedsCopy => (Flags & PmaFlags.CopyOnWrite) != 0;

    /// <summary>True for anonymous memory that was only read so far.</summary>
    public readonly bool IsZero => Backing is ZeroPages;

    /// <summary>Sets <see cref="Access"/> from the rights of the VMA.</summary>
    public void Restrict(MemoryAccess vmaAccess)
    {
        bool mayWrite = !NeedsCopy && (Allowed & MemoryAccess.Write) != 0;
        Access = mayWrite ? vmaAccess : vmaAccess & ~MemoryAccess.Write;
    }
}

/// <summary>PMAs merge when they are one contiguous range of one backing with equal rights.</summary>
internal readonly struct PmaPolicy : IRangePolicy<Pma>
{
    /// <inheritdoc/>
    public static Pma Split(ref Pma left, ulong distance)
    {
        Pma right = left;
        right.Offset += distance;
        return right;
    }

    /// <inheritdoc/>
    public static bool TryMerge(ref Pma left, ulong leftLength, in Pma right) =>
        ReferenceEquals(left.Backing, right.Backing) && left.Offset + leftLength == right.Offset
        && left.Access == right.Access && left.Allowed == right.Allowed && left.Flags == right.Flags;
}
