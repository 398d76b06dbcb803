using System.Collections.Generic;
using System.Globalization;
using System.Text;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Vfs;
using Sentry.Vfs.Synthetic;

namespace Sentry.Fs.Proc;

/// <summary>Files about the whole system, /proc/NAME.</summary>
internal sealed class ProcGlobalFiles
{
    private const uint ReadOnly = 0x124;
    private const long NsPerTick = 10_000_000;
    private const long NsPerSecond = 1_000_000_000;

    private readonly ProcSuperBlock _proc;

    private ProcGlobalFiles(ProcSuperBlock proc) => _proc = proc;

    private GuestKernel Kernel => _proc.Kernel;

    /// <summary>Memory of the machine as a process sees it: what has the limit of its container, which is the
    /// sandbox's or the host's memory when nothing smaller was asked for.</summary>
    private static MemoryFile MemoryOf(Task reader) => reader.ThreadGroup.Scope.Memory.Smaller;

    internal static void AddTo(FixedDirectory root, ProcSuperBlock proc)
    {
        ProcGlobalFiles files = new(proc);
        files.Add(root, "cgroups", (_, text) => Append(text, ControlGroups));
        files.Add(root, "cmdline", (_, text) => Append(text, "quiet\n"));
        files.Add(root, "cpuinfo", files.CpuInfo);
        files.Add(root, "devices", (_, text) => Append(text, Devices));
        files.Add(root, "filesystems", files.FileSystems);
        files.Add(root, "loadavg", files.LoadAverage);
        files.Add(root, "meminfo", files.MemoryInfo);
        files.Add(root, "locks", (_, text) => FileLockList.Append(text));
        files.Add(root, "partitions", (_, text) => Append(text, "major minor  #blocks  name\n\n"));
        files.Add(root, "stat", files.Stat);
        files.Add(root, "swaps", (_, text) => Append(text, "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"));
        files.Add(root, "uptime", files.Uptime);
        files.Add(root, "version", files.Version);
        files.Add(root, "vmstat", files.MemoryEvents);
    }

    /// <summary>cgroups(7): hierarchy 0 is cgroup2's.</summary>
    private const string ControlGroups = "#subsys_name\thierarchy\tnum_cgroups\tenabled\n"
        + "cpuset\t0\t1\t1\ncpu\t0\t1\t1\nmemory\t0\t1\t1\npids\t0\t1\t1\n";

    private const string Devices =
        "Character devices:\n  1 mem\n  5 /dev/tty\n  5 /dev/console\n  5 /dev/ptmx\n136 pts\n\nBlock devices:\n";

    private static Errno Append(StringBuilder text, string content)
    {
        text.Append(content);
        return Errno.None;
    }

    private static void Line(StringBuilder text, string name, long kiB) =>
        text.Append(name).Append(':').Append(kiB.ToString(CultureInfo.InvariantCulture).PadLeft(24 - name.Length))
            .Append(" kB\n");

    private void Add(FixedDirectory root, string name, TextGenerator generate) =>
        root.Add(name, new TextFile(_proc, new SyntheticIdentity(_proc.NextNumber(), ReadOnly), generate));

    private Errno CpuInfo(Task reader, StringBuilder text)
    {
        for (int cpu = 0; cpu < Kernel.CpuCount; cpu++)
        {
            CpuDescription.Append(text, cpu, Kernel.CpuCount);
        }

        return Errno.None;
    }

    private Errno FileSystems(Task reader, StringBuilder text)
    {
        foreach (FileSystemType type in Kernel.Vfs.FileSystems)
        {
            text.Append(type.RequiresDevice ? "" : "nodev").Append('\t').Append(type.Name).Append('\n');
        }

        return Errno.None;
    }

    private Errno LoadAverage(Task reader, StringBuilder text)
    {
        List<Task> tasks = [];
        Kernel.CollectTasks(tasks);
        int running = 0;
        foreach (Task task in tasks)
        {
            running += task.State == TaskState.Running ? 1 : 0;
        }

        text.Append("0.00 0.00 0.00 ").Append(running).Append('/').Append(tasks.Count).Append(' ').Append(
            _proc.Pids.LastPid).Append('\n');
        return Errno.None;
    }

    private Errno MemoryInfo(Task reader, StringBuilder text)
    {
        const int KiB = 1024;
        MemoryFile memory = MemoryOf(reader);
        long total = (long)(memory.LimitBytes / KiB);
        long slab = System.Math.Min(total, (long)(memory.KernelBytes / KiB));
        long used = System.Math.Min(total - slab, (long)(memory.UsedBytes / KiB));
        long shared = System.Math.Min(used, (long)(memory.AllocatedBytes(MemoryKind.Shared) / KiB));
        long cache = System.Math.Min(used - shared, (long)(memory.AllocatedBytes(MemoryKind.PageCache) / KiB));
        long anonymous = used - shared - cache;
        long free = total - used - slab;
        Line(text, "MemTotal", total);
        Line(text, "MemFree", free);
        Line(text, "MemAvailable", System.Math.Max(0, free + cache));
        Line(text, "Buffers", 0);
        Line(text, "Cached", cache + shared);
        Line(text, "SwapCached", 0);
        Line(text, "Active", anonymous);
        Line(text, "Inactive", cache + shared);
        Line(text, "Active(anon)", anonymous);
        Line(text, "Inactive(anon)", shared);
        Line(text, "Active(file)", 0);
        Line(text, "Inactive(file)", cache);
        Line(text, "Unevictable", 0);
        Line(text, "Mlocked", 0);
        Line(text, "SwapTotal", 0);
        Line(text, "SwapFree", 0);
        Line(text, "Dirty", 0);
        Line(text, "Writeback", 0);
        Line(text, "AnonPages", anonymous);
        Line(text, "Mapped", cache);
        Line(text, "Shmem", shared);
        Line(text, "KReclaimable", 0);
        Line(text, "Slab", slab);
        Line(text, "SReclaimable", 0);
        Line(text, "SUnreclaim", slab);
        Line(text, "CommitLimit", total);
        Line(text, "Committed_AS", anonymous);
        Line(text, "VmallocTotal", 34359738367);
        Line(text, "VmallocUsed", 0);
        text.Append(
            "HugePages_Total:       0\nHugePages_Free:        0\nHugePages_Rsvd:        0\nHugePages_Surp:        0\n");
        Line(text, "Hugepagesize", 2048);
        return Errno.None;
    }

    private Errno Stat(Task reader, StringBuilder text)
    {
        List<ThreadGroup> groups = [];
        Kernel.RootPidNamespace.CollectThreadGroups(groups);
        CpuTimes total = default;
        int running = 0;
        foreach (ThreadGroup group in groups)
        {
            total.Add(group.GetCpuTimes());
            running += group.Leader.State == TaskState.Running ? 1 : 0;
        }

        if (groups.Count > 0)
        {
            total.Add(groups[0].GetChildrenCpuTimes());
        }

        long uptime = Kernel.Clock.BootNs / NsPerTick;
        long user = total.UserNs / NsPerTick;
        long system = total.SystemNs / NsPerTick;
        long idle = System.Math.Max(0, (uptime * Kernel.CpuCount) - user - system);
        AppendCpu(text, "cpu ", user, system, idle);
        for (int cpu = 0; cpu < Kernel.CpuCount; cpu++)
        {
            AppendCpu(text, "cpu" + cpu, user / Kernel.CpuCount, system / Kernel.CpuCount, idle / Kernel.CpuCount);
        }

        long boot = (Kernel.RealtimeNowNs - Kernel.Clock.BootNs) / NsPerSecond;
        text.Append("intr 0\nctxt 0\nbtime ").Append(boot).Append("\nprocesses ").Append(_proc.Pids.LastPid);
        text.Append("\nprocs_running ").Append(running).Append("\nprocs_blocked 0\nsoftirq 0 0 0 0 0 0 0 0 0 0 0\n");
        return Errno.None;
    }

    private static void AppendCpu(StringBuilder text, string name, long user, long system, long idle)
    {
        text.Append(name).Append(' ').Append(user).Append(" 0 ").Append(system).Append(' ').Append(idle);
        text.Append(" 0 0 0 0 0 0\n");
    }

    private Errno Uptime(Task reader, StringBuilder text)
    {
        long up = Kernel.Clock.BootNs;
        AppendSeconds(text, up);
        text.Append(' ');
        AppendSeconds(text, up * Kernel.CpuCount);
        text.Append('\n');
        return Errno.None;
    }

    private static void AppendSeconds(StringBuilder text, long ns)
    {
        const long NsPerCentisecond = 10_000_000;
        text.Append(ns / NsPerSecond).Append('.');
        text.Append((ns / NsPerCentisecond % 100).ToString("D2", CultureInfo.InvariantCulture));
    }

    private Errno Version(Task reader, StringBuilder text)
    {
        text.Append(KernelVersion.Banner).Append('\n');
        return Errno.None;
    }

    private Errno MemoryEvents(Task reader, StringBuilder text)
    {
        const int PageBytes = 4096;
        MemoryFile memory = MemoryOf(reader);
        ulong total = memory.LimitBytes;
        ulong shared = memory.AllocatedBytes(MemoryKind.Shared);
        ulong slab = System.Math.Min(total, memory.KernelBytes);
        ulong used = System.Math.Min(total - slab, memory.UsedBytes);
        text.Append("nr_free_pages ").Append((total - slab - used) / PageBytes).Append('\n');
        text.Append("nr_slab_unreclaimable ").Append(slab / PageBytes).Append('\n');
        text.Append("nr_anon_pages ").Append((used - System.Math.Min(used, shared)) / PageBytes).Append('\n');
        text.Append("nr_shmem ").Append(shared / PageBytes).Append('\n');
        text.Append("nr_file_pages ").Append((memory.AllocatedBytes(MemoryKind.PageCache) + shared) / PageBytes)
            .Append('\n');
        return Errno.None;
    }
}
