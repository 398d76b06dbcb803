using System;

namespace Sentry.Mm;

/// <summary>An address in guest user space. There is no operator that could wrap: sums go through <see
/// cref="TryAdd"/>.</summary>
public readonly record struct GuestAddress(ulong Value) : IComparable<GuestAddress>
{
    /// <summary>Bytes in a page.</summary>
    public const ulong PageSize = 4096;

    /// <summary>The end of user space as calls know it (TASK_SIZE_MAX); a platform may give guests less.</summary>
    public const ulong UserEnd = (1UL << 47) - PageSize;

    /// <summary>The null pointer.</summary>
    public static GuestAddress Null => default;

    /// <summary>True for address 0.</summary>
    public bool IsNull => Value == 0;

    /// <summary>Offset inside the page.</summary>
    public ulong PageOffset => Value & (PageSize - 1);

    /// <summary>True at a page boundary.</summary>
    public bool IsPageAligned => PageOffset == 0;

    /// <summary>The page's first address.</summary>
    public GuestAddress RoundDown() => new(Value & ~(PageSize - 1));

    /// <summary>Next page boundary at or above; false when that wraps.</summary>
    public bool TryRoundUp(out GuestAddress result)
    {
        result = new((Value + PageSize - 1) & ~(PageSize - 1));
        return result.Value >= Value;
    }

    /// <summary>This plus <paramref name="lengthBytes"/>; false when that wraps.</summary>
    public bool TryAdd(ulong lengthBytes, out GuestAddress result)
    {
        result = new(unchecked(Value + lengthBytes));
        return result.Value >= Value;
    }

    /// <summary>This plus a small constant field offset, wrapping like the CPU: the copy that follows checks the
    /// address.</summary>
    public GuestAddress Field(int offsetBytes) => new(unchecked(Value + (ulong)offsetBytes));

    /// <inheritdoc/>
    public int CompareTo(GuestAddress other) => Value.CompareTo(other.Value);

    /// <inheritdoc/>
    public override string ToString() => "0x" + Value.ToString("x");
}

/// <summary>A half-open range of guest addresses; <see cref="End"/> never wraps.</summary>
public readonly record struct GuestRange
{
    private GuestRange(ulong start, ulong end)
    {
        Start = start;
        End = end;
    }

    /// <summary>First address.</summary>
    public ulong Start { get; }

    /// <summary>First address after.</summary>
    public ulong End { get; }

    /// <summary>Bytes.</summary>
    public ulong Length => End - Start;

    /// <summary>True when nothing is in it.</summary>
    public bool IsEmpty => End == Start;

    /// <summary>Range from a start and an exclusive end, start &lt;= end.</summary>
    public static GuestRange FromBounds(ulong start, ulong end)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(end, start);
        return new GuestRange(start, end);
    }

    /// <summary>Range from guest values; false when it wraps.</summary>
    public static bool TryCreate(GuestAddress start, ulong lengthBytes, out GuestRange range)
    {
        bool ok = start.TryAdd(lengthBytes, out GuestAddress end);
        range = ok ? new GuestRange(start.Value, end.Value) : default;
        return ok;
    }

    /// <summary>True when the address lies inside.</summary>
    public bool Contains(ulong address) => address >= Start && address < End;

    /// <summary>True when both share an address.</summary>
    public bool Overlaps(GuestRange other) => Start < other.End && other.Start < End;

    /// <summary>What both share; empty at Start when nothing.</summary>
    public GuestRange Intersect(GuestRange other)
    {
        ulong start = Math.Max(Start, other.Start);
        ulong end = Math.Min(End, other.End);
        return end > start ? new GuestRange(start, end) : new GuestRange(Start, Start);
    }
}
