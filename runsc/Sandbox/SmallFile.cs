using System;
using System.Text;
using Abi.Linux;
using HostOs;

namespace Runsc.Sandbox;

/// <summary>Files of the host that say one thing.</summary>
internal static class SmallFile
{
    private const int MaxBytes = 512;

    /// <summary>A file that is this user's or root's, and small; else nothing.</summary>
    internal static string Read(string path)
    {
        const int Flags = HostFcntl.ReadOnly | HostFcntl.CloseOnExec;
        if (HostFcntl.OpenAt(HostFcntl.AtFdCwd, path, Flags, 0, out int opened) != Errno.None)
        {
            return "";
        }

        using HostFd file = new(opened);
        Span<byte> bytes = stackalloc byte[MaxBytes];
        bool trusted = HostStat.Fstat(opened, out Stat stat) == Errno.None
            && (stat.st_uid == 0 || stat.st_uid == (uint)HostUnistd.GetUid());
        return trusted && HostUnistd.ReadAll(opened, bytes, out int done) == Errno.None
            ? Encoding.Latin1.GetString(bytes[..done])
            : "";
    }
}
