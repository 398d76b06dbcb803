using Abi.Linux;
using Runsc.Oci;
using Sentry.Fs.Devpts;
using Sentry.Kernel;
using Sentry.Tty;
using Sentry.Vfs;

namespace Runsc.Boot;

/// <summary>The container's terminal, joined to the caller's, which the launcher keeps in raw mode.</summary>
internal sealed partial class Composer
{
    private const string TerminalDirectory = "/dev/pts";

    private Terminal? _terminal;
    private HostConsole? _console;

    private string? OpenConsole(Task init)
    {
        Winsize size = new() { ws_row = _spec.TerminalRows, ws_col = _spec.TerminalColumns };
        Errno errno = Console.Open(init, TerminalDirectory, size, out _terminal, out FileDescription? slave);
        if (errno != Errno.None)
        {
            return "terminal in " + TerminalDirectory + ": " + ErrorText.Describe(errno);
        }

        errno = ShowConsole(init, TerminalDirectory + "/" + _terminal!.Index);
        for (int fd = 0; fd < 3 && errno == Errno.None; fd++)
        {
            slave!.AddReference();
            errno = init.FdTable.InstallAt(init, fd, slave, CloseOnExec.No);
        }

        slave!.DropReference(init);
        errno = errno == Errno.None
            ? HostConsole.Start(_terminal!, _streams[0], _streams[1], out _console, _spec.TypedAhead)
            : errno;
        return errno == Errno.None ? null : "terminal: " + ErrorText.Describe(errno);
    }

    /// <summary>The terminal belongs to the container's user, and /dev/console is another name of it (runtime-spec,
    /// config-linux.md, "Default Devices").</summary>
    private Errno ShowConsole(Task init, string slave)
    {
        const string ConsolePath = "/dev/console";
        Errno errno = Find(init, slave, out VfsPath place);
        errno = errno == Errno.None ? GiveTerminal(init, slave, _spec.Uid) : errno;

        if (errno != Errno.None || _spec.Kind != Sandbox.SandboxKind.Container)
        {
            return errno;
        }

        errno = MakeMountPoint(init, ConsolePath, StatMode.S_IFREG);
        VfsPath target = default;
        errno = errno == Errno.None ? Find(init, ConsolePath, out target) : errno;
        return errno == Errno.None ? Kernel.Vfs.Bind(init, place, target, MountScope.Single) : errno;
    }

    private Errno GiveTerminal(Task task, string slave, uint uid)
    {
        Errno errno = Find(task, slave, out VfsPath place);
        return errno == Errno.None && uid != 0 ? Kernel.Vfs.ChangeOwner(task, place, uid, null) : errno;
    }

    /// <summary>The caller's terminal has a new size.</summary>
    internal void Resize(ushort rows, ushort columns) =>
        _terminal?.Resize(new Winsize { ws_row = rows, ws_col = columns });
}
