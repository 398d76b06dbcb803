using System;
using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Parsing;
using System.IO;
using System.Text;
using HostOs;
using Runsc.Oci;
using Runsc.Sandbox;

namespace Runsc.Cli;

/// <summary>The commands and flags, as runc and gVisor's runsc spell them.</summary>
internal static class CommandLine
{
    private const string Version = "0.1.0";
    private const string RootName = "runsc";

    /// <summary>Of a longer message, which repeats a name that was given, the middle is left out.</summary>
    private const int MaxMessageBytes = 1000;

    /// <summary>A word that begins with '@' is a word, not the name of a file of words.</summary>
    private static readonly ParserConfiguration s_parsing = new() { ResponseFileTokenReplacer = null };

    private static readonly (string Name, Func<Command> Build)[] s_commands =
    [
        ("do", DoCommand.Build),
        ("create", CreateCommand.BuildCreate),
        ("run", CreateCommand.BuildRun),
        ("start", StartCommand.Build),
        ("state", StateCommand.Build),
        ("list", ListCommand.Build),
        ("kill", KillCommand.Build),
        ("delete", DeleteCommand.Build),
        ("wait", WaitCommand.Build),
        ("pause", PauseCommand.BuildPause),
        ("resume", PauseCommand.BuildResume),
        ("ps", PsCommand.Build),
        ("exec", ExecCommand.Build),
        ("events", EventsCommand.Build),
        ("update", UpdateCommand.Build),
        ("usage", UsageCommand.Build),
        ("debug", DebugCommand.Build),
        ("features", FeaturesCommand.Build),
        ("completion", CompletionCommand.Build),
        ("install", InstallCommand.BuildInstall),
        ("uninstall", InstallCommand.BuildUninstall),
        ("spec", SpecCommand.Build),
        ("syscalls", SyscallsCommand.Build),
    ];

    /// <summary>Runs one invocation; every failure is one line on standard error.</summary>
    internal static int Run(string[] args)
    {
        try
        {
            RuntimeLog.Find(args);
            if (args is ["--version" or "-v"])
            {
                Output.Write("runsc version " + Version + "\nspec: 1.2.0\n");
                return 0;
            }

            Command root = Build(args);
            if (args.Length > 0 && args[0].StartsWith(CompletionCommand.Directive, StringComparison.Ordinal))
            {
                return CompletionCommand.Suggest(root, args, s_parsing);
            }

            // The parser takes a first word that is the executable's path for just that, even where it is a command's.
            ParseResult result = root.Parse([root.Name, .. PassThrough.Prepare(root, args)], s_parsing);
            return result.Errors.Count > 0 ? Fail(Describe(result, result.Errors[0])) : Invoke(result);
        }
        catch (UserErrorException e)
        {
            return Fail(e.Message, e.Status);
        }
        catch (OutOfMemoryException)
        {
            // Also what the run time says when the host gives no thread.
            return Fail("the host gives no memory or no thread (limits of the user or of the control group)");
        }
        catch (TypeInitializationException e)
        {
            return Fail("cannot start: " + (e.InnerException ?? e).Message);
        }
        catch (Exception e)
        {
            // A bug: whatever the invocation had made is undone, and no stack trace is a user's business.
            InternalError.Log(e);
            return Fail(InternalError.Describe(e), CommandStatus.SentryFailed);
        }
    }

    /// <summary>Prints the one line (a byte string), unless somebody else did, and gives the exit status.</summary>
    internal static int Fail(string message, int status = CommandStatus.UserError)
    {
        const int StandardError = 2;
        if (message.Length == 0)
        {
            return status;
        }

        if (message.Length > MaxMessageBytes)
        {
            message = message[..(MaxMessageBytes / 2)] + "..." + message[^(MaxMessageBytes / 2)..];
        }

        RuntimeLog.Write("error", message);
        byte[] line = Encoding.Latin1.GetBytes("runsc: " + message + "\n");
        for (int i = 0; i < line.Length - 1; i++)
        {
            line[i] = line[i] is < (byte)' ' or 0x7F ? (byte)' ' : line[i];
        }

        HostUnistd.WriteAll(StandardError, line);
        return status;
    }

    /// <summary>What the library prints (help) goes the way of our own output.</summary>
    private static int Invoke(ParseResult result)
    {
        using StringWriter text = new();
        InvocationConfiguration configuration = new()
        {
            EnableDefaultExceptionHandler = false,
            Output = text,
        };
        int status = result.Invoke(configuration);
        string printed = text.ToString();
        if (printed.Length > 0)
        {
            Output.Write(ByteStrings.FromText(HelpText.WithUsage(printed, result.CommandResult.Command)));
        }

        return status;
    }

    /// <summary>True for the command that all others are in.</summary>
    internal static bool IsRoot(Command command) => command.Name == RootName;

    /// <summary>
    /// Of the commands only the one that is named, where one is: to make them all takes long. The library's own root
    /// command would have the name of the executable, which may be one of a command.
    /// </summary>
    private static Command Build(string[] args)
    {
        Command root = new(RootName, "runsc runs Linux containers on an application kernel of its own.")
        {
            new HelpOption(),
            new VersionOption(),
        };
        GlobalFlags.AddTo(root);
        string? named = GlobalFlags.FirstWord(args);
        bool isKnown = Array.Exists(s_commands, command => command.Name == named);
        foreach ((string name, Func<Command> build) in s_commands)
        {
            if (!isKnown || name == named)
            {
                root.Subcommands.Add(build());
            }
        }

        return root;
    }

    /// <summary>In our words: the library's are about its own notions.</summary>
    private static string Describe(ParseResult parsed, ParseError error)
    {
        switch (error.SymbolResult)
        {
            case OptionResult { IdentifierTokenCount: > 1, Option.Arity.MaximumNumberOfValues: 1 } option:
                return option.Option.Name + ": given more than once";
            case OptionResult { Tokens.Count: > 0 } option:
                return option.Option.Name + ": " + option.Tokens[^1].Value + ": not a number";
            case OptionResult option:
                return option.Option.Name + ": needs a value";
            case ArgumentResult { Tokens.Count: > 0 } argument:
                return argument.Argument.Name + ": " + argument.Tokens[^1].Value + ": not taken";
            case ArgumentResult argument:
                return parsed.CommandResult.Command.Name + ": " + argument.Argument.Name + " is missing";
            case CommandResult result when IsRoot(result.Command):
                return "no command is given; runsc --help lists those there are";
            case CommandResult result when parsed.UnmatchedTokens.Count > 0:
                return result.Command.Name + ": " + parsed.UnmatchedTokens[0] + ": one word too many";
            case CommandResult result:
                return Describe(result.Command, result.Tokens.Count);
            default:
                return Describe(parsed.CommandResult.Command, parsed.CommandResult.Tokens.Count);
        }
    }

    private static string Describe(Command command, int given)
    {
        int least = 0;
        foreach (Argument argument in command.Arguments)
        {
            least += argument.HasDefaultValue ? 0 : argument.Arity.MinimumNumberOfValues;
            if (given < least)
            {
                return command.Name + ": " + argument.Name + " is missing";
            }
        }

        return command.Name + ": cannot be understood; runsc " + command.Name + " --help tells how it is written";
    }
}
