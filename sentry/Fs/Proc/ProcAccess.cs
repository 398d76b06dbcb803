using Abi.Linux;
using Sentry.Kernel;

namespace Sentry.Fs.Proc;

/// <summary>May one task look into another (ptrace(2), "Ptrace access mode checking")?</summary>
internal static class ProcAccess
{
    /// <summary>PTRACE_MODE_READ_FSCREDS: None or EACCES.</summary>
    internal static Errno MayInspect(Task reader, Task target)
    {
        if (reader.ThreadGroup == target.ThreadGroup)
        {
            return Errno.None;
        }

        Credentials own = reader.Credentials;
        Credentials other = target.Credentials;
        bool isPrivileged = own.HasCapability(Capability.CAP_SYS_PTRACE, other.UserNamespace);
        bool isSameUser = own.FsUid == other.EffectiveUid && own.FsUid == other.SavedUid && own.FsUid == other.RealUid
            && own.FsGid == other.EffectiveGid && own.FsGid == other.SavedGid && own.FsGid == other.RealGid;
        bool isOpen = target.ThreadGroup.Dumpable == 1;
        bool hasFewerRights = (other.Permitted & ~own.Permitted) == 0 || own.UserNamespace != other.UserNamespace;
        return isPrivileged || (isSameUser && isOpen && hasFewerRights) ? Errno.None : Errno.EACCES;
    }
}
