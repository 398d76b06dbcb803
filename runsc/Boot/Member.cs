using System;
using System.Collections.Generic;
using System.Threading;
using Abi.Linux;
using HostOs;
using Runsc.Sandbox;

namespace Runsc.Boot;

/// <summary>What a container brings beside its description and its gofer.</summary>
/// <param name="Streams">Three.</param>
/// <param name="Exit">Keeps the wait status.</param>
/// <param name="Memory">Becomes its memory.</param>
/// <param name="Bell">Where a byte tells the host that its memory was short.</param>
internal readonly record struct MemberFiles(HostFd[] Streams, HostFd Exit, HostFd Memory, HostFd? Bell);

/// <summary>A container that joined the sandbox: its first process's way from created over running to its
/// end.</summary>
internal sealed class Member : ISessionProcess
{
    private readonly Members _members;
    private readonly Composer _composer;
    private readonly SandboxSpec _spec;
    private readonly HostFd[] _streams;
    private readonly HostFd _exitFile;
    private readonly HostFd _memory;
    private readonly HostFd? _bell;
    private readonly Action<int> _onEnd;
    private readonly Lock _lock = new();

    // Guarded by _lock.
    private readonly List<int> _waiters = [];
    private Stage _stage;
    private bool _isFinished;

    /// <summary>Takes the descriptors.</summary>
    internal Member(Members members, Composer sandbox, SandboxSpec spec, MemberFiles files, Action<int> onEnd)
    {
        HostFd[] streams = files.Streams;
        _members = members;
        _spec = spec;
        _streams = streams;
        _exitFile = files.Exit;
        _memory = files.Memory;
        _bell = files.Bell;
        _onEnd = onEnd;
        _composer = sandbox.MakeMember(spec, Array.ConvertAll(streams, static stream => stream.Value));
    }

    internal string Id => _spec.Id;

    internal Composer Composer => _composer;

    /// <inheritdoc/>
    public int Number => _composer.FirstNumber;

    /// <inheritdoc/>
    public int HangUpFd => _spec.GoferFds[0];

    /// <summary>Makes everything but the program; null, or one line, and then the descriptors are closed.</summary>
    internal string? Join()
    {
        string? problem = _composer.Join(_memory, _onEnd);
        if (problem is not null)
        {
            Close();
        }
        else if (!_spec.Terminal)
        {
            // The file system has its own copies.
            CloseStreams();
        }

        return problem;
    }

    /// <summary>It does not join: closes what it was given.</summary>
    internal void Refuse()
    {
        _spec.GoferFds.ForEach(static fd => HostUnistd.Close(fd));
        _memory.Dispose();
        Close();
    }

    /// <summary>Runs the program; null, or one line that says why not, and then the container ends.</summary>
    internal string? Start()
    {
        const int ExitShift = 8;
        lock (_lock)
        {
            if (_stage != Stage.Created)
            {
                return "cannot start an already running container";
            }

            string? problem = _composer.Start(out int status);
            _stage = problem is null ? Stage.Running : Stage.Over;
            if (problem is not null)
            {
                _composer.Abandon();
                _onEnd(status << ExitShift);
            }

            return problem;
        }
    }

    /// <inheritdoc/>
    public void Signal(int signal) => SignalFirst(signal);

    /// <summary>A signal from outside to the first process; before that runs, what would end it ends the
    /// container.</summary>
    internal Errno SignalFirst(int signal)
    {
        lock (_lock)
        {
            bool ends = signal is Signals.SIGKILL or Signals.SIGTERM or Signals.SIGINT or Signals.SIGHUP
                or Signals.SIGQUIT;
            if (_stage == Stage.Created && ends)
            {
                _stage = Stage.Over;
                _composer.Abandon();
                _onEnd(signal);
                return Errno.None;
            }

            if (_stage == Stage.Over)
            {
                return Errno.ESRCH;
            }
        }

        return _composer.SignalFirst(signal);
    }

    /// <inheritdoc/>
    public void Resize(ushort rows, ushort columns) => _composer.Resize(rows, columns);

    /// <summary>From now on <paramref name="socket"/> hears of the end; false when there is nothing left to wait
    /// for.</summary>
    internal bool TryAddWaiter(int socket)
    {
        lock (_lock)
        {
            if (!_isFinished)
            {
                _waiters.Add(socket);
            }

            return !_isFinished;
        }
    }

    /// <summary>The socket will be closed.</summary>
    internal void RemoveWaiter(int socket)
    {
        lock (_lock)
        {
            _waiters.Remove(socket);
        }
    }

    /// <inheritdoc/>
    public void Finish(int waitStatus)
    {
        _ = HostUnistd.Pwrite(_exitFile.Value, BitConverter.GetBytes(waitStatus), 0, out _);
        _composer.Leave();
        Close();
        _members.Remove(this);
        lock (_lock)
        {
            _stage = Stage.Over;
            _isFinished = true;
            _waiters.ForEach(socket => ControlServer.SendEnded(socket, waitStatus));
            _waiters.Clear();
        }
    }

    private void Close()
    {
        CloseStreams();
        _exitFile.Dispose();
        _bell?.Dispose();
    }

    private void CloseStreams()
    {
        foreach (HostFd stream in _streams)
        {
            stream.Dispose();
        }
    }

    private enum Stage
    {
        Created,
        Running,
        Over,
    }
}
