namespace Sentry.Kernel;

/// <summary>CPU time of a task or of a finished child, in ns.</summary>
public struct CpuTimes
{
    /// <summary>Spent in guest code.</summary>
    public long UserNs;

    /// <summary>Spent in the Sentry for it, sleeps excluded.</summary>
    public long SystemNs;

    /// <summary>Sum.</summary>
    public readonly long TotalNs => UserNs + SystemNs;

    /// <summary>Adds another account.</summary>
    public void Add(in CpuTimes other)
    {
        UserNs += other.UserNs;
        SystemNs += other.SystemNs;
    }
}

/// <summary>Counters of getrusage(2) besides times.</summary>
public struct ResourceCounters
{
    public long MinorFaults;
    public long MajorFaults;
    public long VoluntarySwitches;
    public long InvoluntarySwitches;
    public long InputBlocks;
    public long OutputBlocks;
    public long MaxResidentKiB;

    /// <summary>Adds another account; the resident peak is a maximum.</summary>
    public void Add(in ResourceCounters other)
    {
        MinorFaults += other.MinorFaults;
        MajorFaults += other.MajorFaults;
        VoluntarySwitches += other.VoluntarySwitches;
        InvoluntarySwitches += other.InvoluntarySwitches;
        InputBlocks += other.InputBlocks;
        OutputBlocks += other.OutputBlocks;
        MaxResidentKiB = System.Math.Max(MaxResidentKiB, other.MaxResidentKiB);
    }
}
