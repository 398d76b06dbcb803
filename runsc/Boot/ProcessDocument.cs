using System;
using System.Collections.Generic;
using Runsc.Sandbox;

namespace Runsc.Boot;

/// <summary>The description of a process that a client sends: bytes of somebody else until they are checked.</summary>
internal static class ProcessDocument
{
    private const int Resources = 16;

    /// <summary>The description; null when the bytes are none.</summary>
    internal static SandboxSpec? Parse(ReadOnlySpan<byte> bytes)
    {
        SandboxSpec? spec = Packets.Parse(bytes, ControlJson.Default.SandboxSpec);
        if (spec is not { Args.Count: > 0, Environment: not null, Limits: not null, Groups: not null }
            || spec.WorkingDirectory is not { Length: > 0 } directory)
        {
            return null;
        }

        bool isWhole = directory[0] == '/' && AreWords(spec.Args) && AreWords(spec.Environment) && AreWords([directory])
            && spec.Args[0].Length > 0;
        foreach (LimitSpec limit in spec.Limits)
        {
            isWhole &= limit is { Resource: >= 0 and < Resources };
        }

        return isWhole ? spec : null;
    }

    /// <summary>True when a process's description is one of a whole container too.</summary>
    internal static bool IsContainer(SandboxSpec spec)
    {
        if (spec is not { Id.Length: > 0, Hostname: not null, Domainname: not null, Mounts: not null,
            Devices: not null, Sysctls: not null, MaskedPaths: not null, ReadOnlyPaths: not null, GoferFds: not null })
        {
            return false;
        }

        bool isWhole = spec.Sysctls.Count % 2 == 0 && AreWords(spec.Sysctls) && AreWords(spec.MaskedPaths)
            && AreWords(spec.ReadOnlyPaths);
        foreach (SandboxMount? mount in spec.Mounts)
        {
            isWhole &= mount is { Destination: ['/', ..], Type: not null, Source: not null, Data: not null };
        }

        foreach (DeviceNode? device in spec.Devices)
        {
            isWhole &= device is { Path: ['/', ..] };
        }

        return isWhole;
    }

    private static bool AreWords(List<string> words)
    {
        foreach (string? word in words)
        {
            if (word is null || word.Contains('\0'))
            {
                return false;
            }
        }

        return true;
    }
}
