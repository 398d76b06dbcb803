using System;
using System.Collections.Generic;
using System.CommandLine;
using System.IO;
using System.Linq;
using Perf.Results;

namespace Perf.Commands;

/// <summary>
/// <c>perf gate</c>: fails when a build is slower than its budget allows, against a baseline's result or against
/// another
/// executable that runs in turn with it. An alarm is measured again with twice the runs and counts only if it comes
/// back.
/// </summary>
internal static class GateCommand
{
    private const string Before = "before-";

    internal static Command Build()
    {
        Option<string?> baseline = new("--baseline") { Description = "Result of the build to compare with." };
        Option<string?> against = new("--against") { Description = "Another runsc, measured in the same turns." };
        Option<string> budget = new("--budget") { Description = "What is allowed.", Required = true };
        Option<string?> given = new("--result") { Description = "Judge this result instead of measuring." };
        Option<string?> output = new("--output", "-o") { Description = "File for what was measured, JSON." };
        Option<string?> runtimes = new("--runtimes", "-r")
        {
            Description = "What to measure as the budget's runtimes, in the form of perf run.",
        };
        Command command = new("gate", "Fail when a build is slower than its budget allows.")
            { baseline, against, budget, given, output, runtimes };
        command.SetAction(parsed => Run(new(
            Budget.Load(parsed.GetValue(budget)!), parsed.GetValue(baseline), parsed.GetValue(against),
            parsed.GetValue(given), parsed.GetValue(output), parsed.GetValue(runtimes))));
        return command;
    }

    private static int Run(Request request)
    {
        if (request.Baseline == null == (request.Against == null) || (request.Against != null && request.Given != null))
        {
            throw new UserException("gate: give --baseline FILE, or --against EXECUTABLE without --result");
        }

        // The other build runs in the same turns: it is the reference.
        request = request.Against == null ? request : request with
        {
            Budget = request.Budget with { Reference = "" },
        };
        ResultFile after = request.Given == null ? Measure(request, "", 1) : ResultFile.Load(request.Given);
        ResultFile before = request.Baseline == null ? after : ResultFile.Load(request.Baseline);
        Gate gate = new(request.Budget);
        List<Comparison> all = gate.Compare(before, after, NameBefore(request));
        List<Comparison> alarms = [.. all.Where(each => Gate.Reason(each) != null)];
        if (request.Given == null)
        {
            alarms = [.. alarms.Select(alarm => Again(request, gate, before, alarm)).Where(each => Gate.Reason(
                each) != null)];
        }

        List<string> reasons = [.. alarms.Select(alarm => Gate.Reason(alarm)!),
            .. Gate.Counts(CountsBefore(request, before), after.Counts)];
        if (all.Count == 0)
        {
            reasons.Add("nothing was compared: the two results share no variant in the budget's runtimes");
        }

        foreach (string reason in reasons)
        {
            Console.WriteLine("FAIL " + reason);
        }

        foreach (Comparison blind in all.Where(each => each.IsBlind))
        {
            Console.WriteLine($"too noisy to tell: {blind.Name} in {blind.Runtime}; see perf doctor");
        }

        Console.WriteLine($"gate: {all.Count - alarms.Count} of {all.Count} held; {reasons.Count} reasons to fail");
        return reasons.Count == 0 ? 0 : 1;
    }

    /// <summary>The comparison of an alarm with twice the runs.</summary>
    private static Comparison Again(Request request, Gate gate, ResultFile before, Comparison alarm)
    {
        if (alarm.Outcome == Outcome.TooFew)
        {
            return alarm;
        }

        Console.Error.WriteLine("again: " + Gate.Reason(alarm));
        ResultFile second = Measure(request, alarm.Name, 2);
        return gate.Compare(request.Baseline == null ? second : before, second, NameBefore(request))
            .Find(each => each.Name == alarm.Name && each.Runtime == alarm.Runtime) ?? alarm;
    }

    private static Func<string, string> NameBefore(Request request) =>
        name => request.Against == null ? name : Before + name;

    private static ResultFile Measure(Request request, string only, int times)
    {
        Budget budget = request.Budget;
        List<string> runtimes = budget.Reference.Length > 0 ? [budget.Reference] : [];
        runtimes.Add(request.Runtimes ?? string.Join(',', budget.Runtimes));
        if (request.Against != null)
        {
            runtimes.AddRange(budget.Runtimes.Select(name => $"{Before}{name}={request.Against}+{PlatformFlag(name)}"));
        }

        RunOptions options = new();
        Command command = new("run");
        options.AddTo(command);
        List<string> words =
        [
            .. budget.Suites, "--runtimes", string.Join(',', runtimes), "--runs",
            (budget.Runs * times).ToString(System.Globalization.CultureInfo.InvariantCulture),
        ];
        words.AddRange(budget.Cpus.Length > 0 ? ["--cpus", budget.Cpus] : []);
        words.AddRange(only.Length > 0 ? ["--filter", only] : []);
        ParseResult parsed = command.Parse(words);
        ResultFile result = options.Measure(parsed, Layout.Find(), (grown, job) => { });
        if (only.Length == 0)
        {
            result.Counts.AddRange(Counts(budget, World.Prepare(Layout.Find())));
        }

        if (request.Output != null && only.Length == 0)
        {
            result.Save(request.Output);
        }

        return result;
    }

    /// <summary>Of the baseline, or of the other build, whose counts nobody else has.</summary>
    private static IEnumerable<CountRecord> CountsBefore(Request request, ResultFile before) =>
        request.Against == null
            ? before.Counts
            : Counts(request.Budget, World.Prepare(Layout.Find()).With(request.Against));

    private static IEnumerable<CountRecord> Counts(Budget budget, World world)
    {
        foreach (string runtime in budget.Counted)
        {
            bool isKvm = runtime == "runsc-kvm";
            if (isKvm && !File.Exists("/dev/kvm"))
            {
                Console.Error.WriteLine("not counted: runsc-kvm, as this machine has no /dev/kvm");
                continue;
            }

            long rounds = isKvm ? AllocationBenchmark.FewerRounds : AllocationBenchmark.ManyRounds;
            var benchmark = new AllocationBenchmark(world, new(), rounds, PlatformFlag(runtime));
            foreach (CountRecord count in benchmark.Count([]))
            {
                yield return count with { Name = $"{runtime} {count.Name}" };
            }
        }
    }

    private static string PlatformFlag(string runtime) => "--platform=" + runtime[(runtime.IndexOf('-') + 1)..];

    private sealed record Request(
        Budget Budget, string? Baseline, string? Against, string? Given, string? Output, string? Runtimes);
}
