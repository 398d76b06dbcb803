using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Threading;
using HostOs;
using Shim.Host;
using Shim.Messages;

namespace Shim.Tasks;

/// <summary>One container: its bundle, its runtime, its processes.</summary>
internal sealed class TaskContainer
{
    private readonly Runtime _runtime;
    private readonly TaskEvents _events;
    private readonly Lock _lock = new();

    // Guarded by _lock.
    private readonly Dictionary<string, ExecProcess> _execs = [];

    private TaskContainer(CreateTaskRequest request, Runtime runtime, TaskEvents events)
    {
        Id = request.Id;
        Bundle = request.Bundle;
        _runtime = runtime;
        _events = events;
        Init = new TaskProcess(this, events, "")
        {
            Stdin = request.Stdin,
            Stdout = request.Stdout,
            Stderr = request.Stderr,
            Terminal = request.Terminal,
        };
    }

    internal string Id { get; }

    internal string Bundle { get; }

    internal TaskProcess Init { get; }

    /// <summary>Stopped before its next instruction.</summary>
    internal bool IsPaused { get; private set; }

    /// <summary>Makes the container; on failure nothing is left of it.</summary>
    internal static TaskContainer Create(CreateTaskRequest request, string space, TaskEvents events)
    {
        if (request.Checkpoint.Length > 0)
        {
            throw new ShimException(StatusCode.Unimplemented, "checkpoints cannot be restored");
        }

        RuntimeChoice.Keep(request.Bundle, request.Options);
        TaskContainer result = new(request, RuntimeChoice.Read(request.Options).For(space, request.Bundle), events);
        RootMounts.Mount(request.Bundle, request.Rootfs);
        Reaper.BeginStarting();
        try
        {
            result.Launch();
            int pid = ReadPid(result.PidFile(""));
            events.Created(request, (uint)pid);
            result.Init.Watch(pid);
        }
        catch (ShimException)
        {
            RootMounts.Unmount(request.Bundle);
            throw;
        }
        finally
        {
            Reaper.EndStarting();
        }

        OomWatch.Start(result.Init.Pid, () => events.OutOfMemory(result.Id));
        return result;
    }

    /// <summary>The first process for an empty id, else the exec of the id.</summary>
    internal TaskProcess Find(string execId) => execId.Length == 0 ? Init : FindExec(execId).Process;

    /// <summary>Starts the program of the container.</summary>
    internal void Start()
    {
        Init.BeginStart();
        try
        {
            _runtime.Run("start", Id);
        }
        catch (ShimException)
        {
            Init.FailStart();
            throw;
        }

        _events.Started(Id, Init.Pid);
        Init.EndStart();
    }

    /// <summary>Takes note of a process that will be started.</summary>
    internal void AddExec(ExecProcessRequest request)
    {
        TaskProcess process = new(this, _events, request.ExecId)
        {
            Stdin = request.Stdin,
            Stdout = request.Stdout,
            Stderr = request.Stderr,
            Terminal = request.Terminal,
        };
        lock (_lock)
        {
            if (!_execs.TryAdd(request.ExecId, new ExecProcess(process, request.Spec?.Value.ToByteArray() ?? [])))
            {
                throw new ShimException(StatusCode.AlreadyExists, "exec " + request.ExecId + " is there already");
            }
        }

        _events.ExecAdded(Id, request.ExecId);
    }

    /// <summary>Starts such a process.</summary>
    internal void StartExec(string execId)
    {
        ExecProcess exec = FindExec(execId);
        exec.Process.BeginStart();
        Reaper.BeginStarting();
        try
        {
            LaunchExec(exec);
            int pid = ReadPid(PidFile(execId));
            exec.Process.Watch(pid);
            _events.ExecStarted(Id, execId, (uint)pid);
        }
        catch (ShimException)
        {
            exec.Process.FailStart();
            throw;
        }
        finally
        {
            Reaper.EndStarting();
        }

        exec.Process.EndStart();
    }

    internal void Pause()
    {
        _runtime.Run("pause", Id);
        IsPaused = true;
        _events.Paused(Id);
    }

    internal void Resume()
    {
        _runtime.Run("resume", Id);
        IsPaused = false;
        _events.Resumed(Id);
    }

    /// <summary>Signals the first process, or all.</summary>
    internal void Kill(uint signal, bool toAll)
    {
        if (Init.Status == TaskStatus.Stopped)
        {
            throw AlreadyFinished();
        }

        string number = signal.ToString(CultureInfo.InvariantCulture);
        try
        {
            _runtime.Run(["kill", .. toAll ? (string[])["--all"] : [], Id, number]);
        }
        catch (ShimException e) when (e.Message.Contains("not running", StringComparison.Ordinal))
        {
            throw AlreadyFinished();
        }
    }

    /// <summary>Signals an exec through the process of the host that stands for it.</summary>
    internal void KillExec(string execId, uint signal)
    {
        TaskProcess process = FindExec(execId).Process;
        if (process.Pid == 0)
        {
            throw new ShimException(StatusCode.FailedPrecondition, "process has not been started");
        }

        if (process.Status == TaskStatus.Stopped
            || HostSignal.Kill((int)process.Pid, (int)signal) == Abi.Linux.Errno.ESRCH)
        {
            throw AlreadyFinished();
        }
    }

    /// <summary>What it uses, as <c>runsc events --stats</c> prints it.</summary>
    internal string Statistics() => _runtime.Ask("events", "--stats", Id);

    /// <summary>New limits, as linux.resources of a config.json.</summary>
    internal void Update(ReadOnlySpan<byte> resources)
    {
        string file = Bundle + "/update-resources.json";
        File.WriteAllBytes(file, resources);
        try
        {
            _runtime.Run("update", "--resources", file, Id);
        }
        finally
        {
            File.Delete(file);
        }
    }

    /// <summary>Removes what is left of the stopped container.</summary>
    internal void Delete()
    {
        if (Init.Status is TaskStatus.Running)
        {
            throw new ShimException(StatusCode.FailedPrecondition, "container " + Id + " is not stopped");
        }

        _runtime.Run("delete", "--force", Id);
        Init.Await();
        Init.Release();
        RootMounts.Unmount(Bundle);
    }

    /// <summary>Forgets an exec.</summary>
    internal void DeleteExec(string execId)
    {
        TaskProcess process = FindExec(execId).Process;
        if (process.Status == TaskStatus.Running)
        {
            throw new ShimException(StatusCode.FailedPrecondition, "exec " + execId + " is not stopped");
        }

        process.Release();
        lock (_lock)
        {
            _execs.Remove(execId);
        }

        File.Delete(PidFile(execId));
    }

    /// <summary>The processes of the host that stand for those of the container, with the exec id each.</summary>
    internal List<(uint Pid, string ExecId)> Processes()
    {
        List<(uint Pid, string ExecId)> result = [];
        if (Init.Status != TaskStatus.Stopped)
        {
            result.Add((Init.Pid, ""));
        }

        lock (_lock)
        {
            foreach (ExecProcess exec in _execs.Values)
            {
                if (exec.Process.Status == TaskStatus.Running)
                {
                    result.Add((exec.Process.Pid, exec.Process.ExecId));
                }
            }
        }

        return result;
    }

    private void Launch() => Init.Launch(Bundle, "init.sock", (streams, console) =>
        _runtime.RunWith(streams, ["create", "--bundle", Bundle, "--pid-file", PidFile(""),
            .. Console(console), Id]));

    private void LaunchExec(ExecProcess exec)
    {
        string file = Bundle + "/" + exec.Process.ExecId + ".process.json";
        File.WriteAllBytes(file, exec.Description);
        try
        {
            exec.Process.Launch(Bundle, exec.Process.ExecId + ".sock", (streams, console) =>
                _runtime.RunWith(streams, ["exec", "--detach", "--process", file, "--pid-file",
                    PidFile(exec.Process.ExecId), .. Console(console), Id]));
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static string[] Console(string? socket) => socket is null ? [] : ["--console-socket", socket];

    private string PidFile(string execId) => Bundle + "/" + (execId.Length == 0 ? "init" : execId) + ".pid";

    private static int ReadPid(string file) =>
        int.Parse(File.ReadAllText(file), NumberStyles.None, CultureInfo.InvariantCulture);

    private ExecProcess FindExec(string execId)
    {
        lock (_lock)
        {
            return _execs.TryGetValue(execId, out ExecProcess? exec) ? exec
                : throw new ShimException(StatusCode.NotFound, "process does not exist " + execId);
        }
    }

    private static ShimException AlreadyFinished() => new(StatusCode.NotFound, "process already finished");

    /// <summary>An exec and its process as config.json has it.</summary>
    private sealed record ExecProcess(TaskProcess Process, byte[] Description);
}
