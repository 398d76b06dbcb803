namespace Sentry.Vfs;

/// <summary>
/// Reclaimable entries in the order they came, linked through themselves, so that one that dies leaves at once and what
/// it names can be collected. Not thread-safe: its owner's lock guards it and the links of the entries.
/// </summary>
internal sealed class DentryQueue
{
    private Dentry? _oldest;
    private Dentry? _newest;

    /// <summary>Entries in the queue.</summary>
    internal int Count { get; private set; }

    /// <summary>True when the entry stands in the queue.</summary>
    internal bool Contains(Dentry entry) => entry.Older is not null || entry.Newer is not null || _oldest == entry;

    /// <summary>Adds at the new end what is not in the queue.</summary>
    internal void Add(Dentry entry)
    {
        entry.Older = _newest;
        if (_newest is null)
        {
            _oldest = entry;
        }
        else
        {
            _newest.Newer = entry;
        }

        _newest = entry;
        Count++;
    }

    /// <summary>Takes out what is in the queue.</summary>
    internal void Remove(Dentry entry)
    {
        if (entry.Older is null)
        {
            _oldest = entry.Newer;
        }
        else
        {
            entry.Older.Newer = entry.Newer;
        }

        if (entry.Newer is null)
        {
            _newest = entry.Older;
        }
        else
        {
            entry.Newer.Older = entry.Older;
        }

        entry.Older = null;
        entry.Newer = null;
        Count--;
    }

    /// <summary>Takes the oldest entry; null when there is none.</summary>
    internal Dentry? TakeOldest()
    {
        Dentry? entry = _oldest;
        if (entry is not null)
        {
            Remove(entry);
        }

        return entry;
    }
}
