// Everything at once, for a while: threads that fault memory in, fork, make files, list /proc and pass bytes through pipes,
// under a signal every half millisecond, each checking that its memory and its registers stay what they were.
// usage: churn SECONDS      prints "ok" and how much was done; the first difference ends it with status 1
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PAGE = 4096, PAGES = 40, WORKERS = 4 };

static volatile sig_atomic_t over;
static volatile unsigned long signals, rounds[WORKERS];

#define CHECK(what)                                                                    \
    do {                                                                               \
        if (!(what)) {                                                                 \
            dprintf(1, "FAIL churn: line %d: %s (%m)\n", __LINE__, #what);             \
            _exit(1);                                                                  \
        }                                                                              \
    } while (0)

static void count_signal(int number)
{
    (void)number;
    // The handler's own use of the registers that the interrupted code holds.
    volatile double product = 1.0000001;
    for (int i = 0; i < 8; i++) {
        product *= product;
    }
    signals++;
}

// Registers keep values over system calls and over whatever interrupts between them.
static void registers_stay(unsigned long seed)
{
    double vector[4] = {seed + 0.5, seed + 1.5, seed + 2.5, seed + 3.5}, after[4] = {0};
    long double old = seed * 3.25L, sum = 0;
    unsigned long kept = seed * 0x9e3779b97f4a7c15, result = 0;
    asm volatile("vmovupd (%[from]), %%ymm6\n\t"
                 "vmovupd (%[from]), %%ymm15\n\t"
                 "fldt (%[old])\n\t"
                 "mov %[kept], %%r15\n\t"
                 "mov $100, %%ebx\n\t"
                 "1: mov $39, %%eax\n\t"
                 "syscall\n\t"
                 "dec %%ebx\n\t"
                 "jnz 1b\n\t"
                 "fstpt (%[sum])\n\t"
                 "vaddpd %%ymm15, %%ymm6, %%ymm6\n\t"
                 "vmovupd %%ymm6, (%[to])\n\t"
                 "vzeroupper\n\t"
                 "mov %%r15, %[result]"
                 : [result] "=r"(result)
                 : [from] "r"(vector), [to] "r"(after), [old] "r"(&old), [sum] "r"(&sum), [kept] "r"(kept)
                 : "rax", "rbx", "rcx", "r11", "r15", "xmm6", "xmm15", "memory", "cc");
    for (int i = 0; i < 4; i++) {
        CHECK(after[i] == 2 * vector[i]);
    }
    CHECK(sum == old);
    CHECK(result == kept);
}

static bool holds(const unsigned char *area, int value)
{
    for (int i = 0; i < PAGES * PAGE; i += 64) {
        if (area[i] != (unsigned char)(value + i / PAGE)) {
            return false;
        }
    }
    return true;
}

static void memory_stays(unsigned long seed)
{
    unsigned char *area = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(area != MAP_FAILED);
    for (int i = 0; i < PAGES; i++) {
        memset(area + i * PAGE, (int)(seed + i), PAGE);
    }
    CHECK(mprotect(area, PAGES * PAGE, PROT_READ) == 0);
    CHECK(holds(area, (int)seed));
    CHECK(mprotect(area, PAGES * PAGE, PROT_READ | PROT_WRITE) == 0);
    if (seed % 4 == 0) {
        pid_t child = fork();
        CHECK(child != -1);
        if (child == 0) {
            bool held = holds(area, (int)seed);
            memset(area, 0, PAGES * PAGE);
            _exit(held ? 7 : 8);
        }
        int status;
        while (waitpid(child, &status, 0) == -1) {
        }
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7);
        CHECK(holds(area, (int)seed));
    }
    CHECK(munmap(area, PAGES * PAGE) == 0);
}

// What the Sentry makes up for every reader is garbage soon after.
static void read_all(const char *name)
{
    char text[PAGE];
    ssize_t count;
    int fd = open(name, O_RDONLY);
    CHECK(fd != -1);
    do {
        count = read(fd, text, sizeof text);
        CHECK(count != -1);
    } while (count > 0);
    CHECK(close(fd) == 0);
}

static void files_stay(unsigned long seed)
{
    char name[64];
    unsigned char wrote[3000], got[3000];
    snprintf(name, sizeof name, "/tmp/churn.%lu", seed % 50);
    memset(wrote, (int)seed, sizeof wrote);
    int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
    CHECK(fd != -1);
    CHECK(pwrite(fd, wrote, sizeof wrote, 1000) == sizeof wrote);
    CHECK(pread(fd, got, sizeof got, 1000) == sizeof got);
    CHECK(memcmp(wrote, got, sizeof got) == 0);
    CHECK(close(fd) == 0);
    CHECK(unlink(name) == 0);
    DIR *folder = opendir("/proc/self/task");
    CHECK(folder != NULL);
    int entries = 0;
    while (readdir(folder) != NULL) {
        entries++;
    }
    CHECK(entries >= 3);
    closedir(folder);
    read_all("/proc/self/maps");
    read_all("/proc/self/mountinfo");
    read_all("/proc/self/status");
}

static int there[2], back[2];

static void *echo(void *unused)
{
    unsigned long word;
    while (read(there[0], &word, sizeof word) == sizeof word) {
        word = ~word;
        CHECK(write(back[1], &word, sizeof word) == sizeof word);
    }
    return unused;
}

static void bytes_come_back(unsigned long seed)
{
    unsigned long word = 0;
    CHECK(write(there[1], &seed, sizeof seed) == sizeof seed);
    CHECK(read(back[0], &word, sizeof word) == sizeof word);
    CHECK(word == ~seed);
}

static void *work(void *which)
{
    int self = (int)(long)which;
    while (!over) {
        unsigned long seed = rounds[self]++;
        switch (self) {
        case 0: registers_stay(seed); break;
        case 1: memory_stays(seed); break;
        case 2: files_stay(seed); break;
        default: bytes_come_back(seed); break;
        }
    }
    return NULL;
}

int main(int count, char **arguments)
{
    int seconds = count > 1 ? atoi(arguments[1]) : 10;
    struct sigaction action = {.sa_handler = count_signal, .sa_flags = SA_RESTART};
    CHECK(sigaction(SIGALRM, &action, NULL) == 0);
    CHECK(pipe(there) == 0 && pipe(back) == 0);
    pthread_t threads[WORKERS], other;
    CHECK(pthread_create(&other, NULL, echo, NULL) == 0);
    for (long i = 0; i < WORKERS; i++) {
        CHECK(pthread_create(&threads[i], NULL, work, (void *)i) == 0);
    }
    struct itimerval every = {{0, 500}, {0, 500}}, never = {{0, 0}, {0, 0}};
    CHECK(setitimer(ITIMER_REAL, &every, NULL) == 0);
    struct timespec now, end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    do {
        struct timespec pause = {0, 100 * 1000 * 1000};
        nanosleep(&pause, NULL);
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while (now.tv_sec < end.tv_sec + seconds);
    over = 1;
    for (int i = 0; i < WORKERS; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
    CHECK(setitimer(ITIMER_REAL, &never, NULL) == 0);
    close(there[1]);
    CHECK(pthread_join(other, NULL) == 0);
    for (int i = 0; i < WORKERS; i++) {
        CHECK(rounds[i] > 0);
    }
    CHECK(signals > 0);
    printf("ok churn: %lu signals, rounds %lu %lu %lu %lu\n", signals, rounds[0], rounds[1], rounds[2], rounds[3]);
    return 0;
}
