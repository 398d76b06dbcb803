using System;
using System.Text.Json;
using Runsc.Sandbox;
using Xunit;

namespace Tests.Runsc;

/// <summary>What passes between a launcher and the Sentry that it starts.</summary>
public sealed class WireTests
{
    [Fact]
    public void Every_member_of_a_specification_arrives()
    {
        SandboxSpec sent = new();
        int filled = 0;
        Filling.Fill(sent, ref filled);
        SandboxSpec received = new();
        Assert.True(WireReader.TryRead(WireWriter.Write(sent), received));
        Assert.Equal(Text(sent), Text(received));
        Assert.NotEqual(Text(new SandboxSpec()), Text(received));
        Assert.InRange(filled, 60, 200);
    }

    [Fact]
    public void Every_member_of_a_message_arrives()
    {
        ControlMessage sent = new();
        int filled = 0;
        Filling.Fill(sent, ref filled);
        ControlMessage received = new();
        Assert.True(WireReader.TryRead(WireWriter.Write(sent), received));
        Assert.Equal(JsonSerializer.Serialize(sent), JsonSerializer.Serialize(received));
        Assert.Equal(5, filled);
    }

    [Fact]
    public void A_text_that_is_not_there_stays_away()
    {
        ControlMessage received = new() { Text = "before" };
        Assert.True(WireReader.TryRead(WireWriter.Write(new ControlMessage { Kind = ControlKind.Exited }), received));
        Assert.Null(received.Text);
    }

    [Fact]
    public void Every_byte_of_a_string_arrives()
    {
        char[] all = new char[256];
        for (int i = 0; i < all.Length; i++)
        {
            all[i] = (char)i;
        }

        ControlMessage received = new();
        Assert.True(WireReader.TryRead(WireWriter.Write(new ControlMessage { Text = new string(all) }), received));
        Assert.Equal(new string(all), received.Text);
    }

    [Fact]
    public void What_is_cut_or_goes_on_is_refused()
    {
        SandboxSpec sent = new();
        int filled = 0;
        Filling.Fill(sent, ref filled);
        byte[] bytes = WireWriter.Write(sent);
        for (int length = 0; length < bytes.Length; length++)
        {
            Assert.False(WireReader.TryRead(bytes.AsSpan(0, length), new SandboxSpec()));
        }

        Assert.False(WireReader.TryRead([.. bytes, 0], new SandboxSpec()));
    }

    [Fact]
    public void Damaged_bytes_are_read_or_refused_and_nothing_else()
    {
        const int Rounds = 20000;
        const int Seed = 6;
        Random random = new(Seed);
        SandboxSpec sent = new();
        int filled = 0;
        Filling.Fill(sent, ref filled);
        byte[] whole = WireWriter.Write(sent);
        int read = 0;
        for (int round = 0; round < Rounds; round++)
        {
            byte[] bytes = (byte[])whole.Clone();
            for (int changes = random.Next(1, 4); changes > 0; changes--)
            {
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            }

            read += WireReader.TryRead(bytes, new SandboxSpec()) ? 1 : 0;
        }

        Assert.InRange(read, Rounds / 20, Rounds - (Rounds / 20));
    }

    private static string Text(SandboxSpec spec) =>
        JsonSerializer.Serialize(spec, ControlJson.Default.SandboxSpec);
}
