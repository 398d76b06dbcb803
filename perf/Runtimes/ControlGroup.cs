using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Threading;

namespace Perf.Runtimes;

/// <summary>
/// The control group of one run (cgroups(7)): a child of the harness's own processor group, so that a run under a
/// larger share of the processors has that share in every runtime. What the runtime made of it, in whichever
/// controllers, goes with <see cref="Remove()"/>. Version 1 has a tree for each controller, below folders of
/// <c>/sys/fs/cgroup</c>; version 2 has one, which is that folder.
/// </summary>
internal sealed class ControlGroup
{
    private const string Mounts = "/sys/fs/cgroup";

    /// <summary>Parents that were not there before the first run: the last one that is below them takes them along.
    /// </summary>
    private static readonly HashSet<string> s_madeParents = [];

    private readonly string _parent;
    private readonly string _id;

    internal ControlGroup(string id)
    {
        _id = id;
        string own = OfProcessors(File.ReadAllText("/proc/self/cgroup"));
        string[] trees = Trees(Mounts);
        _parent = trees.Any(tree => own.Length > 0 && Directory.Exists(tree + own)) ? own : "";
        if (_parent.Length > 0)
        {
            s_madeParents.UnionWith(trees.Select(tree => tree + _parent).Where(path => !Directory.Exists(path)));
        }
    }

    /// <summary>As <c>linux.cgroupsPath</c> of the bundle names it.</summary>
    internal string Path => _parent + "/" + _id;

    /// <summary>The group in /proc/PID/cgroup that has the cpu controller: a line of version 1 that names it, or else
    /// the line of version 2, which names none; "" for the root.</summary>
    internal static string OfProcessors(string groups)
    {
        string[][] lines = [.. groups.Split('\n').Select(line => line.Split(':', 3)).Where(line => line.Length == 3)];
        string path = lines.FirstOrDefault(line => line[1].Split(',').Contains("cpu"))?[2]
            ?? lines.FirstOrDefault(line => line[0] == "0" && line[1].Length == 0)?[2] ?? "/";
        return path == "/" ? "" : path;
    }

    /// <summary>The roots of all trees: the folder itself where it is one of version 2.</summary>
    internal static string[] Trees(string mounts) =>
        File.Exists(mounts + "/cgroup.controllers") ? [mounts]
        : Directory.Exists(mounts) ? Directory.GetDirectories(mounts) : [];

    /// <summary>Removes the group in every tree, and those of its parents that were not there before.</summary>
    internal void Remove()
    {
        foreach (string tree in Trees(Mounts))
        {
            Remove(tree + Path);
        }

        foreach (string parent in s_madeParents.Where(Directory.Exists))
        {
            try
            {
                Directory.Delete(parent);
            }
            catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
            {
                // Another run of this harness is below it still, and its end removes it.
            }
        }
    }

    /// <summary>Removes the groups below the harness's own whose name <paramref name="isLeft"/> tells, of harnesses
    /// that could not do it.</summary>
    internal static void Sweep(Func<string, bool> isLeft)
    {
        string own = OfProcessors(File.ReadAllText("/proc/self/cgroup"));
        foreach (string tree in Trees(Mounts))
        {
            foreach (string parent in ((string[])[tree, tree + own]).Distinct().Where(Directory.Exists))
            {
                foreach (string group in Directory.GetDirectories(parent)
                    .Where(group => isLeft(System.IO.Path.GetFileName(group))))
                {
                    Remove(group);
                }
            }
        }
    }

    /// <summary>What a controller still gives to where the harness's runs have their groups, as the nearest limit above
    /// them says: the limit's file, but for a reserved part, less the one of what is used. Infinite where nothing
    /// limits.</summary>
    internal static double Rest(string controller, string limitFile, string usedFile, double reserve)
    {
        string own = OfProcessors(File.ReadAllText("/proc/self/cgroup"));
        string tree = Mounts + (Trees(Mounts).Contains(Mounts) ? "" : "/" + controller);
        double rest = double.PositiveInfinity;
        for (string group = tree + own; group.Length >= tree.Length; group = System.IO.Path.GetDirectoryName(group)!)
        {
            // The root has no limit and no file of it, in version 2.
            if (Number(group + "/" + limitFile) is double limit && Number(group + "/" + usedFile) is double used)
            {
                rest = Math.Min(rest, limit * (1 - reserve) - used);
            }
        }

        return rest;
    }

    /// <summary>Null where there is no such file, or no limit ("max").</summary>
    private static double? Number(string file) =>
        File.Exists(file) && double.TryParse(File.ReadAllText(file), CultureInfo.InvariantCulture, out double number)
            ? number
            : null;

    private static void DeleteTree(string group)
    {
        foreach (string inner in Directory.GetDirectories(group))
        {
            DeleteTree(inner);
        }

        Directory.Delete(group);
    }

    /// <summary>A group can be removed only when those in it are, and the last process that was killed in it is gone.
    /// </summary>
    private static void Remove(string group)
    {
        const int Tries = 50;
        const int WaitMs = 50;
        for (int i = 0; Directory.Exists(group); i++)
        {
            try
            {
                DeleteTree(group);
            }
            catch (DirectoryNotFoundException)
            {
                return;
            }
            catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
            {
                if (i == Tries)
                {
                    Console.Error.WriteLine($"perf: {group}: {failure.Message}");
                    return;
                }

                Thread.Sleep(WaitMs);
            }
        }
    }
}
