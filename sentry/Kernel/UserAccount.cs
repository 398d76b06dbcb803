using System.Collections.Generic;
using System.Threading;
using Sentry.Sync;

namespace Sentry.Kernel;

/// <summary>What one user (real kuid) consumes, for RLIMIT_NPROC, RLIMIT_SIGPENDING (getrlimit(2)),
/// descriptors in flight (unix(7)) and inotify instances (inotify(7)).</summary>
public sealed class UserAccount(uint uid)
{
    private int _tasks;
    private int _signals;
    private int _filesInFlight;
    private int _inotifyInstances;

    /// <summary>The user.</summary>
    public uint Uid { get; } = uid;

    /// <summary>Tasks that exist.</summary>
    public int Tasks => Volatile.Read(ref _tasks);

    /// <summary>Queued signals.</summary>
    public int PendingSignals => Volatile.Read(ref _signals);

    /// <summary>Descriptors that the user has sent over Unix sockets and nobody has received yet.</summary>
    public int FilesInFlight => Volatile.Read(ref _filesInFlight);

    /// <summary>Counts files that begin (positive) or end (negative) to travel.</summary>
    public void ChangeFilesInFlight(int change) => Interlocked.Add(ref _filesInFlight, change);

    /// <summary>Counts an inotify instance; false above the limit.</summary>
    public bool TryAddInotifyInstance(int limit)
    {
        if (Interlocked.Increment(ref _inotifyInstances) <= limit)
        {
            return true;
        }

        DropInotifyInstance();
        return false;
    }

    /// <summary>An instance is gone.</summary>
    public void DropInotifyInstance() => Interlocked.Decrement(ref _inotifyInstances);

    internal void AddTask() => Interlocked.Increment(ref _tasks);

    internal void DropTask() => Interlocked.Decrement(ref _tasks);

    internal bool TryAddSignal(ulong limit)
    {
        if ((ulong)Interlocked.Increment(ref _signals) <= limit)
        {
            return true;
        }

        Interlocked.Decrement(ref _signals);
        return false;
    }

    internal void AddSignal() => Interlocked.Increment(ref _signals);

    internal void DropSignal() => Interlocked.Decrement(ref _signals);
}

/// <summary>All accounts, by kuid; an account once made stays (there are few users).</summary>
public sealed class UserAccounts
{
    private readonly OrderedLock<LeafLevel> _lock = new();

    // Guarded by _lock.
    private readonly Dictionary<uint, UserAccount> _accounts = new();

    /// <summary>The account of a user.</summary>
    public UserAccount Get(uint uid)
    {
        using (_lock.Enter())
        {
            if (!_accounts.TryGetValue(uid, out UserAccount? account))
            {
                account = new UserAccount(uid);
                _accounts.Add(uid, account);
            }

            return account;
        }
    }
}
