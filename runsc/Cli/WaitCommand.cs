using System.CommandLine;
using System.Globalization;
using System.Text;
using Abi.Linux;
using Runsc.Containers;
using Runsc.Oci;
using Runsc.Sandbox;

namespace Runsc.Cli;

/// <summary><c>runsc wait</c>: waits for the end of a container and prints its exit status as JSON.</summary>
internal static class WaitCommand
{
    private const long ForEver = -1;

    internal static Command Build()
    {
        Argument<string> id = new("container-id");
        Command command = new("wait", "Wait for the end of a container.") { id };
        command.SetAction(result =>
        {
            using Container container = Container.Open(GlobalFlags.Read(result).Root, result.GetValue(id)!);
            string status = Launcher.StatusOf(Await(container)).ToString(CultureInfo.InvariantCulture);
            Output.Write(Encoding.ASCII.GetBytes("{\"id\":\"" + container.Id + "\",\"exitStatus\":" + status + "}"));
            return 0;
        });
        return command;
    }

    private static int Await(Container container)
    {
        if (container.Status == ContainerStatus.Creating)
        {
            throw new UserErrorException("container not created");
        }

        container.State.Sentry.AwaitEnd(ForEver);

        // A Sentry that says nothing was killed.
        return container.Directory.ReadExit() ?? Signals.SIGKILL;
    }
}
