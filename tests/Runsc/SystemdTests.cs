using System;
using System.Linq;
using Runsc.Oci;
using Runsc.Systemd;
using Xunit;

namespace Tests.Runsc;

/// <summary>What goes over systemd's socket; the whole way: tests/oci/cases/systemd.sh.</summary>
public sealed class SystemdTests
{
    /// <summary>JobRemoved of a job, as systemd sends it.</summary>
    private static byte[] Signal()
    {
        BusWriter body = new();
        body.UInt32(7);
        body.String("/job/7");
        body.String("a.scope");
        body.String("done");
        BusWriter writer = new();
        foreach (byte one in (byte[])[(byte)'l', (byte)BusKind.Signal, 0, 1])
        {
            writer.Byte(one);
        }

        writer.UInt32((uint)body.ToArray().Length);
        writer.UInt32(9);
        (int Length, int First) fields = writer.BeginStructs();
        writer.Byte(3);
        writer.Signature("s");
        writer.String("JobRemoved");
        writer.Align(8);
        writer.Byte(5);
        writer.Signature("u");
        writer.UInt32(4);
        writer.Align(8);
        writer.Byte(8);
        writer.Signature("g");
        writer.Signature("uoss");
        writer.EndArray(fields);
        writer.Align(8);
        return [.. writer.ToArray(), .. body.ToArray()];
    }

    [Fact]
    public void A_message_is_read_as_it_was_written()
    {
        byte[] bytes = Signal();
        Assert.Equal(bytes.Length, BusMessage.LengthOf(bytes));
        BusMessage message = BusMessage.Parse(bytes)!;
        Assert.Equal(BusKind.Signal, message.Kind);
        Assert.Equal("JobRemoved", message.Member);
        Assert.Equal("uoss", message.Signature);
        Assert.Equal(4u, message.ReplySerial);
        Assert.Equal(["/job/7", "a.scope", "done"], message.Strings(1, 3));
        Assert.Equal(["/job/7", "a.scope", "done", "", ""], message.Strings(1, 5));
    }

    [Fact]
    public void Values_stand_at_multiples_of_their_size()
    {
        BusWriter writer = new();
        writer.Byte(1);
        writer.Property("ab", 2UL);
        writer.Flag("c");
        Assert.Equal(
            "01-00-00-00-00-00-00-00-02-00-00-00-61-62-00-01-74-00-00-00-00-00-00-00-02-00-00-00-00-00-00-00-"
            + "01-00-00-00-63-00-01-62-00-00-00-00-01-00-00-00", BitConverter.ToString(writer.ToArray()));
    }

    [Fact]
    public void Damaged_messages_are_read_or_refused_and_nothing_else()
    {
        const int Rounds = 50_000;
        const int Seed = 3;
        Random random = new(Seed);
        int read = 0;
        for (int round = 0; round < Rounds; round++)
        {
            byte[] bytes = Signal();
            for (int i = random.Next(4); i > 0; i--)
            {
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            }

            read += BusFuzz.Run(bytes.AsSpan(0, random.Next(2) == 0 ? bytes.Length : random.Next(bytes.Length)))
                ? 1 : 0;
        }

        Assert.InRange(read, Rounds / 10, Rounds / 2);
    }

    [Fact]
    public void Limits_are_the_properties_of_either_version()
    {
        ResourcesSpec resources = new()
        {
            Memory = new MemorySpec { Limit = -1, Reservation = 1 << 20 },
            Pids = new PidsSpec { Limit = 3 },
            Cpu = new CpuSpec { Shares = 1024, Quota = 150_000 },
        };
        Assert.Equal("MemoryLimit=18446744073709551615 TasksMax=140 CPUShares=1024 CPUQuotaPerSecUSec=1500000",
            Text(1, resources));
        Assert.Equal("MemoryMax=18446744073709551615 MemoryLow=1048576 TasksMax=140 CPUWeight=39 "
            + "CPUQuotaPerSecUSec=1500000", Text(2, resources));
        resources.Cpu.Quota = -1;
        Assert.EndsWith("CPUQuotaPerSecUSec=18446744073709551615", Text(2, resources), StringComparison.Ordinal);
        Assert.Equal("", Text(2, new ResourcesSpec()));
        Assert.Equal("", Text(1, null));
    }

    private static string Text(int version, ResourcesSpec? resources) =>
        string.Join(' ', SystemdUnits.Limits(version, resources).Select(one => one.Name + "=" + one.Value));
}
