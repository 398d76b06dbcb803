using System;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Vfs;

namespace Sentry.Syscalls;

/// <summary>Decoding of arguments that the file system calls share.</summary>
internal static class PathArgument
{
    /// <summary>
    /// Reads a path into one of the task's two reusable buffers: EFAULT, ENAMETOOLONG. The span is valid until the same
    /// buffer is used again.
    /// </summary>
    internal static Errno Read(Task task, GuestAddress address, out ReadOnlySpan<char> path) =>
        Read(task, address, task.PathBuffer, out path);

    /// <summary>As <see cref="Read"/> for the second path of a call.</summary>
    internal static Errno ReadSecond(Task task, GuestAddress address, out ReadOnlySpan<char> path) =>
        Read(task, address, task.SecondPathBuffer, out path);

    /// <summary>Follow, or not for AT_SYMLINK_NOFOLLOW; AT_EMPTY_PATH allows the empty path.</summary>
    internal static LookupFlags FromAtFlags(int flags)
    {
        LookupFlags lookup = (flags & Fcntl.AT_SYMLINK_NOFOLLOW) != 0 ? LookupFlags.None : LookupFlags.Follow;
        return (flags & Fcntl.AT_EMPTY_PATH) != 0 ? lookup | LookupFlags.AllowEmpty : lookup;
    }

    private static Errno Read(Task task, GuestAddress address, char[] buffer, out ReadOnlySpan<char> path)
    {
        Errno errno = task.Mm.ReadString(address, buffer, out int length);
        path = errno == Errno.None ? buffer.AsSpan(0, length) : default;
        return errno;
    }
}
