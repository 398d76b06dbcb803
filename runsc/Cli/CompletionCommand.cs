using System;
using System.CommandLine;
using System.CommandLine.Completions;
using System.Globalization;
using System.Text;
using Runsc.Oci;

namespace Runsc.Cli;

/// <summary><c>runsc completion SHELL</c>: what makes a shell complete our command line. It asks us:
/// <c>runsc [suggest:POSITION] LINE</c>, and we ask the command-line library.</summary>
internal static class CompletionCommand
{
    internal const string Directive = "[suggest";

    private const string Bash = """
        # For ~/.bashrc: source <(runsc completion bash)
        _runsc() {
            local line=${COMP_LINE#* } IFS=$'\n'
            local position=$((COMP_POINT - ${#COMP_LINE} + ${#line}))
            local found=$("${COMP_WORDS[0]}" "[suggest:$position]" "$line" 2>/dev/null)
            COMPREPLY=($(compgen -W "$found" -- "${COMP_WORDS[COMP_CWORD]}"))
        }
        complete -o bashdefault -o default -F _runsc runsc

        """;

    private const string Zsh = """
        # For ~/.zshrc, after compinit: source <(runsc completion zsh)
        _runsc() {
            local line="${words[2,-1]}"
            local -a found
            found=("${(@f)$("${words[1]}" "[suggest:${#line}]" "$line" 2>/dev/null)}")
            compadd -- $found || _files
        }
        compdef _runsc runsc

        """;

    private const string Fish = """
        # For ~/.config/fish/completions/runsc.fish: runsc completion fish
        function __runsc_complete
            set -l line (commandline -cp | string replace -r '^\S+\s*' '')
            runsc "[suggest:"(string length -- "$line")"]" "$line" 2>/dev/null
        end
        complete -c runsc -a '(__runsc_complete)'

        """;

    /// <summary>Prints the words that may stand at the position, one in each line.</summary>
    internal static int Suggest(Command root, string[] args, ParserConfiguration parsing)
    {
        string line = args.Length > 1 ? args[^1] : "";
        bool isNumber = int.TryParse(args[0].AsSpan(Directive.Length).Trim(":]"), NumberStyles.None,
            CultureInfo.InvariantCulture, out int position);
        StringBuilder words = new();
        foreach (CompletionItem item in root.Parse(line, parsing).GetCompletions(isNumber ? position : line.Length))
        {
            words.Append(item.Label).Append('\n');
        }

        Output.Write(ByteStrings.FromText(words.ToString()));
        return 0;
    }

    internal static Command Build()
    {
        Argument<string> shell = new("shell") { Description = "bash, zsh or fish." };
        Command command = new("completion", "Print the completion script of a shell.") { shell };
        command.SetAction(result => Run(result.GetValue(shell)!));
        return command;
    }

    private static int Run(string shell)
    {
        Output.Write(shell switch
        {
            "bash" => Bash,
            "zsh" => Zsh,
            "fish" => Fish,
            _ => throw new UserErrorException("completion: " + shell + ": not one of bash, zsh, fish"),
        });
        return 0;
    }
}
