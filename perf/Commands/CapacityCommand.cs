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
        Option<int> most = new("--most") { Description = "Sandboxes to start at most.", DefaultValueFactory = _ =>
            UsualMost };
        Command command = new("capacity", "Start sandboxes until a limit, and say what runs out first.")
            { runtime, shape, most };
        command.SetAction(parsed => Run(
            parsed.GetValue(runtime)!, parsed.GetValue(shape)!, parsed.GetValue(most)));
        return command;
    }

    private static int Run(string runtime, string shape, int most)
    {
        string[] command = shape switch
        {
            "idle" => Idle,
            "busy" => Busy,
            _ => throw new UserException($"--shape {shape}: neither idle nor busy"),
        };
        Layout layout = Layout.Find();
        GuestTools.Build(layout);
        using Capacity capacity = new(layout, RuntimeSpec.Parse(runtime, layout), command);
        Table table = Output.Table(
            "sandboxes", "MiB each", "PSS MiB each", "processors at work", "processes each", "threads each");
        CapacityStep? last = null;
        foreach (CapacityStep step in capacity.Measure(most))
        {
            last = step;
            Output.AddRow(
                table, Figures.Of(step.Sandboxes), Figures.Of(step.MemoryMib), Figures.Of(step.ProportionalMib),
                Figures.Of(step.BusyProcessors), Figures.Of(step.ProcessesEach), Figures.Of(step.ThreadsEach));
        }

        Output.Console.Write(table);
        Output.Console.WriteLine("stopped: " + capacity.Limit);
        if (last == null)
        {
            return 1;
        }

        (string Resource, double Sandboxes)[] limits =
        [
            .. Capacity.Limits(last).Where(limit => double.IsFinite(limit.Sandboxes)).OrderBy(limit => limit.Sandboxes),
        ];
        Output.Console.WriteLine($"measured: {last.Sandboxes} {shape} sandboxes of {runtime} at once");
        Output.Console.WriteLine(
            $"by what these took, the first limit is {limits[0].Resource}, at about {limits[0].Sandboxes:0} "
            + $"sandboxes; then {limits[1].Resource}, at about {limits[1].Sandboxes:0}");
        return 0;
    }
}
