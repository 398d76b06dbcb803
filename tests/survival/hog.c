// Takes more of something than it may have, and shows that the sandbox is alive afterwards.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

// A child takes memory until the kernel ends it.
static int memory(void)
{
    pid_t child = fork();
    if (child == 0) {
        for (;;) {
            char *at = mmap(NULL, 16 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            if (at == MAP_FAILED) {
                _exit(errno == ENOMEM ? 3 : 4);
            }
            memset(at, 1, 16 << 20);
        }
    }
    int status;
    waitpid(child, &status, 0);
    if (WIFSIGNALED(status)) {
        printf("killed by signal %d\n", WTERMSIG(status));
    } else {
        printf("exit status %d\n", WEXITSTATUS(status));
    }
    char *again = malloc(20 << 20);
    memset(again, 1, 20 << 20);
    puts("memory again");
    return 0;
}

static void *fill(size_t bytes)
{
    char *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) {
        _exit(3);
    }
    memset(at, 1, bytes);
    return at;
}

static void set_score(int score)
{
    char text[16];
    int fd = open("/proc/self/oom_score_adj", O_WRONLY);
    if (write(fd, text, snprintf(text, sizeof text, "%d", score)) <= 0) {
        _exit(5);
    }
    close(fd);
}

static pid_t holder(size_t bytes, int score)
{
    int ready[2];
    char byte;
    pipe(ready);
    pid_t child = fork();
    if (child == 0) {
        set_score(score);
        fill(bytes);
        write(ready[1], "x", 1);
        pause();
        _exit(0);
    }
    close(ready[1]);
    read(ready[0], &byte, 1);
    close(ready[0]);
    return child;
}

// Under 256 MiB: whoever is offered goes before the one that asks, and whoever is exempt stays although it is the largest.
static int victim(void)
{
    pid_t exempt = holder(110 << 20, -1000);
    pid_t offered = holder(20 << 20, 900);
    pid_t asking = fork();
    if (asking == 0) {
        for (;;) {
            fill(4 << 20);
        }
    }
    int first, second, status = 0;
    first = waitpid(-1, &status, 0);
    printf("%s went first by signal %d\n", first == offered ? "the offered" : first == asking ? "the asking" : "the exempt", WTERMSIG(status));
    second = waitpid(-1, &status, 0);
    printf("%s went second by signal %d\n", second == asking ? "the asking" : second == exempt ? "the exempt" : "the offered", WTERMSIG(status));
    kill(exempt, SIGTERM);
    printf("%s stayed\n", waitpid(exempt, &status, 0) == exempt && WTERMSIG(status) == SIGTERM ? "the exempt" : "nobody");
    return 0;
}

// Under 128 MiB: reads eight times as much that nobody ever wrote.
static int zeros(void)
{
    size_t length = 1UL << 30;
    volatile char *at = mmap(NULL, length, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    long sum = 0;
    for (size_t i = 0; i < length; i += 4096) {
        sum += at[i];
    }
    char *other = mmap(NULL, length, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    printf("sum %ld, populated %d\n", sum, madvise(other, length, 22 /* MADV_POPULATE_READ */));
    return 0;
}

// Under 128 MiB: one process holds a third of it in memory, another has the Sentry keep files until there is no room.
static int files_victim(void)
{
    set_score(-1000);
    pid_t innocent = holder(40 << 20, 0);
    pid_t hoarder = fork();
    if (hoarder == 0) {
        struct rlimit most = { 1 << 20, 1 << 20 };
        set_score(0);
        setrlimit(RLIMIT_NOFILE, &most);
        for (;;) {
            if (memfd_create("a file that takes room and is never written", 0) < 0) {
                _exit(0);
            }
        }
    }
    int status = 0;
    pid_t first = waitpid(-1, &status, 0);
    printf("%s went\n", first == hoarder ? "the hoarder" : "the innocent");
    kill(innocent, SIGTERM);
    waitpid(innocent, &status, 0);
    return 0;
}

// Memory of many kinds, all given up; the runner looks at what the host still holds meanwhile.
static int returned(void)
{
    pid_t child = fork();
    if (child == 0) {
        fill(60 << 20);
        int file = open("/tmp/large", O_RDWR | O_CREAT, 0600);
        static char block[1 << 20];
        memset(block, 2, sizeof block);
        for (int i = 0; i < 60; i++) {
            write(file, block, sizeof block);
        }
        _exit(0);
    }
    waitpid(child, NULL, 0);
    char *own = fill(60 << 20);
    puts("taken");
    sleep(3);
    munmap(own, 60 << 20);
    unlink("/tmp/large");
    sleep(2);
    puts("given up");
    sleep(6);
    return 0;
}

// Bytes in pipes are the kernel's memory, not the program's; it ends whoever is offered, and its pipes with it.
static int pipes(void)
{
    pid_t child = fork();
    if (child == 0) {
        struct rlimit limit = { 30000, 30000 };
        static char block[65536];
        setrlimit(RLIMIT_NOFILE, &limit);
        set_score(1000);
        for (int i = 0; i < 14000; i++) {
            int fds[2];
            if (pipe2(fds, O_NONBLOCK) == -1 || write(fds[1], block, sizeof block) <= 0) {
                _exit(3);
            }
        }
        _exit(4);
    }
    int status;
    waitpid(child, &status, 0);
    printf(WIFSIGNALED(status) ? "killed by signal %d\n" : "exit status %d\n", WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    fill(20 << 20);
    puts("memory again");
    return 0;
}

// Children that have ended and that nobody reaps count against the limit, until somebody does.
static int zombies(void)
{
    pid_t parent = fork();
    if (parent == 0) {
        int count = 0;
        for (;;) {
            pid_t child = fork();
            if (child == 0) {
                _exit(0);
            }
            if (child == -1) {
                _exit(errno == EAGAIN ? count : 0);
            }
            count++;
        }
    }
    int status;
    waitpid(parent, &status, 0);
    printf("%s zombies\n", WEXITSTATUS(status) >= 90 && WEXITSTATUS(status) < 100 ? "90 to 100" : "a wrong number of");
    // They are this process's children now.
    int reaped = 0;
    while (wait(NULL) > 0) {
        reaped++;
    }
    printf("all %s\n", reaped == WEXITSTATUS(status) ? "inherited" : "but some inherited");
    pid_t last = fork();
    if (last == 0) {
        _exit(7);
    }
    printf("fork again: %d\n", waitpid(last, &status, 0) == last ? WEXITSTATUS(status) : -1);
    return 0;
}

static void bomb(time_t end)
{
    while (time(NULL) < end) {
        if (fork() == -1) {
            usleep(1000);
        }
    }
    _exit(0);
}

static int forks(void)
{
    time_t end = time(NULL) + 3;
    pid_t child = fork();
    if (child == 0) {
        setsid();
        bomb(end);
    }
    int refused = 0;
    while (time(NULL) < end) {
        pid_t probe = fork();
        if (probe == 0) {
            _exit(0);
        }
        refused += probe == -1 && errno == EAGAIN;
        usleep(20000);
    }
    sleep(1);
    kill(-1, SIGKILL);
    while (wait(NULL) > 0) {
    }
    printf("forks were %srefused\n", refused > 0 ? "" : "not ");
    pid_t last = fork();
    if (last == 0) {
        _exit(7);
    }
    int status;
    printf("fork again: %d\n", waitpid(last, &status, 0) == last ? WEXITSTATUS(status) : -1);
    return 0;
}

static int files(void)
{
    struct rlimit limit = { 20000, 20000 };
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
        perror("setrlimit");
        return 1;
    }
    char name[64];
    int last = -1;
    for (int i = 0; i < 10000; i++) {
        snprintf(name, sizeof name, "/tmp/file-%d", i);
        int fd = open(name, O_RDWR | O_CREAT, 0600);
        if (fd == -1 || write(fd, &i, sizeof i) != sizeof i) {
            printf("file %d: %s\n", i, strerror(errno));
            return 1;
        }
        last = fd;
    }
    int sum = 0;
    for (int fd = last; fd > last - 10000; fd--) {
        int value;
        if (pread(fd, &value, sizeof value, 0) != sizeof value) {
            return 1;
        }
        sum += value;
    }
    printf("10000 files, sum %d\n", sum);
    return 0;
}

static pthread_barrier_t barrier;

static void *meet(void *number)
{
    pthread_barrier_wait(&barrier);
    return number;
}

static int threads(void)
{
    pthread_t all[500];
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 65536);
    pthread_barrier_init(&barrier, NULL, 501);
    for (long i = 0; i < 500; i++) {
        int error = pthread_create(&all[i], &attributes, meet, (void *)i);
        if (error != 0) {
            printf("thread %ld: %s\n", i, strerror(error));
            return 1;
        }
    }
    pthread_barrier_wait(&barrier);
    long sum = 0;
    for (int i = 0; i < 500; i++) {
        void *number;
        pthread_join(all[i], &number);
        sum += (long)number;
    }
    printf("500 threads, sum %ld\n", sum);
    return 0;
}

static double now(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static void *sleeper(void *nothing)
{
    pause();
    return nothing;
}

// A child with 3000 threads that all sleep; it ends by itself when told to.
static pid_t crowd(int tell[2])
{
    int ready[2];
    char byte = 0;
    pipe(ready);
    pipe(tell);
    pid_t child = fork();
    if (child == 0) {
        pthread_t thread;
        pthread_attr_t attributes;
        pthread_attr_init(&attributes);
        pthread_attr_setstacksize(&attributes, 32768);
        for (int i = 0; i < 3000; i++) {
            if (pthread_create(&thread, &attributes, sleeper, NULL) != 0) {
                _exit(3);
            }
        }
        write(ready[1], "x", 1);
        read(tell[0], &byte, 1);
        _exit(0);
    }
    close(ready[1]);
    read(ready[0], &byte, 1);
    close(ready[0]);
    return byte == 'x' ? child : -1;
}

// 3000 threads end at once, first by their own process, then by a signal while this process forks. The bounds are far
// above what it takes.
static int storm(void)
{
    int tell[2], status;
    pid_t child = crowd(tell);
    double start = now(), worst = 0;
    write(tell[1], "x", 1);
    waitpid(child, &status, 0);
    printf("ended with %d %s\n", WEXITSTATUS(status), now() - start < 40 ? "in time" : "late");

    child = crowd(tell);
    kill(child, SIGKILL);
    start = now();
    while (waitpid(child, &status, WNOHANG) == 0) {
        double before = now();
        pid_t other = fork();
        if (other == 0) {
            _exit(0);
        }
        waitpid(other, NULL, 0);
        worst = now() - before > worst ? now() - before : worst;
    }
    printf("killed by signal %d %s, %s\n", WTERMSIG(status), now() - start < 40 ? "in time" : "late",
        worst < 10 ? "and others went on" : "others stood still");
    return 0;
}

// Locks of single bytes; what the last ones take may be no more than a few times what the first ones took.
static int locks(void)
{
    int fd = open("/tmp/locked", O_RDWR | O_CREAT, 0600);
    double first = 0, last = 0;
    for (int i = 0; i < 20; i++) {
        double start = now();
        for (int n = 0; n < 1000; n++) {
            struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = (i * 1000 + n) * 2, .l_len = 1 };
            if (fcntl(fd, F_SETLK, &lock) != 0) {
                return 1;
            }
        }
        first += i < 5 ? now() - start : 0;
        last += i >= 15 ? now() - start : 0;
    }
    struct flock all = { .l_type = F_UNLCK, .l_whence = SEEK_SET };
    double start = now();
    fcntl(fd, F_SETLK, &all);
    printf("20000 locks, %s, released %s\n", last < 5 * first + 1 ? "no slower" : "ever slower", now() - start < 2 ? "at once" : "slowly");
    return 0;
}

// Symbolic links with long targets until the kernel has no room; the number made.
static int make_links(int *error)
{
    char target[4000], path[64];
    memset(target, 'x', sizeof target - 1);
    target[sizeof target - 1] = 0;
    for (int n = 0;; n++) {
        snprintf(path, sizeof path, "/tmp/link.%d", n);
        if (symlink(target, path) != 0) {
            *error = errno;
            return n;
        }
    }
}

// Names and link targets are the kernel's memory and stay when their maker ends: a user without rights is refused more
// when the limit is reached, others go on, and what was removed is free again. The runner looks at the Sentry meanwhile.
static int names(void)
{
    int made[2], errors[2], counts[2] = { 0, 0 };
    for (int round = 0; round < 2; round++) {
        pipe(made);
        pid_t child = fork();
        if (child == 0) {
            setresgid(1000, 1000, 1000);
            setresuid(1000, 1000, 1000);
            int error, count = make_links(&error);
            int result[2] = { count, error };
            write(made[1], result, sizeof result);
            _exit(0);
        }
        int result[2] = { -1, 0 }, status;
        close(made[1]);
        read(made[0], result, sizeof result);
        close(made[0]);
        waitpid(child, &status, 0);
        counts[round] = result[0];
        errors[round] = result[1];
        fill(1 << 20);
        puts(round == 0 ? "full" : "full again");
        sleep(2);
        for (int n = 0; n < result[0]; n++) {
            char path[64];
            snprintf(path, sizeof path, "/tmp/link.%d", n);
            unlink(path);
        }
    }
    printf("refused by %s and %s\n", strerror(errors[0]), strerror(errors[1]));
    printf("%s the second time\n", counts[1] > counts[0] / 10 * 9 && counts[1] < counts[0] / 10 * 11 ? "as many" : "another number");
    fprintf(stderr, "%d links, then %d\n", counts[0], counts[1]);
    return 0;
}

static long slab(void)
{
    char line[128];
    long kib = -1;
    FILE *file = fopen("/proc/meminfo", "r");
    while (fgets(line, sizeof line, file) != NULL) {
        sscanf(line, "Slab: %ld", &kib);
    }
    fclose(file);
    return kib;
}

// One of each thing whose memory the kernel charges, made and taken away again; twice as a FIFO queue would be read, and
// dropped with what is in it.
static void cycle(int i)
{
    int fds[2];
    char path[64], other[64], block[4096] = { 0 };
    snprintf(path, sizeof path, "/tmp/thing.%d", i);
    snprintf(other, sizeof other, "/tmp/another-name-of-the-thing.%d", i);
    close(open(path, O_CREAT | O_WRONLY, 0600));
    setxattr(path, "user.one", block, 100, 0);
    link(path, other);
    unlink(path);
    rename(other, path);
    unlink(path);
    mkdir(path, 0700);
    rmdir(path);
    symlink("somewhere", path);
    unlink(path);
    int fd = open(path, O_CREAT | O_RDWR, 0600);
    setxattr(path, "user.two", block, 1000, 0);
    unlink(path);
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = i, .l_len = 1 };
    fcntl(fd, F_SETLK, &lock);
    close(fd);
    for (int read_it = 0; read_it < 2; read_it++) {
        pipe(fds);
        write(fds[1], block, sizeof block);
        if (read_it) {
            read(fds[0], block, sizeof block);
        }
        close(fds[0]);
        close(fds[1]);
        socketpair(AF_UNIX, SOCK_STREAM, 0, fds);
        write(fds[1], block, sizeof block);
        if (read_it) {
            read(fds[0], block, 100);
        }
        close(fds[0]);
        close(fds[1]);
        struct { long type; char text[1000]; } message = { 1, "" };
        int queue = msgget(IPC_PRIVATE, 0600);
        msgsnd(queue, &message, sizeof message.text, 0);
        if (read_it) {
            msgrcv(queue, &message, sizeof message.text, 0, 0);
        }
        msgctl(queue, IPC_RMID, NULL);
    }
    if (i % 10 == 0) {
        pid_t child = fork();
        if (child == 0) {
            for (int n = 0; n < 50; n++) {
                mmap(NULL, 4096, n % 2 ? PROT_READ : PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            }
            _exit(0);
        }
        waitpid(child, NULL, 0);
    }
}

// What is given back is what was charged: the kernel's own memory is the same after many cycles.
static int pairs(void)
{
    cycle(0);
    usleep(200000);
    long before = slab();
    for (int i = 0; i < 500; i++) {
        cycle(i);
    }
    usleep(200000);
    long after = slab();
    printf("%s\n", before >= 0 && labs(after - before) <= 64 ? "nothing left" : "something left");
    fprintf(stderr, "slab %ld KiB, then %ld\n", before, after);
    return 0;
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    const char *what = argc > 1 ? argv[1] : "";
    static const struct { const char *name; int (*run)(void); } all[] = { { "memory", memory }, { "victim", victim },
        { "returned", returned }, { "zombies", zombies }, { "pipes", pipes }, { "forks", forks }, { "files", files }, { "threads", threads },
        { "zeros", zeros }, { "files-victim", files_victim }, { "storm", storm }, { "locks", locks },
        { "names", names }, { "pairs", pairs } };
    int result = 2;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (strcmp(what, all[i].name) == 0) {
            result = all[i].run();
        }
    }
    if (result == 0) {
        puts("alive");
    }
    return result;
}
