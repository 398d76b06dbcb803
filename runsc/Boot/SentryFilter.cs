using Abi.Linux;
using HostOs;
using static Abi.Linux.SysNr;

namespace Runsc.Boot;

/// <summary>
/// The host system calls of a running Sentry. No path is opened, no program executed, no socket made; paths answer
/// ENOENT so that a run-time library that looks for one goes on.
/// </summary>
internal static class SentryFilter
{
    private const int ProtExec = 4;

    /// <summary>Binds the process for good; the platform adds what it needs.</summary>
    internal static Errno Install(string platform)
    {
        SeccompRules rules = new();

        // Descriptors the process holds.
        rules.Allow(read, write, readv, writev, pread64, pwrite64, preadv, pwritev, preadv2, pwritev2, lseek, close,
            fstat, ftruncate, fallocate);
        rules.Allow(fsync, fdatasync, sync_file_range, copy_file_range, fadvise64, poll, ppoll, epoll_ctl,
            epoll_wait, epoll_pwait, sendmsg, recvmsg, shutdown);
        rules.Allow(dup, fstatfs, getdents64, eventfd2, epoll_create1);
        rules.AllowIf(fcntl, SeccompCheck.Equal32(1, Fcntl.F_GETFL));
        rules.AllowIf(fcntl, SeccompCheck.Equal32(1, Fcntl.F_SETFL));
        rules.AllowIf(fcntl, SeccompCheck.Equal32(1, Fcntl.F_GETFD));
        rules.AllowIf(fcntl, SeccompCheck.Equal32(1, Fcntl.F_DUPFD_CLOEXEC));
        AllowTerminal(rules);

        // Memory of the run time and of the memory file: never both writable and executable, never executable from a
        // file.
        rules.AllowIf(mmap, SeccompCheck.MaskedEqual(2, ProtExec, 0));
        rules.AllowIf(mprotect, SeccompCheck.MaskedEqual(2, ProtExec, 0));
        rules.Allow(munmap, mremap, madvise, mincore, msync, brk, membarrier);

        // Threads, time, signals within the process.
        rules.Allow(futex, clone, clone3, set_robust_list, rseq, exit, exit_group, sched_yield, sched_getaffinity,
            sched_setaffinity, getcpu);
        rules.Allow(gettid, getpid, clock_gettime, clock_getres, clock_nanosleep, nanosleep, gettimeofday,
            restart_syscall);
        rules.Allow(rt_sigaction, rt_sigprocmask, rt_sigreturn, sigaltstack, tgkill, getrandom, getrusage, sysinfo,
            prctl, set_tid_address, prlimit64);
        rules.Fail(Errno.ENOENT, open, openat, openat2, readlink, readlinkat, access, faccessat, faccessat2, stat,
            lstat, newfstatat, statx);
        rules.Fail(Errno.EPERM, socket, execve, execveat, unlink, unlinkat, mkdir, mkdirat, kill);
        rules.Allow(wait4, waitid);

        // Ending stubs; the PID namespace holds nobody else.
        rules.AllowIf(kill, SeccompCheck.Equal32(1, Signals.SIGKILL));
        if (platform == "ptrace")
        {
            rules.Allow(ptrace);
        }

        if (platform == "kvm")
        {
            foreach (uint request in (uint[])[Kvm.KVM_RUN, Kvm.KVM_GET_XSAVE, Kvm.KVM_SET_XSAVE,
                Kvm.KVM_SET_USER_MEMORY_REGION, Kvm.KVM_CREATE_VCPU, Kvm.KVM_SET_CPUID2, Kvm.KVM_GET_SREGS,
                Kvm.KVM_SET_SREGS, Kvm.KVM_SET_XCRS, Kvm.KVM_SET_MSRS])
            {
                rules.AllowIf(ioctl, SeccompCheck.Equal32(1, request));
            }
        }

        return rules.Install();
    }

    private static void AllowTerminal(SeccompRules rules)
    {
        foreach (uint request in (uint[])[Ioctls.TCGETS, Ioctls.TCSETS, Ioctls.TCSETSW, Ioctls.TCSETSF,
            Ioctls.TIOCGWINSZ, Ioctls.TIOCSWINSZ, Ioctls.FIONREAD])
        {
            rules.AllowIf(ioctl, SeccompCheck.Equal32(1, request));
        }
    }
}
