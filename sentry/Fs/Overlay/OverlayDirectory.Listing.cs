using System;
using System.Collections.Generic;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Vfs;

namespace Sentry.Fs.Overlay;

/// <summary>What the directory shows: names of all layers, each once, without the hidden ones.</summary>
internal sealed partial class OverlayDirectory
{
    /// <summary>The names now.</summary>
    internal Errno GetListing(Task task, out DirectoryListing? listing)
    {
        using (UpperLock.Enter())
        {
            return ReadListingLocked(task, out listing);
        }
    }

    /// <summary>
    /// The entries changed. A file that was copied up makes the directory impure: its inode number is not the upper
    /// one.
    /// </summary>
    private void NoteChangedLocked(Task task, Inode? added)
    {
        _listing = null;
        if (added is not null && Upper is { } upper && OverlayXattr.GetOrigin(task, added).Number != 0)
        {
            OverlayXattr.SetImpure(task, upper);
        }
    }

    private Errno ReadListingLocked(Task task, out DirectoryListing? listing)
    {
        listing = _listing;
        if (listing is not null)
        {
            return Errno.None;
        }

        OverlayListing names = new();
        Errno error = Upper is { } upper ? ReadUpper(task, upper, names) : Errno.None;
        foreach (Inode lower in _lowers)
        {
            error = error == Errno.None ? ReadLower(task, lower, names) : error;
        }

        if (error == Errno.None)
        {
            listing = _listing = names.ToListing();
        }

        return error;
    }

    private Errno ReadUpper(Task task, Inode upper, OverlayListing names)
    {
        List<ListedName> entries = [];
        Errno error = OverlayListing.ReadReal(task, upper, entries);
        if (error != Errno.None)
        {
            return error;
        }

        bool isImpure = IsMerged || OverlayXattr.IsImpure(task, upper);
        foreach (ListedName entry in entries)
        {
            if (entry.Type == Dirent.DT_CHR && IsWhiteoutAt(task, upper, entry.Name))
            {
                names.Hide(entry.Name);
                continue;
            }

            names.Add(entry with { Inode = UpperNumber(task, upper, entry, isImpure) });
        }

        return Errno.None;
    }

    private Errno ReadLower(Task task, Inode lower, OverlayListing names)
    {
        List<ListedName> entries = [];
        Errno error = OverlayListing.ReadReal(task, lower, entries);
        foreach (ListedName entry in entries)
        {
            bool mayBeWhiteout = entry.Type == Dirent.DT_CHR && !names.Has(entry.Name);
            if (mayBeWhiteout && IsWhiteoutAt(task, lower, entry.Name))
            {
                names.Hide(entry.Name);
                continue;
            }

            names.Add(entry with { Inode = Overlay.MapInodeNumber(lower.SuperBlock, entry.Inode) });
        }

        return error;
    }

    /// <summary>st_ino of an upper entry: that of its origin if it was copied up.</summary>
    private ulong UpperNumber(Task task, Inode upper, in ListedName entry, bool isImpure)
    {
        ulong number = Overlay.MapInodeNumber(upper.SuperBlock, entry.Inode);
        if (!isImpure || upper.Lookup(task, entry.Name, out Inode? real) != Errno.None)
        {
            return number;
        }

        ulong origin = OverlayXattr.GetOrigin(task, real!).Number;
        return origin != 0 ? origin : number;
    }

    private static bool IsWhiteoutAt(Task task, Inode directory, string name) =>
        directory.Lookup(task, name, out Inode? real) == Errno.None && OverlayXattr.IsWhiteout(real!);
}

/// <summary>Names while they are merged.</summary>
internal sealed class OverlayListing
{
    private readonly HashSet<string> _seen = new(StringComparer.Ordinal);
    private readonly List<ListedName> _names = [];

    /// <summary>Was the name added or hidden?</summary>
    internal bool Has(string name) => _seen.Contains(name);

    /// <summary>Adds a name unless a layer above decided about it.</summary>
    internal void Add(in ListedName name)
    {
        if (_seen.Add(name.Name))
        {
            _names.Add(name);
        }
    }

    /// <summary>Hides the name in layers below.</summary>
    internal void Hide(string name) => _seen.Add(name);

    /// <summary>The result.</summary>
    internal DirectoryListing ToListing() => new(_names.ToArray());

    /// <summary>Appends all names of a real directory, without "." and "..".</summary>
    internal static Errno ReadReal(Task task, Inode directory, List<ListedName> names)
    {
        const int Flags = Fcntl.O_RDONLY | Fcntl.O_DIRECTORY;
        Errno error = directory.Open(task, default, Flags, out FileDescription? file);
        if (error != Errno.None)
        {
            return error;
        }

        error = file!.IterateDirectory(task, new Collector(names));
        file.DropReference(task);
        return error;
    }

    /// <summary>A sink that is never full.</summary>
    private sealed class Collector(List<ListedName> names) : IDirentSink
    {
        public bool Add(ulong inode, byte type, string name, long nextPosition)
        {
            if (name is not ("." or ".."))
            {
                names.Add(new ListedName(name, inode, type));
            }

            return true;
        }
    }
}
