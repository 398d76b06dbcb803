using System.Collections.Generic;
using Abi.Linux;
using HostOs;
using Runsc.Cli;
using Runsc.Oci;
using static Abi.Linux.MountFlags;

namespace Runsc.Sandbox;

/// <summary>An OCI configuration to a sandbox.</summary>
internal static class OciSandbox
{
    internal static SandboxBuilder Build(string id, string bundle, Spec config,
        RootStorage storage = RootStorage.Memory)
    {
        SandboxBuilder builder = new();
        string file = bundle + "/config.json";
        RootSpec root = config.Root!;
        string rootPath = Below(bundle, ByteStrings.FromText(root.Path!));
        builder.SetRoot(HostPath.Resolve(file + ": root.path", rootPath, PathKind.Directory), storage);
        SandboxSpec spec = builder.Spec;
        spec.Id = id;
        spec.RootReadOnly = root.Readonly;
        spec.Hostname = ByteStrings.FromText(config.Hostname ?? "runsc");
        spec.Domainname = ByteStrings.FromText(config.Domainname ?? "(none)");
        spec.Kind = SandboxKind.Container;
        SetProcess(spec, config.Process!);
        int index = 0;
        bool isDevBound = false;
        foreach (MountSpec mount in config.Mounts ?? [])
        {
            AddMount(builder, file + ": mounts[" + index++ + "]", bundle, mount);
            isDevBound |= spec.Mounts[^1] is { Type: "bind", Destination: "/dev" };
        }

        if (!isDevBound)
        {
            AddDefaultDevices(spec);
        }

        SetLinux(spec, config.Linux);
        SetMappings(builder, config.Linux);
        return builder;
    }

    /// <summary>What maps ids to themselves maps nothing, and a caller who is not root can map no more than
    /// itself.</summary>
    private static void SetMappings(SandboxBuilder builder, LinuxSpec? linux)
    {
        List<IdMappingSpec> users = linux?.UidMappings ?? [];
        List<IdMappingSpec> groups = linux?.GidMappings ?? [];
        bool isMapped = users.Exists(IsMapped) || groups.Exists(IsMapped);
        if (isMapped && HostIds.IsRoot)
        {
            users.ForEach(mapping => builder.UidMap.Add(ToMap(mapping)));
            groups.ForEach(mapping => builder.GidMap.Add(ToMap(mapping)));
        }
    }

    private static bool IsMapped(IdMappingSpec mapping) => mapping.ContainerId != mapping.HostId;

    private static IdMap ToMap(IdMappingSpec mapping) => new(mapping.ContainerId, mapping.HostId, mapping.Size);

    private static string Below(string bundle, string path) => path[0] == '/' ? path : bundle + "/" + path;

    /// <summary>The process of a configuration.</summary>
    internal static void SetProcess(SandboxSpec spec, ProcessSpec process)
    {
        spec.Args = ByteStrings.FromArguments(process.Args!);
        spec.Environment = LastOfEach(ByteStrings.FromArguments(process.Env ?? []));
        spec.WorkingDirectory = ByteStrings.FromText(process.Cwd!);
        spec.Uid = process.User?.Uid ?? 0;
        spec.Gid = process.User?.Gid ?? 0;
        spec.Umask = process.User?.Umask ?? spec.Umask;
        spec.Groups = process.User?.AdditionalGids ?? [];
        spec.NoNewPrivileges = process.NoNewPrivileges;
        spec.OomScoreAdjust = process.OomScoreAdj ?? 0;
        spec.Terminal = process.Terminal;
        spec.TerminalRows = process.ConsoleSize?.Height ?? 0;
        spec.TerminalColumns = process.ConsoleSize?.Width ?? 0;
        CapabilitiesSpec? sets = process.Capabilities;
        spec.Bounding = Oci.Capabilities.ToMask(sets?.Bounding);
        spec.Effective = Oci.Capabilities.ToMask(sets?.Effective);
        spec.Inheritable = Oci.Capabilities.ToMask(sets?.Inheritable);
        spec.Permitted = Oci.Capabilities.ToMask(sets?.Permitted);
        spec.Ambient = Oci.Capabilities.ToMask(sets?.Ambient) & spec.Permitted & spec.Inheritable;
        foreach (RlimitSpec limit in process.Rlimits ?? [])
        {
            spec.Limits.Add(new LimitSpec { Resource = Rlimits.Number(limit.Type), Soft = limit.Soft, Hard =
                limit.Hard });
        }
    }

    /// <summary>Of variables given twice the last counts, at the place of the first.</summary>
    private static List<string> LastOfEach(List<string> environment)
    {
        Dictionary<string, int> places = [];
        List<string> result = [];
        foreach (string entry in environment)
        {
            string name = entry[..entry.IndexOf('=')];
            if (places.TryAdd(name, result.Count))
            {
                result.Add(entry);
            }
            else
            {
                result[places[name]] = entry;
            }
        }

        return result;
    }

    /// <summary>Sets a variable (NAME=VALUE); a user error when it is none.</summary>
    internal static void SetVariable(List<string> environment, string entry)
    {
        int equals = entry.IndexOf('=');
        if (equals <= 0)
        {
            throw new UserErrorException("--env: " + entry + ": not NAME=VALUE");
        }

        int place = environment.FindIndex(old => old.StartsWith(entry[..(equals + 1)],
            System.StringComparison.Ordinal));
        if (place >= 0)
        {
            environment[place] = entry;
        }
        else
        {
            environment.Add(entry);
        }
    }

    private static void SetLinux(SandboxSpec spec, LinuxSpec? linux)
    {
        spec.MaskedPaths = ByteStrings.FromArguments(linux?.MaskedPaths ?? []);
        spec.ReadOnlyPaths = ByteStrings.FromArguments(linux?.ReadonlyPaths ?? []);
        spec.MemoryLimitBytes = Cli.Sizes.CheckMemory("linux.resources.memory.limit",
            linux?.Resources?.Memory?.Limit is > 0 and long memory ? memory : 0);
        spec.PidsLimit = linux?.Resources?.Pids?.Limit is > 0 and long pids ? pids : 0;
        SetCpu(spec, linux?.Resources?.Cpu);
        MountOptions.TryGetPropagation(linux?.RootfsPropagation ?? "", out ulong propagation);
        spec.RootPropagation = propagation;
        foreach (DeviceSpec device in linux?.Devices ?? [])
        {
            AddDevice(spec, device);
        }

        foreach ((string key, string value) in linux?.Sysctl ?? [])
        {
            // A name that has slashes is a path already (sysctl.d(5)).
            string name = ByteStrings.FromText(key);
            spec.Sysctls.Add(name.Contains('/') ? name : name.Replace('.', '/'));
            spec.Sysctls.Add(ByteStrings.FromText(value));
        }
    }

    private static void SetCpu(SandboxSpec spec, CpuSpec? cpu)
    {
        spec.CpuQuotaUs = cpu?.Quota is > 0 and long quota ? quota : spec.CpuQuotaUs;
        spec.CpuPeriodUs = cpu?.Period is > 0 and long period ? period : spec.CpuPeriodUs;
        spec.CpuWeight = cpu?.Shares is > 0 and long shares ? Containers.Cgroups.WeightOf(shares) : spec.CpuWeight;
    }

    /// <summary>The nodes that every container has (runtime-spec, config-linux.md, "Default Devices").</summary>
    private static void AddDefaultDevices(SandboxSpec spec)
    {
        const uint Memory = 1;
        foreach ((string name, uint minor) in ((string, uint)[])[("null", 3), ("zero", 5), ("full", 7), ("random", 8),
            ("urandom", 9)])
        {
            AddDefaultDevice(spec, name, Memory, minor);
        }

        AddDefaultDevice(spec, "tty", Major.TTYAUX_MAJOR, 0);
    }

    private static void AddDefaultDevice(SandboxSpec spec, string name, uint major, uint minor)
    {
        const uint WorldReadWrite = 0x1B6;
        spec.Devices.Add(new DeviceNode { Path = "/dev/" + name, Mode = StatMode.S_IFCHR | WorldReadWrite, Major =
            major,
            Minor = minor });
    }

    private static void AddDevice(SandboxSpec spec, DeviceSpec device)
    {
        const uint WorldReadWrite = 0x1B6;
        const uint Permissions = 0xFFF;
        uint type = device.Type switch
        {
            "b" => StatMode.S_IFBLK,
            "p" => StatMode.S_IFIFO,
            _ => StatMode.S_IFCHR,
        };
        spec.Devices.Add(new DeviceNode
        {
            Path = ByteStrings.FromText(device.Path!),
            Mode = type | ((device.FileMode ?? WorldReadWrite) & Permissions),
            Major = (uint)(device.Major ?? 0),
            Minor = (uint)(device.Minor ?? 0),
            Uid = device.Uid ?? 0,
            Gid = device.Gid ?? 0,
        });
    }

    private static void AddMount(SandboxBuilder builder, string where, string bundle, MountSpec mount)
    {
        (ulong flags, ulong propagation, string data) = MountOptions.Parse(mount.Options ?? []);
        string destination = Clean(ByteStrings.FromText(mount.Destination!));
        if (destination == "/")
        {
            throw new UserErrorException(where + ".destination: is the root itself");
        }

        if (mount.Type == "bind" || (flags & MS_BIND) != 0)
        {
            if (mount.Source is not { Length: > 0 } source)
            {
                throw new UserErrorException(where + ".source: missing");
            }

            string path = Below(bundle, ByteStrings.FromText(source));
            builder.AddBind(HostPath.Resolve(where + ".source", path, PathKind.Any), destination, flags, propagation);
            return;
        }

        switch (mount.Type)
        {
            case null or "":
                throw new UserErrorException(where + ".type: missing");
            case "cgroup" or "cgroup2":
                // The sandbox has one hierarchy, of the second version, whichever the host has.
                builder.AddMount("cgroup2", destination, flags | MS_RDONLY, "", propagation);
                break;
            default:
                string type = ByteStrings.FromText(mount.Type);
                builder.AddMount(type, destination, flags, ByteStrings.FromText(data), propagation);
                break;
        }
    }

    /// <summary>The path without ".", ".." and empty components; ".." of the root is the root.</summary>
    internal static string Clean(string path)
    {
        List<string> names = [];
        foreach (string name in path.Split('/'))
        {
            if (name == ".." && names.Count > 0)
            {
                names.RemoveAt(names.Count - 1);
            }
            else if (name is not ("" or "." or ".."))
            {
                names.Add(name);
            }
        }

        return "/" + string.Join('/', names);
    }
}
