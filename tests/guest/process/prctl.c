// prctl and arch_prctl.
#include "guest.h"
#include <asm/prctl.h>
#include <sys/personality.h>

TEST(name_of_the_thread)
{
    char text[64];
    OK(prctl(PR_SET_NAME, "a-name-longer-than-fits"));
    OK(prctl(PR_GET_NAME, text));
    STREQ("a-name-longer-t", text);
    read_file("/proc/self/comm", text, sizeof text);
    STREQ("a-name-longer-t\n", text);
    EXITS(0, CHILD({
        OK(prctl(PR_GET_NAME, text));
        STREQ("a-name-longer-t", text);
    }));
    FAILS(EFAULT, prctl(PR_SET_NAME, 8));
}

TEST(name_can_be_written_through_proc)
{
    char text[64];
    int fd = OK(open("/proc/self/comm", O_WRONLY));
    EQ(3, write(fd, "new", 3));
    OK(prctl(PR_GET_NAME, text));
    STREQ("new", text);
}

TEST(parent_death_signal)
{
    OK(prctl(PR_SET_CHILD_SUBREAPER, 1));
    int fds[2];
    OK(pipe(fds));
    pid_t parent = CHILD({
        pid_t child = CHILD({
            OK(prctl(PR_SET_PDEATHSIG, SIGUSR2));
            int got = 0;
            OK(prctl(PR_GET_PDEATHSIG, &got));
            EQ(SIGUSR2, got);
            CHILD({
                OK(prctl(PR_GET_PDEATHSIG, &got));
                EQ(0, got);
                send_byte(fds[1]);
            });
            pause();
        });
        await_byte(fds[0]);
        EQ(sizeof child, write(fds[1], &child, sizeof child));
    });
    EXITS(0, parent);
    pid_t child;
    EQ(sizeof child, read(fds[0], &child, sizeof child));
    KILLED(SIGUSR2, child);
    FAILS(EINVAL, prctl(PR_SET_PDEATHSIG, 65));
}

TEST(subreaper_is_not_inherited)
{
    int value = 9;
    OK(prctl(PR_SET_CHILD_SUBREAPER, 1));
    OK(prctl(PR_GET_CHILD_SUBREAPER, &value));
    EQ(1, value);
    EXITS(0, CHILD({ OK(prctl(PR_GET_CHILD_SUBREAPER, &value)); EQ(0, value); }));
}

TEST(no_new_privileges_is_one_way)
{
    EQ(0, prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
    FAILS(EINVAL, prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0));
    FAILS(EINVAL, prctl(PR_SET_NO_NEW_PRIVS, 1, 1, 0, 0));
    OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    EQ(1, prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
    EXITS(0, CHILD({ EQ(1, prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)); }));
}

TEST(dumpable)
{
    EQ(1, prctl(PR_GET_DUMPABLE));
    OK(prctl(PR_SET_DUMPABLE, 0));
    EQ(0, prctl(PR_GET_DUMPABLE));
    FAILS(EINVAL, prctl(PR_SET_DUMPABLE, 2));
}

TEST(timer_slack)
{
    long before = OK(prctl(PR_GET_TIMERSLACK));
    CHECK(before > 0);
    OK(prctl(PR_SET_TIMERSLACK, 12345));
    EQ(12345, prctl(PR_GET_TIMERSLACK));
    OK(prctl(PR_SET_TIMERSLACK, 0));
    EQ(before, prctl(PR_GET_TIMERSLACK));
}

TEST(unknown_operations)
{
    FAILS(EINVAL, prctl(0x12345678, 0, 0, 0, 0));
    FAILS(EINVAL, syscall(SYS_arch_prctl, 0x12345678, 0));
}

TEST(fs_and_gs_bases)
{
    unsigned long fs = 0, gs = 1;
    OK(syscall(SYS_arch_prctl, ARCH_GET_FS, &fs));
    CHECK(fs != 0);
    OK(syscall(SYS_arch_prctl, ARCH_GET_GS, &gs));
    EQ(0, gs);
    static unsigned long word = 0x1122334455667788;
    OK(syscall(SYS_arch_prctl, ARCH_SET_GS, &word));
    unsigned long loaded;
    __asm__ volatile("mov %%gs:0, %0" : "=r"(loaded));
    EQ(word, loaded);
    OK(syscall(SYS_arch_prctl, ARCH_GET_GS, &gs));
    EQ((uintptr_t)&word, gs);
    FAILS(EPERM, syscall(SYS_arch_prctl, ARCH_SET_FS, 0x800000000000UL));
}

TEST(personality_is_kept)
{
    EQ(0, personality(0xffffffff));
    EQ(0, personality(ADDR_NO_RANDOMIZE));
    EQ(ADDR_NO_RANDOMIZE, personality(0xffffffff));
    EXITS(0, CHILD({ EQ(ADDR_NO_RANDOMIZE, personality(0xffffffff)); }));
}

TEST(seccomp_mode_is_off) { EQ(0, prctl(PR_GET_SECCOMP)); }

TEST(tid_address)
{
    int word;
    EQ(gettid(), syscall(SYS_set_tid_address, &word));
}

TEST(uname_and_names)
{
    struct {
        char sysname[65], nodename[65], release[65], version[65], machine[65], domain[65];
    } names;
    OK(syscall(SYS_uname, &names));
    STREQ("Linux", names.sysname);
    STREQ("x86_64", names.machine);
    int major, minor;
    EQ(2, sscanf(names.release, "%d.%d", &major, &minor));
    CHECK(major >= 4);
    char text[65];
    OK(sethostname("guest-host", 10));
    OK(gethostname(text, sizeof text));
    STREQ("guest-host", text);
    read_file("/proc/sys/kernel/hostname", text, sizeof text);
    STREQ("guest-host\n", text);
    FAILS(EINVAL, sethostname("x", 65));
    OK(setdomainname("domain", 6));
    OK(syscall(SYS_uname, &names));
    STREQ("domain", names.domain);
    OK(setresuid(1000, 1000, 1000));
    FAILS(EPERM, sethostname("x", 1));
}
