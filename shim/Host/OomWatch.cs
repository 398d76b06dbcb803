using System;
using System.Globalization;
using System.IO;
using System.Threading;
using Abi.Linux;
using HostOs;

namespace Shim.Host;

/// <summary>Hears when memory runs out in the control group of a process (cgroups(7), version 1: an eventfd for
/// memory.oom_control), until the group is gone.</summary>
internal static class OomWatch
{
    private const string Hierarchy = "/sys/fs/cgroup/memory";

    /// <summary>Begins to listen; nothing where there is no such group.</summary>
    internal static void Start(uint pid, Action outOfMemory)
    {
        string? directory = Find(pid);
        if (directory is null || HostPoll.EventFd(0, HostFcntl.CloseOnExec, out int opened) != Errno.None)
        {
            return;
        }

        HostFd bell = new(opened);
        const int Flags = HostFcntl.ReadOnly | HostFcntl.CloseOnExec;
        string file = Text.ToBytes(directory + "/memory.oom_control");
        if (HostFcntl.OpenAt(HostFcntl.AtFdCwd, file, Flags, 0, out int control) != Errno.None)
        {
            bell.Dispose();
            return;
        }

        using HostFd source = new(control);
        try
        {
            File.WriteAllText(directory + "/cgroup.event_control", string.Create(CultureInfo.InvariantCulture,
                $"{bell.Value} {control}"));
        }
        catch (IOException)
        {
            bell.Dispose();
            return;
        }

        new Thread(() => Listen(bell, file, outOfMemory), 128 * 1024) { IsBackground = true, Name = "oom" }.Start();
    }

    private static void Listen(HostFd bell, string file, Action outOfMemory)
    {
        Span<byte> count = stackalloc byte[sizeof(ulong)];
        using (bell)
        {
            // The end of the group rings too.
            while (HostUnistd.ReadAll(bell.Value, count, out _) == Errno.None
                && HostUnistd.FaccessAt2(HostFcntl.AtFdCwd, file, 0, 0) == Errno.None)
            {
                outOfMemory();
            }
        }
    }

    private static string? Find(uint pid)
    {
        string list = string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/cgroup");
        foreach (string line in File.Exists(list) ? File.ReadAllLines(list) : [])
        {
            string[] fields = line.Split(':', 3);
            if (fields.Length == 3 && Array.IndexOf(fields[1].Split(','), "memory") >= 0 && fields[2] != "/")
            {
                return Hierarchy + fields[2];
            }
        }

        return null;
    }
}
