namespace Sentry.Kernel;

/// <summary>
/// The namespaces of a task but user and mount (the rest of Linux's nsproxy): immutable, shared between tasks,
/// replaced as a whole.
/// </summary>
public sealed record NamespaceSet
{
    public required UtsNamespace Uts { get; init; }

    public required IpcNamespace Ipc { get; init; }

    public required NetNamespace Net { get; init; }

    public required CgroupNamespace Cgroup { get; init; }

    public required TimeNamespace Time { get; init; }

    /// <summary>Time namespace of children (unshare(2) with CLONE_NEWTIME moves children only).</summary>
    public required TimeNamespace TimeForChildren { get; init; }

    /// <summary>PID namespace of children; differs from the task's own after unshare(2) or setns(2).</summary>
    public required PidNamespace PidForChildren { get; init; }
}
