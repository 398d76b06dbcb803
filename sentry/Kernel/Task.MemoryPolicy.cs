namespace Sentry.Kernel;

/// <summary>A NUMA memory policy (set_mempolicy(2)): kept and shown, without effect on one node.</summary>
public readonly record struct MemoryPolicy(int Mode, ulong Nodes);

public sealed partial class Task
{
    /// <summary>Policy of set_mempolicy(2); children inherit it.</summary>
    public MemoryPolicy MemoryPolicy { get; set; }
}
