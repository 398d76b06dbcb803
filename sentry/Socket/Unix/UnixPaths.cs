using Abi.Linux;
using Sentry.Kernel;
using Sentry.Vfs;

namespace Sentry.Socket.Unix;

/// <summary>A socket's hold on the file it is bound to.</summary>
internal sealed class UnixBinding(Inode inode)
{
    /// <summary>The file stays, but connecting to it is refused from now on.</summary>
    public void Release(UnixSocket socket)
    {
        inode.ClearSpecialState(socket);
        inode.DropReference();
    }
}

/// <summary>Sockets with a path (unix(7), net/unix/af_unix.c unix_bind_bsd and unix_find_bsd).</summary>
internal static class UnixPaths
{
    private const uint SocketMode = StatMode.S_IFSOCK | 0x1FF;

    /// <summary>Makes the socket file. EADDRINUSE when the name exists, else what mknod(2) says.</summary>
    public static Errno Bind(Task task, string path, UnixSocket socket, out UnixBinding? binding)
    {
        binding = null;
        Errno error = task.Kernel.Vfs.MakeNode(task, Fcntl.AT_FDCWD, path, SocketMode, 0, out VfsPath made);
        if (error != Errno.None)
        {
            return error == Errno.EEXIST ? Errno.EADDRINUSE : error;
        }

        // Somebody may have removed the file already: then nobody can connect, and that is all.
        if (made.Dentry.Inode is { } inode && inode.TryReference())
        {
            inode.InstallSpecialState(socket);
            binding = new UnixBinding(inode);
        }

        return Errno.None;
    }

    /// <summary>True when there is something of that name already, be it a link to nowhere.</summary>
    public static bool Exists(Task task, string path) =>
        task.Kernel.Vfs.Lookup(task, Fcntl.AT_FDCWD, path, LookupFlags.None, out _) == Errno.None;

    /// <summary>The socket bound to a file that the task may write. ECONNREFUSED when nobody is.</summary>
    public static Errno Find(Task task, string path, out UnixSocket? socket)
    {
        socket = null;
        Errno error = task.Kernel.Vfs.Lookup(task, Fcntl.AT_FDCWD, path, LookupFlags.Follow, out VfsPath place);
        if (error != Errno.None)
        {
            return error;
        }

        if (place.Dentry.Inode is not { } inode)
        {
            return Errno.ECONNREFUSED;
        }

        error = Permissions.Check(task, inode, MayAccess.Write);
        if (error != Errno.None)
        {
            return error;
        }

        socket = inode.SpecialState as UnixSocket;
        return socket is null ? Errno.ECONNREFUSED : Errno.None;
    }
}
