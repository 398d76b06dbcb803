using System;
using System.Collections.Generic;
using System.Threading;
using Abi.Linux;
using HostOs;
using Runsc.Sandbox;

namespace Runsc.Boot;

/// <summary>One connection to the control socket. Requests are answered in their order; when the client goes, the
/// process that it executed goes too.</summary>
internal sealed partial class ControlSession
{
    private const int MaxDocumentBytes = 16 << 20;
    private const int ProcessesPerPacket = 32;

    /// <summary>The document and the streams; more open files may follow.</summary>
    private const int ExecFds = 4;

    private readonly ControlServer _server;
    private readonly SandboxLife _life;
    private readonly int _socket;
    private readonly ManualResetEventSlim _ended = new(true);

    private ISessionProcess? _process;
    private HostFd? _processEnded;
    private int _processStatus;
    private bool _hasHungUp;

    internal ControlSession(ControlServer server, SandboxLife life, int socket)
    {
        _server = server;
        _life = life;
        _socket = socket;
    }

    internal void Start(int stackBytes) =>
        new Thread(Run, stackBytes) { IsBackground = true, Name = "session" }.Start();

    /// <summary>Waits until the client has heard of the end of its process.</summary>
    internal void AwaitEnd(int timeoutMs) => _ended.Wait(timeoutMs);

    private void Run()
    {
        Span<HostPollFd> polled = stackalloc HostPollFd[3];
        bool isOpen = true;
        while (isOpen)
        {
            polled[0] = new HostPollFd { Fd = _socket, Events = HostPoll.In };
            polled[1] = new HostPollFd { Fd = _processEnded?.Value ?? -1, Events = HostPoll.In };
            polled[2] = new HostPollFd { Fd = _hasHungUp ? -1 : _process?.HangUpFd ?? -1 };
            if (HostPoll.Poll(polled, -1, out _) != Errno.None)
            {
                continue;
            }

            if (polled[1].Revents != 0)
            {
                ReportEnd();
            }
            else if (polled[2].Revents != 0)
            {
                // Its files would fail one after the other: it ends with its gofer.
                _hasHungUp = true;
                _process!.Signal(Signals.SIGKILL);
            }
            else if (polled[0].Revents != 0)
            {
                isOpen = Serve();
            }
        }

        if (_process is not null)
        {
            EndProcess();
        }

        _server.Remove(this, _socket);
        HostUnistd.Close(_socket);
    }

    /// <summary>The client is gone: so is its process, once it has said so.</summary>
    private void EndProcess()
    {
        _process!.Signal(Signals.SIGKILL);
        Span<HostPollFd> ended = [new HostPollFd { Fd = _processEnded!.Value, Events = HostPoll.In }];
        while (HostPoll.Poll(ended, -1, out _) != Errno.None)
        {
        }

        _process.Finish(_processStatus);
        _processEnded.Dispose();
        _ended.Set();
    }

    /// <summary>One request; false when the client is gone or sent what is none.</summary>
    private bool Serve()
    {
        byte[] buffer = new byte[Packets.MaxRequestBytes];
        Span<int> numbers = stackalloc int[Packets.MaxFds];
        Errno errno = Packets.Receive(_socket, buffer, numbers, out int count, out int length);
        ControlRequest? request = errno == Errno.None ? ControlRequest.Parse(buffer.AsSpan(0, length)) : null;
        HostFd[] descriptors = new HostFd[count];
        for (int i = 0; i < count; i++)
        {
            descriptors[i] = new HostFd(numbers[i]);
        }

        if (request is not null)
        {
            _life.Composer.NoteRequest(request);
        }

        switch (request?.Kind ?? RequestKind.None)
        {
            case RequestKind.Exec:
                return Execute(descriptors, request!.Container);
            case RequestKind.Join:
                return Join(descriptors);
            default:
                bool isOpen = request is not null && Answer(request, descriptors);
                Close(descriptors);
                return isOpen;
        }
    }

    private static void Close(ReadOnlySpan<HostFd> descriptors)
    {
        foreach (HostFd descriptor in descriptors)
        {
            descriptor.Dispose();
        }
    }

    private bool Answer(ControlRequest request, ReadOnlySpan<HostFd> descriptors)
    {
        if (request.Container is { Length: > 0 } id)
        {
            return AnswerFor(_server.Members.Find(id), request);
        }

        switch (request.Kind)
        {
            case RequestKind.Trace or RequestKind.StopTrace:
                return Conclude(_life.Composer.Trace(request.Kind, descriptors.IsEmpty ? null : descriptors[0]));
            case RequestKind.SetLogLevel:
                return Conclude(_life.Composer.SetLogLevel(request.Number));
            case RequestKind.Tasks:
                return SendTasks();
            case RequestKind.Calls:
                return Send(new ControlReply { Kind = ReplyKind.Calls, Text = _life.Composer.Kernel.Platform.Report });
            case RequestKind.Start:
                return Conclude(_life.Start());
            case RequestKind.Signal:
                return Signal(request.Number);
            case RequestKind.SignalAll or RequestKind.SignalProcess:
                return Conclude(SignalOthers(_life.Composer, request));
            case RequestKind.Wait:
                _server.AddWaiter(_socket);
                return true;
            case RequestKind.List:
                return List(_life.Composer);
            case RequestKind.Pause:
                return Conclude(_life.Composer.Pause());
            case RequestKind.Resume:
                return Conclude(_life.Composer.Resume());
            case RequestKind.Statistics:
                return Send(new ControlReply { Kind = ReplyKind.Statistics, Statistics =
                    _life.Composer.Statistics() });
            case RequestKind.WindowSize:
                Resize(request.Rows, request.Columns);
                return true;
            case RequestKind.Update:
                return Conclude(_life.Composer.Update(request));
            default:
                return false;
        }
    }

    private bool SendTasks()
    {
        List<string> lines = _life.Composer.Kernel.DescribeTasks();
        for (int at = 0; at < lines.Count; at += ProcessesPerPacket)
        {
            List<string> part = lines.GetRange(at, Math.Min(ProcessesPerPacket, lines.Count - at));
            if (!Send(new ControlReply { Kind = ReplyKind.Tasks, Text = string.Join('\n', part) }))
            {
                return false;
            }
        }

        return Send(new ControlReply { Kind = ReplyKind.Done });
    }

    private bool Send(ControlReply reply) =>
        Packets.Send(_socket, reply.ToJson()) == Errno.None;

    private bool Conclude(string? problem) =>
        Send(problem is null
            ? new ControlReply { Kind = ReplyKind.Done }
            : new ControlReply { Kind = ReplyKind.Failed, Text = problem });

    private static string? CheckSignal(int number) =>
        number is >= 1 and <= Signals.NSIG ? null : "unknown signal \"" + number + "\"";

    private static string? SignalOthers(Composer composer, ControlRequest request)
    {
        string? problem = CheckSignal(request.Number);
        if (problem is null && request.Kind == RequestKind.SignalProcess)
        {
            return composer.SignalProcess(request.Pid, request.Number);
        }

        if (problem is null)
        {
            composer.SignalAll(request.Number);
        }

        return problem;
    }

    /// <summary>To the connection's own process there is no answer: it is a stream of signals.</summary>
    private bool Signal(int number)
    {
        string? problem = CheckSignal(number);
        if (_process is { } process)
        {
            if (problem is null)
            {
                process.Signal(number);
            }

            return true;
        }

        if (problem is null && _life.Signal(number) != Errno.None)
        {
            problem = "container not running";
        }

        return Conclude(problem);
    }

    private void Resize(ushort rows, ushort columns)
    {
        if (_process is { } process)
        {
            process.Resize(rows, columns);
        }
        else
        {
            _life.Composer.Resize(rows, columns);
        }
    }

    private bool List(Composer composer)
    {
        List<ProcessEntry> all = composer.Processes();
        for (int at = 0; at < all.Count; at += ProcessesPerPacket)
        {
            List<ProcessEntry> part = all.GetRange(at, Math.Min(ProcessesPerPacket, all.Count - at));
            if (!Send(new ControlReply { Kind = ReplyKind.Processes, Processes = part }))
            {
                return false;
            }
        }

        return Send(new ControlReply { Kind = ReplyKind.Processes, Processes = [] });
    }

    /// <summary>Starts the connection's process. Takes the descriptors.</summary>
    private bool Execute(HostFd[] descriptors, string? container)
    {
        if (descriptors.Length < ExecFds || _process is not null || _processEnded is not null)
        {
            Close(descriptors);
            return false;
        }

        HostFd[] streams = descriptors[1..];
        SandboxSpec? spec = ReadDocument(descriptors[0]);
        Composer? composer = container is not { Length: > 0 } ? _life.Composer
            : _server.Members.Find(container)?.Composer;
        string? problem = spec is null ? "the process is not described"
            : composer is null ? "container not running" : OpenBell();
        GuestProcess? process = null;
        problem ??= composer!.Execute(spec!, streams, OnProcessEnd, out process);
        _process = process;
        if (problem is not null)
        {
            Close(streams);
            CloseBell();
            return Conclude(problem);
        }

        return Send(new ControlReply { Kind = ReplyKind.Started, Number = _process!.Number });
    }

    /// <summary>What rings when the process ends; null, or one line.</summary>
    private string? OpenBell()
    {
        if (HostPoll.EventFd(0, HostFcntl.CloseOnExec, out int ended) != Errno.None)
        {
            return "too many open files";
        }

        _ended.Reset();
        _processEnded = new HostFd(ended);
        return null;
    }

    private void CloseBell()
    {
        _processEnded?.Dispose();
        _processEnded = null;
        _ended.Set();
    }

    /// <summary>Under the tasks lock: the write to an eventfd does not block.</summary>
    private void OnProcessEnd(int waitStatus)
    {
        _processStatus = waitStatus;
        Span<byte> one = [1, 0, 0, 0, 0, 0, 0, 0];
        _ = HostUnistd.Write(_processEnded!.Value, one, out _);
    }

    private void ReportEnd()
    {
        _process!.Finish(_processStatus);
        _process = null;
        _processEnded!.Dispose();
        _processEnded = null;
        Send(new ControlReply { Kind = ReplyKind.Ended, Number = _processStatus });
        _ended.Set();
    }

    private static SandboxSpec? ReadDocument(HostFd file)
    {
        const int Sealed = 0xf;
        using (file)
        {
            bool isSealed = HostFcntl.Fcntl(file.Value, HostFcntl.GetSeals, 0, out int seals) == Errno.None
                && (seals & Sealed) == Sealed;
            if (!isSealed || HostStat.Fstat(file.Value, out Stat stat) != Errno.None
                || stat.st_size is <= 0 or > MaxDocumentBytes)
            {
                return null;
            }

            byte[] text = new byte[stat.st_size];
            return HostUnistd.Pread(file.Value, text, 0, out int done) == Errno.None
                ? ProcessDocument.Parse(text.AsSpan(0, done))
                : null;
        }
    }
}
