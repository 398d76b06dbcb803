using System.Collections.Generic;

namespace Perf.Profile;

/// <summary>One frame of a stack: a function, or an address where there is no name, and the file it is in.</summary>
internal readonly record struct Frame(string Symbol, string File)
{
    internal bool IsKernel => File.StartsWith("[kernel", System.StringComparison.Ordinal);
}

/// <summary>Where a processor was at one tick: the thread, and its frames with the innermost first.</summary>
internal sealed record StackSample(string Command, int Pid, IReadOnlyList<Frame> Frames);
