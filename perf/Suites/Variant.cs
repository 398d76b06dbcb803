using System;
using System.Collections.Generic;
using System.Linq;

namespace Perf.Suites;

/// <summary>A job with one value chosen on each axis.</summary>
internal sealed class Variant
{
    private readonly AxisValue[] _values;

    private Variant(Job job, AxisValue[] values)
        : this(job, values, null)
    {
    }

    private Variant(Job job, AxisValue[] values, IReadOnlyList<Variant>? parts)
    {
        Job = job;
        _values = values;
        Parts = parts ?? [this];
        Label = string.Join(' ', values.Select(value => value.Name));
    }

    internal Job Job { get; }

    /// <summary>The chosen values' names; empty for a job without axes.</summary>
    internal string Label { get; }

    /// <summary>What reports and budgets call it.</summary>
    internal string FullName => Label.Length == 0 ? Job.Name : Job.Name + " " + Label;

    /// <summary>The variants whose figures one run of this gives: itself, or those that <see cref="Share"/> put
    /// together.</summary>
    internal IReadOnlyList<Variant> Parts { get; }

    internal IEnumerable<string> Command => Job.Command.SelectMany(word =>
        Job.Shared.Length > 0 && word == "{" + Job.Shared + "*}" ? Parts.Select(part => part.SharedText)
            : [Fill(word)]);

    internal string Metric => Fill(Job.Metric);

    internal string CacheText => Fill(Job.Cache);

    internal PageCache Cache => Enum.Parse<PageCache>(CacheText, true);

    /// <summary>Why a runtime does not have this variant; null if it has.</summary>
    internal string? WhyAbsent(string runtime) => Job.Absences.FirstOrDefault(absence => absence.Runtime == runtime
        && absence.When.All(pair => Has(pair.Key, pair.Value)))?.Why;

    /// <summary>All variants of a job, or the usual ones, in the order of its axes.</summary>
    internal static IEnumerable<Variant> Of(Job job, Selection selection)
    {
        IEnumerable<Variant> all = Product(job, 0).Select(values => new Variant(job, values));
        return selection == Selection.All || job.Usual.Count == 0
            ? all
            : all.Where(variant => job.Usual.Any(variant.IsUsual));
    }

    /// <summary>The variant of this name, or the first usual one of the job of this name.</summary>
    internal static Variant? Find(IEnumerable<Job> jobs, string name) =>
        jobs.SelectMany(job => Of(job, Selection.All)).FirstOrDefault(variant => variant.FullName == name)
        ?? jobs.Where(job => job.Name == name).SelectMany(job => Of(job, Selection.Usual)).FirstOrDefault();

    /// <summary>Variants as they run: those of a job that differ in its shared axis alone become one.</summary>
    internal static IEnumerable<Variant> Share(IEnumerable<Variant> variants) => variants
        .GroupBy(variant => (variant.Job.Name, variant.LabelOfRun))
        .Select(group => new Variant(group.First().Job, group.First()._values, [.. group]));

    /// <summary>What this variant should reach.</summary>
    internal IEnumerable<Goal> Goals() => Job.Goals.Where(goal => goal.When.All(pair => Has(pair.Key, pair.Value)));

    private static IEnumerable<AxisValue[]> Product(Job job, int from) =>
        from == job.Axes.Count
            ? [[]]
            : job.Axes[from].Values.SelectMany(value => Product(job, from + 1).Select(rest =>
                (AxisValue[])[value, .. rest]));

    private string LabelOfRun => string.Join(' ', _values
        .Where((_, axis) => Job.Axes[axis].Name != Job.Shared).Select(value => value.Name));

    private string SharedText => _values.Where((_, axis) => Job.Axes[axis].Name == Job.Shared).First().Text;

    private bool IsUsual(IReadOnlyDictionary<string, string> choice) =>
        Job.Axes.All(axis => Has(axis.Name, choice.GetValueOrDefault(axis.Name, axis.Values[0].Name)));

    private bool Has(string axis, string name)
    {
        for (int i = 0; i < _values.Length; i++)
        {
            if (Job.Axes[i].Name == axis)
            {
                return _values[i].Name == name;
            }
        }

        return false;
    }

    private string Fill(string text)
    {
        for (int i = 0; i < _values.Length; i++)
        {
            text = text.Replace("{" + Job.Axes[i].Name + "}", _values[i].Text);
        }

        return text;
    }
}

/// <summary>Which variants of a job run.</summary>
internal enum Selection
{
    Usual,
    All,
}
