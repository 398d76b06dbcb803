using Abi.Linux;
using N = Abi.Linux.SysNr;

namespace HostOs;

/// <summary><c>&lt;sys/ioctl.h&gt;</c>.</summary>
// SAFETY: the wrappers hand the kernel addresses of locals and pinned spans, with their true lengths.
public static unsafe class HostIoctl
{
    /// <summary>ioctl(2) with an integer argument.</summary>
    public static Errno Ioctl(int fd, uint request, nint argument, out int result) =>
        HostSyscall.Split(HostSyscall.Invoke(N.ioctl, fd, (nint)request, argument), out result);

    /// <summary>
    /// ioctl(2) with a structure that the kernel reads, writes or both. The request must mean that structure.
    /// </summary>
    public static Errno Ioctl<T>(int fd, uint request, ref T argument)
        where T : unmanaged
    {
        // SAFETY: the structure is pinned; the caller pairs request and structure.
        fixed (T* p = &argument)
        {
            return HostSyscall.ToErrno(HostSyscall.Invoke(N.ioctl, fd, (nint)request, (nint)p));
        }
    }
}
