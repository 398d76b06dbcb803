using System;
using System.Collections.Generic;
using System.Threading;
using Abi.Linux;
using HostOs;
using Platform.Stubs;
using Stub;

namespace Platform.Systrap;

/// <summary>Whether system-call instructions of the guest are replaced by jumps.</summary>
public enum Patching
{
    /// <summary>Never.</summary>
    Off,

    /// <summary>Where a program traps often.</summary>
    On,

    /// <summary>At the first trap, and whatever the mapping's hint is: for tests.</summary>
    Eager,
}

/// <summary>
/// The patched call sites of one address space. A site is patched in a private copy of its page, which only the stub
/// process has mapped, in place of the page: the Sentry never sees the change, and dropping the translation undoes it.
/// Only pages are copied that nobody can write: executable, not writable, private. All but the lookups is guarded by
/// the
/// address space's lock.
/// </summary>
internal sealed partial class PatchTable
{
    /// <summary>Most copies of pages a process has in its life; a dropped copy stays until its end.</summary>
    private const int MaxPages = 512;

    private const ulong PageBytes = 4096;
    private readonly SystrapPlatform _platform;

    /// <summary>Private mappings.</summary>
    private readonly RangeSet _private = new();

    /// <summary>Mappings that can be executed and not be written.</summary>
    private readonly RangeSet _text = new();

    /// <summary>All slots of page copies.</summary>
    private readonly List<int> _pageSlots = [];

    /// <summary>A copy without a site; -1 for none.</summary>
    private int _spareSlot = -1;

    /// <summary>Where table and trampolines are.</summary>
    private int _trampolineSlot = -1;
    private bool _trampolinesMapped;
    private bool _tableMapped;

    /// <summary>Guards what is below, for lookups; inner to the address space's lock.</summary>
    private readonly Lock _gate = new();
    private readonly Dictionary<ulong, PatchedPage> _pages = [];

    /// <summary>
    /// Sites of this process alone; their numbers begin behind those of files. Like those of files they are written
    /// once and never taken away, so that they can be read without the lock.
    /// </summary>
    private CallSite[] _sites = [];

    /// <summary>Sites of files, by their numbers; those without an address are not patched here.</summary>
    private CallSite[] _fileSites = [];

    /// <summary>What was where the jumps of the process's own sites are.</summary>
    private readonly List<byte[]> _originals = [];
    private int _count;
    private bool _isUsed;

    /// <summary>Sites, by the address behind, into which somebody was sent where no instruction begins: never
    /// again.</summary>
    private readonly HashSet<ulong> _refused = [];

    public PatchTable(SystrapPlatform platform)
    {
        _platform = platform;
    }

    /// <summary>Whether any site has ever been patched.</summary>
    public bool IsUsed => Volatile.Read(ref _isUsed);

    /// <summary>What is to be given back when the process is gone.</summary>
    public PatchSlots Slots => new(_trampolineSlot, _pageSlots, _platform.Library, VersionsAndUse());

    /// <summary>A range is about to be mapped, and what was there is gone.</summary>
    public void NoteMap(ulong start, ulong end, MemoryAccess access, MapHint hint, OperationQueue queue)
    {
        NoteUnmap(start, end, queue);
        if ((hint & MapHint.Private) != 0 || _platform.Patching == Patching.Eager)
        {
            _private.Add(start, end);
        }
        NoteAccess(start, end, access);
    }

    /// <summary>Whether a range meets that of the table.</summary>
    public static bool IsTable(ulong start, ulong end) =>
        start < SystrapLayout.TableAddress + SystrapLayout.TableBytes && end > SystrapLayout.TableAddress;

    /// <summary>
    /// A range has been unmapped. Without the table, which may be in it, patched sites trap until it is needed again.
    /// </summary>
    /// <returns>Whether something has been queued: for the page before, if a site of it ended in the range.</returns>
    public bool NoteUnmap(ulong start, ulong end, OperationQueue queue)
    {
        _tableMapped &= !IsTable(start, end);
        DropPages(start, end, null);
        bool isQueued = DropBefore(start, queue);
        _private.Remove(start, end);
        _text.Remove(start, end);
        RemoveFiles(start, end);
        return isQueued;
    }

    /// <summary>A range is about to change its access: copies of pages in it must not live on.</summary>
    public void NoteProtect(ulong start, ulong end, MemoryAccess access, OperationQueue queue)
    {
        DropPages(start, end, queue);
        DropBefore(start, queue);
        NoteAccess(start, end, access);
    }

    /// <summary>Everything below the stub's own memory has been unmapped, but for what the queue may have mapped
    /// since.</summary>
    public void NoteDrop(OperationQueue queue)
    {
        DropPages(0, ulong.MaxValue, queue);
        NoteUnmap(0, ulong.MaxValue, queue);
    }

    /// <summary>
    /// Patches the site behind which a system call returns. Nothing is queued and the trampolines are mapped. False: it
    /// cannot be.
    /// </summary>
    /// <param name="alone">Whether the caller's is the only thread of the process that can run guest code.</param>
    public bool TryPatch(StubProcess process, ulong after, uint number, bool alone)
    {
        ulong page = PageOf(after);
        bool suits = _text.Intersects(page, page + PageBytes) && _private.Intersects(page, page + PageBytes);
        suits &= !_refused.Contains(after);
        if (!suits)
        {
            return false;
        }
        _pages.TryGetValue(page, out PatchedPage? patched);
        if (patched?.IsOwn != true && TryPatchFile(process, page, after, number))
        {
            return true;
        }
        if (_count == SystrapLayout.MaxSites - SystrapLayout.SharedSites)
        {
            return false;
        }
        bool inPlace = alone && patched?.IsOwn == true;
        int slot = patched?.Slot ?? -1;
        if (!inPlace && !TryCopy(process, page, out slot))
        {
            return false;
        }
        Span<byte> bytes = _platform.PatchedPages.SpanOf(slot);
        if (!CallSite.TryFind(bytes, page, after, number, out CallSite site) || Overlaps(patched, in site))
        {
            _spareSlot = inPlace ? _spareSlot : slot;
            return false;
        }
        WriteTrampoline(SystrapLayout.SharedSites + _count, bytes, in site);
        _originals.Add(site.BytesIn(bytes));
        int index = Register(page, slot, in site);
        site.WriteJump(bytes, index);
        if (inPlace || Run(process, MapEntry(page, PageBytes, HostMman.ProtRead | HostMman.ProtExec,
            _platform.PatchedPages, slot, 0)))
        {
            return true;
        }
        Forget(page);
        return false;
    }

    /// <summary>
    /// Where a thread that stands at an offset in the trampolines is from the guest's point of view; false if no
    /// trampoline is there. Every patched call asks, so it takes no lock: whoever comes from a trampoline comes after
    /// its site was written, and one that went there by itself at that moment may get half of a site, which is its own
    /// affair.
    /// </summary>
    public bool TryGetSite(ulong offset, out CallSite site)
    {
        site = SiteAt((int)(offset / CallSite.TrampolineBytes));
        return site.After != 0;
    }

    /// <summary>
    /// Puts the bytes of the site that hides an address back for good. Nothing is queued. If that cannot be done, the
    /// queue has the page unmapped.
    /// </summary>
    public void Unpatch(StubProcess process, ulong address, OperationQueue queue)
    {
        ulong start = address & ~(PageBytes - 1);
        if (!_pages.TryGetValue(start, out PatchedPage? page) || !TryHiding(page, address, out int index))
        {
            return;
        }
        CallSite site = SiteAt(index);
        _refused.Add(site.After);
        bool mapped = false;
        if (TryCopy(process, start, out int slot))
        {
            site.WriteBack(_platform.PatchedPages.SpanOf(slot), OriginalOf(page, index));
            mapped = Run(process, MapEntry(start, PageBytes, HostMman.ProtRead | HostMman.ProtExec,
                _platform.PatchedPages, slot, 0));
        }
        if (!mapped)
        {
            DropPages(start, start + PageBytes, queue);
            return;
        }
        lock (_gate)
        {
            page.Slot = slot;
            page.IsOwn = true;
            page.Sites.Remove(index);
        }
    }

    /// <summary>
    /// The address at which a thread must go on to execute the guest's instruction at an address: in the trampoline if
    /// the instruction is not there any more. A thread that steps must not run through a patched site. False if the
    /// site must go, because no instruction of it begins there.
    /// </summary>
    public bool TryGetPhysical(ulong address, bool steps, out ulong physical)
    {
        physical = address;
        lock (_gate)
        {
            if (!_pages.TryGetValue(address & ~(PageBytes - 1), out PatchedPage? page))
            {
                return true;
            }
            foreach (int index in page.Sites)
            {
                CallSite site = SiteAt(index);
                if (site.Hides(address) || (steps && site.Start == address))
                {
                    physical = Trampoline(index) + (ulong)site.OffsetOf(address);
                    return site.Begins(address);
                }
            }
            return true;
        }
    }

    /// <summary>
    /// Whether a fault there may come from a patch: the site is patched, or was a moment ago. <paramref
    /// name="isPatched"/> says which.
    /// </summary>
    public bool MayCauseFault(ulong address, out bool isPatched)
    {
        isPatched = !TryGetPhysical(address, steps: true, out ulong physical) || physical != address;
        lock (_gate)
        {
            return HasSite(_sites.AsSpan(0, _count), address) || HasSite(_fileSites, address);
        }
    }

    private static bool HasSite(ReadOnlySpan<CallSite> sites, ulong address)
    {
        foreach (ref readonly CallSite site in sites)
        {
            if (site.After != 0 && (site.Hides(address) || site.Start == address))
            {
                return true;
            }
        }
        return false;
    }

    /// <summary>The site of a number; one without an address if there is none.</summary>
    private CallSite SiteAt(int index)
    {
        int own = index - SystrapLayout.SharedSites;
        if (own >= 0)
        {
            int count = Volatile.Read(ref _count);
            return own < count ? Volatile.Read(ref _sites)[own] : default;
        }
        CallSite[] sites = Volatile.Read(ref _fileSites);
        return index < sites.Length ? sites[index] : default;
    }

    /// <summary>The page of the system-call instruction in front of an address, or of its first byte.</summary>
    private static ulong PageOf(ulong after) => (after - 2) & ~(PageBytes - 1);

    private ulong Trampoline(int index) =>
        _platform.Region.Trampolines + ((ulong)index * CallSite.TrampolineBytes);

    private void NoteAccess(ulong start, ulong end, MemoryAccess access)
    {
        if ((access & (MemoryAccess.Write | MemoryAccess.Execute)) == MemoryAccess.Execute)
        {
            _text.Add(start, end);
        }
        else
        {
            _text.Remove(start, end);
            RemoveFiles(start, end);
        }
    }

    /// <summary>Forgets the sites of pages in a range, and has the pages unmapped by the queue if there is
    /// one.</summary>
    private void DropPages(ulong start, ulong end, OperationQueue? queue)
    {
        if (_pages.Count == 0 || !_text.Intersects(start, end))
        {
            return;
        }
        lock (_gate)
        {
            foreach (ulong page in _pages.Keys)
            {
                if (page >= start && page < end)
                {
                    _pages.Remove(page);
                    queue?.Unmap(page, page + PageBytes);
                }
            }
        }
    }

    /// <summary>The same for the page before a change, if a site of it ends behind it.</summary>
    private bool DropBefore(ulong start, OperationQueue queue)
    {
        ulong before = start - PageBytes;
        if (!_pages.TryGetValue(before, out PatchedPage? page))
        {
            return false;
        }
        foreach (int index in page.Sites)
        {
            if (SiteAt(index).After > start)
            {
                DropPages(before, start, queue);
                return true;
            }
        }
        return false;
    }

    private bool TryHiding(PatchedPage page, ulong address, out int index)
    {
        foreach (int candidate in page.Sites)
        {
            if (SiteAt(candidate).Hides(address))
            {
                index = candidate;
                return true;
            }
        }
        index = -1;
        return false;
    }

    /// <summary>Copies a page as it is mapped now, patches included, into a new slot.</summary>
    private bool TryCopy(StubProcess process, ulong page, out int slot)
    {
        SlotArea area = _platform.PatchedPages;
        slot = _spareSlot;
        _spareSlot = -1;
        if (slot < 0)
        {
            if (_pageSlots.Count == MaxPages || area.Take(out slot) != Errno.None)
            {
                return false;
            }
            _pageSlots.Add(slot);
        }
        bool copied = Run(process, new ScriptEntry(
            SysNr.pwrite64, (ulong)area.Fd, page, PageBytes, (ulong)area.OffsetOf(slot)));
        _spareSlot = copied ? -1 : slot;
        return copied;
    }

    private bool Overlaps(PatchedPage? page, in CallSite site)
    {
        foreach (int index in page?.Sites ?? [])
        {
            if (SiteAt(index).Overlaps(in site))
            {
                return true;
            }
        }
        return false;
    }

    /// <summary>Writes a trampoline and its entry of the table; nobody goes there yet.</summary>
    private void WriteTrampoline(int index, ReadOnlySpan<byte> page, in CallSite site)
    {
        Span<byte> slot = _platform.Trampolines.SpanOf(_trampolineSlot);
        ulong address = Trampoline(index);
        ulong code = _platform.Region.Base + (ulong)_platform.Region.Page.CallOffset;
        Span<byte> trampoline = slot.Slice(
            SystrapLayout.TableBytes + (index * CallSite.TrampolineBytes), CallSite.TrampolineBytes);
        site.WriteTrampoline(page, trampoline, address, code);
        BitConverter.TryWriteBytes(slot[(index * sizeof(ulong))..], address);
    }

    /// <summary>From now on lookups find the site, so that whoever meets it is understood.</summary>
    private int Register(ulong page, int slot, in CallSite site)
    {
        const int FirstSites = 16;
        lock (_gate)
        {
            if (_count == _sites.Length)
            {
                Array.Resize(ref _sites, int.Max(FirstSites, 2 * _count));
            }
            _sites[_count] = site;
            if (!_pages.TryGetValue(page, out PatchedPage? patched))
            {
                patched = new PatchedPage();
                _pages.Add(page, patched);
            }
            int index = SystrapLayout.SharedSites + _count;
            patched.Slot = slot;
            patched.IsOwn = true;
            patched.Sites.Add(index);
            Volatile.Write(ref _count, _count + 1);
            Volatile.Write(ref _isUsed, true);
            return index;
        }
    }

    private void Forget(ulong page)
    {
        lock (_gate)
        {
            _pages.Remove(page);
        }
    }

    private ScriptEntry MapEntry(ulong address, ulong bytes, int access, SlotArea area, int slot, long offset) =>
        new(SysNr.mmap, address, bytes, (ulong)access,
            HostMman.MapShared | HostMman.MapFixed | (area == _platform.PatchedPages ? HostMman.MapPopulate : 0ul),
            (ulong)area.Fd, (ulong)(area.OffsetOf(slot) + offset));

    private static bool Run(StubProcess process, in ScriptEntry entry)
    {
        process.Write(0, entry);
        ScriptOutcome outcome = process.Run(1);
        return !outcome.Dead && outcome.Error == Errno.None;
    }

    /// <summary>A page with sites: the copy that is mapped in its place, and the numbers of its sites.</summary>
    private sealed class PatchedPage
    {
        public int Slot { get; set; }

        /// <summary>The copy is this process's; otherwise the library's.</summary>
        public bool IsOwn { get; set; }

        /// <summary>The library's version it is, or was made from.</summary>
        public PageVersion? Version { get; init; }

        public List<int> Sites { get; init; } = [];
    }
}

/// <summary>What a process had patched: a slot of trampolines or -1, copies of pages, the library's pages.</summary>
internal readonly record struct PatchSlots(
    int Trampolines, List<int> Pages, PatchLibrary Library, List<(PageVersion Version, bool IsUsed)> Versions);
