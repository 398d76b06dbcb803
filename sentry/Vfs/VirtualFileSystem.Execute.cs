using System;
using Abi.Linux;
using Sentry.Kernel;

namespace Sentry.Vfs;

public sealed partial class VirtualFileSystem
{
    /// <summary>
    /// Opens a program for execve(2): a regular file with execute permission on a mount that allows it. Reading needs no permission; writers are kept out
    /// while the description lives. EACCES, ETXTBSY and what the walk says; <paramref name="flags"/>: AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW.
    /// </summary>
    public Errno OpenForExecute(Task task, int directoryFd, ReadOnlySpan<char> path, int flags, out FileDescription? file) =>
        throw new NotImplementedException();

    /// <summary>True when the user may execute but not read the program: it must not be dumped.</summary>
    public bool IsUnreadable(Task task, FileDescription program) => throw new NotImplementedException();

    /// <summary>A copy of a mount namespace for CLONE_NEWNS; root and working directory of <paramref name="context"/> move to the copies of their mounts.</summary>
    public Errno CopyNamespace(Task task, UserNamespace owner, FsContext context, out MountNamespace? copy) =>
        throw new NotImplementedException();
}
