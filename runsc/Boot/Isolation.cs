using System;
using Abi.Linux;
using HostOs;

namespace Runsc.Boot;

/// <summary>
/// Takes the host's file system from a freshly started process of the sandbox: its root becomes an empty read-only
/// directory.
/// </summary>
internal static class Isolation
{
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
