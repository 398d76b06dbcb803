using System;

namespace Perf.Parsers;

/// <summary>
/// sysbench 1.0. Metrics: <c>events</c> (events a second over the whole run), <c>mib</c> (MiB a second that the memory
/// test moved), <c>reads</c> and <c>writes</c> (of the fileio test, a second), <c>seconds</c> (of the whole run).
/// </summary>
internal static class SysbenchParser
{
    internal static Reading Parse(string output, string metric) => new(metric switch
    {
        "events" => Events(output) / Seconds(output),
        "mib" => ToolParsers.Number(output, @"transferred \(([0-9.]+) MiB/sec\)$"),
        "reads" => ToolParsers.Number(output, @"^\s+reads/s:\s+([0-9.]+)$"),
        "writes" => ToolParsers.Number(output, @"^\s+writes/s:\s+([0-9.]+)$"),
        "seconds" => Seconds(output),
        _ => throw new FormatException($"sysbench has no metric '{metric}'"),
    });

    private static double Events(string output) =>
        ToolParsers.Number(output, @"^\s+total number of events:\s+([0-9]+)$");

    private static double Seconds(string output) => ToolParsers.Number(output, @"^\s+total time:\s+([0-9.]+)s$");
}
