using System.CommandLine;
using Abi.Linux;
using Runsc.Containers;
using Runsc.Oci;
using Runsc.Sandbox;

namespace Runsc.Cli;

/// <summary><c>runsc kill</c>: sends a signal to the first process of a container, or to all.</summary>
internal static class KillCommand
{
    internal static Command Build()
    {
        Argument<string> id = new("container-id");
        Argument<string> signal = new("signal") { Description = "Name or number.", DefaultValueFactory =
            _ => "SIGTERM" };
        Option<bool> all = new("--all", "-a") { Description = "All processes." };
        Option<int> pid = new("--pid") { Description = "The process with this id inside." };
        Command command = new("kill", "Send a signal to a container.") { all, pid, id, signal };
        command.SetAction(result =>
        {
            using Container container = Container.Open(GlobalFlags.Read(result).Root, result.GetValue(id)!);
            int number = SignalNames.Parse(result.GetValue(signal)!);
            Run(container, number, result.GetValue(all), result.GetValue(pid));
            return 0;
        });
        return command;
    }

    private static void Run(Container container, int signal, bool toAll, int pid)
    {
        bool isAlive = container.Status is ContainerStatus.Created or ContainerStatus.Running
            or ContainerStatus.Paused;
        if (!isAlive)
        {
            // To all of no processes is no error, as with runc.
            if (toAll)
            {
                return;
            }

            throw new UserErrorException("container not running");
        }

        if (signal == 0)
        {
            return;
        }

        if (signal == Signals.SIGKILL && pid == 0)
        {
            // The end of the first process is the end of all: no answer of the sandbox is needed.
            container.Directory.LeaveExit(Signals.SIGKILL);
            container.State.Sentry.Signal(Signals.SIGKILL);
            return;
        }

        RequestKind kind = toAll ? RequestKind.SignalAll : pid != 0 ? RequestKind.SignalProcess : RequestKind.Signal;
        using ControlClient client = container.Connect();
        client.Ask(new ControlRequest { Kind = kind, Number = signal, Pid = pid });
    }
}
