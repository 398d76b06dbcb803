using System.CommandLine;
using HostOs;
using Runsc.Containers;
using Runsc.Oci;
using Runsc.Sandbox;

namespace Runsc.Cli;

/// <summary><c>runsc pause</c> and <c>runsc resume</c>.</summary>
internal static class PauseCommand
{
    internal static Command BuildPause() => Build("pause", "Stop all processes of a container.",
        RequestKind.Pause, ContainerStatus.Paused);

    internal static Command BuildResume() => Build("resume", "Undo pause.",
        RequestKind.Resume, ContainerStatus.Running);

    private static Command Build(string name, string description, RequestKind kind, ContainerStatus outcome)
    {
        Argument<string> id = new("container-id");
        Command command = new(name, description) { id };
        command.SetAction(result =>
        {
            using Container container = Container.Open(GlobalFlags.Read(result).Root, result.GetValue(id)!);
            using HostFd changes = container.Lock();
            ContainerStatus wanted = outcome == ContainerStatus.Paused ? ContainerStatus.Running
                : ContainerStatus.Paused;
            if (container.Status != wanted)
            {
                throw new UserErrorException(wanted == ContainerStatus.Paused ? "container not paused"
                    : "container not running");
            }

            using ControlClient client = container.Connect();
            client.Ask(new ControlRequest { Kind = kind });
            container.State.Status = outcome;
            container.Save();
            return 0;
        });
        return command;
    }
}
