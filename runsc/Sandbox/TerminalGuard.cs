using System;
using System.Globalization;
using System.Text;
using Abi.Linux;
using HostOs;
using Runsc.Oci;

namespace Runsc.Sandbox;

/// <summary>
/// A process beside the launcher that restores the caller's terminal when the launcher cannot: nothing that is killed
/// restores anything. It sleeps on a pipe that only the launcher holds the other end of, in a session of its own, and
/// is no child of the sandbox.
/// </summary>
internal sealed class TerminalGuard : IDisposable
{
    /// <summary>The terminal, in the guard.</summary>
    internal const int TerminalFd = 0;

    /// <summary>The end of the pipe that ends with the launcher.</summary>
    internal const int LauncherFd = 3;

    private readonly SpawnedProcess _process;
    private readonly HostFd _pipe;

    private TerminalGuard(SpawnedProcess process, HostFd pipe)
    {
        _process = process;
        _pipe = pipe;
    }

    /// <summary>Starts <c>runsc terminal SETTINGS</c> for a terminal that is still as it is to be left.</summary>
    internal static TerminalGuard Start(int terminal, in Termios settings)
    {
        Errno errno = HostUnistd.Pipe2(HostFcntl.CloseOnExec, out int readEnd, out int writeEnd);
        if (errno != Errno.None)
        {
            throw new UserErrorException("cannot make a pipe: " + ErrorText.Describe(errno));
        }

        using HostFd guards = new(readEnd);
        HostFd own = new(writeEnd);
        SpawnRequest request = new("/proc/self/exe");
        request.Arguments.AddRange(["runsc-terminal", "terminal", Write(settings)]);
        request.Environment.AddRange(HostIds.Nursery);
        request.Descriptors.Add(new FdMap(terminal, TerminalFd));
        request.Descriptors.Add(new FdMap(readEnd, LauncherFd));
        request.ExtraCalls.Add(HostIds.OwnSession());
        return new TerminalGuard(HostIds.Start(request), own);
    }

    /// <summary>The terminal is restored: the guard is not needed any more.</summary>
    public void Dispose()
    {
        HostWait.PidFdSendSignal(_process.PidFd.Value, Signals.SIGKILL);
        while (HostWait.Wait4(_process.Pid, HostWait.All, out _, out _) == Errno.EINTR)
        {
        }

        _process.PidFd.Dispose();
        _pipe.Dispose();
    }

    /// <summary>Settings as "stty -g" writes them: hexadecimal fields between colons; the line discipline
    /// last.</summary>
    internal static string Write(in Termios settings)
    {
        StringBuilder text = new();
        text.Append(CultureInfo.InvariantCulture, $"{settings.c_iflag:x}:{settings.c_oflag:x}:")
            .Append(CultureInfo.InvariantCulture, $"{settings.c_cflag:x}:{settings.c_lflag:x}");
        for (int i = 0; i < Termbits.NCCS; i++)
        {
            text.Append(CultureInfo.InvariantCulture, $":{settings.c_cc[i]:x}");
        }

        return text.Append(CultureInfo.InvariantCulture, $":{settings.c_line:x}").ToString();
    }

    /// <summary>Reads what <see cref="Write"/> wrote; false for anything else.</summary>
    internal static bool TryRead(string text, out Termios settings)
    {
        const int FlagFields = 4;
        settings = default;
        string[] fields = text.Split(':');
        uint[] values = new uint[FlagFields + Termbits.NCCS + 1];
        for (int i = 0; i < values.Length; i++)
        {
            uint highest = i < FlagFields ? uint.MaxValue : byte.MaxValue;
            if (fields.Length != values.Length || !uint.TryParse(fields[i], NumberStyles.AllowHexSpecifier,
                CultureInfo.InvariantCulture, out values[i]) || values[i] > highest)
            {
                return false;
            }
        }

        (settings.c_iflag, settings.c_oflag, settings.c_cflag, settings.c_lflag) =
            (values[0], values[1], values[2], values[3]);
        for (int i = 0; i < Termbits.NCCS; i++)
        {
            settings.c_cc[i] = (byte)values[FlagFields + i];
        }

        settings.c_line = (byte)values[^1];
        return true;
    }
}
