using Abi.Linux;
using Sentry.Kernel;
using Sentry.Vfs.Synthetic;

namespace Sentry.Fs.Proc;

/// <summary>/proc/sysvipc: the System V objects of the reader's IPC namespace (proc(5)).</summary>
internal static class ProcIpcFiles
{
    internal static void AddTo(FixedDirectory root, ProcSuperBlock proc)
    {
        FixedDirectory directory = new(proc, new SyntheticIdentity(proc.NextNumber(), 0x16D));
        foreach (string name in (string[])["msg", "sem", "shm"])
        {
            directory.Add(name, new TextFile(proc, new SyntheticIdentity(proc.NextNumber(), 0x124), (reader, text) =>
            {
                reader.Namespaces.Ipc.Table(name)?.Invoke(reader, text);
                return Errno.None;
            }));
        }

        root.Add("sysvipc", directory);
    }
}
