using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using Abi.Linux;

namespace Tests.Gofer;

/// <summary>
/// Random operations on small trees with few names, so that they meet; and what a tree looks like then.
/// </summary>
internal sealed class RandomTreeOperations(int seed)
{
    /// <summary>Times before this were set by the test; later ones depend on when it ran.</summary>
    private const long FirstRealTimeNs = 1_600_000_000_000_000_000;

    private static readonly string[] s_names = ["a", "b", "c", "d", "e"];
    private readonly Random _random = new(seed);

    /// <summary>Paths that were made once; most of them still exist.</summary>
    private readonly List<string> _known = ["/"];

    /// <summary>Does one operation to every tree; returns its description and the errnos.</summary>
    internal (string What, Errno[] Results) Step(params ITree[] trees)
    {
        string path = AnyPath();
        string other = AnyPath();
        int number = _random.Next(1, 1000);
        string text = new((char)_random.Next('a', 'z' + 1), number);
        long offset = _random.Next(4) == 0 ? _random.Next(10_000) : 0;
        uint flags = (uint)(_random.Next(5) == 0 ? 2 : _random.Next(6) == 0 ? 1 : 0);
        int writeFlags = Fcntl.O_WRONLY | (_random.Next(
            3) == 0 ? Fcntl.O_TRUNC : 0) | (_random.Next(4) == 0 ? 0 : Fcntl.O_CREAT);
        int append = Fcntl.O_WRONLY | Fcntl.O_APPEND;
        uint id = (uint)_random.Next(3) * 1000;
        uint mode = (uint)_random.Next(0x1000);
        long time = 1_000_000_000_000_000_000 + number;
        (string What, Func<ITree, Errno> Do) step = _random.Next(20) switch
        {
            0 or 1 => ($"mkdir {path}", tree => tree.MakeDirectory(path)),
            2 or 3 or 4 => ($"write {path} {writeFlags:x} {number}@{offset}", tree => tree.Write(
                path, writeFlags, text, offset)),
            5 => ($"append {path} {number}", tree => tree.Write(path, append, text, 0)),
            6 => ($"truncate {path} {offset}", tree => tree.Truncate(path, offset)),
            7 or 8 => ($"unlink {path}", tree => tree.Unlink(path)),
            9 or 10 => ($"rmdir {path}", tree => tree.RemoveDirectory(path)),
            11 or 12 or 13 or 14 => ($"rename {path} {other} {flags}", tree => tree.Rename(path, other, flags)),
            15 => ($"link {path} {other}", tree => tree.Link(path, other)),
            16 => ($"symlink {text[..1]} {path}", tree => tree.Symlink(text[..1], path)),
            17 => ($"chmod {path} {mode:x}", tree => tree.ChangeMode(path, mode)),
            18 => ($"chown {path} {id}", tree => tree.ChangeOwner(path, id, id)),
            _ => (number < 500 ? $"utimens {path}" : $"mkfifo {path}",
                tree => number < 500 ? tree.ChangeTimes(path, time) : tree.MakeFifo(path)),
        };
        Errno[] results = trees.Select(step.Do).ToArray();
        if (results[0] == Errno.None)
        {
            _known.Add(step.What.StartsWith("rename") || step.What.StartsWith("link") ? other : path);
        }

        return (step.What, results);
    }

    /// <summary>Everything there is to see, one line per file, sorted.</summary>
    internal static List<string> Describe(ITree tree)
    {
        List<string> lines = [];
        Dictionary<ulong, string> inodes = [];
        Describe(tree, "/", lines, inodes);
        return lines;
    }

    private static void Describe(ITree tree, string path, List<string> lines, Dictionary<ulong, string> inodes)
    {
        Errno error = tree.List(path, out List<TreeEntry> entries);
        if (error != Errno.None)
        {
            lines.Add($"{path}: {error}");
            return;
        }

        foreach (TreeEntry entry in entries.OrderBy(entry => entry.Name, StringComparer.Ordinal))
        {
            string child = path == "/" ? "/" + entry.Name : path + "/" + entry.Name;
            error = tree.Stat(child, out TreeStat stat);
            lines.Add(error == Errno.None ? Line(tree, child, entry, stat, inodes) : $"{child}: {error}");
            if ((stat.Mode & StatMode.S_IFMT) == StatMode.S_IFDIR)
            {
                Describe(tree, child, lines, inodes);
            }
        }
    }

    private static string Line(
        ITree tree, string path, in TreeEntry entry, in TreeStat stat, Dictionary<ulong, string> inodes)
    {
        uint type = stat.Mode & StatMode.S_IFMT;
        StringBuilder line = new($"{path} {stat.Mode:x} {stat.Uid}:{stat.Gid} type {entry.Type}");
        if (type != StatMode.S_IFDIR)
        {
            string same = inodes.TryGetValue(stat.Inode, out string? first) ? first : path;
            inodes.TryAdd(stat.Inode, path);
            line.Append($" links {stat.Links} is {same} ino {(entry.Inode == stat.Inode ? "same" : "differs")}");
        }

        if (stat.ModifyTimeNs < FirstRealTimeNs)
        {
            line.Append($" mtime {stat.ModifyTimeNs}");
        }

        if (type == StatMode.S_IFREG)
        {
            Errno error = tree.Read(path, out string text);
            line.Append($" size {stat.SizeBytes} {error} {text.Length}:{Summary(text)}");
        }
        else if (type == StatMode.S_IFLNK)
        {
            tree.ReadLink(path, out string target);
            line.Append($" -> {target}");
        }

        return line.ToString();
    }

    private static uint Summary(string text)
    {
        uint sum = 17;
        foreach (char c in text)
        {
            sum = (sum * 31) + c;
        }

        return sum;
    }

    /// <summary>Mostly a path that was made lately or a name below one, sometimes any.</summary>
    private string AnyPath()
    {
        string known = _known[_random.Next(Math.Max(0, _known.Count - 30), _known.Count)];
        string name = s_names[_random.Next(s_names.Length)];
        return _random.Next(10) switch
        {
            < 5 when known != "/" => known,
            < 8 when known.Length < 8 => known == "/" ? "/" + name : known + "/" + name,
            _ => "/" + name,
        };
    }
}
