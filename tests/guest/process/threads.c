// Threads: identity, ends, per-thread and shared state.
#include "guest.h"
#include <sys/times.h>

static int fds[2];
static __thread int local_word;
static volatile int counter;

static void *add(void *unused)
{
    (void)unused;
    for (int i = 0; i < 1000; i++) {
        __atomic_fetch_add(&counter, 1, __ATOMIC_SEQ_CST);
    }
    local_word++;
    return (void *)(intptr_t)(local_word == 1 ? gettid() : 0);
}

TEST(a_hundred_threads)
{
    pthread_t threads[100];
    for (int i = 0; i < 100; i++) {
        EQ(0, pthread_create(&threads[i], NULL, add, NULL));
    }
    for (int i = 0; i < 100; i++) {
        void *tid;
        EQ(0, pthread_join(threads[i], &tid));
        CHECK(tid != NULL && (pid_t)(intptr_t)tid != getpid());
    }
    EQ(100000, counter);
}

static void *exit_process(void *unused)
{
    (void)unused;
    _exit(13);
}

TEST(exit_group_ends_all_threads)
{
    pid_t child = CHILD({
        pthread_t thread;
        pthread_create(&thread, NULL, exit_process, NULL);
        pause();
    });
    EXITS(13, child);
}

static void *outlive(void *unused)
{
    (void)unused;
    char path[64];
    char text[512];
    sprintf(path, "/proc/%d/stat", getpid());
    do {
        read_file(path, text, sizeof text);
    } while (strrchr(text, ')')[2] != 'Z');
    exit(31);
}

TEST(the_leader_may_end_first)
{
    pid_t child = CHILD({
        pthread_t thread;
        pthread_create(&thread, NULL, outlive, NULL);
        syscall(SYS_exit, 7);
    });
    EXITS(31, child);
}

TEST(exit_of_one_thread_leaves_the_process)
{
    pthread_t thread;
    pthread_create(&thread, NULL, add, NULL);
    pthread_join(thread, NULL);
    EQ(getpid(), gettid());
}

static void *block(void *tid)
{
    __atomic_store_n((pid_t *)tid, gettid(), __ATOMIC_SEQ_CST);
    send_byte(fds[1]);
    pause();
    return NULL;
}

TEST(proc_lists_threads)
{
    OK(pipe(fds));
    pid_t tids[3];
    for (int i = 0; i < 3; i++) {
        pthread_t thread;
        pthread_create(&thread, NULL, block, &tids[i]);
        await_byte(fds[0]);
    }
    char path[64], text[8192];
    for (int i = 0; i < 3; i++) {
        sprintf(path, "/proc/self/task/%d/status", tids[i]);
        read_file(path, text, sizeof text);
        sprintf(path, "\nTgid:\t%d\nNgid:\t0\nPid:\t%d\n", getpid(), tids[i]);
        CHECK(strstr(text, path) != NULL);
    }
    read_file("/proc/self/status", text, sizeof text);
    CHECK(strstr(text, "\nThreads:\t4\n") != NULL);
}

static volatile pid_t handled_by;
static void on_signal(int number) { (void)number; handled_by = gettid(); }

TEST(tgkill_reaches_one_thread)
{
    OK(pipe(fds));
    signal(SIGUSR1, on_signal);
    pid_t tid;
    pthread_t thread;
    pthread_create(&thread, NULL, block, &tid);
    await_byte(fds[0]);
    await_state(tid, 'S');
    OK(syscall(SYS_tgkill, getpid(), tid, SIGUSR1));
    pthread_join(thread, NULL);
    EQ(tid, handled_by);
    FAILS(ESRCH, syscall(SYS_tgkill, getpid(), 0x3ffffff, SIGUSR1));
    FAILS(ESRCH, syscall(SYS_tgkill, getppid(), gettid(), SIGUSR1));
    FAILS(EINVAL, syscall(SYS_tgkill, 0, gettid(), SIGUSR1));
    FAILS(EINVAL, syscall(SYS_tkill, -1, SIGUSR1));
    handled_by = 0;
    OK(syscall(SYS_tkill, gettid(), SIGUSR1));
    EQ(gettid(), handled_by);
}

static void *fork_in_thread(void *unused)
{
    (void)unused;
    pid_t child = CHILD({
        EQ(getpid(), gettid());
        char text[8192];
        read_file("/proc/self/status", text, sizeof text);
        CHECK(strstr(text, "\nThreads:\t1\n") != NULL);
    });
    EXITS(0, child);
    return NULL;
}

TEST(fork_copies_only_the_calling_thread)
{
    pthread_t thread;
    pthread_create(&thread, NULL, fork_in_thread, NULL);
    pthread_join(thread, NULL);
}

static void *wait_child(void *child) { return (void *)(intptr_t)guest_wait((pid_t)(intptr_t)child, NULL); }

TEST(children_belong_to_the_process)
{
    pid_t child = CHILD({ _exit(0); });
    pthread_t thread;
    void *got;
    pthread_create(&thread, NULL, wait_child, (void *)(intptr_t)child);
    pthread_join(thread, &got);
    EQ(child, (intptr_t)got);
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static int turn;

static void *ping(void *side)
{
    int mine = (int)(intptr_t)side;
    for (int i = 0; i < 500; i++) {
        pthread_mutex_lock(&mutex);
        while (turn % 2 != mine) {
            pthread_cond_wait(&condition, &mutex);
        }
        turn++;
        pthread_cond_signal(&condition);
        pthread_mutex_unlock(&mutex);
    }
    return NULL;
}

TEST(condition_variables_alternate)
{
    pthread_t a, b;
    pthread_create(&a, NULL, ping, (void *)0);
    pthread_create(&b, NULL, ping, (void *)1);
    pthread_join(a, NULL);
    pthread_join(b, NULL);
    EQ(1000, turn);
}

TEST(mutex_between_processes)
{
    struct { pthread_mutex_t mutex; int count; } *shared = OK(mmap(NULL, 4096, PROT_READ | PROT_WRITE,
        MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(&shared->mutex, &attributes);
    for (int i = 0; i < 4; i++) {
        CHILD({
            for (int j = 0; j < 500; j++) {
                pthread_mutex_lock(&shared->mutex);
                int value = shared->count;
                if (j % 50 == 0) {
                    sched_yield();
                }
                shared->count = value + 1;
                pthread_mutex_unlock(&shared->mutex);
            }
        });
    }
    for (int i = 0; i < 4; i++) {
        int status;
        CHECK(wait(&status) > 0);
        EQ(0, status);
    }
    EQ(2000, shared->count);
}

static void *cancel_me(void *unused)
{
    (void)unused;
    send_byte(fds[1]);
    for (;;) {
        sleep(100);
    }
    return NULL;
}

TEST(cancellation)
{
    OK(pipe(fds));
    pthread_t thread;
    pthread_create(&thread, NULL, cancel_me, NULL);
    await_byte(fds[0]);
    EQ(0, pthread_cancel(thread));
    void *result;
    pthread_join(thread, &result);
    CHECK(result == PTHREAD_CANCELED);
}

static void *burn(void *unused)
{
    (void)unused;
    struct timespec used;
    do {
        for (volatile int i = 0; i < 10000; i++) {
        }
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    } while (used.tv_sec == 0 && used.tv_nsec < 40000000);
    struct rusage usage;
    OK(getrusage(RUSAGE_THREAD, &usage));
    CHECK(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec + 1000000 * usage.ru_utime.tv_sec >= 10000);
    return NULL;
}

TEST(cpu_time_is_counted_per_thread_and_summed)
{
    pthread_t thread;
    pthread_create(&thread, NULL, burn, NULL);
    pthread_join(thread, NULL);
    struct timespec mine, all;
    OK(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &mine));
    OK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &all));
    CHECK(all.tv_nsec - mine.tv_nsec + (all.tv_sec - mine.tv_sec) * 1000000000LL >= 35000000);
    struct rusage usage;
    OK(getrusage(RUSAGE_SELF, &usage));
    CHECK(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec + 1000000 * usage.ru_utime.tv_sec >= 30000);
}

TEST(times_counts_ticks)
{
    struct tms before, after;
    clock_t start = OK(times(&before));
    int64_t end = now_ms() + 60;
    while (now_ms() < end) {
    }
    clock_t stop = OK(times(&after));
    CHECK(stop - start >= 5 && stop - start < 1000);
    CHECK(after.tms_utime + after.tms_stime >= before.tms_utime + before.tms_stime);
    EQ(0, after.tms_cutime);
}

TEST(usage_counts_faults_and_switches)
{
    struct rusage before, after;
    OK(getrusage(RUSAGE_SELF, &before));
    char *memory = OK(mmap(NULL, 4 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    memset(memory, 1, 4 << 20);
    pause_ms(2);
    OK(getrusage(RUSAGE_SELF, &after));
    CHECK(after.ru_minflt > before.ru_minflt);
    CHECK(after.ru_nvcsw > before.ru_nvcsw);
    CHECK(after.ru_maxrss >= 4096);
    FAILS(EINVAL, getrusage(5, &after));
}
