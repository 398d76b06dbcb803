using System;
using Runsc.Boot;
using Runsc.Sandbox;

namespace Tests.Runsc;

/// <summary>Fuzz entry of what clients send to a running Sentry.</summary>
internal static class ControlFuzz
{
    /// <summary>Reads any bytes as request and as description of a process; true when they are either.</summary>
    internal static bool Run(ReadOnlySpan<byte> bytes)
    {
        ControlRequest? request = ControlRequest.Parse(bytes);
        SandboxSpec? process = ProcessDocument.Parse(bytes);
        foreach (string word in process?.Args ?? [])
        {
            ArgumentNullException.ThrowIfNull(word);
        }

        return request is not null || process is not null;
    }
}
