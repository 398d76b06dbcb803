using System;
using System.IO;

namespace Perf;

/// <summary>One benchmark a call. Those with limits say at the end how many held, and fail when one did not.</summary>
internal static class Program
{
    private const int UsageStatus = 2;

    private static int Main(string[] args)
    {
        ReadOnlySpan<string> rest = args;
        string? tally = null;
        if (rest.Length >= 2 && rest[0] == "-t")
        {
            tally = rest[1];
            rest = rest[2..];
        }

        if (rest.Length == 0)
        {
            return Usage();
        }

        World world = World.FromEnvironment();
        string[] arguments = rest[1..].ToArray();
        Verdict verdict = new();
        switch (rest[0])
        {
            case "allocations":
                new AllocationBenchmark(world, verdict).Run(arguments);
                break;
            case "calls":
                new CallBenchmark(world).Run(arguments);
                break;
            case "idle":
                new IdleBenchmark(world, verdict).Run();
                break;
            case "start":
                new StartBenchmark(world).Run();
                break;
            default:
                return Usage();
        }

        if (tally is not null)
        {
            File.WriteAllText(tally, $"{verdict.Passed} {verdict.Failed}\n");
        }

        return verdict.Failed == 0 ? 0 : 1;
    }

    private static int Usage()
    {
        Console.Error.WriteLine("""
            usage: perf/run [-t TALLY] BENCHMARK [ARGUMENTS]
              allocations [KIND...]   managed bytes of the Sentry per system call; the limit is 0
              calls [KIND...]         nanoseconds per call, natively and in the sandbox
              idle                    processor time, wake-ups and memory of a sandbox that sleeps
              start                   milliseconds of a sandbox that runs "true"
            """);
        return UsageStatus;
    }
}
