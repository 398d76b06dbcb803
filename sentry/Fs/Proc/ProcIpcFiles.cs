using System;
using System.Text;
using Abi.Linux;
using Sentry.Ipc;
using Sentry.Kernel;
using Sentry.Vfs.Synthetic;

namespace Sentry.Fs.Proc;

/// <summary>/proc/sysvipc: the System V objects of the reader's IPC namespace (proc(5)).</summary>
internal static class ProcIpcFiles
{
    internal static void AddTo(FixedDirectory root, ProcSuperBlock proc)
    {
        FixedDirectory directory = new(proc, new SyntheticIdentity(proc.NextNumber(), 0x16D));
        Add(directory, proc, "msg", SysVIpcText.AppendQueues);
        Add(directory, proc, "sem", SysVIpcText.AppendSemaphores);
        Add(directory, proc, "shm", SysVIpcText.AppendSegments);
        root.Add("sysvipc", directory);
    }

    private static void Add(
        FixedDirectory directory, ProcSuperBlock proc, string name, Action<Task, StringBuilder> write) =>
        directory.Add(name, new TextFile(proc, new SyntheticIdentity(proc.NextNumber(), 0x124), (reader, text) =>
        {
            write(reader, text);
            return Errno.None;
        }));
}
