using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using Abi.Linux;
using HostOs;

namespace Platform.Stubs;

/// <summary>
/// Changes of one address space that a stub still has to make, and what is mapped once it has. Not thread-safe: the
/// address space's lock guards it.
/// </summary>
internal sealed class OperationQueue
{
    /// <summary>How far back a new operation looks for older ones that it makes pointless.</summary>
    private const int LookBack = 8;

    private readonly List<SpaceOperation> _queue = [];

    /// <summary>What is mapped once the queue has been worked off, possibly more, never less.</summary>
    private readonly RangeSet _mapped = new();

    /// <summary>
    /// Where the host would not map what it was told to (a file that cannot be mapped, or not for execution): the next
    /// try there shall be made at once, so that its caller hears of it.
    /// </summary>
    private readonly RangeSet _refused = new();

    /// <summary>Every translation has been dropped since this was last set to false.</summary>
    public bool HasDropped { get; set; }

    /// <summary>Operations still to be made.</summary>
    public int Count => _queue.Count;

    /// <summary>Whether any address of [start, end) may be mapped.</summary>
    public bool IsMapped(ulong start, ulong end) => _mapped.Intersects(start, end);

    /// <summary>Whether a map there has been refused, and nothing been unmapped there since.</summary>
    public bool WasRefused(ulong start, ulong end) => _refused.Intersects(start, end);

    /// <summary>Adds a map. The queue owns <paramref name="operation"/>'s descriptor from now on.</summary>
    public void Map(in SpaceOperation operation)
    {
        DropWithin(operation.Start, operation.End);
        _queue.Add(operation);
        _mapped.Add(operation.Start, operation.End);
    }

    /// <summary>Adds an unmap; false when nothing is mapped there.</summary>
    public bool Unmap(ulong start, ulong end)
    {
        _refused.Remove(start, end);
        if (!_mapped.Intersects(start, end))
        {
            return false;
        }
        DropWithin(start, end);
        Enqueue(SpaceOperationKind.Unmap, MemoryAccess.None, start, end);
        _mapped.Remove(start, end);
        return true;
    }

    /// <summary>
    /// Adds a protect of what is mapped in the range; false when nothing is. mprotect(2) stops at a hole, so each
    /// mapped run is an operation of its own.
    /// </summary>
    public bool Protect(ulong start, ulong end, MemoryAccess access)
    {
        bool any = false;
        for (int i = _mapped.FirstEndingAbove(start); i < _mapped.Count; i++)
        {
            (ulong first, ulong last) = _mapped[i];
            if (first >= end)
            {
                break;
            }
            Enqueue(SpaceOperationKind.Protect, access, Math.Max(first, start), Math.Min(last, end));
            any = true;
        }
        return any;
    }

    /// <summary>
    /// Makes every queued operation and leaves the queue empty. <paramref name="problem"/> is not null when the
    /// process can no longer be used: an operation failed for good. Only when <paramref name="lastIsCallers"/> is the
    /// newest operation, if it is a map, allowed to fail; its error is the result.
    /// </summary>
    public Errno Flush(IScriptRunner runner, ulong limit, bool lastIsCallers, out string? problem)
    {
        Errno result = Errno.None;
        problem = null;
        bool mayDrop = true;
        int next = 0;
        while (next < _queue.Count && problem is null)
        {
            int count = int.Min(_queue.Count - next, runner.MaxEntries);
            for (int i = 0; i < count; i++)
            {
                runner.Write(i, _queue[next + i].Encode());
            }
            ScriptOutcome outcome = runner.Run(count);
            next += outcome.Done;
            if (outcome.Dead)
            {
                problem = "its stub process is gone";
            }
            else if (outcome.Done < count && !TryRecover(runner, limit, next, outcome.Error, ref mayDrop))
            {
                SpaceOperation failed = _queue[next];
                bool own = lastIsCallers && next == _queue.Count - 1 && failed.Kind == SpaceOperationKind.Map;
                if (!own && TryRefuse(next, outcome.Error))
                {
                    continue;
                }
                result = outcome.Error;
                problem = own ? null : $"{failed.Kind} of {failed.Start:x}-{failed.End:x}: {result}";
                next++;
            }
        }
        Release();
        return result;
    }

    /// <summary>
    /// Unmaps all guest memory, so that the host's limit of mappings has room for something else. Nothing is queued.
    /// </summary>
    public bool TryMakeRoom(IScriptRunner runner, ulong limit) => DropEverything(runner, limit, _queue.Count);

    /// <summary>Forgets all queued operations.</summary>
    public void Release()
    {
        foreach (ref SpaceOperation operation in CollectionsMarshal.AsSpan(_queue))
        {
            Release(operation);
        }
        _queue.Clear();
    }

    private static void Release(in SpaceOperation operation)
    {
        if (operation.Fd >= 0 && !operation.IsFdLent)
        {
            HostUnistd.Close(operation.Fd);
        }
    }

    /// <summary>Adds an unmap or protect, joined to the one before where they touch.</summary>
    private void Enqueue(SpaceOperationKind kind, MemoryAccess access, ulong start, ulong end)
    {
        if (_queue.Count > 0)
        {
            ref SpaceOperation last = ref CollectionsMarshal.AsSpan(_queue)[^1];
            if (last.Kind == kind && last.Access == access && last.Start <= end && start <= last.End)
            {
                last.Start = ulong.Min(last.Start, start);
                last.End = ulong.Max(last.End, end);
                return;
            }
        }
        _queue.Add(new SpaceOperation { Kind = kind, Access = access, Fd = -1, Start = start, End = end });
    }

    /// <summary>
    /// Forgets recent operations that lie wholly in a range about to be replaced or unmapped: a queue is worked off
    /// as a whole, so nobody sees the states between.
    /// </summary>
    private void DropWithin(ulong start, ulong end)
    {
        int lowest = int.Max(_queue.Count - LookBack, 0);
        for (int i = _queue.Count - 1; i >= lowest && _queue[i].IsWithin(start, end); i--)
        {
            Release(_queue[i]);
            _queue.RemoveAt(i);
        }
    }

    /// <summary>
    /// Deals with the failure of an operation so that it may be tried again. A protect becomes an unmap, since
    /// translations may always be dropped. What finds no memory (the host's limit of mappings per process, most
    /// likely, which a hole in the midst of one can meet too) drops every translation, once.
    /// </summary>
    private bool TryRecover(IScriptRunner runner, ulong limit, int index, Errno error, ref bool mayDrop)
    {
        ref SpaceOperation operation = ref CollectionsMarshal.AsSpan(_queue)[index];
        if (operation.Kind == SpaceOperationKind.Protect)
        {
            operation.Kind = SpaceOperationKind.Unmap;
            return true;
        }
        bool drop = mayDrop && error == Errno.ENOMEM;
        mayDrop = false;
        return drop && DropEverything(runner, limit, index);
    }

    /// <summary>A map that the host refuses for good becomes an unmap: nothing is there, and nothing old.</summary>
    private bool TryRefuse(int index, Errno error)
    {
        ref SpaceOperation operation = ref CollectionsMarshal.AsSpan(_queue)[index];
        bool refused = operation.Kind == SpaceOperationKind.Map
            && error is Errno.EACCES or Errno.EPERM or Errno.ENODEV;
        if (refused)
        {
            _refused.Add(operation.Start, operation.End);
            operation.Kind = SpaceOperationKind.Unmap;
        }
        return refused;
    }

    /// <summary>
    /// Unmaps all guest memory, and makes <see cref="_mapped"/> what the operations from <paramref name="next"/> on
    /// will map.
    /// </summary>
    private bool DropEverything(IScriptRunner runner, ulong limit, int next)
    {
        var everything = new SpaceOperation { Kind = SpaceOperationKind.Unmap, Fd = -1, Start = 0, End = limit };
        runner.Write(0, everything.Encode());
        ScriptOutcome outcome = runner.Run(1);
        if (outcome.Dead || outcome.Done != 1)
        {
            return false;
        }
        _mapped.Clear();
        HasDropped = true;
        foreach (SpaceOperation operation in CollectionsMarshal.AsSpan(_queue)[next..])
        {
            if (operation.Kind == SpaceOperationKind.Map)
            {
                _mapped.Add(operation.Start, operation.End);
            }
        }
        return true;
    }
}
