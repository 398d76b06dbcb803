// Seccomp listeners (seccomp_unotify(2)): a supervisor takes calls, answers them, lets them run, hands files over.
#include "guest.h"
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV 0x20
#endif

static long seccomp(unsigned operation, unsigned flags, void *argument)
{
    return syscall(SYS_seccomp, operation, flags, argument);
}

// Asks about one call, and gives the listener.
static int listen_for(int number, unsigned flags)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)number, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = { sizeof code / sizeof *code, code };
    OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    return seccomp(SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER | flags, &program);
}

static int listener;

// The child runs the block with the filter for the call; its parent has the listener.
#define SUPERVISED(number, ...)                                                      \
    ({                                                                               \
        listener = OK(listen_for(number, 0));                                        \
        CHILD(__VA_ARGS__);                                                          \
    })

static struct seccomp_notif receive(void)
{
    struct seccomp_notif call = { 0 };
    OK(ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call));
    return call;
}

static int answer(uint64_t id, int error, long value, unsigned flags)
{
    struct seccomp_notif_resp response = { id, value, error, flags };
    return ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response);
}

TEST(a_supervisor_answers_a_call)
{
    pid_t child = SUPERVISED(SYS_getppid, {
        EQ(4711, syscall(SYS_getppid, 1, 2, 3, 4, 5, 6));
        FAILS(EXDEV, syscall(SYS_getppid));
    });
    struct seccomp_notif call = receive();
    EQ(child, call.pid);
    EQ(0, call.flags);
    EQ(SYS_getppid, call.data.nr);
    EQ(AUDIT_ARCH_X86_64, call.data.arch);
    CHECK(call.data.instruction_pointer != 0);
    for (unsigned i = 0; i < 6; i++) {
        EQ(i + 1, call.data.args[i]);
    }
    OK(ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &call.id));
    OK(answer(call.id, 0, 4711, 0));
    uint64_t answered = call.id;
    call = receive();
    CHECK(call.id != answered);
    FAILS(ENOENT, answer(answered, 0, 0, 0));
    FAILS(ENOENT, ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &answered));
    OK(answer(call.id, -EXDEV, 0, 0));
    EXITS(0, child);
}

TEST(a_supervisor_lets_a_call_run)
{
    pid_t parent = getpid();
    pid_t child = SUPERVISED(SYS_getppid, { EQ(parent, syscall(SYS_getppid)); });
    OK(answer(receive().id, 0, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE));
    EXITS(0, child);
}

TEST(the_descriptor_polls)
{
    int go[2];
    OK(pipe(go));
    pid_t child = SUPERVISED(SYS_getppid, {
        char byte;
        EQ(1, read(go[0], &byte, 1));
        EQ(0, syscall(SYS_getppid));
    });
    struct pollfd poll_ = { listener, POLLIN | POLLOUT, 0 };
    EQ(0, poll(&poll_, 1, 0));
    EQ(1, write(go[1], "x", 1));
    EQ(1, poll(&poll_, 1, -1));
    EQ(POLLIN, poll_.revents);
    struct seccomp_notif call = receive();
    EQ(1, poll(&poll_, 1, 0));
    EQ(POLLOUT, poll_.revents);
    OK(answer(call.id, 0, 0, 0));
    EXITS(0, child);
}

static int listener_of_child;

// A process of its own with the filter, so that the listener can outlive everybody held to it.
static pid_t held_child(int number, void (*run)(void))
{
    int pair[2];
    OK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair));
    pid_t child = CHILD({
        int own = OK(listen_for(number, 0));
        EQ(4, write(pair[1], &own, 4));
        char byte;
        EQ(1, read(pair[1], &byte, 1));
        OK(close(own));
        run();
    });
    int number_there;
    EQ(4, read(pair[0], &number_there, 4));
    int pidfd = OK(syscall(SYS_pidfd_open, child, 0));
    listener_of_child = OK(syscall(SYS_pidfd_getfd, pidfd, number_there, 0));
    EQ(1, write(pair[0], "x", 1));
    return child;
}

static void do_nothing(void) {}

TEST(nobody_left_hangs_up)
{
    pid_t child = held_child(SYS_getppid, do_nothing);
    EXITS(0, child);
    struct pollfd poll_ = { listener_of_child, POLLIN, 0 };
    EQ(1, poll(&poll_, 1, -1));
    EQ(POLLHUP, poll_.revents);
}

static void expect_no_such_call(void) { FAILS(ENOSYS, syscall(SYS_getppid)); }

TEST(calls_without_a_supervisor_do_not_exist)
{
    pid_t child = held_child(SYS_getppid, expect_no_such_call);
    struct pollfd poll_ = { listener_of_child, POLLIN, 0 };
    EQ(1, poll(&poll_, 1, -1));
    OK(close(listener_of_child));
    EXITS(0, child);
}

static void on_alarm(int number) { (void)number; }

static void call_interrupted(void)
{
    struct sigaction action = { .sa_handler = on_alarm };
    OK(sigaction(SIGALRM, &action, NULL));
    FAILS(EINTR, syscall(SYS_getppid));
}

TEST(a_signal_ends_the_wait)
{
    pid_t child = held_child(SYS_getppid, call_interrupted);
    listener = listener_of_child;
    struct seccomp_notif call = receive();
    OK(kill(child, SIGALRM));
    EXITS(0, child);
    FAILS(ENOENT, answer(call.id, 0, 0, 0));
}

TEST(a_kill_ends_the_wait)
{
    pid_t child = held_child(SYS_getppid, call_interrupted);
    listener = listener_of_child;
    receive();
    OK(kill(child, SIGKILL));
    KILLED(SIGKILL, child);
}

TEST(files_are_handed_over)
{
    int go[2];
    OK(pipe(go));
    pid_t child = SUPERVISED(SYS_getppid, {
        struct stat st;
        int fd = syscall(SYS_getppid);
        CHECK(fd > 2);
        char text[3];
        EQ(3, pread(fd, text, 3, 0));
        EQ(0, memcmp(text, "abc", 3));
        EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
        EQ(77, syscall(SYS_getppid));
        OK(fstat(77, &st));
        EQ(0, fcntl(77, F_GETFD));
        // Added and answered at once.
        fd = syscall(SYS_getppid);
        EQ(3, pread(fd, text, 3, 0));
    });
    int file = OK(open("file", O_RDWR | O_CREAT, 0600));
    EQ(3, write(file, "abc", 3));
    struct seccomp_notif call = receive();
    struct seccomp_notif_addfd add = { call.id, 0, (unsigned)file, 0, O_CLOEXEC };
    int number = OK(ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add));
    OK(answer(call.id, 0, number, 0));
    call = receive();
    add = (struct seccomp_notif_addfd) { call.id, SECCOMP_ADDFD_FLAG_SETFD, (unsigned)file, 77, 0 };
    EQ(77, OK(ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add)));
    add.newfd = 1 << 30;
    FAILS(EBADF, ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add));
    OK(answer(call.id, 0, 77, 0));
    call = receive();
    add = (struct seccomp_notif_addfd) { call.id, SECCOMP_ADDFD_FLAG_SEND, (unsigned)file, 0, 0 };
    CHECK(OK(ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add)) > 2);
    EXITS(0, child);
}

TEST(requests_are_checked)
{
    pid_t child = SUPERVISED(SYS_getppid, { EQ(5, syscall(SYS_getppid)); });
    struct seccomp_notif call = { .id = 1 };
    FAILS(EINVAL, ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call));
    FAILS(EFAULT, ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, (void *)8));
    call = receive();
    FAILS(EINVAL, answer(call.id, 0, 0, 2));
    FAILS(EINVAL, answer(call.id, -1, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE));
    FAILS(EINVAL, answer(call.id, 0, 1, SECCOMP_USER_NOTIF_FLAG_CONTINUE));
    FAILS(ENOENT, answer(call.id + 1, 0, 0, 0));
    struct seccomp_notif_addfd add = { call.id, 0, 0, 5, 0 };
    FAILS(EINVAL, ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add));
    add = (struct seccomp_notif_addfd) { call.id, 4, 0, 0, 0 };
    FAILS(EINVAL, ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add));
    add = (struct seccomp_notif_addfd) { call.id, 0, 0, 0, O_NONBLOCK };
    FAILS(EINVAL, ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add));
    add = (struct seccomp_notif_addfd) { call.id, 0, 9999, 0, 0 };
    FAILS(EBADF, ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add));
    add = (struct seccomp_notif_addfd) { call.id + 1, 0, 0, 0, 0 };
    FAILS(ENOENT, ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add));
    FAILS(EINVAL, ioctl(listener, 0x12345, 0));
    OK(answer(call.id, 0, 5, 0));
    EXITS(0, child);
}

TEST(there_is_one_listener)
{
    int flags = fcntl(OK(listen_for(SYS_getppid, 0)), F_GETFD);
    EQ(FD_CLOEXEC, flags);
    FAILS(EBUSY, listen_for(SYS_getppid, 0));
}

TEST(flags_must_fit)
{
    FAILS(EINVAL, listen_for(SYS_getppid, SECCOMP_FILTER_FLAG_TSYNC));
    FAILS(EINVAL, seccomp(SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, NULL));
    uint32_t action = SECCOMP_RET_USER_NOTIF;
    OK(seccomp(SECCOMP_GET_ACTION_AVAIL, 0, &action));
    struct seccomp_notif_sizes sizes;
    OK(seccomp(SECCOMP_GET_NOTIF_SIZES, 0, &sizes));
    EQ(sizeof(struct seccomp_notif), sizes.seccomp_notif);
    EQ(sizeof(struct seccomp_notif_resp), sizes.seccomp_notif_resp);
    EQ(sizeof(struct seccomp_data), sizes.seccomp_data);
    FAILS(EINVAL, seccomp(SECCOMP_GET_NOTIF_SIZES, 1, &sizes));
    OK(listen_for(SYS_getppid, SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_TSYNC_ESRCH));
}

TEST(a_received_call_can_wait_for_its_answer_alone)
{
    listener = OK(listen_for(SYS_getppid, SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV));
    pid_t child = CHILD({
        struct sigaction action = { .sa_handler = on_alarm };
        OK(sigaction(SIGALRM, &action, NULL));
        EQ(9, syscall(SYS_getppid));
    });
    struct seccomp_notif call = receive();
    OK(kill(child, SIGALRM));
    OK(ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &call.id));
    OK(answer(call.id, 0, 9, 0));
    EXITS(0, child);
}
