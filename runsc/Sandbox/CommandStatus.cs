namespace Runsc.Sandbox;

/// <summary>Exit statuses of runsc that no program of the guest chose.</summary>
internal static class CommandStatus
{
    /// <summary>A rejected command line or a failed start, as runc's.</summary>
    internal const int UserError = 1;

    /// <summary>The Sentry ended before its first process did: a bug of ours, or somebody killed it.</summary>
    internal const int SentryFailed = 128;
}
