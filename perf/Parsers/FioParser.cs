using System;
using System.Collections.Generic;
using System.Globalization;
using System.Text.Json;
using Perf.Stats;

namespace Perf.Parsers;

/// <summary>
/// fio's <c>--output-format=json+</c>. The metric is <c>OPERATION.FIELD</c>, such as <c>read.iops</c> or
/// <c>write.bw_bytes</c>, summed over the jobs; completion latencies come from the bins (fio, HOWTO, "Normal output",
/// "JSON+ output").
/// </summary>
internal static class FioParser
{
    internal static Reading Parse(string output, string metric)
    {
        string[] path = metric.Split('.');
        if (path.Length != 2)
        {
            throw new FormatException($"fio: the metric '{metric}' is not OPERATION.FIELD");
        }

        // Notices of fio stand before the object.
        int start = output.IndexOf('{');
        if (start < 0)
        {
            throw new FormatException("fio printed no JSON");
        }

        try
        {
            using JsonDocument document = JsonDocument.Parse(output.AsMemory(start));
            double sum = 0;
            Histogram latency = new();
            foreach (JsonElement job in document.RootElement.GetProperty("jobs").EnumerateArray())
            {
                int error = job.GetProperty("error").GetInt32();
                if (error != 0)
                {
                    throw new FormatException($"fio reports error {error}");
                }

                JsonElement operation = job.GetProperty(path[0]);
                sum += operation.GetProperty(path[1]).GetDouble();
                AddLatency(latency, operation);
            }

            return sum > 0
                ? new(sum, latency.Count > 0 ? latency : null)
                : throw new FormatException($"fio made no {path[0]}");
        }
        catch (Exception failure) when (failure is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw new FormatException($"fio: {metric}: {failure.Message}", failure);
        }
    }

    private static void AddLatency(Histogram latency, JsonElement operation)
    {
        if (operation.TryGetProperty("clat_ns", out JsonElement times)
            && times.TryGetProperty("bins", out JsonElement bins))
        {
            foreach (JsonProperty bin in bins.EnumerateObject())
            {
                latency.Record(Whole(bin.Name), Whole(bin.Value.GetRawText()));
            }
        }
    }

    private static long Whole(string text) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long number)
            ? number
            : throw new FormatException($"fio: '{text}' among the latencies");
}
