using System;
using System.Collections.Generic;
using System.CommandLine;
using System.Linq;
using Perf.Report;
using Perf.Results;
using Perf.Runtimes;
using Perf.Suites;
using Spectre.Console;

namespace Perf.Commands;

/// <summary><c>perf capacity</c>: how many sandboxes of a shape this machine carries, and what runs out
/// first.</summary>
internal static class CapacityCommand
{
    private const int UsualMost = 100_000;
    private const int UsualMinutes = 10;

    /// <summary>So that no sandbox ends of itself while the last are looked at.</summary>
    private const int MostMinutes = Capacity.MostSeconds / 60 - 5;

    private static readonly Dictionary<string, string[]> Shapes = new()
    {
        ["idle"] = ["/bin/sleep", "1800"],
        ["busy"] = ["/tools/calls", "-t", "1800000", "read"],
    };

    internal static Command Build()
    {
        Option<string> runtimes = new("--runtimes", "--runtime", "-r")
        {
            Description = "As in perf run.", DefaultValueFactory = _ => "runsc-systrap",
        };
        Option<string> shapes = new("--shape")
        {
            Description = "idle, busy or both, with a comma.", DefaultValueFactory = _ => "idle,busy",
        };
        Option<int> most = new Option<int>("--most")
        {
            Description = "Sandboxes to start at most, if no limit of the machine comes first.",
            DefaultValueFactory = _ => UsualMost,
        }.AtLeast(1);
        Option<int> minutes = new Option<int>("--minutes")
        {
            Description = $"Time for each runtime and shape, at most {MostMinutes}.",
            DefaultValueFactory = _ => UsualMinutes,
        }.AtLeast(1);
        Option<string?> output = new("--output", "-o") { Description = "File for the result, JSON." };
        Command command = new("capacity", "Start sandboxes until a limit, and say what runs out first.")
            { runtimes, shapes, most, minutes, output };
        command.SetAction(parsed => Run(
            parsed.GetValue(runtimes)!, parsed.GetValue(shapes)!, parsed.GetValue(most), parsed.GetValue(minutes),
            parsed.GetValue(output)));
        return command;
    }

    private static int Run(string runtimes, string shapes, int most, int minutes, string? output)
    {
        string[] wanted = shapes.Split(',');
        if (wanted.FirstOrDefault(shape => !Shapes.ContainsKey(shape)) is string unknown)
        {
            throw new UserException($"--shape {unknown}: neither idle nor busy");
        }

        if (minutes > MostMinutes)
        {
            throw new UserException($"--minutes {minutes}: at most {MostMinutes}");
        }

        Requirements.Root();
        Requirements.Writable(output);
        Layout layout = Layout.Find();
        GuestTools.Build(layout);
        List<RuntimeSpec> specs = RuntimeSpec.ParseAll(runtimes, layout);
        ResultFile result = ResultFile.Begin(layout, [], specs);
        Bounds bounds = new(most, TimeSpan.FromMinutes(minutes));
        bool failed = false;
        foreach (string shape in wanted.Distinct())
        {
            foreach (RuntimeSpec spec in specs)
            {
                failed |= !Measure(layout, spec, shape, bounds, result);
                if (output != null)
                {
                    result.Save(output);
                }
            }
        }

        return failed ? 1 : 0;
    }

    /// <summary>False if not even one sandbox ran.</summary>
    private static bool Measure(Layout layout, RuntimeSpec spec, string shape, Bounds bounds, ResultFile result)
    {
        using Capacity capacity = new(layout, spec, Shapes[shape]);
        List<CapacityStep> steps = [.. capacity.Measure(bounds)];
        if (steps.Count == 0)
        {
            Output.Console.WriteLine($"{shape} sandboxes of {spec.Name}: none: {capacity.Limit}");
            return false;
        }

        CapacityRecord record = new()
        {
            Runtime = spec.Name,
            Shape = shape,
            Steps = steps,
            Stopped = capacity.Limit,
            Limits = capacity.Limits(steps),
        };
        result.Capacity.Add(record);
        Table table = Output.Table(Overview.CapacityHeader);
        foreach (IReadOnlyList<string> row in Overview.CapacityRows(record))
        {
            Output.AddRow(table, row);
        }

        Output.Console.Write(table);
        Output.Console.WriteLine(record.Sentence());
        return true;
    }
}
