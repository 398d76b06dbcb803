using System;
using Abi.Linux;
using HostOs;
using Runsc.Sandbox;

namespace Runsc.Boot;

/// <summary>
/// <c>runsc terminal SETTINGS</c>: internal. Waits for the end of the launcher and gives the terminal its settings
/// back. A launcher that restores it itself ends this first.
/// </summary>
internal static class TerminalCommand
{
    internal static int Run(string[] args)
    {
        if (args.Length != 2 || !TerminalGuard.TryRead(args[1], out Termios settings))
        {
            return Cli.CommandLine.Fail("terminal is started by runsc only");
        }

        Span<byte> nothing = stackalloc byte[1];
        Errno errno;
        do
        {
            errno = HostUnistd.Read(TerminalGuard.LauncherFd, nothing, out _);
        }
        while (errno == Errno.EINTR);

        // Not its own terminal: no SIGTTOU stops it (tty_ioctl(4)).
        errno = errno == Errno.None ? HostIoctl.Ioctl(TerminalGuard.TerminalFd, Ioctls.TCSETSW, ref settings) : errno;
        return errno == Errno.None ? 0 : CommandStatus.UserError;
    }
}
