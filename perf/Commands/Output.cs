using System;
using System.Collections.Generic;
using System.Linq;
using Perf.Report;
using Perf.Results;
using Spectre.Console;

namespace Perf.Commands;

/// <summary>Where a table has ratios.</summary>
internal enum RatioPlace
{
    /// <summary>In a column of their own.</summary>
    Beside,

    /// <summary>On a line of their own below the figure.</summary>
    Below,
}

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

    /// <summary>A row a variant: medians, and ratios to runc or native beside them; where that is too wide for the
    /// reader, the ratios are below them and the job's name has lines.</summary>
    internal static void PrintOverview(ResultFile result)
    {
        List<List<string>> rows = OverviewRows(result, RatioPlace.Beside);
        bool narrow = Enumerable.Range(0, rows[0].Count).Sum(column => rows.Max(row => row[column].Length) + 3) + 1
            > Console.Profile.Width;
        rows = narrow ? OverviewRows(result, RatioPlace.Below) : rows;
        Table table = Table(rows[0]);
        table.Columns[0].NoWrap = !narrow;
        foreach (List<string> row in rows[1..])
        {
            AddRow(table, row);
        }

        Console.Write(table);
        string below = narrow ? $", below the figures, as parts of {Reference(result)}'s" : "";
        Console.WriteLine($"medians with the reach of their 95 % intervals; ratios{below}: performance, above 1 is "
            + "better; ! some runs failed, ~ steal, o outliers");
        PrintFailures(result);
    }

    private static string Reference(ResultFile result)
    {
        List<string> runtimes = Figures.Runtimes(result);
        return runtimes.Contains("runc") ? "runc" : runtimes[0];
    }

    /// <summary>The header and a row for each variant.</summary>
    internal static List<List<string>> OverviewRows(ResultFile result, RatioPlace place)
    {
        string reference = Reference(result);
        List<List<string>> rows = [["job", "unit"], .. result.Jobs.Select(job => (List<string>)[job.Name, job.Unit])];
        foreach (string runtime in Figures.Runtimes(result))
        {
            List<string> figures = [.. result.Jobs.Select(job =>
                Figures.Median(job.Series.Find(series => series.Runtime == runtime)))];
            List<string> ratios = [.. result.Jobs.Select(job => Figures.Ratio(job, runtime, reference))];
            if (place == RatioPlace.Below)
            {
                AddColumn(rows, runtime.Replace("-", "-\n"),
                    runtime == reference ? figures : [.. figures.Zip(ratios, (figure, ratio) => $"{figure}\n{ratio}")]);
                continue;
            }

            AddColumn(rows, runtime, figures);
            if (runtime != reference)
            {
                AddColumn(rows, "/" + reference, ratios);
            }
        }

        return rows;
    }

    private static void AddColumn(List<List<string>> rows, string title, List<string> cells)
    {
        rows[0].Add(title);
        for (int i = 0; i < cells.Count; i++)
        {
            rows[i + 1].Add(cells[i]);
        }
    }

    private static void PrintFailures(ResultFile result)
    {
        foreach (IReadOnlyList<string> row in new Overview(result).LeftOut())
        {
            Console.WriteLine($"left out: {row[0]}: {row[1]}: {row[2]}");
        }

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

    /// <summary>A log is as wide as $PERF_COLUMNS says.</summary>
    private static IAnsiConsole Create()
    {
        IAnsiConsole console = AnsiConsole.Console;
        if (System.Console.IsOutputRedirected)
        {
            console.Profile.Width =
                int.TryParse(Environment.GetEnvironmentVariable("PERF_COLUMNS"), out int columns) && columns > 0
                    ? columns : LogColumns;
        }

        return console;
    }
}
