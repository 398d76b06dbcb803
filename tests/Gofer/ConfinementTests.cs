using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using Abi.Linux;
using HostOs;
using Lisafs;
using Sentry.Fs.Gofer;
using Xunit;
using static Abi.Linux.Capability;
using static Tests.Gofer.ServerFixture;

namespace Tests.Gofer;

/// <summary>
/// The gofer process as the sandbox starts it: what it can still do, and that it does its work with that.
/// </summary>
public sealed class ConfinementTests : IDisposable
{
    private const ulong Kept = 1UL << CAP_CHOWN | 1UL << CAP_DAC_OVERRIDE | 1UL << CAP_FOWNER
        | 1UL << CAP_FSETID | 1UL << CAP_SETFCAP;

    private readonly string _top = Path.Combine(Path.GetTempPath(), "gofer-process-" + Guid.NewGuid().ToString("N"));
    private readonly SpawnedProcess _process;
    private readonly SocketTransport _transport;
    private readonly GoferClient _client;

    public ConfinementTests()
    {
        Directory.CreateDirectory(_top);
        AssertOk(HostSocket.SocketPair(
            HostSocket.AfUnix, HostSocket.SeqPacket | HostSocket.Cloexec, 0, out int ours, out int theirs));
        _process = Start(theirs);
        HostUnistd.Close(theirs);
        _transport = new SocketTransport([ours]);
        _client = new GoferClient(_transport);
    }

    public void Dispose()
    {
        _transport.Dispose();
        AssertOk(HostWait.WaitId(HostWait.IdPid, _process.Pid, HostWait.Exited, out _, out _, out int status));
        _process.PidFd.Dispose();
        Directory.Delete(_top, recursive: true);
        Assert.Equal(0, status);
    }

    [Fact]
    public void No_thread_keeps_more_than_what_serving_needs()
    {
        AssertOk(_client.Mount(0, out _));
        string[] tasks = Directory.GetDirectories($"/proc/{_process.Pid}/task");
        Assert.True(tasks.Length >= 2);
        Assert.All(tasks, AssertConfined);
    }

    [Fact]
    public void Its_root_is_empty_and_its_directory_is_its_own_descriptors()
    {
        AssertOk(_client.Mount(0, out _));
        Assert.Empty(Directory.GetFileSystemEntries($"/proc/{_process.Pid}/root/"));
        Assert.Equal("/1/fd", File.ResolveLinkTarget($"/proc/{_process.Pid}/cwd", returnFinalTarget: false)!.FullName);
    }

    [Fact]
    public void Every_operation_works_under_the_filter()
    {
        AssertOk(_client.Mount(0, out MountAnswer mounted));
        uint root = mounted.Root.Handle;
        AssertOk(_client.Create(Operation.Create, new(root, 0x1ff, 5, 6, 0, "f", ""), out _, out int fd));
        HostUnistd.Close(fd);
        AssertOk(
            _client.Create(Operation.MakeUnnamed, new(root, 0x1ff, 5, 6, 0, "", ""), out WireNode unnamed, out fd));
        HostUnistd.Close(fd);
        AssertOk(_client.Link(new(unnamed.Handle, ""), root, "u", out _));
        AssertOk(_client.Make(Operation.MakeDirectory, new(root, 0x1ff, 5, 6, 0, "d", ""), out WireNode directory));
        AssertOk(_client.Make(Operation.MakeSymlink, new(root, 0x1ff, 5, 6, 0, "l", "t"), out _));
        AssertOk(_client.Make(Operation.MakeNode, new(root, StatMode.S_IFIFO, 5, 6, 0, "p", ""), out _));
        AssertOk(_client.Rename(root, "f", directory.Handle, "g", 0));
        WireTarget file = new(directory.Handle, "g");
        WireAttributeChange change = new() { Mask = WireAttributeMask.All, Mode = 0x180, SizeBytes = 10 };
        AssertOk(_client.SetAttributes(file, change, out _));
        AssertOk(_client.SetXattr(file, "user.x", "y"u8, 0));
        AssertOk(_client.GetXattr(file, "user.x", out _));
        AssertOk(_client.ListXattr(file, []));
        AssertOk(_client.RemoveXattr(file, "user.x"));
        AssertOk(_client.Open(file, Fcntl.O_RDWR, out fd, out WireAttributes attributes));
        Assert.Equal(10, attributes.SizeBytes);
        HostUnistd.Close(fd);
        AssertOk(_client.Sync(file));
        AssertOk(_client.GetStatistics(new(root, ""), out _));
        List<WireEntry> entries = [];
        AssertOk(_client.ReadDirectory(new(root, ""), DirectoryDetail.Attributes, 0, entries, out _));
        Assert.Equal(["d", "l", "p", "u"], entries.Select(entry => entry.Name).Order());
        AssertOk(_client.Unlink(directory.Handle, "g", UnlinkFlags.KeepHandle, out _));
        AssertOk(_client.Unlink(root, "d", UnlinkFlags.Directory, out _));
        AssertOk(_client.Make(Operation.MakeNode, new(root, StatMode.S_IFSOCK, 5, 6, 0, "s", ""), out _));
        AssertOk(_client.Make(Operation.MakeNode, new(root, StatMode.S_IFCHR, 5, 6, 0, "whiteout", ""), out _));
        CreateRequest device = new(root, StatMode.S_IFCHR, 5, 6, 0x103, "null", "");
        Assert.Equal(Errno.EPERM, _client.Make(Operation.MakeNode, device, out _));
    }

    private static void AssertConfined(string task)
    {
        Dictionary<string, string> status = File.ReadLines(task + "/status")
            .Select(line => line.Split(':', 2)).ToDictionary(parts => parts[0], parts => parts[1].Trim());
        foreach (string set in (string[])["CapEff", "CapPrm", "CapBnd"])
        {
            Assert.Equal(Kept, ulong.Parse(status[set], NumberStyles.HexNumber, CultureInfo.InvariantCulture));
        }

        Assert.Equal(("0000000000000000", "1", "2"), (status["CapInh"], status["NoNewPrivs"], status["Seccomp"]));
    }

    private SpawnedProcess Start(int channel)
    {
        string runsc = FindRunsc();
        SpawnRequest request = new(runsc)
        {
            NamespaceFlags = Sched.CLONE_NEWNS | Sched.CLONE_NEWPID | Sched.CLONE_NEWNET | Sched.CLONE_NEWIPC
                | Sched.CLONE_NEWUTS,
        };
        request.Arguments.AddRange(["runsc-gofer", "gofer", "1", "-1", "rw", _top]);
        request.Descriptors.Add(new FdMap(2, 2));
        request.Descriptors.Add(new FdMap(channel, 3));
        Errno error = Spawn.Run(request, out SpawnedProcess process, out string problem);
        Assert.True(error == Errno.None, problem);
        return process;
    }

    private static string FindRunsc()
    {
        DirectoryInfo? directory = new(AppContext.BaseDirectory);
        while (directory is not null && !File.Exists(Path.Combine(directory.FullName, "Perf.sln")))
        {
            directory = directory.Parent;
        }

        string runsc = Path.Combine(directory!.FullName, "artifacts", "runsc");
        Assert.True(File.Exists(runsc), "artifacts/runsc is missing: ./run.sh --build-only makes it");
        return runsc;
    }
}
