using System;
using System.Collections.Generic;
using System.Globalization;
using System.Text;
using System.Threading;
using Abi.Linux;
using HostOs;

namespace Runsc.Containers;

/// <summary>A process of the host and all that descend from it.</summary>
internal static class ProcessTree
{
    private const long StopMs = 2000;

    /// <summary>Ends them. They are stopped first, so that none makes another meanwhile. Those whose parents have ended
    /// belong to somebody else by now, and stay.</summary>
    internal static void Kill(HostProcess root)
    {
        Dictionary<int, HostProcess> all = [];
        if (root.Signal(Signals.SIGSTOP) == Errno.None)
        {
            all.Add(root.Pid, root);
        }

        long deadline = Environment.TickCount64 + StopMs;
        while (!StandStill(all) && Environment.TickCount64 < deadline)
        {
            Thread.Sleep(1);
        }

        foreach (HostProcess process in all.Values)
        {
            process.Signal(Signals.SIGKILL);
        }
    }

    /// <summary>Stops children that are not known yet; true when all stood still already and there was none.</summary>
    private static bool StandStill(Dictionary<int, HostProcess> all)
    {
        bool isStill = true;
        foreach (HostProcess process in all.Values)
        {
            isStill &= process.IsStopped;
        }

        foreach (int pid in Pids())
        {
            HostProcess child = HostProcess.Identify(pid, out int parent);
            if (child.Pid != 0 && all.ContainsKey(parent) && all.TryAdd(pid, child))
            {
                isStill = false;
                child.Signal(Signals.SIGSTOP);
            }
        }

        return isStill;
    }

    private static List<int> Pids()
    {
        const int ChunkBytes = 32768;
        const int LengthOffset = 16;
        const int NameOffset = 19;
        List<int> result = [];
        const int Flags = HostFcntl.ReadOnly | HostFcntl.Directory | HostFcntl.CloseOnExec;
        if (HostFcntl.OpenAt(HostFcntl.AtFdCwd, "/proc", Flags, 0, out int opened) != Errno.None)
        {
            return result;
        }

        using HostFd all = new(opened);
        byte[] entries = new byte[ChunkBytes];
        while (HostStat.GetDents64(opened, entries, out int done) == Errno.None && done > 0)
        {
            for (int at = 0; at < done; at += BitConverter.ToUInt16(entries, at + LengthOffset))
            {
                int end = Array.IndexOf(entries, (byte)0, at + NameOffset);
                string name = Encoding.Latin1.GetString(entries, at + NameOffset, end - at - NameOffset);
                if (int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out int pid))
                {
                    result.Add(pid);
                }
            }
        }

        return result;
    }
}
