using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using Perf.Results;
using Perf.Stats;

namespace Perf.Report;

/// <summary>Whether a goal is reached, by the 95 % interval of what it is about.</summary>
internal enum Attainment
{
    /// <summary>The whole interval reaches it.</summary>
    Reached,

    /// <summary>Nothing of the interval reaches it.</summary>
    Missed,

    /// <summary>The interval lies on both sides, or there are too few runs for one.</summary>
    Open,
}

/// <summary>One goal in one runtime, in words.</summary>
internal readonly record struct GoalRow(string Job, string Runtime, string Text, Attainment Attainment)
{
    internal string Word => Attainment switch
    {
        Attainment.Reached => "reached",
        Attainment.Missed => "missed",
        _ => "open",
    };
}

/// <summary>What jobs should reach, and whether they do.</summary>
internal static class Goals
{
    internal const string Legend =
        "Reached or missed where the whole 95 % interval of the figure is on one side of the "
        + "goal; open where it is on both, or where there are too few runs for an interval.";

    /// <summary>Every goal of a job in every runtime of ours that has samples, where it can be asked for.</summary>
    internal static IEnumerable<GoalRow> Of(JobResult job) =>
        from goal in job.Goals
        where IsAsked(job, goal)
        from series in job.Series
        where series.Samples.Count > 0 && Figures.IsOurs(series.Runtime)
        select goal.Than == null ? Limit(job, series, goal) : Ratio(job, series, job.Of(goal.Than)!, goal);

    private static bool IsAsked(JobResult job, GoalRecord goal) =>
        (goal.Than == null || job.Of(goal.Than) != null)
        && (goal.Where == null || (job.Of(goal.Where.Of) is Series third
            && job.Performance(job.Of(goal.Than!)!.Median, third.Median) < goal.Where.Below));

    private static GoalRow Limit(JobResult job, Series series, GoalRecord goal)
    {
        bool most = job.Better == Suites.Better.Lower;
        string text = $"{(most ? "at most" : "at least")} {Figures.Of(goal.Value)} {job.Unit}: ";
        Interval? interval = Confidence.OfMedian(series.Values);
        Interval? good = most && interval is Interval some ? new(-some.High, -some.Low) : interval;
        return new(job.Name, series.Runtime, text + Figures.Of(series.Median) + Reach(interval),
            Attain(good, most ? -goal.Value : goal.Value));
    }

    private static GoalRow Ratio(JobResult job, Series series, Series other, GoalRecord goal)
    {
        bool higher = job.Better == Suites.Better.Higher;
        Interval? interval = higher ? Confidence.OfRatio(series.Values, other.Values)
            : Confidence.OfRatio(other.Values, series.Values);
        string text = string.Create(
            CultureInfo.InvariantCulture,
            $"{goal.Than} x {goal.Value:0.00}: {job.Performance(series.Median, other.Median):0.00}");
        string where = goal.Where == null ? "" : string.Create(
            CultureInfo.InvariantCulture, $", as {goal.Than} is below {goal.Where.Below:0.00} of {goal.Where.Of}");
        return new(job.Name, series.Runtime, text + Reach(interval) + where, Attain(interval, goal.Value));
    }

    private static Attainment Attain(Interval? interval, double goal) =>
        interval is not Interval known ? Attainment.Open
        : known.Low >= goal ? Attainment.Reached
        : known.High < goal ? Attainment.Missed
        : Attainment.Open;

    private static string Reach(Interval? interval) => interval is Interval known
        ? $" ({Figures.Of(known.Low)} to {Figures.Of(known.High)})"
        : "";
}
