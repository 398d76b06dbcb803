using System;
using System.Collections.Generic;
using Abi.Linux;
using Lisafs;

namespace Sentry.Fs.Gofer;

/// <summary>Reading and keeping the listing.</summary>
internal sealed partial class GoferDirectory
{
    private const ulong NoInode = 0;

    /// <summary>A name was added, by us.</summary>
    internal void NoteAdded(string name, GoferInode child)
    {
        using (Lock.Enter())
        {
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
            _listing = null;
            _entries = null;
        }

        MarkStale();
    }

    /// <summary>
    /// Reads the whole directory with attributes into <see cref="_entries"/>. Two threads may do so at once: both
    /// read the truth.
    /// </summary>
    private Errno ReadListing()
    {
        Errno error = ReadAll(DirectoryDetail.Attributes, out List<WireEntry> all);
        if (error != Errno.None)
        {
            return error;
        }

        Dictionary<string, GoferEntry> entries = new(all.Count, StringComparer.Ordinal);
        foreach (WireEntry entry in all)
        {
            ulong number = entry.HasNode
                ? Gofer.MapInodeNumber(entry.Node.Attributes.Device, entry.Node.Attributes.Inode)
                : entry.Inode;
            entries[entry.Name] = new GoferEntry(
                number, (byte)entry.Type, entry.HasNode ? new GoferNodeBox(entry.Node) : null);
        }

        using (Lock.Enter())
        {
            _entries = entries;
        }

        return Errno.None;
    }

    /// <summary>
    /// The listing in the form readers iterate, from the kept entries. The caller holds the directory lock, so no
    /// name comes or goes meanwhile.
    /// </summary>
    private Errno MakeListing(out GoferListing? listing)
    {
        listing = null;
        bool isKnown;
        using (Lock.Enter())
        {
            isKnown = _entries is not null;
        }

        Errno error = isKnown ? Errno.None : ReadListing();
        if (error != Errno.None)
        {
            return error;
        }

        using (Lock.Enter())
        {
            if (_entries is null)
            {
                return Errno.EAGAIN;
            }

            int count = 0;
            GoferListedName[] names = new GoferListedName[_entries.Count];
            foreach (KeyValuePair<string, GoferEntry> entry in _entries)
            {
                names[count++] = new GoferListedName(entry.Key, entry.Value.HostInode, entry.Value.Type);
            }

            _listing = listing = new GoferListing(names);
        }

        return Errno.None;
    }

    private Errno ReadNames(out GoferListing? listing)
    {
        listing = null;
        Errno error = ReadAll(DirectoryDetail.Names, out List<WireEntry> all);
        if (error != Errno.None)
        {
            return error;
        }

        GoferListedName[] names = new GoferListedName[all.Count];
        for (int i = 0; i < names.Length; i++)
        {
            names[i] = new GoferListedName(all[i].Name, all[i].Inode == NoInode ? 1 : all[i].Inode, (byte)all[i].Type);
        }

        listing = new GoferListing(names);
        return Errno.None;
    }

    private Errno ReadAll(DirectoryDetail detail, out List<WireEntry> entries)
    {
        entries = [];
        long cookie = 0;
        while (cookie >= 0)
        {
            Errno error = GetTarget(out WireTarget target);
            if (error != Errno.None)
            {
                return error;
            }

            error = Client.ReadDirectory(target, detail, cookie, entries, out DirectoryAnswer answer);
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

/// <summary>One name of a listing.</summary>
internal readonly record struct GoferListedName(string Name, ulong Inode, byte Type);

/// <summary>The names of a directory at one moment; never changed, so that readers share it.</summary>
internal sealed class GoferListing(GoferListedName[] names)
{
    /// <summary>Names without "." and "..".</summary>
    internal GoferListedName[] Names { get; } = names;
}
