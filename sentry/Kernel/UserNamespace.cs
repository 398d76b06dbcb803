namespace Sentry.Kernel;

/// <summary>A user namespace (user_namespaces(7)).</summary>
public sealed partial class UserNamespace
{
    /// <summary>A namespace under <paramref name="parent"/> (null: the root) owned by the kuid of its creator.</summary>
    public UserNamespace(UserNamespace? parent, uint ownerUid)
    {
        Parent = parent;
        OwnerUid = ownerUid;
        Depth = parent is null ? 0 : parent.Depth + 1;
    }

    /// <summary>Null for the root namespace.</summary>
    public UserNamespace? Parent { get; }

    /// <summary>kuid of the creator.</summary>
    public uint OwnerUid { get; }

    /// <summary>0 for the root.</summary>
    public int Depth { get; }

    /// <summary>Kernel rule of cap_capable (security/commoncap.c): capable in this namespace or an ancestor, or owner in the parent.</summary>
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
}
