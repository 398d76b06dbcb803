using System;

namespace Ring0;

/// <summary>Bits of a page-table entry of any level (SDM vol. 3, 4.5.4).</summary>
[Flags]
public enum PageFlags : ulong
{
    None = 0,
    Present = 1,
    Writable = 1 << 1,
    User = 1 << 2,
    WriteThrough = 1 << 3,
    CacheDisable = 1 << 4,
    Accessed = 1 << 5,
    Dirty = 1 << 6,

    /// <summary>In a page directory or page-directory-pointer table: the entry is a page of 2 MiB or 1 GiB.</summary>
    Large = 1 << 7,
    Global = 1 << 8,
    NoExecute = 1UL << 63,
}

/// <summary>The largest page a mapping may use.</summary>
public enum PageSize
{
    Bytes4K = 0,
    Bytes2M = 1,
    Bytes1G = 2,
}

/// <summary>What an address translates to.</summary>
/// <param name="Physical">Physical address of the very byte asked for.</param>
/// <param name="Flags">
/// Flags of the entry that maps the page; the rights of the levels above are never narrower.
/// </param>
/// <param name="Size">Size of the page.</param>
public readonly record struct PageTranslation(ulong Physical, PageFlags Flags, PageSize Size);
