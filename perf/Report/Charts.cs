using System;
using System.Collections.Generic;
using System.Linq;
using Perf.Results;
using Perf.Stats;

namespace Perf.Report;

/// <summary>The report's pictures. Runtime number N of the result has the colour of class <c>rN</c>.</summary>
internal static class Charts
{
    private const double Width = 720;
    private const double Left = 130;
    private const double Right = 50;
    private const double RowHeight = 30;

    /// <summary>Every sample of a variant: a row a runtime, a tick at the median, a bar over its 95 %
    /// interval.</summary>
    internal static string Samples(JobResult job, List<string> runtimes)
    {
        List<Series> rows = [.. job.Series.Where(series => series.Samples.Count > 0)];
        if (rows.Count == 0)
        {
            return "";
        }

        double[] all = [.. rows.SelectMany(series => series.Values)];
        Scale scale = new(all.Min(), all.Max(), Left, Width - Right);
        double height = rows.Count * RowHeight + 34;
        Svg svg = new(Width, height, $"{job.Name}, samples in {job.Unit}");
        double bottom = rows.Count * RowHeight + 6;
        foreach (double tick in scale.Ticks())
        {
            svg.Line("grid", scale.At(tick), 4, scale.At(tick), bottom);
            svg.Text("tick", scale.At(tick), bottom + 15, "middle", Figures.Of(tick));
        }

        for (int i = 0; i < rows.Count; i++)
        {
            double middle = 6 + (i + 0.5) * RowHeight;
            string colour = Colour(runtimes, rows[i].Runtime);
            svg.Text("label", Left - 10, middle + 4, "end", rows[i].Runtime);
            if (Confidence.OfMedian(rows[i].Values) is Interval interval)
            {
                double wide = Math.Max(2, scale.At(interval.High) - scale.At(interval.Low));
                svg.Bar("interval " + colour, scale.At(interval.Low), middle - 8, wide, 16);
            }

            foreach (Sample sample in rows[i].Samples)
            {
                string mark = sample.Outlier || sample.Steal > Figures.MuchSteal ? "marked " : "sample ";
                svg.Dot(mark + colour, scale.At(sample.Value), middle, 3.5);
            }

            svg.Line("median " + colour, scale.At(rows[i].Median), middle - 11, scale.At(rows[i].Median), middle + 11);
        }

        svg.Text("tick", Width - Right, height - 3, "end", job.Unit);
        return svg.End();
    }

    /// <summary>Latency by percentile, both logarithmic, so that each nine takes the same room; a curve ends where
    /// there are no values enough for the next percentile.</summary>
    internal static string Latencies(JobResult job, List<string> runtimes)
    {
        const double High = 230;
        const double Nines = 4;
        List<(string Runtime, Histogram Counts)> rows =
        [
            .. job.Series.Where(series => series.Latency != null)
                .Select(series => (series.Runtime, Counts: HistogramLog.Decode(series.Latency!)))
                .Where(row => row.Counts.Tells(90)),
        ];
        if (rows.Count == 0)
        {
            return "";
        }

        double least = rows.Min(row => Math.Max(1, row.Counts.Percentile(1)));
        Scale scale = new(least / 1e3, rows.Max(row => row.Counts.Percentile(99.99)) / 1e3, High - 30, 10);
        Svg svg = new(Width, High, $"{job.Name}, latency by percentile");
        foreach (double tick in scale.Ticks())
        {
            svg.Line("grid", Left, scale.At(tick), Width - Right, scale.At(tick));
            svg.Text("tick", Left - 8, scale.At(tick) + 4, "end", Figures.Of(tick) + " µs");
        }

        for (int nine = 0; nine <= Nines; nine++)
        {
            double percent = 100 - 100 * Math.Pow(10, -nine);
            double x = Left + nine / Nines * (Width - Left - Right);
            svg.Line("grid", x, 10, x, High - 30);
            svg.Text("tick", x, High - 14, "middle", nine == 0 ? "0 %" : Percent(percent));
        }

        foreach ((string runtime, Histogram counts) in rows)
        {
            const int Steps = 60;
            List<(double, double)> points = [];
            for (int i = 0; i <= Steps && counts.Tells(100 - 100 * Math.Pow(10, -Nines * i / Steps)); i++)
            {
                double percent = 100 - 100 * Math.Pow(10, -Nines * i / Steps);
                double latency = Math.Max(least, counts.Percentile(percent)) / 1e3;
                points.Add((Left + (double)i / Steps * (Width - Left - Right), scale.At(latency)));
            }

            svg.Path("curve " + Colour(runtimes, runtime), [.. points]);
        }

        return svg.End();
    }

    /// <summary>Memory of all sandboxes by their number, measured (dots) and on to the number at which it
    /// ends.</summary>
    internal static string Capacity(CapacityRecord capacity)
    {
        const double High = 200;
        double carried = Math.Max(capacity.Steps[^1].Sandboxes, capacity.Limits.FirstOrDefault()?.Sandboxes ?? 0);
        double each = capacity.Steps[^1].MemoryMib;
        double most = Math.Max(capacity.Steps.Max(step => step.MemoryMib * step.Sandboxes), each * carried);
        Scale across = new(0, carried, Left, Width - Right);
        Scale up = new(0, Math.Max(1, most), High - 30, 10);
        Svg svg = new(Width, High, $"memory of {capacity.Shape} sandboxes by their number");
        foreach (double tick in up.Ticks())
        {
            svg.Line("grid", Left, up.At(tick), Width - Right, up.At(tick));
            svg.Text("tick", Left - 8, up.At(tick) + 4, "end", Figures.Of(tick) + " MiB");
        }

        foreach (double tick in across.Ticks())
        {
            svg.Text("tick", across.At(tick), High - 14, "middle", Figures.Of(tick));
        }

        svg.Path("curve r2", [(across.At(0), up.At(0)), (across.At(carried), up.At(each * carried))]);
        foreach (CapacityStep step in capacity.Steps)
        {
            svg.Dot("sample r2", across.At(step.Sandboxes), up.At(step.MemoryMib * step.Sandboxes), 4);
        }

        svg.Text("tick", Width - Right, High - 1, "end", "sandboxes");
        return svg.End();
    }

    /// <summary>A runtime's performance as a part of the reference's, result by result.</summary>
    internal static string History(IReadOnlyList<ResultFile> results, string name, string reference,
        List<string> runtimes)
    {
        const double High = 150;
        JobResult last = results[^1].Find(name)!;
        List<(string Runtime, List<(int At, double Ratio)> Points)> lines = [];
        foreach (string runtime in runtimes.Where(runtime => runtime != reference))
        {
            List<(int, double)> points = [];
            for (int i = 0; i < results.Count; i++)
            {
                if (results[i].Find(name) is JobResult job && job.Unit == last.Unit && job.Better == last.Better
                    && job.Of(runtime) is Series mine && job.Of(reference) is Series other)
                {
                    points.Add((i, job.Performance(mine.Median, other.Median)));
                }
            }

            if (points.Count > 1)
            {
                lines.Add((runtime, points));
            }
        }

        if (lines.Count == 0)
        {
            return "";
        }

        double[] all = [1, .. lines.SelectMany(line => line.Points).Select(point => point.Ratio)];
        Scale scale = new(all.Min(), all.Max(), High - 28, 8);
        Svg svg = new(Width, High, $"{name}, performance as a part of {reference} by result");
        foreach (double tick in scale.Ticks())
        {
            svg.Line("grid", Left, scale.At(tick), Width - Right, scale.At(tick));
            svg.Text("tick", Left - 8, scale.At(tick) + 4, "end", Figures.Of(tick));
        }

        double step = (Width - Left - Right - 40) / Math.Max(1, results.Count - 1);
        for (int i = 0; i < results.Count; i++)
        {
            svg.Text("tick", Left + 20 + i * step, High - 10, "middle", Short(results[i].Commit));
            if (i > 0 && IsBreak(results[i - 1], results[i], name))
            {
                double between = Left + 20 + (i - 0.5) * step;
                svg.Line("break", between, 8, between, High - 28);
            }
        }

        foreach ((string runtime, List<(int At, double Ratio)> points) in lines)
        {
            svg.Path("curve " + Colour(runtimes, runtime), [.. points.Select(at => (Left + 20 + at.At * step,
                scale.At(at.Ratio)))]);
            foreach ((int at, double ratio) in points)
            {
                svg.Dot("sample " + Colour(runtimes, runtime), Left + 20 + at * step, scale.At(ratio), 3);
            }
        }

        return svg.End();
    }

    /// <summary>A commit in eight digits; what says that the build was not the commit alone stays.</summary>
    internal static string Short(string commit)
    {
        const int Shown = 8;
        string first = commit.Split(' ')[0].TrimEnd('+');
        return first[..Math.Min(Shown, first.Length)] + (commit.Contains(' ') ? "…" : "")
            + (commit.Contains('+') ? "+" : "");
    }

    /// <summary>Whether a job's figure is of other conditions than in the result before.</summary>
    private static bool IsBreak(ResultFile before, ResultFile after, string name) =>
        Likeness.Differences(before, after).Any()
        || (before.Find(name) is JobResult first && after.Find(name) is JobResult second
            && Likeness.Of(first, second) != null);

    /// <summary>The class of a runtime's colour.</summary>
    internal static string Colour(List<string> runtimes, string runtime)
    {
        const int Colours = 7;
        int at = runtimes.IndexOf(runtime) % Colours;
        return FormattableString.Invariant($"r{at}");
    }

    private static string Percent(double percent) =>
        percent.ToString("0.##", System.Globalization.CultureInfo.InvariantCulture) + " %";
}
