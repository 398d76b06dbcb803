using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using Perf.Runtimes;
using Perf.Suites;

namespace Perf.Profile;

/// <summary>Runs a variant to look at it, not to time it.</summary>
internal sealed class Profiler(Layout layout, RuntimeSpec runtime, Variant variant)
{
    /// <summary>Samples a second of a busy processor; a prime, so that it keeps no step with the kernel's
    /// tick.</summary>
    internal const int Frequency = 997;

    private const string Program = "/usr/bin/perf";

    private static readonly TimeSpan ReadLimit = TimeSpan.FromSeconds(300);

    /// <summary>Stacks of a run; none, with a reason, if they cannot be had.</summary>
    internal List<StackSample> Sample(out string reason)
    {
        if (!Processes.Run([Program, "--version"], ReadLimit).Output.StartsWith("perf version",
            StringComparison.Ordinal))
        {
            reason = $"{Program} is not Linux's perf (package linux-perf)";
            return [];
        }

        using Execution execution = new(layout, runtime, variant, "");
        string data = Path.Combine(execution.Folder, "perf.data");
        ProcessResult run = execution.RunUnder(
            Program, "record", "-q", "-e", "cpu-clock", "-F", Frequency.ToString(CultureInfo.InvariantCulture), "-g",
                "-m",
            "1024", "-o", data, "--");
        if (run.Status != 0 || !File.Exists(data))
        {
            reason = $"status {run.Status}: {run.Error.Trim()}";
            return [];
        }

        string text = Path.Combine(execution.Folder, "stacks");
        ProcessResult script = Processes.Run(
            ["/bin/sh", "-c", "exec \"$@\" >\"$0\" 2>/dev/null", text, Program, "script", "-i", data, "-F",
                PerfScript.Fields],
            ReadLimit);
        reason = script.Status == 0 ? "nothing ran long enough" : $"perf script: status {script.Status}";
        using StreamReader reader = new(text);
        return script.Status == 0 ? [.. PerfScript.Read(reader)] : [];
    }

    /// <summary>System calls of a run by name, counted by the Sentry: every call has to come to it for that, also one
    /// that the stub answers otherwise. A reason where the run failed.</summary>
    internal CallCounts Count(out string reason) => Read(["--count-calls"], out reason);

    /// <summary>By which ways calls came, of a run in which the Sentry counts none: the stub answers what it answers.
    /// </summary>
    internal IReadOnlyDictionary<string, long> Ways(out string reason) => Read([], out reason).Ways;

    private CallCounts Read(string[] flags, out string reason)
    {
        using Scratch scratch = new(layout);
        string log = Path.Combine(scratch.Folder, "calls");
        RuntimeSpec counting = runtime with { Flags = [.. runtime.Flags, .. flags, "--debug-log=" + log] };
        using Execution execution = new(layout, counting, variant, "");
        ProcessResult run = execution.RunUnder();
        reason = run.Status != 0 ? $"status {run.Status}" + Execution.LastWords(run)
            : File.Exists(log) ? "" : "the runtime wrote none";
        if (reason.Length > 0)
        {
            return CallCounts.Read(TextReader.Null);
        }

        using StringReader text = new(File.ReadAllText(log));
        return CallCounts.Read(text);
    }
}
