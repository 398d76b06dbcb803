// System calls that an unprivileged user is refused, natively as in the sandbox, and small ones of the system.
#include "guest.h"
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <linux/reboot.h>
#include <sys/timex.h>

// ENOSYS where the kernel was built without the feature.
#define REFUSED(call) CHECK((call) == -1 && (errno == EPERM || errno == ENOSYS))

static void become_nobody(void)
{
    OK(setresgid(65534, 65534, 65534));
    OK(setresuid(65534, 65534, 65534));
}

TEST(what_needs_privileges)
{
    struct timex change = { .modes = ADJ_TICK, .tick = 10000 };
    struct timeval time = { 1, 0 };
    become_nobody();
    REFUSED(syscall(SYS_acct, NULL));
    REFUSED(syscall(SYS_swapon, "/none", 0));
    REFUSED(syscall(SYS_swapoff, "/none"));
    REFUSED(syscall(SYS_iopl, 3));
    REFUSED(syscall(SYS_ioperm, 0x80, 1, 1));
    REFUSED(syscall(SYS_vhangup));
    REFUSED(syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_RESTART, NULL));
    REFUSED(syscall(SYS_init_module, NULL, 0, ""));
    REFUSED(syscall(SYS_finit_module, 0, "", 0));
    REFUSED(syscall(SYS_delete_module, "none", 0));
    REFUSED(syscall(SYS_kexec_load, 0, 0, NULL, 0));
    REFUSED(syscall(SYS_kexec_file_load, -1, -1, 0, "", 0));
    REFUSED(syscall(SYS_settimeofday, &time, NULL));
    REFUSED(syscall(SYS_clock_adjtime, CLOCK_REALTIME, &change));
}

TEST(calls_that_are_gone)
{
    FAILS(ENOSYS, syscall(SYS__sysctl, NULL));
    FAILS(ENOSYS, syscall(SYS_create_module, "x", 1));
    FAILS(ENOSYS, syscall(SYS_get_kernel_syms, NULL));
    FAILS(ENOSYS, syscall(SYS_query_module, NULL));
    FAILS(ENOSYS, syscall(SYS_nfsservctl, 0, NULL, NULL));
    FAILS(ENOSYS, syscall(SYS_getpmsg));
    FAILS(ENOSYS, syscall(SYS_putpmsg));
    FAILS(ENOSYS, syscall(SYS_afs_syscall));
    FAILS(ENOSYS, syscall(SYS_tuxcall));
    FAILS(ENOSYS, syscall(SYS_security));
    FAILS(ENOSYS, syscall(SYS_vserver));
    FAILS(ENOSYS, syscall(SYS_epoll_ctl_old));
    FAILS(ENOSYS, syscall(SYS_epoll_wait_old));
    FAILS(ENOSYS, syscall(SYS_set_thread_area, NULL));
    FAILS(ENOSYS, syscall(SYS_get_thread_area, NULL));
    FAILS(ENOSYS, syscall(SYS_lookup_dcookie, 0, NULL, 0));
    FAILS(ENOSYS, syscall(SYS_uselib, "x"));
    FAILS(ENOSYS, syscall(511, 0));
    FAILS(ENOSYS, syscall(100000, 0));
}

TEST(no_shadow_stack) { FAILS(ENOSYS, syscall(453, 0, 0, 0)); }

TEST(no_fanotify_group) { FAILS(EBADF, syscall(SYS_fanotify_mark, -1, 1, 1, -1, NULL)); }

TEST(one_identity_of_the_kernel)
{
    struct utsname name;
    char release[128], version[256], banner[512], wanted[512];
    OK(uname(&name));
    read_file("/proc/sys/kernel/osrelease", release, sizeof release);
    read_file("/proc/sys/kernel/version", version, sizeof version);
    read_file("/proc/version", banner, sizeof banner);
    release[strcspn(release, "\n")] = version[strcspn(version, "\n")] = banner[strcspn(banner, "\n")] = 0;
    STREQ(name.release, release);
    STREQ(name.version, version);
    snprintf(wanted, sizeof wanted, "Linux version %s ", release);
    EQ(0, strncmp(wanted, banner, strlen(wanted)));
    CHECK(strlen(banner) > strlen(version));
    STREQ(version, banner + strlen(banner) - strlen(version));
}

TEST(file_system_types)
{
    char name[64];
    int index = OK(syscall(SYS_sysfs, 1, "tmpfs")), count = OK(syscall(SYS_sysfs, 3));
    CHECK(count > index);
    OK(syscall(SYS_sysfs, 2, index, name));
    STREQ("tmpfs", name);
    FAILS(EINVAL, syscall(SYS_sysfs, 1, "no-such-type"));
    FAILS(EINVAL, syscall(SYS_sysfs, 2, count, name));
    FAILS(EFAULT, syscall(SYS_sysfs, 2, index, NULL));
    FAILS(EINVAL, syscall(SYS_sysfs, 4));
}

TEST(memory_of_a_dying_process)
{
    pid_t child = CHILD({ pause(); });
    int fd = OK(syscall(SYS_pidfd_open, child, 0));
    FAILS(EINVAL, syscall(SYS_process_mrelease, fd, 1));
    FAILS(EBADF, syscall(SYS_process_mrelease, -1, 0));
    FAILS(EINVAL, syscall(SYS_process_mrelease, fd, 0));
    OK(kill(child, SIGKILL));
    long result = syscall(SYS_process_mrelease, fd, 0);
    CHECK(result == 0 || errno == ESRCH);
    KILLED(SIGKILL, child);
    FAILS(ESRCH, syscall(SYS_process_mrelease, fd, 0));
}

static int64_t clock_ns(clockid_t id)
{
    struct timespec time;
    OK(clock_gettime(id, &time));
    return time.tv_sec * 1000000000ll + time.tv_nsec;
}

TEST(file_times_agree_with_the_clock)
{
    struct stat file;
    for (int i = 0; i < 2000; i++) {
        int64_t before = clock_ns(CLOCK_REALTIME_COARSE);
        close(OK(open("file", O_WRONLY | O_CREAT | O_EXCL, 0600)));
        int64_t after = clock_ns(CLOCK_REALTIME);
        OK(stat("file", &file));
        int64_t changed = file.st_ctim.tv_sec * 1000000000ll + file.st_ctim.tv_nsec;
        if (changed < before || changed > after) {
            FAIL("round %d: %lld ns before the clock, %lld after", i, (long long)(before - changed),
                 (long long)(changed - after));
        }

        OK(unlink("file"));
    }
}

TEST(children_and_times_in_proc)
{
    char path[64], text[256], wanted[64];
    pid_t first = CHILD({ pause(); }), second = CHILD({ pause(); });
    snprintf(path, sizeof path, "/proc/self/task/%d/children", gettid());
    read_file(path, text, sizeof text);
    snprintf(wanted, sizeof wanted, "%d %d ", first, second);
    STREQ(wanted, text);
    OK(kill(first, SIGKILL));
    OK(kill(second, SIGKILL));
    KILLED(SIGKILL, first);
    KILLED(SIGKILL, second);
    read_file(path, text, sizeof text);
    STREQ("", text);
    unsigned long long run, wait, slices;
    read_file("/proc/self/schedstat", text, sizeof text);
    EQ(3, sscanf(text, "%llu %llu %llu", &run, &wait, &slices));
    CHECK(run > 0);
    read_file("/proc/self/cpuset", text, sizeof text);
    CHECK(text[0] == '/');
}

TEST(limits_have_columns)
{
    char text[4096], *line;
    read_file("/proc/self/limits", text, sizeof text);
    line = strstr(text, "Max nice priority");
    CHECK(line != NULL);
    EQ(68, strcspn(line, "\n"));
    line = strstr(text, "Max open files");
    EQ(78, strcspn(line, "\n"));
}

TEST(a_second_pid_namespace_waits_for_the_first)
{
    EXITS(0, CHILD({
        OK(unshare(CLONE_NEWPID));
        FAILS(EINVAL, unshare(CLONE_NEWPID));
        EXITS(0, CHILD({ EQ(1, getpid()); OK(unshare(CLONE_NEWPID)); }));
    }));
}
