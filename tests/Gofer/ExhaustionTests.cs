using System;
using System.IO;
using Abi.Linux;
using Gofer;
using HostOs;
using Lisafs;
using Sentry.Fs.Gofer;
using Sentry.Vfs;
using Xunit;
using static Tests.Gofer.ServerFixture;

namespace Tests.Gofer;

/// <summary>Descriptors that run out, in the server or here: what was only kept for later is given back.</summary>
public sealed class ExhaustionTests : IDisposable
{
    private const int Depth = 300;

    private readonly string _served = Path.Combine(Path.GetTempPath(), "gofer-few-" + Guid.NewGuid().ToString("N"));
    private readonly Server _server;
    private readonly PoorTransport _transport;

    public ExhaustionTests()
    {
        Directory.CreateDirectory(_served);
        AssertOk(AttachPoint.Open(_served, AttachFlags.None, out AttachPoint? point));
        AssertOk(Server.Create([point!], out Server? server));
        _server = server!;
        _transport = new PoorTransport(_server);
    }

    public void Dispose()
    {
        _server.Dispose();
        Directory.Delete(_served, recursive: true);
    }

    [Theory]
    [InlineData(GoferSharing.Exclusive)]
    [InlineData(GoferSharing.Shared)]
    public void No_more_handles_are_kept_than_the_budget_says(GoferSharing sharing)
    {
        GuestTree guest = MakeGuest(sharing, new GoferBudget(20, 4, int.MaxValue), out GoferClient client);
        string path = MakeChain(guest);
        AssertOk(guest.Write(path + "/f", Fcntl.O_WRONLY | Fcntl.O_CREAT, "deep", 0));
        client.FlushCloses();
        Assert.InRange(_server.HandleCount, 1, 30);
        AssertOk(guest.Read(path + "/f", out string text));
        Assert.Equal("deep", text);
        client.FlushCloses();
        Assert.InRange(_server.HandleCount, 1, 30);
    }

    [Theory]
    [InlineData(GoferSharing.Exclusive)]
    [InlineData(GoferSharing.Shared)]
    public void A_server_without_room_gets_handles_back(GoferSharing sharing)
    {
        _transport.MostHandles = 150;
        GuestTree guest = MakeGuest(sharing, new GoferBudget(100_000, 4, int.MaxValue), out _);
        string path = MakeChain(guest);
        AssertOk(guest.Write(path + "/f", Fcntl.O_WRONLY | Fcntl.O_CREAT, "deep", 0));
        AssertOk(guest.Read(path + "/f", out string text));
        Assert.Equal("deep", text);
        Assert.InRange(_transport.Refusals, 1, int.MaxValue);
    }

    [Fact]
    public void An_open_directory_stays_the_one_that_was_opened()
    {
        GuestTree guest = MakeGuest(GoferSharing.Shared, new GoferBudget(2, 1, int.MaxValue), out _);
        AssertOk(guest.MakeDirectory("/open"));
        AssertOk(guest.Open("/open", Fcntl.O_RDONLY | Fcntl.O_DIRECTORY, out FileDescription? directory));
        MakeChain(guest);
        File.WriteAllText(Path.Combine(_served, "open", "inside"), "");
        Directory.Move(Path.Combine(_served, "open"), Path.Combine(_served, "moved"));
        Directory.CreateDirectory(Path.Combine(_served, "open"));
        AssertOk(GuestTree.StatOf(directory!.Inode, out TreeStat opened));
        AssertOk(guest.Stat("/moved", out TreeStat moved));
        directory.DropReference(guest.Task);
        Assert.Equal(moved, opened);
    }

    [Fact]
    public void A_descriptor_that_found_no_room_is_asked_for_again()
    {
        File.WriteAllText(Path.Combine(_served, "g"), "there");
        GuestTree guest = MakeGuest(GoferSharing.Exclusive, GoferBudget.ForLimit(4096), out _);
        _transport.LosesDescriptors = 1;
        AssertOk(guest.Write("/f", Fcntl.O_WRONLY | Fcntl.O_CREAT | Fcntl.O_EXCL, "made", 0));
        AssertOk(guest.Read("/f", out string text));
        Assert.Equal(("made", 0), (text, _transport.LosesDescriptors));
        _transport.LosesDescriptors = 1;
        AssertOk(guest.Read("/g", out text));
        Assert.Equal(("there", 0), (text, _transport.LosesDescriptors));
    }

    [Fact]
    public void Without_room_for_any_descriptor_it_is_ENFILE_and_what_exists_stays()
    {
        File.WriteAllText(Path.Combine(_served, "f"), "there");
        GuestTree guest = MakeGuest(GoferSharing.Exclusive, GoferBudget.ForLimit(4096), out _);
        _transport.LosesDescriptors = int.MaxValue;
        Assert.Equal(Errno.ENFILE, guest.Read("/f", out _));
        AssertOk(guest.Stat("/f", out _));
        _transport.LosesDescriptors = 0;
        AssertOk(guest.Read("/f", out string text));
        Assert.Equal("there", text);
    }

    [Fact]
    public void The_last_descriptor_numbers_are_left_to_others()
    {
        File.WriteAllText(Path.Combine(_served, "f"), "there");
        GuestTree guest = MakeGuest(GoferSharing.Exclusive, new GoferBudget(10, 10, Ceiling: 3), out _);
        Assert.Equal(Errno.ENFILE, guest.Read("/f", out _));
    }

    [Fact]
    public void A_socket_that_brings_no_descriptor_for_want_of_room_is_not_a_broken_one()
    {
        AssertOk(HostSocket.SocketPair(
            HostSocket.AfUnix, HostSocket.SeqPacket | HostSocket.Cloexec, 0, out int client, out int server));
        using SocketTransport transport = new([client]);
        AssertOk(HostSocket.Send(server, new byte[8], [server, server, server], 0, out _));
        int[] room = new int[Protocol.MaxDescriptors];
        AssertOk(transport.Call(new byte[8], new byte[16], room, out int length, out int count));
        Assert.Equal((8, 2, false), (length, count, transport.IsBroken));
        HostUnistd.Close(room[0]);
        HostUnistd.Close(room[1]);
        HostUnistd.Close(server);
    }

    [Fact]
    public void Budgets_follow_the_limit()
    {
        Assert.Equal(new GoferBudget(512, 256, 960), GoferBudget.ForLimit(1024));
        Assert.Equal(new GoferBudget(65536, 1024, 1048576 - 4096), GoferBudget.ForLimit(1048576));
        Assert.Equal(int.MaxValue - 4096, GoferBudget.ForLimit(ulong.MaxValue).Ceiling);
    }

    private static string MakeChain(GuestTree guest)
    {
        string path = "";
        for (int i = 0; i < Depth; i++)
        {
            path += "/d";
            AssertOk(guest.MakeDirectory(path));
        }

        return path;
    }

    private GuestTree MakeGuest(GoferSharing sharing, GoferBudget budget, out GoferClient client)
    {
        client = new GoferClient(_transport, budget);
        GuestTree guest = new();
        GoferMountOptions options = new(sharing, "test");
        AssertOk(GoferSuperBlock.Mount(client, 0, options, guest.Vfs.AllocateDevice(), out GoferSuperBlock? root));
        guest.SetRoot(root!);
        return guest;
    }

    /// <summary>A server that has few descriptors, or a client that loses those that arrive.</summary>
    private sealed class PoorTransport : ITransport
    {
        private readonly Server _server;
        private readonly InProcessTransport _inner;

        internal PoorTransport(Server server)
        {
            _server = server;
            _inner = new InProcessTransport(server);
        }

        internal int MostHandles { get; set; } = int.MaxValue;

        internal int LosesDescriptors { get; set; }

        internal int Refusals { get; private set; }

        public Errno Call(
            ReadOnlySpan<byte> request, Span<byte> answer, Span<int> descriptors, out int answerBytes,
            out int descriptorCount)
        {
            MessageFraming.TryParse(request, out MessageHeader header);
            if (_server.HandleCount >= MostHandles && header.Operation != (ushort)Operation.Close)
            {
                Refusals++;
                MessageWriter writer = new(answer);
                descriptorCount = 0;
                answerBytes = writer.Finish((Operation)header.Operation, (int)Errno.EMFILE, 0).Length;
                return Errno.None;
            }

            Errno error = _inner.Call(request, answer, descriptors, out answerBytes, out descriptorCount);
            if (descriptorCount > 0 && LosesDescriptors > 0)
            {
                LosesDescriptors--;
                HostUnistd.Close(descriptors[0]);
                descriptorCount = 0;
            }

            return error;
        }
    }
}
