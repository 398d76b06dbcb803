using System.Collections.Generic;
using Abi.Linux;
using Lisafs;
using Sentry.Kernel;
using Sentry.Sync;
using Sentry.Vfs;

namespace Sentry.Fs.Gofer;

/// <summary>One attach point of a gofer as a file system.</summary>
public sealed class GoferSuperBlock : SuperBlock
{
    /// <summary>
    /// Where the index of a host device goes in inode numbers: below it the host's own numbers fit on every common
    /// file system.
    /// </summary>
    private const int DeviceIndexShift = 48;

    /// <summary>f_type of what is shared with the host, to go with the name of its type (FUSE_SUPER_MAGIC).</summary>
    private const long FuseMagic = 0x65735546;

    private readonly GoferSharing _sharing;
    private readonly AttachFlags _attachFlags;
    private readonly GoferInode _root;

    /// <summary>Guards the tables below.</summary>
    private readonly OrderedLock<LeafLevel> _lock = new();
    private readonly Dictionary<ulong, ulong> _deviceIndexes = new();
    private readonly Dictionary<(ulong Device, ulong Inode), GoferInode> _linked = new();

    private GoferSuperBlock(GoferClient client, in MountAnswer answer, in GoferMountOptions options, ulong device)
        : base(options.Sharing == GoferSharing.Shared ? GoferFileSystem.Shared : GoferFileSystem.Exclusive, device)
    {
        Client = client;
        Source = options.Source;
        _sharing = options.Sharing;
        SettleNs = options.SettleNs;
        _attachFlags = answer.Flags;
        _deviceIndexes.Add(answer.Root.Attributes.Device, 0);
        _root = GoferInode.Make(this, parent: null, "", answer.Root);
    }

    /// <summary>Mounts attach point <paramref name="index"/>.</summary>
    public static Errno Mount(
        GoferClient client, uint index, in GoferMountOptions options, ulong device, out GoferSuperBlock? superBlock)
    {
        Errno error = client.Mount(index, out MountAnswer answer);
        superBlock = error == Errno.None ? new GoferSuperBlock(client, answer, options, device) : null;
        return error;
    }

    /// <inheritdoc/>
    public override Inode Root => _root;

    /// <inheritdoc/>
    public override DentryPolicy DentryPolicy => IsShared ? DentryPolicy.Revalidate : DentryPolicy.Cache;

    /// <inheritdoc/>
    public override string Options => IsShared ? "cache=remote" : "cache=exclusive";

    /// <summary>Calls to the server.</summary>
    internal GoferClient Client { get; }

    /// <summary>See <see cref="GoferMountOptions.SettleNs"/>.</summary>
    internal long SettleNs { get; }

    /// <summary>True when the host changes files too.</summary>
    internal bool IsShared => _sharing == GoferSharing.Shared;

    /// <summary>True when the server refuses every change.</summary>
    internal bool IsServedReadOnly => (_attachFlags & AttachFlags.ReadOnly) != 0;

    /// <summary>
    /// Which handles a lookup asks for: shared mounts hold on to the file they found, since its name may come to
    /// mean another.
    /// </summary>
    internal WalkHandles LookupHandles => IsShared ? WalkHandles.All : WalkHandles.Directories;

    /// <inheritdoc/>
    public override Errno GetStatistics(Task task, out FileSystemStatistics statistics)
    {
        statistics = default;
        using TargetHold target = _root.GetTarget(out Errno error);
        if (error != Errno.None)
        {
            return error;
        }

        error = Client.GetStatistics(target.Wire, out WireStatistics figures);
        statistics = new FileSystemStatistics
        {
            Magic = IsShared ? FuseMagic : figures.Magic,
            BlockSizeBytes = figures.BlockSizeBytes,
            Blocks = figures.Blocks,
            FreeBlocks = figures.FreeBlocks,
            AvailableBlocks = figures.AvailableBlocks,
            Files = figures.Files,
            FreeFiles = figures.FreeFiles,
            NameLengthMax = figures.NameLengthMax,
        };
        return error;
    }

    /// <inheritdoc/>
    public override void Release() => Client.FlushCloses();

    /// <summary>
    /// Inode number in the sandbox: unique over the host file systems that may lie below one attach point.
    /// </summary>
    internal ulong MapInodeNumber(ulong hostDevice, ulong hostInode)
    {
        ulong index;
        using (_lock.Enter())
        {
            if (!_deviceIndexes.TryGetValue(hostDevice, out index))
            {
                index = (ulong)_deviceIndexes.Count;
                _deviceIndexes.Add(hostDevice, index);
            }
        }

        return hostInode ^ (index << DeviceIndexShift);
    }

    /// <summary>
    /// The inode for what a lookup found: files with several names are one inode, however found.
    /// </summary>
    internal GoferInode GetInode(GoferDirectory parent, string name, in WireNode node)
    {
        bool mayBeKnown = node.Attributes.LinkCount > 1 && (node.Attributes.Mode & StatMode.S_IFMT) != StatMode.S_IFDIR;
        if (!mayBeKnown || IsShared)
        {
            return GoferInode.Make(this, parent, name, node);
        }

        (ulong Device, ulong Inode) key = (node.Attributes.Device, node.Attributes.Inode);
        if (!FindLinked(key, out GoferInode? known))
        {
            GoferInode made = GoferInode.Make(this, parent, name, node);
            known = AddLinked(key, made);
            if (known != made)
            {
                made.Evict();
            }

            return known;
        }

        Client.CloseLater(node.Handle);
        return known!;
    }

    private bool FindLinked((ulong Device, ulong Inode) key, out GoferInode? known)
    {
        using (_lock.Enter())
        {
            return _linked.TryGetValue(key, out known);
        }
    }

    /// <summary>Remembers the inode unless another is known by now; returns the one that counts.</summary>
    private GoferInode AddLinked((ulong Device, ulong Inode) key, GoferInode made)
    {
        using (_lock.Enter())
        {
            return _linked.TryAdd(key, made) ? made : _linked[key];
        }
    }

    /// <summary>Remembers an inode that got a second name.</summary>
    internal void RememberLinked(GoferInode inode)
    {
        using (_lock.Enter())
        {
            _linked.TryAdd(inode.HostIdentity, inode);
        }
    }

    /// <summary>Forgets an inode that is evicted.</summary>
    internal void ForgetLinked(GoferInode inode)
    {
        using (_lock.Enter())
        {
            if (_linked.TryGetValue(inode.HostIdentity, out GoferInode? known) && known == inode)
            {
                _linked.Remove(inode.HostIdentity);
            }
        }
    }
}
