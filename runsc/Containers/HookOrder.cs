using System.Collections.Generic;
using Runsc.Oci;

namespace Runsc.Containers;

/// <summary>What the gofer is told when it may go on: the hooks it runs first, in the container's mount name space and
/// with the host's root still in place (runtime-spec, config.md, "CreateContainer Hooks").</summary>
internal sealed class HookOrder
{
    public List<HookSpec> Hooks { get; set; } = [];

    /// <summary>The container's state, their standard input.</summary>
    public byte[] State { get; set; } = [];
}
