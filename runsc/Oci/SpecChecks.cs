using System;
using System.Collections.Generic;
using System.Text.Json;
using Abi.Linux;
using HostOs;
using Runsc.Cli;

namespace Runsc.Oci;

/// <summary>
/// What a configuration must be beyond its JSON schema, and what of it is not supported. docs/oci.md lists what is
/// honoured, refused and ignored.
/// </summary>
internal sealed class SpecChecks(string file, Spec spec)
{
    private const int MaxHostNameBytes = 64;
    private const int WorstOomScore = 1000;

    internal void Check()
    {
        if (spec.OciVersion is null || !spec.OciVersion.StartsWith("1.", StringComparison.Ordinal))
        {
            Reject("ociVersion", Quote(spec.OciVersion) + " is not supported (1.x is)");
        }

        CheckProcess(spec.Process ?? throw Rejection("process", "missing"));
        if (spec.Root?.Path is not { Length: > 0 } root)
        {
            throw Rejection("root.path", "missing");
        }

        CheckPath("root.path", root);
        CheckName("hostname", spec.Hostname);
        CheckName("domainname", spec.Domainname);
        CheckMounts();
        CheckHooks(spec.Hooks);

        if (spec.Linux is { } linux)
        {
            CheckLinux(linux);
            CheckResources(linux.Resources);
        }
    }

    private UserErrorException Rejection(string member, string why) => new(file + ": " + member + ": " + why);

    private void Reject(string member, string why) => throw Rejection(member, why);

    private static string Quote(string? value) => value is null ? "null" : ByteStrings.FromText(value);

    /// <summary>Checks a process alone.</summary>
    internal void CheckProcess(ProcessSpec process)
    {
        if (process.Args is not { Count: > 0 } args || args[0] is not { Length: > 0 })
        {
            throw Rejection("process.args", "at least one argument is required");
        }

        if (process.Cwd is not { Length: > 0 } cwd || cwd[0] != '/')
        {
            throw Rejection("process.cwd", "must be an absolute path");
        }

        CheckPath("process.cwd", cwd);
        foreach (string entry in args)
        {
            CheckNoNul("process.args", entry);
        }

        foreach (string entry in process.Env ?? [])
        {
            CheckNoNul("process.env", entry);
            if (entry.IndexOf('=') <= 0)
            {
                Reject("process.env", Quote(entry) + ": not NAME=value");
            }
        }

        if (process.OomScoreAdj is < -WorstOomScore or > WorstOomScore)
        {
            Reject("process.oomScoreAdj", process.OomScoreAdj + " is not from -1000 to 1000");
        }

        if (process.User is { Uid: uint.MaxValue } or { Gid: uint.MaxValue })
        {
            Reject("process.user", "4294967295 is no id");
        }

        if (process.User?.Umask > 0x1FF)
        {
            Reject("process.user.umask", "not from 0 to 0777");
        }

        RefuseUnlessEmpty("process.scheduler", process.Scheduler);
        RefuseUnlessEmpty("process.ioPriority", process.IoPriority);
        Capabilities.Check(file, process.Capabilities);
        Rlimits.Check(file, process.Rlimits);
    }

    private void CheckHooks(HooksSpec? hooks)
    {
        CheckHooks("hooks.prestart", hooks?.Prestart);
        CheckHooks("hooks.createRuntime", hooks?.CreateRuntime);
        CheckHooks("hooks.startContainer", hooks?.StartContainer);
        CheckHooks("hooks.poststart", hooks?.Poststart);
        CheckHooks("hooks.poststop", hooks?.Poststop);
        CheckHooks("hooks.createContainer", hooks?.CreateContainer);
    }

    private void CheckHooks(string member, List<HookSpec>? hooks)
    {
        foreach (HookSpec hook in hooks ?? [])
        {
            if (hook?.Path is not { Length: > 0 } path || path[0] != '/')
            {
                throw Rejection(member + ".path", "must be an absolute path");
            }

            CheckPath(member + ".path", path);
            foreach (string word in (string[])[.. hook.Args ?? [], .. hook.Env ?? []])
            {
                CheckNoNul(member, word);
            }

            if (hook.Timeout is <= 0)
            {
                Reject(member + ".timeout", "must be greater than zero");
            }
        }
    }

    private void CheckName(string member, string? name)
    {
        CheckNoNul(member, name ?? "");
        if (ByteStrings.FromText(name ?? "").Length > MaxHostNameBytes)
        {
            Reject(member, "longer than 64 bytes");
        }
    }

    private void CheckMounts()
    {
        int index = 0;
        foreach (MountSpec mount in spec.Mounts ?? [])
        {
            string where = "mounts[" + index++ + "]";
            if (mount?.Destination is not { Length: > 0 } destination || destination[0] != '/')
            {
                throw Rejection(where + ".destination", "must be an absolute path");
            }

            CheckPath(where + ".destination", destination);
            CheckPath(where + ".source", mount.Source ?? "");
            CheckNoNul(where + ".type", mount.Type ?? "");
            foreach (string option in mount.Options ?? [])
            {
                CheckNoNul(where + ".options", option);
                if (MountOptions.IsRefused(option))
                {
                    Reject(where + ".options", Quote(option) + " is not supported");
                }
            }

            RefuseUnlessEmpty(where + ".uidMappings", mount.UidMappings);
            RefuseUnlessEmpty(where + ".gidMappings", mount.GidMappings);
        }
    }

    private void CheckLinux(LinuxSpec linux)
    {
        CheckNamespaces(linux);
        CheckPath("linux.cgroupsPath", linux.CgroupsPath ?? "");
        CheckPaths("linux.maskedPaths", linux.MaskedPaths);
        CheckPaths("linux.readonlyPaths", linux.ReadonlyPaths);
        if (linux.RootfsPropagation is { Length: > 0 } name && !MountOptions.TryGetPropagation(name, out _))
        {
            Reject("linux.rootfsPropagation", Quote(name) + ": unknown");
        }

        foreach ((string key, string value) in linux.Sysctl ?? [])
        {
            CheckNoNul("linux.sysctl", value);
            if (key.Length == 0 || key.Contains('\0') || key.Contains("..", StringComparison.Ordinal))
            {
                Reject("linux.sysctl", Quote(key) + ": not the name of a setting");
            }
        }

        int index = 0;
        foreach (DeviceSpec device in linux.Devices ?? [])
        {
            CheckDevice("linux.devices[" + index++ + "]", device);
        }

        CheckMappings("linux.uidMappings", linux.UidMappings, (uint)HostUnistd.GetUid());
        CheckMappings("linux.gidMappings", linux.GidMappings, (uint)HostUnistd.GetGid());
        if (linux.UidMappings is { Count: > 0 } != linux.GidMappings is { Count: > 0 })
        {
            Reject("linux", "uidMappings and gidMappings need each other");
        }

        if (linux.Personality is { } personality && (personality.Domain != "LINUX"
            || personality.Flags is { Count: > 0 }))
        {
            Reject("linux.personality", "only the domain LINUX without flags is supported");
        }

        RefuseUnlessEmpty("linux.timeOffsets", linux.TimeOffsets);
        RefuseUnlessEmpty("linux.intelRdt", linux.IntelRdt);
        RefuseUnlessEmpty("linux.netDevices", linux.NetDevices);
    }

    private void CheckNamespaces(LinuxSpec linux)
    {
        HashSet<string> seen = [];
        foreach (NamespaceSpec item in linux.Namespaces ?? [])
        {
            string type = item?.Type ?? "null";
            if (type is not ("pid" or "network" or "mount" or "ipc" or "uts" or "user" or "cgroup" or "time"))
            {
                Reject("linux.namespaces", "unknown type " + Quote(type));
            }

            if (!seen.Add(type))
            {
                Reject("linux.namespaces", type + " is given twice");
            }

            // A sandbox without a network has nothing to do in somebody's network. Those that a container of a pod
            // names are its sandbox's.
            if (item!.Path is { Length: > 0 } && type != "network" && !Membership.IsMember(spec))
            {
                Reject("linux.namespaces", type + ": joining a namespace (path) is not supported");
            }
        }
    }

    private void CheckPaths(string member, List<string>? paths)
    {
        foreach (string path in paths ?? [])
        {
            CheckPath(member, path);
            if (path.Length == 0 || path[0] != '/')
            {
                Reject(member, Quote(path) + ": must be an absolute path");
            }
        }
    }

    private void CheckDevice(string where, DeviceSpec? device)
    {
        if (device?.Path is not { Length: > 0 } path || path[0] != '/')
        {
            throw Rejection(where + ".path", "must be an absolute path");
        }

        CheckPath(where + ".path", path);
        if (device.Type is not ("c" or "b" or "u" or "p"))
        {
            Reject(where + ".type", Quote(device.Type) + " is not one of c, b, u, p");
        }

        const long MaxMajor = 0xFFF;
        const long MaxMinor = 0xFFFFF;
        bool isNumbered = device.Major is >= 0 and <= MaxMajor && device.Minor is >= 0 and <= MaxMinor;
        if (device.Type != "p" && !isNumbered)
        {
            Reject(where, "major and minor are required, at most 4095 and 1048575");
        }
    }

    /// <summary>What user_namespaces(7) takes of a map; root inside must be somebody. A caller who is not root can map
    /// to nobody but itself.</summary>
    private void CheckMappings(string member, List<IdMappingSpec>? mappings, uint caller)
    {
        const uint Root = 0;
        bool mapsRoot = mappings is not { Count: > 0 };
        for (int i = 0; i < mappings?.Count; i++)
        {
            string where = member + "[" + i + "]";
            IdMappingSpec? mapping = mappings[i];
            if (mapping is null || mapping.Size == 0 || mapping.Size > uint.MaxValue - mapping.ContainerId
                || mapping.Size > uint.MaxValue - mapping.HostId)
            {
                throw Rejection(where, "not a range of ids");
            }

            bool isIdentity = mapping.ContainerId == mapping.HostId;
            bool isCaller = mapping is { ContainerId: Root, Size: 1 } && mapping.HostId == caller;
            if (HostUnistd.GetUid() != Root && !isIdentity && !isCaller)
            {
                Reject(where, "only root can map to other host ids");
            }

            mapsRoot |= mapping.ContainerId == Root;
            if (mappings.FindIndex(other => other is not null && Overlaps(other, mapping)) < i)
            {
                Reject(where, "overlaps another range");
            }
        }

        if (!mapsRoot)
        {
            Reject(member, "maps no root");
        }
    }

    private static bool Overlaps(IdMappingSpec one, IdMappingSpec other) =>
        Overlaps(one.ContainerId, other.ContainerId, one.Size, other.Size)
        || Overlaps(one.HostId, other.HostId, one.Size, other.Size);

    private static bool Overlaps(uint one, uint other, uint oneSize, uint otherSize) =>
        one < (ulong)other + otherSize && other < (ulong)one + oneSize;

    /// <summary>Checks linux.resources alone.</summary>
    internal void CheckResources(ResourcesSpec? resources)
    {
        if (resources?.Cpu is { } cpu && (cpu.RealtimeRuntime is > 0 || cpu.RealtimePeriod is > 0))
        {
            Reject("linux.resources.cpu", "real-time scheduling is not supported");
        }

        CheckNoNul("linux.resources.cpu.cpus", resources?.Cpu?.Cpus ?? "");
        CheckNoNul("linux.resources.cpu.mems", resources?.Cpu?.Mems ?? "");
        RefuseUnlessEmpty("linux.resources.blockIO", resources?.BlockIo);
        RefuseUnlessEmpty("linux.resources.hugepageLimits", resources?.HugepageLimits);
        RefuseUnlessEmpty("linux.resources.network", resources?.Network);
        RefuseUnlessEmpty("linux.resources.rdma", resources?.Rdma);
        RefuseUnlessEmpty("linux.resources.unified", resources?.Unified);
    }

    private void RefuseUnlessEmpty(string member, JsonElement? value)
    {
        if (value is { } given && !IsEmpty(given))
        {
            Reject(member, "not supported");
        }
    }

    /// <summary>True for null, false, zero, "" and what is made of them only: engines write such members
    /// always.</summary>
    private static bool IsEmpty(JsonElement value)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Array:
                foreach (JsonElement item in value.EnumerateArray())
                {
                    if (!IsEmpty(item))
                    {
                        return false;
                    }
                }

                return true;
            case JsonValueKind.Object:
                foreach (JsonProperty member in value.EnumerateObject())
                {
                    if (!IsEmpty(member.Value))
                    {
                        return false;
                    }
                }

                return true;
            case JsonValueKind.Number:
                return value.TryGetInt64(out long number) && number == 0;
            case JsonValueKind.String:
                return value.ValueEquals("");
            default:
                return value.ValueKind != JsonValueKind.True;
        }
    }

    private void CheckPath(string where, string? path)
    {
        CheckNoNul(where, path);
        if (!Sandbox.HostPath.HasLength(ByteStrings.FromText(path!)))
        {
            Reject(where, Quote(path) + ": " + ErrorText.Describe(Errno.ENAMETOOLONG));
        }
    }

    private void CheckNoNul(string where, string? value)
    {
        if (value is null || value.Contains('\0'))
        {
            Reject(where, "contains a NUL character or is null");
        }
    }
}
