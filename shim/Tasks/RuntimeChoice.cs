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

    private string _binary = "";
    private string _root = DefaultRoot;
    private readonly List<string> _flags = [];

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
        new(Runtime.Find(_binary), _root + "/" + space, bundle, _flags);

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

            if (line[0] == '[' && line[^1] == ']')
            {
                section = line[1..^1].Trim();
                continue;
            }

            int equals = line.IndexOf('=', StringComparison.Ordinal);
            if (equals < 0 || !Set(section, line[..equals].Trim(), Unquote(line[(equals + 1)..].Trim())))
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
                _flags.Add("--" + name + "=" + value);
                return true;
            case ("", "binary_name"):
                _binary = value;
                return true;
            case ("", "root"):
                _root = value;
                return true;
            default:
                return false;
        }
    }

    private static string Unquote(string text) =>
        text.Length >= 2 && text[0] == '"' && text[^1] == '"' ? text[1..^1] : text;

    private void Take(Options options)
    {
        _binary = options.BinaryName;
        _root = options.Root.Length > 0 ? options.Root : DefaultRoot;
        if (options.SystemdCgroup)
        {
            _flags.Add("--systemd-cgroup");
        }
    }
}
