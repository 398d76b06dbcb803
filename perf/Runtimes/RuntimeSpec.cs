using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Security.Cryptography;
using Perf.Results;

namespace Perf.Runtimes;

/// <summary>What kind of thing runs the jobs.</summary>
internal enum RuntimeKind
{
    /// <summary>No container: name spaces of its own around the same root.</summary>
    Native,

    /// <summary>An OCI runtime over the host's kernel.</summary>
    Runc,

    /// <summary>A runtime of ours, or a peer with the same commands.</summary>
    Sandbox,
}

/// <summary>
/// One runtime of a run, as <c>--runtimes</c> names it: <c>native</c>, <c>runc</c>, <c>runsc-PLATFORM</c> (the
/// executable
/// of this checkout), or <c>NAME=PATH</c>, where <c>+--flag</c> adds a flag and <c>+NAME=VALUE</c> a variable of the
/// guest's
/// environment. A name that begins with <c>peer</c> and has no flags gets those that make gVisor need no network and
/// no control groups.
/// </summary>
internal sealed record RuntimeSpec(
    string Name, RuntimeKind Kind, string Path, IReadOnlyList<string> Flags, IReadOnlyList<string> Environment)
{
    private const string OwnPrefix = "runsc-";

    /// <summary>The executable's <c>--platform</c> takes them.</summary>
    private static readonly string[] Platforms = ["auto", "kvm", "ptrace", "systrap"];

    private static readonly string[] PeerFlags = ["--network=none", "--ignore-cgroups"];

    internal static List<RuntimeSpec> ParseAll(string text, Layout layout)
    {
        List<RuntimeSpec> all = [.. text.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(part => Parse(part,
            layout))];
        return all.Select(runtime => runtime.Name).Distinct().Count() == all.Count && all.Count > 0
            ? all
            : throw new FormatException($"--runtimes {text}: none, or two of one name");
    }

    internal static RuntimeSpec Parse(string text, Layout layout)
    {
        string[] parts = text.Split('+');
        string[] head = parts[0].Split('=', 2);
        string name = head[0];
        List<string> flags = [.. parts.Skip(1).Where(part => part.StartsWith('-'))];
        List<string> environment = [.. parts.Skip(1).Where(part => !part.StartsWith('-'))];
        if (environment.Exists(part => !part.Contains('=')))
        {
            throw new FormatException($"--runtimes: {text}: neither a flag nor NAME=VALUE");
        }

        if (head.Length == 2)
        {
            bool runc = name.StartsWith("runc", StringComparison.Ordinal);
            bool peer = name.StartsWith("peer", StringComparison.Ordinal) && flags.Count == 0;
            RuntimeKind kind = runc ? RuntimeKind.Runc : RuntimeKind.Sandbox;
            return new(name, kind, System.IO.Path.GetFullPath(head[1]), peer ? PeerFlags : flags, environment);
        }

        return name switch
        {
            "native" => new(name, RuntimeKind.Native, "", flags, environment),
            "runc" => new(name, RuntimeKind.Runc, OnPath("runc"), flags, environment),
            _ when IsOwn(name) => new(
                name, RuntimeKind.Sandbox, layout.Runsc, ["--platform=" + name[OwnPrefix.Length..], .. flags],
                    environment),
            _ => throw new FormatException($"--runtimes: {name}: not native, runc, runsc-PLATFORM or NAME=PATH, "
                + "where PLATFORM is one of " + string.Join(", ", Platforms)),
        };
    }

    /// <summary>Whether it is <c>runsc-</c> and a platform.</summary>
    internal static bool IsOwn(string name) =>
        name.StartsWith(OwnPrefix, StringComparison.Ordinal) && Platforms.Contains(name[OwnPrefix.Length..]);

    internal RuntimeRecord Describe() => new(Name, Version(), [.. Flags, .. Environment], Digest());

    /// <summary>What it says of itself, in one line; "unknown" if it does not.</summary>
    private string Version()
    {
        if (Kind == RuntimeKind.Native)
        {
            return System.Environment.OSVersion.VersionString;
        }

        ProcessResult result = Processes.Run([Path, "--version"], TimeSpan.FromSeconds(10));
        string[] lines = (result.Output + result.Error).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        return result.Status == 0 && lines.Length > 0 ? lines[0].Trim() : "unknown";
    }

    private string? Digest()
    {
        const int Shown = 12;
        if (!File.Exists(Path))
        {
            return null;
        }

        using FileStream stream = File.OpenRead(Path);
        return Convert.ToHexStringLower(SHA256.HashData(stream))[..Shown];
    }

    private static string OnPath(string program)
    {
        string path = System.Environment.GetEnvironmentVariable("PATH") ?? "";
        return path.Split(':').Concat(["/usr/sbin", "/sbin"]).Select(folder => System.IO.Path.Combine(folder, program))
            .FirstOrDefault(File.Exists) ?? program;
    }
}
