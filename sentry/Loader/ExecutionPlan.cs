using Sentry.Kernel;
using Sentry.Vfs;

namespace Sentry.Loader;

/// <summary>What execve(2) is about to run, once path, scripts and privileges are settled.</summary>
internal sealed class ExecutionPlan
{
    /// <summary>The ELF file; the plan holds a reference and forbids writers.</summary>
    internal required FileDescription Program { get; set; }

    /// <summary>Path as given to execve: AT_EXECFN.</summary>
    internal required string Path { get; init; }

    /// <summary>True when the path names nothing any more once the program runs: it cannot be a script.</summary>
    internal bool ClosesPath { get; init; }

    /// <summary>Last component for the thread's name.</summary>
    internal required string Name { get; init; }

    /// <summary>Arguments and environment.</summary>
    internal required ProgramArguments Arguments { get; init; }

    /// <summary>Identity the program will have.</summary>
    internal required Credentials Credentials { get; set; }

    /// <summary>AT_SECURE: the program gains privileges its caller does not have.</summary>
    internal bool IsSecure { get; set; }

    /// <summary>True when the file may not be read by its user: the process must not be dumpable.</summary>
    internal bool IsUnreadable { get; set; }
}
