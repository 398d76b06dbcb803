using System.Collections.Generic;
using System.Text;

namespace Sentry.Vfs;

/// <summary>What a path outside the reader's root looks like.</summary>
public enum UnreachablePrefix
{
    /// <summary>"(unreachable)/x", as getcwd(2) has it.</summary>
    Show,

    /// <summary>"/x", as /proc/pid/fd has it.</summary>
    Omit,
}

/// <summary>Places as text (d_path).</summary>
public sealed partial class VirtualFileSystem
{
    private const int MaxFormatAttempts = 16;

    /// <summary>
    /// The path of a place as seen from a root; " (deleted)" is added by <see cref="FormatLink"/> only.
    /// </summary>
    public string FormatPath(VfsPath place, VfsPath root, UnreachablePrefix prefix)
    {
        string text = "/";
        for (int attempt = 0; attempt < MaxFormatAttempts; attempt++)
        {
            uint sequence = RenameSequence;
            text = FormatOnce(place, root, prefix);
            if ((sequence & 1) == 0 && sequence == RenameSequence)
            {
                break;
            }
        }

        return text;
    }

    /// <summary>As /proc/pid/fd, exe and cwd show an open file: anonymous names, " (deleted)".</summary>
    public string FormatLink(FileDescription file, VfsPath root)
    {
        if (file.AnonymousName is { } name)
        {
            return name;
        }

        return FormatLink(file.GetPath(), root);
    }

    /// <summary>As <see cref="FormatLink(FileDescription,VfsPath)"/> for a place.</summary>
    public string FormatLink(VfsPath place, VfsPath root)
    {
        string text = FormatPath(place, root, UnreachablePrefix.Omit);
        return place.Dentry.IsUnlinked ? text + " (deleted)" : text;
    }

    /// <summary>True when a walk up from the place meets the root.</summary>
    public static bool IsReachable(VfsPath place, VfsPath root)
    {
        Collect(place, root, [], out bool reached);
        return reached;
    }

    private static string FormatOnce(VfsPath place, VfsPath root, UnreachablePrefix prefix)
    {
        List<string> names = [];
        Collect(place, root, names, out bool reached);
        StringBuilder text = new();
        if (!reached && prefix == UnreachablePrefix.Show)
        {
            text.Append("(unreachable)");
        }

        for (int index = names.Count - 1; index >= 0; index--)
        {
            text.Append('/').Append(names[index]);
        }

        return names.Count == 0 ? text.Append('/').ToString() : text.ToString();
    }

    private static void Collect(VfsPath place, VfsPath root, List<string> names, out bool reached)
    {
        VfsPath at = place;
        while (at != root)
        {
            if (at.Dentry == at.Mount.Root)
            {
                VfsPath mountpoint = at.Mount.Mountpoint;
                if (mountpoint.IsNone)
                {
                    break;
                }

                at = mountpoint;
                continue;
            }

            names.Add(at.Dentry.Name);
            if (at.Dentry.Parent is not { } parent)
            {
                break;
            }

            at = at with { Dentry = parent };
        }

        reached = at == root;
    }
}
