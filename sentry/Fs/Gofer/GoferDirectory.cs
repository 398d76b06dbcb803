using System.Collections.Generic;
using Abi.Linux;
using Lisafs;
using Sentry.Kernel;
using Sentry.Vfs;

namespace Sentry.Fs.Gofer;

/// <summary>
/// A directory. On exclusive mounts its listing is kept once read: lookups of names that are not there, and first
/// lookups of names that are, need no call then. A few lookups in a row make it read the listing ahead.
/// </summary>
internal sealed partial class GoferDirectory : GoferInode
{
    /// <summary>
    /// Lookups that make a directory that may be large read its listing; a small one does at the first.
    /// </summary>
    private const int ReadAheadLookups = 4;

    /// <summary>
    /// Directories of at most this size hold some hundred names: their listing costs hardly more than one name,
    /// bytes.
    /// </summary>
    private const long SmallBytes = 4096;

    /// <summary>
    /// Directories whose size says they hold more than some thousands of names are not read ahead, bytes.
    /// </summary>
    private const long ReadAheadMaxBytes = 256 * 1024;

    /// <summary>
    /// Complete listing or null. Guarded by <see cref="GoferInode.Lock"/>; changed under the directory lock only.
    /// </summary>
    private Dictionary<string, GoferEntry>? _entries;
    private DirectoryListing? _listing;
    private int _lookups;

    /// <summary>Grows with every name that we add or remove.</summary>
    private int _changes;

    internal GoferDirectory(GoferSuperBlock superBlock, GoferDirectory? parent, string name, in WireNode node)
        : base(superBlock, parent, name, node)
    {
    }

    /// <inheritdoc/>
    public override Errno Lookup(Task task, string name, out Inode? child)
    {
        child = null;
        if (!Gofer.IsShared)
        {
            _lookups++;
            if (FindListed(name, out GoferEntry entry, out ListedState state))
            {
                child = Gofer.GetInode(this, name, entry.Node);
                return Errno.None;
            }

            if (state == ListedState.Absent)
            {
                return Errno.ENOENT;
            }

            if (state == ListedState.Unknown && ShouldReadAhead() && ReadListing(out _) == Errno.None)
            {
                return LookupListed(name, out child);
            }
        }

        return LookupRemote(name, out child);
    }

    /// <inheritdoc/>
    public override Errno Open(Task task, VfsPath path, int flags, out FileDescription? file)
    {
        file = new GoferDirectoryDescription(this, path, flags);
        return Errno.None;
    }

    /// <inheritdoc/>
    public override void Evict()
    {
        using (Lock.Enter())
        {
            _entries = null;
            _listing = null;
        }

        CloseDescriptors();
        base.Evict();
    }

    /// <summary>fsync(2).</summary>
    internal Errno Sync()
    {
        using TargetHold target = GetTarget(out Errno error);
        return error == Errno.None ? Client.Sync(target.Wire) : error;
    }

    /// <summary>What the directory holds now.</summary>
    internal Errno GetListing(out DirectoryListing? listing)
    {
        if (Gofer.IsShared)
        {
            return GetSharedListing(out listing);
        }

        using (Lock.Enter())
        {
            listing = _listing;
        }

        return listing is not null ? Errno.None : MakeListing(out listing);
    }

    private Errno LookupListed(string name, out Inode? child)
    {
        child = null;
        if (FindListed(name, out GoferEntry entry, out ListedState state))
        {
            child = Gofer.GetInode(this, name, entry.Node);
            return Errno.None;
        }

        return state == ListedState.Absent ? Errno.ENOENT : LookupRemote(name, out child);
    }

    private Errno LookupRemote(string name, out Inode? child)
    {
        child = null;
        using TargetHold directory = GetHandle(out Errno error);
        if (error != Errno.None)
        {
            return error;
        }

        error = Client.Walk(directory.Wire.Handle, name, Gofer.LookupHandles, out WireNode node);
        if (error == Errno.None)
        {
            GoferInode found = Gofer.GetInode(this, name, node);
            found.MarkFresh();
            child = found;
        }

        return error;
    }

    /// <summary>
    /// Finds a name whose attributes came with the listing; they serve once and are forgotten then, for the inode
    /// has them.
    /// </summary>
    private bool FindListed(string name, out GoferEntry entry, out ListedState state)
    {
        entry = default;
        using (Lock.Enter())
        {
            if (_entries is null)
            {
                state = ListedState.Unknown;
                return false;
            }

            if (!_entries.TryGetValue(name, out entry))
            {
                state = ListedState.Absent;
                return false;
            }

            state = ListedState.Present;
            if (entry.Attributes is null)
            {
                return false;
            }

            _entries[name] = entry with { Attributes = null };
            return true;
        }
    }

    private bool ShouldReadAhead()
    {
        if (GetAttributes(out InodeAttributes attributes) != Errno.None)
        {
            return false;
        }

        return attributes.SizeBytes <= (_lookups >= ReadAheadLookups ? ReadAheadMaxBytes : SmallBytes);
    }

    /// <summary>What the listing says about a name.</summary>
    private enum ListedState
    {
        /// <summary>There is no listing.</summary>
        Unknown,

        /// <summary>The name does not exist.</summary>
        Absent,

        /// <summary>The name exists.</summary>
        Present,
    }
}

/// <summary>One entry of a kept listing; attributes until the first lookup has taken them.</summary>
internal readonly record struct GoferEntry(ulong HostInode, byte Type, GoferNodeBox? Attributes)
{
    /// <summary>The node; only while there are attributes.</summary>
    internal WireNode Node => Attributes!.Node;
}

/// <summary>Attributes on the heap, so that entries without them are small.</summary>
internal sealed class GoferNodeBox(in WireNode node)
{
    /// <summary>What the server said.</summary>
    internal readonly WireNode Node = node;
}
