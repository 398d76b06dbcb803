namespace Sentry.Mm;

/// <summary>Resident bytes of an address space or a mapping, by what they are (/proc/pid/status, smaps).</summary>
public struct MemoryUse
{
    /// <summary>RssAnon: private memory.</summary>
    public ulong Anonymous;

    /// <summary>RssFile: pages of host files.</summary>
    public ulong File;

    /// <summary>RssShmem: pages of shared objects.</summary>
    public ulong Shared;

    /// <summary>Of all these, bytes of pages that somebody else maps too, and each page's share in <see
    /// cref="Proportional"/>.</summary>
    public ulong SharedWithOthers;

    /// <summary>Pss: every page divided by the number of its users.</summary>
    public ulong Proportional;

    /// <summary>VmHWM: the highest resident size at any measurement; only of whole address spaces.</summary>
    public ulong PeakResident;

    /// <summary>VmRSS.</summary>
    public readonly ulong Resident => Anonymous + File + Shared;
}
