using System;
using System.Collections.Generic;
using System.IO;
using System.Text;
using System.Text.Json;
using System.Threading;
using Abi.Linux;
using HostOs;
using Runsc.Cli;
using Runsc.Oci;
using Runsc.Sandbox;

namespace Runsc.Containers;

/// <summary>A container that exists: its directory and its state.</summary>
internal sealed class Container : IDisposable
{
    /// <summary>How long the processes of a container may take to end after SIGKILL.</summary>
    private const long EndNs = 10_000_000_000;

    /// <summary>How long who makes a container may go on when it is to be removed: containerd gives a removal 5 s in
    /// all.</summary>
    private const long MakingMs = 1000;

    private const int LookMs = 5;

    private Container(StateDirectory directory, ContainerState state)
    {
        Directory = directory;
        State = state;
    }

    internal StateDirectory Directory { get; }

    internal ContainerState State { get; private set; }

    internal string Id => Directory.Id;

    /// <summary>What it is now: a container whose Sentry is gone has stopped, whatever was written last.</summary>
    internal ContainerStatus Status
    {
        get
        {
            if (State.Sentry.Pid == 0)
            {
                return Directory.IsUnowned() ? ContainerStatus.Stopped : ContainerStatus.Creating;
            }

            return State.Sentry.IsAlive ? State.Status : ContainerStatus.Stopped;
        }
    }

    /// <summary>Opens a container, or says as runc does that there is none.</summary>
    internal static Container Open(string root, string id) =>
        TryOpen(root, id) ?? throw new UserErrorException("container does not exist");

    /// <summary>Opens a container; null when there is none or it has no state yet.</summary>
    internal static Container? TryOpen(string root, string id)
    {
        StateDirectory? directory = StateDirectory.Find(root, id);
        ContainerState? state = directory?.Load();
        if (state is null)
        {
            directory?.Dispose();
            return null;
        }

        return new Container(directory!, state);
    }

    /// <summary>A container that is being made.</summary>
    internal static Container New(StateDirectory directory, ContainerState state) => new(directory, state);

    /// <summary>Takes the lock for changes and reads the state again; the container may be gone meanwhile.</summary>
    internal HostFd Lock() => TryLock() ?? throw new UserErrorException("container does not exist");

    /// <summary>The same; null when the container is gone.</summary>
    internal HostFd? TryLock()
    {
        HostFd? result = Directory.Lock();
        if (result is not null && !Reload())
        {
            result.Dispose();
            return null;
        }

        return result;
    }

    /// <summary>Comes back when nobody is making the container any more. Who does may finish, and is ended when that
    /// takes long, with the hooks it runs and their children: what it has made ends with it. Not under the lock, which
    /// it may want.</summary>
    internal void EndMaking()
    {
        long deadline = Environment.TickCount64 + MakingMs;
        while (IsBeingMade && Environment.TickCount64 < deadline)
        {
            Thread.Sleep(LookMs);
            Reload();
        }

        if (IsBeingMade)
        {
            ProcessTree.Kill(State.Maker);
            State.Maker.AwaitEnd(EndNs);
        }
    }

    private bool IsBeingMade => !Directory.IsUnowned() && (State.Sentry.Pid == 0 || !State.IsForeground);

    private bool Reload()
    {
        ContainerState? state = Directory.Load();
        State = state ?? State;
        return state is not null;
    }

    internal void Save() => Directory.Save(State);

    /// <summary>Connects to the Sentry.</summary>
    internal ControlClient Connect() => TryConnect() ?? throw new UserErrorException("container not running");

    private ControlClient? TryConnect()
    {
        if (State.Sandbox is not { } sandbox)
        {
            return ControlClient.Connect(Directory);
        }

        using StateDirectory? directory = StateDirectory.Find(Directory.Root, sandbox);
        return directory is null ? null : ControlClient.Connect(directory, Id);
    }

    /// <summary>Ends every process of the container, runs the last hooks, and removes every trace of it.</summary>
    internal void Destroy()
    {
        if (!EndProcesses())
        {
            throw new UserErrorException("the processes of container " + Id + " do not end");
        }

        ContainerGroups.Remove(State);
        if (State.Hooks?.Poststop is { Count: > 0 } hooks && State.Status != ContainerStatus.Creating)
        {
            Hooks.RunAll("poststop", hooks, OciState(ContainerStatus.Stopped), HookFailure.Reported);
        }

        Directory.Remove();
    }

    /// <summary>Ends Sentry and gofer; false when one does not end.</summary>
    internal bool EndProcesses()
    {
        if (State.Sentry.IsAlive)
        {
            Directory.LeaveExit(Signals.SIGKILL);
        }

        State.Sentry.Signal(Signals.SIGKILL);
        State.Gofer.Signal(Signals.SIGKILL);
        State.Bell.Signal(Signals.SIGKILL);
        AwaitLeaving();
        return State.Sentry.AwaitEnd(EndNs) && State.Gofer.AwaitEnd(EndNs) && State.Bell.AwaitEnd(EndNs);
    }

    /// <summary>A container that joined a sandbox is gone when the Sentry says so, not with the process that stands
    /// for it.</summary>
    private void AwaitLeaving()
    {
        using ControlClient? client = State.Sandbox is null ? null : TryConnect();
        if (client is null || !client.Send(new ControlRequest { Kind = RequestKind.Wait }))
        {
            return;
        }

        System.Span<HostPollFd> polled = [new HostPollFd { Fd = client.Socket.Value, Events = HostPoll.In }];
        while (HostPoll.Poll(polled, EndNs, out _) == Errno.EINTR)
        {
        }
    }

    /// <summary>The state as the runtime-spec has it (runtime.md, "State"), for hooks.</summary>
    internal byte[] OciState(ContainerStatus status) => Describe(status, default);

    /// <summary>The state as <c>runc state</c> prints it.</summary>
    internal byte[] Describe() => Describe(Status, new JsonWriterOptions { Indented = true });

    /// <summary>One element of <c>runc list --format json</c>.</summary>
    internal void Write(Utf8JsonWriter writer, ContainerStatus status)
    {
        writer.WriteStartObject();
        writer.WriteString("ociVersion", State.OciVersion);
        writer.WriteString("id", Id);
        writer.WriteNumber("pid", status == ContainerStatus.Stopped ? 0 : State.Sentry.Pid);
        writer.WriteString("status", Name(status));
        writer.WriteString("bundle", Text(State.Bundle));
        writer.WriteString("rootfs", Text(State.Rootfs));
        writer.WriteString("created", State.Created);
        if (State.Annotations is { Count: > 0 } annotations)
        {
            writer.WriteStartObject("annotations");
            foreach (KeyValuePair<string, string> entry in annotations)
            {
                writer.WriteString(entry.Key, entry.Value);
            }

            writer.WriteEndObject();
        }

        writer.WriteString("owner", State.Owner);
        writer.WriteEndObject();
    }

    /// <summary>A state by the name users know.</summary>
    internal static string Name(ContainerStatus status) => status.ToString().ToLowerInvariant();

    /// <inheritdoc/>
    public void Dispose() => Directory.Dispose();

    private byte[] Describe(ContainerStatus status, JsonWriterOptions options)
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter writer = new(stream, options))
        {
            Write(writer, status);
        }

        return stream.ToArray();
    }

    /// <summary>A path as text; one that is none loses what is no UTF-8.</summary>
    internal static string Text(string path) =>
        ByteStrings.TryToText(path, out string text) ? text : Encoding.UTF8.GetString(Encoding.Latin1.GetBytes(path));
}
