using System;
using System.Threading;
using Abi.Linux;

namespace Sentry.Kernel;

/// <summary>One line of /proc/pid/uid_map: ids First.. inside are ids LowerFirst.. outside.</summary>
public readonly record struct IdMapExtent(uint First, uint LowerFirst, uint Count);

/// <summary>Which of the two maps of a user namespace.</summary>
public enum IdKind
{
    User,
    Group,
}

/// <summary>A user namespace (user_namespaces(7)). Maps are written once and then only read.</summary>
public sealed partial class UserNamespace : INamespace
{
    /// <summary>What an id without a mapping looks like from inside (/proc/sys/kernel/overflowuid).</summary>
    public const uint OverflowId = 65534;

    /// <summary>"No id": what a conversion gives for an unmapped id, and what chown(2) takes for "unchanged".</summary>
    public const uint InvalidId = uint.MaxValue;

    /// <summary>Deepest nesting (kernel/user_namespace.c).</summary>
    public const int MaxDepth = 32;

    // Extents with LowerFirst already turned into ids of the root namespace.
    private IdMapExtent[]? _users;
    private IdMapExtent[]? _groups;

    /// <summary>A namespace under <paramref name="parent"/> (null: the root) owned by the kuid of its
    /// creator.</summary>
    public UserNamespace(UserNamespace? parent, uint ownerUid, uint ownerGid = 0)
    {
        Parent = parent;
        OwnerUid = ownerUid;
        OwnerGid = ownerGid;
        Depth = parent is null ? 0 : parent.Depth + 1;
        if (parent is null)
        {
            IdMapExtent[] all = [new IdMapExtent(0, 0, uint.MaxValue)];
            _users = all;
            _groups = all;
        }
    }

    /// <inheritdoc/>
    public NamespaceKind Kind => NamespaceKind.User;

    /// <inheritdoc/>
    public ulong InodeNumber { get; } = NamespaceInodes.Next();

    /// <inheritdoc/>
    public UserNamespace Owner => Parent ?? this;

    /// <summary>Null for the root namespace.</summary>
    public UserNamespace? Parent { get; }

    /// <summary>kuid of the creator.</summary>
    public uint OwnerUid { get; }

    /// <summary>kgid of the creator.</summary>
    public uint OwnerGid { get; }

    /// <summary>0 for the root.</summary>
    public int Depth { get; }

    /// <summary>May setgroups(2) be called (/proc/pid/setgroups)? Once denied, denied for ever, below too.</summary>
    public bool SetGroupsAllowed { get; private set; } = true;

    /// <summary>Kernel rule of cap_capable (security/commoncap.c): capable in this namespace or an ancestor, or owner
    /// in the parent.</summary>
    public bool Grants(Credentials credentials, int capability)
    {
        for (UserNamespace? ns = this; ns is not null; ns = ns.Parent)
        {
            if (ns == credentials.UserNamespace)
            {
                return credentials.HasCapability(capability);
            }

            if (ns.Depth <= credentials.UserNamespace.Depth)
            {
                return false;
            }

            if (ns.Parent == credentials.UserNamespace && ns.OwnerUid == credentials.EffectiveUid)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>True when this is <paramref name="other"/> or inside it.</summary>
    public bool IsDescendantOf(UserNamespace other)
    {
        UserNamespace? current = this;
        while (current is not null && current != other)
        {
            current = current.Parent;
        }

        return current == other;
    }

    /// <summary>The kuid of a user id of this namespace, or <see cref="InvalidId"/>.</summary>
    public uint ToKernelUid(uint uid) => Down(Volatile.Read(ref _users), uid);

    /// <summary>The kgid of a group id of this namespace, or <see cref="InvalidId"/>.</summary>
    public uint ToKernelGid(uint gid) => Down(Volatile.Read(ref _groups), gid);

    /// <summary>The user id of a kuid in this namespace, or <see cref="InvalidId"/>.</summary>
    public uint FromKernelUid(uint kuid) => Up(Volatile.Read(ref _users), kuid);

    /// <summary>The group id of a kgid in this namespace, or <see cref="InvalidId"/>.</summary>
    public uint FromKernelGid(uint kgid) => Up(Volatile.Read(ref _groups), kgid);

    /// <summary>As <see cref="FromKernelUid"/>, with <see cref="OverflowId"/> for unmapped users: what system calls
    /// report.</summary>
    public uint FromKernelUidOrOverflow(uint kuid)
    {
        uint uid = FromKernelUid(kuid);
        return uid == InvalidId ? OverflowId : uid;
    }

    /// <summary>As <see cref="FromKernelGid"/>, with <see cref="OverflowId"/> for unmapped groups.</summary>
    public uint FromKernelGidOrOverflow(uint kgid)
    {
        uint gid = FromKernelGid(kgid);
        return gid == InvalidId ? OverflowId : gid;
    }

    /// <summary>True once the map has been written.</summary>
    public bool HasMap(IdKind kind) => Volatile.Read(ref kind == IdKind.User ? ref _users : ref _groups) is not null;

    /// <summary>
    /// The map as <paramref name="viewer"/> reads it from /proc/pid/uid_map or gid_map: LowerFirst in the ids of the
    /// viewer's namespace (of the parent's for the namespace itself).
    /// </summary>
    public IdMapExtent[] GetMap(IdKind kind, UserNamespace viewer)
    {
        IdMapExtent[] map = Volatile.Read(ref kind == IdKind.User ? ref _users : ref _groups) ?? [];
        UserNamespace seenFrom = viewer == this && Parent is not null ? Parent : viewer;
        IdMapExtent[] result = new IdMapExtent[map.Length];
        for (int i = 0; i < map.Length; i++)
        {
            uint lower = kind == IdKind.User ? seenFrom.FromKernelUid(map[i].LowerFirst)
                : seenFrom.FromKernelGid(map[i].LowerFirst);
            result[i] = map[i] with { LowerFirst = lower };
        }

        return result;
    }

    /// <summary>
    /// Writes a map (user_namespaces(7), "Defining user and group ID mappings"): EPERM when it is there already or
    /// the writer may not map these ids,
    /// EINVAL for empty, overlapping or wrapping extents. LowerFirst counts in the parent namespace.
    /// </summary>
    public Errno SetMap(Task writer, IdKind kind, ReadOnlySpan<IdMapExtent> extents)
    {
        if (Parent is null || HasMap(kind))
        {
            return Errno.EPERM;
        }

        if (!IsWellFormed(extents))
        {
            return Errno.EINVAL;
        }

        int capability = kind == IdKind.User ? Capability.CAP_SETUID : Capability.CAP_SETGID;
        Credentials credentials = writer.Credentials;
        if (!credentials.HasCapability(Capability.CAP_SYS_ADMIN, this)
            || (!credentials.HasCapability(capability, Parent) && !MapsOnlyOwner(credentials, kind, extents)))
        {
            return Errno.EPERM;
        }

        IdMapExtent[] map = extents.ToArray();
        for (int i = 0; i < map.Length; i++)
        {
            IdMapExtent[]? parentMap = kind == IdKind.User ? Parent._users : Parent._groups;
            uint kernelFirst = DownRange(parentMap, map[i].LowerFirst, map[i].Count);
            if (kernelFirst == InvalidId)
            {
                return Errno.EPERM;
            }

            map[i] = map[i] with { LowerFirst = kernelFirst };
        }

        ref IdMapExtent[]? target = ref kind == IdKind.User ? ref _users : ref _groups;
        return Interlocked.CompareExchange(ref target, map, null) is null ? Errno.None : Errno.EPERM;
    }

    /// <summary>Writes /proc/pid/setgroups: "deny" only before the group map is there; "allow" only while it is
    /// allowed.</summary>
    public Errno SetSetGroups(bool allow)
    {
        if (allow)
        {
            return SetGroupsAllowed ? Errno.None : Errno.EPERM;
        }

        if (HasMap(IdKind.Group))
        {
            return SetGroupsAllowed ? Errno.EPERM : Errno.None;
        }

        SetGroupsAllowed = false;
        return Errno.None;
    }

    /// <summary>True when setgroups(2) may be used here: a group map is there and nobody denied it.</summary>
    public bool MaySetGroups()
    {
        if (!HasMap(IdKind.Group))
        {
            return false;
        }

        UserNamespace? current = this;
        while (current is not null && current.SetGroupsAllowed)
        {
            current = current.Parent;
        }

        return current is null;
    }

    private bool MapsOnlyOwner(Credentials credentials, IdKind kind, ReadOnlySpan<IdMapExtent> extents)
    {
        if (extents.Length != 1 || extents[0].Count != 1 || OwnerUid != credentials.EffectiveUid)
        {
            return false;
        }

        return kind == IdKind.User
            ? Parent!.ToKernelUid(extents[0].LowerFirst) == credentials.EffectiveUid
            : !SetGroupsAllowed && Parent!.ToKernelGid(extents[0].LowerFirst) == credentials.EffectiveGid;
    }

    private static bool IsWellFormed(ReadOnlySpan<IdMapExtent> extents)
    {
        if (extents.Length is 0 or > 340)
        {
            return false;
        }

        for (int i = 0; i < extents.Length; i++)
        {
            IdMapExtent one = extents[i];
            if (one.Count == 0 || (ulong)one.First + one.Count > uint.MaxValue || (ulong)one.LowerFirst
                + one.Count > uint.MaxValue)
            {
                return false;
            }

            for (int j = 0; j < i; j++)
            {
                if (Overlap(one.First, extents[j].First, one.Count, extents[j].Count)
                    || Overlap(one.LowerFirst, extents[j].LowerFirst, one.Count, extents[j].Count))
                {
                    return false;
                }
            }
        }

        return true;
    }

    private static bool Overlap(uint first, uint other, uint count, uint otherCount) =>
        (ulong)first < (ulong)other + otherCount && (ulong)other < (ulong)first + count;

    private static uint Down(IdMapExtent[]? map, uint id) => DownRange(map, id, 1);

    private static uint DownRange(IdMapExtent[]? map, uint id, uint count)
    {
        foreach (IdMapExtent extent in map ?? [])
        {
            if (id >= extent.First && (ulong)id - extent.First + count <= extent.Count)
            {
                return extent.LowerFirst + (id - extent.First);
            }
        }

        return InvalidId;
    }

    private static uint Up(IdMapExtent[]? map, uint kernelId)
    {
        foreach (IdMapExtent extent in map ?? [])
        {
            if (kernelId >= extent.LowerFirst && kernelId - extent.LowerFirst < extent.Count)
            {
                return extent.First + (kernelId - extent.LowerFirst);
            }
        }

        return InvalidId;
    }
}
