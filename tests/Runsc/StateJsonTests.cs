using System.Collections.Generic;
using System.Text;
using System.Text.Json;
using Runsc.Containers;
using Runsc.Oci;
using Runsc.Sandbox;
using Xunit;

namespace Tests.Runsc;

/// <summary>What is written and read by hand is what the serializer writes and reads.</summary>
public sealed class StateJsonTests
{
    private static readonly ContainerState s_full = new()
    {
        Id = "c1",
        OciVersion = "1.2.0",
        Status = ContainerStatus.Running,
        Sandbox = "s1",
        Sentry = new HostProcess(17, ulong.MaxValue),
        Gofer = new HostProcess(18, 5),
        Bell = new HostProcess(19, 6),
        Bundle = "/b\u00e4\"\\\u0001",
        Rootfs = "/b/rootfs",
        Created = "2026-01-02T03:04:05.0000000Z",
        Owner = "root",
        Annotations = new Dictionary<string, string> { ["k"] = "v\u20ac", ["<"] = "" },
        IsForeground = true,
        Cgroups = ["/sys/fs/cgroup/cpu/c1", "/sys/fs/cgroup/pids/c1"],
    };

    [Fact]
    public void A_state_is_written_as_the_serializer_does()
    {
        foreach (ContainerState state in (ContainerState[])[s_full, new(), WithHooks()])
        {
            Assert.Equal(JsonSerializer.SerializeToUtf8Bytes(state, StateJson.Default.ContainerState),
                state.ToJson());
        }
    }

    [Fact]
    public void A_state_is_read_as_the_serializer_does()
    {
        foreach (ContainerState state in (ContainerState[])[s_full, new(), WithHooks()])
        {
            ContainerState? read = ContainerState.Parse(state.ToJson());
            Assert.Equal(state.ToJson(), read!.ToJson());
        }

        Assert.Equal("h", ContainerState.Parse(WithHooks().ToJson())!.Hooks!.Poststop![0].Path);
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{")]
    [InlineData("{\"id\":7}")]
    [InlineData("{\"id\":\"\\ud800\"}")]
    [InlineData("{\"status\":\"Dreaming\"}")]
    [InlineData("{\"sentry\":{\"pid\":\"1\"}}")]
    [InlineData("{\"sentry\":{\"pid\":99999999999}}")]
    [InlineData("{\"sentry\":[]}")]
    [InlineData("{\"sentry\":{\"startTicks\":-1}}")]
    [InlineData("{\"cgroups\":{}}")]
    [InlineData("{\"cgroups\":[1]}")]
    [InlineData("{\"annotations\":{\"a\":1}}")]
    [InlineData("{\"isForeground\":1}")]
    public void What_is_no_state_is_refused(string text) => Assert.Null(
        ContainerState.Parse(Encoding.UTF8.GetBytes(text)));

    [Fact]
    public void Requests_and_replies_are_what_the_serializer_takes_them_for()
    {
        ControlRequest request = new()
        {
            Kind = RequestKind.Update, Container = "c", Number = -1, Pid = 2, Rows = 3, Columns = ushort.MaxValue,
            MemoryLimitBytes = long.MinValue, PidsLimit = 6, CpuQuotaUs = 7, CpuPeriodUs = 8, CpuWeight = 9,
        };
        Assert.Equal(JsonSerializer.Serialize(request), Encoding.UTF8.GetString(request.ToJson()));
        Assert.Equal(JsonSerializer.Serialize(request), JsonSerializer.Serialize(
            ControlRequest.Parse(request.ToJson())));
        foreach (ControlReply reply in (ControlReply[])[
            new() { Kind = ReplyKind.Failed, Number = 2, Text = "why \u00ff" },
            new() { Kind = ReplyKind.Done },
            new() { Kind = ReplyKind.Processes, Processes = [new ProcessEntry { Pid = 1, Command = "sh" }] },
            new() { Kind = ReplyKind.Statistics, Statistics = new SandboxStatistics { Tasks = 3 } },
        ])
        {
            byte[] text = JsonSerializer.SerializeToUtf8Bytes(reply, ControlJson.Default.ControlReply);
            Assert.Equal(text, JsonSerializer.SerializeToUtf8Bytes(ControlReply.Parse(reply.ToJson())!,
                ControlJson.Default.ControlReply));
            Assert.Equal(text, JsonSerializer.SerializeToUtf8Bytes(ControlReply.Parse(text)!,
                ControlJson.Default.ControlReply));
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("{}x")]
    [InlineData("{\"Rows\":65536}")]
    [InlineData("{\"Kind\":\"Start\"}")]
    [InlineData("{\"Kind\":null}")]
    [InlineData("{\"Container\":[]}")]
    public void What_is_no_request_is_refused(string text) =>
        Assert.Null(ControlRequest.Parse(Encoding.UTF8.GetBytes(text)));

    private static ContainerState WithHooks() => new()
    {
        Id = "h",
        Hooks = new HooksSpec { Poststop = [new HookSpec { Path = "h", Args = ["h", "x"], Timeout = 3 }] },
    };
}
