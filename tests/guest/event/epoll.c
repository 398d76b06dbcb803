// epoll: level, edge, one-shot, exclusive, nesting, removal.
#include "guest.h"

static int fds[2];
static struct epoll_event events[8];

static int watch(int epoll, int fd, uint32_t mask, uint64_t data)
{
    struct epoll_event event = { .events = mask, .data.u64 = data };
    return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

static int change(int epoll, int fd, uint32_t mask, uint64_t data)
{
    struct epoll_event event = { .events = mask, .data.u64 = data };
    return epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event);
}

TEST(level_triggered_repeats)
{
    OK(pipe(fds));
    int epoll = OK(epoll_create1(EPOLL_CLOEXEC));
    EQ(FD_CLOEXEC, fcntl(epoll, F_GETFD));
    OK(watch(epoll, fds[0], EPOLLIN, 0x1122334455667788));
    EQ(0, epoll_wait(epoll, events, 8, 0));
    send_byte(fds[1]);
    for (int i = 0; i < 3; i++) {
        EQ(1, epoll_wait(epoll, events, 8, 0));
        EQ(EPOLLIN, events[0].events);
        EQ(0x1122334455667788, events[0].data.u64);
    }
    await_byte(fds[0]);
    EQ(0, epoll_wait(epoll, events, 8, 0));
}

TEST(edge_triggered_reports_each_arrival_once)
{
    OK(pipe(fds));
    int epoll = OK(epoll_create1(0));
    OK(watch(epoll, fds[0], EPOLLIN | EPOLLET, 1));
    send_byte(fds[1]);
    EQ(1, epoll_wait(epoll, events, 8, 0));
    EQ(0, epoll_wait(epoll, events, 8, 0));
    send_byte(fds[1]);
    EQ(1, epoll_wait(epoll, events, 8, 0));
    EQ(0, epoll_wait(epoll, events, 8, 0));
    OK(change(epoll, fds[0], EPOLLIN | EPOLLET, 2));
    EQ(1, epoll_wait(epoll, events, 8, 0));
    EQ(2, events[0].data.u64);
}

TEST(one_shot_disarms_until_modified)
{
    OK(pipe(fds));
    int epoll = OK(epoll_create1(0));
    OK(watch(epoll, fds[0], EPOLLIN | EPOLLONESHOT, 1));
    send_byte(fds[1]);
    EQ(1, epoll_wait(epoll, events, 8, 0));
    EQ(0, epoll_wait(epoll, events, 8, 0));
    send_byte(fds[1]);
    EQ(0, epoll_wait(epoll, events, 8, 0));
    OK(change(epoll, fds[0], EPOLLIN | EPOLLONESHOT, 1));
    EQ(1, epoll_wait(epoll, events, 8, 0));
}

TEST(hang_up_and_error_are_always_reported)
{
    OK(pipe(fds));
    int epoll = OK(epoll_create1(0));
    OK(watch(epoll, fds[0], 0, 1));
    OK(close(fds[1]));
    EQ(1, epoll_wait(epoll, events, 8, 0));
    EQ(EPOLLHUP, events[0].events);
    OK(pipe(fds));
    OK(watch(epoll, fds[1], EPOLLOUT, 2));
    OK(close(fds[0]));
    EQ(2, epoll_wait(epoll, events, 8, 0));
    for (int i = 0; i < 2; i++) {
        if (events[i].data.u64 == 2) {
            EQ(EPOLLOUT | EPOLLERR, events[i].events);
        }
    }
}

TEST(remote_hang_up_of_a_socket)
{
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
    int epoll = OK(epoll_create1(0));
    OK(watch(epoll, fds[0], EPOLLIN | EPOLLRDHUP, 1));
    EQ(0, epoll_wait(epoll, events, 8, 0));
    OK(shutdown(fds[1], SHUT_WR));
    EQ(1, epoll_wait(epoll, events, 8, 0));
    EQ(EPOLLIN | EPOLLRDHUP, events[0].events);
    OK(close(fds[1]));
    EQ(1, epoll_wait(epoll, events, 8, 0));
    EQ(EPOLLIN | EPOLLRDHUP | EPOLLHUP, events[0].events);
}

TEST(control_refusals)
{
    OK(pipe(fds));
    int epoll = OK(epoll_create1(0)), file = OK(open("f", O_CREAT | O_RDWR, 0600));
    OK(watch(epoll, fds[0], EPOLLIN, 1));
    FAILS(EEXIST, watch(epoll, fds[0], EPOLLIN, 1));
    FAILS(ENOENT, change(epoll, fds[1], EPOLLIN, 1));
    FAILS(ENOENT, epoll_ctl(epoll, EPOLL_CTL_DEL, fds[1], NULL));
    FAILS(EBADF, watch(epoll, 999, EPOLLIN, 1));
    FAILS(EBADF, watch(999, fds[0], EPOLLIN, 1));
    FAILS(EINVAL, watch(fds[0], fds[1], EPOLLIN, 1));
    FAILS(EINVAL, watch(epoll, epoll, EPOLLIN, 1));
    FAILS(EPERM, watch(epoll, file, EPOLLIN, 1));
    FAILS(EINVAL, epoll_ctl(epoll, 9, fds[1], &events[0]));
    FAILS(EINVAL, epoll_wait(epoll, events, 0, 0));
    FAILS(EINVAL, epoll_wait(epoll, events, -1, 0));
    FAILS(EINVAL, epoll_wait(fds[0], events, 1, 0));
    FAILS(EINVAL, epoll_create(0));
    FAILS(EINVAL, epoll_create1(0x10));
    OK(epoll_ctl(epoll, EPOLL_CTL_DEL, fds[0], NULL));
    send_byte(fds[1]);
    EQ(0, epoll_wait(epoll, events, 8, 0));
    FAILS(EFAULT, syscall(SYS_epoll_ctl, epoll, EPOLL_CTL_ADD, fds[0], (void *)8));
}

TEST(closing_the_last_descriptor_removes_the_entry)
{
    OK(pipe(fds));
    int epoll = OK(epoll_create1(0)), copy = OK(dup(fds[0]));
    OK(watch(epoll, fds[0], EPOLLIN, 1));
    send_byte(fds[1]);
    OK(close(fds[0]));
    EQ(1, epoll_wait(epoll, events, 8, 0));
    OK(close(copy));
    EQ(0, epoll_wait(epoll, events, 8, 0));
}

TEST(two_descriptors_of_one_description_are_two_entries)
{
    OK(pipe(fds));
    int epoll = OK(epoll_create1(0)), copy = OK(dup(fds[0]));
    OK(watch(epoll, fds[0], EPOLLIN, 1));
    OK(watch(epoll, copy, EPOLLIN, 2));
    send_byte(fds[1]);
    EQ(2, epoll_wait(epoll, events, 8, 0));
}

TEST(more_ready_than_asked_for_take_turns)
{
    int epoll = OK(epoll_create1(0)), seen = 0;
    for (int i = 0; i < 4; i++) {
        OK(watch(epoll, OK(eventfd(1, 0)), EPOLLIN, i));
    }
    for (int i = 0; i < 4; i++) {
        EQ(1, epoll_wait(epoll, events, 1, 0));
        seen |= 1 << events[0].data.u64;
    }
    EQ(15, seen);
}

TEST(timeouts)
{
    int epoll = OK(epoll_create1(0));
    int64_t start = now_ms();
    EQ(0, epoll_wait(epoll, events, 1, 30));
    CHECK(now_ms() - start >= 29);
    struct timespec time = { 0, 20000000 };
    start = now_ms();
    EQ(0, epoll_pwait2(epoll, events, 1, &time, NULL));
    CHECK(now_ms() - start >= 19);
    time.tv_nsec = -1;
    FAILS(EINVAL, epoll_pwait2(epoll, events, 1, &time, NULL));
}

TEST(waking_a_sleeping_waiter)
{
    OK(pipe(fds));
    int epoll = OK(epoll_create1(0));
    OK(watch(epoll, fds[0], EPOLLIN, 1));
    pid_t child = CHILD({ EQ(1, epoll_wait(epoll, events, 1, -1)); });
    await_state(child, 'S');
    send_byte(fds[1]);
    EXITS(0, child);
}

TEST(an_entry_added_while_waiting_wakes)
{
    OK(pipe(fds));
    send_byte(fds[1]);
    int epoll = OK(epoll_create1(0));
    pid_t child = CHILD({ EQ(1, epoll_wait(epoll, events, 1, -1)); });
    await_state(child, 'S');
    OK(watch(epoll, fds[0], EPOLLIN, 1));
    EXITS(0, child);
}

TEST(nested_sets)
{
    OK(pipe(fds));
    int inner = OK(epoll_create1(0)), outer = OK(epoll_create1(0));
    OK(watch(inner, fds[0], EPOLLIN, 1));
    OK(watch(outer, inner, EPOLLIN, 2));
    EQ(0, epoll_wait(outer, events, 8, 0));
    struct pollfd entry = { inner, POLLIN, 0 };
    EQ(0, poll(&entry, 1, 0));
    send_byte(fds[1]);
    EQ(1, poll(&entry, 1, 0));
    EQ(1, epoll_wait(outer, events, 8, 0));
    EQ(2, events[0].data.u64);
    FAILS(ELOOP, watch(inner, outer, EPOLLIN, 3));
}

TEST(nesting_depth_is_limited)
{
    int below = OK(epoll_create1(0)), depth = 0;
    for (; depth < 10; depth++) {
        int above = OK(epoll_create1(0));
        if (watch(above, below, EPOLLIN, 0) == -1) {
            EQ(ELOOP, errno);
            break;
        }
        below = above;
    }
    CHECK(depth >= 4 && depth < 10);
}

// As many instances as may watch one that watches something else.
static int watchers_of(int inner, int most)
{
    int count = 0;
    while (count < most) {
        int outer = OK(epoll_create1(0));
        if (watch(outer, inner, EPOLLIN, 0) == -1) {
            EQ(EINVAL, errno);
            struct epoll_event event = { 0 };
            FAILS(ENOENT, epoll_ctl(outer, EPOLL_CTL_DEL, inner, &event));
            break;
        }
        count++;
    }
    return count;
}

TEST(wake_up_paths_are_limited)
{
    OK(pipe(fds));
    int first = OK(epoll_create1(0)), second = OK(epoll_create1(0));
    OK(watch(first, fds[0], EPOLLIN, 0));
    EQ(500, watchers_of(first, 600));
    OK(watch(second, fds[1], EPOLLOUT, 0));
    int third = OK(epoll_create1(0));
    OK(watch(third, second, EPOLLIN, 0));
    EQ(100, watchers_of(third, 200));
    FAILS(EEXIST, watch(first, fds[0], EPOLLIN, 0));
    FAILS(EINVAL, watch(third, fds[0], EPOLLIN, 0));
}

TEST(layers_of_sets_do_not_multiply)
{
    enum { LAYERS = 4, WIDTH = 40 };
    static int layers[LAYERS][WIDTH];
    int bottom = OK(eventfd(0, 0)), refused = 0;
    for (int layer = 0; layer < LAYERS; layer++) {
        for (int i = 0; i < WIDTH; i++) {
            layers[layer][i] = OK(epoll_create1(0));
        }
    }
    for (int i = 0; i < WIDTH; i++) {
        OK(watch(layers[0][i], bottom, EPOLLIN | EPOLLET, 0));
    }
    for (int layer = 1; layer < LAYERS; layer++) {
        for (int i = 0; i < WIDTH * WIDTH; i++) {
            if (watch(layers[layer][i / WIDTH], layers[layer - 1][i % WIDTH], EPOLLIN | EPOLLET, 0) == -1) {
                EQ(EINVAL, errno);
                refused++;
            }
        }
    }
    CHECK(refused > 0 && refused < 3 * WIDTH * WIDTH);
    OK(eventfd_write(bottom, 1));
    EQ(1, epoll_wait(layers[1][0], events, 1, 0));
}

TEST(exclusive_wakes_at_least_one)
{
    OK(pipe(fds));
    int done[2];
    OK(pipe(done));
    for (int i = 0; i < 2; i++) {
        int epoll = OK(epoll_create1(0));
        OK(watch(epoll, fds[0], EPOLLIN | EPOLLEXCLUSIVE, 1));
        FAILS(EINVAL, change(epoll, fds[0], EPOLLIN | EPOLLEXCLUSIVE, 1));
        pid_t child = CHILD({ EQ(1, epoll_wait(epoll, events, 1, -1)); send_byte(done[1]); });
        await_state(child, 'S');
    }
    send_byte(fds[1]);
    await_byte(done[0]);
    int epoll = OK(epoll_create1(0)), inner = OK(epoll_create1(0));
    FAILS(EINVAL, watch(epoll, inner, EPOLLIN | EPOLLEXCLUSIVE, 1));
    FAILS(EINVAL, watch(epoll, fds[1], EPOLLOUT | EPOLLONESHOT | EPOLLEXCLUSIVE, 1));
}

static volatile sig_atomic_t count;
static void on_signal(int number) { (void)number; count++; }

TEST(pwait_swaps_the_mask)
{
    int epoll = OK(epoll_create1(0));
    signal(SIGUSR1, on_signal);
    sigset_t set, none;
    sigemptyset(&none);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    OK(sigprocmask(SIG_BLOCK, &set, NULL));
    raise(SIGUSR1);
    FAILS(EINTR, epoll_pwait(epoll, events, 1, 5000, &none));
    EQ(1, count);
    OK(sigprocmask(SIG_BLOCK, NULL, &set));
    EQ(1, sigismember(&set, SIGUSR1));
    FAILS(EINVAL, syscall(SYS_epoll_pwait, epoll, events, 1, 0, &none, 4));
}

TEST(the_set_is_shared_after_fork)
{
    OK(pipe(fds));
    int epoll = OK(epoll_create1(0));
    EXITS(0, CHILD({ OK(watch(epoll, fds[0], EPOLLIN, 5)); }));
    send_byte(fds[1]);
    EQ(1, epoll_wait(epoll, events, 8, 0));
    EQ(5, events[0].data.u64);
}

TEST(many_descriptors)
{
    int epoll = OK(epoll_create1(0));
    static int all[200];
    static struct epoll_event got[256];
    for (int i = 0; i < 200; i++) {
        all[i] = OK(eventfd(i % 2, EFD_NONBLOCK));
        OK(watch(epoll, all[i], EPOLLIN, i));
    }
    EQ(100, epoll_wait(epoll, got, 256, 0));
    for (int i = 0; i < 100; i++) {
        EQ(1, got[i].data.u64 % 2);
    }
}

TEST(fdinfo_lists_the_targets)
{
    OK(pipe(fds));
    int epoll = OK(epoll_create1(0));
    OK(watch(epoll, fds[0], EPOLLIN, 0x99));
    char path[64], text[1024];
    sprintf(path, "/proc/self/fdinfo/%d", epoll);
    read_file(path, text, sizeof text);
    int fd;
    unsigned mask;
    unsigned long long data;
    char *line = strstr(text, "tfd:");
    CHECK(line != NULL);
    EQ(3, sscanf(line, "tfd: %d events: %x data: %llx", &fd, &mask, &data));
    EQ(fds[0], fd);
    EQ(0x99, data);
}

// What was watched before has no part in what is watched next, by whichever file and under whichever conditions.
TEST(entries_that_come_and_go_keep_nothing)
{
    int pipes[20][2];
    int epoll = OK(epoll_create1(0));
    for (int i = 0; i < 20; i++)
        OK(pipe(pipes[i]));
    for (int round = 0; round < 40; round++) {
        uint32_t mask = EPOLLIN | (round % 3 == 1 ? EPOLLET : 0) | (round % 3 == 2 ? EPOLLONESHOT : 0);
        for (int i = 0; i < 20; i++) {
            OK(watch(epoll, pipes[i][0], mask, (uint64_t)round * 100 + i));
            FAILS(EEXIST, watch(epoll, pipes[i][0], mask, 1));
        }
        int ready = round % 20;
        send_byte(pipes[ready][1]);
        EQ(1, epoll_wait(epoll, events, 8, -1));
        EQ((uint64_t)round * 100 + ready, events[0].data.u64);
        EQ(EPOLLIN, events[0].events);
        // Half of them go by epoll_ctl, half with their files; one goes while it is ready.
        for (int i = 0; i < 20; i += 2) {
            OK(epoll_ctl(epoll, EPOLL_CTL_DEL, pipes[i][0], NULL));
            FAILS(ENOENT, epoll_ctl(epoll, EPOLL_CTL_DEL, pipes[i][0], NULL));
        }
        for (int i = 1; i < 20; i += 2) {
            close(pipes[i][0]);
            close(pipes[i][1]);
            OK(pipe(pipes[i]));
        }
        if (ready % 2 == 0)
            await_byte(pipes[ready][0]);
        EQ(0, epoll_wait(epoll, events, 8, 0));
    }
}
