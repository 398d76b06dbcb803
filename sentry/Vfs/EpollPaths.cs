using System;
using System.Collections.Generic;

namespace Sentry.Vfs;

/// <summary>
/// The ways by which a wake-up climbs from a file through nested epoll instances to one that nobody watches, counted
/// for one EPOLL_CTL_ADD to <paramref name="parent"/>: a write must not cause more wake-ups than Linux allows
/// (fs/eventpoll.c, reverse_path_check and ep_loop_check). The caller holds the lock of the tree throughout, so that
/// what is found for an instance is kept for the next path through it.
/// </summary>
internal sealed class EpollPaths(EpollDescription parent)
{
    /// <summary>Most links between instances on one path (EP_MAX_NESTS).</summary>
    private const int MaxNesting = 4;

    /// <summary>Counts stop here: above every limit.</summary>
    private const int Saturation = 1000;

    private readonly Dictionary<EpollDescription, int[]> _upward = [];
    private readonly Dictionary<EpollDescription, int> _depths = [];
    private EpollDescription? _child;

    /// <summary>
    /// Most paths of a file by the links on them: Linux counts none that end in the instance watching the file, and
    /// none may be longer than the last but one.
    /// </summary>
    private static ReadOnlySpan<int> Limits => [int.MaxValue, 500, 100, 50, 10, 0];

    /// <summary>May the parent watch this file, which is no instance, besides all who do already?</summary>
    public bool Admits(FileDescription file) => Fits(file, Upward(parent));

    /// <summary>May the parent watch another instance: no cycle, and no chain that is too long?</summary>
    public bool AdmitsInstance(EpollDescription child)
    {
        // First what is above the parent, then what the link adds above the child.
        int height = Array.FindLastIndex(Upward(parent), static count => count > 0);
        _child = child;
        return height + 1 + Depth(child) <= MaxNesting;
    }

    /// <summary>Do the files below the child last asked for still fit with all paths that go by the parent?</summary>
    public bool AdmitsFilesBelow()
    {
        List<FileDescription> files = [];
        foreach (EpollDescription instance in _depths.Keys)
        {
            instance.CollectFiles(files);
        }

        foreach (FileDescription file in files)
        {
            if (!Fits(file, null))
            {
                return false;
            }
        }

        return true;
    }

    private bool Fits(FileDescription file, int[]? more)
    {
        int[] counts = more is null ? new int[Limits.Length] : [.. more];
        foreach (EpollDescription watcher in file.EpollWatchers())
        {
            Add(counts, Upward(watcher), 0);
        }

        for (int links = 0; links < counts.Length; links++)
        {
            if (counts[links] > Limits[links])
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Paths from an instance upwards by the links on them; the last are those that are too long.</summary>
    private int[] Upward(EpollDescription instance)
    {
        if (_upward.TryGetValue(instance, out int[]? known))
        {
            return known;
        }

        int[] counts = new int[Limits.Length];
        List<EpollDescription> watchers = instance.EpollWatchers();
        if (instance == _child)
        {
            watchers.Add(parent);
        }

        foreach (EpollDescription watcher in watchers)
        {
            Add(counts, Upward(watcher), 1);
        }

        counts[0] = watchers.Count == 0 ? 1 : 0;
        _upward.Add(instance, counts);
        return counts;
    }

    private static void Add(int[] counts, int[] other, int links)
    {
        for (int i = 0; i < other.Length; i++)
        {
            int at = Math.Min(i + links, counts.Length - 1);
            counts[at] = Math.Min(counts[at] + other[i], Saturation);
        }
    }

    /// <summary>Levels of instances below one; too many when the parent is among them.</summary>
    private int Depth(EpollDescription instance)
    {
        if (instance == parent)
        {
            return MaxNesting;
        }

        if (_depths.TryGetValue(instance, out int known))
        {
            return known;
        }

        List<EpollDescription> below = [];
        instance.CollectNested(below);
        int deepest = 0;
        foreach (EpollDescription nested in below)
        {
            deepest = Math.Max(deepest, 1 + Depth(nested));
        }

        _depths.Add(instance, deepest);
        return deepest;
    }
}
