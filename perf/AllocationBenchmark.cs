using System;
using System.Globalization;

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
        Console.WriteLine($"{"kind",-18} {"calls",10} {"bytes",10} {"bytes/round",12}");
        foreach (GuestCalls.Kind kind in GuestCalls.Kinds(world, names))
        {
            if (kind.Flag != Gated)
            {
                continue;
            }

            Count few = Measure(kind.Name, FewRounds);
            Count many = Measure(kind.Name, ManyRounds);
            long rounds = ManyRounds - FewRounds;
            if (many.Calls < ManyRounds)
            {
                throw new InvalidOperationException($"{kind.Name}: {many.Calls} calls in {ManyRounds} rounds");
            }

            double perRound = (many.Bytes - few.Bytes) / (double)rounds;
            perRound = perRound < Tolerance ? 0 : perRound;
            Console.WriteLine($"{kind.Name,-18} {many.Calls,10} {many.Bytes,10} {perRound,12:0.00}");
            verdict.Check(kind.Name + ": managed bytes per round", perRound, 0);
        }
    }

    private Count Measure(string kind, long rounds)
    {
        string report = World.Capture(world.Sandboxed(["--count-calls"], GuestCalls.Command(kind, rounds))).Error;
        Count sum = default;
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

    private record struct Count(long Calls, long Bytes);
}
