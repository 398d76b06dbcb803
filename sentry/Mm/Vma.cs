using Platform;
using Sentry.Vfs;

namespace Sentry.Mm;

/// <summary>A mapping: what mmap(2) asked for (Linux's vm_area_struct).</summary>
internal struct Vma
{
    /// <summary>Rights of PROT_*, as asked.</summary>
    public MemoryAccess Access;

    /// <summary>Most that mprotect(2) may give.</summary>
    public MemoryAccess MaxAccess;

    /// <summary>Properties.</summary>
    public VmaFlags Flags;

    /// <summary>What is mapped; null for private anonymous memory.</summary>
    public IMappable? Mappable;

    /// <summary>Offset in the mappable of the first byte.</summary>
    public ulong Offset;

    /// <summary>Open file kept alive, if any: one reference per VMA.</summary>
    public FileDescription? File;

    /// <summary>Shown in /proc/pid/maps when there is no file.</summary>
    public string? Name;

    /// <summary>True for MAP_PRIVATE.</summary>
    public readonly bool IsPrivate => (Flags & VmaFlags.Shared) == 0;

    /// <summary>True for private memory without a file.</summary>
    public readonly bool IsAnonymous => Mappable is null;

    /// <summary>Rights the CPU really gives: on x86-64 write and execute imply read.</summary>
    public readonly MemoryAccess EffectiveAccess =>
        Access == MemoryAccess.None ? MemoryAccess.None : Access | MemoryAccess.Read;

    /// <summary>What the mappable is told about the mapping.</summary>
    public readonly MappingKind Kind => IsPrivate
        ? MappingKind.Private
        : (MaxAccess & MemoryAccess.Write) != 0 ? MappingKind.SharedWritable : MappingKind.SharedReadOnly;

    /// <summary>True when the flag is set.</summary>
    public readonly bool Has(VmaFlags flag) => (Flags & flag) != 0;
}

/// <summary>VMAs merge when everything but the place is equal and the file goes on without a break.</summary>
internal readonly struct VmaPolicy : IRangePolicy<Vma>
{
    /// <inheritdoc/>
    public static Vma Split(ref Vma left, ulong distance)
    {
        Vma right = left;
        if (right.Mappable is not null)
        {
            right.Offset += distance;
        }

        right.File?.AddReference();
        return right;
    }

    /// <inheritdoc/>
    public static bool TryMerge(ref Vma left, ulong leftLength, in Vma right)
    {
        bool same = left.Access == right.Access && left.MaxAccess == right.MaxAccess && left.Flags == right.Flags
            && ReferenceEquals(left.Mappable, right.Mappable) && ReferenceEquals(left.File, right.File)
            && left.Name == right.Name && !left.Has(VmaFlags.Special);
        if (!same || (left.Mappable is not null && left.Offset + leftLength != right.Offset))
        {
            return false;
        }

        right.File?.DropReference(null);
        return true;
    }
}
