using System;
using System.Collections.Generic;
using System.Text;
using Abi.Linux;
using HostOs;
using Runsc.Oci;

namespace Runsc.Containers;

/// <summary>A mounted control-group hierarchy of the host (proc(5), mountinfo; cgroups(7)).</summary>
/// <param name="MountPoint">Where its directories are seen.</param>
/// <param name="Controllers">v1: the controllers it is for. v2: empty.</param>
/// <param name="Version">1 or 2.</param>
internal sealed record CgroupHierarchy(string MountPoint, string[] Controllers, int Version)
{
    private const int ProcChunkBytes = 65536;

    /// <summary>Those that containers get a directory in: all of v1, or the one of v2 where there is no v1.</summary>
    internal static List<CgroupHierarchy> Find() => Parse(ReadFile("/proc/self/mountinfo"));

    /// <summary>As <see cref="Find"/>, from the text of a mountinfo.</summary>
    internal static List<CgroupHierarchy> Parse(string mounts)
    {
        const int MountPointField = 4;
        List<CgroupHierarchy> first = [];
        List<CgroupHierarchy> second = [];
        foreach (string line in mounts.Split('\n'))
        {
            string[] halves = line.Split(" - ");
            string[] mount = halves[0].Split(' ');
            string[] source = halves.Length > 1 ? halves[1].Split(' ') : [];
            if (source.Length < 3 || mount.Length <= MountPointField)
            {
                continue;
            }

            if (source[0] == "cgroup")
            {
                first.Add(new CgroupHierarchy(mount[MountPointField], ControllersOf(source[2]), 1));
            }
            else if (source[0] == "cgroup2")
            {
                second.Add(new CgroupHierarchy(mount[MountPointField], [], 2));
            }
        }

        return first.Count > 0 ? first : second.Count > 0 ? [second[0]] : [];
    }

    /// <summary>The group this process is in, below the mount point.</summary>
    internal string OwnPath() => PathIn(ReadFile("/proc/self/cgroup"));

    /// <summary>As <see cref="OwnPath"/>, from the text of a /proc/PID/cgroup (cgroups(7)).</summary>
    internal string PathIn(string groups)
    {
        foreach (string line in groups.Split('\n'))
        {
            const int Fields = 3;
            string[] fields = line.Split(':', Fields);
            bool isIt = fields.Length == Fields && (Version == 2 ? fields[1].Length == 0
                : Array.IndexOf(fields[1].Split(','), Controllers.Length > 0 ? Controllers[0] : "") >= 0);
            if (isIt)
            {
                return fields[2];
            }
        }

        return "/";
    }

    /// <summary>The contents of a small file of the host, "" when it cannot be read.</summary>
    internal static string ReadFile(string path)
    {
        const int Flags = HostFcntl.ReadOnly | HostFcntl.CloseOnExec;
        if (HostFcntl.OpenAt(HostFcntl.AtFdCwd, path, Flags, 0, out int opened) != Errno.None)
        {
            return "";
        }

        using HostFd fd = new(opened);
        StringBuilder text = new();
        byte[] chunk = new byte[ProcChunkBytes];
        while (HostUnistd.Read(opened, chunk, out int done) == Errno.None && done > 0)
        {
            text.Append(Encoding.Latin1.GetString(chunk, 0, done));
        }

        return text.ToString();
    }

    /// <summary>Writes a control file.</summary>
    internal static Errno WriteFile(string path, string value)
    {
        const int Flags = HostFcntl.WriteOnly | HostFcntl.CloseOnExec;
        Errno errno = HostFcntl.OpenAt(HostFcntl.AtFdCwd, path, Flags, 0, out int opened);
        if (errno != Errno.None)
        {
            return errno;
        }

        using HostFd fd = new(opened);
        return HostUnistd.WriteAll(opened, Encoding.Latin1.GetBytes(value));
    }

    private static string[] ControllersOf(string options)
    {
        List<string> result = [];
        foreach (string option in options.Split(','))
        {
            if (option is not ("rw" or "ro" or "xattr" or "clone_children" or "noprefix")
                && !option.StartsWith("release_agent", StringComparison.Ordinal))
            {
                result.Add(option);
            }
        }

        return [.. result];
    }
}
