using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Net;
using System.Text;
using Perf.Results;

namespace Perf.Report;

/// <summary>The report as one page that needs nothing else: style and pictures are in it, light and dark by the
/// reader's choice.</summary>
internal sealed class HtmlReport
{
    private readonly ResultFile _result;
    private readonly IReadOnlyList<ResultFile> _history;
    private readonly IReadOnlyList<string> _notes;
    private readonly Overview _overview;
    private readonly StringBuilder _text = new();

    private HtmlReport(IReadOnlyList<ResultFile> history, IReadOnlyList<string> notes)
    {
        _notes = notes;
        _history = history;
        _result = history[^1];
        _overview = new(_result);
    }

    /// <summary>The page of the last result; the others before it are its history, and notes are paragraphs of people
    /// on where time is lost.</summary>
    internal static string Write(IReadOnlyList<ResultFile> history, params IReadOnlyList<string> notes)
    {
        HtmlReport report = new(history, notes);
        report.Head();
        report.Tables();
        report.Capacities();
        report.Jobs();
        report.Past();
        report._text.Append("</body>\n</html>\n");
        return report._text.ToString();
    }

    private static string Text(string text) => WebUtility.HtmlEncode(text);

    private static string Style()
    {
        using Stream stream = typeof(HtmlReport).Assembly.GetManifestResourceStream("style.css")!;
        using StreamReader reader = new(stream);
        return reader.ReadToEnd();
    }

    private void Head()
    {
        _text.Append("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
            + "<meta name=\"viewport\" content=\"width=device-width\">\n"
            + "<meta name=\"color-scheme\" content=\"light dark\">\n");
        _text.Append("<title>Performance report</title>\n<style>\n").Append(Style()).Append(
            "</style>\n</head>\n<body>\n");
        _text.Append("<h1>Performance report</h1>\n<div class=\"scroll\"><table>\n");
        foreach ((string name, string value) in _overview.Facts())
        {
            _text.Append(
                CultureInfo.InvariantCulture, $"<tr><td>{Text(name)}</td><td class=\"left\">{Text(value)}</td></tr>\n");
        }

        _text.Append("</table></div>\n");
    }

    private void Tables()
    {
        _text.Append(
            "<h2>Overview</h2>\n<p class=\"soft\">Medians with the reach of their 95 % intervals, from six runs on. "
            + "Ratios are performance: above 1 is better, whichever way the unit goes. ! some runs failed, "
            + "~ steal above 2 %, o outliers.</p>\n");
        Table(_overview.Header(), _overview.Rows());
        List<GoalRow> goals = [.. _overview.Goals()];
        if (goals.Count > 0)
        {
            _text.Append(CultureInfo.InvariantCulture, $"<h2>Goals</h2>\n<p class=\"soft\">{Goals.Legend}</p>\n");
            _text.Append("<div class=\"scroll\"><table>\n");
            foreach (GoalRow goal in goals)
            {
                string style = goal.Attainment switch
                {
                    Attainment.Reached => "good",
                    Attainment.Missed => "bad",
                    _ => "soft",
                };
                _text.Append(
                    CultureInfo.InvariantCulture, $"<tr><td>{Text(goal.Job)}</td><td>{Text(goal.Runtime)}</td>");
                _text.Append(
                    CultureInfo.InvariantCulture,
                    $"<td>{Text(goal.Text)}</td><td class=\"{style}\">{goal.Word}</td></tr>\n");
            }

            _text.Append("</table></div>\n");
        }

        List<(string Job, string Runtime, double Ratio)> worst = [.. _overview.Worst()];
        if (worst.Count > 0)
        {
            _text.Append("<h2>Where we lose most</h2>\n");
            Table(["job", "runtime", "performance / " + _overview.References[0]],
                worst.Select(row => (string[])[row.Job, row.Runtime, Figures.Of(row.Ratio)]));
        }

        foreach (string note in _notes)
        {
            _text.Append(CultureInfo.InvariantCulture, $"<p>{Text(note.Replace("**", "").Replace("`", ""))}</p>\n");
        }

        List<(string Job, string Runtime, string Reason)> failures = [.. _overview.Failures()];
        if (failures.Count > 0)
        {
            _text.Append("<h2>Failures</h2>\n");
            Table(["job", "runtime", "reason"], failures.Select(row => (string[])[row.Job, row.Runtime, row.Reason]));
        }

        List<IReadOnlyList<string>> leftOut = [.. _overview.LeftOut()];
        if (leftOut.Count > 0)
        {
            _text.Append("<h2>Left out</h2>\n");
            Table(["job", "runtime", "reason"], leftOut);
        }

        if (_result.Counts.Count > 0)
        {
            _text.Append("<h2>Counts</h2>\n");
            Table(["count", "value"], _result.Counts.Select(count => (string[])[count.Name, Figures.Of(count.Value)]));
        }
    }

    private void Capacities()
    {
        foreach (CapacityRecord capacity in _result.Capacity)
        {
            _text.Append(
                CultureInfo.InvariantCulture,
                $"<h2>Capacity: {Text(capacity.Shape)}, {Text(capacity.Runtime)}</h2>\n");
            _text.Append(CultureInfo.InvariantCulture, $"<p>{Text(capacity.Sentence())}.</p>\n");
            _text.Append(Charts.Capacity(capacity));
            Table(Overview.CapacityHeader, Overview.CapacityRows(capacity));
        }
    }

    private void Jobs()
    {
        _text.Append("<h2>Jobs</h2>\n<p>");
        foreach (string runtime in _overview.Runtimes)
        {
            string colour = Charts.Colour(_overview.Runtimes, runtime);
            _text.Append(
                CultureInfo.InvariantCulture, $"<span class=\"key\"><i class=\"{colour}\"></i>{Text(runtime)}</span>");
        }

        _text.Append(
            "</p>\n<p class=\"soft\">A dot is a run, hollow if it is marked; the tick is the median, the bar its 95 % "
            + "interval.</p>\n");
        foreach (JobResult job in _result.Jobs)
        {
            string better = job.Better == Suites.Better.Higher ? "higher is better" : "lower is better";
            _text.Append(CultureInfo.InvariantCulture, $"<h3>{Text(job.Name)}</h3>\n");
            _text.Append(
                CultureInfo.InvariantCulture,
                $"<p class=\"soft\">{Text(job.Summary)}; {Text(job.Unit)}, {better}</p>\n");
            _text.Append(Charts.Samples(job, _overview.Runtimes)).Append(Charts.Latencies(job, _overview.Runtimes));
        }
    }

    private void Past()
    {
        if (_history.Count < 2 || _overview.References.Count == 0)
        {
            return;
        }

        _text.Append(CultureInfo.InvariantCulture, $"<h2>History</h2>\n<p class=\"soft\">Performance as a part of ");
        _text.Append(CultureInfo.InvariantCulture, $"{Text(_overview.References[0])}, commit by commit; ");
        _text.Append("a dashed line: another machine, pinning or definition of the job than before.</p>\n");
        foreach (JobResult job in _result.Jobs)
        {
            string chart = Charts.History(_history, job.Name, _overview.References[0], _overview.Runtimes);
            if (chart.Length > 0)
            {
                _text.Append(CultureInfo.InvariantCulture, $"<h3>{Text(job.Name)}</h3>\n{chart}");
            }
        }
    }

    private void Table(IReadOnlyList<string> header, IEnumerable<IReadOnlyList<string>> rows)
    {
        _text.Append("<div class=\"scroll\"><table>\n<tr>");
        foreach (string cell in header)
        {
            _text.Append(CultureInfo.InvariantCulture, $"<th>{Text(cell)}</th>");
        }

        _text.Append("</tr>\n");
        foreach (IReadOnlyList<string> row in rows)
        {
            _text.Append("<tr>");
            foreach (string cell in row)
            {
                string mark = cell == "failed" ? " class=\"bad\"" : "";
                _text.Append(CultureInfo.InvariantCulture, $"<td{mark}>{Text(cell)}</td>");
            }

            _text.Append("</tr>\n");
        }

        _text.Append("</table></div>\n");
    }
}
