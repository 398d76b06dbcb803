using System.Collections.Generic;
using System.CommandLine;
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
    private const int UsualMost = 32;

    private static readonly string[] Idle = ["/bin/sleep", "1800"];
    private static readonly string[] Busy = ["/tools/calls", "-t", "1800000", "read"];

    internal static Command Build()
    {
        Option<string> runtime = new("--runtime", "-r")
        {
            Description = "As in perf run.", DefaultValueFactory = _ => "runsc-systrap",
        };
        Option<string> shape = new("--shape") { Description = "idle or busy.", DefaultValueFactory = _ => "idle" };
        Option<int> most = new Option<int>("--most")
        {
            Description = "Sandboxes to start at most.", DefaultValueFactory = _ => UsualMost,
        }.AtLeast(1);
        Option<string?> output = new("--output", "-o") { Description = "File for the result, JSON." };
        Command command = new("capacity", "Start sandboxes until a limit, and say what runs out first.")
            { runtime, shape, most, output };
        command.SetAction(parsed => Run(
            parsed.GetValue(runtime)!, parsed.GetValue(shape)!, parsed.GetValue(most), parsed.GetValue(output)));
        return command;
    }

    private static int Run(string runtime, string shape, int most, string? output)
    {
        string[] command = shape switch
        {
            "idle" => Idle,
            "busy" => Busy,
            _ => throw new UserException($"--shape {shape}: neither idle nor busy"),
        };
        Requirements.Root();
        Requirements.Writable(output);
        Layout layout = Layout.Find();
        GuestTools.Build(layout);
        RuntimeSpec spec = RuntimeSpec.Parse(runtime, layout);
        using Capacity capacity = new(layout, spec, command);
        Table table = Output.Table(Overview.CapacityHeader);
        List<CapacityStep> steps = [.. capacity.Measure(most)];
        if (steps.Count == 0)
        {
            Output.Console.WriteLine("stopped: " + capacity.Limit);
            return 1;
        }

        CapacityRecord record = new()
        {
            Runtime = spec.Name,
            Shape = shape,
            Steps = steps,
            Stopped = capacity.Limit,
            Limits = capacity.Limits(steps),
        };
        foreach (IReadOnlyList<string> row in Overview.CapacityRows(record))
        {
            Output.AddRow(table, row);
        }

        Output.Console.Write(table);
        Output.Console.WriteLine(record.Sentence());
        if (output != null)
        {
            ResultFile result = ResultFile.Begin(layout, [], [spec]);
            result.Capacity.Add(record);
            result.Save(output);
        }

        return 0;
    }
}
