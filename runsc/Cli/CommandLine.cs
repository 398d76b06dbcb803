using System;
using System.CommandLine;
using System.CommandLine.Parsing;
using System.Collections.Generic;
using Runsc.Oci;
using Runsc.Sandbox;

namespace Runsc.Cli;

/// <summary>The commands and flags, as runc and gVisor's runsc spell them.</summary>
internal static class CommandLine
{
    /// <summary>Runs one invocation; every failure is one line on standard error.</summary>
    internal static int Run(string[] args)
    {
        RootCommand root = Build();
        ParseResult result = root.Parse(PassThrough.Prepare(root, args));
        if (result.Errors.Count > 0)
        {
            return Fail(Describe(result.Errors[0]));
        }

        try
        {
            return result.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
        }
        catch (UserErrorException e)
        {
            return Fail(e.Message, e.Status);
        }
    }

    /// <summary>Prints the one line and gives the exit status.</summary>
    internal static int Fail(string message, int status = CommandStatus.UserError)
    {
        Console.Error.WriteLine("runsc: " + message.ReplaceLineEndings(" "));
        return status;
    }

    private static RootCommand Build()
    {
        RootCommand root = new("runsc runs Linux containers on an application kernel of its own.");
        GlobalFlags.AddTo(root);
        root.Subcommands.Add(DoCommand.Build());
        root.Subcommands.Add(RunCommand.Build());
        root.Subcommands.Add(SpecCommand.Build());
        root.Subcommands.Add(SyscallsCommand.Build());
        return root;
    }

    private static string Describe(ParseError error)
    {
        string where = error.SymbolResult is CommandResult command ? command.Command.Name + ": " : "";
        return where + error.Message;
    }
}
