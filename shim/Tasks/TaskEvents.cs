using Google.Protobuf.WellKnownTypes;
using Shim.Messages;

namespace Shim.Tasks;

/// <summary>The events of tasks, each with its topic and the name of its type (containerd, api/events).</summary>
internal sealed class TaskEvents(EventPublisher publisher)
{
    private const string Package = "containerd.events.";

    internal void Created(CreateTaskRequest request, uint pid)
    {
        TaskCreate message = new()
        {
            ContainerId = request.Id,
            Bundle = request.Bundle,
            Io = new TaskIO
            {
                Stdin = request.Stdin,
                Stdout = request.Stdout,
                Stderr = request.Stderr,
                Terminal = request.Terminal,
            },
            Checkpoint = request.Checkpoint,
            Pid = pid,
        };
        message.Rootfs.AddRange(request.Rootfs);
        publisher.Publish("/tasks/create", message, Package + nameof(TaskCreate));
    }

    internal void Started(string id, uint pid) =>
        publisher.Publish("/tasks/start", new TaskStart { ContainerId = id, Pid = pid }, Package + nameof(TaskStart));

    internal void ExecAdded(string id, string exec) =>
        publisher.Publish("/tasks/exec-added", new TaskExecAdded { ContainerId = id, ExecId = exec },
            Package + nameof(TaskExecAdded));

    internal void ExecStarted(string id, string exec, uint pid) =>
        publisher.Publish("/tasks/exec-started", new TaskExecStarted { ContainerId = id, ExecId = exec, Pid = pid },
            Package + nameof(TaskExecStarted));

    /// <summary>The first process has the container's id as its own.</summary>
    internal void Exited(string id, string process, uint pid, uint status, Timestamp at) =>
        publisher.Publish("/tasks/exit",
            new TaskExit { ContainerId = id, Id = process, Pid = pid, ExitStatus = status, ExitedAt = at },
            Package + nameof(TaskExit));

    internal void Deleted(string id, DeleteResponse response) =>
        publisher.Publish("/tasks/delete",
            new TaskDelete { ContainerId = id, Pid = response.Pid, ExitStatus = response.ExitStatus, ExitedAt =
                response.ExitedAt },
            Package + nameof(TaskDelete));

    internal void OutOfMemory(string id) =>
        publisher.Publish("/tasks/oom", new TaskOOM { ContainerId = id }, Package + nameof(TaskOOM));

    internal void Paused(string id) =>
        publisher.Publish("/tasks/paused", new TaskPaused { ContainerId = id }, Package + nameof(TaskPaused));

    internal void Resumed(string id) =>
        publisher.Publish("/tasks/resumed", new TaskResumed { ContainerId = id }, Package + nameof(TaskResumed));

    internal void Finish(int timeoutMs) => publisher.Finish(timeoutMs);
}
