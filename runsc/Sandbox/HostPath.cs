using Abi.Linux;
using HostOs;
using Runsc.Oci;

namespace Runsc.Sandbox;

/// <summary>Paths of the host as byte strings.</summary>
internal static class HostPath
{
    /// <summary>The absolute path without symbolic links of what exists; <paramref name="flag"/> names where the user
    /// gave it.</summary>
    internal static string Resolve(string flag, string path, PathKind kind)
    {
        int flags = HostFcntl.Path | HostFcntl.CloseOnExec | (kind == PathKind.Directory ? HostFcntl.Directory : 0);
        Errno errno = path.Contains('\0') ? Errno.ENOENT : Errno.None;
        int opened = -1;
        errno = errno == Errno.None ? HostFcntl.OpenAt(HostFcntl.AtFdCwd, path, flags, 0, out opened) : errno;
        string full = "";
        if (errno == Errno.None)
        {
            using HostFd fd = new(opened);
            errno = HostUnistd.ReadLinkAt(HostFcntl.AtFdCwd, "/proc/self/fd/" + fd.Value, out full);
            if (errno != Errno.None)
            {
                throw new UserErrorException("/proc/self/fd: " + ErrorText.Describe(errno)
                    + ": runsc needs the host's /proc");
            }
        }

        return errno == Errno.None
            ? full
            : throw new UserErrorException(flag + ": " + path + ": " + ErrorText.Describe(errno));
    }

    /// <summary>Refuses a path that no system call would take (limits.h: PATH_MAX, NAME_MAX).</summary>
    internal static void CheckLength(string where, string path)
    {
        if (!HasLength(path))
        {
            throw new UserErrorException(where + ": " + path + ": " + ErrorText.Describe(Errno.ENAMETOOLONG));
        }
    }

    /// <summary>True when the path with its end, and each name in it, is no longer than Linux allows.</summary>
    internal static bool HasLength(string path)
    {
        const int PathMax = 4096;
        const int NameMax = 255;
        int nameBytes = 0;
        for (int i = 0; i < path.Length && nameBytes <= NameMax; i++)
        {
            nameBytes = path[i] == '/' ? 0 : nameBytes + 1;
        }

        return path.Length < PathMax && nameBytes <= NameMax;
    }

    /// <summary>Makes a directory and its missing parents, for their owner only.</summary>
    internal static Errno MakeDirectories(string path)
    {
        const int OwnerOnly = 0x1C0;
        if (path.Length == 0)
        {
            return Errno.ENOENT;
        }

        for (int slash = path.IndexOf('/', 1); slash > 0; slash = path.IndexOf('/', slash + 1))
        {
            _ = HostStat.MkdirAt(HostFcntl.AtFdCwd, path[..slash], OwnerOnly);
        }

        Errno errno = HostStat.MkdirAt(HostFcntl.AtFdCwd, path, OwnerOnly);
        return errno == Errno.EEXIST ? Errno.None : errno;
    }
}

/// <summary>What a host path must be.</summary>
internal enum PathKind
{
    Any,
    Directory,
}
