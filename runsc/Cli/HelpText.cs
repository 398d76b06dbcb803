using System;
using System.CommandLine;
using System.Text;

namespace Runsc.Cli;

/// <summary>The library's help with a usage line that says where flags stand: before the words they are not
/// for.</summary>
internal static class HelpText
{
    private const string Heading = "Usage:\n";

    /// <summary>The help of a command with its usage line replaced; any other text as it is.</summary>
    internal static string WithUsage(string text, Command command)
    {
        int start = text.IndexOf(Heading, StringComparison.Ordinal);
        int end = start < 0 ? -1 : text.IndexOf('\n', start + Heading.Length);
        return end < 0 ? text : text[..(start + Heading.Length)] + "  " + Usage(command) + text[end..];
    }

    /// <summary><c>runsc [global options] do [options] command...</c></summary>
    internal static string Usage(Command command)
    {
        if (CommandLine.IsRoot(command))
        {
            return "runsc [global options] command [options] [arguments]";
        }

        StringBuilder text = new("runsc [global options] " + command.Name);
        text.Append(command.Options.Count > 0 ? " [options]" : "");
        foreach (Argument argument in command.Arguments)
        {
            string word = argument.Name + (argument.Arity.MaximumNumberOfValues > 1 ? "..." : "");
            text.Append(' ').Append(argument.Arity.MinimumNumberOfValues > 0 && !argument.HasDefaultValue ? word
                : "[" + word + "]");
        }

        return text.ToString();
    }
}
