using System.Collections.Generic;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Runsc.Oci;

/// <summary>An OCI runtime configuration (runtime-spec 1.2, config.md): the parts a Linux container uses. Absent
/// members are null.</summary>
internal sealed class Spec
{
    public string? OciVersion { get; set; }

    public ProcessSpec? Process { get; set; }

    public RootSpec? Root { get; set; }

    public string? Hostname { get; set; }

    public string? Domainname { get; set; }

    public List<MountSpec>? Mounts { get; set; }

    public Dictionary<string, string>? Annotations { get; set; }

    public LinuxSpec? Linux { get; set; }

    public HooksSpec? Hooks { get; set; }
}

/// <summary>config.md, "POSIX-platform Hooks".</summary>
internal sealed class HooksSpec
{
    public List<HookSpec>? Prestart { get; set; }

    public List<HookSpec>? CreateRuntime { get; set; }

    public List<HookSpec>? CreateContainer { get; set; }

    public List<HookSpec>? StartContainer { get; set; }

    public List<HookSpec>? Poststart { get; set; }

    public List<HookSpec>? Poststop { get; set; }
}

/// <summary>A program to run at a moment of the container's life.</summary>
internal sealed class HookSpec
{
    public string? Path { get; set; }

    public List<string>? Args { get; set; }

    public List<string>? Env { get; set; }

    /// <summary>Seconds.</summary>
    public int? Timeout { get; set; }
}

/// <summary>config.md, "Process".</summary>
internal sealed class ProcessSpec
{
    public bool Terminal { get; set; }

    public BoxSpec? ConsoleSize { get; set; }

    public UserSpec? User { get; set; }

    public List<string>? Args { get; set; }

    public List<string>? Env { get; set; }

    public string? Cwd { get; set; }

    public CapabilitiesSpec? Capabilities { get; set; }

    public List<RlimitSpec>? Rlimits { get; set; }

    public bool NoNewPrivileges { get; set; }

    public int? OomScoreAdj { get; set; }

    public JsonElement? Scheduler { get; set; }

    public JsonElement? IoPriority { get; set; }
}

/// <summary>Terminal size in characters.</summary>
internal sealed class BoxSpec
{
    public ushort Height { get; set; }

    public ushort Width { get; set; }
}

/// <summary>Ids of the process in the container.</summary>
internal sealed class UserSpec
{
    public uint Uid { get; set; }

    public uint Gid { get; set; }

    public uint? Umask { get; set; }

    public List<uint>? AdditionalGids { get; set; }
}

/// <summary>Capability sets by name (CAP_CHOWN...).</summary>
internal sealed class CapabilitiesSpec
{
    public List<string>? Bounding { get; set; }

    public List<string>? Effective { get; set; }

    public List<string>? Inheritable { get; set; }

    public List<string>? Permitted { get; set; }

    public List<string>? Ambient { get; set; }
}

/// <summary>One resource limit (RLIMIT_NOFILE...).</summary>
internal sealed class RlimitSpec
{
    public string? Type { get; set; }

    public ulong Soft { get; set; }

    public ulong Hard { get; set; }
}

/// <summary>The container's root file system.</summary>
internal sealed class RootSpec
{
    public string? Path { get; set; }

    public bool Readonly { get; set; }
}

/// <summary>One mount, in order.</summary>
internal sealed class MountSpec
{
    public string? Destination { get; set; }

    public string? Type { get; set; }

    public string? Source { get; set; }

    public List<string>? Options { get; set; }

    public JsonElement? UidMappings { get; set; }

    public JsonElement? GidMappings { get; set; }
}

/// <summary>config-linux.md.</summary>
internal sealed class LinuxSpec
{
    public List<NamespaceSpec>? Namespaces { get; set; }

    public List<string>? MaskedPaths { get; set; }

    public List<string>? ReadonlyPaths { get; set; }

    public ResourcesSpec? Resources { get; set; }

    public string? RootfsPropagation { get; set; }

    public string? CgroupsPath { get; set; }

    public Dictionary<string, string>? Sysctl { get; set; }

    public List<DeviceSpec>? Devices { get; set; }

    public List<IdMappingSpec>? UidMappings { get; set; }

    public List<IdMappingSpec>? GidMappings { get; set; }

    public PersonalitySpec? Personality { get; set; }

    public SeccompSpec? Seccomp { get; set; }

    public JsonElement? TimeOffsets { get; set; }

    public JsonElement? IntelRdt { get; set; }

    public JsonElement? NetDevices { get; set; }
}

/// <summary>A device node to make in the container.</summary>
internal sealed class DeviceSpec
{
    /// <summary>c, b, u (as c) or p.</summary>
    public string? Type { get; set; }

    public string? Path { get; set; }

    public long? Major { get; set; }

    public long? Minor { get; set; }

    public uint? FileMode { get; set; }

    public uint? Uid { get; set; }

    public uint? Gid { get; set; }
}

/// <summary>A range of ids of a user namespace.</summary>
internal sealed class IdMappingSpec
{
    [JsonPropertyName("containerID")]
    public uint ContainerId { get; set; }

    [JsonPropertyName("hostID")]
    public uint HostId { get; set; }

    public uint Size { get; set; }
}

/// <summary>Execution domain (personality(2)).</summary>
internal sealed class PersonalitySpec
{
    public string? Domain { get; set; }

    public List<string>? Flags { get; set; }
}

/// <summary>Limits of the container as a whole.</summary>
internal sealed class ResourcesSpec
{
    public MemorySpec? Memory { get; set; }

    public PidsSpec? Pids { get; set; }

    public CpuSpec? Cpu { get; set; }

    [JsonPropertyName("blockIO")]
    public JsonElement? BlockIo { get; set; }

    public JsonElement? HugepageLimits { get; set; }

    public JsonElement? Network { get; set; }

    public JsonElement? Rdma { get; set; }

    public JsonElement? Unified { get; set; }
}

/// <summary>Memory limits in bytes; -1 means none.</summary>
internal sealed class MemorySpec
{
    public long? Limit { get; set; }

    /// <summary>Soft limit.</summary>
    public long? Reservation { get; set; }

    /// <summary>Memory and swap together.</summary>
    public long? Swap { get; set; }
}

/// <summary>What the container gets of the processors.</summary>
internal sealed class CpuSpec
{
    public long? Shares { get; set; }

    /// <summary>Microseconds of a period; negative for no limit.</summary>
    public long? Quota { get; set; }

    /// <summary>Microseconds.</summary>
    public long? Period { get; set; }

    public string? Cpus { get; set; }

    public string? Mems { get; set; }

    public long? RealtimeRuntime { get; set; }

    public long? RealtimePeriod { get; set; }
}

/// <summary>Limit of tasks; 0 or less means none.</summary>
internal sealed class PidsSpec
{
    public long? Limit { get; set; }
}

/// <summary>A namespace to make or join.</summary>
internal sealed class NamespaceSpec
{
    public string? Type { get; set; }

    public string? Path { get; set; }
}

/// <summary>Source-generated serializer: no reflection in the executable.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    WriteIndented = true)]
[JsonSerializable(typeof(Spec))]
[JsonSerializable(typeof(ProcessSpec))]
[JsonSerializable(typeof(ResourcesSpec))]
internal sealed partial class SpecJson : JsonSerializerContext
{
}
