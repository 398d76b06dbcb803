using Sentry.Vfs;

namespace Sentry.Kernel;

/// <summary>What the first process of the sandbox is: all that an OCI process or a <c>runsc do</c> command line
/// says.</summary>
public sealed class InitProcess
{
    /// <summary>Identity; its user namespace is usually <see cref="GuestKernel.RootUserNamespace"/>.</summary>
    public required Credentials Credentials { get; init; }

    /// <summary>Limits (getrlimit(2)); defaults are Linux's for init.</summary>
    public ResourceLimits Limits { get; init; } = ResourceLimits.ForInit();

    /// <summary>Root, working directory and umask. May be null at creation and set on the task before <see
    /// cref="GuestKernel.Start"/>.</summary>
    public FsContext? FsContext { get; init; }

    /// <summary>Open descriptors.</summary>
    public required FdTable FdTable { get; init; }

    /// <summary>Mount namespace. May be null at creation and set on the task before <see
    /// cref="GuestKernel.Start"/>.</summary>
    public MountNamespace? MountNamespace { get; init; }

    /// <summary>Host name of the UTS namespace.</summary>
    public string HostName { get; init; } = "localhost";

    /// <summary>NIS domain of the UTS namespace.</summary>
    public string DomainName { get; init; } = "(none)";

    /// <summary>PR_SET_NO_NEW_PRIVS from the start.</summary>
    public PrivilegeGain PrivilegeGain { get; init; } = PrivilegeGain.Allowed;

    /// <summary>Most tasks of its container, where that is not the sandbox's own.</summary>
    public int MaxTasks { get; init; } = int.MaxValue;

    /// <summary>Nice value of the process.</summary>
    public int Nice { get; init; }

    /// <summary>Do signals without a handler end it?</summary>
    public InitProtection Protection { get; init; } = InitProtection.Protected;

    /// <summary>/proc/pid/oom_score_adj.</summary>
    public int OomScoreAdjust { get; init; }
}

/// <summary>May execve(2) give privileges (PR_SET_NO_NEW_PRIVS)?</summary>
public enum PrivilegeGain
{
    Allowed,
    Denied,
}

/// <summary>Is the first process immune to signals that it does not handle (kill(2), "init")?</summary>
public enum InitProtection
{
    /// <summary>As the first process of every PID namespace.</summary>
    Protected,

    /// <summary>As any other process: it need not know that it is the first.</summary>
    None,
}
