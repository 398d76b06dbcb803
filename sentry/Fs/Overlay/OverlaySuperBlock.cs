using System.Collections.Generic;
using System.Globalization;
using System.Threading;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Sync;
using Sentry.Vfs;

namespace Sentry.Fs.Overlay;

/// <summary>
/// Directories an overlay is made of. Who changes them by another way while it is mounted gets an undefined view of
/// them, and no more.
/// </summary>
public sealed class OverlayLayers
{
    /// <summary>Writable layer; null for an overlay that only reads.</summary>
    public Inode? Upper { get; init; }

    /// <summary>
    /// Empty directory of the same file system as <see cref="Upper"/>, where files are made before they get their
    /// names.
    /// </summary>
    public Inode? Work { get; init; }

    /// <summary>Read-only layers, the uppermost first; at least one.</summary>
    public required Inode[] Lowers { get; init; }

    /// <summary>File systems of the layers to be kept mounted as long as the overlay is.</summary>
    internal SuperBlock[] Kept { get; init; } = [];
}

/// <summary>
/// An overlay of directories of other file systems (Linux's overlayfs, Documentation/filesystems/overlayfs.rst).
/// </summary>
public sealed class OverlaySuperBlock : SuperBlock
{
    private const long OverlayMagic = 0x794c7630;

    // FILESYSTEM_MAX_STACK_DEPTH: overlays of overlays are walked by recursion, here as in Linux.
    private const int MaxDepth = 2;

    /// <summary>
    /// Where the number of a layer's file system goes in inode numbers, which stay exact as doubles (JavaScript)
    /// with few layers.
    /// </summary>
    private const int LayerShift = 44;

    private readonly OverlayLayers _layers;
    private readonly OverlayDirectory _root;
    private readonly string _options;
    private readonly Dictionary<SuperBlock, ulong> _layerNumbers = new();
    private long _lastTemporary;

    /// <summary>Guards the two tables below.</summary>
    private readonly OrderedLock<LeafLevel> _lock = new();
    private readonly Dictionary<Inode, OverlayFile> _aliases = new();
    private readonly Dictionary<ulong, OverlayIndexEntry> _index = new();

    private readonly int _depth;

    /// <summary>An overlay of the layers on device <paramref name="device"/>.</summary>
    public OverlaySuperBlock(OverlayLayers layers, ulong device, string options = "")
        : base(OverlayFileSystem.Instance, device)
    {
        _layers = layers;
        _options = options;
        _depth = DepthOver(layers);
        Source = "overlay";
        foreach (Inode lower in layers.Lowers)
        {
            _layerNumbers.TryAdd(lower.SuperBlock, (ulong)_layerNumbers.Count);
            lower.TryReference();
        }

        foreach (SuperBlock kept in layers.Kept)
        {
            kept.AddMount();
        }

        if (layers.Upper is { } upper)
        {
            layers.Work!.IsChangedFromAbove = true;
            _layerNumbers.TryAdd(upper.SuperBlock, (ulong)_layerNumbers.Count);
            upper.TryReference();
            layers.Work.TryReference();
        }

        _root = OverlayDirectory.MakeRoot(this, layers);
    }

    /// <summary>False when an overlay of these layers would stand on too many others.</summary>
    internal static bool MayStand(OverlayLayers layers) => DepthOver(layers) <= MaxDepth;

    private static int DepthOver(OverlayLayers layers)
    {
        int below = layers.Upper?.SuperBlock is OverlaySuperBlock upper ? upper._depth : 0;
        foreach (Inode lower in layers.Lowers)
        {
            below = lower.SuperBlock is OverlaySuperBlock overlay ? int.Max(below, overlay._depth) : below;
        }

        return below + 1;
    }

    /// <summary>
    /// An overlay over whole file systems, the uppermost first, whose upper layer is a fresh writable one: makes
    /// the directories "upper" and "work" in its root. The root of the overlay gets owner and mode of the first
    /// lower one.
    /// </summary>
    public static Errno Create(
        Task task, SuperBlock writable, SuperBlock[] lowers, ulong device, out SuperBlock? superBlock)
    {
        superBlock = null;
        Errno error = lowers[0].Root.GetAttributes(out InodeAttributes root);
        if (error != Errno.None)
        {
            return error;
        }

        CreateContext context = new(task, StatMode.S_IFDIR | (root.Mode & ~StatMode.S_IFMT), root.Uid, root.Gid);
        error = writable.Root.MakeDirectory(context, "upper", out Inode? upper);
        if (error != Errno.None)
        {
            return error;
        }

        context = new CreateContext(task, StatMode.S_IFDIR | StatMode.S_IRWXU, 0, 0);
        error = writable.Root.MakeDirectory(context, "work", out Inode? work);
        if (error == Errno.None)
        {
            Inode[] roots = System.Array.ConvertAll(lowers, lower => lower.Root);
            superBlock = new OverlaySuperBlock(
                new OverlayLayers { Upper = upper, Work = work, Lowers = roots }, device);
        }

        return error;
    }

    /// <inheritdoc/>
    public override Inode Root => _root;

    /// <inheritdoc/>
    public override string Options => _options;

    /// <inheritdoc/>
    public override long MaxFileBytes => (_layers.Upper ?? _layers.Lowers[0]).SuperBlock.MaxFileBytes;

    /// <summary>True when there is nowhere to write.</summary>
    internal bool HasNoUpper => _layers.Upper is null;

    /// <summary>Where files are made before they get their names.</summary>
    internal Inode Work => _layers.Work!;

    /// <summary>Guards the entries of <see cref="Work"/>.</summary>
    internal OrderedLock<OverlayWorkLevel> WorkLock { get; } = new();

    /// <summary>True when a lower directory may hide what lies in lower layers still.</summary>
    internal bool HasManyLowers => _layers.Lowers.Length > 1;

    /// <inheritdoc/>
    public override Errno GetStatistics(Task task, out FileSystemStatistics statistics)
    {
        Errno error = (_layers.Upper ?? _layers.Lowers[0]).SuperBlock.GetStatistics(task, out statistics);
        statistics.Magic = OverlayMagic;
        return error;
    }

    /// <inheritdoc/>
    public override Errno Sync(Task task) => _layers.Upper?.SuperBlock.Sync(task) ?? Errno.None;

    /// <inheritdoc/>
    public override void Release()
    {
        using (_lock.Enter())
        {
            foreach (OverlayIndexEntry entry in _index.Values)
            {
                entry.Upper?.DropReference();
            }

            _index.Clear();
            _aliases.Clear();
        }

        foreach (Inode lower in _layers.Lowers)
        {
            lower.DropReference();
        }

        _layers.Upper?.DropReference();
        _layers.Work?.DropReference();
        foreach (SuperBlock kept in _layers.Kept)
        {
            kept.DropMount();
        }
    }

    /// <summary>The lower directories at a path from the lower roots, as a redirect names them.</summary>
    internal Errno ResolveLower(Task task, string path, ref OverlayLookup found)
    {
        Inode[] layers = _layers.Lowers;
        foreach (string name in path.Split('/', System.StringSplitOptions.RemoveEmptyEntries))
        {
            OverlayLookup step = default;
            Errno error = OverlayDirectory.LookupIn(task, layers, name, HasManyLowers, ref step);
            if (error != Errno.None)
            {
                return error;
            }

            layers = step.Directories.ToArray();
        }

        found.Directories.AddRange(layers);
        return Errno.None;
    }

    /// <summary>A name nobody has used in the work directory.</summary>
    internal string NextTemporaryName() =>
        string.Create(CultureInfo.InvariantCulture, $"#{Interlocked.Increment(ref _lastTemporary):x}");

    /// <summary>Inode number of the overlay for a file of a layer.</summary>
    internal ulong MapInodeNumber(SuperBlock layer, ulong number) =>
        number ^ (_layerNumbers.GetValueOrDefault(layer) << LayerShift);

    /// <summary>
    /// The inode of a non-directory found by a lookup. Files with several names are one inode, however found; a
    /// lower one of several names stays one when it is copied up.
    /// </summary>
    internal Errno GetFile(OverlayDirectory? parent, string name, Inode real, OverlayOrigin origin, out Inode? child)
    {
        child = null;
        Errno error = real.GetAttributes(out InodeAttributes attributes);
        if (error != Errno.None)
        {
            return error;
        }

        bool isLower = origin.Kind == OverlayOriginKind.IsLower;
        ulong number = origin.Number != 0 ? origin.Number : MapInodeNumber(real.SuperBlock, attributes.Inode);
        OverlayIndexEntry? entry = FindIndexEntry(number, isLower ? attributes.LinkCount : 0);
        if (attributes.LinkCount <= 1 && entry is null)
        {
            return Hold(new OverlayFile(this, parent, name, number, real, isLower), out child);
        }

        using (_lock.Enter())
        {
            bool isKnown = _aliases.TryGetValue(real, out OverlayFile? known);
            if (isKnown || (entry?.Upper is { } copy && _aliases.TryGetValue(copy, out known)))
            {
                child = known;
                return Errno.None;
            }
        }

        OverlayFile made = new(this, parent, name, number, real, isLower) { IndexEntry = entry };
        error = Hold(made, out child);
        if (error != Errno.None)
        {
            return error;
        }

        child = Remember(real, made);
        if (child != made)
        {
            made.Evict();
        }
        else if (made.Upper is { } upper)
        {
            Remember(upper, made);
        }

        return Errno.None;
    }

    /// <summary>Makes another real inode of the file lead to it, or returns the file it already leads to.</summary>
    internal OverlayFile Remember(Inode real, OverlayFile file)
    {
        using (_lock.Enter())
        {
            return _aliases.TryAdd(real, file) ? file : _aliases[real];
        }
    }

    /// <summary>The file is evicted.</summary>
    internal void Forget(Inode? real, OverlayFile file)
    {
        using (_lock.Enter())
        {
            if (real is not null && _aliases.TryGetValue(real, out OverlayFile? known) && known == file)
            {
                _aliases.Remove(real);
            }
        }
    }

    /// <summary>
    /// What is known of a lower file with several names: made when such a file is first seen (<paramref
    /// name="lowerLinks"/> above 1), found again by its number after it was copied up.
    /// </summary>
    private OverlayIndexEntry? FindIndexEntry(ulong number, uint lowerLinks)
    {
        using (_lock.Enter())
        {
            if (!_index.TryGetValue(number, out OverlayIndexEntry? entry) && lowerLinks > 1 && !HasNoUpper)
            {
                entry = new OverlayIndexEntry(number) { LinkCount = lowerLinks };
                _index.Add(number, entry);
            }

            return entry;
        }
    }

    /// <summary>All names of an indexed file are gone.</summary>
    internal void DropIndexEntry(OverlayIndexEntry entry)
    {
        using (_lock.Enter())
        {
            _index.Remove(entry.Number);
        }
    }

    private static Errno Hold(OverlayFile file, out Inode? child)
    {
        bool held = file.HoldReals();
        child = held ? file : null;
        return held ? Errno.None : Errno.ESTALE;
    }
}

/// <summary>
/// A lower file with several names: its number of names and, once it was copied up, the one copy they share.
/// </summary>
internal sealed class OverlayIndexEntry(ulong number)
{
    /// <summary>Inode number in the overlay.</summary>
    internal ulong Number { get; } = number;

    /// <summary>Names that are left; guarded by the copy-up lock of the file.</summary>
    internal uint LinkCount { get; set; }

    /// <summary>The copy, with a reference; set once, under the copy-up lock of the file.</summary>
    internal Inode? Upper { get; set; }

    /// <summary>
    /// Name of the copy in the work directory, which keeps it linked as long as a lower name means it.
    /// </summary>
    internal string WorkName { get; set; } = "";
}

/// <summary>Where the inode number of a file comes from.</summary>
internal enum OverlayOriginKind
{
    /// <summary>The real inode is a lower one.</summary>
    IsLower,

    /// <summary>The real inode is an upper one that was always there.</summary>
    None,

    /// <summary>The real inode is an upper one that was copied up.</summary>
    CopiedUp,
}

/// <summary>
/// Origin of a file; <see cref="Number"/> is the overlay's inode number of what was copied up, else 0.
/// </summary>
internal readonly record struct OverlayOrigin(OverlayOriginKind Kind, ulong Number);
