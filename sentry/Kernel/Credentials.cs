namespace Sentry.Kernel;

/// <summary>
/// Identity of a task (credentials(7)): an immutable object, shared and replaced as a whole. Ids are kuids: ids of the root user namespace.
/// </summary>
public sealed partial record Credentials
{
    public uint RealUid { get; init; }

    public uint EffectiveUid { get; init; }

    public uint SavedUid { get; init; }

    /// <summary>Used for file access (setfsuid(2)).</summary>
    public uint FsUid { get; init; }

    public uint RealGid { get; init; }

    public uint EffectiveGid { get; init; }

    public uint SavedGid { get; init; }

    public uint FsGid { get; init; }

    /// <summary>Supplementary groups, sorted.</summary>
    public uint[] Groups { get; init; } = [];

    /// <summary>Capability sets as bit masks (capabilities(7)), valid in <see cref="UserNamespace"/>.</summary>
    public ulong Permitted { get; init; }

    public ulong Effective { get; init; }

    public ulong Inheritable { get; init; }

    public ulong Bounding { get; init; }

    public ulong Ambient { get; init; }

    /// <summary>SECBIT_* flags.</summary>
    public uint SecureBits { get; init; }

    /// <summary>Namespace the capabilities count in.</summary>
    public required UserNamespace UserNamespace { get; init; }

    /// <summary>True when the group is the fs gid or a supplementary group.</summary>
    public bool IsInGroup(uint gid) => gid == FsGid || System.Array.BinarySearch(Groups, gid) >= 0;

    /// <summary>True when the effective set holds the capability (CAP_* number) in a namespace that covers <paramref name="target"/> (user_namespaces(7)).</summary>
    public bool HasCapability(int capability, UserNamespace target) =>
        target.Grants(this, capability);

    /// <summary>As <see cref="HasCapability(int,UserNamespace)"/> in the credentials' own namespace.</summary>
    public bool HasCapability(int capability) => (Effective >> capability & 1) != 0;
}
