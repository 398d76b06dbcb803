// Sessions, process groups, orphans.
#include "guest.h"

TEST(a_case_is_a_session_leader)
{
    EQ(getpid(), getsid(0));
    EQ(getpid(), getpgrp());
    EQ(getpid(), getpgid(0));
    FAILS(EPERM, setsid());
}

TEST(setsid_makes_session_and_group)
{
    pid_t child = CHILD({
        EQ(getppid(), getsid(0));
        EQ(getpid(), OK(setsid()));
        EQ(getpid(), getsid(0));
        EQ(getpid(), getpgrp());
    });
    EXITS(0, child);
}

TEST(children_inherit_session_and_group)
{
    pid_t group = getpgrp();
    EXITS(0, CHILD({ EQ(group, getpgrp()); EQ(group, getsid(0)); }));
}

TEST(setpgid_moves_self_and_child)
{
    int fds[2];
    OK(pipe(fds));
    pid_t child = CHILD({ await_byte(fds[0]); EQ(getpid(), getpgrp()); });
    OK(setpgid(child, child));
    EQ(child, getpgid(child));
    pid_t other = CHILD({ pause(); });
    OK(setpgid(other, child));
    EQ(child, getpgid(other));
    OK(setpgid(other, 0));
    EQ(other, getpgid(other));
    send_byte(fds[1]);
    EXITS(0, child);
    OK(kill(other, SIGKILL));
    KILLED(SIGKILL, other);
}

ROLE(wait) { await_byte(0); return 0; }

TEST(setpgid_refusals)
{
    FAILS(EINVAL, setpgid(-1, 0));
    FAILS(ESRCH, setpgid(-1, 1));
    FAILS(EINVAL, setpgid(0, -1));
    FAILS(ESRCH, setpgid(0x3ffffff, 0));
    FAILS(EPERM, setpgid(0, 0x3ffffff));
    FAILS(ESRCH, setpgid(getppid(), 0));
    FAILS(EPERM, setpgid(0, getppid()));
    int fds[2];
    OK(pipe(fds));
    pid_t child = CHILD({ OK(setsid()); send_byte(fds[1]); pause(); });
    await_byte(fds[0]);
    FAILS(EPERM, setpgid(child, getpgrp()));
    OK(kill(child, SIGKILL));
    KILLED(SIGKILL, child);
    int in[2];
    OK(pipe(in));
    child = CHILD({ dup2(in[0], 0); close(in[1]); execl(guest_self, "x", "role:wait", NULL); });
    char path[64], text[256] = "";
    sprintf(path, "/proc/%d/cmdline", child);
    while (strcmp(text, "x") != 0) {
        read_file(path, text, sizeof text);
    }
    FAILS(EACCES, setpgid(child, child));
    send_byte(in[1]);
    EXITS(0, child);
}

TEST(a_session_leader_cannot_change_group)
{
    FAILS(EPERM, setpgid(0, 0));
    EXITS(0, CHILD({ OK(setsid()); FAILS(EPERM, setpgid(0, 0)); }));
}

TEST(getters_of_missing_processes)
{
    FAILS(ESRCH, getpgid(0x3ffffff));
    FAILS(ESRCH, getsid(0x3ffffff));
    FAILS(ESRCH, getpgid(-1));
}

TEST(kill_reaches_the_whole_group)
{
    int fds[2];
    OK(pipe(fds));
    pid_t a = CHILD({ OK(setpgid(0, 0)); send_byte(fds[1]); pause(); });
    await_byte(fds[0]);
    pid_t b = CHILD({ OK(setpgid(0, a)); send_byte(fds[1]); pause(); });
    await_byte(fds[0]);
    pid_t c = CHILD({ pause(); });
    OK(killpg(a, SIGTERM));
    KILLED(SIGTERM, a);
    KILLED(SIGTERM, b);
    EQ(0, waitpid(c, NULL, WNOHANG));
    OK(kill(c, SIGKILL));
    KILLED(SIGKILL, c);
    FAILS(ESRCH, killpg(a, SIGTERM));
    FAILS(EINVAL, killpg(-5, SIGTERM));
}

static volatile sig_atomic_t hangups, continues;
static void on_hangup(int number) { (void)number; hangups++; }
static void on_continue(int number) { (void)number; continues++; }

TEST(a_stopped_group_that_is_orphaned_gets_hangup_and_continue)
{
    OK(prctl(PR_SET_CHILD_SUBREAPER, 1));
    int *seen = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int fds[2];
    OK(pipe(fds));
    pid_t parent = CHILD({
        OK(setsid());
        pid_t member = CHILD({
            signal(SIGHUP, on_hangup);
            signal(SIGCONT, on_continue);
            OK(setpgid(0, 0));
            raise(SIGSTOP);
            seen[0] = hangups;
            seen[1] = continues;
            send_byte(fds[1]);
        });
        int status;
        EQ(member, waitpid(member, &status, WUNTRACED));
        CHECK(WIFSTOPPED(status));
    });
    EXITS(0, parent);
    await_byte(fds[0]);
    EQ(1, seen[0]);
    EQ(1, seen[1]);
}

TEST(a_terminal_stop_is_ignored_in_an_orphaned_group)
{
    OK(prctl(PR_SET_CHILD_SUBREAPER, 1));
    pid_t child = CHILD({
        OK(setsid());
        raise(SIGTSTP);
        raise(SIGTTIN);
        raise(SIGTTOU);
        _exit(6);
    });
    EXITS(6, child);
}

TEST(group_of_a_dead_leader_lives_on)
{
    int fds[2];
    OK(pipe(fds));
    pid_t leader = CHILD({
        OK(setpgid(0, 0));
        CHILD({ send_byte(fds[1]); pause(); });
    });
    EXITS(0, leader);
    await_byte(fds[0]);
    OK(kill(-leader, 0));
    OK(kill(-leader, SIGKILL));
    for (int i = 0; i < 5000 && kill(-leader, 0) == 0; i++) {
        pause_ms(1);
    }
    FAILS(ESRCH, kill(-leader, 0));
}

TEST(a_pid_in_use_as_group_is_not_reused_as_session)
{
    pid_t child = CHILD({
        OK(setpgid(0, 0));
        FAILS(EPERM, setsid());
    });
    EXITS(0, child);
}

TEST(proc_stat_shows_group_and_session)
{
    char text[1024];
    read_file("/proc/self/stat", text, sizeof text);
    int ppid, group, session;
    EQ(3, sscanf(strrchr(text, ')') + 3, " %d %d %d", &ppid, &group, &session));
    EQ(getppid(), ppid);
    EQ(getpgrp(), group);
    EQ(getsid(0), session);
}
