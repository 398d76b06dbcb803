using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using Abi.Linux;
using Gofer;
using HostOs;
using Lisafs;
using Sentry.Fs.Gofer;
using Sentry.Vfs;
using Xunit;
using static Tests.Gofer.ServerFixture;

namespace Tests.Gofer;

/// <summary>
/// The client file system on a writable attach point: random operations against the host's own calls on a twin
/// directory.
/// </summary>
public sealed class GoferTreeTests : IDisposable
{
    private readonly string _top = Path.Combine(Path.GetTempPath(), "gofer-tree-" + Guid.NewGuid().ToString("N"));
    private static readonly GoferBudget s_tight = new(Handles: 2, IdleFiles: 1, Ceiling: int.MaxValue);

    private Server? _server;
    private GoferClient? _client;

    private string Served => Path.Combine(_top, "served");

    private string Twin => Path.Combine(_top, "twin");

    public void Dispose()
    {
        _server?.Dispose();
        Directory.Delete(_top, recursive: true);
    }

    [Theory]
    [MemberData(nameof(TreeSeeds.All), MemberType = typeof(TreeSeeds))]
    public void Random_operations_have_the_results_they_have_on_the_host(int seed)
    {
        Compare(GoferSharing.Exclusive, seed);
    }

    [Theory]
    [MemberData(nameof(TreeSeeds.All), MemberType = typeof(TreeSeeds))]
    public void They_have_them_on_a_shared_tree_too(int seed)
    {
        Compare(GoferSharing.Shared, seed);
    }

    [Theory]
    [MemberData(nameof(TreeSeeds.All), MemberType = typeof(TreeSeeds))]
    public void They_have_them_where_hardly_a_handle_can_be_kept(int seed)
    {
        Compare(GoferSharing.Exclusive, seed, s_tight);
    }

    [Theory]
    [MemberData(nameof(TreeSeeds.All), MemberType = typeof(TreeSeeds))]
    public void They_have_them_there_on_a_shared_tree_too(int seed)
    {
        Compare(GoferSharing.Shared, seed, s_tight);
    }

    private void Compare(GoferSharing sharing, int seed, GoferBudget? budget = null)
    {
        GuestTree guest = MakeGuest(sharing, budget);
        HostTree host = new(Twin);
        HostTree served = new(Served);
        RandomTreeOperations operations = new(seed);
        List<string> history = [];
        int successes = 0;
        for (int step = 0; step < 1500; step++)
        {
            (string what, Errno[] results) = operations.Step(guest, host);
            history.Add(what + " = " + results[1]);
            successes += results[1] == Errno.None ? 1 : 0;
            string problem = $"seed {seed}, step {step}: {what}: {results[0]}, host {results[1]}";
            Assert.True(results[0] == results[1], problem + "\n" + string.Join('\n', history.TakeLast(40)));
            if (step % 50 == 49)
            {
                List<string> expected = RandomTreeOperations.Describe(host);
                Assert.Equal(expected, RandomTreeOperations.Describe(served));
                Assert.Equal(expected, RandomTreeOperations.Describe(guest));
            }
        }

        Assert.InRange(successes, 200, 1500);
    }

    [Fact]
    public void An_open_file_outlives_its_name()
    {
        GuestTree guest = MakeGuest(GoferSharing.Exclusive);
        AssertOk(guest.Write("/f", Fcntl.O_WRONLY | Fcntl.O_CREAT, "text", 0));
        AssertOk(guest.Open("/f", Fcntl.O_RDWR, out FileDescription? file));
        AssertOk(guest.Unlink("/f"));
        AssertOk(guest.WriteTo(file!, "more", 4));
        AssertOk(guest.ReadFrom(file!, out string text));
        AssertOk(guest.Vfs.ChangeMode(guest.Task, file!.Path, 0x100));
        AssertOk(GuestTree.StatOf(file.Inode, out TreeStat stat));
        file.DropReference(guest.Task);
        Assert.Equal("textmore", text);
        Assert.Equal((StatMode.S_IFREG | 0x100, 0u, 8L), (stat.Mode, stat.Links, stat.SizeBytes));
    }

    [Fact]
    public void A_replaced_file_stays_what_it_was_for_whoever_has_it_open()
    {
        GuestTree guest = MakeGuest(GoferSharing.Exclusive);
        AssertOk(guest.Write("/old", Fcntl.O_WRONLY | Fcntl.O_CREAT, "old", 0));
        AssertOk(guest.Write("/new", Fcntl.O_WRONLY | Fcntl.O_CREAT, "new", 0));
        AssertOk(guest.Open("/old", Fcntl.O_RDONLY, out FileDescription? file));
        AssertOk(guest.Rename("/new", "/old", 0));
        AssertOk(guest.ReadFrom(file!, out string text));
        AssertOk(guest.Vfs.ChangeMode(guest.Task, file!.Path, 0x80));
        file.DropReference(guest.Task);
        AssertOk(guest.Stat("/old", out TreeStat stat));
        Assert.Equal("old", text);
        Assert.Equal(StatMode.S_IFREG | 0x1a4, stat.Mode);
    }

    [Fact]
    public void A_shared_mount_sees_what_the_host_does_to_names_and_contents()
    {
        GuestTree guest = MakeGuest(GoferSharing.Shared);
        Assert.Equal(Errno.ENOENT, guest.Read("/f", out _));
        File.WriteAllText(Path.Combine(Served, "f"), "one");
        AssertOk(guest.Read("/f", out string first));
        File.Delete(Path.Combine(Served, "f"));
        File.WriteAllText(Path.Combine(Served, "f"), "two and more");
        AssertOk(guest.Read("/f", out string second));
        AssertOk(guest.Stat("/f", out TreeStat stat));
        File.Delete(Path.Combine(Served, "f"));
        Assert.Equal(Errno.ENOENT, guest.Stat("/f", out _));
        Assert.Equal(("one", "two and more", 12L), (first, second, stat.SizeBytes));
    }

    [Fact]
    public void A_shared_mount_asks_the_server_once_for_what_does_not_change()
    {
        for (int i = 0; i < 20; i++)
        {
            File.WriteAllText(Path.Combine(Directory.CreateDirectory(Served).FullName, "f" + i), "x");
        }

        GuestTree guest = MakeGuest(GoferSharing.Shared, settleNs: 0);
        for (int round = 0; round < 3; round++)
        {
            CountingTransport.Calls = 0;
            AssertOk(guest.List("/", out List<TreeEntry> entries));
            Assert.Equal(20, entries.Count);
            Assert.All(entries, entry => AssertOk(guest.Stat("/" + entry.Name, out _)));
        }

        Assert.Equal(0, CountingTransport.Calls);
        File.WriteAllText(Path.Combine(Served, "one more"), "x");
        AssertOk(guest.List("/", out List<TreeEntry> more));
        Assert.Equal(21, more.Count);
    }

    [Fact]
    public void A_shared_mount_sees_a_change_of_owner_and_of_contents()
    {
        string path = Path.Combine(Directory.CreateDirectory(Served).FullName, "f");
        File.WriteAllText(path, "x");
        GuestTree guest = MakeGuest(GoferSharing.Shared, settleNs: 0);
        for (uint owner = 1; owner < 5; owner++)
        {
            for (int i = 0; i < 4; i++)
            {
                AssertOk(guest.Stat("/f", out TreeStat before));
                Assert.Equal((owner - 1, (long)owner), (before.Uid, before.SizeBytes));
            }

            AssertOk(HostStat.FstatAt(HostFcntl.AtFdCwd, path, 0, out Stat old));
            File.AppendAllText(path, "x");
            Stat now;
            do
            {
                // Until the host's clock has moved on.
                AssertOk(HostUnistd.FchownAt(HostFcntl.AtFdCwd, path, (int)owner, 0, 0));
                AssertOk(HostStat.FstatAt(HostFcntl.AtFdCwd, path, 0, out now));
            }
            while ((now.st_ctime, now.st_ctime_nsec) == (old.st_ctime, old.st_ctime_nsec));
        }
    }

    [Fact]
    public void A_listing_is_read_once_and_answers_lookups()
    {
        for (int i = 0; i < 50; i++)
        {
            File.WriteAllText(Path.Combine(Directory.CreateDirectory(Served).FullName, "f" + i), "x");
        }

        GuestTree guest = MakeGuest(GoferSharing.Exclusive);
        AssertOk(guest.List("/", out List<TreeEntry> entries));
        CountingTransport.Calls = 0;
        Assert.All(entries, entry => AssertOk(guest.Stat("/" + entry.Name, out _)));
        Assert.Equal(Errno.ENOENT, guest.Stat("/absent", out _));
        Assert.Equal(0, CountingTransport.Calls);
        Assert.Equal(50, entries.Count);
    }

    [Fact]
    public void Descriptors_and_handles_do_not_pile_up()
    {
        GuestTree guest = MakeGuest(GoferSharing.Exclusive, GoferBudget.ForLimit(4096));
        for (int i = 0; i < 3000; i++)
        {
            AssertOk(guest.Write($"/f{i}", Fcntl.O_WRONLY | Fcntl.O_CREAT, "x", 0));
        }

        int open = OpenInServed();
        for (int i = 0; i < 3000; i++)
        {
            AssertOk(guest.Unlink($"/f{i}"));
        }

        _client!.FlushCloses();
        int left = OpenInServed();
        Assert.InRange(open, 0, 1100);
        Assert.InRange(left, 0, 50);
        Assert.InRange(_server!.HandleCount, 0, 50);
    }

    /// <summary>Descriptors of this process on files of the attach point; other tests run beside this one.</summary>
    private int OpenInServed() => Directory.GetFiles("/proc/self/fd")
        .Count(link => new FileInfo(link).LinkTarget?.StartsWith(Served, StringComparison.Ordinal) == true);

    private GuestTree MakeGuest(GoferSharing sharing, GoferBudget? budget = null, long settleNs = 3_000_000_000)
    {
        Directory.CreateDirectory(Served);
        Directory.CreateDirectory(Twin);
        AssertOk(AttachPoint.Open(Served, AttachFlags.None, out AttachPoint? point));
        AssertOk(Server.Create([point!], out _server));
        CountingTransport transport = new(new InProcessTransport(_server!));
        _client = budget is { } limits ? new GoferClient(transport, limits) : new GoferClient(transport);
        GuestTree guest = new();
        GoferMountOptions options = new(sharing, "test") { SettleNs = settleNs };
        AssertOk(GoferSuperBlock.Mount(_client, 0, options, guest.Vfs.AllocateDevice(), out GoferSuperBlock? root));
        guest.SetRoot(root!);
        return guest;
    }

    /// <summary>Counts calls.</summary>
    private sealed class CountingTransport(ITransport inner) : ITransport
    {
        [ThreadStatic]
        internal static int Calls;

        public Errno Call(
            ReadOnlySpan<byte> request, Span<byte> answer, Span<int> descriptors, out int answerBytes,
            out int descriptorCount)
        {
            Calls++;
            return inner.Call(request, answer, descriptors, out answerBytes, out descriptorCount);
        }
    }
}
