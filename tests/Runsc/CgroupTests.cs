using System;
using System.Collections.Generic;
using System.IO;
using Abi.Linux;
using Runsc.Containers;
using Runsc.Oci;
using Runsc.Systemd;
using Xunit;

namespace Tests.Runsc;

/// <summary>Control groups of either version, over a tree of plain files that stands for what the host
/// mounts.</summary>
public sealed class CgroupTests : IDisposable
{
    private static readonly string[] s_second = ["cgroup.subtree_control", "cpu.max", "cpu.weight", "cpuset.cpus",
        "cpuset.mems", "memory.max", "memory.low", "pids.max"];

    private readonly string _root = Directory.CreateTempSubdirectory("runsc-cgroups").FullName;

    /// <inheritdoc/>
    public void Dispose() => Directory.Delete(_root, true);

    private string MakeGroup(string path, params string[] files)
    {
        string directory = Directory.CreateDirectory(_root + path).FullName;
        Array.ForEach(files, file => File.WriteAllText(directory + "/" + file, ""));
        return directory;
    }

    private string Read(string path) => File.ReadAllText(_root + path);

    private static ResourcesSpec Limits() => new()
    {
        Memory = new MemorySpec { Limit = 64 << 20, Reservation = 1 << 20 },
        Pids = new PidsSpec { Limit = 10 },
        Cpu = new CpuSpec { Shares = 1024, Quota = 50_000, Period = 100_000, Cpus = "0" },
    };

    [Fact]
    public void The_second_version_gets_its_controllers_and_its_files()
    {
        MakeGroup("", s_second);
        MakeGroup("/a", s_second);
        string group = MakeGroup("/a/b", s_second);
        Cgroups.Make([new CgroupHierarchy(_root, [], 2)], [group], Limits());
        // A plain file keeps the last of the writes, which all begin at its start.
        Assert.StartsWith("+io", Read("/cgroup.subtree_control"), StringComparison.Ordinal);
        Assert.StartsWith("+io", Read("/a/cgroup.subtree_control"), StringComparison.Ordinal);
        Assert.Equal("50000 100000", Read("/a/b/cpu.max"));
        Assert.Equal("39", Read("/a/b/cpu.weight"));
        Assert.Equal("0", Read("/a/b/cpuset.cpus"));
        Assert.Equal("1048576", Read("/a/b/memory.low"));
        Assert.Equal("168", Read("/a/b/pids.max"));
        long limit = long.Parse(Read("/a/b/memory.max"), System.Globalization.CultureInfo.InvariantCulture);
        Assert.InRange(limit, 65L << 20, 256L << 20);
    }

    [Fact]
    public void The_first_version_gets_a_directory_in_every_hierarchy()
    {
        string memory = MakeGroup("/memory/c", "memory.limit_in_bytes", "memory.soft_limit_in_bytes");
        string cpu = MakeGroup("/cpu/c", "cpu.shares", "cpu.cfs_quota_us", "cpu.cfs_period_us");
        string pids = MakeGroup("/pids/c", "pids.max");
        string cpuset = MakeGroup("/cpuset/c", "cpuset.cpus", "cpuset.mems");
        Cgroups.Make([new CgroupHierarchy(_root + "/memory", ["memory"], 1),
            new CgroupHierarchy(_root + "/cpu", ["cpu"], 1), new CgroupHierarchy(_root + "/pids", ["pids"], 1),
            new CgroupHierarchy(_root + "/cpuset", ["cpuset"], 1)], [memory, cpu, pids, cpuset], Limits());
        Assert.Equal("1024", Read("/cpu/c/cpu.shares"));
        Assert.Equal("50000", Read("/cpu/c/cpu.cfs_quota_us"));
        Assert.Equal("168", Read("/pids/c/pids.max"));
        Assert.Equal("0", Read("/cpuset/c/cpuset.cpus"));
        Assert.NotEqual("", Read("/memory/c/memory.limit_in_bytes"));
    }

    [Fact]
    public void No_limit_has_a_word_of_its_own_in_the_second_version()
    {
        string group = MakeGroup("/c", s_second);
        Cgroups.Apply([group], new ResourcesSpec
        {
            Memory = new MemorySpec { Limit = -1 },
            Pids = new PidsSpec { Limit = -1 },
            Cpu = new CpuSpec { Quota = -1 },
        });
        Assert.Equal("max", Read("/c/memory.max"));
        Assert.Equal("max", Read("/c/pids.max"));
        Assert.Equal("max 100000", Read("/c/cpu.max"));
    }

    [Fact]
    public void A_limit_without_a_file_for_it_is_an_error_that_names_it()
    {
        string group = MakeGroup("/c");
        UserErrorException e = Assert.Throws<UserErrorException>(() => Cgroups.Apply([group], Limits()));
        Assert.Contains("cpu.", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Errno.ENOENT, 10)]
    [InlineData(Errno.ENODEV, 10)]
    [InlineData(Errno.EBUSY, 10)]
    [InlineData(Errno.EACCES, 1)]
    [InlineData(Errno.EINVAL, 1)]
    [InlineData(Errno.None, 1)]
    public void Only_what_another_container_may_have_caused_is_tried_again(Errno cause, int tries)
    {
        int count = 0;
        Assert.Throws<UserErrorException>(() => Cgroups.Repeat(() =>
        {
            count++;
            throw new UserErrorException("no") { Cause = cause };
        }));
        Assert.Equal(tries, count);
    }

    [Fact]
    public void A_directory_that_cannot_be_made_says_why()
    {
        File.WriteAllText(_root + "/file", "");
        UserErrorException e = Assert.Throws<UserErrorException>(() => Cgroups.Make([new CgroupHierarchy(_root, [], 2)],
            [_root + "/file/c"], null));
        Assert.Equal(Errno.ENOTDIR, e.Cause);
    }

    [Theory]
    [InlineData("system.slice:docker:abc", "/system.slice/docker-abc.scope")]
    [InlineData(":docker:abc", "/system.slice/docker-abc.scope")]
    [InlineData("a-b.slice:cri:x", "/a.slice/a-b.slice/cri-x.scope")]
    [InlineData("a-b-c.slice::x", "/a.slice/a-b.slice/a-b-c.slice/x.scope")]
    [InlineData("-.slice:p:n", "/p-n.scope")]
    [InlineData("a.slice:p:own.slice", "/a.slice/own.slice")]
    public void Names_of_systemd_become_paths(string name, string path) =>
        Assert.Equal(path, SystemdName.Parse(name).Path());

    [Theory]
    [InlineData("a.slice")]
    [InlineData("a:b")]
    [InlineData("a:b:c:d")]
    [InlineData("a:b:")]
    [InlineData("../a:b:c")]
    [InlineData("/a/b")]
    public void What_is_no_name_of_systemd_is_refused(string name) =>
        Assert.Contains("slice:prefix:name", Assert.Throws<UserErrorException>(() => SystemdName.Parse(name)).Message,
            StringComparison.Ordinal);

    [Fact]
    public void Hierarchies_come_from_mountinfo()
    {
        const string First = "30 25 0:26 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
            + "31 25 0:27 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:9 - cgroup cgroup rw,cpu,cpuacct\n";
        const string Second = "40 25 0:30 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw,nsdelegate\n";
        List<CgroupHierarchy> both = CgroupHierarchy.Parse("22 1 8:1 / / rw - ext4 /dev/sda1 rw\n" + First + Second);
        Assert.Equal(["/sys/fs/cgroup/memory", "/sys/fs/cgroup/cpu,cpuacct"], both.ConvertAll(one => one.MountPoint));
        Assert.Equal(["cpu", "cpuacct"], both[1].Controllers);
        CgroupHierarchy unified = Assert.Single(CgroupHierarchy.Parse(Second));
        Assert.Equal(2, unified.Version);
        const string Groups = "5:memory:/m\n3:cpu,cpuacct:/c\n0::/u\n";
        Assert.Equal("/m", both[0].PathIn(Groups));
        Assert.Equal("/c", both[1].PathIn(Groups));
        Assert.Equal("/u", unified.PathIn(Groups));
    }
}
