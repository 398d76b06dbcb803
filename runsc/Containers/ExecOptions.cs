namespace Runsc.Containers;

/// <summary>Flags of <c>exec</c>; strings are byte strings.</summary>
internal sealed class ExecOptions
{
    /// <summary>Program and arguments; empty with <see cref="ProcessFile"/>.</summary>
    internal required string[] Command { get; init; }

    /// <summary>A file with the whole process as config.json has it.</summary>
    internal string? ProcessFile { get; init; }

    internal bool HasTerminal { get; init; }

    /// <summary>UID[:GID].</summary>
    internal string? User { get; init; }

    /// <summary>Names to add to all sets but the ambient.</summary>
    internal required string[] Capabilities { get; init; }

    /// <summary>NAME=VALUE to add.</summary>
    internal required string[] Environment { get; init; }

    internal string? WorkingDirectory { get; init; }

    internal string? ConsoleSocket { get; init; }

    internal string? PidFile { get; init; }

    internal string? InternalPidFile { get; init; }

    internal required uint[] Groups { get; init; }

    internal bool NoNewPrivileges { get; init; }

    /// <summary>Open files to pass beside the standard streams.</summary>
    internal int Preserved { get; init; }

    internal bool IgnoresPause { get; init; }
}
