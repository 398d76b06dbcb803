using System.Collections.Generic;
using System.Threading;
using Sentry.Sync;

namespace Sentry.Kernel;

/// <summary>What one user (real kuid) consumes, for RLIMIT_NPROC and RLIMIT_SIGPENDING (getrlimit(2)).</summary>
public sealed class UserAccount(uint uid)
{
    private int _tasks;
    private int _signals;

    /// <summary>The user.</summary>
    public uint Uid { get; } = uid;

    /// <summary>Tasks that exist.</summary>
    public int Tasks => Volatile.Read(ref _tasks);

    /// <summary>Queued signals.</summary>
    public int PendingSignals => Volatile.Read(ref _signals);

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
