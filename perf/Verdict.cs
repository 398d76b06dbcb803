using System;

namespace Perf;

/// <summary>Counts limits that held and limits that did not.</summary>
internal sealed class Verdict
{
    internal int Passed { get; private set; }

    internal int Failed { get; private set; }

    /// <summary>Takes one limit; a broken one is printed.</summary>
    internal void Check(string what, double value, double limit)
    {
        if (value <= limit)
        {
            Passed++;
            return;
        }

        Failed++;
        Console.WriteLine($"FAIL {what}: {value:0.##} is above the limit of {limit:0.##}");
    }
}
