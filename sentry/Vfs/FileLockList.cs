using System.Collections.Generic;
using System.Globalization;
using System.Text;
using System.Threading;
using Abi.Linux;
using Sentry.Sync;

namespace Sentry.Vfs;

/// <summary>One lock as /proc/locks shows it.</summary>
internal readonly record struct ListedLock(Inode Inode, string Kind, FileLockType Type, int Pid, long Start, long End);

/// <summary>The inodes that have locks, for /proc/locks (proc(5)).</summary>
public static class FileLockList
{
    private static readonly OrderedLock<LeafLevel> s_lock = new();

    // Guarded by s_lock.
    private static readonly HashSet<InodeLocks> s_locked = [];

    /// <summary>Appends the lines of /proc/locks.</summary>
    public static Errno Append(StringBuilder text)
    {
        InodeLocks[] all;
        using (s_lock.Enter())
        {
            all = [.. s_locked];
        }

        List<ListedLock> locks = [];
        foreach (InodeLocks locked in all)
        {
            locked.Collect(locks);
        }

        int number = 0;
        foreach (ListedLock held in locks)
        {
            AppendLine(text, ++number, in held);
        }

        return Errno.None;
    }

    /// <summary>
    /// Enters or leaves the list as the inode has locks or not. Who changes the locks looks at the list's mark
    /// afterwards, and who changes the mark looks at the locks afterwards: one of them sees the other.
    /// </summary>
    internal static void Update(InodeLocks locks)
    {
        Interlocked.MemoryBarrier();
        while (locks.IsListed == locks.IsEmpty)
        {
            using (s_lock.Enter())
            {
                locks.IsListed = !locks.IsEmpty;
                _ = locks.IsListed ? s_locked.Add(locks) : s_locked.Remove(locks);
            }

            Interlocked.MemoryBarrier();
        }
    }

    private static void AppendLine(StringBuilder text, int number, in ListedLock held)
    {
        _ = held.Inode.GetAttributes(out InodeAttributes attributes);
        uint major = VirtualFileSystem.Major(attributes.Device);
        uint minor = VirtualFileSystem.Minor(attributes.Device);
        string type = held.Type == FileLockType.Write ? "WRITE" : "READ ";
        text.Append(CultureInfo.InvariantCulture, $"{number}: {held.Kind} ADVISORY  {type} {held.Pid} ");
        text.Append(CultureInfo.InvariantCulture, $"{major:x2}:{minor:x2}:{attributes.Inode} {held.Start} ");
        text.Append(held.End == long.MaxValue ? "EOF" : held.End.ToString(CultureInfo.InvariantCulture)).Append('\n');
    }
}
