using System;
using Abi.Linux;

namespace Sentry.Kernel;

/// <summary>One filter of a task and the older ones below it; shared by all tasks that inherited it.</summary>
public sealed class SeccompFilter
{
    /// <summary>Each filter weighs that many instructions beyond its own against <see cref="MaxPathLength"/>.</summary>
    private const int OverheadInstructions = 4;

    /// <summary>Most instructions of all filters of a task (kernel/seccomp.c, MAX_INSNS_PER_PATH).</summary>
    private const int MaxPathLength = (1 << 18) / 8;

    private readonly BpfProgram _program;
    private readonly int _pathLength;

    private SeccompFilter(BpfProgram program, SeccompFilter? older, SeccompListener? listener)
    {
        _program = program;
        Listener = listener;
        HasListener = listener is not null || older is { HasListener: true };
        Older = older;
        Count = (older?.Count ?? 0) + 1;
        _pathLength = program.Length + (older is null ? 0 : older._pathLength + OverheadInstructions);
    }

    /// <summary>The filter installed before this one; null for the first.</summary>
    public SeccompFilter? Older { get; }

    /// <summary>Who is asked about SECCOMP_RET_USER_NOTIF of this filter; null for nobody.</summary>
    internal SeccompListener? Listener { get; }

    /// <summary>True when this filter or one below it has a listener: there is at most one.</summary>
    internal bool HasListener { get; }

    /// <summary>Number of filters from here down.</summary>
    public int Count { get; }

    /// <summary>Puts a program on top; ENOMEM when the path grows too long.</summary>
    public static Errno Stack(
        BpfProgram program, SeccompFilter? older, out SeccompFilter? filter, SeccompListener? listener = null)
    {
        SeccompFilter made = new(program, older, listener);
        filter = made._pathLength <= MaxPathLength ? made : null;
        return filter is null ? Errno.ENOMEM : Errno.None;
    }

    /// <summary>True when <paramref name="other"/> is this filter, one below it, or none at all.</summary>
    public bool Extends(SeccompFilter? other)
    {
        SeccompFilter? at = this;
        while (at is not null && at != other)
        {
            at = at.Older;
        }

        return at == other;
    }

    /// <summary>A task is held to these filters from now on, and was to those from <paramref name="below"/>
    /// down.</summary>
    internal void AddUser(SeccompFilter? below)
    {
        for (SeccompFilter? at = this; at is { HasListener: true } && at != below; at = at.Older)
        {
            at.Listener?.AddUser();
        }
    }

    /// <summary>A task that was held to these filters ends.</summary>
    internal void DropUser()
    {
        for (SeccompFilter? at = this; at is { HasListener: true }; at = at.Older)
        {
            at.Listener?.DropUser();
        }
    }

    /// <summary>Runs all filters; the action of the highest precedence wins, of equals the newest
    /// (seccomp(2)). <paramref name="decider"/>: the filter that said it, null when all allow.</summary>
    public uint Decide(ReadOnlySpan<uint> data, out SeccompFilter? decider)
    {
        decider = null;
        uint result = Seccomp.SECCOMP_RET_ALLOW;
        for (SeccompFilter? at = this; at is not null; at = at.Older)
        {
            uint said = at._program.Run(data);
            if ((int)(said & Seccomp.SECCOMP_RET_ACTION_FULL) < (int)(result & Seccomp.SECCOMP_RET_ACTION_FULL))
            {
                result = said;
                decider = at;
            }
        }

        return result;
    }
}

/// <summary>What seccomp(2) holds a task to; immutable, replaced as a whole.</summary>
public sealed class SeccompState
{
    /// <summary>Only read, write, exit and rt_sigreturn.</summary>
    public static readonly SeccompState Strict = new(Seccomp.SECCOMP_MODE_STRICT, null);

    private SeccompState(int mode, SeccompFilter? filter)
    {
        Mode = mode;
        Filter = filter;
    }

    /// <summary>SECCOMP_MODE_STRICT or SECCOMP_MODE_FILTER.</summary>
    public int Mode { get; }

    /// <summary>Newest filter; null in strict mode.</summary>
    public SeccompFilter? Filter { get; }

    /// <summary>Filter mode with this filter on top.</summary>
    public static SeccompState Filtered(SeccompFilter filter) => new(Seccomp.SECCOMP_MODE_FILTER, filter);
}
