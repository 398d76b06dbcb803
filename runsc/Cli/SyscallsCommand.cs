using System.CommandLine;
using System.Text;
using Sentry.Syscalls;

namespace Runsc.Cli;

/// <summary><c>runsc syscalls</c>: the table of supported system calls, as text or as docs/syscalls.md.</summary>
internal static class SyscallsCommand
{
    internal static Command Build()
    {
        Option<string> format = new("--format", "-o") { Description = "table or markdown.", DefaultValueFactory =
            _ => "table" };
        Command command = new("syscalls", "List the system calls and how complete each is.") { format };
        command.SetAction(result => Run(result.GetValue(format)!));
        return command;
    }

    private static int Run(string format)
    {
        switch (format)
        {
            case "table":
                Output.Write(SyscallList.Table());
                return 0;
            case "markdown":
                Output.Write(SyscallList.Markdown());
                return 0;
            default:
                return CommandLine.Fail("syscalls: --format: " + format + " is neither table nor markdown");
        }
    }
}
