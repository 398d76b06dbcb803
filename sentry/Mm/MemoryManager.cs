using System;
using System.Collections.Generic;
using System.Threading;
using Abi.Linux;
using Platform;
using Sentry.Sync;
using Sentry.Vfs;

namespace Sentry.Mm;

/// <summary>
/// One guest address space: VMAs, PMAs, copy-on-write, and every access of the Sentry to guest memory. Shared by the
/// tasks of a thread
/// group (CLONE_VM); reference-counted by its users.
/// </summary>
public sealed partial class MemoryManager
{
    private readonly MemoryFile _memoryFile;
    private readonly IPlatform _platform;
    private readonly IAddressSpace _addressSpace;
    private int _users = 1;

    // Guards _vmas, _totals, _brkStart, _brk, _futureLock, _released, _heapBytes.
    private readonly OrderedLock<MappingLevel> _mappingLock = new();
    private readonly RangeSet<Vma, VmaPolicy> _vmas = new();
    private MemoryTotals _totals;
    private List<FileDescription> _released = new();
    private long _heapBytes;

    // Guards _pmas, _pins.
    private readonly OrderedLock<ActiveMemoryLevel> _activeLock = new();
    private readonly RangeSet<Pma, PmaPolicy> _pmas = new();

    private MemoryManager(IPlatform platform, MemoryFile memoryFile, IAddressSpace addressSpace, IMemoryLimits limits)
    {
        _platform = platform;
        _memoryFile = memoryFile;
        _addressSpace = addressSpace;
        Limits = limits;
    }

    /// <summary>The platform's half.</summary>
    public IAddressSpace AddressSpace => _addressSpace;

    /// <summary>Whose limits count; execve and fork point it at the process that now owns the address space.</summary>
    public IMemoryLimits Limits { get; set; }

    /// <summary>Number of users, for the decision of execve and unshare whether the address space is shared.</summary>
    public int UserCount => Volatile.Read(ref _users);

    /// <summary>One more user (CLONE_VM). The caller is a user itself.</summary>
    public void AddUser() => Interlocked.Increment(ref _users);

    /// <summary>One more user, unless the last one has gone (readers of /proc/pid).</summary>
    public bool TryAddUser()
    {
        int seen = Volatile.Read(ref _users);
        while (seen > 0)
        {
            int actual = Interlocked.CompareExchange(ref _users, seen + 1, seen);
            if (actual == seen)
            {
                return true;
            }

            seen = actual;
        }

        return false;
    }

    /// <summary>One user fewer; the last one unmaps everything and disposes the platform's address space.</summary>
    public void DropUser()
    {
        if (Interlocked.Decrement(ref _users) != 0)
        {
            return;
        }

        _addressSpace.Dispose();
        using (EnterMapping())
        {
            DropEverythingLocked();
        }

        DropImage();
    }

    /// <summary>Takes the mapping lock; files whose last mapping went away are released after it is left.</summary>
    private MappingScope EnterMapping() => new(this);

    private void DropEverythingLocked()
    {
        using (_activeLock.Enter())
        {
            for (int pma = _pmas.First; pma != 0; pma = _pmas.Next(pma))
            {
                ref Pma value = ref _pmas.Value(pma);
                value.Backing.DropReference(value.Offset, _pmas.Range(pma).Length);
            }

            _pmas.Clear();
        }

        for (int vma = _vmas.First; vma != 0; vma = _vmas.Next(vma))
        {
            ForgetVmaLocked(_vmas.Range(vma), in _vmas.Value(vma));
        }

        _vmas.Clear();
    }

    /// <summary>Ends what a VMA that is about to be removed holds: its registration, its file, its part of the
    /// totals.</summary>
    private void ForgetVmaLocked(GuestRange range, in Vma vma)
    {
        _totals.Add(in vma, -(long)range.Length);
        vma.Mappable?.RemoveMapping(this, range, vma.Offset, vma.Kind);
        if (vma.File is not null)
        {
            _released.Add(vma.File);
        }
    }

    /// <summary>How much more the ranges take on the heap than when last asked. The PMAs' part may lag
    /// behind.</summary>
    private long TakeHeapGrowthLocked()
    {
        long now = _vmas.HeapBytes + _pmas.HeapBytes;
        long grown = now - _heapBytes;
        _heapBytes = now;
        return grown;
    }

    /// <summary>The time the mapping lock is held.</summary>
    private readonly ref struct MappingScope
    {
        private readonly MemoryManager _mm;
        private readonly OrderedLock<MappingLevel>.Scope _scope;

        internal MappingScope(MemoryManager mm)
        {
            _mm = mm;
            _scope = mm._mappingLock.Enter();
        }

        /// <summary>Leaves the lock and drops the files that lost their last mapping.</summary>
        public void Dispose()
        {
            long grown = _mm.TakeHeapGrowthLocked();
            List<FileDescription>? files = null;
            if (_mm._released.Count > 0)
            {
                files = _mm._released;
                _mm._released = new List<FileDescription>();
            }

            _scope.Dispose();
            KernelHeap.Adjust(grown);
            if (files is null)
            {
                return;
            }

            foreach (FileDescription file in files)
            {
                file.DropReference(null);
            }
        }
    }
}

/// <summary>Who waits on the word of a futex.</summary>
public enum FutexScope
{
    /// <summary>Only tasks of this address space meet on the word.</summary>
    Private,

    /// <summary>Tasks that map the same memory meet.</summary>
    Shared,
}

/// <summary>Identity of a futex word. <see cref="Owner"/> is the memory manager or the mappable.</summary>
public readonly record struct FutexKey(object Owner, ulong Offset);

/// <summary>What becomes of private copies when a mappable invalidates a range.</summary>
public enum InvalidateKind
{
    /// <summary>Private copies stay (the file's cached pages moved).</summary>
    KeepPrivateCopies,

    /// <summary>Private copies go too (truncate, as unmap_mapping_range with even_cows).</summary>
    DropPrivateCopies,
}
