using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text.Json;

namespace Perf.Runtimes;

/// <summary>A host folder that the job sees.</summary>
internal readonly record struct Volume(string Source, string Target, bool ReadOnly);

/// <summary>The OCI bundle of one run, the same for every runtime: its root, its mounts as Docker makes them, no
/// limits.</summary>
internal static class Bundle
{
    private static readonly string[] Capabilities =
    [
        "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_MKNOD", "CAP_NET_BIND_SERVICE",
        "CAP_NET_RAW", "CAP_SETFCAP", "CAP_SETGID", "CAP_SETPCAP", "CAP_SETUID", "CAP_SYS_CHROOT", "CAP_AUDIT_WRITE",
    ];

    private static readonly object[] StandardMounts =
    [
        Mount("/proc", "proc", "proc"),
        Mount("/dev", "tmpfs", "tmpfs", "nosuid", "strictatime", "mode=755"),
        Mount("/dev/pts", "devpts", "devpts", "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"),
        Mount("/dev/shm", "tmpfs", "shm", "nosuid", "nodev", "mode=1777"),
        Mount("/tmp", "tmpfs", "tmpfs", "nosuid", "nodev", "mode=1777"),
        Mount("/sys", "sysfs", "sysfs", "nosuid", "noexec", "nodev", "ro"),
    ];

    private static readonly string[] NameSpaces = ["pid", "network", "ipc", "uts", "mount"];

    /// <summary>Writes <c>config.json</c> into a folder; <paramref name="group"/> is its control group.</summary>
    internal static void Write(
        string folder, string root, string group, IEnumerable<string> command, IEnumerable<string> environment,
        IEnumerable<Volume> volumes)
    {
        object set = Capabilities;
        object config = new
        {
            ociVersion = "1.0.2",
            process = new
            {
                terminal = false,
                user = new { uid = 0, gid = 0 },
                args = command,
                env = environment,
                cwd = "/",
                capabilities = new { bounding = set, effective = set, permitted = set },
                rlimits = new[] { new { type = "RLIMIT_NOFILE", hard = 1_024, soft = 1_024 } },
            },
            root = new { path = root, @readonly = false },
            hostname = "perf",
            mounts = StandardMounts.Concat(volumes.Select(Bind)),
            linux = new
            {
                cgroupsPath = group,
                namespaces = NameSpaces.Select(type => new { type }),
                resources = new { devices = new[] { new { allow = false, access = "rwm" } } },
            },
        };
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "config.json"), JsonSerializer.Serialize(config));
    }

    private static object Bind(Volume volume) => Mount(
        volume.Target, "bind", volume.Source, volume.ReadOnly ? ["rbind", "ro"] : ["rbind", "rw"]);

    private static object Mount(string destination, string type, string source, params string[] options) =>
        new { destination, type, source, options };
}
