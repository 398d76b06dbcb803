using System;
using System.Collections.Generic;
using System.CommandLine;
using System.ComponentModel;
using System.Globalization;
using System.IO;
using System.Linq;
using Perf.Results;
using Perf.Runtimes;

namespace Perf.Commands;

/// <summary>What the gate measures of a build, and of another one in the same turns: pinned, with the reference, with
/// counts.</summary>
internal sealed class GateMeasurement
{
    /// <summary>What a runtime of the other build is called begins with this.</summary>
    internal const string Before = "before-";

    private readonly Budget _budget;
    private readonly string? _against;
    private readonly string _runtimes;

    /// <summary><paramref name="runtimes"/> are measured as the budget's, in the form of <c>perf run</c>; null for
    /// those themselves. An executable that is not there is a mistake of the caller, before anything runs.</summary>
    internal GateMeasurement(Budget budget, string? against, string? runtimes)
    {
        _budget = budget;
        _against = against;
        List<string> words = budget.Reference.Length > 0 ? [budget.Reference] : [];
        words.Add(runtimes ?? string.Join(',', budget.Runtimes));
        if (against != null)
        {
            words.AddRange(budget.Runtimes.Select(name => $"{Before}{name}={against}+{PlatformFlag(name)}"));
        }

        _runtimes = string.Join(',', words);
        Layout layout = Layout.Find();
        IEnumerable<(string Name, string Path)> programs = RuntimeSpec.ParseAll(_runtimes, layout)
            .Select(spec => (spec.Name, spec.Path)).Concat(budget.Counted.Select(name => (name, layout.Runsc)));
        foreach ((string name, string path) in programs)
        {
            if (path.Length > 0 && !File.Exists(path))
            {
                throw new UserException($"gate: {name}: there is no executable {path}");
            }
        }
    }

    /// <summary>Why something could not be counted, in words.</summary>
    internal List<string> Troubles { get; } = [];

    /// <summary>Whether calls can be counted in a runtime here.</summary>
    internal static bool IsHere(string runtime) => runtime != "runsc-kvm" || File.Exists("/dev/kvm");

    /// <summary>The budget's suites, or one variant of them, with so many times the budget's runs.</summary>
    internal ResultFile Measure(string only, int times)
    {
        RunOptions options = new();
        Command command = new("run");
        options.AddTo(command);
        List<string> words =
        [
            .. _budget.Suites, "--runtimes", _runtimes, "--runs",
            (_budget.Runs * times).ToString(CultureInfo.InvariantCulture),
        ];
        words.AddRange(_budget.Cpus.Length > 0 ? ["--cpus", _budget.Cpus] : []);
        words.AddRange(only.Length > 0 ? ["--filter", only] : []);
        return options.Measure(command.Parse(words), Layout.Find(), (grown, job) => { });
    }

    /// <summary>All counts of this build.</summary>
    internal List<CountRecord> Counts() => Counts("", world => world);

    /// <summary>All counts of the other build, which no result has.</summary>
    internal List<CountRecord> CountsBefore() => Counts(Before, world => world.With(_against!));

    private static string PlatformFlag(string runtime) => "--platform=" + runtime[(runtime.IndexOf('-') + 1)..];

    private List<CountRecord> Counts(string prefix, Func<World, World> build)
    {
        List<CountRecord> counts = [];
        foreach (string runtime in _budget.Counted)
        {
            if (!IsHere(runtime))
            {
                Console.Error.WriteLine($"not counted: {runtime}, as this machine has no /dev/kvm");
                continue;
            }

            try
            {
                long rounds = runtime == "runsc-kvm" ? AllocationBenchmark.FewerRounds : AllocationBenchmark.ManyRounds;
                World world = build(World.Prepare(Layout.Find()));
                var benchmark = new AllocationBenchmark(world, new(), rounds, PlatformFlag(runtime));
                counts.AddRange(benchmark.Count([]).Select(count => count with { Name = $"{runtime} {count.Name}" }));
            }
            catch (Exception failure) when (failure is UserException or IOException or UnauthorizedAccessException
                or InvalidOperationException or FormatException or Win32Exception)
            {
                string reason = failure.Message.ReplaceLineEndings(" ").Trim();
                Troubles.Add($"{prefix}{runtime} could not be counted: {reason}");
            }
        }

        return counts;
    }
}
