// User and group ids, capabilities, securebits, and who may signal whom.
#include "guest.h"
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/fsuid.h>

struct caps {
    struct __user_cap_header_struct header;
    struct __user_cap_data_struct data[2];
};

static struct caps get_caps(void)
{
    struct caps caps = { .header = { _LINUX_CAPABILITY_VERSION_3, 0 } };
    OK(syscall(SYS_capget, &caps.header, caps.data));
    return caps;
}

static long set_caps(struct caps *caps)
{
    return syscall(SYS_capset, &caps->header, caps->data);
}

static void expect_ids(uid_t real, uid_t effective, uid_t saved)
{
    uid_t r, e, s;
    OK(getresuid(&r, &e, &s));
    EQ(real, r);
    EQ(effective, e);
    EQ(saved, s);
}

TEST(setuid_as_root_sets_all_three)
{
    OK(setuid(1000));
    expect_ids(1000, 1000, 1000);
    FAILS(EPERM, setuid(0));
}

TEST(seteuid_switches_between_real_and_saved)
{
    OK(setresuid(1000, 0, 2000));
    OK(seteuid(1000));
    expect_ids(1000, 1000, 2000);
    OK(seteuid(2000));
    expect_ids(1000, 2000, 2000);
    FAILS(EPERM, seteuid(3000));
    OK(setuid(1000));
    expect_ids(1000, 1000, 2000);
}

TEST(setreuid_updates_the_saved_id)
{
    OK(setreuid(1000, 2000));
    expect_ids(1000, 2000, 2000);
    OK(setreuid(-1, 1000));
    expect_ids(1000, 1000, 2000);
    OK(setreuid(2000 - 1000, 2000));
    expect_ids(1000, 2000, 2000);
    FAILS(EPERM, setreuid(3000, -1));
}

TEST(setreuid_may_swap)
{
    OK(setresuid(1000, 2000, 2000));
    OK(setreuid(2000, 1000));
    expect_ids(2000, 1000, 1000);
}

TEST(setresuid_without_privilege_takes_only_own_ids)
{
    OK(setresuid(1, 2, 3));
    OK(setresuid(3, 1, 2));
    expect_ids(3, 1, 2);
    FAILS(EPERM, setresuid(4, -1, -1));
    FAILS(EPERM, setresuid(-1, -1, 0));
    expect_ids(3, 1, 2);
    OK(setresuid(-1, -1, -1));
}

TEST(group_ids_follow_the_same_rules)
{
    OK(setresgid(10, 20, 30));
    OK(setresuid(1000, 1000, 1000));
    OK(setresgid(30, 10, 20));
    FAILS(EPERM, setgid(40));
    OK(setgid(20));
    gid_t r, e, s;
    OK(getresgid(&r, &e, &s));
    EQ(30, r);
    EQ(20, e);
    EQ(20, s);
    FAILS(EPERM, setregid(99, -1));
    EQ(20, getegid());
}

TEST(fsuid_answers_the_previous_value)
{
    OK(chmod(".", 0777));
    EQ(0, setfsuid(1000));
    EQ(1000, setfsuid(-1));
    OK(close(OK(open("f", O_CREAT | O_WRONLY, 0600))));
    struct stat st;
    OK(stat("f", &st));
    EQ(1000, st.st_uid);
}

TEST(fsuid_must_be_an_own_id)
{
    OK(setresuid(1000, 2000, 3000));
    setfsuid(4000);
    EQ(2000, setfsuid(-1));
    setfsuid(3000);
    EQ(3000, setfsuid(-1));
}

TEST(supplementary_groups)
{
    gid_t set[] = { 5, 6, 7 };
    gid_t got[8];
    OK(setgroups(3, set));
    EQ(3, getgroups(0, NULL));
    EQ(3, getgroups(8, got));
    EQ(6, got[1]);
    FAILS(EINVAL, getgroups(2, got));
    FAILS(EINVAL, getgroups(-1, got));
    FAILS(EINVAL, setgroups(65537, set));
    OK(setresuid(1000, 1000, 1000));
    FAILS(EPERM, setgroups(0, NULL));
    EXITS(0, CHILD({ EQ(3, getgroups(0, NULL)); }));
}

TEST(group_membership_opens_files)
{
    write_file("f", "x");
    OK(chown("f", 0, 77));
    OK(chmod("f", 0640));
    EXITS(0, CHILD({
        OK(setgroups(0, NULL));
        OK(setresgid(1000, 1000, 1000));
        OK(setresuid(1000, 1000, 1000));
        FAILS(EACCES, open("f", O_RDONLY));
    }));
    gid_t group = 77;
    OK(setgroups(1, &group));
    OK(setresuid(1000, 1000, 1000));
    OK(close(OK(open("f", O_RDONLY))));
    FAILS(EACCES, open("f", O_WRONLY));
}

TEST(capget_versions)
{
    struct __user_cap_header_struct header = { 0x11111111, 0 };
    struct __user_cap_data_struct data[2];
    FAILS(EINVAL, syscall(SYS_capget, &header, data));
    EQ(_LINUX_CAPABILITY_VERSION_3, header.version);
    header.version = 0x11111111;
    OK(syscall(SYS_capget, &header, NULL));
    EQ(_LINUX_CAPABILITY_VERSION_3, header.version);
    header.pid = 0x3ffffff;
    FAILS(ESRCH, syscall(SYS_capget, &header, data));
    header.pid = -1;
    FAILS(EINVAL, syscall(SYS_capget, &header, data));
}

TEST(dropping_the_effective_set_drops_power)
{
    write_file("f", "x");
    OK(chown("f", 1000, 1000));
    OK(chmod("f", 0));
    OK(close(OK(open("f", O_RDONLY))));
    struct caps caps = get_caps();
    uint32_t kept = caps.data[0].effective;
    caps.data[0].effective &= ~((1u << CAP_DAC_OVERRIDE) | (1u << CAP_DAC_READ_SEARCH));
    OK(set_caps(&caps));
    FAILS(EACCES, open("f", O_RDONLY));
    caps.data[0].effective = kept;
    OK(set_caps(&caps));
    OK(close(OK(open("f", O_RDONLY))));
}

TEST(the_permitted_set_only_shrinks)
{
    struct caps caps = get_caps();
    struct caps full = caps;
    caps.data[0].permitted &= ~(1u << CAP_CHOWN);
    FAILS(EPERM, set_caps(&caps));
    caps.data[0].effective &= ~(1u << CAP_CHOWN);
    OK(set_caps(&caps));
    FAILS(EPERM, set_caps(&full));
    write_file("f", "x");
    FAILS(EPERM, chown("f", 5, 5));
}

TEST(leaving_user_zero_clears_capabilities)
{
    OK(setresuid(1000, 1000, 0));
    struct caps caps = get_caps();
    EQ(0, caps.data[0].effective);
    CHECK(caps.data[0].permitted != 0);
    OK(seteuid(0));
    CHECK(get_caps().data[0].effective != 0);
    OK(setresuid(1000, 1000, 1000));
    caps = get_caps();
    EQ(0, caps.data[0].effective);
    EQ(0, caps.data[0].permitted);
}

TEST(keepcaps_keeps_the_permitted_set)
{
    EQ(0, prctl(PR_GET_KEEPCAPS));
    OK(prctl(PR_SET_KEEPCAPS, 1));
    EQ(1, prctl(PR_GET_KEEPCAPS));
    FAILS(EINVAL, prctl(PR_SET_KEEPCAPS, 2));
    OK(setresuid(1000, 1000, 1000));
    struct caps caps = get_caps();
    EQ(0, caps.data[0].effective);
    CHECK(caps.data[0].permitted & (1u << CAP_CHOWN));
    caps.data[0].effective = caps.data[0].permitted;
    OK(set_caps(&caps));
    write_file("/tmp/keepcaps", "x");
    OK(chown("/tmp/keepcaps", 5, 5));
    OK(unlink("/tmp/keepcaps"));
}

TEST(securebits_can_be_set_and_locked)
{
    EQ(0, prctl(PR_GET_SECUREBITS));
    OK(prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP | SECBIT_NO_SETUID_FIXUP_LOCKED));
    FAILS(EPERM, prctl(PR_SET_SECUREBITS, 0));
    OK(setresuid(1000, 1000, 1000));
    CHECK(get_caps().data[0].effective != 0);
}

TEST(bounding_set)
{
    EQ(1, prctl(PR_CAPBSET_READ, CAP_SYS_TIME) | 1);
    OK(prctl(PR_CAPBSET_DROP, CAP_KILL));
    EQ(0, prctl(PR_CAPBSET_READ, CAP_KILL));
    FAILS(EINVAL, prctl(PR_CAPBSET_READ, 63));
    FAILS(EINVAL, prctl(PR_CAPBSET_DROP, 63));
    OK(setresuid(1000, 1000, 1000));
    FAILS(EPERM, prctl(PR_CAPBSET_DROP, CAP_CHOWN));
}

ROLE(capable)
{
    struct caps caps = get_caps();
    return (caps.data[0].effective >> atoi(argv[0])) & 1;
}

static int exec_capable(int capability)
{
    char text[8];
    sprintf(text, "%d", capability);
    int status;
    pid_t child = CHILD({ execl(guest_self, "x", "role:capable", text, NULL); _exit(99); });
    guest_wait(child, &status);
    return WEXITSTATUS(status);
}

TEST(exec_as_root_regains_and_as_user_loses)
{
    EQ(1, exec_capable(CAP_CHOWN));
    OK(prctl(PR_CAPBSET_DROP, CAP_KILL));
    EQ(0, exec_capable(CAP_KILL));
    OK(prctl(PR_SET_KEEPCAPS, 1));
    OK(setresuid(1000, 1000, 1000));
    EQ(0, exec_capable(CAP_CHOWN));
}

TEST(ambient_capabilities_survive_exec)
{
    OK(prctl(PR_SET_KEEPCAPS, 1));
    OK(setresuid(1000, 1000, 1000));
    FAILS(EPERM, prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_CHOWN, 0, 0));
    struct caps caps = get_caps();
    caps.data[0].inheritable = caps.data[0].effective = 1u << CAP_CHOWN;
    OK(set_caps(&caps));
    OK(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_CHOWN, 0, 0));
    EQ(1, prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_CHOWN, 0, 0));
    EQ(1, exec_capable(CAP_CHOWN));
    OK(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0));
    EQ(0, exec_capable(CAP_CHOWN));
}

TEST(no_root_bit_makes_root_ordinary_at_exec)
{
    OK(prctl(PR_SET_SECUREBITS, SECBIT_NOROOT));
    EQ(0, exec_capable(CAP_CHOWN));
}

TEST(kill_needs_the_same_user)
{
    pid_t victim = CHILD({ OK(setresuid(1000, 1000, 1000)); pause(); });
    await_state(victim, 'S');
    EXITS(0, CHILD({ OK(setresuid(2000, 2000, 2000)); FAILS(EPERM, kill(victim, SIGTERM)); FAILS(EPERM, kill(victim, 0)); }));
    EXITS(0, CHILD({ OK(setresuid(2000, 1000, 2000)); OK(kill(victim, 0)); }));
    EXITS(0, CHILD({ OK(setresuid(1000, 2000, 2000)); OK(kill(victim, SIGTERM)); }));
    KILLED(SIGTERM, victim);
}

TEST(continue_is_allowed_within_a_session)
{
    pid_t other = CHILD({ OK(setresuid(1000, 1000, 1000)); pause(); });
    await_state(other, 'S');
    EXITS(0, CHILD({ OK(setresuid(2000, 2000, 2000)); OK(kill(other, SIGCONT)); FAILS(EPERM, kill(other, SIGTERM)); }));
    OK(kill(other, SIGKILL));
    KILLED(SIGKILL, other);
}

TEST(access_uses_the_real_ids)
{
    write_file("f", "x");
    OK(chmod("f", 0600));
    OK(chmod(".", 0755));
    OK(setresuid(1000, 0, 0));
    FAILS(EACCES, access("f", R_OK));
    OK(faccessat(AT_FDCWD, "f", R_OK, AT_EACCESS));
    OK(close(OK(open("f", O_RDONLY))));
}

TEST(proc_status_shows_the_ids)
{
    OK(setgroups(0, NULL));
    OK(setresgid(11, 22, 33));
    OK(setresuid(44, 55, 66));
    char text[8192];
    read_file("/proc/thread-self/status", text, sizeof text);
    CHECK(strstr(text, "\nUid:\t44\t55\t66\t55\n") != NULL);
    CHECK(strstr(text, "\nGid:\t11\t22\t33\t22\n") != NULL);
    CHECK(strstr(text, "\nCapEff:\t0000000000000000\n") != NULL);
}

static void *read_uid(void *unused)
{
    (void)unused;
    return (void *)(intptr_t)getuid();
}

TEST(the_raw_call_changes_one_thread_only)
{
    OK(syscall(SYS_setresuid, 1000, 0, 0));
    pthread_t thread;
    pthread_create(&thread, NULL, read_uid, NULL);
    void *seen;
    pthread_join(thread, &seen);
    EQ(1000, (intptr_t)seen);
    OK(syscall(SYS_setresuid, 0, 0, 0));
    EXITS(0, CHILD({ EQ(0, getuid()); }));
}
