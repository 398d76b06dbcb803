namespace Sentry.Syscalls;

/// <summary>How complete a system call is; printed by <c>runsc syscalls</c> and docs/syscalls.md.</summary>
public enum SyscallLevel
{
    /// <summary>Behaves as Linux does.</summary>
    Full,

    /// <summary>The note says what is missing.</summary>
    Partial,

    /// <summary>Answers a fixed errno; the note says why.</summary>
    Error,

    /// <summary>Answers ENOSYS.</summary>
    Missing,
}
