// One kind of system call made many times: "calls KIND N" prints the nanoseconds of N rounds, "calls -l" all kinds.
// "calls -t MS KIND..." runs each for about so many milliseconds, in a process of its own, and prints "KIND ROUNDS NANOSECONDS WANTED"
// for each of forty slices, where WANTED is the nanoseconds a slice was to last; a kind that fails is left out. With PERF_PLANT=P in its environment each slice is P percent slower than it
// was: what a test of the harness has to find.
// A kind's name is a row of the tables that `perf/run` prints. Everything that is set up is set up before the clock runs.
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PAGE = 4096 };

static char buffer[PAGE];
static int fd, other, group;
static char *memory;
static const char *self;
static const char *lasting; // a file of the root, whichever root it is
static uint32_t word;
static long rounds;
static volatile sig_atomic_t handled;
static struct msghdr message;
static struct iovec piece = { buffer, 1 };

#define MUST(call) ({ long must = (long)(call); if (must < 0) err(1, "%s", #call); must; })

static void none(void) {}

static void open_zero(void) { fd = MUST(open("/dev/zero", O_RDONLY)); }
static void open_null(void) { fd = MUST(open("/dev/null", O_WRONLY)); }
static void open_lasting(void) { fd = MUST(open(lasting, O_RDONLY)); }
static void open_event(void) { fd = MUST(eventfd(1, 0)); }
static void open_temporary(void)
{
    // Not O_TMPFILE, which not every runtime has; and the same name in every run, as the gate counts exactly.
    char name[32];
    snprintf(name, sizeof name, "/tmp/calls.%d", getpid());
    fd = MUST(open(name, O_RDWR | O_CREAT | O_EXCL, 0600));
    MUST(unlink(name));
    MUST(pwrite(fd, buffer, PAGE, 0));
}

static void open_pipe(void)
{
    int ends[2];
    MUST(pipe(ends));
    fd = ends[0];
    other = ends[1];
}

static void open_pair(void)
{
    int ends[2];
    MUST(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends));
    fd = ends[0];
    other = ends[1];
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
}

static void open_group(void)
{
    struct epoll_event event = { .events = EPOLLIN };
    open_event();
    group = MUST(epoll_create1(0));
    MUST(epoll_ctl(group, EPOLL_CTL_ADD, fd, &event));
}

static void map_pages(void)
{
    memory = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        err(1, "mmap");
    memset(memory, 1, 4 * PAGE);
}

// A new page each round, of a mapping that is large enough.
static void map_all(void)
{
    memory = mmap(NULL, (rounds + 1) * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        err(1, "mmap");
}

static void on_signal(int signal)
{
    (void)signal;
    handled++;
}

static void take_signal(void) { signal(SIGUSR1, on_signal); }

static void do_getpid(void) { syscall(SYS_getpid); }

// The number is in the instruction before: what an inlined wrapper of one call looks like.
static void do_getpid_move(void)
{
    long result;
    asm volatile("mov $39, %%eax\n\tsyscall" : "=a"(result) : : "rcx", "r11", "memory");
}

static void do_read(void) { MUST(read(fd, buffer, 1)); }
static void do_write(void) { MUST(write(fd, buffer, 1)); }
static void do_futex_wake(void) { MUST(syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0)); }

static void do_epoll_wait(void)
{
    struct epoll_event event;
    if (MUST(epoll_wait(group, &event, 1, 0)) != 1)
        errx(1, "epoll_wait found nothing");
}

static void do_clock_gettime(void)
{
    struct timespec now;
    MUST(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now));
}

static void do_vdso(void)
{
    struct timespec now;
    MUST(clock_gettime(CLOCK_MONOTONIC, &now));
}

static void do_gettimeofday(void)
{
    struct timeval now;
    MUST(syscall(SYS_gettimeofday, &now, NULL));
}

static void do_pread(void) { MUST(pread(fd, buffer, PAGE, 0)); }
static void do_pwrite(void) { MUST(pwrite(fd, buffer, PAGE, 0)); }
static void do_lseek(void) { MUST(lseek(fd, 0, SEEK_SET)); }

static void do_poll(void)
{
    struct pollfd entry = { .fd = fd, .events = POLLIN };
    if (MUST(poll(&entry, 1, 0)) != 1)
        errx(1, "poll found nothing");
}

static void do_message(void)
{
    MUST(sendmsg(other, &message, 0));
    MUST(recvmsg(fd, &message, 0));
}

static void do_sched_yield(void) { MUST(sched_yield()); }

static void do_fstat(void)
{
    struct stat status;
    MUST(fstat(fd, &status));
}

static void do_fcntl(void) { MUST(fcntl(fd, F_GETFL)); }

static void do_eventfd(void)
{
    uint64_t value = 1;
    MUST(write(fd, &value, sizeof value));
    MUST(read(fd, &value, sizeof value));
}

static void do_nanosleep(void)
{
    struct timespec zero = { 0 };
    MUST(syscall(SYS_nanosleep, &zero, NULL));
}

static void do_madvise(void) { MUST(madvise(memory, PAGE, MADV_WILLNEED)); }

static void do_mprotect(void)
{
    MUST(mprotect(memory, PAGE, PROT_READ));
    MUST(mprotect(memory, PAGE, PROT_READ | PROT_WRITE));
}

static void do_sigprocmask(void)
{
    sigset_t set;
    sigemptyset(&set);
    MUST(sigprocmask(SIG_BLOCK, &set, NULL));
}

static void do_signal(void)
{
    sig_atomic_t before = handled;
    MUST(kill(getpid(), SIGUSR1));
    if (handled != before + 1)
        errx(1, "no signal was delivered");
}

static void do_pipe(void)
{
    MUST(write(other, buffer, 1));
    MUST(read(fd, buffer, 1));
}

static void do_open(void) { MUST(close(MUST(open(lasting, O_RDONLY)))); }

static void do_stat(void)
{
    struct stat status;
    MUST(stat(lasting, &status));
}

static void do_open_read(void)
{
    int file = MUST(open(lasting, O_RDONLY));
    MUST(read(file, buffer, PAGE));
    MUST(close(file));
}

static void do_create(void)
{
    int file = MUST(open("/tmp/calls.created", O_CREAT | O_EXCL | O_WRONLY, 0600));
    MUST(write(file, buffer, PAGE));
    MUST(close(file));
    MUST(unlink("/tmp/calls.created"));
}

static void do_fork(void)
{
    pid_t child = MUST(fork());
    if (child == 0)
        _exit(0);
    MUST(waitpid(child, NULL, 0));
}

// The child comes from vfork or fork, and from here on it is a program.
static inline void execute(pid_t child)
{
    if (child == 0) {
        execl(self, self, "-n", NULL);
        _exit(1);
    }
    int status;
    MUST(waitpid(child, &status, 0));
    if (status != 0)
        errx(1, "the program executed ended with %x", status);
}

static void do_exec(void) { execute(MUST(vfork())); }
static void do_fork_exec(void) { execute(MUST(fork())); }

static void do_map(void)
{
    char *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        err(1, "mmap");
    *page = 1;
    MUST(munmap(page, PAGE));
}

static void do_touch(void)
{
    *memory = 1;
    memory += PAGE;
}

static void *empty_thread(void *argument) { return argument; }

static void do_thread(void)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, empty_thread, NULL) != 0)
        errx(1, "pthread_create");
    pthread_join(thread, NULL);
}

// A child echoes bytes: each round is two context switches.
static int there[2], back[2];

static void start_echo(void)
{
    MUST(pipe(there));
    MUST(pipe(back));
    if (MUST(fork()) == 0) {
        close(there[1]);
        char byte;
        while (read(there[0], &byte, 1) == 1)
            MUST(write(back[1], &byte, 1));
        _exit(0);
    }
    close(there[0]);
}

static void do_echo(void)
{
    MUST(write(there[1], buffer, 1));
    MUST(read(back[0], buffer, 1));
}

// Two threads take turns by a futex each: a round is two wake-ups and two sleeps.
static uint32_t turns[2];

static void hand_over(uint32_t *mine, uint32_t *theirs)
{
    __atomic_store_n(theirs, 1, __ATOMIC_SEQ_CST);
    MUST(syscall(SYS_futex, theirs, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0));
    while (__atomic_load_n(mine, __ATOMIC_SEQ_CST) == 0)
        syscall(SYS_futex, mine, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
    __atomic_store_n(mine, 0, __ATOMIC_SEQ_CST);
}

static void *partner(void *argument)
{
    while (__atomic_load_n(&turns[1], __ATOMIC_SEQ_CST) == 0)
        syscall(SYS_futex, &turns[1], FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
    __atomic_store_n(&turns[1], 0, __ATOMIC_SEQ_CST);
    for (;;)
        hand_over(&turns[1], &turns[0]);
    return argument;
}

static void start_partner(void)
{
    static bool started;
    pthread_t thread;
    if (!started && pthread_create(&thread, NULL, partner, NULL) != 0)
        errx(1, "pthread_create");
    started = true;
}

static void do_pingpong(void) { hand_over(&turns[0], &turns[1]); }

static void do_loop(void)
{
    uint64_t value = 1;
    struct epoll_event event;
    MUST(write(fd, &value, sizeof value));
    if (MUST(epoll_wait(group, &event, 1, -1)) != 1)
        errx(1, "epoll_wait found nothing");
    MUST(read(fd, &value, sizeof value));
}

static void open_loop(void)
{
    uint64_t value;
    open_group();
    MUST(read(fd, &value, sizeof value));
}

// What a server does for a connection: watch it, watch it for something else, no more.
static void do_epoll_control(void)
{
    struct epoll_event event = { .events = EPOLLIN };
    MUST(epoll_ctl(group, EPOLL_CTL_ADD, other, &event));
    event.events = EPOLLOUT;
    MUST(epoll_ctl(group, EPOLL_CTL_MOD, other, &event));
    MUST(epoll_ctl(group, EPOLL_CTL_DEL, other, NULL));
}

static void open_control(void)
{
    open_group();
    other = MUST(eventfd(0, 0));
}

static void open_crowd(void)
{
    char name[64];
    mkdir("/tmp/calls.crowd", 0700);
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "/tmp/calls.crowd/file%d", i);
        MUST(close(MUST(open(name, O_CREAT | O_WRONLY, 0600))));
    }
    fd = MUST(open("/tmp/calls.crowd", O_RDONLY | O_DIRECTORY));
}

static void do_getdents(void)
{
    static char entries[65536];
    MUST(lseek(fd, 0, SEEK_SET));
    while (MUST(syscall(SYS_getdents64, fd, entries, sizeof entries)) > 0)
        continue;
}

static void start_socket_echo(void)
{
    int ends[2];
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
    if (MUST(fork()) == 0) {
        close(ends[0]);
        char byte;
        while (read(ends[1], &byte, 1) == 1)
            MUST(write(ends[1], &byte, 1));
        _exit(0);
    }
    close(ends[1]);
    fd = ends[0];
}

static void do_socket_echo(void)
{
    MUST(write(fd, buffer, 1));
    MUST(read(fd, buffer, 1));
}

static const struct kind {
    const char *name;
    void (*set_up)(void);
    void (*round)(void);
    char flag;          // g: takes no managed memory (the gate); t: timed only; s: slow, timed with fewer rounds
} kinds[] = {
    { "getpid", none, do_getpid, 'g' },
    { "getpid-move", none, do_getpid_move, 't' },
    { "read", open_zero, do_read, 'g' },
    { "write", open_null, do_write, 'g' },
    { "futex-wake", none, do_futex_wake, 'g' },
    { "epoll_wait", open_group, do_epoll_wait, 'g' },
    { "epoll_ctl", open_control, do_epoll_control, 'g' },
    { "clock_gettime", none, do_clock_gettime, 'g' },
    { "gettimeofday", none, do_gettimeofday, 'g' },
    { "vdso", none, do_vdso, 't' },
    { "pread", open_temporary, do_pread, 'g' },
    { "pwrite", open_temporary, do_pwrite, 'g' },
    { "pread-root", open_lasting, do_pread, 'g' },
    { "lseek", open_temporary, do_lseek, 'g' },
    { "poll", open_event, do_poll, 'g' },
    { "sendmsg-recvmsg", open_pair, do_message, 'g' },
    { "sched_yield", none, do_sched_yield, 'g' },
    { "fstat", open_temporary, do_fstat, 'g' },
    { "fcntl", open_temporary, do_fcntl, 'g' },
    { "eventfd", open_event, do_eventfd, 'g' },
    { "nanosleep", none, do_nanosleep, 'g' },
    { "madvise", map_pages, do_madvise, 'g' },
    { "mprotect", map_pages, do_mprotect, 'g' },
    { "sigprocmask", none, do_sigprocmask, 'g' },
    { "signal", take_signal, do_signal, 'g' },
    { "pipe", open_pipe, do_pipe, 'g' },
    { "stat-root", none, do_stat, 't' },
    { "open-root", none, do_open, 't' },
    { "open-read-root", none, do_open_read, 't' },
    { "create-unlink", none, do_create, 't' },
    { "map-touch-unmap", none, do_map, 't' },
    { "touch", map_all, do_touch, 't' },
    { "echo", start_echo, do_echo, 't' },
    { "unix-echo", start_socket_echo, do_socket_echo, 't' },
    { "futex-pingpong", start_partner, do_pingpong, 't' },
    { "epoll-loop", open_loop, do_loop, 't' },
    { "getdents-1000", open_crowd, do_getdents, 's' },
    { "thread", none, do_thread, 's' },
    { "fork", none, do_fork, 's' },
    { "exec", none, do_exec, 's' },
    { "fork-exec", none, do_fork_exec, 's' },
};

static long now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000L + time.tv_nsec;
}

static long slice(const struct kind *kind, long count, long plant)
{
    long start = now();
    for (long n = 0; n < count; n++)
        kind->round();
    long elapsed = now() - start;
    long wanted = elapsed + elapsed * plant / 100;
    while (plant > 0 && elapsed < wanted)
        elapsed = now() - start;
    return elapsed;
}

enum { SLICES = 40, SHARE = 4 };

// How many rounds fill a slice: doubled until two slices in a row last a good part of it, after one that does not count, so that
// a first call that is slow, or a moment in which others had the processor, does not end the search.
static long rounds_of_slice(const struct kind *kind, long target)
{
    long count = 1, before = 0;
    for (;;) {
        rounds = count;
        kind->set_up();
        kind->round();
        long elapsed = slice(kind, count, 0);
        if (elapsed <= target / SHARE) {
            before = 0;
            count *= 2;
        } else if (before == 0) {
            before = elapsed;
        } else {
            return count * target / (elapsed < before ? elapsed : before) + 1;
        }
    }
}

// Slices that came out far too short were counted out in a bad moment: they are made again with as many rounds as the shortest says.
static int run_for(const struct kind *kind, long milliseconds)
{
    enum { TRIES = 4 };
    long target = milliseconds * 1000000L / SLICES;
    const char *plant = getenv("PERF_PLANT");
    long count = rounds_of_slice(kind, target);
    long elapsed[SLICES], shortest;
    for (int try = 1; ; try++) {
        rounds = count * SLICES;
        kind->set_up();
        kind->round();
        for (int i = 0; i < SLICES; i++) {
            elapsed[i] = slice(kind, count, plant ? atol(plant) : 0);
            shortest = i == 0 || elapsed[i] < shortest ? elapsed[i] : shortest;
        }
        if (shortest > target / SHARE || try == TRIES)
            break;
        count = count * target / (shortest > 0 ? shortest : 1) + 1;
    }
    for (int i = 0; i < SLICES; i++)
        printf("%s %ld %ld %ld\n", kind->name, count, elapsed[i], target);
    return 0;
}

static const struct kind *find(const char *name)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    errx(2, "%s: no such kind", name);
}

// One kind after the other; fails if none of them worked.
static int run_all(long milliseconds, char **names)
{
    int worked = 0, status;
    for (; *names; names++) {
        const struct kind *kind = find(*names);
        pid_t child = MUST(fork());
        if (child == 0)
            exit(run_for(kind, milliseconds));
        MUST(waitpid(child, &status, 0));
        worked += status == 0;
    }
    return worked == 0;
}

int main(int argc, char **argv)
{
    self = argv[0];
    lasting = access("/bin/busybox", R_OK) == 0 ? "/bin/busybox" : self;
    if (argc == 2 && strcmp(argv[1], "-n") == 0)
        return 0;
    if (argc == 2 && strcmp(argv[1], "-l") == 0) {
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
            printf("%s %c\n", kinds[i].name, kinds[i].flag);
        return 0;
    }
    if (argc >= 4 && strcmp(argv[1], "-t") == 0)
        return run_all(atol(argv[2]), argv + 3);
    if (argc != 3)
        errx(2, "usage: calls -l | KIND N | -t MS KIND...");
    rounds = atol(argv[2]);
    const struct kind *kind = find(argv[1]);
    kind->set_up();
    kind->round();
    long start = now();
    for (long n = 0; n < rounds; n++)
        kind->round();
    printf("%ld\n", now() - start);
    return 0;
}
