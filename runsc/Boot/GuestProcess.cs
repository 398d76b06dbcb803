using System;
using Abi.Linux;
using HostOs;
using Sentry.Kernel;
using Sentry.Tty;

namespace Runsc.Boot;

/// <summary>A process that entered the sandbox, with what ties it to the host: its streams or its console.</summary>
internal sealed class GuestProcess : ISessionProcess, IDisposable
{
    private Terminal? _terminal;
    private HostConsole? _console;

    internal GuestProcess(Task task, HostFd[] streams)
    {
        Task = task;
        Streams = streams;
    }

    /// <summary>Its first task.</summary>
    internal Task Task { get; }

    /// <summary>Descriptors of the host for 0, 1, 2 and, if there are more, on.</summary>
    internal HostFd[] Streams { get; }

    /// <inheritdoc/>
    public int Number => Task.Tid;

    /// <inheritdoc/>
    public int HangUpFd => -1;

    /// <inheritdoc/>
    public void Finish(int waitStatus) => Dispose();

    /// <inheritdoc/>
    public void Signal(int signal) =>
        Task.ThreadGroup.SendSignal(new SigInfo { si_signo = signal, si_code = SigCode.SI_USER });

    internal void SetConsole(Terminal terminal, HostConsole? console)
    {
        _terminal = terminal;
        _console = console;
    }

    /// <inheritdoc/>
    public void Resize(ushort rows, ushort columns) =>
        _terminal?.Resize(new Winsize { ws_row = rows, ws_col = columns });

    internal void CloseStreams()
    {
        foreach (HostFd stream in Streams)
        {
            stream.Dispose();
        }
    }

    /// <summary>Writes out what its terminal still shows, and closes its streams.</summary>
    public void Dispose()
    {
        _console?.Dispose();
        CloseStreams();
    }
}
