using System;

namespace Ring0;

/// <summary>
/// Where page tables live, and who hears what happens to entries. Called by <see cref="PageTables"/> under whatever
/// lock its owner holds.
/// </summary>
public interface ITableMemory
{
    /// <summary>A zeroed page for a table; false when there is none.</summary>
    bool TryAllocate(out ulong physical);

    /// <summary>
    /// A table is unlinked. A CPU may still walk through it until the owner has invalidated its translation caches,
    /// so it must not be reused before (SDM vol. 3, 4.10.2).
    /// </summary>
    void Free(ulong physical);

    /// <summary>The 512 entries of a table.</summary>
    Span<ulong> Entries(ulong physical);

    /// <summary>
    /// A present entry of the table has been changed or removed: cached translations may be wrong until invalidated.
    /// </summary>
    void Changed(ulong physical);

    /// <summary>A leaf entry now maps these bytes, once more if others do already.</summary>
    void Mapped(ulong physical, ulong lengthBytes);

    /// <summary>A leaf entry mapped these bytes and no longer does.</summary>
    void Dropped(ulong physical, ulong lengthBytes);
}
