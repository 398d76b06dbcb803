// Calls that the C library hides behind others, made by number.
#include "guest.h"
#include <mqueue.h>
#include <sys/fsuid.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>

#ifndef SYS_futex_wake
#define SYS_futex_wake 454
#define SYS_futex_wait 455
#define SYS_futex_requeue 456
#endif
#ifndef FUTEX2_SIZE_U32
#define FUTEX2_SIZE_U32 2
#define FUTEX2_PRIVATE 128
#endif

static struct stat st;

TEST(eventfd2_takes_flags)
{
    int fd = OK(syscall(SYS_eventfd2, 3, EFD_NONBLOCK | EFD_CLOEXEC | EFD_SEMAPHORE));
    EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
    EQ(O_RDWR | O_NONBLOCK, fcntl(fd, F_GETFL));
    uint64_t count;
    EQ(8, read(fd, &count, 8));
    EQ(1, count);
    FAILS(EINVAL, syscall(SYS_eventfd2, 0, 2));
}

TEST(signalfd4_needs_the_size_of_the_set)
{
    uint64_t set = 1ull << (SIGUSR1 - 1);
    OK(syscall(SYS_rt_sigprocmask, SIG_BLOCK, &set, NULL, 8));
    int fd = OK(syscall(SYS_signalfd4, -1, &set, 8, SFD_NONBLOCK | SFD_CLOEXEC));
    EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
    struct signalfd_siginfo info;
    FAILS(EAGAIN, read(fd, &info, sizeof info));
    OK(kill(getpid(), SIGUSR1));
    EQ(sizeof info, read(fd, &info, sizeof info));
    EQ(SIGUSR1, info.ssi_signo);
    EQ(getpid(), info.ssi_pid);
    FAILS(EINVAL, syscall(SYS_signalfd4, -1, &set, 4, 0));
    FAILS(EINVAL, syscall(SYS_signalfd4, -1, &set, 8, 1));
    FAILS(EBADF, syscall(SYS_signalfd4, 999, &set, 8, 0));
    FAILS(EINVAL, syscall(SYS_signalfd4, 0, &set, 8, 0));
}

TEST(inotify_init_has_no_flags)
{
    int fd = OK(syscall(SYS_inotify_init));
    EQ(0, fcntl(fd, F_GETFD));
    EQ(O_RDONLY, fcntl(fd, F_GETFL));
    int watch = OK(inotify_add_watch(fd, ".", IN_CREATE));
    write_file("f", "");
    struct { struct inotify_event event; char name[16]; } got;
    EQ(sizeof got, read(fd, &got, sizeof got));
    EQ(watch, got.event.wd);
    STREQ("f", got.name);
}

TEST(faccessat2_takes_flags)
{
    write_file("f", "x");
    OK(chmod("f", 0600));
    OK(symlink("missing", "s"));
    OK(syscall(SYS_faccessat2, AT_FDCWD, "f", R_OK | W_OK, 0));
    FAILS(EACCES, syscall(SYS_faccessat2, AT_FDCWD, "f", X_OK, AT_EACCESS));
    FAILS(ENOENT, syscall(SYS_faccessat2, AT_FDCWD, "s", F_OK, 0));
    OK(syscall(SYS_faccessat2, AT_FDCWD, "s", F_OK, AT_SYMLINK_NOFOLLOW));
    int fd = OK(open("f", O_RDONLY));
    OK(syscall(SYS_faccessat2, fd, "", R_OK, AT_EMPTY_PATH));
    FAILS(ENOENT, syscall(SYS_faccessat2, fd, "", R_OK, 0));
    FAILS(EINVAL, syscall(SYS_faccessat2, AT_FDCWD, "f", 8, 0));
    FAILS(EINVAL, syscall(SYS_faccessat2, AT_FDCWD, "f", R_OK, 0x4000));
    OK(chmod(".", 0777));
    EXITS(0, CHILD({
        OK(setresuid(1000, 0, 0));
        FAILS(EACCES, syscall(SYS_faccessat2, AT_FDCWD, "f", R_OK, 0));
        OK(syscall(SYS_faccessat2, AT_FDCWD, "f", R_OK, AT_EACCESS));
    }));
}

TEST(names_relative_to_a_folder)
{
    OK(mkdir("d", 0755));
    int d = OK(open("d", O_RDONLY | O_DIRECTORY));
    OK(syscall(SYS_mknodat, d, "pipe", S_IFIFO | 0640, 0));
    OK(syscall(SYS_symlinkat, "target", d, "link"));
    OK(stat("d/pipe", &st));
    EQ(S_IFIFO | 0640, st.st_mode);
    OK(lstat("d/link", &st));
    CHECK(S_ISLNK(st.st_mode));
    OK(syscall(SYS_renameat, d, "pipe", AT_FDCWD, "moved"));
    FAILS(ENOENT, stat("d/pipe", &st));
    OK(stat("moved", &st));
    FAILS(EEXIST, syscall(SYS_mknodat, AT_FDCWD, "moved", S_IFREG, 0));
    FAILS(EPERM, syscall(SYS_mknodat, d, "dir", S_IFDIR | 0755, 0));
    FAILS(EINVAL, syscall(SYS_mknodat, d, "odd", 0xF000, 0));
    FAILS(EBADF, syscall(SYS_symlinkat, "x", 999, "y"));
    FAILS(ENOTDIR, syscall(SYS_renameat, OK(open("/dev/null", O_RDONLY)), "a", d, "b"));
    FAILS(EEXIST, syscall(SYS_symlinkat, "x", d, "link"));
}

TEST(sched_setparam_takes_a_priority_of_the_policy)
{
    struct sched_param param = { 0 };
    OK(syscall(SYS_sched_setparam, 0, &param));
    param.sched_priority = 1;
    FAILS(EINVAL, syscall(SYS_sched_setparam, 0, &param));
    FAILS(EINVAL, syscall(SYS_sched_setparam, 0, NULL));
    FAILS(EINVAL, syscall(SYS_sched_setparam, -1, &param));
    param.sched_priority = 0;
    FAILS(ESRCH, syscall(SYS_sched_setparam, 0x3ffffff, &param));
}

TEST(the_file_system_group_is_set_alone)
{
    OK(chmod(".", 0777));
    EQ(0, syscall(SYS_setfsgid, 1234));
    EQ(1234, syscall(SYS_setfsgid, -1));
    write_file("f", "");
    OK(stat("f", &st));
    EQ(1234, st.st_gid);
    EQ(0, getegid());
    OK(setresgid(-1, 5, -1));
    EQ(5, setfsgid(-1));
    EXITS(0, CHILD({
        OK(setresgid(5, 5, 5));
        OK(setresuid(1000, 1000, 1000));
        EQ(5, setfsgid(77));
        EQ(5, setfsgid(5));
    }));
}

TEST(a_queue_tells_and_takes_its_flags)
{
    struct mq_attr wanted = { .mq_maxmsg = 3, .mq_msgsize = 8 };
    struct mq_attr got = { 0 };
    mqd_t queue = OK(mq_open("/calls", O_CREAT | O_RDWR, 0600, &wanted));
    mq_unlink("/calls");
    OK(mq_send(queue, "a", 1, 0));
    OK(syscall(SYS_mq_getsetattr, queue, NULL, &got));
    EQ(3, got.mq_maxmsg);
    EQ(8, got.mq_msgsize);
    EQ(1, got.mq_curmsgs);
    EQ(0, got.mq_flags);
    wanted.mq_flags = O_NONBLOCK;
    wanted.mq_maxmsg = 99;
    OK(syscall(SYS_mq_getsetattr, queue, &wanted, &got));
    EQ(0, got.mq_flags);
    OK(syscall(SYS_mq_getsetattr, queue, NULL, &got));
    EQ(O_NONBLOCK, got.mq_flags);
    EQ(3, got.mq_maxmsg);
    wanted.mq_flags = O_APPEND;
    FAILS(EINVAL, syscall(SYS_mq_getsetattr, queue, &wanted, NULL));
    FAILS(EBADF, syscall(SYS_mq_getsetattr, 999, NULL, &got));
    FAILS(EBADF, syscall(SYS_mq_getsetattr, OK(open(".", O_RDONLY)), NULL, &got));
}

TEST(handle_calls_check_their_arguments)
{
    struct { unsigned bytes; int type; char data[128]; } handle = { .bytes = 128 };
    int id;
    FAILS(EINVAL, syscall(SYS_name_to_handle_at, AT_FDCWD, ".", &handle, &id, 0x10));
    FAILS(ENOENT, syscall(SYS_name_to_handle_at, AT_FDCWD, "missing", &handle, &id, 0));
    EXITS(0, CHILD({
        OK(setresuid(1000, 1000, 1000));
        FAILS(EPERM, syscall(SYS_open_by_handle_at, AT_FDCWD, &handle, O_RDONLY));
    }));
}

static uint32_t word;

static long futex2_wait(uint32_t value, uint64_t mask, struct timespec *until)
{
    return syscall(SYS_futex_wait, &word, value, mask, FUTEX2_SIZE_U32 | FUTEX2_PRIVATE, until, CLOCK_MONOTONIC);
}

static void *waiter(void *result)
{
    *(long *)result = futex2_wait(0, ~0u, NULL);
    return NULL;
}

TEST(futex2_waits_wakes_and_requeues)
{
    const unsigned flags = FUTEX2_SIZE_U32 | FUTEX2_PRIVATE;
    struct timespec past = { 0, 1 };
    FAILS(EAGAIN, futex2_wait(1, ~0u, NULL));
    FAILS(ETIMEDOUT, futex2_wait(0, ~0u, &past));
    FAILS(EINVAL, futex2_wait(0, 0, NULL));
    EQ(0, syscall(SYS_futex_wake, &word, ~0u, 1, flags));
    FAILS(EINVAL, syscall(SYS_futex_wake, &word, ~0u, 1, 0x1000));
    pthread_t threads[2];
    long results[2] = { 9, 9 };
    for (int i = 0; i < 2; i++) {
        EQ(0, pthread_create(&threads[i], NULL, waiter, &results[i]));
    }
    uint32_t other = 0;
    struct { uint64_t val, uaddr; uint32_t flags, reserved; } pair[2] = {
        { 0, (uintptr_t)&word, flags, 0 }, { 0, (uintptr_t)&other, flags, 0 },
    };
    int moved = 0;
    while (moved < 2) {
        long count = OK(syscall(SYS_futex_requeue, pair, 0, 0, 2));
        moved += count;
        pause_ms(2);
    }
    EQ(0, syscall(SYS_futex_wake, &word, ~0u, 2, flags));
    EQ(2, syscall(SYS_futex_wake, &other, ~0u, 2, flags));
    for (int i = 0; i < 2; i++) {
        EQ(0, pthread_join(threads[i], NULL));
        EQ(0, results[i]);
    }
    pair[0].val = 5;
    FAILS(EAGAIN, syscall(SYS_futex_requeue, pair, 0, 1, 1));
    FAILS(EINVAL, syscall(SYS_futex_requeue, pair, 1, 1, 1));
}

TEST(magic_links_to_what_has_no_name)
{
    char path[64];
    int pair[2];
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    sprintf(path, "/proc/self/fd/%d", pair[0]);
    FAILS(ENXIO, open(path, O_RDWR));
    int memory = OK(memfd_create("m", 0));
    EQ(3, write(memory, "abc", 3));
    sprintf(path, "/proc/self/fd/%d", memory);
    int again = OK(open(path, O_RDONLY));
    char text[4] = "";
    EQ(3, read(again, text, 4));
    STREQ("abc", text);
    OK(close(memory));
    OK(close(again));
    OK(pipe(pair));
    sprintf(path, "/proc/self/fd/%d", pair[1]);
    for (int i = 0; i < 3; i++) {
        OK(close(OK(open(path, O_WRONLY))));
        int reader = OK(open(path, O_RDONLY | O_NONBLOCK));
        FAILS(EAGAIN, read(reader, text, 1));
        OK(close(reader));
    }
    OK(close(pair[1]));
    EQ(0, read(pair[0], text, 1));
    const char *none[] = { "eventfd", "epoll" };
    int ends[] = { OK(eventfd(0, 0)), OK(epoll_create1(0)) };
    for (int i = 0; i < 2; i++) {
        sprintf(path, "/proc/self/fd/%d", ends[i]);
        if (open(path, O_RDWR) != -1) {
            FAIL("%s was opened again", none[i]);
        }
        OK(stat(path, &st));
        EQ(0600, st.st_mode & 0777);
    }
}

TEST(small_answers_of_descriptors)
{
    int file = OK(open("f", O_CREAT | O_RDWR, 0600)), folder = OK(open(".", O_RDONLY));
    uint64_t hint = 3;
    OK(fcntl(file, F_SET_RW_HINT, &hint));
    hint = 0;
    OK(fcntl(file, F_GET_RW_HINT, &hint));
    EQ(3, hint);
    hint = 6;
    FAILS(EINVAL, fcntl(file, F_SET_RW_HINT, &hint));
    FAILS(EINVAL, lseek(folder, 0, SEEK_END));
    FAILS(EINVAL, lseek(folder, -1, SEEK_SET));
    FAILS(EFAULT, read(file, &hint, -1));
    FAILS(EFAULT, write(file, &hint, 1ul << 62));
    int poller = OK(epoll_create1(0)), watcher = OK(inotify_init());
    EQ(0, lseek(poller, 5, SEEK_SET));
    EQ(0, lseek(watcher, 5, SEEK_SET));
    FAILS(EINVAL, ioctl(poller, FIONREAD, &hint));
    FAILS(EOPNOTSUPP, fchmod(poller, 0600));
    FAILS(EOPNOTSUPP, fchown(watcher, 0, 0));
    int again = OK(dup(file));
    EQ(1, fcntl(file, 1027, again));
    EQ(0, fcntl(file, 1027, folder));
    FAILS(EBADF, fcntl(file, 1027, 999));
    int shared = OK(open("/dev/shm/small", O_CREAT | O_RDWR, 0600));
    unlink("/dev/shm/small");
    EQ(F_SEAL_SEAL, fcntl(shared, F_GET_SEALS));
    FAILS(EPERM, fcntl(shared, F_ADD_SEALS, F_SEAL_WRITE));
}
