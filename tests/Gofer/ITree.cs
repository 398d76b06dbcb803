using System.Collections.Generic;
using Abi.Linux;

namespace Tests.Gofer;

/// <summary>
/// What a test does to a tree of files, whoever implements the tree. Paths are absolute; links are not followed at
/// the end.
/// </summary>
public interface ITree
{
    Errno MakeDirectory(string path);

    Errno Write(string path, int flags, string text, long offset);

    Errno Read(string path, out string text);

    Errno Truncate(string path, long sizeBytes);

    Errno Unlink(string path);

    Errno RemoveDirectory(string path);

    Errno Rename(string from, string to, uint flags);

    Errno Link(string from, string to);

    Errno Symlink(string target, string path);

    Errno ChangeMode(string path, uint mode);

    Errno ChangeOwner(string path, uint uid, uint gid);

    Errno ChangeTimes(string path, long timeNs);

    Errno MakeFifo(string path);

    Errno ReadLink(string path, out string target);

    Errno Stat(string path, out TreeStat stat);

    Errno List(string path, out List<TreeEntry> entries);
}

/// <summary>What matters of stat(2).</summary>
public readonly record struct TreeStat(
    uint Mode, uint Uid, uint Gid, uint Links, ulong Inode, long SizeBytes, long ModifyTimeNs);

/// <summary>A directory entry.</summary>
public readonly record struct TreeEntry(string Name, ulong Inode, byte Type);
