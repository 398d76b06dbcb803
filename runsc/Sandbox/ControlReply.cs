using System.Collections.Generic;

namespace Runsc.Sandbox;

/// <summary>The Sentry's answer to a <see cref="ControlRequest"/>: one packet of JSON.</summary>
internal sealed partial class ControlReply
{
    public ReplyKind Kind { get; set; }

    /// <summary>Of Failed the errno (0 when the text alone counts), of Started the process id inside, of Ended the
    /// wait status.</summary>
    public int Number { get; set; }

    /// <summary>Error text; lines of Tasks and Calls.</summary>
    public string? Text { get; set; }

    /// <summary>Of Processes; an empty list ends the answer.</summary>
    public List<ProcessEntry>? Processes { get; set; }

    /// <summary>Of Statistics.</summary>
    public SandboxStatistics? Statistics { get; set; }
}

/// <summary>What a control reply says.</summary>
internal enum ReplyKind
{
    /// <summary>Done.</summary>
    Done,

    /// <summary>Not done; Text says why.</summary>
    Failed,

    /// <summary>The process of an Exec runs; Ended follows.</summary>
    Started,

    /// <summary>The process ended.</summary>
    Ended,

    /// <summary>Some of the processes; more packets follow until one is empty.</summary>
    Processes,

    /// <summary>What the sandbox uses.</summary>
    Statistics,

    /// <summary>In Text a line for each of some tasks; more packets follow until Done.</summary>
    Tasks,

    /// <summary>In Text the platform's line about what has been done so far.</summary>
    Calls,
}

/// <summary>One process of the sandbox, as ps(1) shows it.</summary>
internal sealed class ProcessEntry
{
    public int Pid { get; set; }

    public int ParentPid { get; set; }

    public uint Uid { get; set; }

    /// <summary>Threads.</summary>
    public int Tasks { get; set; }

    /// <summary>CPU time in ns.</summary>
    public long CpuNs { get; set; }

    /// <summary>Age in ns.</summary>
    public long AgeNs { get; set; }

    public long ResidentBytes { get; set; }

    /// <summary>State letter of /proc/pid/stat.</summary>
    public string State { get; set; } = "";

    /// <summary>Command line (byte string), cut.</summary>
    public string Command { get; set; } = "";
}

/// <summary>What a sandbox uses, by the Sentry's own account.</summary>
internal sealed class SandboxStatistics
{
    /// <summary>Guest memory in use.</summary>
    public long MemoryBytes { get; set; }

    public long MemoryLimitBytes { get; set; }

    /// <summary>Of the guest's memory what was handed out for what: each an upper bound of what is used.</summary>
    public long AnonymousBytes { get; set; }

    public long SharedBytes { get; set; }

    public long PageCacheBytes { get; set; }

    public long KernelBytes { get; set; }

    /// <summary>Tasks of the guest.</summary>
    public int Tasks { get; set; }

    public int TaskLimit { get; set; }

    /// <summary>CPU time of the guest's tasks in ns, those that ended and were reaped included.</summary>
    public long UserNs { get; set; }

    public long SystemNs { get; set; }

    /// <summary>Processes that were ended because memory was short.</summary>
    public long OomKills { get; set; }
}
