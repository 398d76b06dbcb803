using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Xml.Linq;
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
        JobResult job = Results.Make([10], [9], Better.Higher).Jobs[0];
        job.Goals.Add(new("runc", 0.85));
        job.Goals.Add(new("runc", 0.95));
        job.Goals.Add(new(null, 9.5));
        Assert.Equal([true, false, false], Figures.Goals(job).Select(goal => goal.Reached));
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
