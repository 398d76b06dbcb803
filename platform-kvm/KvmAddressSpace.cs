using System;
using System.Collections.Generic;
using System.Threading;
using Abi.Linux;
using Ring0;

namespace Platform.Kvm;

/// <summary>
/// Guest page tables, edited in place. What vCPUs may have cached of the old is forgotten before a call returns: those
/// in guest code are driven out, and every vCPU that comes in late is told first.
/// </summary>
internal sealed class KvmAddressSpace : IAddressSpace, ITableMemory
{
    private const ulong PageMask = PageTables.PageBytes - 1;

    private readonly KvmPlatform _platform;

    /// <summary>Outer to <see cref="BackingStore"/>'s and <see cref="KernelArea"/>'s locks.</summary>
    private readonly Lock _gate = new();

    /// <summary>
    /// The tree; guarded by <see cref="_gate"/>. Null once disposed and left by every vCPU.
    /// </summary>
    private PageTables? _tables;

    /// <summary>vCPUs whose CR3 holds the root while the Sentry runs on them; guarded by <see cref="_gate"/>.</summary>
    private int _residents;

    /// <summary>Guarded by <see cref="_gate"/>.</summary>
    private bool _disposed;

    /// <summary>Tables that a shadowing hypervisor must look at again; guarded by <see cref="_gate"/>.</summary>
    private readonly HashSet<ulong> _stale = [];

    /// <summary>Tables unlinked by the edit that is being made; guarded by <see cref="_gate"/>.</summary>
    private readonly List<ulong> _unlinked = [];

    /// <summary>The edit that is being made changed what a CPU may have cached; guarded by <see
    /// cref="_gate"/>.</summary>
    private bool _changed;

    /// <summary>
    /// Counts changes. A vCPU may run guest code only if it has seen the last; a full fence stands between its
    /// announcing itself and its looking here, and another between our counting and our looking for it.
    /// </summary>
    private long _generation = 1;

    private KvmAddressSpace(KvmPlatform platform)
    {
        _platform = platform;
    }

    /// <summary>CR3.</summary>
    public ulong Root { get; private set; }

    public static Errno Create(KvmPlatform platform, out KvmAddressSpace? space)
    {
        space = new KvmAddressSpace(platform);
        PageSize largest = PageSize.Bytes2M;
        if (!PageTables.TryCreate(space, largest, out PageTables? tables))
        {
            space = null;
            return Errno.ENOMEM;
        }
        tables!.Share(platform.EntryTables ?? platform.KernelTables, KernelArea.UpperBase);
        if (platform.EntryTables is null)
        {
            platform.Sentry?.ShareWith(tables);
        }
        space._tables = tables;
        space.Root = tables.Root;
        return Errno.None;
    }

    public Errno Map(
        ulong address, ulong lengthBytes, int hostFd, ulong fileOffset, MemoryAccess access, MapHint hint)
    {
        if (!TryGetEnd(address, lengthBytes, out ulong end) || (fileOffset & PageMask) != 0)
        {
            return Errno.EINVAL;
        }
        Errno error = Errno.None;
        lock (_gate)
        {
            if (_disposed)
            {
                return Errno.ENOMEM;
            }
            for (ulong at = address; at < end && error == Errno.None;)
            {
                error = MapPieceLocked(
                    new Piece(at, end, fileOffset + (at - address)), hostFd, access, hint, out ulong done);
                at += done;
            }
            SettleLocked();
        }
        return error;
    }

    public Errno Unmap(ulong address, ulong lengthBytes)
    {
        if (!TryGetEnd(address, lengthBytes, out _))
        {
            return Errno.EINVAL;
        }
        lock (_gate)
        {
            if (!_disposed)
            {
                _tables!.Unmap(address, lengthBytes);
                SettleLocked();
            }
        }
        return Errno.None;
    }

    public Errno Protect(ulong address, ulong lengthBytes, MemoryAccess access)
    {
        if (!TryGetEnd(address, lengthBytes, out _))
        {
            return Errno.EINVAL;
        }
        lock (_gate)
        {
            if (!_disposed)
            {
                _tables!.Protect(address, lengthBytes, FlagsOf(access));
                SettleLocked();
            }
        }
        return Errno.None;
    }

    public void Dispose()
    {
        lock (_gate)
        {
            if (_disposed)
            {
                return;
            }
            _disposed = true;
            DriveOutLocked();
            if (_residents == 0)
            {
                FreeTreeLocked();
            }
            else
            {
                // The Sentry itself runs on this tree, perhaps this very thread.
                _tables!.Unmap(0, _platform.MaxUserAddress);
            }
            FreeUnlinkedLocked();
        }
    }

    /// <summary>The root is no longer in CR3 of a vCPU that had loaded it.</summary>
    public void Leave()
    {
        lock (_gate)
        {
            _residents--;
            if (_disposed && _residents == 0)
            {
                FreeTreeLocked();
                FreeUnlinkedLocked();
            }
        }
    }

    /// <summary>
    /// A vCPU is about to run guest code here. It has announced itself, and forgets what it must before this returns.
    /// False when the address space is gone.
    /// </summary>
    public bool Enter(Vcpu vcpu)
    {
        while (true)
        {
            vcpu.Announce(this);
            if (vcpu.HasSeen(this, Volatile.Read(ref _generation)))
            {
                return true;
            }
            vcpu.Retract();
            lock (_gate)
            {
                if (_disposed || !vcpu.Forget(Root, _stale))
                {
                    return false;
                }
                if (vcpu.IsResident && vcpu.Load(this))
                {
                    _residents++;
                }
                _stale.Clear();
                vcpu.See(this, _generation);
            }
        }
    }

    /// <summary>The process's address of what the guest has mapped at an address; 0 for nothing.</summary>
    public nint HostAddressOf(ulong address)
    {
        lock (_gate)
        {
            bool mapped = !_disposed & address < _platform.MaxUserAddress;
            return mapped && _tables!.TryLookup(address, out PageTranslation found)
                ? _platform.Physical.AddressOf(found.Physical)
                : 0;
        }
    }

    bool ITableMemory.TryAllocate(out ulong physical)
    {
        if (!_platform.Area.TryAllocate(PageTables.PageBytes, out physical, out bool reused))
        {
            return false;
        }
        if (reused && _platform.IsShadowed)
        {
            // A shadow of what the page was may still be about.
            _stale.Add(physical);
            _changed = true;
        }
        return true;
    }

    void ITableMemory.Free(ulong physical)
    {
        _stale.Remove(physical);
        _unlinked.Add(physical);
    }

    Span<ulong> ITableMemory.Entries(ulong physical) => _platform.Area.TableAt(physical);

    void ITableMemory.Changed(ulong physical)
    {
        if (_platform.IsShadowed)
        {
            _stale.Add(physical);
        }
        _changed = true;
    }

    void ITableMemory.Mapped(ulong physical, ulong lengthBytes) => _platform.Backing.Mapped(physical, lengthBytes);

    void ITableMemory.Dropped(ulong physical, ulong lengthBytes) => _platform.Backing.Dropped(physical, lengthBytes);

    private static PageFlags FlagsOf(MemoryAccess access)
    {
        // Without any access the page is ring 0's: the guest's fault then says that something is there.
        PageFlags flags = access == MemoryAccess.None ? PageFlags.None : PageFlags.User;
        flags |= (access & MemoryAccess.Write) != 0 ? PageFlags.Writable : 0;
        flags |= (access & MemoryAccess.Execute) == 0 ? PageFlags.NoExecute : 0;
        return flags;
    }

    private Errno MapPieceLocked(
        in Piece piece, int hostFd, MemoryAccess access, MapHint hint, out ulong done)
    {
        done = 0;
        Errno error = _platform.Backing.Acquire(hostFd, piece.FileOffset, out ulong physical, out ulong available);
        if (error != Errno.None)
        {
            return error;
        }
        done = ulong.Min(available, piece.End - piece.At);
        bool mapped = _tables!.Map(piece.At, done, physical, FlagsOf(access));
        if ((hint & MapHint.Populate) != 0)
        {
            _platform.Backing.Populate(physical, done);
        }
        _platform.Backing.Release(physical);
        return mapped ? Errno.None : Errno.ENOMEM;
    }

    private void FreeTreeLocked()
    {
        PageTables tables = _tables!;
        _tables = null;
        tables.Dispose();
    }

    /// <summary>Ends an edit: makes it seen, then lets go of unlinked tables.</summary>
    private void SettleLocked()
    {
        if (_changed)
        {
            DriveOutLocked();
        }
        FreeUnlinkedLocked();
    }

    /// <summary>No vCPU runs guest code here when this returns, and none does again before it has forgotten.</summary>
    private void DriveOutLocked()
    {
        _changed = false;
        Interlocked.Increment(ref _generation);
        _platform.Pool.DriveOut(this);
    }

    private void FreeUnlinkedLocked()
    {
        foreach (ulong table in _unlinked)
        {
            _platform.Area.Free(table);
        }
        _unlinked.Clear();
    }

    /// <summary>What is left of a range to map, and where in the file it starts.</summary>
    private readonly record struct Piece(ulong At, ulong End, ulong FileOffset);

    /// <summary>The end of a page-aligned range below the limit.</summary>
    private bool TryGetEnd(ulong address, ulong lengthBytes, out ulong end)
    {
        end = unchecked(address + lengthBytes);
        bool aligned = ((address | lengthBytes) & PageMask) == 0;
        return aligned && lengthBytes != 0 && end > address && end <= _platform.MaxUserAddress;
    }
}
