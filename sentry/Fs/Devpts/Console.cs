using System.Globalization;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Tty;
using Sentry.Vfs;

namespace Sentry.Fs.Devpts;

/// <summary>The terminal a container starts on: a pseudo terminal of its own devpts whose master the runtime holds
/// (OCI: process.terminal).</summary>
public static class Console
{
    /// <summary>
    /// Makes the terminal in the devpts mounted at <paramref name="directory"/> and opens its slave for the first
    /// process, which leads its session and so gets
    /// it as controlling terminal. ENODEV when no devpts is mounted there.
    /// </summary>
    public static Errno Open(Task init, string directory, in Winsize size, out Terminal? terminal,
        out FileDescription? slave)
    {
        terminal = null;
        slave = null;
        VirtualFileSystem vfs = init.Kernel.Vfs;
        Errno error = vfs.Lookup(init, Fcntl.AT_FDCWD, directory, LookupFlags.Follow, out VfsPath place);
        if (error != Errno.None || place.Dentry.SuperBlock is not DevptsSuperBlock terminals)
        {
            return Errno.ENODEV;
        }

        error = terminals.NewTerminal(init.Credentials, out terminal);
        if (error != Errno.None)
        {
            return error;
        }

        terminal!.Unlock();
        terminal.Resize(size);
        string path = directory + "/" + terminal.Index.ToString(CultureInfo.InvariantCulture);
        OpenRequest request = new(Fcntl.O_RDWR, 0, LookupFlags.NoPermissionChecks);
        return vfs.Open(init, Fcntl.AT_FDCWD, path, request, out slave);
    }
}
