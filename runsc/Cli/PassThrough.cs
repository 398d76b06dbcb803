using System;
using System.Collections.Generic;
using System.CommandLine;
using Runsc.Oci;

namespace Runsc.Cli;

/// <summary>
/// What the library's parser does not do. It ends option parsing at the guest's command: <c>runsc do ls --all</c> must
/// hand --all to ls, and <c>runsc exec ID ls --all</c> too; so "--" goes before the first word after <c>do</c> or
/// <c>exec</c> that is neither a flag of ours nor a flag's value. And it names the command or flag that nobody knows,
/// which the parser takes for an argument. The guest's words never reach the parser, which takes no more than 100,000.
/// </summary>
internal static class PassThrough
{
    /// <summary>The words after the flags of <c>do</c> or <c>exec</c>, of which the parser sees the first
    /// only.</summary>
    internal static string[] GuestWords { get; private set; } = [];

    internal static string[] Prepare(Command root, string[] args)
    {
        int index = SkipOptions(root, args, 0);
        CheckOptions(root, root, args.AsSpan(0, Math.Min(index, args.Length)));
        if (index >= args.Length)
        {
            return args;
        }

        Command command = FindCommand(root, args[index]) ?? throw new UserErrorException(
            args[index] + ": unknown command; runsc --help lists those there are");
        if (command.Name is not (DoCommand.Name or ExecCommand.Name))
        {
            CheckWords(root, command, args.AsSpan(index + 1));
            return args;
        }

        int first = SkipOptions(command, args, index + 1);
        CheckOptions(root, command, args.AsSpan(index + 1, Math.Min(first, args.Length) - index - 1));
        int guest = first < args.Length && args[first] == "--" ? first + 1 : first;
        if (guest >= args.Length)
        {
            return args;
        }

        GuestWords = args[guest..];
        return [.. args.AsSpan(0, first), "--", args[guest]];
    }

    private static Command? FindCommand(Command root, string name)
    {
        foreach (Command command in root.Subcommands)
        {
            if (command.Name == name || command.Aliases.Contains(name))
            {
                return command;
            }
        }

        return null;
    }

    private static int SkipOptions(Command command, string[] args, int index)
    {
        while (index < args.Length && IsFlag(args[index]))
        {
            string word = args[index];
            bool hasValue = word.Contains('=');
            index += !hasValue && TakesValue(command, word) ? 2 : 1;
        }

        return index;
    }

    private static bool IsFlag(string word) => word.Length > 1 && word[0] == '-' && word != "--";

    /// <summary>Flags and arguments in any order; a number may be negative (kill ID -9).</summary>
    private static void CheckWords(Command root, Command command, ReadOnlySpan<string> words)
    {
        for (int index = 0; index < words.Length && words[index] != "--"; index++)
        {
            if (IsFlag(words[index]) && !char.IsAsciiDigit(words[index][1]))
            {
                index += CheckFlag(root, command, words[index..]) ? 1 : 0;
            }
        }
    }

    /// <summary>A flag nobody knows must not become the command's name.</summary>
    private static void CheckOptions(Command root, Command command, ReadOnlySpan<string> words)
    {
        for (int index = 0; index < words.Length; index++)
        {
            index += CheckFlag(root, command, words[index..]) ? 1 : 0;
        }
    }

    /// <summary>The first word is a flag: it must be known, and have its value. True when the value is the second
    /// word.</summary>
    private static bool CheckFlag(Command root, Command command, ReadOnlySpan<string> words)
    {
        string word = words[0].Split('=')[0];
        string where = CommandLine.IsRoot(command) ? "" : command.Name + ": ";
        bool isHelp = word is "--help" or "-h" or "-?" || (CommandLine.IsRoot(command) && word is "--version" or "-v");
        Option? option = Find(command, word);
        if (option is null && !isHelp)
        {
            throw new UserErrorException(where + words[0] + (Find(root, word) is null ? ": unknown flag"
                : ": a global flag: it stands before " + command.Name));
        }

        bool takesNext = !words[0].Contains('=') && TakesValue(command, word);
        if (takesNext && words.Length == 1)
        {
            throw new UserErrorException(where + words[0] + ": needs a value");
        }

        // Text that is ignored may be empty.
        bool isEmpty = takesNext ? words[1].Length == 0 && option is Option<string> and not { Name: "--criu" }
            : words[0].IndexOf('=') == words[0].Length - 1;
        return !isEmpty ? takesNext : throw new UserErrorException(where + word + ": must not be empty");
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
