using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Xml.Linq;
using Perf.Commands;
using Perf.Report;
using Perf.Results;
using Perf.Stats;
using Perf.Suites;
using Xunit;

namespace Tests.Harness;

/// <summary>Results kept and shown.</summary>
public sealed class ReportTests
{
    [Fact]
    public void A_result_is_read_as_it_was_saved_with_its_log_beside_it()
    {
        string folder = Directory.CreateTempSubdirectory("perf").FullName;
        try
        {
            string path = Path.Combine(folder, "a.json");
            ResultFile result = Results.Make([100, 110, 105], [50, 51, 52], Better.Higher);
            Histogram latency = new();
            latency.Record(5_000, 10);
            result.Jobs[0].Series[1].Latency = HistogramLog.Encode(latency);
            result.Save(path);
            ResultFile read = ResultFile.Load(path);
            Assert.Equal(result.Jobs[0].Series[1].Values, read.Jobs[0].Series[1].Values);
            Assert.Equal(result.Machine, read.Machine);
            using StreamReader log = new(Path.Combine(folder, "a.hlog"));
            Assert.Equal("job/a/runsc-x", HistogramLog.Read(log).Single().Tag);
            File.WriteAllText(path, "{\"format\": 99}");
            Assert.Throws<Perf.UserException>(() => ResultFile.Load(path));
        }
        finally
        {
            Directory.Delete(folder, true);
        }
    }

    [Theory]
    [InlineData(nameof(Better.Higher), "2.00")]
    [InlineData(nameof(Better.Lower), "0.50")]
    public void Ratios_are_performance_whichever_way_the_unit_goes(string direction, string ratio)
    {
        JobResult job = Results.Make([10, 10, 10], [20, 20, 20], Enum.Parse<Better>(direction)).Jobs[0];
        Assert.Equal(ratio, Figures.Ratio(job, "runsc-x", "runc"));
        Assert.Equal("-", Figures.Ratio(job, "runsc-x", "nothing"));
    }

    [Fact]
    public void A_mark_of_stolen_time_is_no_unit()
    {
        Series series = Results.Make([20.4], [1], Better.Lower).Jobs[0].Of("runsc-x")!;
        series.Samples.Clear();
        series.Samples.Add(new() { Round = 0, Value = 20.4, Seconds = 1, Steal = 0.5 });
        Assert.Equal("20.4~", Figures.Median(series));
    }

    [Fact]
    public void Goals_say_what_is_reached()
    {
        JobResult job = Results.Make([10, 10, 10, 10, 10, 10], [9, 9, 9, 9, 9, 9], Better.Higher).Jobs[0];
        job.Goals.Add(new("runc", 0.85));
        job.Goals.Add(new("runc", 0.95));
        job.Goals.Add(new(null, 9.5));
        Assert.Equal(
            [Attainment.Reached, Attainment.Missed, Attainment.Missed], Goals.Of(job).Select(goal => goal.Attainment));
    }

    /// <summary>A median on one side of a goal with runs on both says nothing, and neither do few runs.</summary>
    [Theory]
    [InlineData(nameof(Better.Higher))]
    [InlineData(nameof(Better.Lower))]
    public void A_goal_within_the_noise_is_open(string direction)
    {
        Better better = Enum.Parse<Better>(direction);
        JobResult job = Results.Make([10, 10, 10, 10, 10, 10], [8, 9, 10, 10.5, 11, 12], better).Jobs[0];
        job.Goals.Add(new("runc", 1));
        job.Goals.Add(new(null, 10));
        Assert.All(Goals.Of(job), goal => Assert.Equal(Attainment.Open, goal.Attainment));
        JobResult few = Results.Make([10], [30], better).Jobs[0];
        few.Goals.Add(new("runc", 1));
        Assert.Equal(Attainment.Open, Goals.Of(few).Single().Attainment);
    }

    [Fact]
    public void A_limit_of_a_time_is_reached_from_below()
    {
        JobResult job = Results.Make([1], [8, 8, 8, 8, 8, 8], Better.Lower).Jobs[0];
        job.Goals.Add(new(null, 9));
        job.Goals.Add(new(null, 7));
        Assert.Equal([Attainment.Reached, Attainment.Missed], Goals.Of(job).Select(goal => goal.Attainment));
    }

    /// <summary>Twice the peer is asked for only where the peer is below 0.9 of runc.</summary>
    [Theory]
    [InlineData(8, 1)]
    [InlineData(9.5, 0)]
    public void A_goal_beside_the_peer_is_asked_for_where_the_peer_falls_short(double peer, int asked)
    {
        JobResult job = Results.Make(Enumerable.Repeat(10d, 6), Enumerable.Repeat(17d, 6), Better.Higher).Jobs[0];
        job.Series.Add(new()
        {
            Runtime = "peer",
            Samples = [.. Enumerable.Range(0, 6).Select(turn => new Sample { Round = turn, Value = peer, Seconds = 1,
                Steal = 0 })],
        });
        job.Goals.Add(new("peer", 2, new("runc", 0.9)));
        Assert.Equal(asked, Goals.Of(job).Count());
        Assert.All(Goals.Of(job), goal => Assert.Equal(Attainment.Reached, goal.Attainment));
    }

    [Theory]
    [InlineData("0123456789ab", "01234567")]
    [InlineData("0123456789ab+", "01234567+")]
    [InlineData("0123456789ab ffffffffffff+", "01234567…+")]
    [InlineData("unknown", "unknown")]
    public void A_short_commit_says_that_the_build_was_changed(string commit, string text) =>
        Assert.Equal(text, Charts.Short(commit));

    [Fact]
    public void The_history_breaks_where_the_machine_or_the_job_changed()
    {
        ResultFile one = Results.Make([100, 110, 105], [50, 51, 52], Better.Higher);
        ResultFile moved = one with { Machine = one.Machine with { Kernel = "7" } };
        ResultFile changed = one with { Jobs = [one.Jobs[0] with { Unit = "other" }] };
        const string Break = "class=\"break\"";
        Assert.DoesNotContain(Break, HtmlReport.Write([one, one]));
        Assert.Contains(Break, HtmlReport.Write([one, moved]));
        Assert.Contains(Break, HtmlReport.Write([one, changed, one, one]));
    }

    [Fact]
    public void The_report_names_the_executables_and_tells_no_percentile_of_few_values()
    {
        ResultFile result = Results.Make([100, 110, 105], [50, 51, 52], Better.Higher) with
        {
            Runtimes = [new("runc", "1", []), new("runsc-x", "2", [], "abcdef012345")],
        };
        Histogram latency = new();
        latency.Record(5_000, 50);
        result.Jobs[0].Series[1].Latency = HistogramLog.Encode(latency);
        string text = MarkdownReport.Write(result);
        Assert.Contains("executable abcdef012345", text);
        Assert.Contains("| job a | runsc-x | 5.00 | 5.00 | - | - | - |", text);
        Assert.Contains("`~` more than 2 %", text);
    }

    [Theory]
    [InlineData(0, "0")]
    [InlineData(0.1234, "0.123")]
    [InlineData(12.34, "12.3")]
    [InlineData(1234567.8, "1,234,568")]
    public void Figures_have_three_digits_or_more(double value, string text) => Assert.Equal(text, Figures.Of(value));

    [Fact]
    public void The_page_needs_nothing_else_and_its_pictures_are_well_formed()
    {
        ResultFile result = Results.Make([100, 110, 105], [50, 51, 52], Better.Higher);
        Histogram latency = new();
        latency.Record(5_000, 100);
        latency.Record(900_000);
        result.Jobs[0].Series[1].Latency = HistogramLog.Encode(latency);
        result.Jobs[0].Series.Add(new() { Runtime = "peer", Failures = { "run 1: <broken> & gone" } });
        string page = HtmlReport.Write([result, result]);
        Assert.DoesNotContain("http:", page);
        Assert.DoesNotContain("https:", page);
        Assert.DoesNotContain("src=", page);
        Assert.Contains("&lt;broken&gt; &amp; gone", page);
        Assert.Contains("prefers-color-scheme: dark", page);
        string[] pictures = [.. page.Split("<svg ").Skip(1).Select(part => "<svg " + part[..(part.IndexOf("</svg>")
            + 6)])];
        Assert.Equal(3, pictures.Length);
        foreach (string picture in pictures)
        {
            XElement svg = XElement.Parse(picture);
            Assert.DoesNotContain("NaN", picture);
            Assert.NotEmpty(svg.Descendants("title").Single().Value);
        }
    }

    [Fact]
    public void What_a_runtime_does_not_have_is_left_out_with_the_reason_and_is_no_failure()
    {
        ResultFile result = Results.Make([100, 110, 105], [50, 51, 52], Better.Higher);
        foreach (string name in (string[])["job a", "job b"])
        {
            result.Jobs.RemoveAll(job => job.Name == name);
            result.Jobs.Add(Results.Make([100], [50], Better.Higher).Jobs[0] with { Name = name });
            result.Jobs[^1].Series.Add(new() { Runtime = "native", LeftOut = "there is no such step" });
        }

        foreach (string text in (string[])[MarkdownReport.Write(result), HtmlReport.Write([result])])
        {
            Assert.Contains("job a, job b", text);
            Assert.Contains("there is no such step", text);
            Assert.DoesNotContain("Failures", text);
            Assert.DoesNotContain("failed |", text);
        }
    }

    [Fact]
    public void The_overview_has_its_ratios_beside_the_figures_or_below_them()
    {
        ResultFile result = Results.Make([100, 110, 105], [50, 51, 52], Better.Higher);
        List<List<string>> wide = Output.OverviewRows(result, RatioPlace.Beside);
        Assert.Equal(["job", "unit", "runc", "runsc-x", "/runc"], wide[0]);
        Assert.Equal(["job a", "n", "105", "51.0", "0.49"], wide[1]);
        List<List<string>> narrow = Output.OverviewRows(result, RatioPlace.Below);
        Assert.Equal(["job", "unit", "runc", "runsc-\nx"], narrow[0]);
        Assert.Equal(["job a", "n", "105", "51.0\n0.49"], narrow[1]);
    }

    [Fact]
    public void Markdown_has_a_row_for_every_variant_and_every_failure()
    {
        ResultFile result = Results.Make([100, 110, 105], [50, 51, 52], Better.Higher);
        result.Jobs[0].Series[0].Failures.Add("run 2: a | b");
        string text = MarkdownReport.Write(result);
        Assert.Contains("| job a | n | ", text);
        Assert.Contains("run 2: a \\| b", text);
    }

    [Fact]
    public void Scales_keep_order_and_show_round_ticks()
    {
        Scale linear = new(80, 120, 0, 100);
        Assert.True(linear.At(80) < linear.At(100) && linear.At(0) == 0);
        Scale wide = new(3, 90_000, 0, 100);
        Assert.Equal([1, 10, 100, 1_000, 10_000, 100_000], wide.Ticks().Select(tick => Math.Round(tick, 6)));
        Assert.Equal(100, wide.At(100_000), 6);
    }
}
