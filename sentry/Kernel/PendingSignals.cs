using Abi.Linux;

namespace Sentry.Kernel;

/// <summary>
/// A queue of pending signals, of one task or shared by a thread group (Linux's struct sigpending). Guarded by the
/// signal lock of the thread group.
/// </summary>
internal sealed class PendingSignals
{
    private QueuedSignal? _head;
    private QueuedSignal? _tail;

    // The instance taken last, so that a signal at a time allocates nothing.
    private QueuedSignal? _spare;

    /// <summary>Signals that are pending, queued with information or not.</summary>
    internal ulong Set { get; private set; }

    /// <summary>Marks a signal pending without information: the queue was at its limit.</summary>
    internal void AddBare(int signal) => Set |= SignalSets.Of(signal);

    /// <summary>Queues a signal; <paramref name="account"/> is charged until it is taken.</summary>
    internal void Add(in SigInfo info, UserAccount? account)
    {
        QueuedSignal entry = _spare ?? new QueuedSignal(info, null);
        _spare = null;
        entry.Reuse(info, account);
        Add(entry);
    }

    /// <summary>Queues an instance that is in no queue.</summary>
    internal void Add(QueuedSignal entry)
    {
        entry.IsQueued = true;
        if (_tail is null)
        {
            _head = entry;
        }
        else
        {
            _tail.Next = entry;
        }

        _tail = entry;
        Set |= SignalSets.Of(entry.Info.si_signo);
    }

    /// <summary>Takes the first instance of a pending signal; without information it looks like kill(2) by nobody
    /// (SI_USER).</summary>
    internal void Take(int signal, out SigInfo info)
    {
        QueuedSignal? previous = null;
        QueuedSignal? found = _head;
        while (found is not null && found.Info.si_signo != signal)
        {
            previous = found;
            found = found.Next;
        }

        if (found is null)
        {
            info = new SigInfo { si_signo = signal, si_code = SigCode.SI_USER };
            Set &= ~SignalSets.Of(signal);
            return;
        }

        info = found.Info;
        QueuedSignal? next = found.Next;
        Unlink(previous, found);
        if (!IsQueuedFrom(signal, next))
        {
            Set &= ~SignalSets.Of(signal);
        }

        if (found.Timer is not null)
        {
            found.Timer.OnTakenLocked(ref info);
            return;
        }

        found.Reuse(default, null);
        _spare = found;
    }

    /// <summary>Takes one instance out if it is in this queue.</summary>
    internal void Remove(QueuedSignal entry)
    {
        QueuedSignal? previous = null;
        QueuedSignal? found = _head;
        while (found is not null && found != entry)
        {
            previous = found;
            found = found.Next;
        }

        if (found is null)
        {
            return;
        }

        Unlink(previous, entry);
        if (!IsQueuedFrom(entry.Info.si_signo, _head))
        {
            Set &= ~SignalSets.Of(entry.Info.si_signo);
        }
    }

    /// <summary>Drops all instances of the signals in the set.</summary>
    internal void Discard(ulong set)
    {
        Set &= ~set;
        QueuedSignal? previous = null;
        QueuedSignal? next;
        for (QueuedSignal? entry = _head; entry is not null; entry = next)
        {
            next = entry.Next;
            if (SignalSets.Contains(set, entry.Info.si_signo))
            {
                Unlink(previous, entry);
            }
            else
            {
                previous = entry;
            }
        }
    }

    private static bool IsQueuedFrom(int signal, QueuedSignal? from)
    {
        for (QueuedSignal? entry = from; entry is not null; entry = entry.Next)
        {
            if (entry.Info.si_signo == signal)
            {
                return true;
            }
        }

        return false;
    }

    private void Unlink(QueuedSignal? previous, QueuedSignal entry)
    {
        entry.Account?.DropSignal();
        if (previous is null)
        {
            _head = entry.Next;
        }
        else
        {
            previous.Next = entry.Next;
        }

        if (_tail == entry)
        {
            _tail = previous;
        }

        entry.Next = null;
        entry.IsQueued = false;
    }
}
