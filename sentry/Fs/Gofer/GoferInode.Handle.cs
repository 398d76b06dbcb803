using System.Collections.Generic;
using Abi.Linux;
using Lisafs;

namespace Sentry.Fs.Gofer;

/// <summary>
/// How a file is named in requests. Its handle is taken when one is needed and may be given up between two uses; it is
/// then taken again by the names from the nearest directory that has one.
/// </summary>
internal abstract partial class GoferInode
{
    /// <summary>Attempts to find the file by its names, which a rename may change meanwhile.</summary>
    private const int Attempts = 3;

    /// <summary>Guarded by the lock of <see cref="HandleCache"/>.</summary>
    internal HandleSlot Slot;

    /// <summary>
    /// True when directory and name lead to the file again. On shared mounts somebody else may give the name to another
    /// file, so there those in use stay.
    /// </summary>
    internal bool CanBeFoundAgain => _parent is not null && (!Gofer.IsShared || ReferenceCount <= 1);

    /// <summary>What to call the file in a request: its handle, or its directory's handle and its name.</summary>
    internal TargetHold GetTarget(out Errno error)
    {
        if (Client.Handles.TryUse(this, out uint own))
        {
            error = Errno.None;
            return new TargetHold(this, new WireTarget(own, ""));
        }

        GoferDirectory? parent = GetPlace(out string name);
        if (parent is null)
        {
            error = Errno.ESTALE;
            return default;
        }

        TargetHold directory = parent.GetHandle(out error);
        return error == Errno.None
            ? new TargetHold(parent, new WireTarget(directory.Wire.Handle, name))
            : default;
    }

    /// <summary>A handle on the file, taken now if there is none. ESTALE when it cannot be found any more.</summary>
    internal TargetHold GetHandle(out Errno error)
    {
        error = Errno.None;
        for (int attempt = 0; attempt < Attempts; attempt++)
        {
            if (Client.Handles.TryUse(this, out uint handle))
            {
                error = Errno.None;
                return new TargetHold(this, new WireTarget(handle, ""));
            }

            error = BindByNames(out handle);
            if (error == Errno.None)
            {
                return new TargetHold(this, new WireTarget(handle, ""));
            }

            if (error is not (Errno.ESTALE or Errno.ENOENT or Errno.ENOTDIR))
            {
                return default;
            }
        }

        return default;
    }

    /// <summary>Takes over a handle on this file.</summary>
    internal void Bind(uint handle) => Client.Handles.Bind(this, handle, uses: 0);

    /// <summary>The file loses its name: it is reached by its handle alone from now on.</summary>
    internal void BindForGood(uint handle)
    {
        Client.Handles.Keep(this);
        Client.Handles.Bind(this, handle, uses: 0);
    }

    /// <summary>As <see cref="BindForGood"/>, with a handle that is taken now.</summary>
    internal Errno HoldForGood()
    {
        using TargetHold hold = GetHandle(out Errno error);
        if (error == Errno.None)
        {
            Client.Handles.Keep(this);
        }

        return error;
    }

    private GoferDirectory? GetPlace(out string name)
    {
        using (Lock.Enter())
        {
            name = _name;
            return _parent;
        }
    }

    /// <summary>
    /// Goes up to the nearest directory that has a handle, and from there down by names, so many at once as fit one
    /// request. The last step begins a use of this inode's handle.
    /// </summary>
    private Errno BindByNames(out uint handle)
    {
        handle = Protocol.NoHandle;
        List<GoferInode> chain = [];
        List<string> names = [];
        GoferInode start = this;
        uint startHandle;
        while (!Client.Handles.TryUse(start, out startHandle))
        {
            chain.Add(start);
            GoferDirectory? parent = start.GetPlace(out string name);
            names.Add(name);
            if (parent is null)
            {
                return Errno.ESTALE;
            }

            start = parent;
        }

        if (chain.Count == 0)
        {
            handle = startHandle;
            return Errno.None;
        }

        Errno error = Errno.None;
        int left = chain.Count;
        while (left > 0 && error == Errno.None)
        {
            int count = int.Min(left, Protocol.MaxWalkNames);
            error = BindSteps(startHandle, chain.GetRange(left - count, count), names.GetRange(left - count, count),
                out uint last);
            Client.Handles.EndUse(start);
            left -= count;
            start = chain[left];
            startHandle = last;
        }

        handle = startHandle;
        return error;
    }

    /// <summary>
    /// One walk down; inodes and names stand deepest first. On success a use of the deepest inode's handle has begun.
    /// </summary>
    private Errno BindSteps(uint from, List<GoferInode> inodes, List<string> names, out uint last)
    {
        last = Protocol.NoHandle;
        names.Reverse();
        List<WireNode> nodes = [];
        Errno error = Client.Walk(from, names.ToArray(), nodes);
        int step = inodes.Count - 1;
        foreach (WireNode node in nodes)
        {
            GoferInode inode = inodes[step];
            bool isSame = (node.Attributes.Device, node.Attributes.Inode) == inode.HostIdentity;
            error = error == Errno.None && !isSame ? Errno.ESTALE : error;
            if (error != Errno.None || node.Handle == Protocol.NoHandle)
            {
                error = error == Errno.None ? Errno.EIO : error;
                Client.CloseLater(node.Handle);
                continue;
            }

            last = Client.Handles.Bind(inode, node.Handle, step == 0 ? 1 : 0);
            step--;
        }

        return error;
    }
}
