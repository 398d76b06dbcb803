using System;
using System.Threading;
using Abi.Linux;
using HostOs;

namespace Shim.Host;

/// <summary>
/// The standard streams of one process, by the paths that containerd names: FIFOs, or files to append to. Without a
/// terminal the program's streams are the FIFOs themselves; what this keeps open of them makes a reader that comes
/// and goes no end of the output, and a writer no end of the input, until <see cref="CloseInput"/>. A terminal's
/// master is here, and bytes go between it and the FIFOs.
/// </summary>
internal sealed class ContainerStreams : IDisposable
{
    private const int StackBytes = 128 * 1024;
    private const int DrainMs = 10_000;
    private const int ReadEnd = HostFcntl.ReadOnly | HostFcntl.NonBlock | HostFcntl.CloseOnExec;

    private readonly Lock _lock = new();
    private readonly HostFd?[] _streams = new HostFd?[3];
    private readonly HostFd?[] _keepers = new HostFd?[3];
    private HostFd? _master;
    private Thread? _output;
    private Thread? _input;
    private bool _isOver;

    /// <summary>Opens what is named; an empty name is nothing.</summary>
    internal static ContainerStreams Open(string input, string output, string error)
    {
        ContainerStreams result = new();
        try
        {
            result.OpenInput(input);
            result.OpenOutput(1, output);
            result.OpenOutput(2, error);
            return result;
        }
        catch (ShimException)
        {
            result.Dispose();
            throw;
        }
    }

    /// <summary>The program's descriptors; -1 for nothing.</summary>
    internal int[] Numbers => [_streams[0]?.Value ?? -1, _streams[1]?.Value ?? -1, _streams[2]?.Value ?? -1];

    /// <summary>The program has its own copies.</summary>
    internal void LetGo()
    {
        foreach (HostFd? stream in _streams)
        {
            stream?.Dispose();
        }
    }

    /// <summary>The program has a terminal: from now on bytes are carried.</summary>
    internal void Join(HostFd master)
    {
        lock (_lock)
        {
            _master = master;
        }

        _output = new Thread(CarryOutput, StackBytes) { IsBackground = true, Name = "output" };
        _output.Start();
        if (_streams[0] is not null)
        {
            _input = new Thread(CarryInput, StackBytes) { IsBackground = true, Name = "input" };
            _input.Start();
        }
    }

    /// <summary>A new size of the terminal; nothing without one.</summary>
    internal void Resize(ushort rows, ushort columns)
    {
        lock (_lock)
        {
            if (_master is { Value: >= 0 } master && !_isOver)
            {
                Winsize size = new() { ws_row = rows, ws_col = columns };
                ShimException.Check("TIOCSWINSZ", HostIoctl.Ioctl(master.Value, Ioctls.TIOCSWINSZ, ref size));
            }
        }
    }

    /// <summary>The input ends once its writers are gone.</summary>
    internal void CloseInput() => _keepers[0]?.Dispose();

    /// <summary>The program has ended: readers see the end of the output. What a terminal still shows goes out
    /// first, in its own time.</summary>
    internal void End()
    {
        lock (_lock)
        {
            _isOver = true;
        }

        _keepers[0]?.Dispose();
        if (_output is null)
        {
            CloseOutput();
        }
    }

    /// <summary>Waits for the last output of a terminal, but not for ever for a reader that does not read.</summary>
    public void Dispose()
    {
        End();
        if (_output is not null && !_output.Join(DrainMs))
        {
            // Without a reader of ours a write that nobody reads fails.
            CloseOutput();
            if (!_output.Join(DrainMs))
            {
                return;
            }
        }

        _input?.Join();
        LetGo();
        CloseOutput();
        lock (_lock)
        {
            _master?.Dispose();
        }
    }

    private void CloseOutput()
    {
        _keepers[1]?.Dispose();
        _keepers[2]?.Dispose();
    }

    private void OpenInput(string name)
    {
        if (name.Length == 0)
        {
            return;
        }

        string path = Text.ToBytes(name);
        _streams[0] = OpenOne(name, path, ReadEnd);
        if (IsFifo(_streams[0]!))
        {
            _keepers[0] = OpenOne(name, path, HostFcntl.WriteOnly | HostFcntl.NonBlock | HostFcntl.CloseOnExec);
        }

        // The program's reads wait.
        _ = HostFcntl.Fcntl(_streams[0]!.Value, HostFcntl.SetFl, 0, out _);
    }

    private void OpenOutput(int fd, string name)
    {
        const string FileScheme = "file://";
        const int OwnerWritesAllRead = 0x1A4;
        if (name.Length == 0)
        {
            return;
        }

        bool isFile = name.StartsWith(FileScheme, StringComparison.Ordinal);
        if (!isFile && name.Contains("://", StringComparison.Ordinal))
        {
            throw new ShimException(StatusCode.Unimplemented, name + ": output goes to a FIFO or to file://PATH");
        }

        string path = Text.ToBytes(isFile ? name[FileScheme.Length..] : name);
        if (!isFile && HostFcntl.OpenAt(HostFcntl.AtFdCwd, path, ReadEnd, 0, out int opened) == Errno.None)
        {
            HostFd reader = new(opened);
            if (IsFifo(reader))
            {
                _keepers[fd] = reader;
                _streams[fd] = OpenOne(name, path, HostFcntl.WriteOnly | HostFcntl.CloseOnExec);
                return;
            }

            reader.Dispose();
        }

        const int Appending = HostFcntl.WriteOnly | HostFcntl.Append | HostFcntl.Create | HostFcntl.CloseOnExec;
        _streams[fd] = OpenOne(name, path, Appending, OwnerWritesAllRead);
    }

    private static HostFd OpenOne(string name, string path, int flags, int mode = 0)
    {
        ShimException.Check(name, HostFcntl.OpenAt(HostFcntl.AtFdCwd, path, flags, mode, out int fd));
        return new HostFd(fd);
    }

    private static bool IsFifo(HostFd file) =>
        HostStat.Fstat(file.Value, out Stat stat) == Errno.None
            && (stat.st_mode & StatMode.S_IFMT) == StatMode.S_IFIFO;

    /// <summary>Terminal to FIFO, until the last slave is closed (EIO).</summary>
    private void CarryOutput()
    {
        byte[] buffer = new byte[32768];
        bool isHeard = _streams[1] is not null;
        while (true)
        {
            Errno errno = HostUnistd.Read(_master!.Value, buffer, out int done);
            if (errno == Errno.EINTR)
            {
                continue;
            }

            if (errno != Errno.None || done == 0)
            {
                break;
            }

            isHeard = isHeard && HostUnistd.WriteAll(_streams[1]!.Value, buffer.AsSpan(0, done)) == Errno.None;
        }

        _streams[1]?.Dispose();
        CloseOutput();
    }

    /// <summary>FIFO to terminal, until either ends.</summary>
    private void CarryInput()
    {
        byte[] buffer = new byte[4096];
        int source = _streams[0]!.Value;
        Span<HostPollFd> polled = stackalloc HostPollFd[2];
        while (true)
        {
            polled[0] = new HostPollFd { Fd = source, Events = HostPoll.In };
            polled[1] = new HostPollFd { Fd = _master!.Value };
            if (HostPoll.Poll(polled, -1, out _) != Errno.None)
            {
                continue;
            }

            int done = 0;
            bool isOpen = polled[1].Revents == 0
                && HostUnistd.Read(source, buffer, out done) == Errno.None && done > 0
                && HostUnistd.WriteAll(_master.Value, buffer.AsSpan(0, done)) == Errno.None;
            if (!isOpen)
            {
                return;
            }
        }
    }
}
