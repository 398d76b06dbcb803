using System;
using Lisafs;
using Xunit;

namespace Tests.Gofer;

/// <summary>Messages are parsed as they were emitted, and nothing else is.</summary>
public sealed class ProtocolTests
{
    [Fact]
    public void A_walk_survives_the_trip()
    {
        byte[] buffer = new byte[1024];
        MessageWriter writer = new(buffer);
        new WalkRequest(7, WalkHandles.All, ["usr", "\u00ff\u0001", "x"]).Write(ref writer);
        ReadOnlySpan<byte> message = writer.Finish(Operation.Walk, 0, 0);
        Assert.True(MessageFraming.TryParse(message, out MessageHeader header));
        Assert.Equal((ushort)Operation.Walk, header.Operation);
        MessageReader reader = new(message[MessageWriter.HeaderBytes..]);
        Assert.True(WalkRequest.TryRead(ref reader, out WalkRequest read));
        Assert.Equal(7u, read.Directory);
        Assert.Equal(new[] { "usr", "\u00ff\u0001", "x" }, read.Names);
    }

    [Theory]
    [InlineData("")]
    [InlineData(".")]
    [InlineData("..")]
    [InlineData("a/b")]
    [InlineData("/")]
    [InlineData("a\0b")]
    public void Names_that_are_no_component_are_refused(string name)
    {
        byte[] buffer = new byte[1024];
        MessageWriter writer = new(buffer);
        new UnlinkRequest(1, UnlinkFlags.None, name).Write(ref writer);
        ReadOnlySpan<byte> message = writer.Finish(Operation.Unlink, 0, 0);
        MessageReader reader = new(message[MessageWriter.HeaderBytes..]);
        Assert.False(UnlinkRequest.TryRead(ref reader, out _));
    }

    [Fact]
    public void Names_longer_than_255_bytes_are_refused()
    {
        byte[] buffer = new byte[1024];
        MessageWriter writer = new(buffer);
        new UnlinkRequest(1, UnlinkFlags.None, new string('n', 256)).Write(ref writer);
        MessageReader reader = new(writer.Finish(Operation.Unlink, 0, 0)[MessageWriter.HeaderBytes..]);
        Assert.False(UnlinkRequest.TryRead(ref reader, out _));
    }

    [Fact]
    public void Every_truncation_of_a_request_is_refused()
    {
        byte[] buffer = new byte[1024];
        MessageWriter writer = new(buffer);
        new RenameRequest(1, "old", 2, "new", 0).Write(ref writer);
        ReadOnlySpan<byte> body = writer.Finish(Operation.Rename, 0, 0)[MessageWriter.HeaderBytes..];
        for (int length = 0; length < body.Length; length++)
        {
            MessageReader reader = new(body[..length]);
            Assert.False(RenameRequest.TryRead(ref reader, out _));
        }

        MessageReader longer = new(buffer.AsSpan(MessageWriter.HeaderBytes, body.Length + 1));
        Assert.False(RenameRequest.TryRead(ref longer, out _));
    }

    [Fact]
    public void A_message_that_does_not_fit_is_left_as_it_was()
    {
        byte[] buffer = new byte[MessageWriter.HeaderBytes + 4];
        MessageWriter writer = new(buffer);
        Assert.True(writer.Write(5u));
        Assert.False(writer.WriteString("long"));
        Assert.True(writer.HasOverflowed);
        writer.Rewind(MessageWriter.HeaderBytes);
        Assert.False(writer.HasOverflowed);
        Assert.Equal(MessageWriter.HeaderBytes, writer.Finish(Operation.Close, 0, 0).Length);
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(4, 9)]
    [InlineData(6, 0)]
    [InlineData(6, 200)]
    [InlineData(12, 99)]
    public void Frames_with_a_wrong_field_are_refused(int position, byte value)
    {
        byte[] buffer = new byte[1024];
        MessageWriter writer = new(buffer);
        new MountRequest(0).Write(ref writer);
        int length = writer.Finish(Operation.Mount, 0, 0).Length;
        Assert.True(MessageFraming.TryParse(buffer.AsSpan(0, length), out _));
        buffer[position] = value;
        Assert.False(MessageFraming.TryParse(buffer.AsSpan(0, length), out _));
    }

    [Fact]
    public void Random_bytes_never_escape_the_parsers()
    {
        int seed = Environment.TickCount;
        Random random = new(seed);
        byte[] data = new byte[512];
        for (int i = 0; i < 20_000; i++)
        {
            random.NextBytes(data);
            if ((i & 1) == 0)
            {
                // Small numbers make plausible lengths.
                for (int j = 0; j < data.Length; j++)
                {
                    data[j] = (byte)(j % 4 == 0 ? data[j] & 15 : 0);
                }
            }

            Exception? thrown = Record.Exception(() => Fuzz.Run(data.AsSpan(0, random.Next(data.Length))));
            Assert.True(thrown is null, $"seed {seed}: {thrown}");
        }
    }
}
