using Abi.Linux;

namespace Sentry.Kernel;

/// <summary>Which of the caller's ids count (ptrace(2), "Ptrace access mode checking").</summary>
public enum PtraceCredentials
{
    /// <summary>PTRACE_MODE_FSCREDS: access through /proc.</summary>
    FileSystem,

    /// <summary>PTRACE_MODE_REALCREDS: system calls that name a process.</summary>
    Real,
}

/// <summary>May one task look into another? (kernel/ptrace.c: __ptrace_may_access, security/commoncap.c:
/// cap_ptrace_access_check).</summary>
public static class PtraceAccess
{
    /// <summary>None or EPERM.</summary>
    public static Errno Check(Task caller, Task target, PtraceCredentials mode)
    {
        if (caller.ThreadGroup == target.ThreadGroup)
        {
            return Errno.None;
        }

        Credentials mine = caller.Credentials;
        Credentials theirs = target.Credentials;
        uint uid = mode == PtraceCredentials.FileSystem ? mine.FsUid : mine.RealUid;
        uint gid = mode == PtraceCredentials.FileSystem ? mine.FsGid : mine.RealGid;
        bool mayTrace = mine.HasCapability(Capability.CAP_SYS_PTRACE, theirs.UserNamespace);
        bool sameIds = uid == theirs.EffectiveUid && uid == theirs.SavedUid && uid == theirs.RealUid
            && gid == theirs.EffectiveGid && gid == theirs.SavedGid && gid == theirs.RealGid;
        ulong held = mode == PtraceCredentials.FileSystem ? mine.Effective : mine.Permitted;
        bool covers = mine.UserNamespace == theirs.UserNamespace && (theirs.Permitted & ~held) == 0;
        bool allowed = mayTrace || (sameIds && target.ThreadGroup.Dumpable == 1 && covers);
        return allowed ? Errno.None : Errno.EPERM;
    }
}
