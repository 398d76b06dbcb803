// Which calls start again after a handler, which end with EINTR.
#include "guest.h"
#include <linux/futex.h>
#include <mqueue.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/timerfd.h>

static volatile sig_atomic_t count;
static void on_signal(int number) { (void)number; count++; }

static void handle(int flags)
{
    struct sigaction action = { .sa_handler = on_signal, .sa_flags = flags };
    OK(sigaction(SIGUSR1, &action, NULL));
}

// A child that waits until this process sleeps, interrupts it, and then runs the block that lets a restarted call finish.
#define INTERRUPT(...)                                                               \
    ({                                                                               \
        pid_t self_ = getpid();                                                      \
        CHILD({                                                                      \
            await_state(self_, 'S');                                                 \
            kill(self_, SIGUSR1);                                                    \
            pause_ms(30);                                                            \
            __VA_ARGS__;                                                             \
        });                                                                          \
    })

TEST(read_of_a_pipe)
{
    int fds[2];
    char byte;
    OK(pipe(fds));
    handle(0);
    pid_t child = INTERRUPT({});
    FAILS(EINTR, read(fds[0], &byte, 1));
    EXITS(0, child);
    handle(SA_RESTART);
    child = INTERRUPT({ send_byte(fds[1]); });
    EQ(1, read(fds[0], &byte, 1));
    EQ(2, count);
    EXITS(0, child);
}

TEST(write_to_a_full_pipe)
{
    int fds[2];
    static char data[1 << 20];
    OK(pipe(fds));
    handle(0);
    OK(fcntl(fds[1], F_SETFL, O_NONBLOCK));
    while (write(fds[1], data, 4096) > 0) {
    }
    OK(fcntl(fds[1], F_SETFL, 0));
    pid_t child = INTERRUPT({});
    FAILS(EINTR, write(fds[1], data, 4096));
    EXITS(0, child);
    handle(SA_RESTART);
    child = INTERRUPT({ EQ(65536, read(fds[0], data, 65536)); });
    EQ(4096, write(fds[1], data, 4096));
    EXITS(0, child);
}

TEST(a_partial_write_reports_what_was_done)
{
    int fds[2];
    static char data[1 << 20];
    OK(pipe(fds));
    handle(SA_RESTART);
    pid_t child = INTERRUPT({});
    EQ(65536, write(fds[1], data, sizeof data));
    EXITS(0, child);
}

TEST(sleeps_end_with_eintr_even_with_restart)
{
    handle(SA_RESTART);
    pid_t child = INTERRUPT({});
    struct timespec time = { 20, 0 }, left = { 0, 0 };
    FAILS(EINTR, nanosleep(&time, &left));
    CHECK(left.tv_sec >= 1 && left.tv_sec < 20);
    EXITS(0, child);
    child = INTERRUPT({});
    EQ(EINTR, clock_nanosleep(CLOCK_MONOTONIC, 0, &time, &left));
    EXITS(0, child);
    struct timespec until;
    OK(clock_gettime(CLOCK_MONOTONIC, &until));
    until.tv_sec += 20;
    left.tv_sec = 77;
    child = INTERRUPT({});
    EQ(EINTR, clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, &left));
    EQ(77, left.tv_sec);
    EXITS(0, child);
}

TEST(poll_family_ends_with_eintr_even_with_restart)
{
    handle(SA_RESTART);
    int fds[2];
    OK(pipe(fds));
    struct pollfd entry = { fds[0], POLLIN, 0 };
    pid_t child = INTERRUPT({});
    FAILS(EINTR, poll(&entry, 1, -1));
    EXITS(0, child);
    child = INTERRUPT({});
    FAILS(EINTR, ppoll(&entry, 1, NULL, NULL));
    EXITS(0, child);
    fd_set set;
    FD_ZERO(&set);
    FD_SET(fds[0], &set);
    child = INTERRUPT({});
    FAILS(EINTR, select(fds[0] + 1, &set, NULL, NULL, NULL));
    EXITS(0, child);
    int epoll = OK(epoll_create1(0));
    struct epoll_event event = { .events = EPOLLIN };
    OK(epoll_ctl(epoll, EPOLL_CTL_ADD, fds[0], &event));
    child = INTERRUPT({});
    FAILS(EINTR, epoll_wait(epoll, &event, 1, -1));
    EXITS(0, child);
}

TEST(futex_wait_restarts_without_timeout_only_as_asked)
{
    static int word = 0;
    handle(0);
    pid_t child = INTERRUPT({});
    FAILS(EINTR, syscall(SYS_futex, &word, FUTEX_WAIT, 0, NULL, NULL, 0));
    EXITS(0, child);
    int *shared = OK(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    handle(SA_RESTART);
    child = INTERRUPT({ while (syscall(SYS_futex, shared, FUTEX_WAKE, 1, NULL, NULL, 0) != 1) { pause_ms(1); } });
    EQ(0, syscall(SYS_futex, shared, FUTEX_WAIT, 0, NULL, NULL, 0));
    EXITS(0, child);
}

TEST(file_locks)
{
    int fd = OK(open("f", O_RDWR | O_CREAT, 0600));
    struct flock lock = { .l_type = F_WRLCK };
    int fds[2];
    OK(pipe(fds));
    pid_t holder = CHILD({
        struct flock mine = { .l_type = F_WRLCK };
        OK(fcntl(fd, F_SETLK, &mine));
        send_byte(fds[1]);
        for (;;) { pause(); }
    });
    await_byte(fds[0]);
    handle(0);
    pid_t child = INTERRUPT({});
    FAILS(EINTR, fcntl(fd, F_SETLKW, &lock));
    EXITS(0, child);
    handle(SA_RESTART);
    child = INTERRUPT({ kill(holder, SIGKILL); });
    OK(fcntl(fd, F_SETLKW, &lock));
    EXITS(0, child);
}

TEST(flock_restarts)
{
    int fd = OK(open("f", O_RDWR | O_CREAT, 0600)), other = OK(open("f", O_RDWR));
    OK(flock(fd, LOCK_EX));
    handle(0);
    pid_t child = INTERRUPT({});
    FAILS(EINTR, flock(other, LOCK_EX));
    EXITS(0, child);
    handle(SA_RESTART);
    child = INTERRUPT({ OK(flock(fd, LOCK_UN)); });
    OK(flock(other, LOCK_EX));
    EXITS(0, child);
}

TEST(opening_a_fifo)
{
    OK(mkfifo("fifo", 0600));
    handle(0);
    pid_t child = INTERRUPT({});
    FAILS(EINTR, open("fifo", O_RDONLY));
    EXITS(0, child);
    handle(SA_RESTART);
    child = INTERRUPT({ OK(open("fifo", O_WRONLY)); });
    OK(open("fifo", O_RDONLY));
    EXITS(0, child);
}

TEST(sockets_restart_unless_they_have_a_timeout)
{
    int fds[2];
    char byte;
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
    handle(SA_RESTART);
    pid_t child = INTERRUPT({ send_byte(fds[1]); });
    EQ(1, recv(fds[0], &byte, 1, 0));
    EXITS(0, child);
    struct timeval limit = { 20, 0 };
    OK(setsockopt(fds[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit));
    child = INTERRUPT({});
    FAILS(EINTR, recv(fds[0], &byte, 1, 0));
    EXITS(0, child);
    handle(0);
    child = INTERRUPT({});
    FAILS(EINTR, recv(fds[1], &byte, 1, 0));
    EXITS(0, child);
}

TEST(accept_restarts)
{
    struct sockaddr_un name = { AF_UNIX, "socket" };
    int listener = OK(socket(AF_UNIX, SOCK_STREAM, 0));
    OK(bind(listener, (struct sockaddr *)&name, sizeof name));
    OK(listen(listener, 1));
    handle(0);
    pid_t child = INTERRUPT({});
    FAILS(EINTR, accept(listener, NULL, NULL));
    EXITS(0, child);
    handle(SA_RESTART);
    child = INTERRUPT({
        int fd = OK(socket(AF_UNIX, SOCK_STREAM, 0));
        OK(connect(fd, (struct sockaddr *)&name, sizeof name));
    });
    OK(accept(listener, NULL, NULL));
    EXITS(0, child);
}

TEST(system_v_queues_and_semaphores_never_restart)
{
    handle(SA_RESTART);
    int queue = OK(msgget(IPC_PRIVATE, 0600));
    struct { long type; char text[8]; } message;
    pid_t child = INTERRUPT({});
    FAILS(EINTR, msgrcv(queue, &message, 8, 0, 0));
    EXITS(0, child);
    OK(msgctl(queue, IPC_RMID, NULL));
    int semaphore = OK(semget(IPC_PRIVATE, 1, 0600));
    struct sembuf down = { 0, -1, 0 };
    child = INTERRUPT({});
    FAILS(EINTR, semop(semaphore, &down, 1));
    EXITS(0, child);
    OK(semctl(semaphore, 0, IPC_RMID));
}

TEST(posix_queues_restart)
{
    struct mq_attr attr = { .mq_maxmsg = 1, .mq_msgsize = 8 };
    char data[8];
    mqd_t queue = OK(mq_open("/guest-restart", O_RDWR | O_CREAT | O_EXCL, 0600, &attr));
    OK(mq_unlink("/guest-restart"));
    handle(0);
    pid_t child = INTERRUPT({});
    FAILS(EINTR, mq_receive(queue, data, 8, NULL));
    EXITS(0, child);
    handle(SA_RESTART);
    child = INTERRUPT({ OK(mq_send(queue, "x", 1, 0)); });
    EQ(1, mq_receive(queue, data, 8, NULL));
    EXITS(0, child);
}

TEST(descriptors_of_events_restart)
{
    int event = OK(eventfd(0, 0)), timer = OK(timerfd_create(CLOCK_MONOTONIC, 0));
    uint64_t value;
    handle(0);
    pid_t child = INTERRUPT({});
    FAILS(EINTR, read(event, &value, 8));
    EXITS(0, child);
    child = INTERRUPT({});
    FAILS(EINTR, read(timer, &value, 8));
    EXITS(0, child);
    handle(SA_RESTART);
    child = INTERRUPT({ value = 5; EQ(8, write(event, &value, 8)); });
    EQ(8, read(event, &value, 8));
    EQ(5, value);
    EXITS(0, child);
}

TEST(a_stop_and_continue_without_handler_goes_on_unseen)
{
    int fds[2];
    char byte;
    OK(pipe(fds));
    pid_t self = getpid();
    pid_t child = CHILD({
        await_state(self, 'S');
        kill(self, SIGSTOP);
        await_state(self, 'T');
        kill(self, SIGCONT);
        pause_ms(20);
        send_byte(fds[1]);
    });
    EQ(1, read(fds[0], &byte, 1));
    EXITS(0, child);
}

TEST(a_stop_during_a_sleep_does_not_lengthen_it)
{
    pid_t self = getpid();
    pid_t child = CHILD({
        await_state(self, 'S');
        kill(self, SIGSTOP);
        await_state(self, 'T');
        kill(self, SIGCONT);
    });
    int64_t start = now_ms();
    struct timespec time = { 0, 300000000 };
    OK(nanosleep(&time, NULL));
    int64_t taken = now_ms() - start;
    CHECK(taken >= 299 && taken < 5000);
    EXITS(0, child);
}
