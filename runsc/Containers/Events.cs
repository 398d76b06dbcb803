using System;
using System.Collections.Generic;
using System.IO;
using System.Text.Json;
using Runsc.Cli;
using Runsc.Sandbox;

namespace Runsc.Containers;

/// <summary>What a container uses, in the form of <c>runc events</c>: tasks and memory by the Sentry's account,
/// processor
/// time and the rest by the control groups where there are any.</summary>
internal static class Events
{
    /// <summary>Nanoseconds of a tick of cpuacct.stat (USER_HZ is 100).</summary>
    private const long TickNs = 10_000_000;

    private const long NsPerUs = 1000;

    /// <summary>One line of kind "stats".</summary>
    internal static ReadOnlySpan<byte> Describe(Container container, SandboxStatistics statistics)
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter writer = new(stream))
        {
            writer.WriteStartObject();
            writer.WriteString("type", "stats");
            writer.WriteString("id", container.Id);
            writer.WriteStartObject("data");
            // The control groups of a container that joined a sandbox hold none of its work: the Sentry does it.
            CgroupFiles files = new(container.State.Sandbox is null ? container.State.Cgroups : []);
            WriteCpu(writer, files, statistics);
            WriteMemory(writer, files, statistics);
            writer.WriteStartObject("pids");
            writer.WriteNumber("current", statistics.Tasks);
            writer.WriteNumber("limit", statistics.TaskLimit);
            writer.WriteEndObject();
            BlockStatistics.Write(writer, files);
            writer.WriteEndObject();
            writer.WriteEndObject();
        }

        return stream.ToArray();
    }

    /// <summary>One line of kind "oom".</summary>
    internal static ReadOnlySpan<byte> DescribeOom(Container container)
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter writer = new(stream))
        {
            writer.WriteStartObject();
            writer.WriteString("type", "oom");
            writer.WriteString("id", container.Id);
            writer.WriteEndObject();
        }

        return stream.ToArray();
    }

    private static void WriteCpu(Utf8JsonWriter writer, CgroupFiles files, SandboxStatistics statistics)
    {
        Dictionary<string, long> second = files.Table("cpu.stat");
        Dictionary<string, long> first = files.Table("cpuacct.stat");
        long user = first.TryGetValue("user", out long ticks) ? ticks * TickNs
            : second.TryGetValue("user_usec", out long us) ? us * NsPerUs : statistics.UserNs;
        long kernel = first.TryGetValue("system", out ticks) ? ticks * TickNs
            : second.TryGetValue("system_usec", out us) ? us * NsPerUs : statistics.SystemNs;
        long total = files.Number("cpuacct.usage")
            ?? (second.TryGetValue("usage_usec", out us) ? us * NsPerUs : user + kernel);
        writer.WriteStartObject("cpu");
        writer.WriteStartObject("usage");
        writer.WriteNumber("total", total);
        writer.WriteNumber("kernel", kernel);
        writer.WriteNumber("user", user);
        writer.WriteEndObject();
        writer.WriteStartObject("throttling");
        foreach ((string name, string file) in ((string, string)[])[("periods", "nr_periods"),
            ("throttledPeriods", "nr_throttled"), ("throttledTime", "throttled_time")])
        {
            if (second.TryGetValue(file, out long value) && value != 0)
            {
                writer.WriteNumber(name, value);
            }
        }

        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    private static void WriteMemory(Utf8JsonWriter writer, CgroupFiles files, SandboxStatistics statistics)
    {
        writer.WriteStartObject("memory");
        writer.WriteStartObject("usage");
        writer.WriteNumber("limit", statistics.MemoryLimitBytes);
        writer.WriteNumber("usage", statistics.MemoryBytes);
        writer.WriteNumber("max", files.Number("memory.max_usage_in_bytes") ?? files.Number("memory.peak")
            ?? statistics.MemoryBytes);
        writer.WriteNumber("failcnt", statistics.OomKills);
        writer.WriteEndObject();
        writer.WriteStartObject("raw");
        foreach ((string name, long value) in files.Table("memory.stat"))
        {
            writer.WriteNumber(name, value);
        }

        writer.WriteEndObject();
        writer.WriteEndObject();
    }
}
