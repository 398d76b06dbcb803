using System;
using System.Collections.Generic;
using System.CommandLine;
using System.Globalization;
using System.IO;
using System.Linq;
using Perf.Profile;
using Perf.Report;
using Perf.Runtimes;
using Perf.Suites;
using Spectre.Console;

namespace Perf.Commands;

/// <summary><c>perf profile</c>: where the processors' time goes while a variant runs.</summary>
internal static class ProfileCommand
{
    private const int Shown = 15;

    internal static Command Build()
    {
        Argument<string> variant = new("variant") { Description = "A variant, or a job whose first usual one counts." };
        Option<string> runtime = new("--runtime", "-r")
        {
            Description = "As in perf run.", DefaultValueFactory = _ => "runsc-systrap",
        };
        Option<string?> stacks = new("--stacks")
        {
            Description = "File for the stacks, folded, a line a stack, as flame graph tools read them.",
        };
        Command command = new("profile", "Show where the Sentry's time goes during a job.") { variant, runtime,
            stacks };
        command.SetAction(parsed => Run(
            parsed.GetValue(variant)!, parsed.GetValue(runtime)!, parsed.GetValue(stacks)));
        return command;
    }

    private static int Run(string name, string runtime, string? stacks)
    {
        Requirements.Root();
        Requirements.Writable(stacks);
        Layout layout = Layout.Find();
        GuestTools.Build(layout);
        Variant variant = Variant.Find(JobFile.All(layout.Suites), name)
            ?? throw new UserException($"no job or variant '{name}'; perf list --variants shows them");
        RuntimeSpec spec = RuntimeSpec.Parse(runtime, layout);
        Profiler profiler = new(layout, spec, variant);
        Output.Console.WriteLine($"{variant.FullName} in {spec.Name}");
        List<StackSample> samples = profiler.Sample(out string reason);
        if (samples.Count == 0)
        {
            Output.Console.WriteLine("no stacks: " + reason);
        }
        else
        {
            Print(samples, spec);
        }

        if (stacks != null)
        {
            File.WriteAllLines(stacks, Fold(samples));
        }

        if (IsOurs(spec))
        {
            PrintCounts(profiler);
        }

        return samples.Count > 0 ? 0 : 1;
    }

    private static bool IsOurs(RuntimeSpec spec) =>
        spec.Kind == RuntimeKind.Sandbox && spec.Name.StartsWith("runsc", StringComparison.Ordinal);

    private static void Print(List<StackSample> all, RuntimeSpec spec)
    {
        Attribution attribution = new(all);
        List<StackSample> samples = attribution.FromGuest(all);
        Output.Console.WriteLine(
            $"{samples.Count} samples, each about {1000.0 / Profiler.Frequency:0.0} ms of one processor; "
            + $"{all.Count - samples.Count} from before the guest ran are left out");
        if (IsOurs(spec) && !samples.Exists(sample => sample.Frames.Any(frame => frame.Symbol.Contains("Runsc_"))))
        {
            Output.Console.WriteLine("the executable's functions have no names: there is no runsc.dbg beside it");
        }

        PrintShares("work", samples.Count, "in the host's kernel",
            samples.GroupBy(attribution.Work).Select(group => (group.Key, group.ToList())));
        List<StackSample> sentry = [.. samples.Where(sample => attribution.Of(sample) == Role.Sentry)];
        PrintShares("handler in the Sentry", samples.Count, "in the host's kernel",
            sentry.Where(sample => Attribution.Handler(sample) != null)
                .GroupBy(sample => Attribution.Handler(sample)!).Select(group => (group.Key, group.ToList())));
        PrintShares("function of the Sentry, itself", samples.Count, "in the host's kernel",
            sentry.Where(sample => sample.Frames.Count > 0)
                .GroupBy(sample => sample.Frames[0].Symbol).Select(group => (group.Key, group.ToList())));
        PrintShares("call of the Sentry to the host", samples.Count, "in the host's kernel",
            sentry.Where(sample => HostCall(sample) != null)
                .GroupBy(sample => HostCall(sample)!).Select(group => (group.Key, group.ToList())));
    }

    /// <summary>The host's entry point of a sample in the host's kernel, from the Sentry's own system calls.</summary>
    private static string? HostCall(StackSample sample) => sample.Frames
        .Where(frame => frame.IsKernel).Select(frame => frame.Symbol)
        .LastOrDefault(symbol => symbol.StartsWith("__x64_sys_", StringComparison.Ordinal)
            || symbol.StartsWith("__do_sys_", StringComparison.Ordinal)
            || symbol is "do_sched_yield" or "exc_page_fault");

    private static void PrintShares(
        string what, int all, string part, IEnumerable<(string Name, List<StackSample> Samples)> groups)
    {
        List<(string Name, List<StackSample> Samples)> rows =
            [.. groups.OrderByDescending(group => group.Samples.Count).Take(Shown)];
        if (rows.Count == 0)
        {
            return;
        }

        Table table = Output.Table(what, "of all", part);
        foreach ((string name, List<StackSample> samples) in rows)
        {
            int kernel = samples.Count(sample => sample.Frames.Count > 0 && sample.Frames[0].IsKernel);
            Output.AddRow(table, name, Figures.Percent((double)samples.Count / all),
                Figures.Percent((double)kernel / all));
        }

        Output.Console.Write(table);
    }

    private static void PrintCounts(Profiler profiler)
    {
        CallCounts counts = profiler.Count(out string reason);
        if (counts.Calls.Count == 0)
        {
            Output.Console.WriteLine("no counts of system calls: "
                + (reason.Length > 0 ? reason : "the runtime wrote none"));
            return;
        }

        Table table = Output.Table("system call", "calls", "managed bytes a call");
        foreach (CallCount call in counts.Calls.Take(Shown))
        {
            Output.AddRow(
                table, call.Name, call.Calls.ToString("#,0", CultureInfo.InvariantCulture),
                Figures.Of((double)call.Bytes / call.Calls));
        }

        Output.Console.Write(table);
        Output.Console.WriteLine(
            $"{counts.Calls.Sum(call => call.Calls):#,0} calls in a run "
            + "in which each came to the Sentry to be counted");
        IReadOnlyDictionary<string, long> ways = profiler.Ways(out reason);
        Output.Console.WriteLine("in a run that counts none of them: "
            + (ways.Count > 0 ? string.Join(", ", ways.Select(way => $"{way.Value:#,0} {way.Key}")) : reason));
    }

    private static IEnumerable<string> Fold(List<StackSample> samples) => samples
        .Select(sample => sample.Command + ";" + string.Join(';',
            sample.Frames.Reverse().Select(frame => frame.Symbol)))
        .GroupBy(stack => stack).Select(group => $"{group.Key} {group.Count()}");
}
