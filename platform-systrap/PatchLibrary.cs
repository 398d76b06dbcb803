using System;
using System.Collections.Generic;
using System.Threading;
using Abi.Linux;
using HostOs;
using Stub;

namespace Platform.Systrap;

/// <summary>
/// Call sites in pages of the host's files, found in one process and patched in all that map the file later. A patched
/// page is the same in each, wherever it is mapped: its jumps name entries of the table, and where those lead is each
/// process's own. Nothing is applied to a page whose bytes are not those the sites were found in. Thread-safe; inner to
/// the locks of address spaces.
/// </summary>
internal sealed partial class PatchLibrary(SlotArea pages) : IDisposable
{
    /// <summary>The trap of a site, of all processes together, at which it becomes known.</summary>
    private const int KnownTraps = 2;

    /// <summary>Files with a descriptor kept here; beyond that the one not mapped for longest is forgotten.</summary>
    private const int MaxFiles = 128;

    /// <summary>Sites of one file that are counted; beyond that counting begins anew.</summary>
    private const int MaxCounted = 4096;

    private const int PageBytes = 4096;

    /// <summary>A page and the byte behind it, which a SYSCALL may end with.</summary>
    private const int SeenBytes = PageBytes + 1;

    /// <summary>Guards everything in the files and pages too.</summary>
    private readonly Lock _gate = new();
    private readonly Dictionary<(ulong Device, ulong Inode), LibraryFile> _files = [];
    private int _sites;
    private long _mappings;

    /// <summary>
    /// The file behind a descriptor that is being mapped for execution; null for one whose sites are not kept: it has
    /// no name (memory files).
    /// </summary>
    public LibraryFile? Enter(int hostFd)
    {
        Errno error = HostStat.Fstat(hostFd, out Stat stat);
        if (error != Errno.None || (stat.st_mode & StatMode.S_IFMT) != StatMode.S_IFREG || stat.st_nlink == 0)
        {
            return null;
        }
        lock (_gate)
        {
            (ulong Device, ulong Inode) id = (stat.st_dev, stat.st_ino);
            if (!_files.TryGetValue(id, out LibraryFile? file))
            {
                if (HostFcntl.Duplicate(hostFd, out int fd) != Errno.None)
                {
                    return null;
                }
                file = new LibraryFile(id, new HostFd(fd));
                MakeRoomLocked();
                _files.Add(id, file);
            }
            file.LastMapping = ++_mappings;
            return file;
        }
    }

    /// <summary>
    /// Takes note of a trap at the site that ends at an offset in a page. Its second, in whichever process, makes it
    /// known.
    /// </summary>
    /// <returns>Whether it is known since this trap.</returns>
    public bool Learn(LibraryFile file, ulong offset, int after, uint number)
    {
        lock (_gate)
        {
            ulong site = offset + (ulong)after;
            if (file.Traps.Count == MaxCounted)
            {
                file.Traps.Clear();
            }
            file.Traps.TryGetValue(site, out int traps);
            file.Traps[site] = int.Min(traps + 1, KnownTraps + 1);
            if (traps + 1 != KnownTraps)
            {
                return false;
            }
        }
        PageVersion? before = LatestOf(file, offset);
        if (Extend(file, offset, after, number) is not { } version)
        {
            return false;
        }
        Release(version);
        return version != before;
    }

    /// <summary>Offsets of the pages from an offset up to another that have sites.</summary>
    public List<ulong> PagesOf(LibraryFile file, ulong start, ulong end)
    {
        List<ulong> found = [];
        lock (_gate)
        {
            foreach (ulong offset in file.Pages.Keys)
            {
                if (offset >= start && offset < end)
                {
                    found.Add(offset);
                }
            }
        }
        return found;
    }

    /// <summary>
    /// The patched form of a page, held until <see cref="Release(PageVersion)"/>; null when there is none, the file has
    /// changed, or few processes make use of it.
    /// </summary>
    public PageVersion? Find(LibraryFile file, ulong offset)
    {
        Span<byte> now = stackalloc byte[SeenBytes];
        lock (_gate)
        {
            bool isRead = TryReadLocked(file, offset, now);
            if (!file.Pages.TryGetValue(offset, out LibraryPage? page))
            {
                return null;
            }
            if (!isRead || !now.SequenceEqual(page.Original))
            {
                file.Pages.Remove(offset);
                DropLocked(page.Latest);
                return null;
            }
            if (!page.Latest.Use.IsWorthwhile())
            {
                return null;
            }
            page.Latest.References++;
            return page.Latest;
        }
    }

    /// <summary>
    /// As <see cref="Find"/>, with the site that ends at an offset in the page; null when it cannot be patched, or no
    /// more sites can.
    /// </summary>
    public PageVersion? Extend(LibraryFile file, ulong offset, int after, uint number)
    {
        Span<byte> now = stackalloc byte[SeenBytes];
        lock (_gate)
        {
            if (!TryReadLocked(file, offset, now)
                || !CallSite.TryFind(now, 0, (ulong)after, number, out CallSite site))
            {
                return null;
            }
            bool isKnown = file.Pages.TryGetValue(offset, out LibraryPage? page);
            if (isKnown && !now.SequenceEqual(page!.Original))
            {
                return null;
            }
            PageVersion? version = isKnown && page!.Latest.Has(site.After) ? page.Latest : null;
            version ??= AddLocked(file, offset, page, now, [site]);
            if (version is not null)
            {
                version.References++;
            }
            return version;
        }
    }

    /// <summary>A process is gone that had versions mapped and made use of some of them.</summary>
    public void Release(List<(PageVersion Version, bool IsUsed)> versions)
    {
        lock (_gate)
        {
            foreach ((PageVersion version, bool isUsed) in versions)
            {
                version.Use.Count(isUsed);
                DropLocked(version);
            }
        }
    }

    /// <summary>A version is mapped nowhere in a process any more.</summary>
    public void Release(PageVersion version)
    {
        lock (_gate)
        {
            DropLocked(version);
        }
    }

    public void Dispose()
    {
        foreach (LibraryFile file in _files.Values)
        {
            file.Fd.Dispose();
        }
        _files.Clear();
    }

    /// <summary>What lies behind the end of the file is zero, as in a mapping.</summary>
    private static bool TryReadLocked(LibraryFile file, ulong offset, Span<byte> page)
    {
        page.Clear();
        return !file.IsForgotten && HostUnistd.Pread(file.Fd.Value, page, (long)offset, out int done) == Errno.None
            && done > 0;
    }

    private PageVersion? LatestOf(LibraryFile file, ulong offset)
    {
        lock (_gate)
        {
            return file.Pages.TryGetValue(offset, out LibraryPage? page) ? page.Latest : null;
        }
    }

    private void MakeRoomLocked()
    {
        if (_files.Count < MaxFiles)
        {
            return;
        }
        LibraryFile? oldest = null;
        foreach (LibraryFile file in _files.Values)
        {
            oldest = oldest is null || file.LastMapping < oldest.LastMapping ? file : oldest;
        }
        _files.Remove(oldest!.Id);
        foreach (LibraryPage page in oldest.Pages.Values)
        {
            DropLocked(page.Latest);
        }
        oldest.Pages.Clear();
        oldest.IsForgotten = true;
        oldest.Fd.Dispose();
    }

    private PageVersion? AddLocked(
        LibraryFile file, ulong offset, LibraryPage? page, ReadOnlySpan<byte> original,
        ReadOnlySpan<CallSite> added)
    {
        PageVersion? before = page?.Latest;
        foreach (ref readonly CallSite site in added)
        {
            if (before is not null && before.Overlaps(in site))
            {
                return null;
            }
        }
        if (_sites + added.Length > SystrapLayout.SharedSites || pages.Take(out int slot) != Errno.None)
        {
            return null;
        }
        List<LibrarySite> sites = [.. before?.Sites ?? []];
        foreach (ref readonly CallSite site in added)
        {
            sites.Add(new LibrarySite(_sites++, site, site.NumberIn(original)));
        }
        Span<byte> bytes = pages.SpanOf(slot);
        original[..PageBytes].CopyTo(bytes);
        foreach (LibrarySite each in sites)
        {
            each.Site.WriteJump(bytes, each.Index);
        }
        byte[] kept = page?.Original ?? original.ToArray();
        PageVersion version = new(slot, [.. sites], kept, before?.Use ?? new PageUse()) { References = 1 };
        file.Pages[offset] = new LibraryPage(kept, version);
        if (before is not null)
        {
            DropLocked(before);
        }
        return version;
    }

    private void DropLocked(PageVersion version)
    {
        if (--version.References == 0)
        {
            pages.Return(version.Slot);
        }
    }
}

/// <summary>A file with call sites; guarded by the library's lock.</summary>
internal sealed class LibraryFile((ulong Device, ulong Inode) id, HostFd fd)
{
    /// <summary>Which it is.</summary>
    public (ulong Device, ulong Inode) Id { get; } = id;

    /// <summary>When it was last mapped.</summary>
    public long LastMapping { get; set; }

    /// <summary>The library has closed it.</summary>
    public bool IsForgotten { get; set; }

    /// <summary>To read its pages.</summary>
    public HostFd Fd { get; } = fd;

    /// <summary>Pages with sites, by their offsets.</summary>
    public Dictionary<ulong, LibraryPage> Pages { get; } = [];

    /// <summary>Blocks that have been looked through, by their numbers.</summary>
    public HashSet<ulong> Foreseen { get; } = [];

    /// <summary>How often that has made pages with sites.</summary>
    public int Age { get; set; }

    /// <summary>Traps by the offset behind the instruction.</summary>
    public Dictionary<ulong, int> Traps { get; } = [];
}

/// <summary>
/// A page of a file and the byte behind it, as they were when its sites were found, and its newest patched form.
/// </summary>
internal sealed record LibraryPage(byte[] Original, PageVersion Latest);

/// <summary>
/// A site, as if its page were at address 0, its number in all processes, and that of its system call if it says so.
/// </summary>
internal readonly record struct LibrarySite(int Index, CallSite Site, uint? Call);

/// <summary>
/// A patched form of a page. It never changes: another site makes another version. It is kept while it is the newest or
/// a process may have it mapped.
/// </summary>
internal sealed class PageVersion(int slot, LibrarySite[] sites, byte[] original, PageUse use)
{
    private const ulong PageBytes = 4096;

    /// <summary>Of all versions of the page; guarded by the library's lock.</summary>
    public PageUse Use { get; } = use;

    /// <summary>Where it is.</summary>
    public int Slot { get; } = slot;

    /// <summary>Sites that are jumps in it.</summary>
    public LibrarySite[] Sites { get; } = sites;

    /// <summary>The page without them, and the byte behind it.</summary>
    public byte[] Original { get; } = original;

    /// <summary>Processes that may have it mapped, and the library; guarded by the library's lock.</summary>
    public int References { get; set; }

    /// <summary>Whether a site of it ends in the page behind.</summary>
    public bool ReachesOut { get; } = Array.Exists(sites, each => each.Site.After > PageBytes);

    /// <summary>Whether the site that ends at an offset is among them.</summary>
    public bool Has(ulong after)
    {
        foreach (LibrarySite each in Sites)
        {
            if (each.Site.After == after)
            {
                return true;
            }
        }
        return false;
    }

    /// <summary>Whether a site has bytes in common with one of them.</summary>
    public bool Overlaps(in CallSite site)
    {
        foreach (LibrarySite each in Sites)
        {
            if (each.Site.Overlaps(in site))
            {
                return true;
            }
        }
        return false;
    }
}

/// <summary>
/// Whether processes that get a patched page make calls by it: mapping it costs about as much as one call that traps.
/// </summary>
internal sealed class PageUse
{
    private const int Enough = 8;
    private const int Many = 64;
    private const int LeastPart = 4;
    private const int Sample = 16;

    private int _processes;
    private int _users;
    private int _refused;

    /// <summary>A process that had the page is gone.</summary>
    public void Count(bool isUsed)
    {
        _processes++;
        _users += isUsed ? 1 : 0;
        if (_processes == Many)
        {
            _processes /= 2;
            _users /= 2;
        }
    }

    /// <summary>Whether the next process shall have the page at once. Now and then one does, to see.</summary>
    public bool IsWorthwhile() =>
        _processes < Enough || _users * LeastPart >= _processes || ++_refused % Sample == 0;
}
