using System.Threading;

namespace Sentry.Kernel;

/// <summary>Kinds of namespaces(7).</summary>
public enum NamespaceKind
{
    Cgroup,
    Ipc,
    Mount,
    Net,
    Pid,
    Time,
    User,
    Uts,
}

/// <summary>What setns(2) enters and /proc/pid/ns shows.</summary>
public interface INamespace
{
    /// <summary>Its kind.</summary>
    NamespaceKind Kind { get; }

    /// <summary>Inode number of its nsfs file, unique per kernel.</summary>
    ulong InodeNumber { get; }

    /// <summary>User namespace that owns it (the parent, for a user namespace).</summary>
    UserNamespace Owner { get; }
}

/// <summary>An open file that stands for a namespace: what setns(2) takes besides a pidfd.</summary>
public interface INamespaceFile
{
    /// <summary>The namespace.</summary>
    INamespace Namespace { get; }
}

/// <summary>Inode numbers of nsfs files, counted up from Linux's PROC_DYNAMIC_FIRST (fs/proc/generic.c).</summary>
public static class NamespaceInodes
{
    private static long s_last = 0xEFFFFFFF;

    /// <summary>A fresh number.</summary>
    public static ulong Next() => (ulong)Interlocked.Increment(ref s_last);
}

/// <summary>System V IPC and POSIX message queues of some tasks (ipc_namespaces(7)).</summary>
public sealed partial class IpcNamespace(UserNamespace owner) : INamespace
{
    /// <inheritdoc/>
    public NamespaceKind Kind => NamespaceKind.Ipc;

    /// <inheritdoc/>
    public ulong InodeNumber { get; } = NamespaceInodes.Next();

    /// <inheritdoc/>
    public UserNamespace Owner { get; } = owner;
}

/// <summary>Interfaces, routes and ports of some tasks (network_namespaces(7)).</summary>
public sealed partial class NetNamespace(UserNamespace owner) : INamespace
{
    /// <inheritdoc/>
    public NamespaceKind Kind => NamespaceKind.Net;

    /// <inheritdoc/>
    public ulong InodeNumber { get; } = NamespaceInodes.Next();

    /// <inheritdoc/>
    public UserNamespace Owner { get; } = owner;
}

/// <summary>Root of the control-group view of some tasks (cgroup_namespaces(7)).</summary>
public sealed partial class CgroupNamespace(UserNamespace owner) : INamespace
{
    /// <inheritdoc/>
    public NamespaceKind Kind => NamespaceKind.Cgroup;

    /// <inheritdoc/>
    public ulong InodeNumber { get; } = NamespaceInodes.Next();

    /// <inheritdoc/>
    public UserNamespace Owner { get; } = owner;
}

/// <summary>Offsets of CLOCK_MONOTONIC and CLOCK_BOOTTIME of some tasks (time_namespaces(7)).</summary>
public sealed partial class TimeNamespace(UserNamespace owner) : INamespace
{
    /// <inheritdoc/>
    public NamespaceKind Kind => NamespaceKind.Time;

    /// <inheritdoc/>
    public ulong InodeNumber { get; } = NamespaceInodes.Next();

    /// <inheritdoc/>
    public UserNamespace Owner { get; } = owner;
}
