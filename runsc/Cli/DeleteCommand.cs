using System;
using System.CommandLine;
using System.Threading;
using HostOs;
using Runsc.Containers;
using Runsc.Oci;
using Runsc.Sandbox;

namespace Runsc.Cli;

/// <summary><c>runsc delete</c>: removes a stopped container, or with <c>--force</c> any.</summary>
internal static class DeleteCommand
{
    internal static Command Build()
    {
        Argument<string[]> ids = new("container-id") { Arity = ArgumentArity.OneOrMore };
        Option<bool> force = new("--force", "-f") { Description = "Kill it if it runs; no error if it is not there." };
        Command command = new("delete", "Delete a container.") { force, ids };
        command.SetAction(result =>
        {
            string root = GlobalFlags.Read(result).Root;
            foreach (string id in result.GetValue(ids)!)
            {
                Delete(root, id, result.GetValue(force));
            }

            return 0;
        });
        return command;
    }

    private static void Delete(string root, string id, bool isForced)
    {
        using Container? container = isForced ? FindOrAwait(root, id) : Container.TryOpen(root, id);
        if (container is null)
        {
            if (!isForced)
            {
                throw new UserErrorException("container does not exist");
            }

            RemoveHalfMade(root, id);
            return;
        }

        if (isForced)
        {
            container.EndMaking();
        }

        using HostFd? changes = container.TryLock();
        if (changes is null)
        {
            // Somebody else has just deleted it.
            return;
        }

        ContainerStatus status = container.Status;
        if (!isForced && status is not (ContainerStatus.Stopped or ContainerStatus.Created))
        {
            throw new UserErrorException("cannot delete container " + id + " that is not stopped: "
                + Container.Name(status));
        }

        container.Destroy();
    }

    /// <summary>Opens it. A directory that somebody has just made gets its state in a moment.</summary>
    private static Container? FindOrAwait(string root, string id)
    {
        const long PatienceMs = 2000;
        const int LookMs = 5;
        long deadline = Environment.TickCount64 + PatienceMs;
        while (true)
        {
            if (Container.TryOpen(root, id) is { } container)
            {
                return container;
            }

            using StateDirectory? directory = StateDirectory.Find(root, id);
            if (directory is null || directory.IsUnowned() || Environment.TickCount64 > deadline)
            {
                return null;
            }

            Thread.Sleep(LookMs);
        }
    }

    /// <summary>A directory whose maker was killed before it wrote a state.</summary>
    private static void RemoveHalfMade(string root, string id)
    {
        using StateDirectory? directory = StateDirectory.Find(root, id);
        if (directory is not null && directory.IsUnowned())
        {
            directory.Remove();
        }
    }
}
