using System.Collections.Generic;
using HostOs;

namespace Runsc.Oci;

/// <summary>The configuration that <c>runsc spec</c> writes: what runc's default has, for a shell in
/// ./rootfs.</summary>
internal static class DefaultSpec
{
    /// <summary>Root inside is the caller.</summary>
    internal static void MapToCaller(LinuxSpec linux)
    {
        linux.Namespaces!.Add(new NamespaceSpec { Type = "user" });
        linux.UidMappings = [new IdMappingSpec { HostId = (uint)HostUnistd.GetUid(), Size = 1 }];
        linux.GidMappings = [new IdMappingSpec { HostId = (uint)HostUnistd.GetGid(), Size = 1 }];
    }

    internal static Spec Create(IReadOnlyList<string> args)
    {
        List<string> caps = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"];
        return new Spec
        {
            OciVersion = "1.0.0",
            Process = new ProcessSpec
            {
                Terminal = args.Count == 0,
                User = new UserSpec(),
                Args = args.Count == 0 ? ["sh"] : [.. args],
                Env = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"],
                Cwd = "/",
                Capabilities = new CapabilitiesSpec { Bounding = caps, Effective = caps, Inheritable = [],
                    Permitted = caps },
                Rlimits = [new RlimitSpec { Type = "RLIMIT_NOFILE", Soft = 1024, Hard = 1024 }],
                NoNewPrivileges = true,
            },
            Root = new RootSpec { Path = "rootfs", Readonly = true },
            Hostname = "runsc",
            Mounts =
            [
                new MountSpec { Destination = "/proc", Type = "proc", Source = "proc" },
                new MountSpec
                {
                    Destination = "/dev",
                    Type = "tmpfs",
                    Source = "tmpfs",
                    Options = ["nosuid", "strictatime", "mode=755", "size=65536k"],
                },
                new MountSpec
                {
                    Destination = "/dev/pts",
                    Type = "devpts",
                    Source = "devpts",
                    Options = ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
                },
                new MountSpec
                {
                    Destination = "/dev/shm",
                    Type = "tmpfs",
                    Source = "shm",
                    Options = ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"],
                },
                new MountSpec { Destination = "/dev/mqueue", Type = "mqueue", Source = "mqueue", Options =
                    ["nosuid", "noexec", "nodev"] },
                new MountSpec { Destination = "/sys", Type = "sysfs", Source = "sysfs", Options =
                    ["nosuid", "noexec", "nodev", "ro"] },
            ],
            Linux = new LinuxSpec
            {
                Namespaces =
                [
                    new NamespaceSpec { Type = "pid" },
                    new NamespaceSpec { Type = "network" },
                    new NamespaceSpec { Type = "ipc" },
                    new NamespaceSpec { Type = "uts" },
                    new NamespaceSpec { Type = "mount" },
                ],
                MaskedPaths = ["/proc/kcore", "/proc/keys", "/proc/timer_list", "/sys/firmware"],
                ReadonlyPaths = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
            },
        };
    }
}
