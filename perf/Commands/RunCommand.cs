using System;
using System.CommandLine;
using System.Linq;
using Perf.Report;
using Perf.Results;

namespace Perf.Commands;

/// <summary><c>perf run</c>: measures suites and writes a result.</summary>
internal static class RunCommand
{
    internal static Command Build()
    {
        RunOptions options = new();
        Option<string?> output = new("--output", "-o") { Description = "File for the result, JSON." };
        Command command = new("run", "Measure suites in several runtimes, in turn.") { output };
        options.AddTo(command);
        command.SetAction(parsed => Run(parsed, options, parsed.GetValue(output)));
        return command;
    }

    private static int Run(ParseResult parsed, RunOptions options, string? path)
    {
        Requirements.Writable(path);
        Layout layout = Layout.Find();
        ResultFile result = Output.IsTerminal
            ? Output.WithProgress("measuring", options.Count(parsed, layout), step => options.Measure(parsed, layout,
                (grown, job) =>
                {
                    Keep(grown, path);
                    step(Line(job));
                }))
            : options.Measure(parsed, layout, (grown, job) =>
            {
                Keep(grown, path);
                Console.Error.WriteLine(Line(job));
            });
        Output.PrintOverview(result);
        return result.Jobs.Exists(job => job.Series.Exists(series =>
            series.Samples.Count == 0 && series.LeftOut == null)) ? 1 : 0;
    }

    /// <summary>After every job: what is measured is not lost if the rest is not.</summary>
    private static void Keep(ResultFile result, string? path)
    {
        if (path != null)
        {
            result.Save(path);
        }
    }

    private static string Line(JobResult job) => $"{job.Name} ({job.Unit}): "
        + string.Join("; ", job.Series.Select(series => series.Runtime + " " + Figures.Median(series)));
}
