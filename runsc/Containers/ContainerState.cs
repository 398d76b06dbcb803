using System.Collections.Generic;
using System.Text.Json.Serialization;
using Runsc.Oci;
using Runsc.Systemd;

namespace Runsc.Containers;

/// <summary>What <c>state.json</c> keeps of a container. Host paths are byte strings, everything else is
/// text.</summary>
internal sealed partial class ContainerState
{
    public string Id { get; set; } = "";

    public string OciVersion { get; set; } = "";

    /// <summary>As last written; <see cref="Container.Status"/> says what it is now.</summary>
    public ContainerStatus Status { get; set; }

    /// <summary>Id of the sandbox that the container has joined; null for one that is a sandbox itself.</summary>
    public string? Sandbox { get; set; }

    /// <summary>The container's process as the host sees it: the Sentry, or for one that joined a sandbox the process
    /// that stands for it (<see cref="ExecWaiter"/>). 0 before it is there.</summary>
    public HostProcess Sentry { get; set; }

    public HostProcess Gofer { get; set; }

    /// <summary>The command that makes it; it owns the directory until the container is made, and one in the
    /// foreground until its end.</summary>
    public HostProcess Maker { get; set; }

    /// <summary>See <see cref="OomBell"/>; none when memory is not limited.</summary>
    public HostProcess Bell { get; set; }

    /// <summary>Absolute path of the bundle directory.</summary>
    public string Bundle { get; set; } = "";

    /// <summary>Absolute path of the root file system.</summary>
    public string Rootfs { get; set; } = "";

    /// <summary>RFC 3339.</summary>
    public string Created { get; set; } = "";

    /// <summary>Name of the user who made it.</summary>
    public string Owner { get; set; } = "";

    public Dictionary<string, string>? Annotations { get; set; }

    /// <summary>True when the process that made it waits for its end and removes it.</summary>
    public bool IsForeground { get; set; }

    /// <summary>Hooks that are still to run.</summary>
    public HooksSpec? Hooks { get; set; }

    /// <summary>Control-group directories that were made for it.</summary>
    public List<string> Cgroups { get; set; } = [];

    /// <summary>The unit of systemd that they are; null for those it does not know.</summary>
    public SystemdName? Unit { get; set; }
}

/// <summary>The states of the OCI runtime-spec (runtime.md, "State"), and paused as runc has it.</summary>
internal enum ContainerStatus
{
    Creating,
    Created,
    Running,
    Paused,
    Stopped,
}

/// <summary>Serializer of state files.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UseStringEnumConverter = true,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ContainerState))]
internal sealed partial class StateJson : JsonSerializerContext
{
}
