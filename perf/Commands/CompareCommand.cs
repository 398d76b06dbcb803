using System.Collections.Generic;
using System.CommandLine;
using System.Linq;
using Perf.Report;
using Perf.Results;
using Spectre.Console;

namespace Perf.Commands;

/// <summary><c>perf compare</c>: two results side by side, with a test of each difference.</summary>
internal static class CompareCommand
{
    private const double Level = 0.05;

    internal static Command Build()
    {
        Argument<string> before = new("before") { Description = "Result to compare with." };
        Argument<string> after = new("after") { Description = "Result to compare." };
        Option<string> reference = new("--reference")
        {
            Description = "Take values as parts of this runtime's in the same turn; none: as they are.",
            DefaultValueFactory = _ => "native",
        };
        Command command = new("compare", "Compare two results.") { before, after, reference };
        command.SetAction(parsed => Run(
            ResultFile.Load(parsed.GetValue(before)!), ResultFile.Load(parsed.GetValue(after)!),
                parsed.GetValue(reference)!));
        return command;
    }

    private static int Run(ResultFile before, ResultFile after, string reference)
    {
        List<(JobResult Before, JobResult After, string Runtime)> pairs =
        [
            .. after.Jobs.Where(job => before.Find(job.Name) != null)
                .SelectMany(job => job.Series, (job, series) => (before.Find(job.Name)!, job, series.Runtime))
                .Where(pair => pair.Item1.Of(pair.Runtime) != null && pair.job.Of(pair.Runtime) != null),
        ];
        Output.Console.WriteLine($"before: {before.Commit}, {before.Taken:u}; after: {after.Commit}, {after.Taken:u}");
        Table table = Output.Table("job", "runtime", "unit", "before", "after", "performance", "95 %", "p", "");
        foreach ((JobResult first, JobResult second, string runtime) in pairs)
        {
            // Runtimes outside the tests, such as the reference itself, are compared as they are.
            Comparison comparison =
                Comparison.Of(first, second, new(runtime, runtime, reference, 0, Level / pairs.Count));
            Output.AddRow(
                table, second.Name, runtime, second.Unit, Figures.Median(first.Of(runtime)),
                    Figures.Median(second.Of(runtime)),
                Figures.Of(comparison.Change),
                $"{Figures.Of(comparison.Interval.Low)} to {Figures.Of(comparison.Interval.High)}",
                Figures.Of(comparison.Probability), Word(comparison.Outcome));
        }

        Output.Console.Write(table);
        Output.Console.WriteLine(
            "performance after as a part of that before: above 1 is better; a difference is named when "
            + $"its chance, over all rows, is below {Level * 100:0} %");
        return 0;
    }

    private static string Word(Outcome outcome) => outcome switch
    {
        Outcome.Better => "better",
        Outcome.Worse => "WORSE",
        Outcome.TooFew => "too few runs",
        _ => "",
    };
}
