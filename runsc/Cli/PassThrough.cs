using System;
using System.Collections.Generic;
using System.CommandLine;

namespace Runsc.Cli;

/// <summary>
/// Ends option parsing at the guest's command: <c>runsc do ls --all</c> must hand --all to ls. Inserts "--" before
/// the first word
/// after <c>do</c> that is neither a flag of ours nor a flag's value.
/// </summary>
internal static class PassThrough
{
    internal static string[] Prepare(RootCommand root, string[] args)
    {
        int index = SkipOptions(root, args, 0);
        if (index >= args.Length || args[index] != DoCommand.Name)
        {
            return args;
        }

        Command command = Find(root);
        int first = SkipOptions(command, args, index + 1);
        if (first >= args.Length || args[first] == "--")
        {
            return args;
        }

        List<string> result = [.. args];
        result.Insert(first, "--");
        return [.. result];
    }

    private static Command Find(RootCommand root)
    {
        foreach (Command command in root.Subcommands)
        {
            if (command.Name == DoCommand.Name)
            {
                return command;
            }
        }

        throw new InvalidOperationException("the do command is not registered");
    }

    private static int SkipOptions(Command command, string[] args, int index)
    {
        while (index < args.Length && args[index].Length > 1 && args[index][0] == '-' && args[index] != "--")
        {
            string word = args[index];
            bool hasValue = word.Contains('=');
            index += !hasValue && TakesValue(command, word) ? 2 : 1;
        }

        return index;
    }

    private static bool TakesValue(Command command, string word)
    {
        foreach (Option option in command.Options)
        {
            if ((option.Name == word || option.Aliases.Contains(word)) && option.Arity.MinimumNumberOfValues > 0)
            {
                return true;
            }
        }

        return false;
    }
}
