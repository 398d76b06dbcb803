using System;
using System.CommandLine;
using System.Linq;
using Perf.Results;

namespace Perf.Commands;

/// <summary><c>perf merge</c>: one result out of pieces that were measured one after the other.</summary>
internal static class MergeCommand
{
    internal static Command Build()
    {
        Argument<string[]> pieces = new("result") { Description = "Results.", Arity = ArgumentArity.OneOrMore };
        Option<string> output = new("--output", "-o") { Description = "File for the whole, JSON.", Required = true };
        Command command = new("merge", "Make one result of several; of a job in two of them, the later counts.")
            { pieces, output };
        command.SetAction(parsed => Run(parsed.GetValue(pieces)!, parsed.GetValue(output)!));
        return command;
    }

    private static int Run(string[] paths, string output)
    {
        Requirements.Writable(output);
        ResultFile whole = Merger.Merge(paths.Select(ResultFile.Load));
        whole.Save(output);
        Console.WriteLine($"{output}: {whole.Jobs.Count} jobs, {whole.Capacity.Count} capacities");
        return 0;
    }
}
