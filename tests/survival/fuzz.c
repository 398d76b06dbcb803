// Random system calls with random arguments, for a given time, from a printed seed. Children of one process do the calls; that
// process only starts and ends them, and says "alive" at the end. It refuses to run outside a sandbox with the host name
// "fuzzed": natively it would harm the machine.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CALLS_PER_CHILD 300
#define HIGHEST_CALL 470

static uint64_t state;
static unsigned char *pool;

static uint64_t next(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static int64_t now_ms(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000LL + time.tv_nsec / 1000000;
}

static uint64_t argument(void)
{
    static const uint64_t edges[] = { 0, 1, 2, 3, 4, 5, 7, 8, 16, 100, 255, 256, 4095, 4096, 4097, 65535, 65536, 0x7fffffff,
        0x80000000, 0xffffffff, 0x100000000, 0x7fffffffffff, 0x800000000000, 0x7fffffffffffffff, 0x8000000000000000,
        (uint64_t)-1, (uint64_t)-2, (uint64_t)-100, (uint64_t)-4096 };
    switch (next() % 8) {
        case 0: return edges[next() % (sizeof edges / sizeof *edges)];
        case 1: return next() % 40;
        case 2: return next();
        case 3: return 1ULL << next() % 64;
        case 4: return (uint64_t)pool + next() % 65536;
        case 5: return (uint64_t)pool + next() % 16 * 4096 - next() % 64;
        case 6: return (uint64_t)pool + (next() % 32) * 8;
        default: return next() % 1024;
    }
}

static void fill_pool(void)
{
    static const char *paths[] = { "/tmp/f", "/tmp/d/x", "/proc/self/mem", "/proc/self/fd/3", "/dev/zero", "/dev/ptmx", "/", "..",
        "/tmp/l", "", "/proc/self/maps", "/sys/kernel", "/dev/shm/s" };
    for (int i = 0; i < 65536; i += 8) {
        *(uint64_t *)(pool + i) = next() % 3 == 0 ? argument() : next() % 3 == 0 ? next() : next() % 16;
    }
    for (int i = 0; i < 400; i++) {
        strcpy((char *)pool + next() % 65000 / 8 * 8, paths[next() % (sizeof paths / sizeof *paths)]);
    }
}

static int is_left_out(long call)
{
    // What only ends or stops the caller: nothing to learn, and the run would be spent on it.
    return call == SYS_exit || call == SYS_exit_group || call == SYS_pause || call == SYS_rt_sigsuspend || call == SYS_rt_sigreturn;
}

static void child(void)
{
    setsid();
    int fds[2];
    pipe2(fds, O_NONBLOCK);
    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds);
    open("/tmp/f", O_RDWR | O_CREAT, 0600);
    open("/tmp", O_RDONLY);
    epoll_create1(0);
    eventfd(1, EFD_NONBLOCK);
    open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK);
    memfd_create("m", MFD_ALLOW_SEALING);
    if (next() % 2 == 0) {
        setgroups(0, NULL);
        syscall(SYS_setresuid, 1000, 1000, 1000);
    }
    alarm(2);
    for (int i = 0; i < CALLS_PER_CHILD; i++) {
        if (i % 30 == 0) {
            fill_pool();
        }
        long call = next() % HIGHEST_CALL;
        if (!is_left_out(call)) {
            syscall(call, argument(), argument(), argument(), argument(), argument(), argument());
        }
    }
    _exit(0);
}

int main(int argc, char **argv)
{
    char name[65] = "";
    gethostname(name, sizeof name - 1);
    if (argc < 3 || strcmp(name, "fuzzed") != 0 || getpid() != 1) {
        fputs("usage, inside a sandbox with the host name \"fuzzed\" and as its first process: fuzz SECONDS SEED\n", stderr);
        return 2;
    }
    int64_t end = now_ms() + atoi(argv[1]) * 1000LL;
    uint64_t seed = strtoull(argv[2], NULL, 0);
    printf("seed %#llx\n", (unsigned long long)seed);
    fflush(stdout);
    mkdir("/tmp/d", 0777);
    long children = 0;
    while (now_ms() < end) {
        state = seed * 0x9e3779b97f4a7c15 + ++children;
        next();
        pool = mmap(NULL, 65536 + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        pid_t pid = fork();
        if (pid == 0) {
            int null = open("/dev/null", O_RDWR);
            dup2(null, 0);
            dup2(null, 1);
            dup2(null, 2);
            child();
        }
        int64_t limit = now_ms() + 4000;
        while (pid > 0 && waitpid(pid, NULL, WNOHANG) != pid && now_ms() < limit) {
            usleep(1000);
        }
        // As process 1: everything but itself.
        kill(-1, SIGKILL);
        while (waitpid(-1, NULL, pid > 0 ? 0 : WNOHANG) > 0) {
        }
        munmap(pool, 65536 + 4096);
    }
    printf("%ld children\nalive\n", children);
    return children > 0 ? 0 : 1;
}
