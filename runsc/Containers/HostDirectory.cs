using System;
using System.Collections.Generic;
using System.Text;
using Abi.Linux;
using HostOs;

namespace Runsc.Containers;

/// <summary>Directories of the host.</summary>
internal static class HostDirectory
{
    /// <summary>The names in one, "." and ".." with them, in no order; none when it cannot be read.</summary>
    internal static List<string> Names(string path)
    {
        const int Flags = HostFcntl.ReadOnly | HostFcntl.Directory | HostFcntl.CloseOnExec;
        const int ChunkBytes = 32768;

        // struct linux_dirent64 (getdents64(2)): inode (8), offset (8), record length (2), type (1), name.
        const int LengthOffset = 16;
        const int NameOffset = 19;
        List<string> names = [];
        if (HostFcntl.OpenAt(HostFcntl.AtFdCwd, path, Flags, 0, out int opened) != Errno.None)
        {
            return names;
        }

        using HostFd all = new(opened);
        byte[] entries = new byte[ChunkBytes];
        while (HostStat.GetDents64(opened, entries, out int done) == Errno.None && done > 0)
        {
            for (int at = 0; at < done; at += BitConverter.ToUInt16(entries, at + LengthOffset))
            {
                int end = Array.IndexOf(entries, (byte)0, at + NameOffset);
                names.Add(Encoding.Latin1.GetString(entries, at + NameOffset, end - at - NameOffset));
            }
        }

        return names;
    }
}
