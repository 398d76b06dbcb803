using System.Threading;
using Abi.Linux;
using Platform;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Vfs;

namespace Sentry.Ipc;

/// <summary>
/// A System V shared memory segment (shmget(2), ipc/shm.c): memory that mappings attach to. It counts attached bytes
/// per mapping, so that forks, partial
/// unmappings and exits need no help; a removed segment goes with its last mapping.
/// </summary>
public sealed class SharedMemorySegment : IpcObject, IMappable
{
    private readonly SysVIpc _owner;
    private readonly SharedMemoryObject _memory;
    private readonly ulong _mappedSize;

    // Changed with Interlocked: mappings come and go under the memory manager's lock, below the namespace's.
    private long _attachedBytes;
    private long _attachTimeNs;
    private long _detachTimeNs;

    /// <summary>A segment of zeros.</summary>
    internal SharedMemorySegment(Task creator, SysVIpc owner, int key, uint mode, ulong sizeBytes)
        : base(creator, key, mode)
    {
        _owner = owner;
        SizeBytes = sizeBytes;
        _mappedSize = (sizeBytes + GuestAddress.PageSize - 1) & ~(GuestAddress.PageSize - 1);
        MemoryFile memory = creator.ThreadGroup.Scope.Memory;
        _memory = new SharedMemoryObject(memory, _mappedSize, SharedMemoryUse.Anonymous);
        CreatorPid = creator.ThreadGroup.Identity;
    }

    /// <summary>Size as asked for.</summary>
    public ulong SizeBytes { get; }

    /// <summary>Process that made it.</summary>
    public Pid CreatorPid { get; }

    /// <summary>Process that last attached or detached; null if none did.</summary>
    public Pid? LastPid { get; internal set; }

    /// <summary>Last attach; 0 if none was.</summary>
    public long AttachTimeNs => Volatile.Read(ref _attachTimeNs);

    /// <summary>Last detach; 0 if none was.</summary>
    public long DetachTimeNs => Volatile.Read(ref _detachTimeNs);

    /// <summary>Mappings of it (shm_nattch).</summary>
    public ulong Attaches => ((ulong)Volatile.Read(ref _attachedBytes) + _mappedSize - 1) / _mappedSize;

    /// <summary>Bytes that are really there.</summary>
    public ulong ResidentBytes => _memory.PresentBytes;

    /// <inheritdoc/>
    public (ulong Device, ulong Inode) Identity => (4, (ulong)Id);

    /// <inheritdoc/>
    public Errno Translate(
        ulong offset, ulong requiredBytes, ulong optionalBytes, MemoryAccess access, out Translation translation) =>
        _memory.Translate(offset, requiredBytes, optionalBytes, access, out translation);

    /// <inheritdoc/>
    public Errno AddMapping(MemoryManager mm, GuestRange range, ulong offset, MappingKind kind)
    {
        Errno error = _memory.AddMapping(mm, range, offset, kind);
        if (error == Errno.None)
        {
            Interlocked.Add(ref _attachedBytes, (long)range.Length);
            Volatile.Write(ref _attachTimeNs, VirtualFileSystem.NowNs);
        }

        return error;
    }

    /// <inheritdoc/>
    public void RemoveMapping(MemoryManager mm, GuestRange range, ulong offset, MappingKind kind)
    {
        _memory.RemoveMapping(mm, range, offset, kind);
        Interlocked.Add(ref _attachedBytes, -(long)range.Length);
        Volatile.Write(ref _detachTimeNs, VirtualFileSystem.NowNs);
    }

    /// <inheritdoc/>
    public Errno SyncMapping(ulong offset, ulong lengthBytes) => Errno.None;

    /// <summary>True when a removed segment has no mapping left, so that its id can go.</summary>
    internal bool IsOver => IsMarked && Volatile.Read(ref _attachedBytes) == 0;

    /// <summary>True after IPC_RMID (SHM_DEST).</summary>
    internal bool IsMarked => (Mode & ShmMode.SHM_DEST) != 0;

    /// <summary>IPC_RMID: gone when nobody has it mapped, else nameless until then.</summary>
    internal void MarkLocked()
    {
        _owner.Lock.AssertHeld();
        if (IsMarked)
        {
            return;
        }

        Mode |= ShmMode.SHM_DEST;
        _owner.Segments.Unname(this);
        _memory.DropOwner();
    }
}
