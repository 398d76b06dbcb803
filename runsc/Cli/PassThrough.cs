using System;
using System.Collections.Generic;
using System.CommandLine;
using Runsc.Oci;

namespace Runsc.Cli;

/// <summary>
/// Ends option parsing at the guest's command: <c>runsc do ls --all</c> must hand --all to ls, and <c>runsc exec ID ls
/// --all</c> too. Inserts "--" before the first word after <c>do</c> or <c>exec</c> that is neither a flag of ours nor
/// a flag's value.
/// </summary>
internal static class PassThrough
{
    internal static string[] Prepare(RootCommand root, string[] args)
    {
        int index = SkipOptions(root, args, 0);
        if (index >= args.Length || args[index] is not (DoCommand.Name or ExecCommand.Name))
        {
            return args;
        }

        Command command = FindCommand(root, args[index]);
        int first = SkipOptions(command, args, index + 1);
        CheckOptions(command, args.AsSpan(index + 1, Math.Min(first, args.Length) - index - 1));
        if (first >= args.Length || args[first] == "--")
        {
            return args;
        }

        List<string> result = [.. args];
        result.Insert(first, "--");
        return [.. result];
    }

    private static Command FindCommand(RootCommand root, string name)
    {
        foreach (Command command in root.Subcommands)
        {
            if (command.Name == name)
            {
                return command;
            }
        }

        throw new InvalidOperationException("the command is not registered: " + name);
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

    /// <summary>A flag nobody knows must not become the command's name.</summary>
    private static void CheckOptions(Command command, ReadOnlySpan<string> words)
    {
        for (int index = 0; index < words.Length; index++)
        {
            string word = words[index].Split('=')[0];
            if (Find(command, word) is null && word is not ("--help" or "-h" or "-?"))
            {
                throw new UserErrorException(command.Name + ": " + words[index] + ": unknown flag");
            }

            index += !words[index].Contains('=') && TakesValue(command, word) ? 1 : 0;
        }
    }

    private static bool TakesValue(Command command, string word) =>
        Find(command, word) is { Arity.MinimumNumberOfValues: > 0 };

    private static Option? Find(Command command, string word)
    {
        foreach (Option option in command.Options)
        {
            if (option.Name == word || option.Aliases.Contains(word))
            {
                return option;
            }
        }

        return null;
    }
}
