using System;
using System.Threading;
using Abi.Linux;
using HostOs;
using Lisafs;
using Sentry.Fs.Gofer;
using Xunit;
using static Tests.Gofer.ServerFixture;

namespace Tests.Gofer;

/// <summary>Servers that are gone, or say nonsense.</summary>
public sealed class DeadServerTests
{
    [Fact]
    public void A_server_that_is_gone_is_an_input_output_error_for_ever()
    {
        using SocketTransport transport = Connect(out int server);
        GoferClient client = new(transport);
        HostUnistd.Close(server);
        Assert.Equal(Errno.EIO, client.Mount(0, out _));
        Assert.True(transport.IsBroken);
        Assert.Equal(Errno.EIO, client.GetAttributes(new(1, ""), out _));
    }

    [Fact]
    public void A_server_that_dies_during_a_call_wakes_the_caller()
    {
        using SocketTransport transport = Connect(out int server);
        GoferClient client = new(transport);
        Thread killer = new(() =>
        {
            byte[] request = new byte[Protocol.MaxMessageBytes];
            HostSocket.Receive(server, request, default, 0, out _, out _);
            HostUnistd.Close(server);
        });
        killer.Start();
        Assert.Equal(Errno.EIO, client.Mount(0, out _));
        killer.Join();
    }

    [Fact]
    public void Random_answers_are_errors_or_values_never_exceptions()
    {
        int seed = Environment.TickCount;
        BabblingTransport transport = new(seed);
        GoferClient client = new(transport);
        for (int i = 0; i < 20_000; i++)
        {
            Exception? thrown = Record.Exception(() => CallSomething(client, i));
            Assert.True(thrown is null, $"seed {seed}: {thrown}");
        }
    }

    private static void CallSomething(GoferClient client, int number)
    {
        switch (number % 7)
        {
            case 0:
                client.Mount(0, out _);
                break;
            case 1:
                client.Walk(1, "x", WalkHandles.All, out _);
                break;
            case 2:
                client.ReadDirectory(new(1, ""), DirectoryDetail.Attributes, 0, [], out _);
                break;
            case 3:
                client.Open(new(1, "x"), 0, out _, out _);
                break;
            case 4:
                client.GetXattr(new(1, ""), "user.x", out _);
                break;
            case 5:
                client.ListXattr(new(1, ""), []);
                break;
            default:
                client.Unlink(1, "x", UnlinkFlags.KeepHandle, out _);
                break;
        }
    }

    private static SocketTransport Connect(out int server)
    {
        AssertOk(HostSocket.SocketPair(
            HostSocket.AfUnix, HostSocket.SeqPacket | HostSocket.Cloexec, 0, out int client, out server));
        return new SocketTransport([client]);
    }

    /// <summary>Answers with the right frame and random contents.</summary>
    private sealed class BabblingTransport(int seed) : ITransport
    {
        private readonly Random _random = new(seed);

        public Errno Call(
            ReadOnlySpan<byte> request, Span<byte> answer, Span<int> descriptors, out int answerBytes,
            out int descriptorCount)
        {
            descriptorCount = 0;
            MessageFraming.TryParse(request, out MessageHeader header);
            MessageWriter writer = new(answer);
            for (int words = _random.Next(60); words > 0; words--)
            {
                writer.Write(_random.Next(3) == 0 ? (uint)_random.Next() : (uint)_random.Next(5));
            }

            int error = _random.Next(10) == 0 ? _random.Next(200) : 0;
            answerBytes = writer.Finish((Operation)header.Operation, error, 0).Length;
            return Errno.None;
        }
    }
}
