using System;
using System.Collections.Generic;
using System.CommandLine;
using System.Linq;
using Perf.Results;
using Perf.Suites;

namespace Perf.Commands;

/// <summary>
/// <c>perf gate</c>: fails when a build is slower than its budget allows, against a baseline that <c>--record</c>
/// made on
/// this machine or against another executable that runs in turn with it. An alarm is measured again with twice the runs
/// and counts only if it comes back.
/// </summary>
internal static class GateCommand
{
    internal static Command Build()
    {
        Option<string?> baseline = new("--baseline") { Description =
            "What --record made of the build to compare with." };
        Option<string?> against = new("--against") { Description = "Another runsc, measured in the same turns." };
        Option<string?> record = new("--record") { Description =
            "Measure a baseline into this file; compare nothing." };
        Option<string> budget = new("--budget") { Description = "What is allowed.", Required = true };
        Option<string?> given = new("--result") { Description = "Judge this result instead of measuring." };
        Option<string?> output = new("--output", "-o") { Description = "File for what was measured, JSON." };
        Option<bool> strict = new("--strict") { Description = "Fail where it is too noisy to tell." };
        Option<string?> runtimes = new("--runtimes", "-r")
        {
            Description = "What to measure as the budget's runtimes, in the form of perf run.",
        };
        Command command = new("gate", "Fail when a build is slower than its budget allows.")
            { baseline, against, record, budget, given, output, strict, runtimes };
        command.SetAction(parsed => Run(new(
            Budget.Load(parsed.GetValue(budget)!, JobFile.All(Layout.Find().Suites)), parsed.GetValue(baseline),
            parsed.GetValue(against), parsed.GetValue(record), parsed.GetValue(given), parsed.GetValue(output),
            parsed.GetValue(runtimes),
            parsed.GetValue(strict) ? Blind.Fails : Blind.Told)));
        return command;
    }

    private static int Run(Request request)
    {
        string?[] ways = [request.Baseline, request.Against, request.Record];
        if (ways.Count(way => way != null) != 1 || (request.Given != null && request.Baseline == null))
        {
            throw new UserException(
                "gate: give one of --baseline FILE (perhaps --result), --against EXECUTABLE and --record FILE");
        }

        Requirements.Writable(request.Record);
        Requirements.Writable(request.Output);
        ResultFile? baseline = request.Baseline == null ? null : ResultFile.Load(request.Baseline);
        if (baseline != null && Refuse(baseline, request) is List<string> { Count: > 0 } unfit)
        {
            return Print(unfit);
        }

        GateMeasurement? measurement = request.Given == null
            ? new(request.Budget, request.Against, request.Runtimes)
            : null;
        ResultFile after = measurement == null
            ? ResultFile.Load(request.Given!)
            : Whole(measurement, request.Record ?? request.Output);
        if (request.Record != null)
        {
            return Recorded(request, after, measurement!);
        }

        List<string> others = baseline == null ? [] : [.. Likeness.Differences(baseline, after).Select(Differs)];
        if (others.Count > 0)
        {
            return Print(others);
        }

        List<CountRecord> counts = baseline?.Counts ?? measurement!.CountsBefore();
        others.AddRange(measurement?.Troubles ?? []);
        others.AddRange(Gate.Counts(counts, after.Counts, GateMeasurement.IsHere));
        return Judge(request, baseline, after, measurement, others);
    }

    /// <summary>Why a baseline cannot be used here, before anything is measured.</summary>
    private static List<string> Refuse(ResultFile baseline, Request request)
    {
        List<string> reasons = [.. new Gate(request.Budget).Unfit(baseline, GateMeasurement.IsHere)];
        if (request.Given == null)
        {
            reasons.AddRange(Machine.Differences(baseline.Machine, Machine.Describe()).Select(Differs));
        }

        return reasons;
    }

    private static string Differs(string difference) => "the baseline was taken under other conditions: " + difference;

    private static int Print(List<string> unfit)
    {
        foreach (string reason in unfit)
        {
            Console.WriteLine("FAIL " + reason);
        }

        Console.WriteLine("gate: nothing was compared; perf gate --record FILE makes a baseline of this machine");
        return 1;
    }

    /// <summary>All that the budget asks for, kept as soon as it is there: counting may fail.</summary>
    private static ResultFile Whole(GateMeasurement measurement, string? path)
    {
        ResultFile result = measurement.Measure("", 1);
        if (path != null)
        {
            result.Save(path);
        }

        result.Counts.AddRange(measurement.Counts());
        if (path != null)
        {
            result.Save(path);
        }

        return result;
    }

    private static int Recorded(Request request, ResultFile result, GateMeasurement measurement)
    {
        string[] wanted = [.. request.Budget.Runtimes, request.Budget.Reference];
        List<string> reasons =
        [
            .. measurement.Troubles,
            .. result.Jobs.SelectMany(_ => wanted, (job, runtime) => (job, runtime))
                .Where(pair => pair.runtime.Length > 0 && pair.job.Of(pair.runtime) == null)
                .Select(pair => $"{pair.job.Name} in {pair.runtime}: no samples"),
        ];
        foreach (string reason in reasons)
        {
            Console.WriteLine("FAIL " + reason);
        }

        Console.WriteLine($"gate: {request.Record}: {result.Jobs.Count} jobs, {result.Counts.Count} counts");
        return reasons.Count == 0 ? 0 : 1;
    }

    private static int Judge(
        Request request, ResultFile? baseline, ResultFile after, GateMeasurement? measurement, List<string> others)
    {
        // The other build runs in the same turns: it is the reference.
        Gate gate = new(baseline == null ? request.Budget with { Reference = "" } : request.Budget);
        List<Comparison> Compared(ResultFile result, string only) => gate.Compare(
            baseline ?? result, result, name => baseline == null ? GateMeasurement.Before + name : name, only);
        List<Comparison> all = Compared(after, "");
        for (int i = 0; i < all.Count && measurement != null; i++)
        {
            if (all[i].Outcome == Outcome.Worse)
            {
                Comparison alarm = all[i];
                Console.Error.WriteLine("again: " + Gate.Reason(alarm));
                all[i] = Compared(measurement.Measure(alarm.Name, 2), alarm.Name)
                    .Find(each => each.Runtime == alarm.Runtime) ?? alarm;
            }
        }

        Judgement judgement = new(all, others, request.Blind);
        foreach (string reason in judgement.Reasons)
        {
            Console.WriteLine("FAIL " + reason);
        }

        foreach (string blind in judgement.TooNoisy)
        {
            Console.WriteLine($"too noisy to tell: {blind}; see perf doctor");
        }

        Console.WriteLine(
            $"gate: of {all.Count} comparisons {judgement.Held} held, {judgement.Slower} slower, "
            + $"{judgement.TooNoisy.Count} too noisy to tell, {judgement.Missing} missing; "
            + $"{judgement.Reasons.Count} reasons to fail");
        return judgement.Reasons.Count == 0 ? 0 : 1;
    }

    private sealed record Request(
        Budget Budget, string? Baseline, string? Against, string? Record, string? Given, string? Output,
        string? Runtimes, Blind Blind);
}
