using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using Perf;
using Perf.Report;
using Perf.Results;
using Perf.Runtimes;
using Perf.Stats;
using Perf.Suites;
using Xunit;

namespace Tests.Harness;

/// <summary>Odd outputs of tools, damaged results and jobs that make no sense: each is a reason in words, never an
/// end of the harness.</summary>
public sealed class MistakeTests
{
    private const string FioBins = """{"jobs":[{"error":0,"read":{"iops":5,"clat_ns":{"bins":{"BIN":1}}}}]}""";

    [Theory]
    [InlineData("stopwatch", "ms", "elapsed-us 9223372036854775807")]
    [InlineData("stopwatch", "ms", "elapsed-us 0")]
    [InlineData("fio", "read", "{\"jobs\":[{\"error\":0,\"read\":{\"iops\":5}}]}")]
    [InlineData("fio", "read.iops", "{\"jobs\":[{\"error\":1.5,\"read\":{\"iops\":5}}]}")]
    [InlineData("fio", "read.iops", "{\"jobs\":[{\"error\":0,\"read\":{\"iops\":1e999}}]}")]
    [InlineData("sysbench", "events", "total number of events:  10\n  total time:    0.0000s")]
    [InlineData("sysbench", "reads", "    reads/s:    0.00")]
    [InlineData("pattern", "rate (-?[0-9]+)", "rate -3")]
    public void An_output_without_a_figure_is_a_reason(string parser, string metric, string output)
    {
        Assert.Null(Execution.Read(Of(parser, metric), output, out string reason));
        Assert.NotEmpty(reason);
    }

    [Theory]
    [InlineData("-5")]
    [InlineData("99999999999999999999")]
    [InlineData("1.5")]
    public void A_latency_that_is_no_whole_number_is_a_reason(string bin)
    {
        Assert.Null(Execution.Read(Of("fio", "read.iops"), FioBins.Replace("BIN", bin), out string reason));
        Assert.Contains(bin, reason);
        Assert.NotNull(Execution.Read(Of("fio", "read.iops"), FioBins.Replace("BIN", "7"), out _));
    }

    [Theory]
    [InlineData("\"pattern\"", "\"pattern\", \"timeout\": 1.5", "job.json")]
    [InlineData("\"pattern\"", "\"pattern\", \"unit\": \"m\"", "unit")]
    [InlineData("\"s\"", "null", "job.json")]
    [InlineData("\"/bin/tool\"", "null", "job.json")]
    [InlineData("x([0-9]+)", "([0-9", "([0-9")]
    [InlineData("x([0-9]+)", "[0-9]+", "group")]
    [InlineData("[\"a\", \"b\"]", "[\"a\", \"a\"]", "mode")]
    [InlineData("\"n\"", "\"n\", \"better\": \"7\"", "7")]
    public void A_job_that_makes_no_sense_is_refused_with_its_name(string part, string instead, string named)
    {
        const string Good = """
            {"suite": "s", "summary": "x", "command": ["/bin/tool"], "parser": "pattern", "metric": "x([0-9]+)",
             "unit": "n", "axes": {"mode": ["a", "b"]}}
            """;
        Assert.Equal("job", JobFile.Parse("/x/job", Good).Name);
        FormatException failure = Assert.Throws<FormatException>(
            () => JobFile.Parse("/x/job", Good.Replace(part, instead)));
        Assert.StartsWith("job/job.json: ", failure.Message);
        Assert.Contains(named, failure.Message);
    }

    [Theory]
    [InlineData("\"jobs\": [", "\"jobs\": null, \"old\": [")]
    [InlineData("\"jobs\": [", "\"jobs\": [null, ")]
    [InlineData("\"round\": 1", "\"round\": 0")]
    [InlineData("\"value\": 110", "\"value\": 1e999")]
    [InlineData("\"latency\": \"", "\"latency\": \"!")]
    [InlineData("\"latency\": \"HISTF", "\"latency\": \"HISTG")]
    [InlineData("\"capacity\": []",
        "\"capacity\": [{\"runtime\":\"r\",\"shape\":\"s\",\"stopped\":\"x\",\"steps\":[]}]")]
    [InlineData("\"better\": \"higher\"", "\"better\": 7")]
    public void A_damaged_result_is_refused_with_its_name(string part, string instead)
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
            Assert.NotEmpty(ResultFile.Load(path).Jobs);
            string text = File.ReadAllText(path);
            int at = text.IndexOf(part, StringComparison.Ordinal);
            Assert.True(at >= 0, text);
            File.WriteAllText(path, text[..at] + instead + text[(at + part.Length)..]);
            Assert.StartsWith(path + ": ", Assert.Throws<UserException>(() => ResultFile.Load(path)).Message);
        }
        finally
        {
            Directory.Delete(folder, true);
        }
    }

    [Fact]
    public void A_result_that_is_a_folder_is_refused() =>
        Assert.Throws<UserException>(() => ResultFile.Load(Path.GetTempPath()));

    [Fact]
    public void Latencies_never_take_the_place_of_their_result()
    {
        string folder = Directory.CreateTempSubdirectory("perf").FullName;
        try
        {
            string path = Path.Combine(folder, "a.hlog");
            ResultFile result = Results.Make([100], [50], Better.Higher);
            Histogram latency = new();
            latency.Record(5_000, 10);
            result.Jobs[0].Series[1].Latency = HistogramLog.Encode(latency);
            result.Save(path);
            Assert.Equal("job a", ResultFile.Load(path).Jobs.Single().Name);
        }
        finally
        {
            Directory.Delete(folder, true);
        }
    }

    [Fact]
    public void A_series_of_zeros_has_a_scale_and_a_page()
    {
        foreach ((double least, double most) in ((double, double)[])[(0, 0), (0, 1e-300), (1e-300, 1e300), (5, 5)])
        {
            Scale scale = new(least, most, 0, 100);
            // Taken one by one: without an end there would be more than any axis has.
            List<double> ticks = [.. scale.Ticks().Take(1_000)];
            Assert.InRange(ticks.Count, 1, 100);
            Assert.All(ticks, tick => Assert.True(double.IsFinite(scale.At(tick))));
        }

        Assert.Contains("</html>", HtmlReport.Write([Results.Make([0, 0], [0, 0], Better.Higher)]));
    }

    [Fact]
    public void Words_of_a_guest_change_no_terminal_and_no_page()
    {
        Assert.Equal("?]0;taken??[31mred | a?b", Execution.Plain("\u001b]0;taken\u0007\u001b[31mred | a\u202eb"));
        ResultFile result = Results.Make([1], [1], Better.Higher);
        result.Jobs[0].Series[0].Failures.Add("run 1: <script>a && b</script>");
        string text = MarkdownReport.Write(result);
        Assert.Contains("&lt;script>a &amp;&amp; b&lt;/script>", text);
        Assert.DoesNotContain("<script", text);
    }

    [Fact]
    public void A_benchmark_that_hangs_or_fails_is_ended_with_its_command()
    {
        TimeSpan limit = TimeSpan.FromSeconds(0.2);
        Assert.Contains("/bin/sleep 1000: ended after",
            Assert.Throws<UserException>(() => World.Capture(["/bin/sleep", "1000"], limit)).Message);
        Assert.Contains("status 1",
            Assert.Throws<UserException>(() => World.Capture(["/bin/false"])).Message);
        Assert.Contains("/nonexistent",
            Assert.Throws<UserException>(() => World.Capture(["/nonexistent"])).Message);
    }

    private static Variant Of(string parser, string metric)
    {
        Job job = JobFile.Parse("/x/job", """
            {"suite": "s", "summary": "x", "command": ["/bin/tool"], "parser": "hackbench", "metric": "x", "unit": "n"}
            """) with { Parser = parser, Metric = metric };
        return Variant.Of(job, Selection.All).Single();
    }
}
