using System.Globalization;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Loader;
using Sentry.Vfs;
using Sentry.Vfs.Synthetic;

namespace Sentry.Fs.Proc;

/// <summary>/proc/sys: kernel settings (sysctl). Those that the Sentry acts on can be written by root of the sandbox;
/// the others are what they are.</summary>
internal sealed partial class ProcSys
{
    private const uint ReadOnly = 0x124;
    private const uint ReadWrite = 0x1A4;

    private readonly ProcSuperBlock _proc;

    private ProcSys(ProcSuperBlock proc) => _proc = proc;

    internal static FixedDirectory Build(ProcSuperBlock proc)
    {
        ProcSys builder = new(proc);
        FixedDirectory root = builder.Directory();
        root.Add("fs", builder.FileSystems());
        root.Add("kernel", builder.Kernel());
        root.Add("net", builder.Network());
        root.Add("user", builder.Users());
        root.Add("vm", builder.Memory());
        return root;
    }

    private FixedDirectory Directory() => new(_proc, new SyntheticIdentity(_proc.NextNumber(), 0x16D));

    private void Constant(FixedDirectory directory, string name, string value) =>
        directory.Add(name, new TextFile(_proc, new SyntheticIdentity(_proc.NextNumber(), ReadOnly), (_, text) =>
        {
            text.Append(value).Append('\n');
            return Errno.None;
        }));

    private void Computed(FixedDirectory directory, string name, System.Func<Task, string> value, TextConsumer? set =
        null) =>
        directory.Add(name, new TextFile(
            _proc,
            new SyntheticIdentity(_proc.NextNumber(), set is null ? ReadOnly : ReadWrite),
            (reader, text) =>
            {
                text.Append(value(reader)).Append('\n');
                return Errno.None;
            },
            set));

    private FixedDirectory FileSystems()
    {
        VirtualFileSystem vfs = _proc.Kernel.Vfs;
        FixedDirectory directory = Directory();
        Constant(directory, "aio-max-nr", "65536");
        Constant(directory, "aio-nr", "0");
        Constant(directory, "file-max", "9223372036854775807");
        Computed(directory, "file-nr", _ => "0\t0\t9223372036854775807");
        Constant(directory, "mount-max", "100000");
        Constant(directory, "nr_open", "1048576");
        Constant(directory, "overflowgid", "65534");
        Constant(directory, "overflowuid", "65534");
        Constant(directory, "pipe-max-size", "1048576");
        Constant(directory, "pipe-user-pages-hard", "0");
        Constant(directory, "pipe-user-pages-soft", "16384");
        Constant(directory, "lease-break-time", "45");
        Constant(directory, "leases-enable", "1");
        Computed(directory, "protected_hardlinks", _ => vfs.ProtectedHardlinks ? "1" : "0", (_, text) =>
            SetSwitch(text, v => vfs.ProtectedHardlinks = v));
        Computed(directory, "protected_symlinks", _ => vfs.ProtectedSymlinks ? "1" : "0", (_, text) =>
            SetSwitch(text, v => vfs.ProtectedSymlinks = v));
        Computed(directory, "protected_fifos", _ => Number(vfs.ProtectedFifos));
        Computed(directory, "protected_regular", _ => Number(vfs.ProtectedRegular));
        FixedDirectory inotify = Directory();
        Constant(inotify, "max_queued_events", "16384");
        Constant(inotify, "max_user_instances", "128");
        Constant(inotify, "max_user_watches", "65536");
        directory.Add("inotify", inotify);
        FixedDirectory mqueue = Directory();
        AddPosixQueues(mqueue);
        directory.Add("mqueue", mqueue);
        FixedDirectory epoll = Directory();
        Constant(epoll, "max_user_watches", "1048576");
        directory.Add("epoll", epoll);
        return directory;
    }

    private FixedDirectory Kernel()
    {
        FixedDirectory directory = Directory();
        Constant(directory, "cap_last_cap", "40");
        Constant(directory, "core_pattern", "core");
        Constant(directory, "core_uses_pid", "0");
        Constant(directory, "dmesg_restrict", "0");
        Computed(directory, "domainname", reader => reader.Namespaces.Uts.DomainName, SetDomainName);
        Computed(directory, "hostname", reader => reader.Namespaces.Uts.HostName, SetHostName);
        Constant(directory, "kptr_restrict", "0");
        AddSystemV(directory);
        Constant(directory, "ngroups_max", "65536");
        Constant(directory, "osrelease", KernelVersion.Release);
        Constant(directory, "ostype", "Linux");
        Constant(directory, "overflowgid", "65534");
        Constant(directory, "overflowuid", "65534");
        Computed(directory, "pid_max", _ => Number(_proc.Pids.Limit));
        Computed(directory, "ns_last_pid", _ => Number(_proc.Pids.LastPid));
        Constant(directory, "perf_event_paranoid", "4");
        Constant(directory, "printk", "4\t4\t1\t7");
        Constant(directory, "randomize_va_space", "2");
        Constant(directory, "sched_rr_timeslice_ms", "100");
        Constant(directory, "sysrq", "0");
        Computed(directory, "threads-max", _ => Number(_proc.Kernel.MaxTasks));
        Constant(directory, "unprivileged_userns_clone", "1");
        Constant(directory, "version", KernelVersion.Version);
        FixedDirectory random = Directory();
        Constant(random, "entropy_avail", "256");
        Constant(random, "poolsize", "256");
        Constant(random, "boot_id", GuestRandom.NextUuid());
        Computed(random, "uuid", _ => GuestRandom.NextUuid());
        directory.Add("random", random);
        FixedDirectory yama = Directory();
        Constant(yama, "ptrace_scope", "0");
        directory.Add("yama", yama);
        FixedDirectory seccomp = Directory();
        Constant(seccomp, "actions_avail", "kill_process kill_thread trap errno trace log allow");
        directory.Add("seccomp", seccomp);
        return directory;
    }

    private FixedDirectory Network()
    {
        FixedDirectory directory = Directory();
        FixedDirectory core = Directory();
        Constant(core, "somaxconn", "4096");
        Constant(core, "rmem_default", "212992");
        Constant(core, "rmem_max", "212992");
        Constant(core, "wmem_default", "212992");
        Constant(core, "wmem_max", "212992");
        Constant(core, "optmem_max", "131072");
        directory.Add("core", core);
        FixedDirectory unix = Directory();
        Constant(unix, "max_dgram_qlen", "512");
        directory.Add("unix", unix);
        return directory;
    }

    private FixedDirectory Users()
    {
        FixedDirectory directory = Directory();
        foreach (string name in (string[])["cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"])
        {
            Constant(directory, "max_" + name + "_namespaces", "65536");
        }

        Constant(directory, "max_inotify_instances", "128");
        Constant(directory, "max_inotify_watches", "65536");
        return directory;
    }

    private FixedDirectory Memory()
    {
        FixedDirectory directory = Directory();
        Constant(directory, "dirty_background_ratio", "10");
        Constant(directory, "dirty_ratio", "20");
        Constant(directory, "max_map_count", "65530");
        Constant(directory, "min_free_kbytes", "67584");
        Computed(directory, "mmap_min_addr", _ => _proc.Kernel.Platform.MinUserAddress.ToString(
            CultureInfo.InvariantCulture));
        Constant(directory, "nr_hugepages", "0");
        Constant(directory, "overcommit_memory", "0");
        Constant(directory, "overcommit_ratio", "50");
        Constant(directory, "overcommit_kbytes", "0");
        Constant(directory, "panic_on_oom", "0");
        Constant(directory, "swappiness", "60");
        Constant(directory, "vfs_cache_pressure", "100");
        return directory;
    }

    private static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);

    private static Errno SetSwitch(string text, System.Action<bool> set)
    {
        if (!ProcStatusFiles.ParseInt(text, out int value) || value is not (0 or 1))
        {
            return Errno.EINVAL;
        }

        set(value == 1);
        return Errno.None;
    }

    private static Errno SetHostName(Task writer, string text)
    {
        string name = text.TrimEnd('\n', '\0');
        if (name.Length > UtsNamespace.MaxNameBytes)
        {
            return Errno.EINVAL;
        }

        writer.Namespaces.Uts.HostName = name;
        return Errno.None;
    }

    private static Errno SetDomainName(Task writer, string text)
    {
        string name = text.TrimEnd('\n', '\0');
        if (name.Length > UtsNamespace.MaxNameBytes)
        {
            return Errno.EINVAL;
        }

        writer.Namespaces.Uts.DomainName = name;
        return Errno.None;
    }
}
