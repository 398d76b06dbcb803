using System;
using System.Collections.Generic;
using Abi.Linux;
using HostOs;
using Lisafs;
using Sentry.Vfs;

namespace Sentry.Fs.Gofer;

/// <summary>Reading and keeping the listing.</summary>
internal sealed partial class GoferDirectory
{
    private const ulong NoInode = 0;

    /// <summary>On shared mounts: the time of change that the kept listing belongs to.</summary>
    private long _listedChangeNs;

    /// <summary>A name was added, by us.</summary>
    internal void NoteAdded(string name, GoferInode child)
    {
        using (Lock.Enter())
        {
            _changes++;
            _listing = null;
            if (_entries is not null)
            {
                _entries[name] = new GoferEntry(child.InodeNumber, (byte)(child.FileType >> 12), null);
            }
        }

        MarkStale();
    }

    /// <summary>A name was removed, by us.</summary>
    internal void NoteRemoved(string name)
    {
        using (Lock.Enter())
        {
            _changes++;
            _listing = null;
            _entries?.Remove(name);
        }

        MarkStale();
    }

    /// <summary>Nothing is known about the names any more (an operation failed half-way).</summary>
    internal void ForgetListing()
    {
        using (Lock.Enter())
        {
            _changes++;
            _listing = null;
            _entries = null;
        }

        MarkStale();
    }

    /// <summary>
    /// Reads the whole directory with attributes. It is kept in <see cref="_entries"/> unless a name came or went
    /// meanwhile, for then the server may have answered before or after that.
    /// </summary>
    private Errno ReadListing(out Dictionary<string, GoferEntry> entries)
    {
        int changesBefore;
        using (Lock.Enter())
        {
            changesBefore = _changes;
        }

        Errno error = ReadAll(DirectoryDetail.Attributes, out List<WireEntry> all);
        entries = new(all.Count, StringComparer.Ordinal);
        if (error != Errno.None)
        {
            return error;
        }

        foreach (WireEntry entry in all)
        {
            ulong number = entry.HasNode
                ? Gofer.MapInodeNumber(entry.Node.Attributes.Device, entry.Node.Attributes.Inode)
                : entry.Inode;
            GoferNodeBox? node = entry.HasNode ? new GoferNodeBox(entry.Node) : null;
            entries[entry.Name] = new GoferEntry(number, (byte)entry.Type, node);
        }

        using (Lock.Enter())
        {
            if (_changes == changesBefore)
            {
                _entries = entries;
            }
        }

        return Errno.None;
    }

    /// <summary>The listing in the form readers iterate, from the kept entries or from the server.</summary>
    private Errno MakeListing(out DirectoryListing? listing)
    {
        using (Lock.Enter())
        {
            if (_entries is not null)
            {
                _listing = listing = ToListing(_entries);
                return Errno.None;
            }
        }

        listing = null;
        Errno error = ReadListing(out Dictionary<string, GoferEntry> entries);
        if (error != Errno.None)
        {
            return error;
        }

        using (Lock.Enter())
        {
            listing = ToListing(entries);
            _listing = _entries == entries ? listing : null;
        }

        return Errno.None;
    }

    private static DirectoryListing ToListing(Dictionary<string, GoferEntry> entries)
    {
        int count = 0;
        ListedName[] names = new ListedName[entries.Count];
        foreach (KeyValuePair<string, GoferEntry> entry in entries)
        {
            names[count++] = new ListedName(entry.Key, entry.Value.HostInode, entry.Value.Type);
        }

        return new DirectoryListing(names);
    }

    /// <summary>
    /// The listing of a directory that others change too: read anew unless the directory's time of change says that it
    /// holds what it held.
    /// </summary>
    private Errno GetSharedListing(out DirectoryListing? listing)
    {
        listing = null;
        long beforeNs = HostTime.Now(HostTime.ClockRealtime);
        Errno error = GetAttributes(out InodeAttributes now);
        if (error != Errno.None)
        {
            return error;
        }

        using (Lock.Enter())
        {
            listing = _listedChangeNs == now.ChangeTimeNs ? _listing : null;
        }

        if (listing is not null)
        {
            return Errno.None;
        }

        error = ReadNames(out listing);
        if (error == Errno.None && IsSettled(now.ChangeTimeNs, beforeNs))
        {
            using (Lock.Enter())
            {
                _listing = listing;
                _listedChangeNs = now.ChangeTimeNs;
            }
        }

        return error;
    }

    private Errno ReadNames(out DirectoryListing? listing)
    {
        listing = null;
        Errno error = ReadAll(DirectoryDetail.Names, out List<WireEntry> all);
        if (error != Errno.None)
        {
            return error;
        }

        ListedName[] names = new ListedName[all.Count];
        for (int i = 0; i < names.Length; i++)
        {
            names[i] = new ListedName(all[i].Name, all[i].Inode == NoInode ? 1 : all[i].Inode, (byte)all[i].Type);
        }

        listing = new DirectoryListing(names);
        return Errno.None;
    }

    private Errno ReadAll(DirectoryDetail detail, out List<WireEntry> entries)
    {
        entries = [];
        long cookie = 0;
        while (cookie >= 0)
        {
            using TargetHold target = GetTarget(out Errno error);
            if (error != Errno.None)
            {
                return error;
            }

            error = Client.ReadDirectory(target.Wire, detail, cookie, entries, out DirectoryAnswer answer);
            if (error != Errno.None)
            {
                return error;
            }

            if (answer.Handle != Protocol.NoHandle)
            {
                Bind(answer.Handle);
            }

            cookie = answer.NextCookie;
        }

        return Errno.None;
    }
}
