using System;
using Abi.Linux;
using HostOs;

namespace Runsc.Boot;

/// <summary>
/// Takes from a freshly started process of the sandbox what it does not need: its root becomes an empty read-only
/// directory, its capabilities go,
/// and it can gain none by execve(2).
/// </summary>
internal static class Isolation
{
    private const int LastCapability = 63;

    /// <summary>
    /// Replaces the root of the (own) mount namespace by an empty read-only tmpfs. Needs CAP_SYS_ADMIN in the own
    /// user namespace.
    /// </summary>
    internal static Errno EnterEmptyRoot(out string step)
    {
        step = "making mounts private";
        Errno errno = HostMount.Mount(null, "/", null, HostMount.Recursive | HostMount.Private, null);
        if (errno != Errno.None)
        {
            return errno;
        }

        step = "mounting an empty root";
        string place = FindPlace();
        const ulong Flags = HostMount.NoSuid | HostMount.NoDev | HostMount.NoExec;
        errno = HostMount.Mount("none", place, "tmpfs", Flags, "size=4k,nr_inodes=2,mode=555");
        if (errno != Errno.None)
        {
            return errno;
        }

        step = "entering the empty root";
        errno = HostUnistd.Chdir(place);
        errno = errno == Errno.None ? HostUnistd.PivotRoot(".", ".") : errno;
        errno = errno == Errno.None ? HostMount.Umount2(".", HostMount.UmountDetach) : errno;
        errno = errno == Errno.None ? HostUnistd.Chdir("/") : errno;
        errno = errno == Errno.None
            ? HostMount.Mount(null, "/", null, Flags | HostMount.ReadOnly | HostMount.Remount | HostMount.Bind, null)
            : errno;
        return errno;
    }

    /// <summary>Gives up every capability for good. <paramref name="keep"/> is the mask of what stays effective and
    /// permitted.</summary>
    internal static Errno DropPrivileges(ulong keep)
    {
        for (int capability = 0; capability <= LastCapability; capability++)
        {
            if ((keep >> capability & 1) == 0)
            {
                // Beyond the last one the host knows this is EINVAL, and an unprivileged caller's own namespace
                // allows it.
                HostPrctl.Prctl(HostPrctl.CapBSetDrop, capability);
            }
        }

        Errno errno = HostPrctl.CapSet(keep, keep, 0);
        return errno == Errno.None ? HostPrctl.Prctl(HostPrctl.SetNoNewPrivs, 1) : errno;
    }

    /// <summary>A directory that is there on every host and that nothing of ours is needed from.</summary>
    private static string FindPlace()
    {
        ReadOnlySpan<string> candidates = ["/tmp", "/mnt", "/proc", "/dev"];
        foreach (string candidate in candidates)
        {
            if (HostUnistd.FaccessAt2(HostFcntl.AtFdCwd, candidate, 0, 0) == Errno.None)
            {
                return candidate;
            }
        }

        return "/";
    }
}
