using System.Text.Json;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Shim.Messages;

namespace Shim.Tasks;

/// <summary>What <c>runsc events --stats</c> prints, as the message that containerd's clients read.</summary>
internal static class Statistics
{
    private const string TypeName = "io.containerd.cgroups.v1.Metrics";

    internal static Any Read(string line)
    {
        using JsonDocument document = JsonDocument.Parse(line);
        JsonElement data = document.RootElement.GetProperty("data");
        JsonElement cpu = data.GetProperty("cpu");
        JsonElement usage = cpu.GetProperty("usage");
        JsonElement throttling = cpu.GetProperty("throttling");
        JsonElement memory = data.GetProperty("memory");
        JsonElement bytes = memory.GetProperty("usage");
        JsonElement raw = memory.GetProperty("raw");
        JsonElement pids = data.GetProperty("pids");
        Metrics metrics = new()
        {
            Pids = new PidsStat { Current = Number(pids, "current"), Limit = Number(pids, "limit") },
            Cpu = new CPUStat
            {
                Usage = new CPUUsage
                {
                    Total = Number(usage, "total"),
                    Kernel = Number(usage, "kernel"),
                    User = Number(usage, "user"),
                },
                Throttling = new Throttle
                {
                    Periods = Number(throttling, "periods"),
                    ThrottledPeriods = Number(throttling, "throttledPeriods"),
                    ThrottledTime = Number(throttling, "throttledTime"),
                },
            },
            Memory = new MemoryStat
            {
                Rss = Number(raw, "rss"),
                TotalRss = Number(raw, "total_rss"),
                TotalInactiveFile = Number(raw, "total_inactive_file"),
                Usage = new MemoryEntry
                {
                    Limit = Number(bytes, "limit"),
                    Usage = Number(bytes, "usage"),
                    Max = Number(bytes, "max"),
                    Failcnt = Number(bytes, "failcnt"),
                },
            },
        };
        return new Any { TypeUrl = TypeName, Value = metrics.ToByteString() };
    }

    private static ulong Number(JsonElement parent, string name) =>
        parent.TryGetProperty(name, out JsonElement value) && value.TryGetUInt64(out ulong number) ? number : 0;
}
