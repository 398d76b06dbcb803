// poll, ppoll, select, pselect.
#include "guest.h"

static int fds[2];

TEST(poll_reports_what_was_asked_and_always_errors)
{
    OK(pipe(fds));
    struct pollfd set[4] = { { fds[0], POLLIN, 0 }, { fds[1], POLLOUT, 0 }, { -1, POLLIN, 9 }, { 999, POLLIN, 0 } };
    EQ(2, poll(set, 4, -1));
    EQ(0, set[0].revents);
    EQ(POLLOUT, set[1].revents);
    EQ(0, set[2].revents);
    EQ(POLLNVAL, set[3].revents);
    send_byte(fds[1]);
    OK(close(fds[1]));
    EQ(1, poll(set, 1, 0));
    EQ(POLLIN | POLLHUP, set[0].revents);
}

TEST(regular_files_are_always_ready)
{
    struct pollfd entry = { OK(open("f", O_RDWR | O_CREAT, 0600)), POLLIN | POLLOUT | POLLPRI, 0 };
    EQ(1, poll(&entry, 1, 0));
    EQ(POLLIN | POLLOUT, entry.revents);
}

TEST(poll_times_out)
{
    OK(pipe(fds));
    struct pollfd entry = { fds[0], POLLIN, 7 };
    int64_t start = now_ms();
    EQ(0, poll(&entry, 1, 30));
    CHECK(now_ms() - start >= 29);
    EQ(0, entry.revents);
    EQ(0, poll(NULL, 0, 10));
    struct timespec time = { 0, 20000000 };
    EQ(0, syscall(SYS_ppoll, &entry, 1, &time, NULL, 8));
    EQ(0, time.tv_sec + time.tv_nsec);
    time.tv_nsec = 2000000000;
    FAILS(EINVAL, ppoll(&entry, 1, &time, NULL));
    FAILS(EFAULT, syscall(SYS_poll, (void *)8, 1, 0));
}

TEST(too_many_entries)
{
    struct rlimit limit = { 4, 4096 };
    OK(setrlimit(RLIMIT_NOFILE, &limit));
    struct pollfd set[5] = { { -1, 0, 0 } };
    FAILS(EINVAL, poll(set, 5, 0));
}

static volatile sig_atomic_t count;
static void on_signal(int number) { (void)number; count++; }

TEST(ppoll_swaps_the_mask)
{
    signal(SIGUSR1, on_signal);
    sigset_t set, none;
    sigemptyset(&none);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    OK(sigprocmask(SIG_BLOCK, &set, NULL));
    raise(SIGUSR1);
    FAILS(EINTR, ppoll(NULL, 0, NULL, &none));
    EQ(1, count);
    OK(pipe(fds));
    send_byte(fds[1]);
    raise(SIGUSR1);
    struct pollfd entry = { fds[0], POLLIN, 0 };
    long result = ppoll(&entry, 1, NULL, &none);
    CHECK(result == 1 || (result == -1 && errno == EINTR));
    OK(sigprocmask(SIG_BLOCK, NULL, &set));
    EQ(1, sigismember(&set, SIGUSR1));
}

TEST(select_sets_and_clears)
{
    OK(pipe(fds));
    fd_set in, out;
    FD_ZERO(&in);
    FD_ZERO(&out);
    FD_SET(fds[0], &in);
    FD_SET(fds[1], &out);
    EQ(1, select(fds[1] + 1, &in, &out, NULL, NULL));
    CHECK(!FD_ISSET(fds[0], &in));
    CHECK(FD_ISSET(fds[1], &out));
    send_byte(fds[1]);
    FD_SET(fds[0], &in);
    struct timeval time = { 5, 0 };
    EQ(2, select(fds[1] + 1, &in, &out, NULL, &time));
    CHECK(time.tv_sec == 4 || time.tv_sec == 5);
    FAILS(EINVAL, select(-1, NULL, NULL, NULL, &time));
    time.tv_sec = -1;
    FAILS(EINVAL, select(0, NULL, NULL, NULL, &time));
    FD_ZERO(&in);
    FD_SET(20, &in);
    time = (struct timeval){ 0, 0 };
    FAILS(EBADF, select(21, &in, NULL, NULL, &time));
}

TEST(select_leaves_the_rest_of_the_time)
{
    struct timeval time = { 0, 20000 };
    EQ(0, select(0, NULL, NULL, NULL, &time));
    EQ(0, time.tv_sec);
    EQ(0, time.tv_usec);
}

TEST(pselect_swaps_the_mask_and_keeps_the_time)
{
    signal(SIGUSR1, on_signal);
    sigset_t set, none;
    sigemptyset(&none);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    OK(sigprocmask(SIG_BLOCK, &set, NULL));
    raise(SIGUSR1);
    struct timespec time = { 5, 0 };
    FAILS(EINTR, pselect(0, NULL, NULL, NULL, &time, &none));
    EQ(1, count);
    EQ(5, time.tv_sec);
}

TEST(a_sleeping_poll_is_woken)
{
    OK(pipe(fds));
    pid_t child = CHILD({
        struct pollfd entry = { fds[0], POLLIN, 0 };
        EQ(1, poll(&entry, 1, -1));
        EQ(POLLIN, entry.revents);
    });
    await_state(child, 'S');
    send_byte(fds[1]);
    EXITS(0, child);
    child = CHILD({
        await_byte(fds[0]);
        close(fds[1]);
        struct pollfd entry = { fds[0], POLLIN, 0 };
        EQ(1, poll(&entry, 1, -1));
        EQ(POLLHUP, entry.revents);
    });
    await_state(child, 'S');
    OK(close(fds[1]));
    EXITS(0, child);
}

TEST(write_readiness_of_pipes)
{
    OK(pipe2(fds, O_NONBLOCK));
    static char data[65536];
    struct pollfd entry = { fds[1], POLLOUT, 0 };
    EQ(65536, write(fds[1], data, sizeof data));
    EQ(0, poll(&entry, 1, 0));
    EQ(100, read(fds[0], data, 100));
    EQ(0, poll(&entry, 1, 0));
    EQ(3996, read(fds[0], data, 3996));
    EQ(1, poll(&entry, 1, 0));
    OK(close(fds[0]));
    EQ(1, poll(&entry, 1, 0));
    EQ(POLLOUT | POLLERR, entry.revents);
}
