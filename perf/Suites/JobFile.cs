using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.Json;
using System.Text.RegularExpressions;
using Perf.Parsers;

namespace Perf.Suites;

/// <summary>Reads <c>fio-suites/JOB/job.json</c>; <c>fio-suites/README.md</c> describes it. A member that is not known,
/// missing or of another type is a <see cref="FormatException"/> that names the file.</summary>
internal static class JobFile
{
    internal const string FileName = "job.json";

    private const string CommonGoals = "goals.json";

    private const int UsualTimeout = 60;

    private static readonly string[] Known =
    [
        "suite", "summary", "command", "measure", "parser", "metric", "unit", "better", "axes", "usual", "needs",
            "goals",
        "timeout", "repeat", "shared", "cache", "absent",
    ];

    private static readonly JsonDocumentOptions Options =
        new()
        {
            CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true, AllowDuplicateProperties = false,
        };

    /// <summary>All jobs below a folder, by name; each has the goals of <c>goals.json</c> beside its own.</summary>
    internal static List<Job> All(string suites)
    {
        Goal[] common = Common(Path.Combine(suites, CommonGoals));
        return
        [
            .. Directory.GetDirectories(suites).Order(StringComparer.Ordinal)
                .Where(folder => File.Exists(Path.Combine(folder, FileName)))
                .Select(folder => Parse(folder, File.ReadAllText(Path.Combine(folder, FileName))))
                .Select(job => job with { Goals = [.. job.Goals, .. common] }),
        ];
    }

    private static Goal[] Common(string path)
    {
        if (!File.Exists(path))
        {
            return [];
        }

        try
        {
            using JsonDocument document = JsonDocument.Parse(File.ReadAllText(path), Options);
            return [.. document.RootElement.EnumerateArray().Select(ReadGoal)];
        }
        catch (Exception failure) when (failure is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw new FormatException($"{CommonGoals}: {failure.Message}", failure);
        }
    }

    internal static Job Parse(string folder, string text)
    {
        string name = Path.GetFileName(folder);
        try
        {
            using JsonDocument document = JsonDocument.Parse(text, Options);
            Job job = Read(folder, name, document.RootElement);
            CheckWhole(job);
            return job;
        }
        catch (Exception failure) when (failure is JsonException or KeyNotFoundException or InvalidOperationException
            or FormatException)
        {
            throw new FormatException($"{name}/{FileName}: {failure.Message}", failure);
        }
    }

    private static Job Read(string folder, string name, JsonElement root)
    {
        foreach (JsonProperty property in root.EnumerateObject())
        {
            Check(Known.Contains(property.Name), $"unknown member '{property.Name}'");
        }

        Measure measure = EnumOf<Measure>(root, "measure", "tool");
        return new()
        {
            Name = name,
            Suite = Text(root, "suite"),
            Summary = Text(root, "summary"),
            Folder = folder,
            Command = Texts(root, "command"),
            Measure = measure,
            Parser = measure == Measure.Tool ? Text(root, "parser") : "",
            Metric = measure is Measure.Tool or Measure.Memory or Measure.Life ? Text(root, "metric") : "",
            Unit = Text(root, "unit"),
            Better = EnumOf<Better>(root, "better", "higher"),
            Axes = root.TryGetProperty("axes", out JsonElement axes) ? [.. axes.EnumerateObject().Select(ReadAxis)]
                : [],
            Usual = root.TryGetProperty("usual", out JsonElement usual) ? [.. usual.EnumerateArray().Select(Choice)]
                : [],
            Shared = root.TryGetProperty("shared", out JsonElement shared) ? Word(shared) : "",
            Needs = root.TryGetProperty("needs", out _) ? Texts(root, "needs") : [],
            Goals = root.TryGetProperty("goals", out JsonElement goals)
                ? [.. goals.EnumerateArray().Select(ReadGoal)] : [],
            TimeoutSeconds = root.TryGetProperty("timeout", out JsonElement timeout) ? timeout.GetInt32()
                : UsualTimeout,
            Repeat = root.TryGetProperty("repeat", out JsonElement repeat) ? repeat.GetInt32() : 1,
            Cache = root.TryGetProperty("cache", out JsonElement cache) ? Word(cache) : nameof(PageCache.Warm),
            Absences = root.TryGetProperty("absent", out JsonElement absent)
                ? [.. absent.EnumerateArray().Select(ReadAbsence)] : [],
        };
    }

    private static void CheckWhole(Job job)
    {
        Check(job.Command.Count > 0, "an empty command");
        Check(job.TimeoutSeconds > 0 && job.Repeat > 0, "timeout and repeat are positive");
        Check(job.Measure != Measure.Tool || ToolParsers.Names.Contains(job.Parser), $"no parser '{job.Parser}'");
        Check(job.Shared.Length == 0 || job.Axes.Any(axis => axis.Name == job.Shared), $"no axis '{job.Shared}'");
        foreach (Axis axis in job.Axes)
        {
            Check(axis.Values.Count > 0, $"axis '{axis.Name}' has no values");
            Check(axis.Values.DistinctBy(value => value.Name).Count() == axis.Values.Count,
                $"axis '{axis.Name}' has two values of one name");
        }

        foreach (Variant variant in Variant.Of(job, Selection.All))
        {
            CheckVariant(variant);
        }

        foreach (IReadOnlyDictionary<string, string> choice in job.Usual.Concat(job.Goals.Select(goal => goal.When))
            .Concat(job.Absences.Select(absence => absence.When)))
        {
            foreach ((string key, string value) in choice)
            {
                Axis? axis = job.Axes.FirstOrDefault(axis => axis.Name == key);
                Check(axis != null && axis.Values.Any(known => known.Name == value), $"no variant {key}={value}");
            }
        }
    }

    /// <summary>What is filled in from the axes makes sense whichever values they take.</summary>
    private static void CheckVariant(Variant variant)
    {
        Job job = variant.Job;
        if (job.Parser == "pattern")
        {
            CheckPattern(variant.Metric);
        }

        Check(job.Measure != Measure.Life || LifeParser.Steps.Contains(variant.Metric),
            $"a life has no step '{variant.Metric}'");
        Check(Enum.GetNames<PageCache>().Contains(variant.CacheText, StringComparer.OrdinalIgnoreCase),
            $"cache: '{variant.CacheText}' is neither warm nor cold");
        Check(variant.Cache == PageCache.Warm || job.Measure is Measure.Outside or Measure.Life,
            "cache: only a clock outside can begin with a cold one");
        Check(job.Shared.Length == 0 || job.Cache != "{" + job.Shared + "}", "cache: not by the shared axis");
    }

    private static void CheckPattern(string pattern)
    {
        try
        {
            Check(new Regex(pattern).GetGroupNumbers().Length > 1, $"the pattern {pattern} has no group");
        }
        catch (ArgumentException failure)
        {
            throw new FormatException(failure.Message, failure);
        }
    }

    private static Axis ReadAxis(JsonProperty property) => new(property.Name,
        property.Value.ValueKind == JsonValueKind.Array
        ? [.. property.Value.EnumerateArray().Select(value => new AxisValue(Word(value), Word(value)))]
        : [.. property.Value.EnumerateObject().Select(pair => new AxisValue(pair.Name, Word(pair.Value)))]);

    private static Dictionary<string, string> Choice(JsonElement element) =>
        element.EnumerateObject().ToDictionary(pair => pair.Name, pair => Word(pair.Value));

    /// <summary><c>{"when": {...}, "than": RUNTIME, "ratio": R}</c>, perhaps with <c>"where": {"of": OTHER, "below":
    /// B}</c>, or <c>{"limit": L}</c>.</summary>
    private static Goal ReadGoal(JsonElement element)
    {
        Dictionary<string, string> when = element.TryGetProperty("when", out JsonElement choice) ? Choice(choice) : [];
        return element.TryGetProperty("limit", out JsonElement limit)
            ? new(when, null, limit.GetDouble())
            : new(when, Text(element, "than"), element.GetProperty("ratio").GetDouble(),
                element.TryGetProperty("where", out JsonElement where)
                    ? new Shortfall(Text(where, "of"), where.GetProperty("below").GetDouble())
                    : null);
    }

    /// <summary><c>{"when": {...}, "runtime": RUNTIME, "why": TEXT}</c>.</summary>
    private static Absence ReadAbsence(JsonElement element)
    {
        Dictionary<string, string> when = element.TryGetProperty("when", out JsonElement choice) ? Choice(choice) : [];
        return new(when, Text(element, "runtime"), Text(element, "why"));
    }

    private static T EnumOf<T>(JsonElement root, string member, string usual)
        where T : struct, Enum
    {
        string text = root.TryGetProperty(member, out JsonElement value) ? Word(value) : usual;
        Check(Enum.TryParse(text, true, out T result) && Enum.IsDefined(result),
            $"{member}: '{text}' is not known");
        return result;
    }

    private static string Text(JsonElement element, string member) =>
        element.TryGetProperty(member, out JsonElement value)
            ? Word(value)
            : throw new KeyNotFoundException($"member '{member}' is missing");

    private static string[] Texts(JsonElement element, string member) =>
        [.. element.GetProperty(member).EnumerateArray().Select(value => Word(value))];

    private static string Word(JsonElement element) =>
        element.GetString() ?? throw new FormatException("null is no text");

    private static void Check(bool holds, string message)
    {
        if (!holds)
        {
            throw new FormatException(message);
        }
    }
}
