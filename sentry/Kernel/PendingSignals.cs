using Abi.Linux;

namespace Sentry.Kernel;

/// <summary>
/// A queue of pending signals, of one task or shared by a thread group (Linux's struct sigpending). Guarded by the signal lock of the thread group.
/// </summary>
internal sealed class PendingSignals
{
    private Entry? _head;
    private Entry? _tail;

    /// <summary>Signals that are pending, queued with information or not.</summary>
    internal ulong Set { get; private set; }

    /// <summary>Marks a signal pending without information: the queue was at its limit.</summary>
    internal void AddBare(int signal) => Set |= SignalSets.Of(signal);

    /// <summary>Queues a signal; <paramref name="account"/> is charged until it is taken.</summary>
    internal void Add(in SigInfo info, UserAccount? account)
    {
        Entry entry = new() { Info = info, Account = account };
        if (_tail is null)
        {
            _head = entry;
        }
        else
        {
            _tail.Next = entry;
        }

        _tail = entry;
        Set |= SignalSets.Of(info.si_signo);
    }

    /// <summary>Takes the first instance of a pending signal; without information it looks like kill(2) by nobody (SI_USER).</summary>
    internal void Take(int signal, out SigInfo info)
    {
        Entry? previous = null;
        Entry? found = _head;
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
        Unlink(previous, found);
        if (!IsQueued(signal, found.Next))
        {
            Set &= ~SignalSets.Of(signal);
        }
    }

    /// <summary>Drops all instances of the signals in the set.</summary>
    internal void Discard(ulong set)
    {
        Set &= ~set;
        Entry? previous = null;
        for (Entry? entry = _head; entry is not null; entry = entry.Next)
        {
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

    private static bool IsQueued(int signal, Entry? from)
    {
        for (Entry? entry = from; entry is not null; entry = entry.Next)
        {
            if (entry.Info.si_signo == signal)
            {
                return true;
            }
        }

        return false;
    }

    private void Unlink(Entry? previous, Entry entry)
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
    }

    private sealed class Entry
    {
        internal SigInfo Info;
        internal UserAccount? Account;
        internal Entry? Next;
    }
}
