using System;
using System.Collections.Generic;
using System.Threading;
using Abi.Linux;
using HostOs;
using Platform.Stubs;
using Stub;

namespace Platform.Systrap;

/// <summary>Sites of files: what the library knows is patched when a file is mapped, before anything traps.</summary>
internal sealed partial class PatchTable
{
    /// <summary>Parts of files that are mapped for execution, in no order.</summary>
    private readonly List<FileRange> _files = [];

    /// <summary>Pages of the library that are mapped or have been.</summary>
    private readonly HashSet<PageVersion> _versions = [];

    /// <summary>By the numbers of sites of files, whether a call came in by them. A hint: written without a
    /// lock.</summary>
    private bool[] _isUsedSite = [];

    /// <summary>Answers on offer to a thread that has been given some, by the low four bits of the number.</summary>
    private (int Number, ulong Value)[]? _answers;

    /// <summary>The same for sched_yield(2), which a stub thread may make by itself.</summary>
    private bool _yields;

    /// <summary>
    /// A range has been mapped, or is about to be by what is queued: has the known sites in it patched, by the queue.
    /// </summary>
    public void NoteFile(ulong start, ulong end, ulong fileOffset, int hostFd, OperationQueue queue)
    {
        bool suits = _platform.Patching != Patching.Off && _text.Intersects(start, end)
            && _private.Intersects(start, end);
        if (!suits || _platform.Library.Enter(hostFd) is not { } file)
        {
            return;
        }
        AddFile(new FileRange(start, end, fileOffset, file) { Age = _platform.Library.AgeOf(file) });
        foreach (ulong offset in _platform.Library.PagesOf(file, fileOffset, fileOffset + (end - start)))
        {
            Place(file, offset, start + (offset - fileOffset), queue);
        }
    }

    /// <summary>Takes note of a trap of a site, and says what is to be done about it.</summary>
    public Lesson Learn(ulong after, uint number)
    {
        ulong page = PageOf(after);
        if (!TryLocate(page, out int index, out ulong offset) || _refused.Contains(after))
        {
            return Lesson.None;
        }
        FileRange range = _files[index];
        _platform.Library.Foresee(range.File, offset, range.Offset, range.Offset + (range.End - range.Start));
        if (_platform.Library.AgeOf(range.File) != range.Age)
        {
            return Lesson.PagesKnown;
        }
        return _platform.Library.Learn(range.File, offset, (int)(after - page), number)
            ? Lesson.SiteKnown : Lesson.None;
    }

    /// <summary>
    /// Has pages with known sites patched, by the queue, where the part of the file lies that an address is in. Nothing
    /// is queued and the trampolines are mapped.
    /// </summary>
    public void PlaceKnown(ulong address, OperationQueue queue)
    {
        if (!TryLocate(address, out int index, out _))
        {
            return;
        }
        FileRange range = _files[index];
        _files[index] = range with { Age = _platform.Library.AgeOf(range.File) };
        ulong end = range.Offset + (range.End - range.Start);
        foreach (ulong offset in _platform.Library.PagesOf(range.File, range.Offset, end))
        {
            ulong page = range.Start + (offset - range.Offset);
            if (!_pages.ContainsKey(page))
            {
                Place(range.File, offset, page, queue);
            }
        }
    }

    /// <summary>Some of these calls have been answered in the stub: their sites are in use. Any thread.</summary>
    public void NoteAnswered((int Number, ulong Value)[] answers, bool yields)
    {
        _answers = answers;
        _yields |= yields;
    }

    /// <summary>A call came in by the trampoline at an offset.</summary>
    public void NoteUse(ulong offset)
    {
        int index = (int)(offset / CallSite.TrampolineBytes);
        bool[] used = Volatile.Read(ref _isUsedSite);
        if (index < used.Length && !used[index])
        {
            used[index] = true;
        }
    }

    /// <summary>Patches a site of a file here, and in whatever maps it from now on.</summary>
    private bool TryPatchFile(StubProcess process, ulong page, ulong after, uint number)
    {
        if (!TryLocate(page, out int index, out ulong offset)
            || _platform.Library.Extend(_files[index].File, offset, (int)(after - page), number) is not { } version)
        {
            return false;
        }
        if (!TryAdopt(page, version))
        {
            return false;
        }
        if (Run(process, MapEntry(page, PageBytes, HostMman.ProtRead | HostMman.ProtExec,
            _platform.PatchedPages, version.Slot, 0)))
        {
            return true;
        }
        Forget(page);
        return false;
    }

    private void Place(LibraryFile file, ulong offset, ulong page, OperationQueue queue)
    {
        if (_platform.Library.Find(file, offset) is not { } version)
        {
            return;
        }
        if (!TryQueueTrampolines(queue))
        {
            _platform.Library.Release(version);
            return;
        }
        if (TryAdopt(page, version))
        {
            queue.Map(MapOperation(page, page + PageBytes, MemoryAccess.Read | MemoryAccess.Execute,
                _platform.PatchedPages, _platform.PatchedPages.OffsetOf(version.Slot), MapHint.Populate));
        }
    }

    /// <summary>
    /// Makes a held version the page's, before it is mapped; false, and it is given back, when the page must not be
    /// patched so: somebody was sent into one of its sites, or they are in use at another address.
    /// </summary>
    private bool TryAdopt(ulong page, PageVersion version)
    {
        bool isNew = _versions.Add(version);
        if (!isNew || Conflicts(page, version))
        {
            // Held once is enough; what is refused is not held.
            _platform.Library.Release(version);
        }
        if (Conflicts(page, version))
        {
            if (isNew)
            {
                _versions.Remove(version);
            }
            return false;
        }
        PatchedPage patched = new() { Slot = version.Slot, Version = version };
        foreach (LibrarySite each in version.Sites)
        {
            patched.Sites.Add(each.Index);
            CallSite site = each.Site.At(page);
            if (SiteAt(each.Index).After == 0)
            {
                WriteTrampoline(each.Index, version.Original, in site);
                RegisterFileSite(each.Index, in site);
            }
        }
        lock (_gate)
        {
            _pages[page] = patched;
            Volatile.Write(ref _isUsed, true);
        }
        return true;
    }

    private bool Conflicts(ulong page, PageVersion version)
    {
        if (version.ReachesOut && !GoesOnBehind(page))
        {
            return true;
        }
        foreach (LibrarySite each in version.Sites)
        {
            CallSite here = SiteAt(each.Index);
            if (_refused.Contains(page + each.Site.After) || (here.After != 0 && here.Start != page + each.Site.Start))
            {
                return true;
            }
        }
        return false;
    }

    /// <summary>Whether the page behind one of a file is the next of the file.</summary>
    private bool GoesOnBehind(ulong page) =>
        TryLocate(page, out int index, out ulong offset)
        && TryLocate(page + PageBytes, out int next, out ulong nextOffset)
        && _files[index].File == _files[next].File && nextOffset == offset + PageBytes;

    private void RegisterFileSite(int index, in CallSite site)
    {
        const int FirstSites = 64;
        lock (_gate)
        {
            if (index >= _fileSites.Length)
            {
                int length = int.Max(FirstSites, int.Max(index + 1, 2 * _fileSites.Length));
                Array.Resize(ref _fileSites, length);
                Array.Resize(ref _isUsedSite, length);
            }
            _fileSites[index] = site;
        }
    }

    private List<(PageVersion Version, bool IsUsed)> VersionsAndUse()
    {
        List<(PageVersion Version, bool IsUsed)> all = [];
        foreach (PageVersion version in _versions)
        {
            bool isUsed = false;
            foreach (LibrarySite each in version.Sites)
            {
                isUsed |= each.Index < _isUsedSite.Length && _isUsedSite[each.Index];
                isUsed |= each.Call is { } call && _answers is { } answers
                    && (uint)answers[call & (ContextSlot.AnswerCount - 1)].Number == call;
                isUsed |= each.Call == SysNr.sched_yield && _yields;
            }
            all.Add((version, isUsed));
        }
        return all;
    }

    /// <summary>
    /// Has table and trampolines mapped, by the queue, unless they are; false if there are none to be had.
    /// </summary>
    public bool TryQueueTrampolines(OperationQueue queue)
    {
        SlotArea area = _platform.Trampolines;
        if (_trampolineSlot < 0 && area.Take(out _trampolineSlot) != Errno.None)
        {
            _trampolineSlot = -1;
            return false;
        }
        long place = area.OffsetOf(_trampolineSlot);
        if (!_tableMapped)
        {
            queue.Map(MapOperation(SystrapLayout.TableAddress, SystrapLayout.TableAddress + SystrapLayout.TableBytes,
                MemoryAccess.Read, area, place, MapHint.None));
            _tableMapped = true;
        }
        if (!_trampolinesMapped)
        {
            ulong start = _platform.Region.Trampolines;
            queue.Map(MapOperation(start, start + SystrapLayout.TrampolineBytes,
                MemoryAccess.Read | MemoryAccess.Execute, area, place + SystrapLayout.TableBytes, MapHint.None));
            _trampolinesMapped = true;
        }
        return true;
    }

    private static SpaceOperation MapOperation(
        ulong start, ulong end, MemoryAccess access, SlotArea area, long offset, MapHint hint) => new()
    {
        Kind = SpaceOperationKind.Map, Access = access, Hint = hint, Fd = area.Fd, IsFdLent = true,
        Start = start, End = end, FileOffset = (ulong)offset,
    };

    private ReadOnlySpan<byte> OriginalOf(PatchedPage page, int index) => index >= SystrapLayout.SharedSites
        ? _originals[index - SystrapLayout.SharedSites]
        : SiteAt(index).BytesIn(page.Version!.Original);

    private bool TryLocate(ulong address, out int index, out ulong offset)
    {
        for (index = 0; index < _files.Count; index++)
        {
            FileRange range = _files[index];
            if (address >= range.Start && address < range.End)
            {
                offset = range.Offset + (address - range.Start);
                return true;
            }
        }
        offset = 0;
        return false;
    }

    private void AddFile(in FileRange added)
    {
        for (int i = _files.Count - 1; i >= 0; i--)
        {
            FileRange other = _files[i];
            if (other.File != added.File || other.Start - other.Offset != added.Start - added.Offset)
            {
                continue;
            }
            if (other.End == added.Start)
            {
                _files[i] = other with { End = added.End, Age = int.Min(other.Age, added.Age) };
                return;
            }
            if (other.Start == added.End)
            {
                _files[i] = added with { End = other.End, Age = int.Min(other.Age, added.Age) };
                return;
            }
        }
        _files.Add(added);
    }

    private void RemoveFiles(ulong start, ulong end)
    {
        for (int i = _files.Count - 1; i >= 0; i--)
        {
            FileRange range = _files[i];
            if (range.Start >= end || range.End <= start)
            {
                continue;
            }
            _files.RemoveAt(i);
            if (range.Start < start)
            {
                _files.Add(range with { End = start });
            }
            if (range.End > end)
            {
                _files.Add(range with { Start = end, Offset = range.Offset + (end - range.Start) });
            }
        }
    }

    /// <summary>A mapped part of a file, and where in the file it begins.</summary>
    private readonly record struct FileRange(ulong Start, ulong End, ulong Offset, LibraryFile File)
    {
        /// <summary>How old the file was when its pages were last patched here.</summary>
        public int Age { get; init; }
    }
}

/// <summary>What follows from a trap of a site.</summary>
internal enum Lesson
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>It is known to all processes since this trap.</summary>
    SiteKnown,

    /// <summary>Pages with sites are known that are not patched here.</summary>
    PagesKnown,
}
