using System.CommandLine;
using Runsc.Containers;

namespace Runsc.Cli;

/// <summary><c>runsc state</c>: prints a container's state as the runtime-spec has it.</summary>
internal static class StateCommand
{
    internal static Command Build()
    {
        Argument<string> id = new("container-id");
        Command command = new("state", "Print the state of a container.") { id };
        command.SetAction(result =>
        {
            using Container container = Container.Open(GlobalFlags.Read(result).Root, result.GetValue(id)!);
            Output.Write(container.Describe());
            return 0;
        });
        return command;
    }
}
