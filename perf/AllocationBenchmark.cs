using System;
using System.Collections.Generic;
using System.Globalization;
using Perf.Results;

namespace Perf;

/// <summary>
/// Managed bytes that the Sentry allocates per system call. Each kind runs twice, with few and with many rounds, and
/// the difference is divided by the difference of the rounds: what starting takes, or first use, cancels out.
/// </summary>
internal sealed class AllocationBenchmark(World world, Verdict verdict)
{
    private const char Gated = 'g';
    private const long FewRounds = 1_000;
    private const long ManyRounds = 101_000;

    /// <summary>Bytes per round that are printed as 0: below it is what happens once in a while, not per
    /// call.</summary>
    private const double Tolerance = 0.01;

    internal void Run(string[] names)
    {
        Console.WriteLine($"{"kind",-18} {"bytes/round",12}");
        foreach (CountRecord count in Count(names))
        {
            Console.WriteLine($"{count.Name,-18} {count.Value,12:0.00}");
            verdict.Check(count.Name + ": managed bytes per round", count.Value, 0);
        }
    }

    /// <summary>Managed bytes per round of the named kinds, or of all that are held to a limit.</summary>
    internal IEnumerable<CountRecord> Count(string[] names)
    {
        foreach (GuestCalls.Kind kind in GuestCalls.Kinds(world, names))
        {
            if (kind.Flag != Gated)
            {
                continue;
            }

            Sum few = Measure(kind.Name, FewRounds);
            Sum many = Measure(kind.Name, ManyRounds);
            if (many.Calls < ManyRounds)
            {
                throw new InvalidOperationException($"{kind.Name}: {many.Calls} calls in {ManyRounds} rounds");
            }

            double perRound = (many.Bytes - few.Bytes) / (double)(ManyRounds - FewRounds);
            yield return new(kind.Name, perRound < Tolerance ? 0 : perRound);
        }
    }

    private Sum Measure(string kind, long rounds)
    {
        string report = World.Capture(world.Sandboxed(["--count-calls"], GuestCalls.Command(kind, rounds))).Error;
        Sum sum = default;
        foreach (string line in report.Split('\n'))
        {
            // "12.34 ms calls NAME CALLS BYTES"
            string[] words = line.Split(' ');
            if (words.Length == 6 && words[2] == "calls")
            {
                sum.Calls += long.Parse(words[4], CultureInfo.InvariantCulture);
                sum.Bytes += long.Parse(words[5], CultureInfo.InvariantCulture);
            }
        }

        return sum;
    }

    private record struct Sum(long Calls, long Bytes);
}
