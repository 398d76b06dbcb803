// eventfd, signalfd, pidfd.
#include "guest.h"
#include <sys/signalfd.h>

static uint64_t value;

TEST(eventfd_sums_and_resets)
{
    int fd = OK(eventfd(3, EFD_NONBLOCK | EFD_CLOEXEC));
    EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
    value = 4;
    EQ(8, write(fd, &value, 8));
    EQ(8, read(fd, &value, 8));
    EQ(7, value);
    FAILS(EAGAIN, read(fd, &value, 8));
}

TEST(eventfd_semaphore_takes_one)
{
    int fd = OK(eventfd(2, EFD_NONBLOCK | EFD_SEMAPHORE));
    EQ(8, read(fd, &value, 8));
    EQ(1, value);
    EQ(8, read(fd, &value, 8));
    FAILS(EAGAIN, read(fd, &value, 8));
}

TEST(eventfd_limits)
{
    int fd = OK(eventfd(0, EFD_NONBLOCK));
    value = UINT64_MAX;
    FAILS(EINVAL, write(fd, &value, 8));
    value = UINT64_MAX - 1;
    EQ(8, write(fd, &value, 8));
    value = 1;
    FAILS(EAGAIN, write(fd, &value, 8));
    FAILS(EINVAL, write(fd, &value, 7));
    FAILS(EINVAL, read(fd, &value, 7));
    struct pollfd entry = { fd, POLLIN | POLLOUT, 0 };
    EQ(1, poll(&entry, 1, 0));
    EQ(POLLIN, entry.revents);
    FAILS(EINVAL, eventfd(0, 0x10));
}

TEST(eventfd_blocks_reader_and_writer)
{
    int fd = OK(eventfd(0, 0));
    pid_t child = CHILD({ EQ(8, read(fd, &value, 8)); EQ(9, value); });
    await_state(child, 'S');
    value = 9;
    EQ(8, write(fd, &value, 8));
    EXITS(0, child);
    value = UINT64_MAX - 1;
    EQ(8, write(fd, &value, 8));
    child = CHILD({ value = 1; EQ(8, write(fd, &value, 8)); });
    await_state(child, 'S');
    EQ(8, read(fd, &value, 8));
    EXITS(0, child);
    EQ(8, read(fd, &value, 8));
    EQ(1, value);
}

static sigset_t block_two(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGRTMIN);
    OK(sigprocmask(SIG_BLOCK, &set, NULL));
    return set;
}

TEST(signalfd_reads_signals)
{
    sigset_t set = block_two();
    int fd = OK(signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
    struct signalfd_siginfo info[4];
    FAILS(EAGAIN, read(fd, info, sizeof info));
    OK(kill(getpid(), SIGUSR1));
    union sigval payload = { .sival_int = 55 };
    OK(sigqueue(getpid(), SIGRTMIN, payload));
    OK(sigqueue(getpid(), SIGRTMIN, payload));
    EQ(3 * sizeof *info, read(fd, info, sizeof info));
    EQ(SIGUSR1, info[0].ssi_signo);
    EQ(SI_USER, info[0].ssi_code);
    EQ(getpid(), info[0].ssi_pid);
    EQ(SIGRTMIN, info[1].ssi_signo);
    EQ(55, info[1].ssi_int);
    FAILS(EINVAL, read(fd, info, 100));
}

TEST(signalfd_polls_and_changes_its_mask)
{
    sigset_t set = block_two(), other;
    sigemptyset(&other);
    sigaddset(&other, SIGRTMIN);
    int fd = OK(signalfd(-1, &other, 0));
    struct pollfd entry = { fd, POLLIN, 0 };
    OK(kill(getpid(), SIGUSR1));
    EQ(0, poll(&entry, 1, 0));
    EQ(fd, signalfd(fd, &set, 0));
    EQ(1, poll(&entry, 1, 0));
    EQ(POLLIN, entry.revents);
    FAILS(EINVAL, signalfd(0, &set, 0));
    FAILS(EBADF, signalfd(999, &set, 0));
    FAILS(EINVAL, signalfd(-1, &set, 0x10));
}

TEST(signalfd_blocks_and_tells_of_children)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    OK(sigprocmask(SIG_BLOCK, &set, NULL));
    int fd = OK(signalfd(-1, &set, 0));
    pid_t child = CHILD({ pause_ms(10); _exit(6); });
    struct signalfd_siginfo info;
    EQ(sizeof info, read(fd, &info, sizeof info));
    EQ(SIGCHLD, info.ssi_signo);
    EQ(child, info.ssi_pid);
    EQ(6, info.ssi_status);
    EQ(CLD_EXITED, info.ssi_code);
    EXITS(6, child);
}

static long pidfd_open(pid_t pid, unsigned flags) { return syscall(SYS_pidfd_open, pid, flags); }

static long pidfd_send(int fd, int signal, siginfo_t *info, unsigned flags)
{
    return syscall(SYS_pidfd_send_signal, fd, signal, info, flags);
}

TEST(pidfd_polls_readable_at_exit)
{
    int fds[2];
    OK(pipe(fds));
    pid_t child = CHILD({ await_byte(fds[0]); });
    int fd = OK(pidfd_open(child, 0));
    EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
    struct pollfd entry = { fd, POLLIN, 0 };
    EQ(0, poll(&entry, 1, 0));
    send_byte(fds[1]);
    EQ(1, poll(&entry, 1, 10000));
    CHECK(entry.revents & POLLIN);
    EXITS(0, child);
    FAILS(ESRCH, pidfd_send(fd, 0, NULL, 0));
}

TEST(pidfd_signals)
{
    pid_t child = CHILD({ for (;;) { pause(); } });
    int fd = OK(pidfd_open(child, 0));
    OK(pidfd_send(fd, 0, NULL, 0));
    FAILS(EINVAL, pidfd_send(fd, SIGTERM, NULL, 0x1000));
    FAILS(EINVAL, pidfd_send(fd, 99, NULL, 0));
    FAILS(EBADF, pidfd_send(0, SIGTERM, NULL, 0));
    OK(pidfd_send(fd, SIGTERM, NULL, 0));
    siginfo_t info;
    OK(waitid(P_PIDFD, fd, &info, WEXITED));
    EQ(SIGTERM, info.si_status);
}

TEST(pidfd_open_refusals)
{
    FAILS(ESRCH, pidfd_open(0x3ffffff, 0));
    FAILS(EINVAL, pidfd_open(0, 0));
    FAILS(EINVAL, pidfd_open(-1, 0));
    FAILS(EINVAL, pidfd_open(getpid(), 0x1000000));
}

TEST(pidfd_getfd_takes_a_descriptor)
{
    int ready[2], data[2];
    OK(pipe(ready));
    pid_t child = CHILD({
        OK(pipe(data));
        EQ(sizeof data, write(ready[1], data, sizeof data));
        pause();
    });
    EQ(sizeof data, read(ready[0], data, sizeof data));
    int fd = OK(pidfd_open(child, 0));
    int taken = OK(syscall(SYS_pidfd_getfd, fd, data[1], 0));
    EQ(FD_CLOEXEC, fcntl(taken, F_GETFD));
    EQ(3, write(taken, "abc", 3));
    FAILS(EBADF, syscall(SYS_pidfd_getfd, fd, 999, 0));
    FAILS(EINVAL, syscall(SYS_pidfd_getfd, fd, data[1], 1));
    OK(kill(child, SIGKILL));
    KILLED(SIGKILL, child);
    FAILS(ESRCH, syscall(SYS_pidfd_getfd, fd, data[1], 0));
}

TEST(pidfd_nonblock_waitid)
{
    pid_t child = CHILD({ for (;;) { pause(); } });
    int fd = OK(pidfd_open(child, O_NONBLOCK));
    siginfo_t info;
    FAILS(EAGAIN, waitid(P_PIDFD, fd, &info, WEXITED));
    OK(kill(child, SIGKILL));
    KILLED(SIGKILL, child);
}

TEST(pidfd_shows_its_pid_in_fdinfo)
{
    int fd = OK(pidfd_open(getpid(), 0));
    char path[64], text[512], line[64];
    sprintf(path, "/proc/self/fdinfo/%d", fd);
    read_file(path, text, sizeof text);
    sprintf(line, "Pid:\t%d\n", getpid());
    CHECK(strstr(text, line) != NULL);
}

TEST(a_process_directory_of_proc_stands_for_the_process)
{
    char name[32];
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    OK(sigprocmask(SIG_BLOCK, &set, NULL));
    snprintf(name, sizeof name, "/proc/%d", getpid());
    int fd = OK(open(name, O_RDONLY | O_DIRECTORY));
    OK(pidfd_send(fd, SIGUSR1, NULL, 0));
    EQ(SIGUSR1, sigwaitinfo(&set, NULL));
    FAILS(EBADF, pidfd_send(OK(open(name, O_PATH)), 0, NULL, 0));
    FAILS(EBADF, pidfd_send(OK(open("/proc", O_RDONLY)), 0, NULL, 0));
    FAILS(EBADF, pidfd_send(OK(open("/proc/self/task", O_RDONLY)), 0, NULL, 0));
    FAILS(EBADF, pidfd_send(OK(open("/proc/thread-self", O_RDONLY)), 0, NULL, 0));
    pid_t child = CHILD({ pause(); });
    snprintf(name, sizeof name, "/proc/%d", child);
    fd = OK(open(name, O_RDONLY));
    OK(pidfd_send(fd, SIGTERM, NULL, 0));
    KILLED(SIGTERM, child);
    FAILS(ESRCH, pidfd_send(fd, 0, NULL, 0));
}
