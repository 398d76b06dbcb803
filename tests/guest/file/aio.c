// Asynchronous I/O: io_setup(2), io_submit(2), io_getevents(2), io_cancel(2), io_destroy(2), eventfd notification.
#include "guest.h"
#include <linux/aio_abi.h>

static long io_setup(unsigned count, aio_context_t *context) { return syscall(SYS_io_setup, count, context); }
static long io_destroy(aio_context_t context) { return syscall(SYS_io_destroy, context); }
static long io_submit(aio_context_t context, long count, struct iocb **list) { return syscall(SYS_io_submit, context, count, list); }
static long io_getevents(aio_context_t context, long least, long most, struct io_event *events, struct timespec *timeout)
{
    return syscall(SYS_io_getevents, context, least, most, events, timeout);
}

static struct iocb request(int operation, int fd, void *buffer, size_t length, long offset)
{
    return (struct iocb){ .aio_data = 0x1234, .aio_lio_opcode = operation, .aio_fildes = fd,
                          .aio_buf = (uintptr_t)buffer, .aio_nbytes = length, .aio_offset = offset };
}

TEST(write_then_read)
{
    aio_context_t context = 0;
    char out[] = "hello", in[8] = "";
    int fd = OK(open("file", O_RDWR | O_CREAT, 0600));
    struct iocb write = request(IOCB_CMD_PWRITE, fd, out, 5, 10), read = request(IOCB_CMD_PREAD, fd, in, 8, 10);
    struct iocb *list[] = { &write, &read };
    struct io_event events[4];
    OK(io_setup(4, &context));
    CHECK(context != 0);
    EQ(1, OK(io_submit(context, 1, &list[0])));
    EQ(1, OK(io_getevents(context, 1, 4, events, NULL)));
    EQ(5, events[0].res);
    EQ(0, events[0].res2);
    EQ(0x1234, events[0].data);
    EQ((uintptr_t)&write, events[0].obj);
    EQ(1, OK(io_submit(context, 1, &list[1])));
    EQ(1, OK(io_getevents(context, 1, 4, events, NULL)));
    EQ(5, events[0].res);
    STREQ("hello", in);
    OK(io_destroy(context));
}

TEST(vectors_and_sync)
{
    aio_context_t context = 0;
    char a[4] = "abc", b[4] = "def";
    struct iovec parts[] = { { a, 3 }, { b, 3 } };
    int fd = OK(open("file", O_RDWR | O_CREAT, 0600));
    struct iocb write = request(IOCB_CMD_PWRITEV, fd, parts, 2, 0), sync = request(IOCB_CMD_FSYNC, fd, NULL, 0, 0);
    struct iocb data = request(IOCB_CMD_FDSYNC, fd, NULL, 0, 0), *list[] = { &write, &sync, &data };
    struct io_event events[4];
    OK(io_setup(8, &context));
    EQ(3, OK(io_submit(context, 3, list)));
    EQ(3, OK(io_getevents(context, 3, 4, events, NULL)));
    for (int i = 0; i < 3; i++) {
        EQ(events[i].obj == (uintptr_t)&write ? 6 : 0, events[i].res);
    }

    char text[8];
    EQ(6, read_file("file", text, sizeof text));
    STREQ("abcdef", text);
    struct iovec back[] = { { a, 3 }, { b, 3 } };
    struct iocb read = request(IOCB_CMD_PREADV, fd, back, 2, 3), *only[] = { &read };
    EQ(1, OK(io_submit(context, 1, only)));
    EQ(1, OK(io_getevents(context, 1, 1, events, NULL)));
    EQ(3, events[0].res);
    STREQ("def", a);
    OK(io_destroy(context));
}

TEST(eventfd_is_notified)
{
    aio_context_t context = 0;
    int fd = OK(open("file", O_RDWR | O_CREAT, 0600)), counter = OK(eventfd(0, EFD_NONBLOCK));
    char byte = 'x';
    struct iocb write = request(IOCB_CMD_PWRITE, fd, &byte, 1, 0), *list[] = { &write, &write };
    write.aio_flags = IOCB_FLAG_RESFD;
    write.aio_resfd = counter;
    OK(io_setup(8, &context));
    EQ(2, OK(io_submit(context, 2, list)));
    struct pollfd poll_counter = { counter, POLLIN, 0 };
    EQ(1, OK(poll(&poll_counter, 1, 5000)));
    struct io_event events[4];
    EQ(2, OK(io_getevents(context, 2, 4, events, NULL)));
    uint64_t value;
    EQ(8, OK(read(counter, &value, 8)));
    EQ(2, value);
    OK(io_destroy(context));
}

TEST(errors_of_the_operation_come_as_events)
{
    aio_context_t context = 0;
    int fd = OK(open("file", O_RDWR | O_CREAT, 0600));
    write_file("file", "some text");
    struct iocb read = request(IOCB_CMD_PREAD, fd, (void *)4096, 4, 0), *list[] = { &read };
    struct io_event event;
    OK(io_setup(1, &context));
    EQ(1, OK(io_submit(context, 1, list)));
    EQ(1, OK(io_getevents(context, 1, 1, &event, NULL)));
    EQ(-EFAULT, event.res);
    read = request(IOCB_CMD_PREAD, fd, &event, 4, 100);
    EQ(1, OK(io_submit(context, 1, list)));
    EQ(1, OK(io_getevents(context, 1, 1, &event, NULL)));
    EQ(0, event.res);
    OK(io_destroy(context));
}

TEST(refusals_of_submit)
{
    aio_context_t context = 0;
    char byte;
    int fd = OK(open("file", O_RDONLY | O_CREAT, 0600));
    struct iocb good = request(IOCB_CMD_PREAD, fd, &byte, 1, 0), bad = good, *list[] = { &good, &bad };
    OK(io_setup(8, &context));
    EQ(0, OK(io_submit(context, 0, list)));
    FAILS(EINVAL, io_submit(context, -1, list));
    FAILS(EINVAL, io_submit(context + 1, 1, list));
    FAILS(EFAULT, io_submit(context, 1, (void *)8));
    bad.aio_fildes = 999;
    EQ(1, OK(io_submit(context, 2, list)));
    FAILS(EBADF, io_submit(context, 1, &list[1]));
    bad = good;
    bad.aio_lio_opcode = IOCB_CMD_PWRITE;
    FAILS(EBADF, io_submit(context, 1, &list[1]));
    bad.aio_lio_opcode = 77;
    FAILS(EINVAL, io_submit(context, 1, &list[1]));
    bad = good;
    bad.aio_reserved2 = 1;
    FAILS(EINVAL, io_submit(context, 1, &list[1]));
    bad = good;
    bad.aio_flags = IOCB_FLAG_RESFD;
    bad.aio_resfd = fd;
    FAILS(EINVAL, io_submit(context, 1, &list[1]));
    bad = good;
    bad.aio_nbytes = -1;
    FAILS(EINVAL, io_submit(context, 1, &list[1]));
    bad = good;
    bad.aio_offset = -1;
    FAILS(EINVAL, io_submit(context, 1, &list[1]));
    OK(io_destroy(context));
}

TEST(setup_and_destroy)
{
    aio_context_t context = 1, other = 0;
    FAILS(EINVAL, io_setup(1, &context));
    context = 0;
    FAILS(EINVAL, io_setup(0, &context));
    FAILS(EFAULT, io_setup(1, NULL));
    FAILS(EINVAL, io_setup(0x7fffffff, &context));
    OK(io_setup(1, &context));
    OK(io_setup(1, &other));
    CHECK(context != other);
    OK(io_destroy(context));
    FAILS(EINVAL, io_destroy(context));
    FAILS(EINVAL, io_destroy(0));
    EXITS(0, CHILD({ FAILS(EINVAL, io_destroy(other)); }));
    OK(io_destroy(other));
}

TEST(waiting)
{
    aio_context_t context = 0;
    struct io_event event;
    struct timespec none = { 0 }, little = { .tv_nsec = 20000000 };
    OK(io_setup(1, &context));
    EQ(0, OK(io_getevents(context, 0, 1, &event, NULL)));
    EQ(0, OK(io_getevents(context, 1, 1, &event, &none)));
    int64_t start = now_ms();
    EQ(0, OK(io_getevents(context, 1, 1, &event, &little)));
    CHECK(now_ms() - start >= 19);
    FAILS(EINVAL, io_getevents(context, 2, 1, &event, &none));
    FAILS(EINVAL, io_getevents(context, -1, 1, &event, &none));
    FAILS(EINVAL, io_getevents(context + 4096, 1, 1, &event, &none));
    OK(io_destroy(context));
}

static void on_alarm(int signal) { (void)signal; }

TEST(a_signal_ends_the_wait)
{
    aio_context_t context = 0;
    struct io_event event;
    struct sigaction action = { .sa_handler = on_alarm };
    struct itimerval soon = { .it_value = { .tv_usec = 50000 } };
    OK(sigaction(SIGALRM, &action, NULL));
    OK(io_setup(1, &context));
    OK(setitimer(ITIMER_REAL, &soon, NULL));
    FAILS(EINTR, io_getevents(context, 1, 1, &event, NULL));
    OK(io_destroy(context));
}

TEST(pgetevents_with_a_mask)
{
    aio_context_t context = 0;
    struct io_event event;
    struct timespec little = { .tv_nsec = 50000000 };
    sigset_t mask;
    sigfillset(&mask);
    struct {
        sigset_t *set;
        size_t size;
    } masked = { &mask, 8 };
    struct sigaction action = { .sa_handler = on_alarm };
    struct itimerval soon = { .it_value = { .tv_usec = 10000 } };
    OK(sigaction(SIGALRM, &action, NULL));
    OK(io_setup(1, &context));
    OK(setitimer(ITIMER_REAL, &soon, NULL));
    EQ(0, OK(syscall(SYS_io_pgetevents, context, 1, 1, &event, &little, &masked)));
    masked.size = 4;
    FAILS(EINVAL, syscall(SYS_io_pgetevents, context, 1, 1, &event, &little, &masked));
    OK(io_destroy(context));
}

TEST(cancel_of_a_finished_request)
{
    aio_context_t context = 0;
    char byte;
    int fd = OK(open("file", O_RDONLY | O_CREAT, 0600));
    struct iocb read = request(IOCB_CMD_PREAD, fd, &byte, 1, 0), *list[] = { &read };
    struct io_event event;
    OK(io_setup(1, &context));
    EQ(1, OK(io_submit(context, 1, list)));
    FAILS(EINVAL, syscall(SYS_io_cancel, context, &read, &event));
    FAILS(EFAULT, syscall(SYS_io_cancel, context, NULL, &event));
    OK(io_destroy(context));
}
