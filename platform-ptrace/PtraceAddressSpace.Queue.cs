using System.Threading;
using Abi.Linux;
using HostOs;
using Platform.Stubs;
using Stub;

namespace Platform.Ptrace;

/// <summary>How the queue of operations is worked off.</summary>
internal sealed partial class PtraceAddressSpace
{
    int IScriptRunner.MaxEntries => CommandArea.MaxEntries;

    void IScriptRunner.Write(int index, in ScriptEntry entry) => _platform.Area.Write(_slot, index, entry);

    ScriptOutcome IScriptRunner.Run(int count) =>
        _flusher is null ? _platform.Service.RunScript(_pid, count) : _flusher.RunScript(count);

    /// <summary>
    /// From now on contexts that want to run take the slow path. The exchange is the fence: either they see this, or
    /// we see them running.
    /// </summary>
    private void Announce() => Interlocked.Exchange(ref _pending, 1);

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
        Announce();
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
        _flusher = context;
        Errno result = _queue.Flush(this, _platform.MaxUserAddress, cause == FlushCause.Call, out string? problem);
        if (problem is not null)
        {
            Kill();
            _platform.Log?.Invoke($"ptrace: address space {_pid} dies: {problem}");
        }
        Volatile.Write(ref _pending, _dead ? 1 : 0);
        return result;
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
