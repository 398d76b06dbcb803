using System.Collections.Generic;
using System.Globalization;
using System.Threading;
using Abi.Linux;
using HostOs;
using Runsc.Cli;
using Runsc.Oci;
using Runsc.Sandbox;
using Runsc.Systemd;

namespace Runsc.Containers;

/// <summary>
/// The control groups of a container: one directory per hierarchy (v1) or one in all (v2). Sentry and gofer are in
/// them. The limits of memory and tasks are the Sentry's to keep; the host's are above them by what the Sentry itself
/// needs, so that a guest that takes too much meets the one inside.
/// </summary>
internal static class Cgroups
{
    private const int GroupMode = 0x1ED;
    private const int RemoveFlag = 0x200;
    private const int RemoveTries = 500;
    private const int RemovePauseMs = 10;

    /// <summary>Host memory that a sandbox takes besides its guest's: a part of its own, and tables that grow with the
    /// guest.</summary>
    private const long OwnMemoryBytes = 96L << 20;
    private const int TableShare = 16;

    /// <summary>Host threads for each task of the guest, and those of the Sentry and the gofer.</summary>
    private const long ThreadsPerTask = 4;
    private const long OwnThreads = 128;

    /// <summary>Tries to make and enter a group that others of the same path remove.</summary>
    private const int SharedTries = 10;

    private const long LeastShares = 2;
    private const long MostShares = 262144;

    /// <summary>The directories the container will have, and the unit where systemd makes them.</summary>
    internal static List<string> Plan(string id, LinuxSpec? linux, GlobalFlags.Values flags, out SystemdName? unit)
    {
        List<string> result = [];
        unit = null;
        if (flags.Cgroups == CgroupNaming.None || !HostIds.IsRoot)
        {
            return result;
        }

        string given = ByteStrings.FromText(linux?.CgroupsPath ?? "");
        string path = given;
        if (flags.Cgroups == CgroupNaming.Systemd)
        {
            SystemdUnits.CheckThatItRuns();
            unit = SystemdName.Parse(given.Length > 0 ? given : "system.slice:runsc:" + id);
            path = unit.Path();
        }

        foreach (CgroupHierarchy hierarchy in CgroupHierarchy.Find())
        {
            string below = path.Length == 0 ? hierarchy.OwnPath() + "/" + id
                : path[0] == '/' ? path : hierarchy.OwnPath() + "/" + path;
            string clean = OciSandbox.Clean(below);
            if (clean == "/")
            {
                throw new UserErrorException("linux.cgroupsPath: " + given + ": is the root of the hierarchy");
            }

            result.Add(hierarchy.MountPoint + clean);
        }

        return result;
    }

    /// <summary>Makes the directories and sets their limits. Another container of the same path may end meanwhile and
    /// take them away: then once more.</summary>
    internal static void Make(List<string> directories, ResourcesSpec? resources) =>
        Repeat(() => Make(CgroupHierarchy.Find(), directories, resources));

    /// <summary>Does it again while others that remove the same directories may be what is in the way: a directory or
    /// file is gone (ENOENT; ENODEV of a file that was open), or on its way (EBUSY). What is wrong for good is told at
    /// once.</summary>
    internal static void Repeat(System.Action step)
    {
        for (int tries = 1; ; tries++)
        {
            try
            {
                step();
                return;
            }
            catch (UserErrorException e) when (e.Cause is Errno.ENOENT or Errno.ENODEV or Errno.EBUSY
                && tries < SharedTries)
            {
                // The directories are made anew.
            }
        }
    }

    /// <summary>As above, in the hierarchies that are named.</summary>
    internal static void Make(List<CgroupHierarchy> hierarchies, List<string> directories, ResourcesSpec? resources)
    {
        foreach (CgroupHierarchy hierarchy in hierarchies)
        {
            string? directory = directories.Find(name => name.StartsWith(hierarchy.MountPoint + "/",
                System.StringComparison.Ordinal));
            if (directory is not null)
            {
                MakeOne(hierarchy, directory);
            }
        }

        Apply(directories, resources);
    }

    /// <summary>Puts a process into all of them. What another container of the same path took away when it ended is
    /// made again, with its limits.</summary>
    internal static void Join(List<string> directories, ResourcesSpec? resources, int pid)
    {
        string text = pid.ToString(CultureInfo.InvariantCulture);
        foreach (string directory in directories)
        {
            Errno errno = CgroupHierarchy.WriteFile(directory + "/cgroup.procs", text);
            for (int tries = 1; errno is Errno.ENOENT or Errno.ENODEV && tries < SharedTries; tries++)
            {
                Make(directories, resources);
                errno = CgroupHierarchy.WriteFile(directory + "/cgroup.procs", text);
            }

            if (errno != Errno.None)
            {
                throw new UserErrorException(directory + "/cgroup.procs: " + ErrorText.Describe(errno));
            }
        }
    }

    /// <summary>Removes the directories; their processes have ended, but the host may take a moment to say
    /// so.</summary>
    internal static void Remove(List<string> directories)
    {
        foreach (string directory in directories)
        {
            int tries = 0;
            while (HostUnistd.UnlinkAt(HostFcntl.AtFdCwd, directory, RemoveFlag) == Errno.EBUSY
                && tries++ < RemoveTries)
            {
                Thread.Sleep(RemovePauseMs);
            }
        }
    }

    /// <summary>Sets what the resources ask for; what they do not name stays. A limit that cannot be set is a user
    /// error.</summary>
    internal static void Apply(List<string> directories, ResourcesSpec? resources)
    {
        if (resources is null || directories.Count == 0)
        {
            return;
        }

        CgroupFiles files = new(directories);
        ApplyCpu(files, resources.Cpu);
        if (resources.Pids?.Limit is { } pids && pids != 0)
        {
            files.Set("pids.max", "pids.max", pids < 0 ? "max" : Text(HostTasks(pids)));
        }

        if (resources.Memory is { } memory)
        {
            ApplyMemory(files, memory);
        }
    }

    private static void ApplyMemory(CgroupFiles files, MemorySpec memory)
    {
        string? limit = memory.Limit is { } bytes && bytes != 0 ? HostLimit(bytes) : null;
        string? swap = memory.Swap is { } both && both != 0 ? HostLimit(both) : null;

        // v1 keeps the second at or above the first at all times: whichever way both move, one order works.
        bool isDone = limit is null || files.TrySet("memory.limit_in_bytes", "memory.max", limit == "-1" ? "max"
            : limit, limit);
        if (swap is not null)
        {
            files.TrySet("memory.memsw.limit_in_bytes", null, null, swap);
        }

        if (!isDone)
        {
            files.SetEither("memory.limit_in_bytes", "memory.max", limit == "-1" ? "max" : limit!, limit!);
        }

        if (memory.Reservation is { } soft && soft != 0)
        {
            files.TrySet("memory.soft_limit_in_bytes", "memory.low", Text(soft), Text(soft));
        }
    }

    private static string HostLimit(long bytes) => Text(HostLimitBytes(bytes));

    /// <summary>The host's limit for so much of the guest's memory; -1 for none.</summary>
    internal static long HostLimitBytes(long bytes) => bytes < 0 ? -1 : bytes + OwnMemoryBytes + (bytes / TableShare);

    /// <summary>The host's limit for so many tasks of the guest; -1 for none.</summary>
    internal static long HostTasks(long tasks) => tasks < 0 ? -1 : (tasks * ThreadsPerTask) + OwnThreads;

    private static void ApplyCpu(CgroupFiles files, CpuSpec? cpu)
    {
        if (cpu?.Shares is { } shares && shares != 0)
        {
            files.TrySet("cpu.shares", "cpu.weight", Text(WeightOf(shares)), Text(shares));
        }

        if (cpu?.Period is { } period && period != 0)
        {
            files.TrySet("cpu.cfs_period_us", null, null, Text(period));
        }

        if (cpu?.Quota is { } quota && quota != 0)
        {
            const long DefaultPeriodUs = 100_000;
            string whole = (quota < 0 ? "max" : Text(quota)) + " " + Text(cpu.Period is > 0 and long p ? p
                : DefaultPeriodUs);
            files.SetEither("cpu.cfs_quota_us", "cpu.max", whole, Text(quota));
        }

        if (cpu?.Cpus is { Length: > 0 } cpus)
        {
            files.Set("cpuset.cpus", "cpuset.cpus", ByteStrings.FromText(cpus));
        }

        if (cpu?.Mems is { Length: > 0 } mems)
        {
            files.Set("cpuset.mems", "cpuset.mems", ByteStrings.FromText(mems));
        }
    }

    /// <summary>cpu.shares 2..262144 as cpu.weight 1..10000 (runtime-spec and runc have the same line).</summary>
    internal static long WeightOf(long shares) =>
        1 + ((System.Math.Clamp(shares, LeastShares, MostShares) - LeastShares) * 9999 / (MostShares - LeastShares));

    private static string Text(long value) => value.ToString(CultureInfo.InvariantCulture);

    private static void MakeOne(CgroupHierarchy hierarchy, string directory)
    {
        int from = hierarchy.MountPoint.Length + 1;
        for (int slash = directory.IndexOf('/', from); slash > 0; slash = directory.IndexOf('/', slash + 1))
        {
            MakeGroup(hierarchy, directory[..slash]);
        }

        Errno errno = MakeGroup(hierarchy, directory);
        if (errno != Errno.None)
        {
            throw new UserErrorException(directory + ": " + ErrorText.Describe(errno)) { Cause = errno };
        }
    }

    private static Errno MakeGroup(CgroupHierarchy hierarchy, string directory)
    {
        string parent = directory[..directory.LastIndexOf('/')];
        if (hierarchy.Version == 2)
        {
            foreach (string controller in (string[])["+cpu", "+memory", "+pids", "+cpuset", "+io"])
            {
                _ = CgroupHierarchy.WriteFile(parent + "/cgroup.subtree_control", controller);
            }
        }

        Errno errno = HostStat.MkdirAt(HostFcntl.AtFdCwd, directory, GroupMode);
        bool isCpuset = System.Array.IndexOf(hierarchy.Controllers, "cpuset") >= 0;
        if (errno == Errno.None && isCpuset)
        {
            // A group without processors or memory nodes takes no process.
            foreach (string file in (string[])["/cpuset.cpus", "/cpuset.mems"])
            {
                _ = CgroupHierarchy.WriteFile(directory + file, CgroupHierarchy.ReadFile(parent + file).Trim());
            }
        }

        return errno == Errno.EEXIST ? Errno.None : errno;
    }
}
