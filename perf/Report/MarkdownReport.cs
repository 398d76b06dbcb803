using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text;
using Perf.Results;
using Perf.Stats;

namespace Perf.Report;

/// <summary>The report as Markdown: tables, no pictures.</summary>
internal static class MarkdownReport
{
    /// <summary>Notes are paragraphs of people on where time is lost.</summary>
    internal static string Write(ResultFile result, params IReadOnlyList<string> notes)
    {
        Overview overview = new(result);
        StringBuilder text = new("# Performance report\n\n");
        foreach ((string name, string value) in overview.Facts())
        {
            text.Append(CultureInfo.InvariantCulture, $"- {name}: {Text(value)}\n");
        }

        text.Append(
            "\n## Overview\n\nMedians with the reach of their 95 % intervals, from six runs on. Ratios are "
            + "performance: above 1 is better, whichever way the unit goes. `!` some runs failed, `~` more "
            + "than 2 % of the time was stolen in a run, `o` outliers.\n\n");
        Table(text, overview.Header(), overview.Rows());
        List<IReadOnlyList<string>> goals =
            [.. overview.Goals().Select(goal => (string[])[goal.Job, goal.Runtime, goal.Text, goal.Word])];
        Section(text, "Goals", ["job", "runtime", "goal: figure", ""], goals);
        text.Append(goals.Count > 0 ? "\n" + Goals.Legend + "\n" : "");
        Section(text, "Where we lose most", ["job", "runtime", "performance / "
            + overview.References.FirstOrDefault("-")],
            [.. overview.Worst().Select(row => (string[])[row.Job, row.Runtime, Figures.Of(row.Ratio)])]);
        foreach (string note in notes)
        {
            text.Append('\n').Append(note).Append('\n');
        }

        Section(text, "Latencies, microseconds", ["job", "runtime", "50 %", "90 %", "99 %", "99.9 %", "99.99 %"],
            Latencies(result));
        foreach (CapacityRecord capacity in result.Capacity)
        {
            text.Append("\n## Capacity: " + Text(capacity.Shape) + ", " + Text(capacity.Runtime) + "\n\n");
            text.Append(Text(capacity.Sentence())).Append(".\n\n");
            Table(text, Overview.CapacityHeader, Overview.CapacityRows(capacity));
        }

        Section(text, "Counts", ["count", "value"],
            [.. result.Counts.Select(count => (string[])[count.Name, Figures.Of(count.Value)])]);
        Section(text, "Failures", ["job", "runtime", "reason"],
            [.. overview.Failures().Select(failure => (string[])[failure.Job, failure.Runtime, failure.Reason])]);
        Section(text, "Left out", ["job", "runtime", "reason"], [.. overview.LeftOut()]);
        return text.ToString();
    }

    private static List<IReadOnlyList<string>> Latencies(ResultFile result) =>
    [
        .. result.Jobs.SelectMany(job => job.Series, (job, series) => (job, series))
            .Where(pair => pair.series.Latency != null)
            .Select(pair => (string[])[pair.job.Name, pair.series.Runtime, .. Percentiles(pair.series.Latency!)]),
    ];

    /// <summary>Only those that there are values enough for.</summary>
    private static IEnumerable<string> Percentiles(string latency)
    {
        Histogram counts = HistogramLog.Decode(latency);
        return Histogram.Told.Select(
            percent => counts.Tells(percent) ? Figures.Of(counts.Percentile(percent) / 1e3) : "-");
    }

    private static void Section(
        StringBuilder text, string title, IReadOnlyList<string> header, IReadOnlyList<IReadOnlyList<string>> rows)
    {
        if (rows.Count > 0)
        {
            text.Append("\n## ").Append(title).Append("\n\n");
            Table(text, header, rows);
        }
    }

    private static void Table(StringBuilder text, IReadOnlyList<string> header, IEnumerable<IReadOnlyList<string>> rows)
    {
        Row(text, header);
        Row(text, [.. header.Select(_ => "---")]);
        foreach (IReadOnlyList<string> row in rows)
        {
            Row(text, row);
        }
    }

    /// <summary>Markdown lets HTML through: what a guest or a file said must not become any.</summary>
    private static string Text(string text) => text.Replace("&", "&amp;").Replace("<", "&lt;");

    private static void Row(StringBuilder text, IReadOnlyList<string> cells) =>
        text.Append("| ").AppendJoin(" | ", cells.Select(cell => Text(cell).Replace("|", "\\|"))).Append(" |\n");
}
