using System;
using System.IO;
using System.Text.Json;

namespace Runsc.Oci;

/// <summary>Reads and checks <c>config.json</c> of a bundle. Every rejection is one line that names the file and the
/// member.</summary>
internal static class SpecLoader
{
    /// <summary>A configuration larger than this is refused unread.</summary>
    private const long MaxBytes = 16 << 20;

    /// <summary>Loads the configuration of the bundle directory.</summary>
    internal static Spec Load(string bundle)
    {
        string file = Path.Combine(bundle, "config.json");
        byte[] text;
        try
        {
            FileInfo info = new(file);
            if (info.Exists && info.Length > MaxBytes)
            {
                throw new UserErrorException(file + ": larger than " + MaxBytes + " bytes");
            }

            text = File.ReadAllBytes(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException(file + ": " + (e is FileNotFoundException or DirectoryNotFoundException
                ? "no such file"
                : "cannot be read"));
        }

        return Parse(file, text);
    }

    /// <summary>Parses and checks the bytes of a configuration; the fuzz entry of this parser.</summary>
    internal static Spec Parse(string file, ReadOnlySpan<byte> text)
    {
        Spec? spec;
        try
        {
            spec = JsonSerializer.Deserialize(text, SpecJson.Default.Spec);
        }
        catch (JsonException e)
        {
            string where = e.Path is { Length: > 0 } path ? path : "$";
            throw new UserErrorException(file + ": " + where + ": not valid JSON of the OCI schema (line "
                + (e.LineNumber + 1) + ")");
        }

        if (spec is null)
        {
            throw new UserErrorException(file + ": $: null is not a configuration");
        }

        Check(file, spec);
        return spec;
    }

    private static void Check(string file, Spec spec)
    {
        if (spec.OciVersion is null || !spec.OciVersion.StartsWith("1.", StringComparison.Ordinal))
        {
            throw new UserErrorException(file + ": ociVersion: " + (spec.OciVersion ?? "missing")
                + " is not supported (1.x is)");
        }

        ProcessSpec process = spec.Process ?? throw new UserErrorException(file + ": process: missing");
        if (process.Args is not { Count: > 0 } args || args[0].Length == 0)
        {
            throw new UserErrorException(file + ": process.args: at least one argument is required");
        }

        if (process.Cwd is not { Length: > 0 } cwd || cwd[0] != '/')
        {
            throw new UserErrorException(file + ": process.cwd: must be an absolute path");
        }

        if (spec.Root?.Path is not { Length: > 0 })
        {
            throw new UserErrorException(file + ": root.path: missing");
        }

        foreach (string entry in process.Env ?? [])
        {
            CheckNoNul(file, "process.env", entry);
        }

        foreach (string entry in args)
        {
            CheckNoNul(file, "process.args", entry);
        }

        CheckMounts(file, spec);
        CheckNamespaces(file, spec);
        Capabilities.Check(file, process.Capabilities);
        Rlimits.Check(file, process.Rlimits);
    }

    private static void CheckMounts(string file, Spec spec)
    {
        int index = 0;
        foreach (MountSpec mount in spec.Mounts ?? [])
        {
            string where = "mounts[" + index++ + "]";
            if (mount is null || mount.Destination is not { Length: > 0 } destination || destination[0] != '/')
            {
                throw new UserErrorException(file + ": " + where + ".destination: must be an absolute path");
            }

            CheckNoNul(file, where + ".destination", destination);
            CheckNoNul(file, where + ".source", mount.Source ?? "");
        }
    }

    private static void CheckNamespaces(string file, Spec spec)
    {
        foreach (NamespaceSpec item in spec.Linux?.Namespaces ?? [])
        {
            if (item?.Type is not ("pid" or "network" or "mount" or "ipc" or "uts" or "user" or "cgroup" or "time"))
            {
                throw new UserErrorException(file + ": linux.namespaces: unknown type " + (item?.Type ?? "null"));
            }
        }
    }

    private static void CheckNoNul(string file, string where, string value)
    {
        if (value is null || value.Contains('\0'))
        {
            throw new UserErrorException(file + ": " + where + ": contains a NUL character or is null");
        }
    }
}
