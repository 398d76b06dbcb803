using System;
using System.Collections.Generic;
using System.CommandLine;
using System.IO;

namespace Perf.Commands;

/// <summary>The benchmarks with limits of their own, which <c>./test.sh perf</c> checks: one a call, over a small root.
/// </summary>
internal static class BenchmarkCommands
{
    internal static IEnumerable<Command> Build()
    {
        yield return Make("allocations", "Managed bytes of the Sentry per system call; the limit is 0.",
            (world, verdict, kinds) => new AllocationBenchmark(world, verdict, AllocationBenchmark.ManyRounds).Run(
                kinds));
        yield return Make("calls", "Nanoseconds per call, natively and in the sandbox.",
            (world, _, kinds) => new CallBenchmark(world).Run(kinds));
        yield return Make("idle", "Processor time, wake-ups and memory of a sandbox that sleeps.",
            (world, verdict, _) => new IdleBenchmark(world, verdict).Run());
        yield return Make("start", "Milliseconds of a sandbox that runs \"true\".",
            (world, _, _) => new StartBenchmark(world).Run());
    }

    private static Command Make(string name, string description, Action<World, Verdict, string[]> run)
    {
        Argument<string[]> kinds = new("kind")
        {
            Description = "Kinds of calls; all of them if none is named.", Arity = ArgumentArity.ZeroOrMore,
        };
        Option<string?> tally = new("-t") { Description =
            "File for the numbers of limits that held and that did not." };
        Command command = new(name, description) { kinds, tally };
        command.SetAction(parsed =>
        {
            Verdict verdict = new();
            run(World.Prepare(Layout.Find()), verdict, parsed.GetValue(kinds) ?? []);
            if (parsed.GetValue(tally) is string path)
            {
                File.WriteAllText(path, $"{verdict.Passed} {verdict.Failed}\n");
            }

            return verdict.Failed == 0 ? 0 : 1;
        });
        return command;
    }
}
