using Abi.Linux;
using N = Abi.Linux.SysNr;

namespace HostOs;

/// <summary><c>&lt;sys/sysinfo.h&gt;</c>.</summary>
// SAFETY: the kernel gets the address of a local of the structure's size.
public static unsafe class HostSysinfo
{
    /// <summary>Memory of the machine (sysinfo(2)), whatever a control group allows; 0 when the host does not
    /// say.</summary>
    public static ulong TotalMemoryBytes()
    {
        // SAFETY: the kernel writes one struct sysinfo.
        Sysinfo information = default;
        return HostSyscall.ToErrno(HostSyscall.Invoke(N.sysinfo, (nint)(&information))) == Errno.None
            ? information.totalram * information.mem_unit
            : 0;
    }
}
