using System;
using System.Collections.Generic;
using Perf.Report;
using Perf.Results;
using Spectre.Console;

namespace Perf.Commands;

/// <summary>What the commands print on a terminal or into a log.</summary>
internal static class Output
{
    private const int LogColumns = 200;

    internal static IAnsiConsole Console { get; } = Create();

    /// <summary>Whether a reader watches, rather than a log.</summary>
    internal static bool IsTerminal => !System.Console.IsOutputRedirected && Console.Profile.Capabilities.Ansi;

    /// <summary>Does work of so many steps under a bar with the time that is left, which each step moves, under a line
    /// of its own. Nothing is drawn between the steps: that would take processor time from what is measured.</summary>
    internal static T WithProgress<T>(string what, int steps, Func<Action<string>, T> work) =>
        Console.Progress().AutoRefresh(false)
            .Columns(
                new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new ElapsedTimeColumn(),
                new RemainingTimeColumn())
            .Start(context =>
            {
                ProgressTask task = context.AddTask(what, maxValue: steps);
                context.Refresh();
                return work(line =>
                {
                    Console.WriteLine(line);
                    task.Increment(1);
                    context.Refresh();
                });
            });

    internal static Table Table(params IEnumerable<string> columns)
    {
        Table table = new() { Border = TableBorder.Rounded };
        foreach (string column in columns)
        {
            table.AddColumn(new TableColumn(new Text(column)) { NoWrap = true });
        }

        return table;
    }

    internal static void AddRow(Table table, params IEnumerable<string> cells)
    {
        List<Text> row = [];
        foreach (string cell in cells)
        {
            row.Add(new Text(cell));
        }

        table.AddRow(row);
    }

    /// <summary>A row a variant: medians, ratios to runc and native.</summary>
    internal static void PrintOverview(ResultFile result)
    {
        List<string> runtimes = Figures.Runtimes(result);
        string reference = runtimes.Contains("runc") ? "runc" : runtimes[0];
        List<string> columns = ["job", "unit"];
        foreach (string runtime in runtimes)
        {
            columns.Add(runtime);
            if (runtime != reference)
            {
                columns.Add("/" + reference);
            }
        }

        Table table = Table(columns);
        foreach (JobResult job in result.Jobs)
        {
            List<string> cells = [job.Name, job.Unit];
            foreach (string runtime in runtimes)
            {
                cells.Add(Figures.Median(job.Series.Find(series => series.Runtime == runtime)));
                if (runtime != reference)
                {
                    cells.Add(Figures.Ratio(job, runtime, reference));
                }
            }

            AddRow(table, cells);
        }

        Console.Write(table);
        Console.WriteLine("medians with the reach of their 95 % intervals; ratios: performance, above 1 is better; "
            + "! some runs failed, ~ steal, o outliers");
        PrintFailures(result);
    }

    private static void PrintFailures(ResultFile result)
    {
        foreach (JobResult job in result.Jobs)
        {
            foreach (Series series in job.Series)
            {
                foreach (string failure in series.Failures)
                {
                    Console.WriteLine($"failed: {job.Name}: {series.Runtime}: {failure}");
                }
            }
        }
    }

    private static IAnsiConsole Create()
    {
        IAnsiConsole console = AnsiConsole.Console;
        if (System.Console.IsOutputRedirected)
        {
            console.Profile.Width = LogColumns;
        }

        return console;
    }
}
