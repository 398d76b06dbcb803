using System.Collections.Generic;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Vfs;
using Sentry.Vfs.Synthetic;
using static Abi.Linux.StatMode;

namespace Sentry.Fs.Proc;

/// <summary>/proc/PID/ns (namespaces(7)).</summary>
internal sealed class ProcNamespaceDirectory(ProcTaskContext context, SyntheticIdentity identity)
    : SyntheticDirectory(context.Proc, identity)
{
    private const byte LinkType = 10;
    private const int FirstNumber = 210;

    private static readonly (string Name, string Prefix)[] s_names =
    [
        ("cgroup", "cgroup"), ("ipc", "ipc"), ("mnt", "mnt"), ("net", "net"), ("pid", "pid"),
            ("pid_for_children", "pid"),
        ("time", "time"), ("time_for_children", "time"), ("user", "user"), ("uts", "uts"),
    ];

    /// <inheritdoc/>
    public override Errno List(Task task, List<SyntheticEntry> entries)
    {
        for (int i = 0; i < s_names.Length; i++)
        {
            ulong number = ProcSuperBlock.TaskNumber(context.Id, FirstNumber + i);
            entries.Add(new SyntheticEntry(FirstCookie + i, s_names[i].Name, number, LinkType));
        }

        return Errno.None;
    }

    /// <inheritdoc/>
    public override Errno Lookup(Task task, string name, out Inode? child)
    {
        child = null;
        for (int i = 0; i < s_names.Length; i++)
        {
            if (s_names[i].Name == name && context.Task is { } owner)
            {
                SyntheticIdentity own = ProcTaskDirectory.Identify(owner,
                    ProcSuperBlock.TaskNumber(context.Id, FirstNumber + i), 0x1FF);
                child = new ProcNamespaceLink(context, own, name, s_names[i].Prefix);
                return Errno.None;
            }
        }

        return Errno.ENOENT;
    }
}

/// <summary>A link to one namespace of a task: "uts:[4026531838]".</summary>
internal sealed class ProcNamespaceLink(ProcTaskContext context, SyntheticIdentity identity, string name, string prefix)
    : SyntheticLink(context.Proc, identity)
{
    /// <inheritdoc/>
    public override Errno ReadLink(Task task, out string target)
    {
        target = "";
        if (context.Task is not { } owner)
        {
            return Errno.ENOENT;
        }

        Errno errno = ProcAccess.MayInspect(task, owner);
        if (errno == Errno.None && Find(owner) is { } found)
        {
            target = prefix + ":[" + found.InodeNumber + "]";
        }

        return errno == Errno.None && target.Length == 0 ? Errno.ENOENT : errno;
    }

    /// <inheritdoc/>
    public override Errno FollowMagicLink(Task task, out VfsPath target)
    {
        target = default;
        if (context.Task is not { } owner)
        {
            return Errno.ENOENT;
        }

        Errno errno = ProcAccess.MayInspect(task, owner);
        if (errno != Errno.None || Find(owner) is not { } found)
        {
            return errno == Errno.None ? Errno.ENOENT : errno;
        }

        target = context.Proc.NamespacePlace(found);
        return Errno.None;
    }

    private INamespace? Find(Task owner) => name switch
    {
        "cgroup" => owner.Namespaces.Cgroup,
        "ipc" => owner.Namespaces.Ipc,
        "mnt" => owner.PeekMountNamespace(),
        "net" => owner.Namespaces.Net,
        "pid" => owner.PidNamespace,
        "pid_for_children" => owner.Namespaces.PidForChildren,
        "time" => owner.Namespaces.Time,
        "time_for_children" => owner.Namespaces.TimeForChildren,
        "user" => owner.Credentials.UserNamespace,
        _ => owner.Namespaces.Uts,
    };
}
