using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.IO;
using System.Threading;
using Abi.Linux;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using HostOs;
using Shim;
using Shim.Host;
using Shim.Messages;
using Shim.Ttrpc;
using Xunit;

namespace Tests.Shim;

/// <summary>Frames, and a server that answers them, whatever comes.</summary>
public sealed class TtrpcTests : IDisposable
{
    private const int HeaderBytes = 10;

    private readonly string _folder = Directory.CreateTempSubdirectory("shim-ttrpc").FullName;
    private readonly HostFd _listener;

    public TtrpcTests()
    {
        ShimException.Check("listen", StreamSocket.Listen(Path, out HostFd? listener));
        _listener = listener!;
        TtrpcServer server = new(Handle, static () => { });
        new Thread(() => server.Serve(_listener.Value)) { IsBackground = true }.Start();
    }

    private string Path => _folder + "/s";

    /// <inheritdoc/>
    public void Dispose()
    {
        // Its accept goes on: the descriptor stays open until the process ends.
        Directory.Delete(_folder, true);
    }

    private static IMessage Handle(string service, string method, ByteString payload) => method switch
    {
        "Echo" => new StringValue { Value = service + " " + StringValue.Parser.ParseFrom(payload).Value },
        _ => throw new ShimException(StatusCode.Unimplemented, method),
    };

    private HostFd Connect()
    {
        ShimException.Check("connect", StreamSocket.Connect(Path, out HostFd? socket));
        return socket!;
    }

    private static byte[] Echo(string word) => new Request
    {
        Service = "s",
        Method = "Echo",
        Payload = new StringValue { Value = word }.ToByteString(),
    }.ToByteArray();

    private static Response Receive(HostFd socket, out uint stream)
    {
        Assert.True(Frame.TryRead(socket.Value, out Frame frame));
        Assert.Equal(FrameKind.Response, frame.Kind);
        stream = frame.Stream;
        return Response.Parser.ParseFrom(frame.Data);
    }

    private static string Text(Response response) => StringValue.Parser.ParseFrom(response.Payload).Value;

    private static byte[] Header(uint length, uint stream)
    {
        byte[] header = new byte[HeaderBytes];
        BinaryPrimitives.WriteUInt32BigEndian(header, length);
        BinaryPrimitives.WriteUInt32BigEndian(header.AsSpan(4), stream);
        header[8] = (byte)FrameKind.Request;
        return header;
    }

    [Fact]
    public void A_call_is_answered_on_its_stream()
    {
        using HostFd socket = Connect();
        Frame.Write(socket.Value, 1, FrameKind.Request, Echo("one"));
        Assert.Equal("s one", Text(Receive(socket, out uint stream)));
        Assert.Equal(1u, stream);
        using TtrpcClient client = TtrpcClient.Connect(Path, "space")!;
        Assert.True(client.Call("s", "Echo", new StringValue { Value = "x" }));
        Assert.True(client.Call("s", "Echo", new StringValue { Value = "y" }));
    }

    [Fact]
    public void Calls_of_one_connection_may_be_many_at_once()
    {
        using HostFd socket = Connect();
        HashSet<uint> open = [];
        for (uint stream = 1; stream < 100; stream += 2)
        {
            Frame.Write(socket.Value, stream, FrameKind.Request, Echo("n" + stream));
            open.Add(stream);
        }

        while (open.Count > 0)
        {
            Response response = Receive(socket, out uint stream);
            Assert.Equal("s n" + stream, Text(response));
            Assert.True(open.Remove(stream));
        }
    }

    [Fact]
    public void What_is_no_call_gets_a_status_and_the_connection_lives()
    {
        using HostFd socket = Connect();
        Frame.Write(socket.Value, 1, FrameKind.Request, [0xFF, 0xFF, 0xFF]);
        Assert.Equal((int)StatusCode.InvalidArgument, Receive(socket, out _).Status.Code);
        Frame.Write(socket.Value, 3, FrameKind.Request, new Request { Method = "None" }.ToByteArray());
        Assert.Equal((int)StatusCode.Unimplemented, Receive(socket, out _).Status.Code);
        Frame.Write(socket.Value, 5, FrameKind.Request, new Request { Method = "Echo", Payload =
            ByteString.CopyFrom(0x0A, 0x7F) }.ToByteArray());
        Assert.Equal((int)StatusCode.InvalidArgument, Receive(socket, out _).Status.Code);
        Frame.Write(socket.Value, 7, (FrameKind)99, Echo("of a kind nobody knows"));
        Frame.Write(socket.Value, 9, FrameKind.Request, Echo("still here"));
        Assert.Equal("s still here", Text(Receive(socket, out uint stream)));
        Assert.Equal(9u, stream);
    }

    [Fact]
    public void A_message_that_is_too_long_is_passed_over()
    {
        const int Length = Frame.MaxDataBytes + 1;
        using HostFd socket = Connect();
        HostUnistd.WriteAll(socket.Value, Header(Length, 1));
        HostUnistd.WriteAll(socket.Value, new byte[Length]);
        Assert.Equal((int)StatusCode.ResourceExhausted, Receive(socket, out _).Status.Code);
        Frame.Write(socket.Value, 3, FrameKind.Request, Echo("next"));
        Assert.Equal("s next", Text(Receive(socket, out _)));
    }

    [Fact]
    public void A_client_that_leaves_in_a_frame_disturbs_nobody()
    {
        byte[] begun = [.. Header(100, 1), 1, 2, 3];
        for (int length = 0; length < begun.Length; length++)
        {
            using HostFd cut = Connect();
            HostUnistd.WriteAll(cut.Value, begun.AsSpan(0, length));
        }

        using HostFd socket = Connect();
        Frame.Write(socket.Value, 1, FrameKind.Request, Echo("one"));
        Assert.Equal("s one", Text(Receive(socket, out _)));
    }

    [Fact]
    public void Damaged_frames_are_requests_or_none_and_nothing_else()
    {
        const int Rounds = 20_000;
        const int Seed = 11;
        Random random = new(Seed);
        byte[] body = Echo("word");
        byte[] whole = [.. Header((uint)body.Length, 1), .. body, .. Header((uint)body.Length, 3), .. body];
        int read = 0;
        for (int round = 0; round < Rounds; round++)
        {
            byte[] bytes = (byte[])whole.Clone();
            for (int i = random.Next(4); i > 0; i--)
            {
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            }

            read += FrameFuzz.Run(bytes.AsSpan(0, random.Next(2) == 0 ? bytes.Length : random.Next(bytes.Length)));
        }

        Assert.Equal(2, FrameFuzz.Run(whole));
        Assert.InRange(read, Rounds / 4, 2 * Rounds);
    }
}
