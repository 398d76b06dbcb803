using System;
using Abi.Linux;
using HostOs;
using static Abi.Linux.SysNr;

namespace Runsc.Boot;

/// <summary>
/// The host system calls of a running Sentry. No path is opened, no program executed, no socket made; paths but for
/// lstat(2) answer
/// ENOENT so that a run-time library that looks for one goes on.
/// </summary>
internal static class SentryFilter
{
    private const int ProtExec = 4;

    /// <summary>What pthread_create(3) asks of clone(2): a thread, nothing else.</summary>
    private const ulong ThreadFlags = Sched.CLONE_VM | Sched.CLONE_FS | Sched.CLONE_FILES | Sched.CLONE_SIGHAND
        | Sched.CLONE_THREAD | Sched.CLONE_SYSVSEM | Sched.CLONE_SETTLS | Sched.CLONE_PARENT_SETTID
        | Sched.CLONE_CHILD_CLEARTID;

    /// <summary>Binds the process for good; the platform adds what it needs.</summary>
    internal static Errno Install(string platform, int listener) => Make(platform, listener).Install();

    /// <summary>The rules; <paramref name="listener"/> is the control socket, or -1.</summary>
    internal static SeccompRules Make(string platform, int listener = -1)
    {
        SeccompRules rules = new();
        AllowDescriptors(rules);
        AllowTerminal(rules);
        AllowRunTime(rules);
        rules.Fail(Errno.ENOENT, open, openat, openat2, readlink, readlinkat, access, faccessat, faccessat2, stat,
            lstat, newfstatat, statx);
        rules.Fail(Errno.EPERM, socket, execve, execveat, unlink, unlinkat, mkdir, mkdirat, kill);
        AllowPlatform(rules, platform);
        if (listener >= 0)
        {
            rules.AllowIf(accept4, SeccompCheck.Equal32(0, (uint)listener));
        }

        return rules;
    }

    /// <summary>Descriptors the process holds.</summary>
    private static void AllowDescriptors(SeccompRules rules)
    {
        rules.Allow(read, write, pread64, pwrite64, preadv2, pwritev2, lseek, close, fstat, ftruncate, fallocate,
            fsync, fdatasync);
        rules.Allow(poll, ppoll, eventfd2, epoll_create1, epoll_ctl, epoll_wait, epoll_pwait, sendmsg, recvmsg);
        rules.AllowIf(fcntl, SeccompCheck.Equal32(1, Fcntl.F_GETFL));
        rules.AllowIf(fcntl, SeccompCheck.Equal32(1, Fcntl.F_SETFL));
        rules.AllowIf(fcntl, SeccompCheck.Equal32(1, Fcntl.F_GETFD));
        rules.AllowIf(fcntl, SeccompCheck.Equal32(1, Fcntl.F_DUPFD_CLOEXEC));
        rules.AllowIf(fcntl, SeccompCheck.Equal32(1, HostFcntl.GetSeals));
        rules.AllowIf(fcntl, SeccompCheck.Equal32(1, Fcntl.F_GETPIPE_SZ));

        // Looking at names in served directories whose descriptors the gofer gave; the root is empty.
        rules.AllowIf(newfstatat, SeccompCheck.Equal32(3, Fcntl.AT_SYMLINK_NOFOLLOW));
    }

    /// <summary>
    /// Memory (never executable: neither the memory file nor a file of the host), threads, time and signals of the
    /// process.
    /// </summary>
    private static void AllowRunTime(SeccompRules rules)
    {
        rules.AllowIf(mmap, SeccompCheck.MaskedEqual(2, ProtExec, 0));
        rules.AllowIf(mprotect, SeccompCheck.MaskedEqual(2, ProtExec, 0));
        rules.Allow(munmap, mremap, madvise, mincore, brk, membarrier);
        rules.AllowIf(clone, SeccompCheck.Equal(0, ThreadFlags));

        // Its flags are in memory, where a filter cannot look; glibc falls back to clone.
        rules.Fail(Errno.ENOSYS, clone3);
        rules.Allow(futex, set_robust_list, rseq, exit, exit_group, sched_yield, sched_getaffinity, sched_setaffinity,
            getcpu);
        rules.Allow(gettid, getpid, clock_gettime, clock_getres, clock_nanosleep, nanosleep, gettimeofday,
            restart_syscall);
        rules.Allow(rt_sigaction, rt_sigprocmask, rt_sigreturn, sigaltstack, getrandom, getrusage, sysinfo);
        rules.AllowIf(prctl, SeccompCheck.Equal32(0, HostPrctl.SetName));
        rules.AllowIf(prctl, SeccompCheck.Equal32(0, HostPrctl.SetVma));
        rules.AllowIf(prctl, SeccompCheck.Equal32(0, HostPrctl.SetTimerSlack));
        rules.AllowIf(prlimit64, SeccompCheck.Equal(2, 0));

        // Stopping and ending stubs; the PID namespace holds nobody else.
        rules.Allow(tgkill, wait4, waitid);
        rules.AllowIf(kill, SeccompCheck.Equal32(1, Signals.SIGKILL));
    }

    private static void AllowPlatform(SeccompRules rules, string platform)
    {
        switch (platform)
        {
            case "ptrace":
                rules.Allow(ptrace);
                break;
            case "kvm":
                AllowRequests(rules, Kvm.KVM_RUN, Kvm.KVM_GET_XSAVE, Kvm.KVM_SET_XSAVE,
                    Kvm.KVM_SET_USER_MEMORY_REGION, Kvm.KVM_CREATE_VCPU, Kvm.KVM_SET_CPUID2, Kvm.KVM_GET_SREGS,
                    Kvm.KVM_SET_SREGS, Kvm.KVM_SET_XCRS, Kvm.KVM_SET_MSRS, Kvm.KVM_INTERRUPT,
                    Kvm.KVM_SET_DEVICE_ATTR);
                break;
        }
    }

    private static void AllowTerminal(SeccompRules rules) =>
        AllowRequests(rules, Ioctls.TCGETS, Ioctls.TCSETS, Ioctls.TCSETSW, Ioctls.TCSETSF, Ioctls.TIOCGWINSZ,
            Ioctls.TIOCSWINSZ, Ioctls.FIONREAD);

    private static void AllowRequests(SeccompRules rules, params ReadOnlySpan<uint> requests)
    {
        foreach (uint request in requests)
        {
            rules.AllowIf(ioctl, SeccompCheck.Equal32(1, request));
        }
    }
}
