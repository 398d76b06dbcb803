using Sentry.Kernel;

namespace Sentry.Vfs;

/// <summary>Ids of files as a task's user namespace sees them.</summary>
internal static class NamespaceIds
{
    /// <summary>True when the namespace has names for both ids (privileged_wrt_inode_uidgid).</summary>
    internal static bool MapsIds(this UserNamespace space, uint uid, uint gid) => space.Parent is null
        || (space.FromKernelUid(uid) != UserNamespace.InvalidId && space.FromKernelGid(gid) != UserNamespace.InvalidId);

    /// <summary>uid as the task sees it; 65534 when its namespace has no name for it.</summary>
    internal static uint ToGuestUid(this Task task, uint kuid) =>
        task.Credentials.UserNamespace.FromKernelUidOrOverflow(kuid);

    /// <summary>gid as the task sees it.</summary>
    internal static uint ToGuestGid(this Task task, uint kgid) =>
        task.Credentials.UserNamespace.FromKernelGidOrOverflow(kgid);

    /// <summary>kuid of an id the task gave; false (EINVAL) when its namespace does not map it.</summary>
    internal static bool TryToKernelUid(this Task task, uint uid, out uint kuid)
    {
        kuid = task.Credentials.UserNamespace.ToKernelUid(uid);
        return kuid != UserNamespace.InvalidId;
    }

    /// <summary>kgid of an id the task gave.</summary>
    internal static bool TryToKernelGid(this Task task, uint gid, out uint kgid)
    {
        kgid = task.Credentials.UserNamespace.ToKernelGid(gid);
        return kgid != UserNamespace.InvalidId;
    }
}
