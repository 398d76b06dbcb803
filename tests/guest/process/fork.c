// fork, vfork, clone and clone3: what is copied, what is shared, what is refused.
#include "guest.h"
#include <linux/futex.h>
#include <linux/sched.h>

static volatile int shared_word;
static char stack_memory[65536] __attribute__((aligned(16)));

static int run_clone(int (*body)(void *), int flags, void *argument)
{
    return clone(body, stack_memory + sizeof stack_memory, flags, argument, NULL, NULL, NULL);
}

static long raw_clone(unsigned long flags, int *parent_tid, int *child_tid)
{
    return syscall(SYS_clone, flags, NULL, parent_tid, child_tid, NULL);
}

TEST(fork_tells_parent_and_child_apart)
{
    pid_t self = getpid();
    pid_t child = CHILD({
        CHECK(getpid() != self);
        EQ(self, getppid());
        EQ(getpid(), gettid());
    });
    CHECK(child > 0 && child != self);
    EXITS(0, child);
}

TEST(fork_copies_memory)
{
    int word = 1;
    char *heap = malloc(100000);
    memset(heap, 'a', 100000);
    pid_t child = CHILD({
        word = 2;
        memset(heap, 'b', 100000);
        CHECK(heap[99999] == 'b');
    });
    EXITS(0, child);
    EQ(1, word);
    EQ('a', heap[0]);
    EQ('a', heap[99999]);
}

TEST(fork_copies_the_descriptor_table_and_shares_offsets)
{
    int fd = OK(open("f", O_RDWR | O_CREAT, 0600));
    pid_t child = CHILD({
        EQ(3, write(fd, "abc", 3));
        OK(close(fd));
    });
    EXITS(0, child);
    EQ(3, lseek(fd, 0, SEEK_CUR));
    EQ(1, write(fd, "d", 1));
}

TEST(fork_does_not_copy_locks_or_timers)
{
    struct itimerval timer = { .it_value = { 100, 0 } };
    OK(setitimer(ITIMER_REAL, &timer, NULL));
    int fd = OK(open("f", O_RDWR | O_CREAT, 0600));
    struct flock lock = { .l_type = F_WRLCK };
    OK(fcntl(fd, F_SETLK, &lock));
    pid_t child = CHILD({
        struct itimerval left;
        OK(getitimer(ITIMER_REAL, &left));
        EQ(0, left.it_value.tv_sec + left.it_value.tv_usec);
        struct flock probe = { .l_type = F_WRLCK };
        OK(fcntl(fd, F_GETLK, &probe));
        EQ(F_WRLCK, probe.l_type);
        EQ(getppid(), probe.l_pid);
    });
    EXITS(0, child);
}

TEST(vfork_suspends_the_parent_and_shares_memory)
{
    shared_word = 0;
    pid_t child = vfork();
    if (child == 0) {
        usleep(20000);
        shared_word = 7;
        _exit(3);
    }
    EQ(7, shared_word);
    EXITS(3, child);
}

ROLE(five) { return 5; }

TEST(vfork_then_exec)
{
    pid_t child = vfork();
    if (child == 0) {
        execl(guest_self, "x", "role:five", NULL);
        _exit(1);
    }
    EXITS(5, child);
}

static int set_word(void *value)
{
    shared_word = (int)(intptr_t)value;
    return 0;
}

TEST(clone_vm_shares_memory)
{
    shared_word = 0;
    pid_t child = OK(run_clone(set_word, CLONE_VM | SIGCHLD, (void *)42));
    EXITS(0, child);
    EQ(42, shared_word);
}

static int close_fd(void *fd)
{
    return close((int)(intptr_t)fd);
}

TEST(clone_files_shares_the_descriptor_table)
{
    int fd = OK(dup(0));
    pid_t child = OK(run_clone(close_fd, CLONE_VM | CLONE_FILES | SIGCHLD, (void *)(intptr_t)fd));
    EXITS(0, child);
    FAILS(EBADF, fcntl(fd, F_GETFD));
}

static int change_folder(void *path)
{
    umask(0123);
    return chdir(path);
}

TEST(clone_fs_shares_cwd_and_umask)
{
    OK(mkdir("sub", 0755));
    pid_t child = OK(run_clone(change_folder, CLONE_VM | CLONE_FS | SIGCHLD, "sub"));
    EXITS(0, child);
    char text[PATH_MAX];
    CHECK(getcwd(text, sizeof text) != NULL);
    STREQ("/sub", strrchr(text, '/'));
    EQ(0123, umask(0));
}

TEST(fork_does_not_share_cwd)
{
    OK(mkdir("sub", 0755));
    pid_t child = CHILD({ OK(chdir("sub")); });
    EXITS(0, child);
    OK(access("sub", F_OK));
}

static int exit_now(void *unused)
{
    (void)unused;
    return 0;
}

TEST(clone_refuses_flags_that_need_others)
{
    FAILS(EINVAL, raw_clone(CLONE_SIGHAND | SIGCHLD, NULL, NULL));
    FAILS(EINVAL, raw_clone(CLONE_THREAD | SIGCHLD, NULL, NULL));
    FAILS(EINVAL, raw_clone(CLONE_THREAD | CLONE_VM | SIGCHLD, NULL, NULL));
    FAILS(EINVAL, raw_clone(CLONE_FS | CLONE_NEWNS | SIGCHLD, NULL, NULL));
    FAILS(EINVAL, raw_clone(CLONE_NEWPID | CLONE_PARENT | CLONE_THREAD | CLONE_VM | CLONE_SIGHAND, NULL, NULL));
}

TEST(clone_parent_makes_a_sibling)
{
    int fds[2];
    OK(pipe(fds));
    pid_t child = CHILD({
        int grandchild = OK(raw_clone(CLONE_PARENT | SIGCHLD, NULL, NULL));
        if (grandchild == 0) {
            _exit(9);
        }
        EQ(sizeof grandchild, write(fds[1], &grandchild, sizeof grandchild));
        FAILS(ECHILD, waitpid(grandchild, NULL, 0));
    });
    int sibling = 0;
    EQ(sizeof sibling, read(fds[0], &sibling, sizeof sibling));
    EXITS(0, child);
    EXITS(9, sibling);
}

TEST(clone_stores_tids)
{
    int *tids = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    long child = OK(raw_clone(CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | SIGCHLD, &tids[0], &tids[1]));
    if (child == 0) {
        EQ(getpid(), tids[1]);
        _exit(0);
    }
    EQ(child, tids[0]);
    EXITS(0, child);
    EQ(child, tids[1]);
}

TEST(clone_child_cleartid_clears_and_wakes)
{
    static int word = 1;
    pid_t child = OK(clone(exit_now, stack_memory + sizeof stack_memory,
        CLONE_VM | CLONE_CHILD_CLEARTID | SIGCHLD, NULL, NULL, NULL, &word));
    struct timespec limit = { 10, 0 };
    while (__atomic_load_n(&word, __ATOMIC_SEQ_CST) != 0) {
        long result = syscall(SYS_futex, &word, FUTEX_WAIT, 1, &limit, NULL, 0);
        CHECK(result == 0 || errno == EAGAIN || errno == EINTR);
    }
    EXITS(0, child);
    EQ(0, word);
}

TEST(clone_exit_signal_may_be_another)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGCHLD);
    OK(sigprocmask(SIG_BLOCK, &set, NULL));
    long child = OK(raw_clone(SIGUSR1, NULL, NULL));
    if (child == 0) {
        _exit(4);
    }
    siginfo_t info;
    EQ(SIGUSR1, sigwaitinfo(&set, &info));
    EQ(child, info.si_pid);
    EQ(4, info.si_status);
    EQ(CLD_EXITED, info.si_code);
    FAILS(ECHILD, waitpid(child, NULL, 0));
    int status;
    EQ(child, waitpid(child, &status, __WCLONE));
    EQ(4, WEXITSTATUS(status));
}

TEST(clone_without_exit_signal_needs_wclone_or_wall)
{
    long child = OK(raw_clone(0, NULL, NULL));
    if (child == 0) {
        _exit(6);
    }
    FAILS(ECHILD, waitpid(child, NULL, 0));
    int status;
    EQ(child, waitpid(child, &status, __WALL));
    EQ(6, WEXITSTATUS(status));
}

static long clone3(struct clone_args *args, size_t size)
{
    return syscall(SYS_clone3, args, size);
}

TEST(clone3_forks)
{
    struct clone_args args = { .exit_signal = SIGCHLD };
    long child = OK(clone3(&args, sizeof args));
    if (child == 0) {
        _exit(11);
    }
    EXITS(11, child);
}

TEST(clone3_checks_size_and_fields)
{
    struct clone_args args = { .exit_signal = SIGCHLD };
    FAILS(EINVAL, clone3(&args, CLONE_ARGS_SIZE_VER0 - 1));
    args.exit_signal = 0x100;
    FAILS(EINVAL, clone3(&args, sizeof args));
    args.exit_signal = SIGCHLD;
    args.stack = (uintptr_t)stack_memory;
    FAILS(EINVAL, clone3(&args, sizeof args));
    args.stack = 0;
    args.stack_size = 4096;
    FAILS(EINVAL, clone3(&args, sizeof args));
    args.stack_size = 0;
    args.flags = CLONE_DETACHED;
    FAILS(EINVAL, clone3(&args, sizeof args));
    args.flags = CLONE_THREAD | CLONE_SIGHAND | CLONE_VM;
    FAILS(EINVAL, clone3(&args, sizeof args));
    char large[5000] = { 0 };
    FAILS(E2BIG, clone3((struct clone_args *)large, sizeof large));
    struct clone_args longer[2] = { { .exit_signal = SIGCHLD }, { .flags = 1 } };
    FAILS(E2BIG, clone3(longer, sizeof longer));
    FAILS(EFAULT, clone3((struct clone_args *)8, sizeof args));
}

TEST(clone3_gives_a_pidfd)
{
    int pidfd = -1;
    struct clone_args args = { .flags = CLONE_PIDFD, .exit_signal = SIGCHLD, .pidfd = (uintptr_t)&pidfd };
    long child = OK(clone3(&args, sizeof args));
    if (child == 0) {
        _exit(2);
    }
    CHECK(pidfd >= 0);
    EQ(FD_CLOEXEC, fcntl(pidfd, F_GETFD));
    siginfo_t info = { 0 };
    OK(waitid(P_PIDFD, pidfd, &info, WEXITED));
    EQ(child, info.si_pid);
    EQ(2, info.si_status);
}

static void ignore_signal(int number) { (void)number; }

TEST(clone3_clear_sighand_resets_handlers_but_not_ignored)
{
    signal(SIGUSR1, ignore_signal);
    signal(SIGUSR2, SIG_IGN);
    struct clone_args args = { .flags = CLONE_CLEAR_SIGHAND, .exit_signal = SIGCHLD };
    long child = OK(clone3(&args, sizeof args));
    if (child == 0) {
        struct sigaction action;
        OK(sigaction(SIGUSR1, NULL, &action));
        CHECK(action.sa_handler == SIG_DFL);
        OK(sigaction(SIGUSR2, NULL, &action));
        CHECK(action.sa_handler == SIG_IGN);
        _exit(0);
    }
    EXITS(0, child);
}

TEST(orphans_go_to_the_subreaper)
{
    OK(prctl(PR_SET_CHILD_SUBREAPER, 1));
    int fds[2];
    OK(pipe(fds));
    pid_t child = CHILD({
        pid_t orphan = CHILD({
            while (getppid() != getsid(0)) {
                usleep(1000);
            }
            _exit(21);
        });
        EQ(sizeof orphan, write(fds[1], &orphan, sizeof orphan));
    });
    EXITS(0, child);
    pid_t orphan;
    EQ(sizeof orphan, read(fds[0], &orphan, sizeof orphan));
    EXITS(21, orphan);
}

TEST(process_limit_stops_fork)
{
    struct rlimit limit = { 3, 3 };
    pid_t child = CHILD({
        OK(setresuid(12345, 12345, 12345));
        OK(setrlimit(RLIMIT_NPROC, &limit));
        int made = 0;
        pid_t pid = 0;
        while (made < 10 && (pid = fork()) > 0) {
            made++;
        }
        if (pid == 0) {
            pause();
        }
        EQ(EAGAIN, errno);
        EQ(2, made);
        kill(0, SIGKILL);
    });
    int status;
    EQ(child, guest_wait(child, &status));
}

TEST(a_hundred_children)
{
    pid_t pids[100];
    for (int i = 0; i < 100; i++) {
        pids[i] = CHILD({ _exit(i); });
    }
    for (int i = 99; i >= 0; i--) {
        EXITS(i, pids[i]);
    }
}

TEST(unshare_files_and_fs)
{
    int fd = OK(dup(0));
    OK(unshare(CLONE_FILES | CLONE_FS));
    OK(close(fd));
    FAILS(EINVAL, unshare(CLONE_DETACHED));
}
