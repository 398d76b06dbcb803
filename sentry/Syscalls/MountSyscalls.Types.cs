using System;
using System.Text;
using Abi.Linux;
using Sentry.Kernel;
using Sentry.Mm;
using Sentry.Vfs;

namespace Sentry.Syscalls;

public static partial class MountSyscalls
{
    private const int MaxTypeNameBytes = 4096;

    /// <summary>sysfs(2): 1 gives the index of a file system type by name, 2 the name by index, 3 their
    /// number.</summary>
    public static SyscallResult FileSystemTypes(Task task, in SyscallArguments args)
    {
        FileSystemType[] types = task.Kernel.Vfs.FileSystems;
        switch (args.Int(0))
        {
            case 1:
                Errno errno = task.Mm.ReadString(args.Address(1), MaxTypeNameBytes, out string name);
                return errno != Errno.None ? errno : IndexOf(types, name);
            case 2:
                return args[1] >= (ulong)types.Length ? Errno.EINVAL : WriteName(task, args, types[(int)args[1]].Name);
            case 3:
                return types.Length;
            default:
                return Errno.EINVAL;
        }
    }

    private static SyscallResult IndexOf(FileSystemType[] types, string name)
    {
        int index = Array.FindIndex(types, type => type.Name == name);
        return index < 0 ? Errno.EINVAL : index;
    }

    private static Errno WriteName(Task task, in SyscallArguments args, string name) =>
        task.Mm.CopyOut(args.Address(2), Encoding.Latin1.GetBytes(name + "\0"));
}
