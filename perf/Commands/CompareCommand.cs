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
        Output.Console.WriteLine($"before: {before.Commit}, {before.Taken:u}; after: {after.Commit}, {after.Taken:u}");
        foreach (string difference in Likeness.Differences(before, after))
        {
            Output.Console.WriteLine("warning: taken under other conditions: " + difference);
        }

        List<Comparison> rows = Differences.Of(before, after, reference);
        Table table = Output.Table("job", "runtime", "unit", "before", "after", "performance", "95 %", "p", "");
        foreach (Comparison row in rows)
        {
            JobResult first = before.Find(row.Name)!;
            JobResult second = after.Find(row.Name)!;
            bool unlike = row.Outcome == Outcome.Unlike;
            string reach = row.Interval is Stats.Interval interval
                ? $"{Figures.Of(interval.Low)} to {Figures.Of(interval.High)}"
                : "-";
            Output.AddRow(
                table, row.Name, row.Runtime, second.Unit, Figures.Median(first.Of(row.Runtime)),
                Figures.Median(second.Of(row.Runtime)), unlike ? "-" : Figures.Of(row.Change), reach,
                row.Outcome is Outcome.Same or Outcome.Better or Outcome.Worse ? Figures.Of(row.Probability) : "-",
                Word(row));
        }

        Output.Console.Write(table);
        Output.Console.WriteLine(
            "performance after as a part of that before: above 1 is better; p in both directions, of each row alone; "
            + $"of the differences named at most {Differences.Level * 100:0} % are expected to be chance");
        int plain = rows.Count(row => row.Reference.Length == 0 && row.Outcome is not (Outcome.Reference
            or Outcome.Unlike));
        if (plain > 0 && reference != "none")
        {
            Output.Console.WriteLine(
                $"{plain} rows are compared as they are, whatever the machine did: no {reference} on both sides");
        }

        return 0;
    }

    private static string Word(Comparison row) => row.Outcome switch
    {
        Outcome.Better => "better",
        Outcome.Worse => "WORSE",
        Outcome.TooFew => "too few runs",
        Outcome.Unlike => row.Why,
        Outcome.Reference => "the reference",
        Outcome.Missing => row.Why,
        _ => "",
    };
}
