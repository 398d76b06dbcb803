using System.Text;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Vfs;

namespace Sentry.Fs.Proc;

/// <summary>Files that list the mounts a task sees.</summary>
internal static class ProcMountFiles
{
    internal static Errno Mounts(ProcTaskContext context, Task target, Task reader, StringBuilder text)
    {
        if (Find(target, out MountNamespace? mounts, out VfsPath root))
        {
            mounts!.WriteMounts(root, text);
        }

        return Errno.None;
    }

    internal static Errno MountInfo(ProcTaskContext context, Task target, Task reader, StringBuilder text)
    {
        if (Find(target, out MountNamespace? mounts, out VfsPath root))
        {
            mounts!.WriteMountInfo(root, text);
        }

        return Errno.None;
    }

    internal static Errno MountStatistics(ProcTaskContext context, Task target, Task reader, StringBuilder text)
    {
        if (Find(target, out MountNamespace? mounts, out VfsPath root))
        {
            mounts!.WriteMountStatistics(root, text);
        }

        return Errno.None;
    }

    private static bool Find(Task target, out MountNamespace? mounts, out VfsPath root)
    {
        mounts = target.PeekMountNamespace();
        FsContext? places = target.PeekFsContext();
        root = places?.Root ?? default;
        return mounts is not null && places is not null;
    }
}
