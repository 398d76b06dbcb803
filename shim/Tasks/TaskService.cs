using System;
using System.Collections.Generic;
using System.IO;
using System.Threading;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Shim.Messages;

namespace Shim.Tasks;

/// <summary>The service <c>containerd.task.v2.Task</c> for the containers of one shim.</summary>
internal sealed class TaskService(string space, TaskEvents events)
{
    private const string Name = "containerd.task.v2.Task";

    private readonly Lock _lock = new();

    // Guarded by _lock. A null keeps the place of one that is being made.
    private readonly Dictionary<string, TaskContainer?> _containers = [];

    /// <summary>True once containerd has asked for the end and there is no container left.</summary>
    internal bool IsOver { get; private set; }

    /// <summary>Answers one call.</summary>
    internal IMessage Handle(string service, string method, ByteString payload)
    {
        if (service != Name)
        {
            throw new ShimException(StatusCode.Unimplemented, "service " + service);
        }

        try
        {
            return Dispatch(method, payload);
        }
        catch (IOException e)
        {
            throw new ShimException(StatusCode.Unknown, e.Message);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new ShimException(StatusCode.Unknown, e.Message);
        }
    }

    private IMessage Dispatch(string method, ByteString payload) => method switch
    {
        "Create" => Create(CreateTaskRequest.Parser.ParseFrom(payload)),
        "Start" => Start(StartRequest.Parser.ParseFrom(payload)),
        "Delete" => Delete(DeleteRequest.Parser.ParseFrom(payload)),
        "Exec" => Exec(ExecProcessRequest.Parser.ParseFrom(payload)),
        "ResizePty" => ResizePty(ResizePtyRequest.Parser.ParseFrom(payload)),
        "State" => State(StateRequest.Parser.ParseFrom(payload)),
        "Pids" => Pids(Named(payload)),
        "Pause" => Done(Named(payload).Pause),
        "Resume" => Done(Named(payload).Resume),
        "Kill" => Kill(KillRequest.Parser.ParseFrom(payload)),
        "CloseIO" => CloseIo(CloseIORequest.Parser.ParseFrom(payload)),
        "Update" => Update(UpdateTaskRequest.Parser.ParseFrom(payload)),
        "Wait" => Wait(WaitRequest.Parser.ParseFrom(payload)),
        "Stats" => new StatsResponse { Stats = Statistics.Read(Named(payload).Statistics()) },
        "Connect" => Connect(ContainerRequest.Parser.ParseFrom(payload)),
        "Shutdown" => Shutdown(),
        _ => throw new ShimException(StatusCode.Unimplemented, method + " is not implemented"),
    };

    private CreateTaskResponse Create(CreateTaskRequest request)
    {
        lock (_lock)
        {
            if (!_containers.TryAdd(request.Id, null))
            {
                throw new ShimException(StatusCode.AlreadyExists, "container " + request.Id + " is there already");
            }
        }

        TaskContainer? made = null;
        try
        {
            made = TaskContainer.Create(request, space, events);
            return new CreateTaskResponse { Pid = made.Init.Pid };
        }
        finally
        {
            lock (_lock)
            {
                if (made is null)
                {
                    _containers.Remove(request.Id);
                }
                else
                {
                    _containers[request.Id] = made;
                }
            }
        }
    }

    private StartResponse Start(StartRequest request)
    {
        TaskContainer container = Find(request.Id);
        if (request.ExecId.Length == 0)
        {
            container.Start();
        }
        else
        {
            container.StartExec(request.ExecId);
        }

        return new StartResponse { Pid = container.Find(request.ExecId).Pid };
    }

    private DeleteResponse Delete(DeleteRequest request)
    {
        TaskContainer container = Find(request.Id);
        TaskProcess process = container.Find(request.ExecId);
        if (request.ExecId.Length > 0)
        {
            container.DeleteExec(request.ExecId);
            return Ended(process);
        }

        container.Delete();
        lock (_lock)
        {
            _containers.Remove(request.Id);
        }

        DeleteResponse response = Ended(process);
        events.Deleted(request.Id, response);
        return response;
    }

    private static DeleteResponse Ended(TaskProcess process) =>
        new() { Pid = process.Pid, ExitStatus = process.ExitStatus, ExitedAt = process.ExitedAt };

    private Empty Exec(ExecProcessRequest request)
    {
        Find(request.Id).AddExec(request);
        return new Empty();
    }

    private Empty ResizePty(ResizePtyRequest request)
    {
        Find(request.Id).Find(request.ExecId).Resize(request.Width, request.Height);
        return new Empty();
    }

    private StateResponse State(StateRequest request)
    {
        TaskContainer container = Find(request.Id);
        TaskProcess process = container.Find(request.ExecId);
        bool isPaused = container.IsPaused && process.Status == TaskStatus.Running;
        return new StateResponse
        {
            Id = container.Id,
            Bundle = container.Bundle,
            Pid = process.Pid,
            Status = isPaused ? TaskStatus.Paused : process.Status,
            Stdin = process.Stdin,
            Stdout = process.Stdout,
            Stderr = process.Stderr,
            Terminal = process.Terminal,
            ExitStatus = process.ExitStatus,
            ExitedAt = process.ExitedAt,
            ExecId = request.ExecId,
        };
    }

    private static PidsResponse Pids(TaskContainer container)
    {
        PidsResponse response = new();
        foreach ((uint pid, string execId) in container.Processes())
        {
            ProcessInfo information = new() { Pid = pid };
            if (execId.Length > 0)
            {
                ByteString details = new ProcessDetails { ExecId = execId }.ToByteString();
                information.Info = new Any { TypeUrl = "containerd.runc.v1.ProcessDetails", Value = details };
            }

            response.Processes.Add(information);
        }

        return response;
    }

    private Empty Kill(KillRequest request)
    {
        TaskContainer container = Find(request.Id);
        if (request.ExecId.Length > 0)
        {
            container.KillExec(request.ExecId, request.Signal);
        }
        else
        {
            container.Kill(request.Signal, request.All);
        }

        return new Empty();
    }

    private Empty CloseIo(CloseIORequest request)
    {
        TaskProcess process = Find(request.Id).Find(request.ExecId);
        if (request.Stdin)
        {
            process.CloseInput();
        }

        return new Empty();
    }

    private Empty Update(UpdateTaskRequest request)
    {
        Find(request.Id).Update((request.Resources?.Value ?? ByteString.Empty).Span);
        return new Empty();
    }

    private WaitResponse Wait(WaitRequest request) => Find(request.Id).Find(request.ExecId).Await();

    /// <summary>containerd also asks before there is a container, and wants to hear who we are all the same.</summary>
    private ConnectResponse Connect(ContainerRequest request)
    {
        lock (_lock)
        {
            _containers.TryGetValue(request.Id, out TaskContainer? container);
            return new ConnectResponse { ShimPid = (uint)Environment.ProcessId, TaskPid = container?.Init.Pid ?? 0 };
        }
    }

    private Empty Shutdown()
    {
        lock (_lock)
        {
            IsOver = _containers.Count == 0;
        }

        return new Empty();
    }

    private static Empty Done(Action action)
    {
        action();
        return new Empty();
    }

    private TaskContainer Named(ByteString payload) => Find(ContainerRequest.Parser.ParseFrom(payload).Id);

    private TaskContainer Find(string id)
    {
        lock (_lock)
        {
            return _containers.TryGetValue(id, out TaskContainer? container) && container is not null ? container
                : throw new ShimException(StatusCode.NotFound, "container not created");
        }
    }
}
