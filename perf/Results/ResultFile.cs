using System;
using System.Collections.Generic;
using System.Diagnostics.CodeAnalysis;
using System.IO;
using System.Linq;
using System.Text.Json;
using System.Text.Json.Serialization;
using Perf.Runtimes;
using Perf.Stats;
using Perf.Suites;

namespace Perf.Results;

/// <summary>One value of one run.</summary>
internal sealed record Sample
{
    /// <summary>Which turn of the interleaved runs it was; runs of one turn are neighbours in time.</summary>
    public required int Round { get; init; }

    public required double Value { get; init; }

    /// <summary>How long the whole run took, from outside.</summary>
    public required double Seconds { get; init; }

    /// <summary>Part of the machine's processor time that the hypervisor gave to others during the run.</summary>
    public required double Steal { get; init; }

    /// <summary>Far from the other samples of its series; it counts all the same.</summary>
    public bool Outlier { get; set; }
}

/// <summary>All samples of a variant in one runtime.</summary>
internal sealed record Series
{
    public required string Runtime { get; init; }

    public List<Sample> Samples { get; init; } = [];

    /// <summary>Runs that gave no value, each with its reason.</summary>
    public List<string> Failures { get; init; } = [];

    /// <summary>Why the runtime does not have this variant; null if it has.</summary>
    public string? LeftOut { get; init; }

    /// <summary>Latencies of all runs, as HdrHistogram encodes them; null where the tool tells none.</summary>
    public string? Latency { get; set; }

    /// <summary>Nanoseconds by percentile, from <see cref="Latency"/>.</summary>
    public Dictionary<string, long>? Percentiles { get; set; }

    [JsonIgnore]
    internal double[] Values => [.. Samples.Select(sample => sample.Value)];

    [JsonIgnore]
    internal double Median => Order.Median(Values);
}

/// <summary>What a variant should reach, as its job says.</summary>
internal sealed record GoalRecord(string? Than, double Value, Shortfall? Where = null);

/// <summary>One variant of a job in all runtimes of the run.</summary>
internal sealed record JobResult
{
    public required string Name { get; init; }

    public required string Suite { get; init; }

    public required string Summary { get; init; }

    public required string Unit { get; init; }

    public required Better Better { get; init; }

    /// <summary>What the figure depends on besides the runtime (<see cref="Suites.Definition"/>); null in results
    /// that are
    /// older than it.</summary>
    public string? Definition { get; init; }

    public List<GoalRecord> Goals { get; init; } = [];

    public List<Series> Series { get; init; } = [];

    internal Series? Of(string runtime) => Series.FirstOrDefault(series => series.Runtime == runtime
        && series.Samples.Count > 0);

    /// <summary>How good a median is as a part of another's: above 1 is better, whichever way the metric
    /// goes.</summary>
    internal double Performance(double value, double reference) =>
        Better == Better.Higher ? value / reference : reference / value;
}

/// <summary>A runtime, what it says of itself, and the beginning of its executable's SHA-256 in hexadecimal; null for
/// native.</summary>
internal sealed record RuntimeRecord(
    string Name, string Version, IReadOnlyList<string> Flags, string? Executable = null);

/// <summary>A count that is compared exactly, such as managed bytes for each system call.</summary>
internal sealed record CountRecord(string Name, double Value);

/// <summary>One run of the harness: everything a report says comes from here.</summary>
internal sealed record ResultFile
{
    /// <summary>The number of this form of the file.</summary>
    internal const int CurrentFormat = 1;

    private const string LogExtension = ".hlog";

    private static readonly JsonSerializerOptions Json = new()
    {
        WriteIndented = true,
        RespectNullableAnnotations = true,
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
    };

    public int Format { get; init; } = CurrentFormat;

    public required DateTime Taken { get; init; }

    /// <summary>Of the checkout, with "+" if it had changes.</summary>
    public required string Commit { get; init; }

    public required Machine Machine { get; init; }

    /// <summary>How the run was asked for.</summary>
    public required Dictionary<string, string> Knobs { get; init; }

    public List<RuntimeRecord> Runtimes { get; init; } = [];

    public List<JobResult> Jobs { get; init; } = [];

    public List<CountRecord> Counts { get; init; } = [];

    public List<CapacityRecord> Capacity { get; init; } = [];

    internal JobResult? Find(string name) => Jobs.FirstOrDefault(job => job.Name == name);

    /// <summary>A result with nothing measured yet.</summary>
    internal static ResultFile Begin(Layout layout, Dictionary<string, string> knobs, IEnumerable<RuntimeSpec> runtimes)
        => new()
        {
            Taken = DateTime.UtcNow,
            Commit = Machine.Commit(layout.Top),
            Machine = Machine.Describe(),
            Knobs = knobs,
            Runtimes = [.. runtimes.Select(each => each.Describe())],
        };

    internal static ResultFile Load(string path)
    {
        try
        {
            return Parse(File.ReadAllText(path));
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or FormatException)
        {
            throw new UserException($"{path}: {failure.Message}");
        }
    }

    /// <summary>A result from its text; false if it is none of this form.</summary>
    internal static bool TryParse(string text, [NotNullWhen(true)] out ResultFile? result)
    {
        try
        {
            result = Parse(text);
            return true;
        }
        catch (FormatException)
        {
            result = null;
            return false;
        }
    }

    /// <summary>Writes the result whole or not at all, and its latencies beside it as a log of histograms.</summary>
    internal void Save(string path)
    {
        WriteWhole(path, JsonSerializer.Serialize(this, Json) + "\n");
        List<(string, Histogram)> latencies = [];
        foreach (JobResult job in Jobs)
        {
            foreach (Series series in job.Series.Where(series => series.Latency != null))
            {
                string tag = (job.Name + " " + series.Runtime).Replace(' ', '/').Replace(',', '/');
                latencies.Add((tag, HistogramLog.Decode(series.Latency!)));
            }
        }

        if (latencies.Count > 0)
        {
            using StringWriter log = new();
            HistogramLog.Write(log, Taken, latencies);
            string beside = Path.ChangeExtension(path, LogExtension);
            WriteWhole(beside == path ? path + LogExtension : beside, log.ToString());
        }
    }

    /// <summary>A whole result; a <see cref="FormatException"/> says what it lacks.</summary>
    private static ResultFile Parse(string text)
    {
        ResultFile? result;
        try
        {
            result = JsonSerializer.Deserialize<ResultFile>(text, Json);
        }
        catch (JsonException failure)
        {
            throw new FormatException($"not a result of format {CurrentFormat}: {failure.Message}", failure);
        }

        if (result?.Format != CurrentFormat)
        {
            throw new FormatException($"not a result of format {CurrentFormat}");
        }

        ResultCheck.Whole(result);
        return result;
    }

    private static void WriteWhole(string path, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        File.WriteAllText(path + ".new", text);
        File.Move(path + ".new", path, true);
    }
}
