using System;
using System.Collections.Generic;
using System.Linq;
using Perf.Results;
using Perf.Suites;

namespace Tests.Harness;

/// <summary>Results made up for tests.</summary>
internal static class Results
{
    /// <summary>One job, "job a", with these values in runc and in runsc-x, turn by turn.</summary>
    internal static ResultFile Make(IEnumerable<double> runc, IEnumerable<double> ours, Better better) => new()
    {
        Taken = DateTime.UnixEpoch,
        Commit = "0123456789ab",
        Machine = new()
        {
            Processor = "a processor",
            Processors = 2,
            MemoryMib = 1024,
            Kernel = "6",
            Distribution = "Debian",
            Governor = "none",
            Virtual = true,
            Kvm = "none",
            Load = 0.5,
        },
        Knobs = new() { ["runs"] = "3" },
        Runtimes = [new("runc", "1", []), new("runsc-x", "2", ["--platform=x"])],
        Jobs =
        [
            new()
            {
                Name = "job a",
                Suite = "s",
                Summary = "x",
                Unit = "n",
                Better = better,
                Series = [Of("runc", runc), Of("runsc-x", ours)],
            },
        ],
    };

    private static Series Of(string runtime, IEnumerable<double> values) => new()
    {
        Runtime = runtime,
        Samples = [.. values.Select((value, turn) => new Sample { Round = turn, Value = value, Seconds = 1, Steal =
            0 })],
    };
}
