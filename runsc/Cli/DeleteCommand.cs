using System.CommandLine;
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
        using Container? container = Container.TryOpen(root, id);
        if (container is null)
        {
            if (!isForced)
            {
                throw new UserErrorException("container does not exist");
            }

            RemoveHalfMade(root, id);
            return;
        }

        using HostFd? changes = container.Directory.Lock();
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
