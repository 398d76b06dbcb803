using System;
using System.Threading;
using Google.Protobuf.WellKnownTypes;
using Shim.Host;
using Shim.Messages;

namespace Shim.Tasks;

/// <summary>One process of a container, the first or an exec: what containerd knows of it, and its way from created
/// over running to stopped.</summary>
internal sealed class TaskProcess
{
    private readonly TaskContainer _container;
    private readonly TaskEvents _events;
    private readonly ManualResetEventSlim _ended = new(false);
    private readonly Lock _lock = new();

    // Guarded by _lock.
    private ContainerStreams? _streams;
    private int? _heldStatus;
    private bool _isStarting;

    internal TaskProcess(TaskContainer container, TaskEvents events, string execId)
    {
        _container = container;
        _events = events;
        ExecId = execId;
    }

    /// <summary>Empty for the first process.</summary>
    internal string ExecId { get; }

    internal string Stdin { get; init; } = "";

    internal string Stdout { get; init; } = "";

    internal string Stderr { get; init; } = "";

    internal bool Terminal { get; init; }

    /// <summary>The process of the host that stands for it; 0 before there is one.</summary>
    internal uint Pid { get; private set; }

    internal TaskStatus Status { get; private set; } = TaskStatus.Created;

    internal uint ExitStatus { get; private set; }

    internal Timestamp? ExitedAt { get; private set; }

    /// <summary>Opens its streams and, for a terminal, the socket that the master comes over.</summary>
    internal void Launch(string directory, string name, Action<int[], string?> launch)
    {
        ContainerStreams streams = ContainerStreams.Open(Stdin, Stdout, Stderr);
        try
        {
            if (Terminal)
            {
                using ConsoleSocket console = ConsoleSocket.Make(directory, name);
                launch([-1, -1, -1], console.Path);
                streams.Join(console.Receive());
            }
            else
            {
                launch(streams.Numbers, null);
                streams.LetGo();
            }
        }
        catch (ShimException)
        {
            streams.Dispose();
            throw;
        }

        lock (_lock)
        {
            _streams = streams;
        }
    }

    /// <summary>From now on the end of <paramref name="pid"/> is its end.</summary>
    internal void Watch(int pid)
    {
        Pid = (uint)pid;
        Reaper.Watch(pid, OnEnd);
    }

    /// <summary>Its end is not told before its start.</summary>
    internal void BeginStart()
    {
        lock (_lock)
        {
            if (_isStarting || Status != TaskStatus.Created)
            {
                throw new ShimException(StatusCode.FailedPrecondition, "process has been started already");
            }

            _isStarting = true;
        }
    }

    /// <summary>It runs.</summary>
    internal void EndStart()
    {
        int? status;
        lock (_lock)
        {
            _isStarting = false;
            Status = TaskStatus.Running;
            status = _heldStatus;
        }

        if (status is { } ended)
        {
            Conclude(ended);
        }
    }

    /// <summary>It could not be started; the first process is there and waits all the same, unless it has
    /// ended.</summary>
    internal void FailStart()
    {
        const int Failed = 255 << 8;
        int? status;
        lock (_lock)
        {
            _isStarting = false;
            status = _heldStatus;
        }

        if (status is { } ended)
        {
            Conclude(ended);
        }
        else if (ExecId.Length > 0)
        {
            MarkStopped(Failed);
        }
    }

    /// <summary>Waits for its end.</summary>
    internal WaitResponse Await()
    {
        _ended.Wait();
        return new WaitResponse { ExitStatus = ExitStatus, ExitedAt = ExitedAt };
    }

    internal void Resize(uint width, uint height) => Streams?.Resize((ushort)height, (ushort)width);

    internal void CloseInput() => Streams?.CloseInput();

    /// <summary>Gives up its streams, once what its terminal still had to say is out.</summary>
    internal void Release() => Streams?.Dispose();

    private ContainerStreams? Streams
    {
        get
        {
            lock (_lock)
            {
                return _streams;
            }
        }
    }

    private void OnEnd(int waitStatus)
    {
        lock (_lock)
        {
            if (_isStarting)
            {
                _heldStatus = waitStatus;
                return;
            }
        }

        Conclude(waitStatus);
    }

    private void Conclude(int waitStatus)
    {
        MarkStopped(waitStatus);
        _events.Exited(_container.Id, ExecId.Length > 0 ? ExecId : _container.Id, Pid, ExitStatus, ExitedAt!);
        _ended.Set();
    }

    private void MarkStopped(int waitStatus)
    {
        lock (_lock)
        {
            Status = TaskStatus.Stopped;
            ExitStatus = Reaper.ExitStatus(waitStatus);
            ExitedAt = Timestamp.FromDateTime(DateTime.UtcNow);
            _streams?.End();
        }

        if (Pid == 0)
        {
            _ended.Set();
        }
    }
}
