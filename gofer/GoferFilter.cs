using Abi.Linux;
using HostOs;
using static Abi.Linux.SysNr;

namespace Gofer;

/// <summary>
/// The host system calls of a serving gofer: files relative to descriptors, its channels, and what the run time
/// needs. No program, no process, no mount, no new name space, no socket.
/// </summary>
public static class GoferFilter
{
    private const ulong ProtExec = 4;

    /// <summary>What pthread_create(3) asks of clone(2): a thread, nothing else.</summary>
    private const ulong ThreadFlags = Sched.CLONE_VM | Sched.CLONE_FS | Sched.CLONE_FILES | Sched.CLONE_SIGHAND
        | Sched.CLONE_THREAD | Sched.CLONE_SYSVSEM | Sched.CLONE_SETTLS | Sched.CLONE_PARENT_SETTID
        | Sched.CLONE_CHILD_CLEARTID;

    /// <summary>Binds all threads of the process, for good.</summary>
    public static Errno Install() => Make().Install();

    internal static SeccompRules Make()
    {
        SeccompRules rules = new();
        AllowRunTime(rules);
        AllowFiles(rules);
        rules.Allow(sendmsg, recvmsg, read, write, poll, ppoll);
        return rules;
    }

    private static void AllowFiles(SeccompRules rules)
    {
        rules.Allow(openat, close, statx, fstat, newfstatat, fstatfs, lseek, getdents64, readlinkat);
        rules.Allow(mkdirat, mknodat, symlinkat, linkat, unlinkat, renameat2);
        rules.Allow(fchownat, fchmodat, utimensat, ftruncate, fsync);
        rules.Allow(getxattr, setxattr, listxattr, removexattr);
        rules.AllowIf(fcntl, SeccompCheck.Equal32(1, (uint)Fcntl.F_DUPFD_CLOEXEC));
        rules.AllowIf(fcntl, SeccompCheck.Equal32(1, (uint)Fcntl.F_GETFD));
        rules.AllowIf(fcntl, SeccompCheck.Equal32(1, (uint)Fcntl.F_GETFL));

        // The run time looks for files of the host now and then; there are none any more.
        rules.Fail(Errno.ENOENT, open, openat2, readlink, access, faccessat, faccessat2, stat, lstat);
    }

    private static void AllowRunTime(SeccompRules rules)
    {
        rules.AllowIf(mmap, SeccompCheck.MaskedEqual(2, ProtExec, 0));
        rules.AllowIf(mprotect, SeccompCheck.MaskedEqual(2, ProtExec, 0));
        rules.Allow(munmap, mremap, madvise, mincore, brk, membarrier);
        rules.AllowIf(clone, SeccompCheck.Equal(0, ThreadFlags));
        rules.Fail(Errno.ENOSYS, clone3);
        rules.Allow(futex, set_robust_list, rseq, exit, exit_group, sched_yield, sched_getaffinity, getcpu);
        rules.Allow(gettid, getpid, clock_gettime, clock_getres, clock_nanosleep, nanosleep, restart_syscall);
        rules.Allow(rt_sigaction, rt_sigprocmask, rt_sigreturn, sigaltstack, tgkill, getrandom, getrusage, sysinfo);
        rules.AllowIf(prctl, SeccompCheck.Equal32(0, HostPrctl.SetName));
        rules.AllowIf(prctl, SeccompCheck.Equal32(0, HostPrctl.SetVma));
        rules.AllowIf(prlimit64, SeccompCheck.Equal(2, 0));
    }
}
