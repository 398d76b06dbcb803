using System.Collections.Generic;
using Ring0;

namespace Platform.Kvm;

/// <summary>How often threads in ring 0 had to leave for host mode, by system call and exception.</summary>
public sealed class LeaveCounts
{
    internal const int Kinds = VcpuBlock.SystemCallCounts + ResidentCode.Vectors;

    private readonly long[] _counts = new long[Kinds];

    /// <summary>Calls of KVM_RUN.</summary>
    public long Runs { get; internal set; }

    /// <summary>Runs ended by signals and kicks.</summary>
    public long Interrupted { get; internal set; }

    /// <summary>Times that guest code run from host mode left the virtual machine, kicks aside.</summary>
    public long Exits { get; internal set; }

    /// <summary>Times that ring 0 was left.</summary>
    public long Total { get; private set; }

    /// <summary>One line for each kind that happened: a system call by number, an exception as "trap n".</summary>
    public IEnumerable<string> Lines
    {
        get
        {
            for (int i = 0; i < Kinds; i++)
            {
                if (_counts[i] > 0)
                {
                    int vector = i - VcpuBlock.SystemCallCounts;
                    yield return (vector < 0 ? "call " + i : "trap " + vector) + ": " + _counts[i];
                }
            }
        }
    }

    internal void Add(int kind, long count)
    {
        _counts[kind] += count;
        Total += count;
    }
}
