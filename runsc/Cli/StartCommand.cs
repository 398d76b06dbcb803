using System.CommandLine;
using Runsc.Containers;

namespace Runsc.Cli;

/// <summary><c>runsc start</c>: runs the program of a created container.</summary>
internal static class StartCommand
{
    internal static Command Build()
    {
        Argument<string> id = new("container-id");
        Command command = new("start", "Start a created container.") { id };
        command.SetAction(result =>
        {
            using Container container = Container.Open(GlobalFlags.Read(result).Root, result.GetValue(id)!);
            Starting.Start(container);
            return 0;
        });
        return command;
    }
}
