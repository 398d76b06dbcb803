using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using Perf.Stats;
using Xunit;

namespace Tests.Harness;

/// <summary>Histograms against sorted lists, and their log against a file that another implementation wrote.</summary>
public sealed class HistogramTests
{
    [Theory]
    [InlineData(3)]
    [InlineData(4)]
    public void Percentiles_are_those_of_the_sorted_values(int seed)
    {
        Random random = new(seed);
        long[] values = [.. Enumerable.Range(0, 5_000).Select(_ => (long)Math.Exp(random.NextDouble() * 30))];
        Histogram histogram = new();
        foreach (long value in values)
        {
            histogram.Record(value);
        }

        Array.Sort(values);
        foreach (double percent in (double[])[0.1, 10, 50, 90, 99, 99.9, 99.99, 100])
        {
            long exact = values[(int)Math.Ceiling(percent / 100 * values.Length) - 1];
            Assert.InRange(histogram.Percentile(percent), exact, exact * 1.001 + 1);
        }

        Assert.Equal(values[0], histogram.Minimum);
        Assert.Equal(values[^1], histogram.Maximum);
        Assert.Equal(values.Length, histogram.Values().Sum(cell => cell.Count));
    }

    [Fact]
    public void Cells_cover_every_value_once()
    {
        for (int i = 1; i < 30_000; i++)
        {
            Assert.Equal(Histogram.HighestOf(i - 1) + 1, Histogram.LowestOf(i));
        }
    }

    [Fact]
    public void A_log_is_read_as_it_was_written()
    {
        Histogram first = new();
        first.Record(0, 3);
        first.Record(2_047);
        first.Record(2_048, 5_000_000_000);
        first.Record(long.MaxValue / 4);
        Histogram second = new();
        second.Record(1_000_000, 12);
        using StringWriter writer = new();
        HistogramLog.Write(writer, DateTime.UnixEpoch, [("a", first), ("b", second)]);
        List<(string Tag, Histogram Counts)> read = HistogramLog.Read(new StringReader(writer.ToString()));
        Assert.Equal(["a", "b"], read.Select(pair => pair.Tag));
        Assert.Equal(first.Used.ToArray(), read[0].Counts.Used.ToArray());
        Assert.Equal(second.Used.ToArray(), read[1].Counts.Used.ToArray());
    }

    /// <summary>The file is of HdrHistogramJS, with what it said of its own percentiles.</summary>
    [Fact]
    public void A_log_of_another_implementation_is_read_and_written_alike()
    {
        string text = Recorded.Text("reference.hlog");
        Histogram histogram = HistogramLog.Read(new StringReader(text)).Single().Counts;
        Assert.Equal(10_010, histogram.Count);
        Assert.Equal(5_001_215, histogram.Percentile(50));
        Assert.Equal(9_904_127, histogram.Percentile(99));
        Assert.Equal(123_469_823, histogram.Percentile(99.99));
        Assert.Equal(histogram.Used.ToArray(), HistogramLog.Decode(HistogramLog.Encode(histogram)).Used.ToArray());
    }

    [Theory]
    [InlineData("")]
    [InlineData("AAAA")]
    [InlineData("HISTFAAAAAA=")]
    [InlineData("not base64")]
    public void Text_that_is_no_histogram_is_refused(string text) =>
        Assert.ThrowsAny<Exception>(() => HistogramLog.Decode(text));

    [Fact]
    public void Adding_keeps_counts_and_extremes()
    {
        Histogram sum = new();
        Histogram part = new();
        part.Record(1_234_567, 2);
        part.Record(7);
        sum.Record(99);
        sum.Add(part);
        Assert.Equal(4, sum.Count);
        Assert.Equal(7, sum.Minimum);
        Assert.Equal(1_234_567, sum.Maximum);
        sum.Add(new Histogram());
        Assert.Equal(7, sum.Minimum);
    }
}
