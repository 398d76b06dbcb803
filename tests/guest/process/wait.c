// wait4, waitpid, waitid: which children, which changes, what is reported.
#include "guest.h"

static void block_child_signal(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGCHLD);
    OK(sigprocmask(SIG_BLOCK, set, NULL));
}

static pid_t sleeper(void)
{
    pid_t child = CHILD({ for (;;) { pause(); } });
    return child;
}

TEST(no_child_is_an_error)
{
    FAILS(ECHILD, wait(NULL));
    FAILS(ECHILD, waitpid(getppid(), NULL, 0));
    FAILS(ECHILD, waitpid(-getpgrp(), NULL, WNOHANG));
    siginfo_t info;
    FAILS(ECHILD, waitid(P_ALL, 0, &info, WEXITED));
}

TEST(status_holds_the_low_byte_of_the_exit_code)
{
    int status;
    pid_t child = CHILD({ _exit(0x1234); });
    EQ(child, wait(&status));
    CHECK(WIFEXITED(status));
    EQ(0x34, WEXITSTATUS(status));
    EQ(0x3400, status);
}

TEST(nohang_returns_zero_while_the_child_runs)
{
    pid_t child = sleeper();
    EQ(0, waitpid(child, NULL, WNOHANG));
    siginfo_t info;
    memset(&info, 0xff, sizeof info);
    EQ(0, waitid(P_PID, child, &info, WEXITED | WNOHANG));
    EQ(0, info.si_pid);
    EQ(0, info.si_signo);
    OK(kill(child, SIGKILL));
    KILLED(SIGKILL, child);
}

TEST(death_by_signal)
{
    int signals[] = { SIGTERM, SIGKILL, SIGHUP, SIGPIPE, SIGALRM, SIGUSR1, SIGRTMIN, SIGRTMAX };
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        int status;
        pid_t child = sleeper();
        OK(kill(child, signals[i]));
        EQ(child, waitpid(child, &status, 0));
        EQ(signals[i], status);
    }
}

TEST(stop_and_continue_are_reported_when_asked_for)
{
    int status;
    pid_t child = sleeper();
    OK(kill(child, SIGSTOP));
    EQ(child, waitpid(child, &status, WUNTRACED));
    CHECK(WIFSTOPPED(status));
    EQ(SIGSTOP, WSTOPSIG(status));
    EQ(0, waitpid(child, &status, WUNTRACED | WNOHANG));
    OK(kill(child, SIGCONT));
    EQ(child, waitpid(child, &status, WCONTINUED));
    CHECK(WIFCONTINUED(status));
    EQ(0, waitpid(child, &status, WCONTINUED | WNOHANG));
    OK(kill(child, SIGKILL));
    KILLED(SIGKILL, child);
}

TEST(waitid_fills_siginfo)
{
    siginfo_t info;
    pid_t child = CHILD({ _exit(200); });
    OK(waitid(P_PID, child, &info, WEXITED));
    EQ(SIGCHLD, info.si_signo);
    EQ(CLD_EXITED, info.si_code);
    EQ(child, info.si_pid);
    EQ(getuid(), info.si_uid);
    EQ(200, info.si_status);
    child = sleeper();
    OK(kill(child, SIGSTOP));
    OK(waitid(P_PID, child, &info, WSTOPPED));
    EQ(CLD_STOPPED, info.si_code);
    EQ(SIGSTOP, info.si_status);
    OK(kill(child, SIGCONT));
    OK(waitid(P_PID, child, &info, WCONTINUED));
    EQ(CLD_CONTINUED, info.si_code);
    EQ(SIGCONT, info.si_status);
    OK(kill(child, SIGTERM));
    OK(waitid(P_PID, child, &info, WEXITED));
    EQ(CLD_KILLED, info.si_code);
    EQ(SIGTERM, info.si_status);
}

TEST(core_dump_code)
{
    struct rlimit none = { 0, 0 };
    pid_t child = CHILD({
        OK(setrlimit(RLIMIT_CORE, &none));
        abort();
    });
    siginfo_t info;
    OK(waitid(P_PID, child, &info, WEXITED));
    CHECK(info.si_code == CLD_KILLED || info.si_code == CLD_DUMPED);
    EQ(SIGABRT, info.si_status);
}

TEST(nowait_leaves_the_child_waitable)
{
    siginfo_t info;
    pid_t child = CHILD({ _exit(8); });
    OK(waitid(P_PID, child, &info, WEXITED | WNOWAIT));
    EQ(8, info.si_status);
    EXITS(8, child);
    FAILS(ECHILD, waitid(P_PID, child, &info, WEXITED));
}

TEST(a_zombie_is_no_child_for_those_who_ask_for_no_ends)
{
    siginfo_t info;
    pid_t child = CHILD({ _exit(8); });
    OK(waitid(P_PID, child, &info, WEXITED | WNOWAIT));
    FAILS(ECHILD, waitid(P_PID, child, &info, WSTOPPED));
    FAILS(ECHILD, waitid(P_PID, child, &info, WCONTINUED | WNOHANG));
    FAILS(ECHILD, waitid(P_ALL, 0, &info, WSTOPPED | WCONTINUED));
    EXITS(8, child);
}

TEST(waitid_checks_its_arguments)
{
    siginfo_t info;
    FAILS(EINVAL, waitid(P_ALL, 0, &info, 0));
    FAILS(EINVAL, waitid(P_ALL, 0, &info, WNOHANG));
    FAILS(EINVAL, waitid(P_ALL, 0, &info, WEXITED | 0x100));
    FAILS(EINVAL, waitid(77, 0, &info, WEXITED));
    FAILS(EINVAL, waitid(P_PID, 0, &info, WEXITED));
    FAILS(EBADF, waitid(P_PIDFD, 999, &info, WEXITED));
    FAILS(EINVAL, waitpid(-1, NULL, 0x100));
    FAILS(ESRCH, waitpid(INT_MIN, NULL, 0));
}

TEST(wait_by_process_group)
{
    pid_t a = CHILD({
        OK(setpgid(0, 0));
        _exit(1);
    });
    setpgid(a, a);
    pid_t b = CHILD({ _exit(2); });
    siginfo_t info;
    OK(waitid(P_PGID, a, &info, WEXITED | WNOWAIT));
    EQ(a, info.si_pid);
    int status;
    EQ(a, waitpid(-a, &status, 0));
    EQ(b, waitpid(0, &status, 0));
    EQ(2, WEXITSTATUS(status));
}

TEST(a_zombie_stays_until_waited_for)
{
    pid_t child = CHILD({ _exit(3); });
    await_state(child, 'Z');
    OK(kill(child, 0));
    OK(kill(child, SIGKILL));
    char path[64], text[256];
    sprintf(path, "/proc/%d/cmdline", child);
    EQ(0, read_file(path, text, sizeof text));
    EXITS(3, child);
    FAILS(ESRCH, kill(child, 0));
}

TEST(ignoring_child_signals_reaps_automatically)
{
    signal(SIGCHLD, SIG_IGN);
    pid_t child = CHILD({ _exit(3); });
    FAILS(ECHILD, waitpid(child, NULL, 0));
    // Linux says so as soon as the child is dead, and takes its number away a moment later.
    for (int i = 0; i < 5000 && kill(child, 0) == 0; i++) {
        pause_ms(1);
    }
    FAILS(ESRCH, kill(child, 0));
}

TEST(nocldwait_reaps_automatically_but_signals)
{
    sigset_t set;
    block_child_signal(&set);
    struct sigaction action = { .sa_handler = SIG_DFL, .sa_flags = SA_NOCLDWAIT };
    OK(sigaction(SIGCHLD, &action, NULL));
    pid_t child = CHILD({ _exit(3); });
    FAILS(ECHILD, waitpid(child, NULL, 0));
    struct timespec limit = { 5, 0 };
    EQ(SIGCHLD, sigtimedwait(&set, NULL, &limit));
}

TEST(nocldstop_suppresses_the_signal_only)
{
    sigset_t set;
    block_child_signal(&set);
    struct sigaction action = { .sa_handler = SIG_DFL, .sa_flags = SA_NOCLDSTOP };
    OK(sigaction(SIGCHLD, &action, NULL));
    pid_t child = sleeper();
    OK(kill(child, SIGSTOP));
    int status;
    EQ(child, waitpid(child, &status, WUNTRACED));
    struct timespec none = { 0, 0 };
    FAILS(EAGAIN, sigtimedwait(&set, NULL, &none));
    OK(kill(child, SIGKILL));
    KILLED(SIGKILL, child);
    EQ(SIGCHLD, sigtimedwait(&set, NULL, &none));
}

TEST(child_signal_carries_the_end)
{
    sigset_t set;
    block_child_signal(&set);
    pid_t child = CHILD({ _exit(77); });
    siginfo_t info;
    EQ(SIGCHLD, sigwaitinfo(&set, &info));
    EQ(CLD_EXITED, info.si_code);
    EQ(child, info.si_pid);
    EQ(77, info.si_status);
    EXITS(77, child);
    child = sleeper();
    OK(kill(child, SIGSTOP));
    EQ(SIGCHLD, sigwaitinfo(&set, &info));
    EQ(CLD_STOPPED, info.si_code);
    EQ(SIGSTOP, info.si_status);
    OK(kill(child, SIGCONT));
    EQ(SIGCHLD, sigwaitinfo(&set, &info));
    EQ(CLD_CONTINUED, info.si_code);
    OK(kill(child, SIGINT));
    EQ(SIGCHLD, sigwaitinfo(&set, &info));
    EQ(CLD_KILLED, info.si_code);
    EQ(SIGINT, info.si_status);
    KILLED(SIGINT, child);
}

static void nothing(int number) { (void)number; }

TEST(a_signal_interrupts_wait_unless_restarted)
{
    struct sigaction action = { .sa_handler = nothing };
    OK(sigaction(SIGUSR1, &action, NULL));
    pid_t self = getpid();
    pid_t child = CHILD({
        await_state(self, 'S');
        kill(self, SIGUSR1);
        pause();
    });
    FAILS(EINTR, waitpid(child, NULL, 0));
    OK(kill(child, SIGKILL));
    KILLED(SIGKILL, child);
    action.sa_flags = SA_RESTART;
    OK(sigaction(SIGUSR1, &action, NULL));
    child = CHILD({
        await_state(self, 'S');
        kill(self, SIGUSR1);
        pause_ms(30);
        _exit(5);
    });
    int status;
    EQ(child, waitpid(child, &status, 0));
    EQ(5, WEXITSTATUS(status));
}

TEST(usage_of_the_child_is_reported)
{
    pid_t child = CHILD({
        int64_t end = now_ms() + 60;
        while (now_ms() < end) {
            for (volatile int i = 0; i < 100000; i++) {
            }
        }
    });
    struct rusage usage;
    int status;
    EQ(child, wait4(child, &status, 0, &usage));
    int64_t us = (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000LL + usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
    CHECK(us > 1000 && us < 10000000);
    struct rusage all;
    OK(getrusage(RUSAGE_CHILDREN, &all));
    CHECK(all.ru_utime.tv_sec * 1000000LL + all.ru_utime.tv_usec + all.ru_stime.tv_sec * 1000000LL + all.ru_stime.tv_usec >= us);
}

static void *wait_in_thread(void *child)
{
    int status = 0;
    pid_t got = waitpid((pid_t)(intptr_t)child, &status, 0);
    return (void *)(intptr_t)(got == (pid_t)(intptr_t)child ? WEXITSTATUS(status) : -1);
}

TEST(another_thread_may_wait)
{
    pid_t child = CHILD({ _exit(12); });
    pthread_t thread;
    pthread_create(&thread, NULL, wait_in_thread, (void *)(intptr_t)child);
    void *result;
    pthread_join(thread, &result);
    EQ(12, (intptr_t)result);
}

static void *wait_own_only(void *child)
{
    return (void *)(intptr_t)(waitpid((pid_t)(intptr_t)child, NULL, 0x20000000 /* __WNOTHREAD */) == -1 ? errno : 0);
}

TEST(wnothread_sees_only_the_threads_own_children)
{
    pid_t child = CHILD({ _exit(12); });
    pthread_t thread;
    pthread_create(&thread, NULL, wait_own_only, (void *)(intptr_t)child);
    void *result;
    pthread_join(thread, &result);
    EQ(ECHILD, (intptr_t)result);
    EXITS(12, child);
}

TEST(waiting_for_any_child_takes_all_of_them)
{
    int seen = 0;
    for (int i = 0; i < 8; i++) {
        CHILD({ _exit(i); });
    }
    for (int i = 0; i < 8; i++) {
        int status;
        CHECK(wait(&status) > 0);
        seen |= 1 << WEXITSTATUS(status);
    }
    EQ(0xff, seen);
    FAILS(ECHILD, wait(NULL));
}

TEST(a_null_siginfo_is_allowed)
{
    pid_t child = CHILD({ _exit(0); });
    OK(waitid(P_PID, child, NULL, WEXITED));
    FAILS(ECHILD, waitpid(child, NULL, 0));
}
