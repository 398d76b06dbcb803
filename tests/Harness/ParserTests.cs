using System;
using Perf.Parsers;
using Xunit;

namespace Tests.Harness;

/// <summary>Every parser against what its tool printed, and against what it must not take for a figure.</summary>
public sealed class ParserTests
{
    [Theory]
    [InlineData("fio", "read.iops", "fio-randread.json", 181841.158841)]
    [InlineData("fio", "read.bw_bytes", "fio-randread.json", 744821386)]
    [InlineData("hackbench", "seconds", "hackbench.txt", 0.153)]
    [InlineData("redis-benchmark", "GET", "redis.txt", 9975.06)]
    [InlineData("stress-ng", "switch", "stress-ng.txt", 94351.95)]
    [InlineData("sysbench", "events", "sysbench-cpu.txt", 694 / 1.0104)]
    [InlineData("sysbench", "mib", "sysbench-memory.txt", 1044.29)]
    [InlineData("sysbench", "reads", "sysbench-fileio.txt", 65428.93)]
    [InlineData("sysbench", "writes", "sysbench-fileio.txt", 43618.95)]
    [InlineData("sysbench", "seconds", "sysbench-mutex.txt", 0.2105)]
    [InlineData("sysbench", "events", "sysbench-threads.txt", 156 / 1.0153)]
    [InlineData("pattern", @"events per second:\s+([0-9.]+)", "sysbench-cpu.txt", 686.09)]
    public void A_recorded_output_gives_its_figure(string parser, string metric, string file, double expected) =>
        Assert.Equal(expected, ToolParsers.Find(parser)(Recorded.Text(file), metric).Value, 6);

    [Theory]
    [InlineData("calls", "getpid.ns")]
    [InlineData("fio", "read.iops")]
    [InlineData("hackbench", "seconds")]
    [InlineData("pattern", "x([0-9]+)")]
    [InlineData("redis-benchmark", "GET")]
    [InlineData("stopwatch", "ms")]
    [InlineData("stress-ng", "switch")]
    [InlineData("sysbench", "events")]
    public void Nothing_and_half_an_output_are_no_figure(string parser, string metric)
    {
        Assert.Throws<FormatException>(() => ToolParsers.Find(parser)("", metric));
        Assert.Throws<FormatException>(() => ToolParsers.Find(parser)("{\"jobs\": [{\"error\": 0, \"re", metric));
        Assert.Throws<FormatException>(() => ToolParsers.Find(parser)("error: something broke\n", metric));
    }

    [Theory]
    [InlineData("fio", "write.iops", "fio-randread.json")]
    [InlineData("fio", "read.nothing", "fio-randread.json")]
    [InlineData("redis-benchmark", "LPUSH", "redis.txt")]
    [InlineData("stress-ng", "mmap", "stress-ng.txt")]
    [InlineData("sysbench", "mib", "sysbench-cpu.txt")]
    public void A_figure_that_the_tool_did_not_measure_is_none(string parser, string metric, string file) =>
        Assert.Throws<FormatException>(() => ToolParsers.Find(parser)(Recorded.Text(file), metric));

    [Fact]
    public void Latencies_of_fio_are_those_of_its_own_percentiles()
    {
        Reading reading = ToolParsers.Find("fio")(Recorded.Text("fio-randread.json"), "read.iops");
        Assert.Equal(182023, reading.Latency!.Count);
        Assert.InRange(reading.Latency.Percentile(50), 1976 * 0.98, 1976 * 1.02);
        Assert.InRange(reading.Latency.Percentile(99), 2896 * 0.98, 2896 * 1.02);
    }

    [Fact]
    public void Latencies_of_redis_are_those_of_its_distribution()
    {
        Reading reading = ToolParsers.Find("redis-benchmark")(Recorded.Text("redis.txt"), "GET");
        Assert.Equal(20_000, reading.Latency!.Count);
        Assert.InRange(reading.Latency.Percentile(50), 391_000, 391_500);
        Assert.Equal(203_007_000, reading.Latency.Maximum);
    }

    [Fact]
    public void The_stopwatch_takes_the_median_of_its_lines()
    {
        Reading reading = ToolParsers.Find("stopwatch")("noise\nelapsed-us 1500\nelapsed-us 900\nelapsed-us 80000\n",
            "ms");
        Assert.Equal(1.5, reading.Value);
        Assert.Equal(3, reading.Latency!.Count);
        Assert.Throws<FormatException>(() => ToolParsers.Find("stopwatch")("elapsed-us -3\n", "ms"));
    }

    [Fact]
    public void Each_step_of_a_life_has_its_own_lines()
    {
        const string Output = "step-us create 4000\nstep-us start 900\nstep-us first-output 5500\nstep-us delete 1\n"
            + "step-us whole 9000\nstep-us create 2000\nstep-us start 700\nstep-us whole 7000\nstep-us create 3000\n";
        Assert.Equal(3, LifeParser.Parse(Output, "create").Value);
        Assert.Equal(3, LifeParser.Parse(Output, "create").Latency!.Count);
        Assert.Equal(0.8, LifeParser.Parse(Output, "start").Value, 9);
        Assert.Equal(5.5, LifeParser.Parse(Output, "first-output").Value);
        Assert.Equal(0.001, LifeParser.Parse(Output, "delete").Value);
        Assert.Equal(8, LifeParser.Parse(Output, "whole").Value);
        Assert.Throws<FormatException>(() => LifeParser.Parse(Output, "create 4000"));
        Assert.Throws<FormatException>(() => LifeParser.Parse(Output, ""));
        Assert.Throws<FormatException>(() => LifeParser.Parse("elapsed-us 5\nstep-us start 5\n", "create"));
        Assert.Throws<FormatException>(() => LifeParser.Parse("step-us create soon\n", "create"));
        Assert.Throws<FormatException>(() => LifeParser.Parse("step-us create -1\n", "create"));
        Assert.Throws<FormatException>(() => LifeParser.Parse("", "whole"));
    }

    [Fact]
    public void Calls_take_the_median_of_their_slices()
    {
        Reading reading = ToolParsers.Find("calls")(
            "getpid 10 1000 1000\nread 1 5 5\ngetpid 10 1200 1000\ngetpid 10 9000 1000\n", "getpid.ns");
        Assert.Equal(120, reading.Value);
        Assert.Equal(
            100, ToolParsers.Find("calls")("getpid 10 1000 900\ngetpid 10 1200 900\n", "getpid.fastest").Value);
        Assert.Equal(110, ToolParsers.Find("calls")(
            "read 10 9000 900\nread 10 1000 900\nread 10 1100 900\nread 10 1200 900\n", "read.trimmed").Value, 9);
        Assert.Equal(100, ToolParsers.Find("calls")("getpid 10 1000 900\n", "getpid.trimmed").Value);
        Assert.Throws<FormatException>(() => ToolParsers.Find("calls")("getpid 10 1000 900\n", "getpid.mean"));
        Assert.Throws<FormatException>(() => ToolParsers.Find("calls")("getpid 0 1000 1000\n", "getpid.ns"));
        Assert.Throws<FormatException>(() => ToolParsers.Find("calls")("getpid 1 0 0\n", "getpid.ns"));
        Assert.Throws<FormatException>(() => ToolParsers.Find("calls")("getpid 1 1000 1000\n", "read.ns"));
    }

    /// <summary>A slice that lasted far less than its share has too few rounds to say anything; another kind's does not
    /// matter.</summary>
    [Fact]
    public void A_slice_far_below_its_share_is_no_figure()
    {
        const string Output = "getpid 1 100 1000\ngetpid 10 1000 1000\nread 10 300 1000\n";
        FormatException failure = Assert.Throws<FormatException>(
            () => ToolParsers.Find("calls")(Output, "getpid.fastest"));
        Assert.Contains("getpid was to last 1000 ns and lasted 100", failure.Message);
        Assert.Equal(30, ToolParsers.Find("calls")(Output, "read.fastest").Value);
    }

    [Fact]
    public void A_job_of_fio_that_failed_is_no_figure()
    {
        string output = Recorded.Text("fio-randread.json").Replace("\"error\": 0", "\"error\": 28");
        Assert.Throws<FormatException>(() => ToolParsers.Find("fio")(output, "read.iops"));
    }
}
