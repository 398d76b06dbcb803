using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Diagnosers;
using BenchmarkDotNet.Exporters.Json;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using Perfolizer.Horology;

namespace Tests.Bench;

/// <summary>
/// Runs the benchmarks in this process and holds every one of them to no managed allocation. Arguments:
/// <c>[-t TALLY] [-o FOLDER] [FILTER]</c>, where a filter is part of a benchmark's name.
/// </summary>
internal static class Program
{
    private const int WarmUps = 3;
    private const int Iterations = 8;
    private const int IterationMs = 50;

    /// <summary>Managed bytes that a whole run may take: BenchmarkDotNet's own figure is bytes an operation, rounded,
    /// in which an allocation once in a while is none.</summary>
    private const long Allowance = 2048;

    private static int Main(string[] args)
    {
        string? tally = null;
        string folder = Path.Combine(Path.GetTempPath(), "bench");
        string filter = "";
        for (int i = 0; i < args.Length; i++)
        {
            switch (args[i])
            {
                case "-t":
                    tally = args[++i];
                    break;
                case "-o":
                    folder = args[++i];
                    break;
                default:
                    filter = args[i];
                    break;
            }
        }

        Summary[] summaries = BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly)
            .Run(["--filter", $"*{filter}*"], Configuration(folder)).ToArray();
        (int passed, int failed) = Judge(summaries.SelectMany(summary => summary.Reports));
        if (tally != null)
        {
            File.WriteAllText(tally, $"{passed} {failed}\n");
        }

        Console.WriteLine($"bench: {passed} benchmarks allocate nothing, {failed} failed");
        return failed == 0 && passed > 0 ? 0 : 1;
    }

    /// <summary>In this process: another one would have to be built, which needs the network and the build's lock.
    /// </summary>
    private static ManualConfig Configuration(string folder) => ManualConfig.CreateEmpty()
        .AddJob(Job.Default.WithToolchain(InProcessEmitToolchain.Instance).WithWarmupCount(WarmUps)
            .WithIterationCount(Iterations).WithIterationTime(TimeInterval.FromMilliseconds(IterationMs)))
        .AddColumnProvider(DefaultColumnProviders.Instance)
        .AddDiagnoser(MemoryDiagnoser.Default)
        .AddExporter(JsonExporter.Full)
        .AddLogger(ConsoleLogger.Default)
        .WithArtifactsPath(folder)
        .WithOptions(ConfigOptions.JoinSummary);

    private static (int Passed, int Failed) Judge(IEnumerable<BenchmarkReport> reports)
    {
        int passed = 0;
        int failed = 0;
        foreach (BenchmarkReport report in reports)
        {
            string name = report.BenchmarkCase.Descriptor.Type.Name + "."
                + report.BenchmarkCase.Descriptor.WorkloadMethod.Name;
            long? bytes = report.Success ? report.GcStats.GetTotalAllocatedBytes(true) : null;
            if (bytes is >= 0 and <= Allowance)
            {
                passed++;
                continue;
            }

            failed++;
            Console.WriteLine(bytes is long found
                ? $"FAIL {name}: {found} managed bytes in {report.GcStats.TotalOperations} operations; {Allowance} of "
                    + "them are the measurement's own"
                : $"FAIL {name}: it did not run to its end");
        }

        return (passed, failed);
    }
}
