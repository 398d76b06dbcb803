using System;
using Abi.Linux;
using Sentry.Sync;

namespace Sentry.Kernel;

/// <summary>Limits of one thread group, getrlimit(2). Reading one is lock-free per half; a pair is read under the
/// lock.</summary>
public sealed class ResourceLimits
{
    private readonly OrderedLock<LeafLevel> _lock = new();

    // Guarded by _lock.
    private readonly Rlimit[] _limits = new Rlimit[Resource.RLIM_NLIMITS];

    private ResourceLimits()
    {
    }

    /// <summary>Linux's limits of the first process (include/asm-generic/resource.h), with room for <paramref
    /// name="processes"/> processes per user.</summary>
    public static ResourceLimits ForInit(ulong processes = 65536)
    {
        ResourceLimits result = new();
        result._limits.AsSpan().Fill(Pair(Resource.RLIM_INFINITY, Resource.RLIM_INFINITY));
        result._limits[Resource.RLIMIT_STACK] = Pair(Resource._STK_LIM, Resource.RLIM_INFINITY);
        result._limits[Resource.RLIMIT_CORE] = Pair(0, Resource.RLIM_INFINITY);
        result._limits[Resource.RLIMIT_NPROC] = Pair(processes, processes);
        result._limits[Resource.RLIMIT_NOFILE] = Pair(1024, 1048576);
        result._limits[Resource.RLIMIT_MEMLOCK] = Pair(Resource.MLOCK_LIMIT, Resource.MLOCK_LIMIT);
        result._limits[Resource.RLIMIT_SIGPENDING] = Pair(processes, processes);
        result._limits[Resource.RLIMIT_MSGQUEUE] = Pair(819200, 819200);
        result._limits[Resource.RLIMIT_NICE] = Pair(0, 0);
        result._limits[Resource.RLIMIT_RTPRIO] = Pair(0, 0);
        return result;
    }

    /// <summary>Soft limit of a RLIMIT_* number.</summary>
    public ulong Soft(int resource) => Get(resource).rlim_cur;

    /// <summary>Both limits.</summary>
    public Rlimit Get(int resource)
    {
        using (_lock.Enter())
        {
            return _limits[resource];
        }
    }

    /// <summary>Replaces both limits; the rules of setrlimit(2) are the caller's.</summary>
    public void Set(int resource, in Rlimit limit)
    {
        using (_lock.Enter())
        {
            _limits[resource] = limit;
        }
    }

    /// <summary>A copy for a new process.</summary>
    public ResourceLimits Copy()
    {
        ResourceLimits result = new();
        using (_lock.Enter())
        {
            _limits.AsSpan().CopyTo(result._limits);
        }

        return result;
    }

    private static Rlimit Pair(ulong soft, ulong hard) => new() { rlim_cur = soft, rlim_max = hard };
}
