using System;
using System.Collections.Generic;
using System.Linq;

namespace Perf.Profile;

/// <summary>Which part of a sandbox a process is.</summary>
internal enum Role
{
    /// <summary>The harness's wrappers, or what mounts and starts.</summary>
    Around,
    Launcher,
    Sentry,
    Gofer,

    /// <summary>The processes that the guest's code runs in.</summary>
    Guest,
}

/// <summary>
/// Says of each sample whose work it was. A process is known by the functions that it was ever seen in, because all of
/// ours run one executable; what it did, by the outermost frame that tells.
/// </summary>
internal sealed class Attribution
{
    private const string Handlers = "Sentry_Sentry_Syscalls_";

    private static readonly string[] Wrappers = ["perf", "timeout", "unshare", "bash", "mount", "mkdir", "taskset"];

    private readonly Dictionary<int, Role> _roles = [];

    internal Attribution(IEnumerable<StackSample> samples)
    {
        foreach (StackSample sample in samples)
        {
            Role role = RoleOf(sample);
            _roles[sample.Pid] = _roles.TryGetValue(sample.Pid, out Role known) && Rank(known) >= Rank(role)
                ? known
                : role;
        }
    }

    internal Role Of(StackSample sample) => _roles[sample.Pid];

    /// <summary>The samples from the first one in a guest's process on: what was before it is the start, not the job.
    /// All of them if there is none.</summary>
    internal List<StackSample> FromGuest(IReadOnlyList<StackSample> samples) =>
        samples.Any(sample => Of(sample) == Role.Guest)
            ? [.. samples.SkipWhile(sample => Of(sample) != Role.Guest)]
            : [.. samples];

    /// <summary>The work that the sample was part of, in words.</summary>
    internal string Work(StackSample sample) => Of(sample) switch
    {
        Role.Sentry => SentryWork(sample),
        Role.Guest => GuestWork(sample),
        Role.Gofer => "gofer",
        Role.Launcher => "starting and waiting (the command line)",
        _ => "around the sandbox (mounts, wrappers)",
    };

    /// <summary>The handler of a system call that the sample was below; null if it was below none.</summary>
    internal static string? Handler(StackSample sample)
    {
        for (int i = sample.Frames.Count - 1; i >= 0; i--)
        {
            string symbol = sample.Frames[i].Symbol;
            int method = symbol.IndexOf("__", Math.Min(Handlers.Length, symbol.Length), StringComparison.Ordinal);
            if (symbol.StartsWith(Handlers, StringComparison.Ordinal) && method > 0)
            {
                return symbol[(method + 2)..];
            }
        }

        return null;
    }

    private static string SentryWork(StackSample sample)
    {
        if (Has(sample, "WKS::") || Has(sample, "GCHeap"))
        {
            return "Sentry: collecting garbage";
        }

        if (Handler(sample) != null)
        {
            return "Sentry: handlers of system calls";
        }

        if (sample.Frames.Any(frame => frame.Symbol.Contains("HandleFault", StringComparison.Ordinal)))
        {
            return "Sentry: page faults of the guest";
        }

        return Has(sample, "Platform_") ? "Sentry: handing over to the guest and waiting for it"
            : Has(sample, "Sentry_Sentry_") ? "Sentry: rest of the kernel"
            : Has(sample, "runsc_Runsc_") ? "Sentry: starting" : "Sentry: other threads of the run time";
    }

    private static string GuestWork(StackSample sample)
    {
        if (sample.Frames.Count > 0 && !sample.Frames[0].IsKernel)
        {
            return sample.Frames[0].File.StartsWith('[') ? "guest: stub, and code without a file"
                : "guest: its own code";
        }

        return sample.Frames.Any(frame => frame.Symbol == "exc_page_fault")
            ? "guest: page faults in the host's kernel"
            : "guest: the host's kernel (traps, hand-over, switches)";
    }

    private static bool Has(StackSample sample, string prefix) =>
        sample.Frames.Any(frame => frame.Symbol.StartsWith(prefix, StringComparison.Ordinal));

    private static Role RoleOf(StackSample sample)
    {
        return Has(sample, "Sentry_Sentry_") || Has(sample, "Platform_") ? Role.Sentry
            : Has(sample, "Gofer_Gofer_") ? Role.Gofer
            : Has(sample, "runsc_Runsc_") || Has(sample, "System_CommandLine") ? Role.Launcher
            : Wrappers.Contains(sample.Command) ? Role.Around
            : Role.Guest;
    }

    /// <summary>A process that once was a Sentry is one, whatever else it was seen in: the gofer's code can be in it.
    /// </summary>
    private static int Rank(Role role) => role switch
    {
        Role.Sentry => 4,
        Role.Gofer => 3,
        Role.Launcher => 2,
        Role.Guest => 1,
        _ => 0,
    };
}
