using System.Collections.Generic;
using System.Threading;
using Abi.Linux;
using HostOs;
using Platform.Stubs;
using Stub;

namespace Platform.Systrap;

/// <summary>
/// One stub process. Maps of what was not mapped queue up until a context runs here; every other change is made before
/// the call returns as soon as any context has run, whether one seems to run now or not: only the guest's word could
/// tell.
/// </summary>
internal sealed class SystrapAddressSpace : IAddressSpace
{
    private const ulong PageMask = 4095;

    /// <summary>Most queued operations before they are made at once: each queued map holds a descriptor.</summary>
    private const int MaxQueued = 192;

    private readonly SystrapPlatform _platform;
    private readonly StubProcess _process;
    private readonly Lock _gate = new();

    /// <summary>Changes to be made; guarded by <see cref="_gate"/>.</summary>
    private readonly OperationQueue _queue = new();

    /// <summary>Patched call sites; changes are guarded by <see cref="_gate"/>.</summary>
    private readonly PatchTable _patches;

    /// <summary>Threads without a context; guarded by <see cref="_gate"/>.</summary>
    private readonly Stack<StubThread> _idle = new();

    /// <summary>Context slots taken for threads of this process; guarded by <see cref="_gate"/>.</summary>
    private readonly List<int> _slots = [];

    /// <summary>The last of them has no thread; guarded by <see cref="_gate"/>.</summary>
    private bool _hasSpareSlot;

    /// <summary>Threads that contexts have; guarded by <see cref="_gate"/>.</summary>
    private int _bound;

    /// <summary>A context has run here: there may be running guest code; guarded by <see cref="_gate"/>.</summary>
    private bool _hasRun;

    /// <summary>The process has been killed; guarded by <see cref="_gate"/>.</summary>
    private bool _dead;

    /// <summary>Disposed; guarded by <see cref="_gate"/>.</summary>
    private bool _disposed;

    /// <summary>1 while a context that wants to run has something to do first; written under the lock.</summary>
    private int _pending = 1;

    public SystrapAddressSpace(SystrapPlatform platform, StubProcess process)
    {
        _platform = platform;
        _process = process;
        _patches = new PatchTable(platform);
        if (process.TakeFirstThread() is { } thread)
        {
            _slots.Add(thread.Slot);
            _idle.Push(thread);
        }
    }

    /// <summary>Call sites, for lookups.</summary>
    public PatchTable Patches => _patches;

    /// <summary>Process id of the stub process.</summary>
    public int Pid => _process.Pid;

    public Errno Map(
        ulong address, ulong lengthBytes, int hostFd, ulong fileOffset, MemoryAccess access, MapHint hint)
    {
        bool valid = TryGetEnd(address, lengthBytes, out ulong end) && (fileOffset & PageMask) == 0;
        if (!valid || (_platform.Patching != Patching.Off && PatchTable.IsTable(address, end)))
        {
            return Errno.EINVAL;
        }
        Errno error = HostFcntl.Duplicate(hostFd, out int fd);
        if (error != Errno.None)
        {
            return error;
        }
        lock (_gate)
        {
            if (_dead)
            {
                HostUnistd.Close(fd);
                return Errno.ENOMEM;
            }
            bool replaces = (_hasRun && _queue.IsMapped(address, end)) || _queue.WasRefused(address, end);
            _patches.NoteMap(address, end, access, hint, _queue);
            _queue.Map(new SpaceOperation
            {
                Kind = SpaceOperationKind.Map, Access = access, Hint = hint, Fd = fd,
                Start = address, End = end, FileOffset = fileOffset,
            });
            Volatile.Write(ref _pending, 1);
            error = replaces || _queue.Count >= MaxQueued ? FlushLocked(lastIsCallers: true) : Errno.None;
            if (error == Errno.None && !_dead)
            {
                _patches.NoteFile(address, end, fileOffset, hostFd, _queue);
                Volatile.Write(ref _pending, _queue.Count > 0 || !_hasRun ? 1 : 0);
            }
            return error;
        }
    }

    public Errno Unmap(ulong address, ulong lengthBytes)
    {
        if (!TryGetEnd(address, lengthBytes, out ulong end))
        {
            return Errno.EINVAL;
        }
        lock (_gate)
        {
            bool isQueued = _patches.NoteUnmap(address, end, _queue);
            if (!_dead && (_queue.Unmap(address, end) || isQueued))
            {
                FlushIfVisibleLocked();
            }
            return Errno.None;
        }
    }

    public Errno Protect(ulong address, ulong lengthBytes, MemoryAccess access)
    {
        if (!TryGetEnd(address, lengthBytes, out ulong end))
        {
            return Errno.EINVAL;
        }
        lock (_gate)
        {
            _patches.NoteProtect(address, end, access, _queue);
            if (!_dead && (_queue.Protect(address, end, access) || _queue.Count > 0))
            {
                FlushIfVisibleLocked();
            }
            return Errno.None;
        }
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
            KillLocked();
            _queue.Release();
            GiveBackIfUnusedLocked();
        }
        _platform.Forget(this);
    }

    public Errno Reserve()
    {
        lock (_gate)
        {
            if (_dead || _idle.Count > 0)
            {
                return Errno.None;
            }
            Errno error = MakeThreadLocked(out StubThread? thread);
            if (thread is not null)
            {
                _idle.Push(thread);
            }

            // Nothing runs in a dead one: that is for whoever tries to say.
            return error == Errno.ESRCH ? Errno.None : error;
        }
    }

    /// <summary>
    /// Gives a context a thread of its own; ESRCH when the process is gone. Every success is paired with one <see
    /// cref="ReturnThread"/>.
    /// </summary>
    public Errno TakeThread(out StubThread? thread)
    {
        lock (_gate)
        {
            Errno error = Errno.None;
            thread = null;
            if (_dead)
            {
                return Errno.ESRCH;
            }
            if (!_idle.TryPop(out thread))
            {
                error = MakeThreadLocked(out thread);
            }
            _bound += error == Errno.None ? 1 : 0;
            return error;
        }
    }

    /// <summary>The context does without the thread from now on. It has its turn, so it is not in guest code.</summary>
    public void ReturnThread(StubThread thread)
    {
        thread.Rest();
        lock (_gate)
        {
            _bound--;
            _idle.Push(thread);
            GiveBackIfUnusedLocked();
        }
    }

    /// <summary>
    /// A context is about to run guest code: all queued operations are made before this returns. False when the
    /// process is gone.
    /// </summary>
    public bool Enter()
    {
        if (Volatile.Read(ref _pending) == 0)
        {
            return true;
        }
        lock (_gate)
        {
            _hasRun = true;
            if (!_dead)
            {
                FlushLocked(lastIsCallers: false);
            }
            return !_dead;
        }
    }

    /// <summary>
    /// Patches the call site behind which a system call has trapped; false if it cannot be. The caller's context is not
    /// in guest code.
    /// </summary>
    public bool TryPatch(ulong after, uint number)
    {
        lock (_gate)
        {
            return MapTrampolinesLocked() && _patches.TryPatch(_process, after, number, _bound == 1);
        }
    }

    /// <summary>
    /// Takes note of a trap, for this process and those that map the file later. The caller's context is not in guest
    /// code.
    /// </summary>
    public void Learn(ulong after, uint number)
    {
        // Not worth waiting for: another thread's change of the address space may be under way.
        if (!_gate.TryEnter())
        {
            return;
        }
        try
        {
            Lesson lesson = _patches.Learn(after, number);
            if (lesson == Lesson.None || !MapTrampolinesLocked())
            {
                return;
            }
            if (lesson == Lesson.PagesKnown)
            {
                _patches.PlaceKnown(after - 1, _queue);
                FlushLocked(lastIsCallers: false);
            }
            else
            {
                _patches.TryPatch(_process, after, number, _bound == 1);
            }
        }
        finally
        {
            _gate.Exit();
        }
    }

    /// <summary>Undoes the patch that hides an address where no instruction of the site begins.</summary>
    public void Unpatch(ulong address)
    {
        lock (_gate)
        {
            FlushLocked(lastIsCallers: false);
            if (!_dead)
            {
                _patches.Unpatch(_process, address, _queue);
                FlushLocked(lastIsCallers: false);
            }
        }
    }

    /// <summary>The process has ended or does not answer: nothing runs here any more.</summary>
    public void Bury()
    {
        lock (_gate)
        {
            KillLocked();
        }
    }

    private Errno MakeThreadLocked(out StubThread? thread)
    {
        thread = null;
        Errno error = TakeSlotLocked();
        if (error != Errno.None)
        {
            return error;
        }
        FlushLocked(lastIsCallers: false);
        if (_dead)
        {
            return Errno.ESRCH;
        }
        error = TryMakeThread(out thread);
        if (error == Errno.ENOMEM && _queue.TryMakeRoom(_process, _platform.MaxUserAddress))
        {
            // Most likely the slot was a mapping too many.
            FlushLocked(lastIsCallers: false);
            error = TryMakeThread(out thread);
        }
        if (error == Errno.ESRCH)
        {
            KillLocked();
        }
        _hasSpareSlot = error != Errno.None;
        return error;
    }

    /// <summary>
    /// Makes the last slot one for a new thread. A slot whose thread could not be made may be mapped: the process keeps
    /// it for its next thread.
    /// </summary>
    private Errno TakeSlotLocked()
    {
        if (_hasSpareSlot)
        {
            return Errno.None;
        }
        if (_slots.Count == SystrapLayout.MaxContexts)
        {
            return Errno.EAGAIN;
        }
        Errno error = _platform.Contexts.Take(out int slot);
        if (error == Errno.None)
        {
            _slots.Add(slot);
            _hasSpareSlot = true;
        }
        return error;
    }

    private Errno TryMakeThread(out StubThread? thread) => _process.MakeThread(
        _platform.Contexts, _platform.Region, _platform.Patching, _slots.Count - 1, _slots[^1], out thread);

    /// <summary>Makes all queued operations, and has the trampolines mapped; false if that cannot be.</summary>
    private bool MapTrampolinesLocked()
    {
        FlushLocked(lastIsCallers: false);
        if (_dead || !_patches.TryQueueTrampolines(_queue))
        {
            return false;
        }
        FlushLocked(lastIsCallers: false);
        return !_dead;
    }

    private void FlushIfVisibleLocked()
    {
        Volatile.Write(ref _pending, 1);
        if (_hasRun || _queue.Count >= MaxQueued)
        {
            FlushLocked(lastIsCallers: true);
        }
    }

    private Errno FlushLocked(bool lastIsCallers)
    {
        Errno result = _queue.Flush(_process, _platform.MaxUserAddress, lastIsCallers, out string? problem);
        if (problem is not null)
        {
            KillLocked();
            _platform.Log?.Invoke($"systrap: address space {Pid} dies: {problem}");
        }
        if (_queue.HasDropped)
        {
            // Patched pages that were mapped after that stand for sites nobody knows any more.
            _queue.HasDropped = false;
            _patches.NoteDrop(_queue);
            if (!_dead && _queue.Count > 0)
            {
                FlushLocked(lastIsCallers: false);
            }
        }
        Volatile.Write(ref _pending, _dead || !_hasRun ? 1 : 0);
        return result;
    }

    private void KillLocked()
    {
        if (!_dead)
        {
            _dead = true;
            HostSignal.Kill(Pid, Signals.SIGKILL);
        }
        Volatile.Write(ref _pending, 1);
    }

    private void GiveBackIfUnusedLocked()
    {
        if (_disposed && _bound == 0)
        {
            _platform.Workshop.ReapLater(new DyingProcess(_process, _slots, _patches.Slots));
        }
    }

    /// <summary>The end of a page-aligned range below the limit.</summary>
    private bool TryGetEnd(ulong address, ulong lengthBytes, out ulong end)
    {
        end = unchecked(address + lengthBytes);
        bool aligned = ((address | lengthBytes) & PageMask) == 0;
        return aligned && lengthBytes != 0 && end > address && end <= _platform.MaxUserAddress;
    }
}
