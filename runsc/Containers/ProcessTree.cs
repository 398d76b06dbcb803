using System;
using System.Collections.Generic;
using System.Globalization;
using System.Threading;
using Abi.Linux;

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

        foreach (string name in HostDirectory.Names("/proc"))
        {
            if (!int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out int pid))
            {
                continue;
            }

            HostProcess child = HostProcess.Identify(pid, out int parent);
            if (child.Pid != 0 && all.ContainsKey(parent) && all.TryAdd(pid, child))
            {
                isStill = false;
                child.Signal(Signals.SIGSTOP);
            }
        }

        return isStill;
    }
}
