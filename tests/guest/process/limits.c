// Resource limits and what happens at them.
#include "guest.h"

static void limit(int resource, rlim_t soft)
{
    struct rlimit value;
    OK(getrlimit(resource, &value));
    value.rlim_cur = soft;
    OK(setrlimit(resource, &value));
}

TEST(soft_may_not_exceed_hard)
{
    struct rlimit value = { 20, 10 };
    FAILS(EINVAL, setrlimit(RLIMIT_CORE, &value));
    FAILS(EINVAL, getrlimit(99, &value));
    FAILS(EFAULT, syscall(SYS_getrlimit, RLIMIT_CORE, (void *)8));
    FAILS(EFAULT, syscall(SYS_setrlimit, RLIMIT_CORE, (void *)8));
}

TEST(hard_limits_only_fall_without_privilege)
{
    struct rlimit value = { 10, 100 };
    OK(setrlimit(RLIMIT_CORE, &value));
    OK(setresuid(1000, 1000, 1000));
    value.rlim_max = 101;
    FAILS(EPERM, setrlimit(RLIMIT_CORE, &value));
    value.rlim_max = 50;
    OK(setrlimit(RLIMIT_CORE, &value));
    value.rlim_max = 100;
    FAILS(EPERM, setrlimit(RLIMIT_CORE, &value));
}

TEST(prlimit_reads_and_writes_another_process)
{
    pid_t child = CHILD({ pause(); });
    struct rlimit old;
    struct rlimit set = { 5, 6 };
    OK(prlimit(child, RLIMIT_CORE, &set, &old));
    OK(prlimit(child, RLIMIT_CORE, NULL, &old));
    EQ(5, old.rlim_cur);
    EQ(6, old.rlim_max);
    FAILS(ESRCH, prlimit(0x3ffffff, RLIMIT_CORE, NULL, &old));
    OK(kill(child, SIGKILL));
    KILLED(SIGKILL, child);
}

TEST(prlimit_of_another_users_process)
{
    pid_t child = CHILD({ pause(); });
    OK(setresuid(1000, 1000, 1000));
    struct rlimit old;
    FAILS(EPERM, prlimit(child, RLIMIT_CORE, NULL, &old));
}

TEST(limits_are_inherited_by_fork_and_exec)
{
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_NOFILE, 99);
    EXITS(0, CHILD({ execl(guest_self, "x", "role:nofile", NULL); }));
}

ROLE(nofile)
{
    struct rlimit value;
    getrlimit(RLIMIT_NOFILE, &value);
    return value.rlim_cur == 99 ? 0 : 1;
}

TEST(open_files)
{
    limit(RLIMIT_NOFILE, 10);
    int fd = -1, next;
    while ((next = open("/dev/null", O_RDONLY)) != -1) {
        fd = next;
    }
    EQ(EMFILE, errno);
    EQ(9, fd);
    int fds[2];
    FAILS(EMFILE, pipe(fds));
    FAILS(EMFILE, dup(0));
    FAILS(EBADF, dup2(0, 10));
    FAILS(EINVAL, fcntl(0, F_DUPFD, 10));
    FAILS(EMFILE, socket(AF_UNIX, SOCK_STREAM, 0));
    FAILS(EMFILE, eventfd(0, 0));
    OK(close(9));
    EQ(9, dup(0));
}

static volatile sig_atomic_t signals;
static void on_signal(int number) { (void)number; signals++; }

TEST(file_size)
{
    signal(SIGXFSZ, on_signal);
    limit(RLIMIT_FSIZE, 1000);
    int fd = OK(open("f", O_RDWR | O_CREAT, 0600));
    char data[2000] = { 0 };
    EQ(1000, write(fd, data, 2000));
    EQ(0, signals);
    FAILS(EFBIG, write(fd, data, 1));
    EQ(1, signals);
    FAILS(EFBIG, ftruncate(fd, 1001));
    EQ(2, signals);
    OK(ftruncate(fd, 500));
    signal(SIGXFSZ, SIG_DFL);
    KILLED(SIGXFSZ, CHILD({ limit(RLIMIT_CORE, 0); pwrite(fd, data, 1, 1000); }));
}

TEST(address_space)
{
    limit(RLIMIT_AS, 256 << 20);
    CHECK(mmap(NULL, 512 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
    EQ(ENOMEM, errno);
    void *small = OK(mmap(NULL, 64 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    FAILS(ENOMEM, mremap(small, 64 << 20, 512 << 20, MREMAP_MAYMOVE));
    CHECK(sbrk(300 << 20) == (void *)-1);
}

TEST(data_segment)
{
    limit(RLIMIT_DATA, 16 << 20);
    char *here = sbrk(0);
    CHECK(sbrk(64 << 20) == (void *)-1);
    CHECK(sbrk(0) == here);
    CHECK(mmap(NULL, 64 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
    OK(mmap(NULL, 64 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}

TEST(stack_overflow_is_a_segmentation_fault)
{
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_STACK, 256 << 10);
    pid_t child = CHILD({
        volatile char *here = (char *)__builtin_frame_address(0);
        for (size_t depth = 0; depth < (1 << 20); depth += 1024) {
            here[-(ssize_t)depth] = 1;
        }
    });
    KILLED(SIGSEGV, child);
}

TEST(cpu_time)
{
    struct rlimit value = { 1, 2 };
    pid_t child = CHILD({
        OK(setrlimit(RLIMIT_CPU, &value));
        limit(RLIMIT_CORE, 0);
        for (;;) {
        }
    });
    KILLED(SIGXCPU, child);
}

TEST(memory_locking)
{
    limit(RLIMIT_MEMLOCK, 64 << 10);
    char *page = OK(mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    OK(setresuid(1000, 1000, 1000));
    OK(mlock(page, 16 << 10));
    FAILS(ENOMEM, mlock(page, 1 << 20));
    OK(munlock(page, 16 << 10));
    OK(mlock(page, 64 << 10));
    limit(RLIMIT_MEMLOCK, 0);
    FAILS(EPERM, mlock(page, 4096));
    CHECK(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0) == MAP_FAILED);
}

TEST(pending_signals)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    OK(sigprocmask(SIG_BLOCK, &set, NULL));
    OK(setresuid(23456, 23456, 23456));
    limit(RLIMIT_SIGPENDING, 3);
    union sigval value = { 0 };
    int sent = 0;
    while (sent < 10 && sigqueue(getpid(), SIGRTMIN, value) == 0) {
        sent++;
    }
    EQ(EAGAIN, errno);
    EQ(3, sent);
}

TEST(nice_values)
{
    EQ(0, getpriority(PRIO_PROCESS, 0));
    OK(setpriority(PRIO_PROCESS, 0, 5));
    EQ(5, getpriority(PRIO_PROCESS, 0));
    EQ(15, syscall(SYS_getpriority, PRIO_PROCESS, 0));
    OK(setpriority(PRIO_PROCESS, 0, 100));
    EQ(19, getpriority(PRIO_PROCESS, 0));
    EXITS(0, CHILD({ EQ(19, getpriority(PRIO_PROCESS, 0)); }));
    OK(setpriority(PRIO_PROCESS, 0, 5));
    FAILS(EINVAL, setpriority(9, 0, 0));
    FAILS(ESRCH, setpriority(PRIO_PROCESS, 0x3ffffff, 0));
    struct rlimit value = { 0, 0 };
    OK(setrlimit(RLIMIT_NICE, &value));
    OK(setresuid(1000, 1000, 1000));
    FAILS(EACCES, setpriority(PRIO_PROCESS, 0, 4));
    OK(setpriority(PRIO_PROCESS, 0, 6));
}

TEST(proc_limits_lists_them)
{
    struct rlimit value = { 123, 456 };
    OK(setrlimit(RLIMIT_NOFILE, &value));
    char text[8192];
    read_file("/proc/self/limits", text, sizeof text);
    char *line = strstr(text, "Max open files");
    CHECK(line != NULL);
    int soft, hard;
    EQ(2, sscanf(line + 14, " %d %d", &soft, &hard));
    EQ(123, soft);
    EQ(456, hard);
}
