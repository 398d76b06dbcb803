using System;
using System.Collections.Generic;
using System.IO;
using System.Text.Json;
using Perf.Suites;

namespace Perf.Results;

/// <summary>
/// What the gate holds a build to (<c>fio-suites/budget.json</c>): which suites run where and how often, by which
/// part each
/// job's performance may fall, and how sure an alarm must be.
/// </summary>
internal sealed record Budget
{
    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        ReadCommentHandling = JsonCommentHandling.Skip,
        AllowTrailingCommas = true,
        AllowDuplicateProperties = false,
        RespectNullableAnnotations = true,
        UnmappedMemberHandling = System.Text.Json.Serialization.JsonUnmappedMemberHandling.Disallow,
    };

    /// <summary>Measured when no result is given.</summary>
    public required string[] Suites { get; init; }

    /// <summary>The runtimes that are held to the budget.</summary>
    public required string[] Runtimes { get; init; }

    /// <summary>The runtime whose performance in the same turn each value is a part of; "" for none.</summary>
    public string Reference { get; init; } = "native";

    public int Runs { get; init; } = 10;

    /// <summary>Processors that everything runs on, as taskset -c takes them; "" for all.</summary>
    public string Cpus { get; init; } = "";

    /// <summary>The chance of one false alarm among all comparisons, before an alarm is measured again.</summary>
    public double Level { get; init; } = 0.05;

    /// <summary>The part by which performance may fall where <see cref="Jobs"/> says nothing else.</summary>
    public double Slowdown { get; init; } = 0.05;

    /// <summary>Other parts, by a variant's name or a job's.</summary>
    public Dictionary<string, double> Jobs { get; init; } = [];

    /// <summary>The runtimes in which what can be counted of each system call (managed bytes, calls that reach the
    /// Sentry, signals, exits of the virtual machine) is counted and compared exactly; one that this machine does not
    /// have is left out.</summary>
    public string[] Counted { get; init; } = [];

    /// <summary>The budget in a file, which these jobs are there for; what makes no sense in it is a mistake of the
    /// caller.</summary>
    internal static Budget Load(string path, IReadOnlyList<Job> jobs)
    {
        try
        {
            Budget budget = JsonSerializer.Deserialize<Budget>(File.ReadAllText(path), Json)
                ?? throw new FormatException("empty");
            BudgetCheck.Whole(budget, jobs);
            return budget;
        }
        catch (Exception failure) when (failure is JsonException or IOException or UnauthorizedAccessException
            or FormatException)
        {
            throw new UserException($"{path}: {failure.Message}");
        }
    }

    internal double Of(string variant)
    {
        string job = variant.Split(' ')[0];
        return Jobs.TryGetValue(variant, out double part) || Jobs.TryGetValue(job, out part) ? part : Slowdown;
    }
}
