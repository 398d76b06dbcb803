using System;
using System.Collections.Generic;
using System.Threading;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Sync;
using Sentry.Time;

namespace Sentry.Vfs;

/// <summary>
/// The VFS of one kernel: registries, the locks of the whole tree, the dentry cache, and the operations on paths. The
/// operations here check
/// names and permissions, keep the dentry cache true, and call inodes.
/// </summary>
public sealed partial class VirtualFileSystem
{
    /// <summary>Minors below are the fixed ones of <see cref="PseudoFileSystems"/>.</summary>
    private const int FirstAnonymousMinor = 0x14;

    private const long NsPerTick = 100;

    // One for the process: inodes and IPC objects are made where no kernel is at hand.
    private static KernelClock? s_clock;

    private readonly OrderedLock<LeafLevel> _registryLock = new();
    private readonly Dictionary<string, FileSystemType> _types = new(StringComparer.Ordinal);
    private readonly List<FileSystemType> _typeOrder = [];
    private readonly HashSet<FsContext> _contexts = [];
    private readonly HashSet<MountNamespace> _namespaces = [];
    private SuperBlock? _internalFiles;
    private uint _renameSequence;
    private uint _mountSequence;
    private int _nextAnonymousMinor = FirstAnonymousMinor;

    /// <summary>One rename at a time, and every change of the mount tree.</summary>
    internal OrderedLock<RenameLevel> RenameLock { get; } = new();

    /// <summary>Mount tree and propagation groups; taken under <see cref="RenameLock"/>.</summary>
    internal OrderedLock<MountLevel> MountLock { get; } = new();

    /// <summary>Who opens FIFOs and device nodes.</summary>
    public SpecialFiles SpecialFiles { get; } = new();

    /// <summary>Instance of files that have no name in any tree (memfd); null until the first one.</summary>
    public SuperBlock? InternalFiles => Volatile.Read(ref _internalFiles);

    /// <summary>Sets <see cref="InternalFiles"/> if nobody has; returns what stands there now.</summary>
    public SuperBlock InstallInternalFiles(SuperBlock made) =>
        Interlocked.CompareExchange(ref _internalFiles, made, null) ?? made;

    /// <summary>Sender of the signals of O_ASYNC.</summary>
    internal IoSignals IoSignals { get; } = new();

    /// <summary>fs.protected_symlinks.</summary>
    public bool ProtectedSymlinks { get; set; } = true;

    /// <summary>fs.protected_hardlinks.</summary>
    public bool ProtectedHardlinks { get; set; } = true;

    /// <summary>fs.protected_fifos: 0, 1 (world-writable sticky directories) or 2 (group-writable ones too).</summary>
    public int ProtectedFifos { get; set; } = 1;

    /// <summary>fs.protected_regular, as <see cref="ProtectedFifos"/>.</summary>
    public int ProtectedRegular { get; set; } = 2;

    /// <summary>
    /// Wall-clock time in ns since the epoch, for the times of files and IPC objects: CLOCK_REALTIME of the guest, so
    /// that they agree with what programs read from their clocks.
    /// </summary>
    public static long NowNs => Volatile.Read(ref s_clock) is { } clock
        ? clock.RealtimeNs
        : (DateTime.UtcNow.Ticks - DateTime.UnixEpoch.Ticks) * NsPerTick;

    /// <summary>Sets the clock of all times; the composition root calls it once. Without it the host's
    /// serves.</summary>
    public static void UseClock(KernelClock clock) => Volatile.Write(ref s_clock, clock);

    /// <summary>Changes with every rename; odd while one is in progress.</summary>
    internal uint RenameSequence => Volatile.Read(ref _renameSequence);

    /// <summary>Changes with every change of the mount tree.</summary>
    internal uint MountSequence => Volatile.Read(ref _mountSequence);

    internal void BumpRenameSequence() => Interlocked.Increment(ref _renameSequence);

    internal void BumpMountSequence() => Interlocked.Increment(ref _mountSequence);

    /// <summary>A device number for a new file system instance (major 0, as get_anon_bdev).</summary>
    public ulong AllocateDevice() => MakeDevice(0, (uint)Interlocked.Increment(ref _nextAnonymousMinor));

    /// <summary>Device number in the form st_dev has (new_encode_dev).</summary>
    public static ulong MakeDevice(uint major, uint minor) =>
        (minor & 0xFF) | ((ulong)(major & 0xFFF) << 8) | ((ulong)(minor & ~0xFFu) << 12);

    /// <summary>Major number of a device.</summary>
    public static uint Major(ulong device) => (uint)(device >> 8) & 0xFFF;

    /// <summary>Minor number of a device.</summary>
    public static uint Minor(ulong device) => (uint)((device & 0xFF) | ((device >> 12) & 0xFFFFFF00));

    /// <summary>Makes a file system known to mount(2) and /proc/filesystems.</summary>
    public void RegisterFileSystem(FileSystemType type)
    {
        using (_registryLock.Enter())
        {
            _types.Add(type.Name, type);
            _typeOrder.Add(type);
        }
    }

    /// <summary>Finds a registered type; a subtype ("fuse.sshfs") is looked up by what is before the dot.</summary>
    public bool TryGetFileSystem(string name, out FileSystemType? type)
    {
        int dot = name.IndexOf('.');
        using (_registryLock.Enter())
        {
            return _types.TryGetValue(dot < 0 ? name : name[..dot], out type);
        }
    }

    /// <summary>All registered types in the order of registration.</summary>
    public FileSystemType[] FileSystems
    {
        get
        {
            using (_registryLock.Enter())
            {
                return _typeOrder.ToArray();
            }
        }
    }

    internal void Register(FsContext context)
    {
        using (_registryLock.Enter())
        {
            _contexts.Add(context);
        }
    }

    internal void Unregister(FsContext context)
    {
        using (_registryLock.Enter())
        {
            _contexts.Remove(context);
        }
    }

    internal FsContext[] SnapshotContexts()
    {
        using (_registryLock.Enter())
        {
            FsContext[] all = new FsContext[_contexts.Count];
            _contexts.CopyTo(all);
            return all;
        }
    }
}
