using System.Runtime.InteropServices;
using System.Threading;
using Abi.Linux;
using HostOs;

namespace Platform.Ptrace;

/// <summary>The queue of operations and how it is worked off.</summary>
internal sealed partial class PtraceAddressSpace
{
    /// <summary>
    /// From now on contexts that want to run take the slow path. The exchange is the fence: either they see this, or
    /// we see them running.
    /// </summary>
    private void Announce() => Interlocked.Exchange(ref _pending, 1);

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
                Announce();
                return;
            }
        }
        _queue.Add(new SpaceOperation { Kind = kind, Access = access, Fd = -1, Start = start, End = end });
        Announce();
    }

    /// <summary>
    /// Forgets recent operations that lie wholly in a range about to be replaced or unmapped: a queue is worked off
    /// as a whole, so nobody sees
    /// the states between.
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

    private static void Release(in SpaceOperation operation)
    {
        if (operation.Fd >= 0)
        {
            HostUnistd.Close(operation.Fd);
        }
    }

    /// <summary>
    /// The context whose stub thread the calling host thread can use right now; null for the service thread's leader.
    /// </summary>
    private PtraceContext? Flusher()
    {
        PtraceContext? context = PtraceContext.OfThisThread;
        return context is not null && context.CanRunScriptsIn(this) ? context : null;
    }

    private Errno FlushIfVisibleLocked()
    {
        if (Volatile.Read(ref _running) > 0 || _queue.Count >= MaxQueued)
        {
            FlushLocked(Flusher(), FlushCause.Call);
        }
        return Errno.None;
    }

    /// <summary>
    /// Makes every queued operation. An operation that fails for good kills the process, except that a call gets the
    /// failure of its own map, the newest operation, as its result.
    /// </summary>
    private Errno FlushLocked(PtraceContext? context, FlushCause cause)
    {
        Errno result = Errno.None;
        bool mayDrop = true;
        int next = 0;
        while (next < _queue.Count && !_dead)
        {
            int count = int.Min(_queue.Count - next, CommandArea.MaxEntries);
            for (int i = 0; i < count; i++)
            {
                _platform.Area.Write(_slot, i, _queue[next + i].Encode());
            }
            ScriptOutcome outcome = RunScript(context, count);
            next += outcome.Done;
            if (outcome.Dead)
            {
                Die("its stub process is gone");
            }
            else if (outcome.Done < count && !TryRecover(context, next, outcome.Error, ref mayDrop))
            {
                bool own = cause == FlushCause.Call && next == _queue.Count - 1;
                result = outcome.Error;
                Abandon(next++, own, result);
            }
        }
        ReleaseQueue();
        Volatile.Write(ref _pending, _dead ? 1 : 0);
        return result;
    }

    /// <summary>
    /// Gives up an operation: the caller of a failed map is told, any other failure ends the process.
    /// </summary>
    private void Abandon(int index, bool own, Errno error)
    {
        SpaceOperation operation = _queue[index];
        if (!own || operation.Kind != SpaceOperationKind.Map)
        {
            Die($"{operation.Kind} of {operation.Start:x}-{operation.End:x}: {error}");
        }
    }

    /// <summary>Empties the queue.</summary>
    private void ReleaseQueue()
    {
        foreach (ref SpaceOperation operation in CollectionsMarshal.AsSpan(_queue))
        {
            Release(operation);
        }
        _queue.Clear();
    }

    private ScriptOutcome RunScript(PtraceContext? context, int count) =>
        context is null ? _platform.Service.RunScript(_pid, count) : context.RunScript(count);

    /// <summary>
    /// Deals with the failure of an operation so that it may be tried again. A protect becomes an unmap, since
    /// translations may always be dropped. A map that finds no memory (the host's limit of mappings per process, most
    /// likely) drops every translation, once.
    /// </summary>
    private bool TryRecover(PtraceContext? context, int index, Errno error, ref bool mayDrop)
    {
        ref SpaceOperation operation = ref CollectionsMarshal.AsSpan(_queue)[index];
        if (operation.Kind == SpaceOperationKind.Protect)
        {
            operation.Kind = SpaceOperationKind.Unmap;
            return true;
        }
        bool drop = mayDrop && operation.Kind == SpaceOperationKind.Map && error == Errno.ENOMEM;
        mayDrop = false;
        return drop && DropEverything(context, index);
    }

    /// <summary>
    /// Unmaps all guest memory, and makes <see cref="_mapped"/> what the operations from <paramref name="next"/> on
    /// will map.
    /// </summary>
    private bool DropEverything(PtraceContext? context, int next)
    {
        var everything = new SpaceOperation
        {
            Kind = SpaceOperationKind.Unmap, Fd = -1, Start = 0, End = _platform.MaxUserAddress,
        };
        _platform.Area.Write(_slot, 0, everything.Encode());
        ScriptOutcome outcome = RunScript(context, 1);
        if (outcome.Dead || outcome.Done != 1)
        {
            return false;
        }
        _mapped.Clear();
        foreach (SpaceOperation operation in CollectionsMarshal.AsSpan(_queue)[next..])
        {
            if (operation.Kind == SpaceOperationKind.Map)
            {
                _mapped.Add(operation.Start, operation.End);
            }
        }
        return true;
    }

    private void Die(string reason)
    {
        Kill();
        _platform.Log?.Invoke($"ptrace: address space {_pid} dies: {reason}");
    }

    private void Kill()
    {
        if (!_dead)
        {
            _dead = true;
            HostSignal.Kill(_pid, Signals.SIGKILL);
        }
        Announce();
    }
}

/// <summary>Why a queue is worked off.</summary>
internal enum FlushCause
{
    /// <summary>A caller's operation must be visible at once.</summary>
    Call,

    /// <summary>A context is about to run guest code.</summary>
    Switch,
}
