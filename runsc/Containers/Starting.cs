using HostOs;
using Runsc.Oci;
using Runsc.Sandbox;

namespace Runsc.Containers;

/// <summary>From created to running.</summary>
internal static class Starting
{
    /// <summary>Runs the program of a created container.</summary>
    internal static void Start(Container container)
    {
        using (HostFd changes = container.Lock())
        {
            string? problem = container.Status switch
            {
                ContainerStatus.Created => null,
                ContainerStatus.Running => "cannot start an already running container",
                ContainerStatus.Stopped => "cannot start a container that has stopped",
                ContainerStatus other => "cannot start a container in the " + Container.Name(other) + " state",
            };
            if (problem is not null)
            {
                throw new UserErrorException(problem);
            }

            using ControlClient client = container.Connect();
            RunStartContainer(container, client);
            Request(client);
            container.State.Status = ContainerStatus.Running;
            container.Save();
        }

        RunPoststart(container);
    }

    /// <summary>A program that ends at once, or turns out to be none, takes the Sentry with it before it can answer: it
    /// has been started all the same.</summary>
    private static void Request(ControlClient client)
    {
        if (!client.Send(new ControlRequest { Kind = RequestKind.Start }))
        {
            throw new UserErrorException("container not running");
        }

        if (client.Receive() is { Kind: ReplyKind.Failed } refusal)
        {
            throw new UserErrorException(refusal.Text ?? "the sandbox refused");
        }
    }

    /// <summary>The program of a foreground container runs.</summary>
    internal static void Started(Container container)
    {
        container.State.Status = ContainerStatus.Running;
        container.Save();
        RunPoststart(container);
    }

    /// <summary>Hooks that run inside, before the program: each is a process of the sandbox.</summary>
    internal static void RunStartContainer(Container container)
    {
        if (container.State.Hooks?.StartContainer is { Count: > 0 })
        {
            using ControlClient client = container.Connect();
            RunStartContainer(container, client);
        }
    }

    private static void RunStartContainer(Container container, ControlClient client)
    {
        foreach (HookSpec hook in container.State.Hooks?.StartContainer ?? [])
        {
            GuestHook.Run(container, hook, client);
        }
    }

    private static void RunPoststart(Container container) =>
        Hooks.RunAll("poststart", container.State.Hooks?.Poststart, container.OciState(ContainerStatus.Running),
            HookFailure.Fatal);
}
