using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Threading;

namespace Perf.Runtimes;

/// <summary>
/// The control group of one run (cgroups(7)): a child of the harness's own processor group, so that a run under a
/// larger share of the processors has that share in every runtime. What the runtime made of it, in whichever
/// controllers, goes with <see cref="Remove"/>.
/// </summary>
internal sealed class ControlGroup
{
    private const string Mounts = "/sys/fs/cgroup";

    private readonly string _parent;
    private readonly string _id;
    private readonly List<string> _madeParents = [];

    internal ControlGroup(string id)
    {
        _id = id;
        string own = OfProcessors(File.ReadAllText("/proc/self/cgroup"));
        _parent = Controllers().Any(each => own.Length > 0 && Directory.Exists(each + own)) ? own : "";
        if (_parent.Length > 0)
        {
            _madeParents.AddRange(Controllers().Select(each => each + _parent).Where(path => !Directory.Exists(path)));
        }
    }

    /// <summary>As <c>linux.cgroupsPath</c> of the bundle names it.</summary>
    internal string Path => _parent + "/" + _id;

    /// <summary>The group in /proc/PID/cgroup that has the cpu controller; "" for the root or none.</summary>
    internal static string OfProcessors(string groups)
    {
        foreach (string line in groups.Split('\n'))
        {
            string[] fields = line.Split(':', 3);
            if (fields.Length == 3 && fields[1].Split(',').Contains("cpu"))
            {
                return fields[2] == "/" ? "" : fields[2];
            }
        }

        return "";
    }

    /// <summary>Removes the group in every controller, and those of its parents that were not there before.</summary>
    internal void Remove()
    {
        foreach (string controller in Controllers())
        {
            Remove(controller + Path);
        }

        foreach (string parent in _madeParents)
        {
            Remove(parent);
        }
    }

    private static string[] Controllers() => Directory.Exists(Mounts) ? Directory.GetDirectories(Mounts) : [];

    /// <summary>A group can be removed only when the last process that was killed in it is gone.</summary>
    private static void Remove(string group)
    {
        const int Tries = 50;
        const int WaitMs = 50;
        for (int i = 0; Directory.Exists(group); i++)
        {
            try
            {
                Directory.Delete(group);
            }
            catch (IOException) when (i < Tries)
            {
                Thread.Sleep(WaitMs);
            }
            catch (IOException failure)
            {
                Console.Error.WriteLine($"perf: {group}: {failure.Message}");
                return;
            }
        }
    }
}
