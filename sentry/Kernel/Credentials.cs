using Abi.Linux;

namespace Sentry.Kernel;

/// <summary>
/// Identity of a task (credentials(7)): an immutable object, shared and replaced as a whole. Ids are kuids: ids of
/// the root user namespace.
/// </summary>
public sealed partial record Credentials
{
    /// <summary>All capabilities there are.</summary>
    public const ulong AllCapabilities = (1UL << (Capability.CAP_LAST_CAP + 1)) - 1;

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

    /// <summary>root with every capability.</summary>
    public static Credentials Root(UserNamespace userNamespace) => new()
    {
        UserNamespace = userNamespace,
        Permitted = AllCapabilities,
        Effective = AllCapabilities,
        Bounding = AllCapabilities,
    };

    /// <summary>True when the group is the fs gid or a supplementary group.</summary>
    public bool IsInGroup(uint gid) => gid == FsGid || System.Array.BinarySearch(Groups, gid) >= 0;

    /// <summary>True when the effective set holds the capability (CAP_* number) in a namespace that covers <paramref
    /// name="target"/> (user_namespaces(7)).</summary>
    public bool HasCapability(int capability, UserNamespace target) =>
        target.Grants(this, capability);

    /// <summary>As <see cref="HasCapability(int,UserNamespace)"/> in the credentials' own namespace.</summary>
    public bool HasCapability(int capability) => (Effective >> capability & 1) != 0;

    /// <summary>Holds it over the whole sandbox, in the first user namespace (kernel/capability.c, capable).</summary>
    public bool IsCapable(int capability) => UserNamespace.Parent is null && HasCapability(capability);

    /// <summary>The same user with every capability in a namespace of its own (CLONE_NEWUSER;
    /// kernel/user_namespace.c, set_cred_user_ns).</summary>
    internal Credentials InNamespace(UserNamespace userNamespace) => this with
    {
        UserNamespace = userNamespace,
        SecureBits = 0,
        Inheritable = 0,
        Permitted = AllCapabilities,
        Effective = AllCapabilities,
        Ambient = 0,
        Bounding = AllCapabilities,
    };

    /// <summary>
    /// True when going from <paramref name="old"/> to these makes the process undumpable: other effective ids, or
    /// capabilities the old ones lacked (kernel/cred.c, commit_creds).
    /// </summary>
    internal bool ChangesIdentity(Credentials old) =>
        EffectiveUid != old.EffectiveUid || EffectiveGid != old.EffectiveGid || FsUid != old.FsUid || FsGid != old.FsGid
        || (Permitted & ~old.Permitted) != 0;
}
