// Pipes and FIFOs: capacity, atomicity, packets, ends, signals.
#include "guest.h"

static int fds[2];
static char data[1 << 20];

static int queued(int fd)
{
    int count = -1;
    OK(ioctl(fd, FIONREAD, &count));
    return count;
}

TEST(bytes_go_through_in_order)
{
    OK(pipe(fds));
    EQ(5, write(fds[1], "hello", 5));
    EQ(6, write(fds[1], " world", 6));
    EQ(11, queued(fds[0]));
    EQ(3, read(fds[0], data, 3));
    EQ(8, read(fds[0], data + 3, 100));
    CHECK(memcmp(data, "hello world", 11) == 0);
}

TEST(flags_of_pipe2)
{
    OK(pipe2(fds, O_CLOEXEC | O_NONBLOCK));
    EQ(FD_CLOEXEC, fcntl(fds[0], F_GETFD));
    EQ(O_NONBLOCK, fcntl(fds[0], F_GETFL));
    EQ(O_NONBLOCK | O_WRONLY, fcntl(fds[1], F_GETFL));
    FAILS(EAGAIN, read(fds[0], data, 1));
    FAILS(EINVAL, pipe2(fds, O_APPEND));
    FAILS(EBADF, write(fds[0], data, 1));
    FAILS(EBADF, read(fds[1], data, 1));
    FAILS(EFAULT, pipe2((int *)8, 0));
}

TEST(the_default_capacity_is_64_kib)
{
    OK(pipe2(fds, O_NONBLOCK));
    EQ(65536, fcntl(fds[0], F_GETPIPE_SZ));
    EQ(65536, write(fds[1], data, sizeof data));
    FAILS(EAGAIN, write(fds[1], data, 1));
    EQ(65536, queued(fds[0]));
}

TEST(the_capacity_can_change)
{
    OK(pipe2(fds, O_NONBLOCK));
    EQ(1 << 20, fcntl(fds[0], F_SETPIPE_SZ, 1 << 20));
    EQ(1 << 20, write(fds[1], data, sizeof data));
    FAILS(EBUSY, fcntl(fds[0], F_SETPIPE_SZ, 4096));
    EQ(1 << 20, read(fds[0], data, sizeof data));
    EQ(4096, fcntl(fds[0], F_SETPIPE_SZ, 1));
    EQ(8192, fcntl(fds[1], F_SETPIPE_SZ, 5000));
    FAILS(EBADF, fcntl(OK(open("f", O_CREAT | O_RDWR, 0600)), F_GETPIPE_SZ));
    EXITS(0, CHILD({
        OK(setresuid(1000, 1000, 1000));
        FAILS(EPERM, fcntl(fds[0], F_SETPIPE_SZ, 2 << 20));
    }));
}

TEST(the_end_of_writers_is_the_end_of_file)
{
    OK(pipe(fds));
    send_byte(fds[1]);
    int copy = OK(dup(fds[1]));
    OK(close(fds[1]));
    EQ(1, read(fds[0], data, 10));
    OK(close(copy));
    EQ(0, read(fds[0], data, 10));
    EQ(0, read(fds[0], data, 10));
}

TEST(a_blocked_reader_sees_the_last_writer_go)
{
    OK(pipe(fds));
    pid_t child = CHILD({ close(fds[1]); EQ(0, read(fds[0], data, 10)); });
    await_state(child, 'S');
    OK(close(fds[1]));
    EXITS(0, child);
}

static volatile sig_atomic_t broken;
static void on_pipe(int number) { (void)number; broken++; }

TEST(writing_without_readers_signals)
{
    OK(pipe(fds));
    OK(close(fds[0]));
    signal(SIGPIPE, on_pipe);
    FAILS(EPIPE, write(fds[1], "x", 1));
    EQ(1, broken);
    KILLED(SIGPIPE, CHILD({ signal(SIGPIPE, SIG_DFL); write(fds[1], "x", 1); }));
}

TEST(a_blocked_writer_sees_the_last_reader_go)
{
    OK(pipe(fds));
    signal(SIGPIPE, SIG_IGN);
    pid_t child = CHILD({
        close(fds[0]);
        EQ(65536, write(fds[1], data, 65536));
        FAILS(EPIPE, write(fds[1], data, 65536));
    });
    await_state(child, 'S');
    OK(close(fds[0]));
    EXITS(0, child);
}

TEST(small_writes_are_atomic)
{
    OK(pipe2(fds, O_NONBLOCK));
    EQ(65536 - 100, write(fds[1], data, 65536 - 100));
    FAILS(EAGAIN, write(fds[1], data, 4096));
    EQ(65536 - 100, queued(fds[0]));
    EQ(100, write(fds[1], data, 100));
}

TEST(writers_of_small_records_do_not_mix)
{
    OK(pipe(fds));
    for (int i = 0; i < 4; i++) {
        CHILD({
            char record[512];
            memset(record, 'a' + i, sizeof record);
            for (int j = 0; j < 200; j++) {
                EQ(512, write(fds[1], record, 512));
            }
        });
    }
    OK(close(fds[1]));
    size_t total = 0;
    ssize_t count;
    while ((count = OK(read(fds[0], data + total, sizeof data - total))) > 0) {
        total += count;
    }
    EQ(4 * 200 * 512, total);
    for (size_t i = 0; i < total; i += 512) {
        for (int j = 1; j < 512; j++) {
            EQ(data[i], data[i + j]);
        }
    }
}

TEST(packets)
{
    OK(pipe2(fds, O_DIRECT | O_NONBLOCK));
    EQ(5, write(fds[1], "first", 5));
    EQ(6, write(fds[1], "second", 6));
    EQ(3, read(fds[0], data, 3));
    EQ(6, read(fds[0], data, 100));
    CHECK(memcmp(data, "second", 6) == 0);
    EQ(10000, write(fds[1], data, 10000));
    EQ(4096, read(fds[0], data, 20000));
    EQ(4096, read(fds[0], data, 20000));
    EQ(1808, read(fds[0], data, 20000));
}

TEST(fifos_open_together)
{
    OK(mkfifo("fifo", 0600));
    FAILS(ENXIO, open("fifo", O_WRONLY | O_NONBLOCK));
    int reader = OK(open("fifo", O_RDONLY | O_NONBLOCK));
    EQ(0, read(reader, data, 1));
    int writer = OK(open("fifo", O_WRONLY | O_NONBLOCK));
    FAILS(EAGAIN, read(reader, data, 1));
    EQ(2, write(writer, "hi", 2));
    EQ(2, read(reader, data, 10));
    OK(close(writer));
    EQ(0, read(reader, data, 1));
    OK(close(reader));
    pid_t child = CHILD({ int fd = OK(open("fifo", O_WRONLY)); send_byte(fd); });
    await_state(child, 'S');
    reader = OK(open("fifo", O_RDONLY));
    await_byte(reader);
    EXITS(0, child);
}

TEST(a_fifo_opened_both_ways_never_blocks)
{
    OK(mkfifo("fifo", 0600));
    int fd = OK(open("fifo", O_RDWR));
    send_byte(fd);
    await_byte(fd);
    struct stat st;
    OK(fstat(fd, &st));
    CHECK(S_ISFIFO(st.st_mode));
    FAILS(ESPIPE, lseek(fd, 0, SEEK_SET));
}

TEST(a_pipe_reopened_through_proc)
{
    OK(pipe(fds));
    char path[64];
    sprintf(path, "/proc/self/fd/%d", fds[0]);
    int writer = OK(open(path, O_WRONLY));
    send_byte(writer);
    await_byte(fds[0]);
    char target[64];
    ssize_t length = OK(readlink(path, target, 63));
    target[length] = 0;
    struct stat st;
    OK(fstat(fds[0], &st));
    char expected[64];
    sprintf(expected, "pipe:[%lu]", (unsigned long)st.st_ino);
    STREQ(expected, target);
}

TEST(stat_of_a_pipe)
{
    struct stat st;
    OK(pipe(fds));
    OK(fstat(fds[0], &st));
    EQ(S_IFIFO | 0600, st.st_mode);
    EQ(0, st.st_size);
    EQ(1, st.st_nlink);
}

TEST(owner_signals)
{
    OK(pipe(fds));
    signal(SIGIO, on_pipe);
    OK(fcntl(fds[0], F_SETOWN, getpid()));
    EQ(getpid(), fcntl(fds[0], F_GETOWN));
    OK(fcntl(fds[0], F_SETFL, O_ASYNC));
    send_byte(fds[1]);
    EQ(1, broken);
    signal(SIGUSR1, on_pipe);
    OK(fcntl(fds[0], F_SETSIG, SIGUSR1));
    EQ(SIGUSR1, fcntl(fds[0], F_GETSIG));
    send_byte(fds[1]);
    EQ(2, broken);
}

TEST(a_large_transfer_through_a_small_pipe)
{
    OK(pipe(fds));
    EQ(4096, fcntl(fds[0], F_SETPIPE_SZ, 4096));
    pid_t child = CHILD({
        close(fds[0]);
        for (size_t i = 0; i < sizeof data; i++) {
            data[i] = (char)(i * 31);
        }
        EQ(sizeof data, write(fds[1], data, sizeof data));
    });
    OK(close(fds[1]));
    size_t total = 0;
    ssize_t count;
    while ((count = OK(read(fds[0], data + total, sizeof data - total))) > 0) {
        total += count;
    }
    EQ(sizeof data, total);
    for (size_t i = 0; i < total; i++) {
        EQ((char)(i * 31), data[i]);
    }
    EXITS(0, child);
}

static int reopen(int fd, int flags)
{
    char link[32];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    return open(link, flags);
}

TEST(a_pipe_can_be_opened_again_through_proc)
{
    char byte;
    OK(pipe(fds));
    int reader = OK(reopen(fds[0], O_RDONLY)), writer = OK(reopen(fds[0], O_WRONLY)), both = OK(reopen(fds[1], O_RDWR));
    EQ(1, write(writer, "a", 1));
    EQ(1, read(reader, &byte, 1));
    EQ('a', byte);
    EQ(1, write(both, "b", 1));
    EQ(1, read(both, &byte, 1));
    EQ('b', byte);
    FAILS(EBADF, read(writer, &byte, 1));
    OK(close(both));
    OK(close(writer));
    OK(close(fds[1]));
    EQ(0, read(reader, &byte, 1));
}

TEST(opening_a_pipe_again_waits_for_nobody)
{
    char byte;
    OK(pipe(fds));
    OK(close(fds[1]));
    int reader = OK(reopen(fds[0], O_RDONLY));
    EQ(0, read(reader, &byte, 1));
    int writer = OK(reopen(fds[0], O_WRONLY | O_NONBLOCK));
    OK(close(fds[0]));
    OK(close(reader));
    int second = OK(reopen(writer, O_WRONLY | O_NONBLOCK)), third = OK(reopen(writer, O_WRONLY));
    signal(SIGPIPE, SIG_IGN);
    FAILS(EPIPE, write(second, "x", 1));
    FAILS(EPIPE, write(third, "x", 1));
}

TEST(a_socket_cannot_be_opened_again)
{
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
    FAILS(ENXIO, reopen(fds[0], O_RDWR));
}

TEST(tee_of_nothing_does_not_wait)
{
    int in[2], out[2];
    OK(pipe(in));
    OK(pipe(out));
    EQ(2, write(in[1], "ab", 2));
    EQ(0, tee(in[0], out[1], 0, 0));
    EQ(0, splice(in[0], NULL, out[1], NULL, 0, 0));
    EQ(2, tee(in[0], out[1], 100, 0));
}

TEST(a_capacity_beyond_all_bounds)
{
    OK(pipe(fds));
    FAILS(EINVAL, fcntl(fds[1], F_SETPIPE_SZ, 0x80000001u));
    if (fcntl(fds[1], F_SETPIPE_SZ, 0x7fffffff) == -1) {
        CHECK(errno == ENOMEM || errno == EPERM);
        EQ(65536, fcntl(fds[1], F_GETPIPE_SZ));
    }
    EQ(2, write(fds[1], "ab", 2));
    char text[2];
    EQ(2, read(fds[0], text, 2));
}
