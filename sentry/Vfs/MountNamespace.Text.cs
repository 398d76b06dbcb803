using System.Collections.Generic;
using System.Text;
using Abi.Linux;

namespace Sentry.Vfs;

// What /proc shows of a namespace (fs/proc_namespace.c).
public sealed partial class MountNamespace
{
    private static readonly (uint Flag, string Name)[] s_mountOptions =
    [
        (MountFlags.MS_NOSUID, ",nosuid"), (MountFlags.MS_NODEV, ",nodev"), (MountFlags.MS_NOEXEC, ",noexec"),
        (MountFlags.MS_NOATIME, ",noatime"), (MountFlags.MS_NODIRATIME, ",nodiratime"), (MountFlags.MS_RELATIME,
            ",relatime"),
    ];

    /// <summary>
    /// Appends /proc/PID/mounts for a reader whose root is <paramref name="root"/>: mounts it cannot reach are left
    /// out.
    /// </summary>
    public void WriteMounts(VfsPath root, StringBuilder text)
    {
        foreach (Mount mount in Reachable(root))
        {
            AppendEscaped(text, mount.SuperBlock.Source).Append(' ');
            AppendEscaped(text, PlaceOf(mount, root)).Append(' ').Append(mount.SuperBlock.Type.Name).Append(' ');
            text.Append(mount.IsReadOnly ? "ro" : "rw");
            AppendMountOptions(text, mount);
            AppendSuperOptions(text, mount).Append(" 0 0\n");
        }
    }

    /// <summary>Appends /proc/PID/mountinfo (proc(5)).</summary>
    public void WriteMountInfo(VfsPath root, StringBuilder text)
    {
        foreach (Mount mount in Reachable(root))
        {
            SuperBlock superBlock = mount.SuperBlock;
            text.Append(mount.Id).Append(' ').Append(mount.Parent?.Id ?? mount.Id).Append(' ');
            text.Append(VirtualFileSystem.Major(superBlock.Device)).Append(':').Append(
                VirtualFileSystem.Minor(superBlock.Device)).Append(' ');
            AppendEscaped(text, RootOf(mount)).Append(' ');
            AppendEscaped(text, PlaceOf(mount, root)).Append(' ');
            text.Append((mount.Flags & MountFlags.MS_RDONLY) != 0 ? "ro" : "rw");
            AppendMountOptions(text, mount);
            AppendPropagation(text, mount);
            text.Append(" - ").Append(superBlock.Type.Name).Append(' ');
            AppendEscaped(text, superBlock.Source).Append(' ').Append(superBlock.IsReadOnly ? "ro" : "rw");
            AppendSuperOptions(text, mount).Append('\n');
        }
    }

    /// <summary>Appends /proc/PID/mountstats.</summary>
    public void WriteMountStatistics(VfsPath root, StringBuilder text)
    {
        foreach (Mount mount in Reachable(root))
        {
            AppendEscaped(text.Append("device "), mount.SuperBlock.Source).Append(" mounted on ");
            AppendEscaped(text, PlaceOf(mount,
                root)).Append(" with fstype ").Append(mount.SuperBlock.Type.Name).Append('\n');
        }
    }

    private List<Mount> Reachable(VfsPath root)
    {
        List<Mount> mounts = All();
        mounts.RemoveAll(mount => !VirtualFileSystem.IsReachable(mount.RootPath, root));
        return mounts;
    }

    /// <summary>All mounts of the namespace.</summary>
    internal List<Mount> All()
    {
        // Parents before children, and a child's own before the next child; stacks of mounts may be high.
        List<Mount> mounts = [];
        Stack<Mount> pending = new([Root]);
        while (pending.TryPop(out Mount? mount))
        {
            mounts.Add(mount);
            Mount[] children = mount.Children;
            for (int index = children.Length - 1; index >= 0; index--)
            {
                pending.Push(children[index]);
            }
        }

        return mounts;
    }

    /// <summary>Path of a mount for a reader whose root is <paramref name="root"/>.</summary>
    internal string PlaceOf(Mount mount, VfsPath root) => _vfs.FormatPath(mount.RootPath, root, UnreachablePrefix.Omit);

    /// <summary>The mount's root inside its file system.</summary>
    internal static string RootOf(Mount mount)
    {
        StringBuilder path = new();
        for (Dentry dentry = mount.Root; dentry.Parent is { } parent && parent != dentry; dentry = parent)
        {
            path.Insert(0, "/" + dentry.Name);
        }

        return path.Length == 0 ? "/" : path.ToString();
    }

    private static void AppendMountOptions(StringBuilder text, Mount mount)
    {
        foreach ((uint flag, string name) in s_mountOptions)
        {
            if ((mount.Flags & flag) != 0)
            {
                text.Append(name);
            }
        }
    }

    private static void AppendPropagation(StringBuilder text, Mount mount)
    {
        if (mount.Peers is { } peers)
        {
            text.Append(" shared:").Append(peers.Id);
        }

        if (mount.Master is { } master)
        {
            text.Append(" master:").Append(master.Id);
        }

        text.Append(mount.IsUnbindable ? " unbindable" : "");
    }

    private static StringBuilder AppendSuperOptions(StringBuilder text, Mount mount)
    {
        string options = mount.SuperBlock.Options;
        return options.Length == 0 ? text : text.Append(',').Append(options);
    }

    /// <summary>Space, tab, newline and backslash as octal escapes (seq_escape).</summary>
    private static StringBuilder AppendEscaped(StringBuilder text, string value)
    {
        foreach (char c in value)
        {
            if (c is ' ' or '\t' or '\n' or '\\' or '#')
            {
                text.Append('\\').Append(System.Convert.ToString(c, 8).PadLeft(3, '0'));
            }
            else
            {
                text.Append(c);
            }
        }

        return text;
    }
}
