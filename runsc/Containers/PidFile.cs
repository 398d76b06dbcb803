using System.Globalization;
using System.Text;
using Abi.Linux;
using HostOs;
using Runsc.Oci;

namespace Runsc.Containers;

/// <summary>Files that tell engines a process id: complete when they are there.</summary>
internal static class PidFile
{
    internal static void Write(string path, int pid)
    {
        const int Flags = HostFcntl.WriteOnly | HostFcntl.Create | HostFcntl.Truncate | HostFcntl.CloseOnExec;
        const int EveryoneReads = 0x1A4;
        int slash = path.LastIndexOf('/') + 1;
        string temporary = path[..slash] + "." + path[slash..];
        Errno errno = HostFcntl.OpenAt(HostFcntl.AtFdCwd, temporary, Flags, EveryoneReads, out int opened);
        if (errno == Errno.None)
        {
            using HostFd file = new(opened);
            errno = HostUnistd.WriteAll(opened, Encoding.ASCII.GetBytes(pid.ToString(CultureInfo.InvariantCulture)));
        }

        errno = errno == Errno.None
            ? HostUnistd.RenameAt2(HostFcntl.AtFdCwd, temporary, HostFcntl.AtFdCwd, path, 0)
            : errno;
        if (errno != Errno.None)
        {
            throw new UserErrorException("--pid-file: " + path + ": " + ErrorText.Describe(errno));
        }
    }
}
