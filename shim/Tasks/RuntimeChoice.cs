using System;
using System.Collections.Generic;
using System.IO;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Shim.Host;
using Shim.Messages;

namespace Shim.Tasks;

/// <summary>
/// Which runtime to drive and how: from the options of a Create, which are runc's or name a configuration file of
/// ours. They are kept in the bundle for <c>delete</c>, which gets none.
/// </summary>
internal sealed class RuntimeChoice
{
    private const string FileName = "/shim-options";
    private const string DefaultRoot = "/run/containerd/runsc";
    private const string FlagsSection = "runsc_config";

    /// <summary>Path or name of runsc; empty for where it is looked for.</summary>
    internal string Binary { get; private set; } = "";

    /// <summary>Its directory of container state, below it one for each namespace of containerd.</summary>
    internal string Root { get; private set; } = DefaultRoot;

    /// <summary>Its global flags.</summary>
    internal List<string> Flags { get; } = [];

    /// <summary>Reads the options of a Create; none are the defaults.</summary>
    internal static RuntimeChoice Read(Any? any)
    {
        RuntimeChoice result = new();
        string type = any?.TypeUrl ?? "";
        switch (type[(type.LastIndexOf('/') + 1)..])
        {
            case "":
                break;
            case "containerd.runc.v1.Options":
                result.Take(Options.Parser.ParseFrom(any!.Value));
                break;
            case "runtimeoptions.v1.Options":
                RuntimeOptions options = RuntimeOptions.Parser.ParseFrom(any!.Value);
                if (options.ConfigPath.Length > 0)
                {
                    result.TakeFile(options.ConfigPath, File.ReadAllLines(options.ConfigPath));
                }

                break;
            default:
                throw new ShimException(StatusCode.InvalidArgument, "options of type " + type + " are not known");
        }

        return result;
    }

    /// <summary>Keeps the options of a Create in its bundle.</summary>
    internal static void Keep(string bundle, Any? any)
    {
        if (any is not null)
        {
            File.WriteAllBytes(bundle + FileName, any.ToByteArray());
        }
    }

    /// <summary>The options that were kept in a bundle; the defaults when there are none.</summary>
    internal static RuntimeChoice Find(string bundle) =>
        Read(File.Exists(bundle + FileName) ? Any.Parser.ParseFrom(File.ReadAllBytes(bundle + FileName)) : null);

    /// <summary>The runtime for a container of the namespace.</summary>
    internal Runtime For(string space, string bundle) =>
        new(Runtime.Find(Binary), Root + "/" + space, bundle, Flags);

    /// <summary>Reads the lines of a configuration file: <c>name = "value"</c>, of TOML what is needed here.</summary>
    internal void TakeFile(string path, ReadOnlySpan<string> lines)
    {
        string section = "";
        for (int i = 0; i < lines.Length; i++)
        {
            string line = lines[i].Trim();
            if (line.Length == 0 || line[0] == '#')
            {
                continue;
            }

            int end = line.IndexOf(']', StringComparison.Ordinal);
            if (line[0] == '[' && end > 0 && IsComment(line[(end + 1)..]))
            {
                section = line[1..end].Trim();
                continue;
            }

            int equals = line.IndexOf('=', StringComparison.Ordinal);
            string? value = equals < 0 ? null : ValueOf(line[(equals + 1)..].Trim());
            if (value is null || equals == 0 || !Set(section, line[..equals].Trim(), value))
            {
                throw new ShimException(StatusCode.InvalidArgument, path + ":" + (i + 1) + ": not understood: " + line);
            }
        }
    }

    private bool Set(string section, string name, string value)
    {
        switch (section, name)
        {
            case (FlagsSection, _):
                Flags.Add("--" + name + "=" + value);
                return true;
            case ("", "binary_name"):
                Binary = value;
                return true;
            case ("", "root"):
                Root = value;
                return true;
            default:
                return false;
        }
    }

    /// <summary>A quoted string, or a word; null when there is none, or more than a comment behind it.</summary>
    private static string? ValueOf(string text)
    {
        bool isQuoted = text.Length > 0 && text[0] == '"';
        int end = isQuoted ? text.IndexOf('"', 1) : text.IndexOfAny([' ', '\t', '#', '[', '\'', '"']);
        if (isQuoted)
        {
            return end > 0 && IsComment(text[(end + 1)..]) ? text[1..end] : null;
        }

        string word = end < 0 ? text : text[..end];
        return word.Length > 0 && IsComment(text[word.Length..]) ? word : null;
    }

    private static bool IsComment(string text)
    {
        string rest = text.Trim();
        return rest.Length == 0 || rest[0] == '#';
    }

    private void Take(Options options)
    {
        Binary = options.BinaryName;
        Root = options.Root.Length > 0 ? options.Root : DefaultRoot;
        if (options.SystemdCgroup)
        {
            Flags.Add("--systemd-cgroup");
        }
    }
}
