using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using Perf.Profile;
using Perf.Results;
using Perf.Runtimes;

namespace Perf;

/// <summary>
/// What one round of a kind of call costs the Sentry in things that can be counted: managed bytes, system calls that
/// reach it, on systrap those of them that came by a signal, the dearest way, and on KVM exits of the virtual
/// machine. Each kind runs twice, with few and
/// with many rounds, and the difference is divided by the difference of the rounds: what starting takes, or first use,
/// cancels out.
/// </summary>
internal sealed class AllocationBenchmark(World world, Verdict verdict, long manyRounds, params string[] flags)
{
    /// <summary>Rounds enough that what happens once in a while shows as less than <see cref="Tolerance"/>.</summary>
    internal const long ManyRounds = 101_000;

    /// <summary>The same where a round takes a hundred times as long.</summary>
    internal const long FewerRounds = 21_000;

    private const char Gated = 'g';
    private const long FewRounds = 1_000;
    private const string BySignals = "by signals";

    /// <summary>How far from a whole number a count per round is still that number: below it is what happens once in a
    /// while, not per call.</summary>
    private const double Tolerance = 0.01;

    internal void Run(string[] names)
    {
        Console.WriteLine($"{"kind",-18} {"bytes/round",12} {"calls/round",12} {"signals/round",14} "
            + $"{"exits/round",12}");
        foreach (GuestCalls.Kind kind in Chosen(names))
        {
            Costs costs = PerRound(kind.Name);
            Console.WriteLine($"{kind.Name,-18} {costs.Bytes,12:0.00} {costs.Calls,12:0.00} "
                + $"{costs.Signals,14:0.00} {costs.Exits,12:0.00}");
            verdict.Check(kind.Name + ": managed bytes per round", costs.Bytes, 0);
        }
    }

    /// <summary>Every count of the named kinds, or of all that are held to a limit; more is worse.</summary>
    internal IEnumerable<CountRecord> Count(string[] names)
    {
        foreach (GuestCalls.Kind kind in Chosen(names))
        {
            Costs costs = PerRound(kind.Name);
            yield return new(kind.Name + ": bytes", costs.Bytes);
            yield return new(kind.Name + ": calls", costs.Calls);
            if (costs.Signals is double signals)
            {
                yield return new(kind.Name + ": signals", signals);
            }

            if (costs.Exits is double exits)
            {
                yield return new(kind.Name + ": exits", exits);
            }
        }
    }

    private List<GuestCalls.Kind> Chosen(string[] names)
    {
        List<GuestCalls.Kind> chosen = [.. GuestCalls.Kinds(world, names).Where(kind => kind.Flag == Gated)];
        return chosen.Count > 0 ? chosen
            : throw new UserException("none of these kinds is held to a limit: " + string.Join(' ', names));
    }

    private Costs PerRound(string kind)
    {
        CallCounts few = Measure(kind, FewRounds);
        CallCounts many = Measure(kind, manyRounds);
        long calls = many.Calls.Sum(call => call.Calls);
        if (calls < manyRounds)
        {
            throw new UserException($"{kind}: {calls} calls were counted in {manyRounds} rounds");
        }

        return new(
            Whole(many.Calls.Sum(call => call.Bytes) - few.Calls.Sum(call => call.Bytes)),
            Whole(calls - few.Calls.Sum(call => call.Calls)),
            Difference(few, many, BySignals),
            Difference(few, many, CallCounts.Exits));
    }

    /// <summary>Null where the platform does not count that.</summary>
    private double? Difference(CallCounts few, CallCounts many, string way) =>
        many.Ways.TryGetValue(way, out long after) && few.Ways.TryGetValue(way, out long before)
            ? Whole(after - before)
            : null;

    /// <summary>Per round, what so many came to in the rounds that the longer run has more.</summary>
    private double Whole(long more)
    {
        double count = more / (double)(manyRounds - FewRounds);
        double whole = Math.Round(count);
        return Math.Abs(count - whole) < Tolerance ? whole : count;
    }

    private CallCounts Measure(string kind, long rounds)
    {
        using Scratch scratch = world.NewScratch();
        string log = Path.Combine(scratch.Folder, "counts");
        World.Capture(world.Sandboxed(
            [.. flags, "--count-calls", "--debug-log=" + log],
            [GuestCalls.Program, .. GuestCalls.Arguments(kind, rounds)]));
        using StringReader text = new(File.ReadAllText(log));
        return CallCounts.Read(text);
    }

    /// <summary>Of one round; null is what the platform does not have.</summary>
    private readonly record struct Costs(double Bytes, double Calls, double? Signals, double? Exits);
}
