using System;
using System.Collections.Generic;
using System.Globalization;
using System.Text;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Vfs.Synthetic;

namespace Sentry.Fs.Cgroup;

/// <summary>The files of the one group (Linux's Documentation/admin-guide/cgroup-v2.rst): the account is the
/// sandbox's own, the same that /proc/meminfo and /proc/stat show; that of a container that joined it counts the
/// container alone. Time of processors is limited for the sandbox as a whole.</summary>
internal sealed class CgroupFiles(CgroupSuperBlock superBlock, GuestKernel kernel, TaskScope scope)
{
    private const uint DirectoryMode = 0x16D;
    private const uint FileMode = 0x124;
    private const long NsPerUs = 1000;
    private const string NoLimit = "max";

    internal FixedDirectory Build()
    {
        FixedDirectory root = new(superBlock, new SyntheticIdentity(superBlock.NextNumber(), DirectoryMode));
        AddCore(root);
        AddCpu(root);
        AddMemory(root);
        Add(root, "pids.current", () => Number(IsWhole ? kernel.TaskCount : scope.Tasks));
        Add(root, "pids.max", () => Number(Math.Min(kernel.MaxTasks, scope.MaxTasks)));
        return root;
    }

    private bool IsWhole => scope == kernel.RootScope;

    private long OomKills => IsWhole ? kernel.OomKills : scope.OomKills;

    private void AddCore(FixedDirectory root)
    {
        const string Controllers = "cpuset cpu memory pids";
        Add(root, "cgroup.controllers", () => Controllers);
        Add(root, "cgroup.events", () => "populated 1\nfrozen 0");
        Add(root, "cgroup.max.depth", () => NoLimit);
        Add(root, "cgroup.max.descendants", () => NoLimit);
        Add(root, "cgroup.procs", Processes);
        Add(root, "cgroup.stat", () => "nr_descendants 0\nnr_dying_descendants 0");
        Add(root, "cgroup.subtree_control", () => "");
        Add(root, "cgroup.threads", Threads);
        Add(root, "cgroup.type", () => "domain");
    }

    private void AddCpu(FixedDirectory root)
    {
        Add(root, "cpu.max", () => (kernel.CpuBandwidth.QuotaUs < 0 ? NoLimit : Number(kernel.CpuBandwidth.QuotaUs))
            + " " + Number(kernel.CpuBandwidth.PeriodUs));
        Add(root, "cpu.stat", CpuUse);
        Add(root, "cpu.weight", () => Number(kernel.CpuBandwidth.Weight));
        Add(root, "cpuset.cpus", Cpus);
        Add(root, "cpuset.cpus.effective", Cpus);
        Add(root, "cpuset.mems", () => "0");
        Add(root, "cpuset.mems.effective", () => "0");
    }

    private void AddMemory(FixedDirectory root)
    {
        MemoryFile memory = scope.Memory;
        Add(root, "memory.current", () => Number(memory.UsedBytes));
        Add(root, "memory.events", () => "low 0\nhigh 0\nmax 0\noom " + Number(OomKills) + "\noom_kill "
            + Number(OomKills) + "\noom_group_kill 0");
        Add(root, "memory.high", () => NoLimit);
        Add(root, "memory.low", () => "0");
        Add(root, "memory.max", () => memory.LimitBytes < kernel.MachineMemoryBytes ? Number(memory.LimitBytes)
            : NoLimit);
        Add(root, "memory.min", () => "0");
        Add(root, "memory.oom.group", () => "0");
        Add(root, "memory.stat", MemoryUse);
        Add(root, "memory.swap.current", () => "0");
        Add(root, "memory.swap.max", () => "0");
    }

    private void Add(FixedDirectory directory, string name, Func<string> text) =>
        Add(directory, name, (_, target) =>
        {
            string value = text();
            target.Append(value).Append(value.Length > 0 ? "\n" : "");
            return Errno.None;
        });

    private void Add(FixedDirectory directory, string name, TextGenerator generate) =>
        directory.Add(name, new TextFile(superBlock, new SyntheticIdentity(superBlock.NextNumber(), FileMode),
            generate));

    private static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);

    private static string Number(ulong value) => value.ToString(CultureInfo.InvariantCulture);

    private string Cpus() => kernel.CpuCount == 1 ? "0" : "0-" + Number(kernel.CpuCount - 1);

    /// <summary>As the reader's PID namespace numbers them; 0 for those it does not know.</summary>
    private Errno Processes(Task reader, StringBuilder text)
    {
        foreach (ThreadGroup group in Members())
        {
            text.Append(group.Identity.NumberIn(reader.PidNamespace)).Append('\n');
        }

        return Errno.None;
    }

    private Errno Threads(Task reader, StringBuilder text)
    {
        List<Task> tasks = [];
        foreach (ThreadGroup group in Members())
        {
            group.CollectTasks(tasks);
        }

        foreach (Task task in tasks)
        {
            text.Append(task.Identity.NumberIn(reader.PidNamespace)).Append('\n');
        }

        return Errno.None;
    }

    /// <summary>All processes of the sandbox, or those of the container.</summary>
    private List<ThreadGroup> Members()
    {
        List<ThreadGroup> groups = [];
        kernel.RootPidNamespace.CollectThreadGroups(groups);
        groups.RemoveAll(group => !IsWhole && group.Scope != scope);
        return groups;
    }

    private Errno CpuUse(Task reader, StringBuilder text)
    {
        List<ThreadGroup> groups = Members();
        CpuTimes total = default;
        foreach (ThreadGroup group in groups)
        {
            total.Add(group.GetCpuTimes());
        }

        if (groups.Count > 0)
        {
            total.Add(groups[0].GetChildrenCpuTimes());
        }

        long user = total.UserNs / NsPerUs;
        long system = total.SystemNs / NsPerUs;
        text.Append("usage_usec ").Append(user + system).Append("\nuser_usec ").Append(user).Append("\nsystem_usec ")
            .Append(system).Append("\nnr_periods 0\nnr_throttled 0\nthrottled_usec 0\n");
        return Errno.None;
    }

    private Errno MemoryUse(Task reader, StringBuilder text)
    {
        MemoryFile memory = scope.Memory;
        ulong shared = memory.AllocatedBytes(MemoryKind.Shared);
        ulong cache = memory.AllocatedBytes(MemoryKind.PageCache);
        ulong anonymous = memory.AllocatedBytes(MemoryKind.Anonymous);
        foreach ((string name, ulong bytes) in ((string, ulong)[])[("anon", anonymous), ("file", cache + shared),
            ("kernel", memory.AllocatedBytes(MemoryKind.Kernel)), ("shmem", shared), ("file_mapped", cache),
            ("inactive_anon", shared), ("active_anon", anonymous), ("inactive_file", cache), ("active_file", 0),
            ("unevictable", 0)])
        {
            text.Append(name).Append(' ').Append(bytes).Append('\n');
        }

        return Errno.None;
    }
}
