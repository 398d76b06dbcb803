using Abi.Linux;
using Sentry.Fs.Devpts;
using Sentry.Kernel;
using Sentry.Tty;
using Sentry.Vfs;

namespace Runsc.Boot;

/// <summary>The container's terminal, joined to the caller's, which the launcher keeps in raw mode.</summary>
internal sealed partial class Composer
{
    private const string TerminalDirectory = "/dev/pts";
    private const int CallersInput = 0;
    private const int CallersOutput = 1;

    private Terminal? _terminal;
    private HostConsole? _console;

    private string? OpenConsole(Task init)
    {
        Winsize size = new() { ws_row = _spec.TerminalRows, ws_col = _spec.TerminalColumns };
        Errno errno = Console.Open(init, TerminalDirectory, size, out _terminal, out FileDescription? slave);
        if (errno != Errno.None)
        {
            return "terminal in " + TerminalDirectory + ": " + Describe(errno);
        }

        for (int fd = 0; fd < 3 && errno == Errno.None; fd++)
        {
            slave!.AddReference();
            errno = init.FdTable.InstallAt(init, fd, slave, CloseOnExec.No);
        }

        slave!.DropReference(init);
        errno = errno == Errno.None ? HostConsole.Start(_terminal!, CallersInput, CallersOutput, out _console) : errno;
        return errno == Errno.None ? null : "terminal: " + Describe(errno);
    }

    private void Resize(ushort rows, ushort columns) =>
        _terminal?.Resize(new Winsize { ws_row = rows, ws_col = columns });
}
