using System.Globalization;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Tty;
using Sentry.Vfs;

namespace Sentry.Fs.Devpts;

/// <summary>
/// The master of a pseudo terminal (pty(7)): what is written is typed at the slave, what the slave shows is read.
/// </summary>
public sealed class PtyMaster : FileDescription
{
    private readonly DevptsSuperBlock _superBlock;
    private readonly Mount _mount;
    private readonly Inode _inode;

    private PtyMaster(DevptsSuperBlock superBlock, Mount mount, Inode inode, Terminal terminal, int flags)
    {
        _superBlock = superBlock;
        _mount = mount;
        _inode = inode;
        Terminal = terminal;
        Flags = flags;
    }

    /// <summary>The terminal.</summary>
    public Terminal Terminal { get; }

    /// <inheritdoc/>
    public override Inode Inode => _inode;

    /// <inheritdoc/>
    public override WaitQueue? WaitQueue => Terminal.MasterQueue;

    /// <summary>Opens a new terminal of an instance of devpts that is mounted at <paramref name="mount"/>.</summary>
    internal static Errno Open(
        Task task, DevptsSuperBlock superBlock, Mount mount, Inode inode, int flags, out FileDescription? file)
    {
        file = null;
        Errno error = superBlock.NewTerminal(task.Credentials, out Terminal? terminal);
        if (error == Errno.None)
        {
            file = new PtyMaster(superBlock, mount, inode, terminal!, flags);
        }

        return error;
    }

    /// <inheritdoc/>
    public override Errno Read(Task task, ref IoSequence destination, out long done) =>
        Terminal.MasterRead(ref destination, out done);

    /// <inheritdoc/>
    public override Errno Write(Task task, ref IoSequence source, out long done) =>
        Terminal.MasterWrite(ref source, out done);

    /// <inheritdoc/>
    public override Errno Seek(Task task, long offset, int whence, out long result)
    {
        result = 0;
        return Errno.ESPIPE;
    }

    /// <inheritdoc/>
    public override uint Poll(Task task) => Terminal.PollMaster();

    /// <inheritdoc/>
    public override Errno Ioctl(Task task, uint command, ulong argument, out long result)
    {
        result = 0;
        return command == Ioctls.TIOCGPTPEER
            ? OpenPeer(task, (int)argument, out result)
            : Terminal.Ioctl(task, command, argument, new TtyEnd(IsMaster: true, CanRead));
    }

    /// <inheritdoc/>
    protected override void Release()
    {
        _superBlock.RemoveTerminal(Terminal);
        Terminal.CloseMaster();
    }

    // The slave is opened through the master's own mount, so that it works wherever /dev/pts may be (TIOCGPTPEER,
    // ioctl_tty(2)).
    private Errno OpenPeer(Task task, int flags, out long descriptor)
    {
        descriptor = -1;
        string name = Terminal.Index.ToString(CultureInfo.InvariantCulture);
        VfsPath root = _mount.RootPath;
        VirtualFileSystem vfs = task.Kernel.Vfs;
        Errno error = vfs.LookupAt(task, root, root, name, LookupFlags.NoPermissionChecks, out VfsPath place);
        if (error != Errno.None)
        {
            return error;
        }

        OpenRequest request = new(flags & ~Fcntl.O_CREAT, 0, LookupFlags.None);
        error = vfs.OpenPath(task, place, request, out FileDescription? slave);
        if (error != Errno.None)
        {
            return error;
        }

        CloseOnExec closeOnExec = (flags & Fcntl.O_CLOEXEC) != 0 ? CloseOnExec.Yes : CloseOnExec.No;
        error = task.FdTable.InstallNew(task, slave!, closeOnExec, out int number);
        descriptor = number;
        return error;
    }
}
