using System;
using System.Linq;

namespace Perf.Parsers;

/// <summary>
/// Lines <c>step-us STEP N</c>, which our own clock prints of each life of a container (<c>perf/guest/clock.c</c>). The
/// metric is a step; its value is the median in milliseconds over the lives, all of them are the latencies.
/// </summary>
internal static class LifeParser
{
    /// <summary>The commands create, start and delete; from the beginning of create to the first byte that the
    /// container printed; and to the end of delete.</summary>
    internal static readonly string[] Steps = ["whole", "create", "start", "first-output", "delete"];

    internal static Reading Parse(string output, string metric) => Steps.Contains(metric)
        ? StopwatchParser.Times(output, $"step-us {metric} ")
        : throw new FormatException($"a life has no step '{metric}'");
}
