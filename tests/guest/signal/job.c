// Stop, continue, and the signals around them, without a terminal.
#include "guest.h"

static pid_t spin(void)
{
    return CHILD({ for (;;) { pause(); } });
}

TEST(every_stop_signal_stops)
{
    int stops[] = { SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU };
    for (int i = 0; i < 4; i++) {
        pid_t child = spin();
        OK(setpgid(child, child));
        await_state(child, 'S');
        OK(kill(child, stops[i]));
        int status;
        EQ(child, waitpid(child, &status, WUNTRACED));
        CHECK(WIFSTOPPED(status));
        EQ(stops[i], WSTOPSIG(status));
        await_state(child, 'T');
        OK(kill(child, SIGCONT));
        EQ(child, waitpid(child, &status, WCONTINUED));
        await_state(child, 'S');
        OK(kill(child, SIGKILL));
        KILLED(SIGKILL, child);
    }
}

static int fds[2];

static void *write_often(void *unused)
{
    (void)unused;
    for (;;) {
        write(fds[1], "x", 1);
        pause_ms(1);
    }
    return NULL;
}

TEST(a_stop_stops_all_threads)
{
    OK(pipe2(fds, O_NONBLOCK));
    pid_t child = CHILD({
        pthread_t thread;
        pthread_create(&thread, NULL, write_often, NULL);
        write_often(NULL);
    });
    struct pollfd entry = { fds[0], POLLIN, 0 };
    EQ(1, poll(&entry, 1, 10000));
    OK(kill(child, SIGSTOP));
    int status;
    EQ(child, waitpid(child, &status, WUNTRACED));
    char buffer[65536];
    read(fds[0], buffer, sizeof buffer);
    EQ(0, poll(&entry, 1, 30));
    OK(kill(child, SIGCONT));
    EQ(1, poll(&entry, 1, 10000));
    OK(kill(child, SIGKILL));
    KILLED(SIGKILL, child);
}

TEST(the_last_stop_wins)
{
    pid_t child = spin();
    OK(kill(child, SIGSTOP));
    int status;
    EQ(child, waitpid(child, &status, WUNTRACED));
    OK(kill(child, SIGCONT));
    OK(kill(child, SIGSTOP));
    EQ(child, waitpid(child, &status, WUNTRACED));
    CHECK(WIFSTOPPED(status));
    OK(kill(child, SIGKILL));
    KILLED(SIGKILL, child);
}

static volatile sig_atomic_t continues;
static void on_continue(int number) { (void)number; continues++; }

TEST(a_continue_handler_runs)
{
    pid_t child = CHILD({
        signal(SIGCONT, on_continue);
        raise(SIGSTOP);
        EQ(1, continues);
        _exit(17);
    });
    int status;
    EQ(child, waitpid(child, &status, WUNTRACED));
    OK(kill(child, SIGCONT));
    EXITS(17, child);
}

TEST(continue_resumes_even_when_blocked_or_ignored)
{
    pid_t child = CHILD({
        signal(SIGCONT, SIG_IGN);
        raise(SIGSTOP);
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, SIGCONT);
        sigprocmask(SIG_BLOCK, &set, NULL);
        raise(SIGSTOP);
        _exit(18);
    });
    int status;
    for (int i = 0; i < 2; i++) {
        EQ(child, waitpid(child, &status, WUNTRACED));
        CHECK(WIFSTOPPED(status));
        OK(kill(child, SIGCONT));
    }
    EXITS(18, child);
}

TEST(a_handled_tstp_does_not_stop)
{
    pid_t child = CHILD({
        setpgid(0, 0);
        signal(SIGTSTP, on_continue);
        raise(SIGTSTP);
        EQ(1, continues);
        _exit(3);
    });
    EXITS(3, child);
}

TEST(a_stopped_child_shows_in_proc)
{
    pid_t child = spin();
    OK(kill(child, SIGSTOP));
    await_state(child, 'T');
    char path[64], text[8192];
    sprintf(path, "/proc/%d/status", child);
    read_file(path, text, sizeof text);
    CHECK(strstr(text, "\nState:\tT (stopped)\n") != NULL);
    OK(kill(child, SIGKILL));
    KILLED(SIGKILL, child);
}

TEST(a_stopped_process_forgets_the_stop_when_killed)
{
    pid_t child = spin();
    OK(kill(child, SIGSTOP));
    OK(kill(child, SIGKILL));
    int status;
    EQ(child, waitpid(child, &status, WUNTRACED));
    if (WIFSTOPPED(status)) {
        EQ(child, waitpid(child, &status, WUNTRACED));
    }
    CHECK(WIFSIGNALED(status));
}

TEST(exit_in_a_stopped_group_of_threads)
{
    pid_t child = spin();
    OK(kill(child, SIGSTOP));
    int status;
    EQ(child, waitpid(child, &status, WUNTRACED));
    OK(kill(child, SIGTERM));
    EQ(0, waitpid(child, &status, WNOHANG));
    OK(kill(child, SIGCONT));
    KILLED(SIGTERM, child);
}
