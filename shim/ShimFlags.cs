using System;
using System.Collections.Generic;

namespace Shim;

/// <summary>Command line as containerd writes it, in the manner of Go: <c>-name value</c> or <c>-name=value</c>, one
/// dash or two, then the command.</summary>
internal sealed class ShimFlags
{
    private readonly Dictionary<string, string> _values = [];

    /// <summary>start, delete, or empty for the server.</summary>
    internal string Command { get; private set; } = "";

    /// <summary>containerd's namespace of the container.</summary>
    internal string Namespace => Value("namespace");

    internal string Id => Value("id");

    /// <summary>containerd's own socket; part of the name of ours.</summary>
    internal string Address => Value("address");

    internal string PublishBinary => Value("publish-binary");

    /// <summary>The bundle; the working directory where containerd names none.</summary>
    internal string Bundle => _values.TryGetValue("bundle", out string? path) && path.Length > 0
        ? path : Environment.CurrentDirectory;

    /// <summary>Where the server listens, for it to remove.</summary>
    internal string Socket => Value("socket");

    internal bool ShowsVersion => _values.ContainsKey("v");

    internal static ShimFlags Parse(ReadOnlySpan<string> args)
    {
        ShimFlags result = new();
        int at = 0;
        while (at < args.Length && args[at].Length > 1 && args[at][0] == '-')
        {
            string flag = args[at++].TrimStart('-');
            int equals = flag.IndexOf('=', StringComparison.Ordinal);
            if (equals >= 0)
            {
                result._values[flag[..equals]] = flag[(equals + 1)..];
            }
            else if (flag is "debug" or "v")
            {
                result._values[flag] = "true";
            }
            else
            {
                result._values[flag] = at < args.Length ? args[at++] : "";
            }
        }

        result.Command = at < args.Length ? args[at] : "";
        return result;
    }

    /// <summary>The flags of the server that <c>start</c> leaves behind.</summary>
    internal List<string> ForServer(string socket) =>
    [
        "-namespace", Namespace, "-id", Id, "-address", Address, "-publish-binary", PublishBinary, "-bundle", Bundle,
        "-socket", socket,
    ];

    private string Value(string name) => _values.TryGetValue(name, out string? value) ? value : "";
}
