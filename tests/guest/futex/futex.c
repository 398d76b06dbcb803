// futex: waiting, waking, requeueing, priority inheritance, robust lists, waitv.
#include "guest.h"
#include <linux/futex.h>

static int word, second;

static long futex(int *address, int operation, int value, const void *timeout, int *other, int value3)
{
    return syscall(SYS_futex, address, operation, value, timeout, other, value3);
}

static void after_ms(clockid_t clock, int ms, struct timespec *time)
{
    OK(clock_gettime(clock, time));
    time->tv_nsec += ms * 1000000L;
    time->tv_sec += time->tv_nsec / 1000000000;
    time->tv_nsec %= 1000000000;
}

struct waiter {
    int *address;
    int operation, value;
    int bits;
    volatile pid_t tid;
    volatile long result;
    volatile int error;
    pthread_t thread;
};

static void *wait_thread(void *argument)
{
    struct waiter *waiter = argument;
    waiter->tid = gettid();
    waiter->result = futex(waiter->address, waiter->operation, waiter->value, NULL, NULL, waiter->bits);
    waiter->error = errno;
    return NULL;
}

static void start(struct waiter *waiter)
{
    pthread_create(&waiter->thread, NULL, wait_thread, waiter);
    while (waiter->tid == 0) {
        sched_yield();
    }
    await_state(waiter->tid, 'S');
}

static void finish(struct waiter *waiter, long result)
{
    pthread_join(waiter->thread, NULL);
    EQ(result, waiter->result);
}

TEST(wait_compares_first)
{
    word = 1;
    FAILS(EAGAIN, futex(&word, FUTEX_WAIT, 0, NULL, NULL, 0));
}

TEST(wait_times_out)
{
    struct timespec time = { 0, 30000000 };
    word = 0;
    int64_t start = now_ms();
    FAILS(ETIMEDOUT, futex(&word, FUTEX_WAIT_PRIVATE, 0, &time, NULL, 0));
    CHECK(now_ms() - start >= 29);
    struct timespec bad = { 0, 1000000000 };
    FAILS(EINVAL, futex(&word, FUTEX_WAIT, 0, &bad, NULL, 0));
    struct timespec zero = { 0, 0 };
    FAILS(ETIMEDOUT, futex(&word, FUTEX_WAIT, 0, &zero, NULL, 0));
}

TEST(bitset_wait_takes_absolute_times_of_two_clocks)
{
    struct timespec time;
    word = 0;
    after_ms(CLOCK_MONOTONIC, 30, &time);
    int64_t start = now_ms();
    FAILS(ETIMEDOUT, futex(&word, FUTEX_WAIT_BITSET, 0, &time, NULL, -1));
    CHECK(now_ms() - start >= 28);
    after_ms(CLOCK_REALTIME, 30, &time);
    start = now_ms();
    FAILS(ETIMEDOUT, futex(&word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 0, &time, NULL, -1));
    CHECK(now_ms() - start >= 28);
    time.tv_sec = 1;
    FAILS(ETIMEDOUT, futex(&word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 0, &time, NULL, -1));
}

TEST(addresses_are_checked)
{
    FAILS(EINVAL, futex((int *)((char *)&word + 1), FUTEX_WAIT, 0, NULL, NULL, 0));
    FAILS(EFAULT, futex((int *)16, FUTEX_WAIT, 0, NULL, NULL, 0));
    FAILS(EINVAL, futex(&word, FUTEX_WAIT_BITSET, 0, NULL, NULL, 0));
    FAILS(EINVAL, futex(&word, FUTEX_WAKE_BITSET, 1, NULL, NULL, 0));
    FAILS(ENOSYS, futex(&word, 99, 0, NULL, NULL, 0));
    EQ(0, futex(&word, FUTEX_WAKE, 1, NULL, NULL, 0));
}

TEST(wake_counts)
{
    struct waiter waiters[3] = { 0 };
    word = 0;
    for (int i = 0; i < 3; i++) {
        waiters[i].address = &word;
        waiters[i].operation = FUTEX_WAIT_PRIVATE;
        start(&waiters[i]);
    }
    EQ(2, futex(&word, FUTEX_WAKE_PRIVATE, 2, NULL, NULL, 0));
    EQ(1, futex(&word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0));
    EQ(0, futex(&word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0));
    for (int i = 0; i < 3; i++) {
        finish(&waiters[i], 0);
    }
}

TEST(wake_by_bitset)
{
    struct waiter a = { &word, FUTEX_WAIT_BITSET, 0, 1 }, b = { &word, FUTEX_WAIT_BITSET, 0, 6 };
    word = 0;
    start(&a);
    start(&b);
    EQ(0, futex(&word, FUTEX_WAKE_BITSET, 9, NULL, NULL, 8));
    EQ(1, futex(&word, FUTEX_WAKE_BITSET, 9, NULL, NULL, 4));
    finish(&b, 0);
    EQ(1, futex(&word, FUTEX_WAKE, 9, NULL, NULL, 0));
    finish(&a, 0);
}

TEST(requeue_moves_waiters)
{
    struct waiter waiters[4] = { 0 };
    word = second = 0;
    for (int i = 0; i < 4; i++) {
        waiters[i].address = &word;
        waiters[i].operation = FUTEX_WAIT;
        start(&waiters[i]);
    }
    EQ(3, futex(&word, FUTEX_REQUEUE, 1, (void *)2, &second, 0));
    EQ(1, futex(&word, FUTEX_WAKE, 9, NULL, NULL, 0));
    EQ(2, futex(&second, FUTEX_WAKE, 9, NULL, NULL, 0));
    for (int i = 0; i < 4; i++) {
        finish(&waiters[i], 0);
    }
}

TEST(cmp_requeue_compares)
{
    struct waiter a = { &word, FUTEX_WAIT, 0, 0 };
    word = second = 0;
    start(&a);
    FAILS(EAGAIN, futex(&word, FUTEX_CMP_REQUEUE, 0, (void *)1, &second, 7));
    EQ(1, futex(&word, FUTEX_CMP_REQUEUE, 0, (void *)1, &second, 0));
    EQ(0, futex(&word, FUTEX_WAKE, 1, NULL, NULL, 0));
    EQ(1, futex(&second, FUTEX_WAKE, 1, NULL, NULL, 0));
    finish(&a, 0);
    FAILS(EINVAL, futex(&word, FUTEX_CMP_REQUEUE, -1, (void *)1, &second, 0));
}

TEST(wake_op_changes_and_wakes_both)
{
    struct waiter a = { &word, FUTEX_WAIT, 0, 0 }, b = { &second, FUTEX_WAIT, 5, 0 };
    word = 0;
    second = 5;
    start(&a);
    start(&b);
    EQ(2, futex(&word, FUTEX_WAKE_OP, 1, (void *)1, &second, FUTEX_OP(FUTEX_OP_ADD, 3, FUTEX_OP_CMP_EQ, 5)));
    EQ(8, second);
    finish(&a, 0);
    finish(&b, 0);
    EQ(0, futex(&word, FUTEX_WAKE_OP, 1, (void *)1, &second, FUTEX_OP(FUTEX_OP_ANDN, 8, FUTEX_OP_CMP_LT, 0)));
    EQ(0, second);
    int shifted = FUTEX_OP(((int)FUTEX_OP_OR | FUTEX_OP_OPARG_SHIFT), 4, FUTEX_OP_CMP_GE, 0);
    EQ(0, futex(&word, FUTEX_WAKE_OP, 1, (void *)1, &second, shifted));
    EQ(16, second);
    EQ(0, futex(&word, FUTEX_WAKE_OP, 1, (void *)1, &second, FUTEX_OP(FUTEX_OP_XOR, 17, FUTEX_OP_CMP_NE, 0)));
    EQ(1, second);
    EQ(0, futex(&word, FUTEX_WAKE_OP, 1, (void *)1, &second, FUTEX_OP(FUTEX_OP_SET, 100, FUTEX_OP_CMP_GT, 0)));
    EQ(100, second);
}

TEST(shared_memory_between_processes)
{
    int *shared = OK(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    pid_t child = CHILD({ EQ(0, futex(shared, FUTEX_WAIT, 0, NULL, NULL, 0)); });
    await_state(child, 'S');
    EQ(0, futex(shared, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0));
    EQ(1, futex(shared, FUTEX_WAKE, 1, NULL, NULL, 0));
    EXITS(0, child);
}

TEST(the_same_file_at_two_addresses_is_one_futex)
{
    int fd = OK(open("f", O_RDWR | O_CREAT, 0600));
    OK(ftruncate(fd, 4096));
    int *one = OK(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    int *two = OK(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    CHECK(one != two);
    struct waiter a = { one, FUTEX_WAIT, 0, 0 };
    start(&a);
    EQ(1, futex(two, FUTEX_WAKE, 1, NULL, NULL, 0));
    finish(&a, 0);
}

TEST(a_private_copy_is_another_futex_after_fork)
{
    word = 0;
    pid_t child = CHILD({
        struct timespec time = { 0, 100000000 };
        FAILS(ETIMEDOUT, futex(&word, FUTEX_WAIT, 0, &time, NULL, 0));
    });
    await_state(child, 'S');
    EQ(0, futex(&word, FUTEX_WAKE, 9, NULL, NULL, 0));
    EXITS(0, child);
}

TEST(pi_lock_and_unlock)
{
    word = 0;
    OK(futex(&word, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
    EQ(gettid(), word & FUTEX_TID_MASK);
    FAILS(EDEADLK, futex(&word, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
    FAILS(EDEADLK, futex(&word, FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0));
    OK(futex(&word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
    EQ(0, word);
    FAILS(EPERM, futex(&word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
    word = 0x3ffffff;
    FAILS(ESRCH, futex(&word, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
}

static void *take_pi(void *tid)
{
    __atomic_store_n((pid_t *)tid, gettid(), __ATOMIC_SEQ_CST);
    long result = futex(&word, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0);
    int owner = word & FUTEX_TID_MASK;
    futex(&word, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0);
    return (void *)(intptr_t)(result == 0 && owner == gettid());
}

TEST(pi_hands_over_to_the_waiter)
{
    word = 0;
    OK(futex(&word, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0));
    pid_t tid = 0;
    pthread_t thread;
    pthread_create(&thread, NULL, take_pi, &tid);
    while (__atomic_load_n(&tid, __ATOMIC_SEQ_CST) == 0) {
        sched_yield();
    }
    await_state(tid, 'S');
    EQ(gettid() | (int)FUTEX_WAITERS, word);
    OK(futex(&word, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0));
    void *good;
    pthread_join(thread, &good);
    CHECK(good != NULL);
    EQ(0, word);
}

static void *die_with_pi(void *waiter)
{
    OK(futex(&word, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0));
    __atomic_store_n(&second, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n((pid_t *)waiter, __ATOMIC_SEQ_CST) == 0) {
        sched_yield();
    }
    await_state(*(pid_t *)waiter, 'S');
    return NULL;
}

TEST(a_dead_owner_leaves_a_pi_word_to_the_waiter)
{
    word = second = 0;
    pid_t tid = 0;
    pthread_t thread;
    pthread_create(&thread, NULL, die_with_pi, &tid);
    while (__atomic_load_n(&second, __ATOMIC_SEQ_CST) == 0) {
        sched_yield();
    }
    __atomic_store_n(&tid, gettid(), __ATOMIC_SEQ_CST);
    OK(futex(&word, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0));
    EQ(gettid() | (int)(FUTEX_WAITERS | FUTEX_OWNER_DIED), word);
    OK(futex(&word, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0));
    pthread_join(thread, NULL);
    EQ(0, word);
}

TEST(pi_lock_times_out_on_the_real_time_clock)
{
    int *shared = OK(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    pid_t child = CHILD({ OK(futex(shared, FUTEX_LOCK_PI, 0, NULL, NULL, 0)); for (;;) { pause(); } });
    await_state(child, 'S');
    struct timespec time;
    after_ms(CLOCK_REALTIME, 30, &time);
    FAILS(ETIMEDOUT, futex(shared, FUTEX_LOCK_PI, 0, &time, NULL, 0));
    FAILS(EAGAIN, futex(shared, FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0));
    OK(kill(child, SIGKILL));
    KILLED(SIGKILL, child);
}

static void *wait_requeue_pi(void *tid)
{
    __atomic_store_n((pid_t *)tid, gettid(), __ATOMIC_SEQ_CST);
    long result = futex(&word, FUTEX_WAIT_REQUEUE_PI_PRIVATE, 0, NULL, &second, 0);
    int owner = second & FUTEX_TID_MASK;
    futex(&second, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0);
    return (void *)(intptr_t)(result == 0 && owner == gettid());
}

TEST(requeue_to_a_pi_futex)
{
    word = second = 0;
    pid_t tid = 0;
    pthread_t thread;
    pthread_create(&thread, NULL, wait_requeue_pi, &tid);
    while (__atomic_load_n(&tid, __ATOMIC_SEQ_CST) == 0) {
        sched_yield();
    }
    await_state(tid, 'S');
    EQ(1, futex(&word, FUTEX_CMP_REQUEUE_PI_PRIVATE, 1, (void *)0, &second, 0));
    void *good;
    pthread_join(thread, &good);
    CHECK(good != NULL);
}

TEST(pi_mutex_of_the_library)
{
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
    pthread_mutex_t mutex;
    EQ(0, pthread_mutex_init(&mutex, &attributes));
    EQ(0, pthread_mutex_lock(&mutex));
    EQ(EBUSY, pthread_mutex_trylock(&mutex));
    EQ(0, pthread_mutex_unlock(&mutex));
}

TEST(a_robust_mutex_tells_of_its_owners_death)
{
    pthread_mutex_t *mutex = OK(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(mutex, &attributes);
    EXITS(0, CHILD({ EQ(0, pthread_mutex_lock(mutex)); }));
    EQ(EOWNERDEAD, pthread_mutex_lock(mutex));
    EQ(0, pthread_mutex_consistent(mutex));
    EQ(0, pthread_mutex_unlock(mutex));
    EQ(0, pthread_mutex_lock(mutex));
}

TEST(robust_death_wakes_a_waiter)
{
    pthread_mutex_t *mutex = OK(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(mutex, &attributes);
    pid_t owner = CHILD({ EQ(0, pthread_mutex_lock(mutex)); for (;;) { pause(); } });
    await_state(owner, 'S');
    pid_t waiter = CHILD({ EQ(EOWNERDEAD, pthread_mutex_lock(mutex)); });
    await_state(waiter, 'S');
    OK(kill(owner, SIGKILL));
    EXITS(0, waiter);
}

TEST(robust_list_is_set_and_read)
{
    struct robust_list_head *head = NULL;
    size_t length = 0;
    OK(syscall(SYS_get_robust_list, 0, &head, &length));
    CHECK(head != NULL);
    EQ(sizeof *head, length);
    FAILS(EINVAL, syscall(SYS_set_robust_list, head, 3));
    FAILS(ESRCH, syscall(SYS_get_robust_list, 0x3ffffff, &head, &length));
}

#ifndef FUTEX_32
#define FUTEX_32 2
struct futex_waitv { uint64_t val, uaddr; uint32_t flags, reserved; };
#endif

static void *wake_second(void *tid)
{
    await_state((pid_t)(intptr_t)tid, 'S');
    while (futex(&second, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0) != 1) {
        sched_yield();
    }
    return NULL;
}

TEST(waitv_waits_for_any)
{
    struct futex_waitv entries[2] = {
        { .val = 0, .uaddr = (uintptr_t)&word, .flags = FUTEX_32 | FUTEX_PRIVATE_FLAG },
        { .val = 0, .uaddr = (uintptr_t)&second, .flags = FUTEX_32 | FUTEX_PRIVATE_FLAG },
    };
    word = second = 0;
    pthread_t thread;
    pthread_create(&thread, NULL, wake_second, (void *)(intptr_t)gettid());
    EQ(1, syscall(SYS_futex_waitv, entries, 2, 0, NULL, 0));
    pthread_join(thread, NULL);
    second = 1;
    FAILS(EAGAIN, syscall(SYS_futex_waitv, entries, 2, 0, NULL, 0));
    second = 0;
    struct timespec time;
    after_ms(CLOCK_MONOTONIC, 20, &time);
    FAILS(ETIMEDOUT, syscall(SYS_futex_waitv, entries, 2, 0, &time, CLOCK_MONOTONIC));
    FAILS(EINVAL, syscall(SYS_futex_waitv, entries, 0, 0, NULL, 0));
    FAILS(EINVAL, syscall(SYS_futex_waitv, entries, 2, 1, NULL, 0));
    entries[0].flags = 0x80;
    FAILS(EINVAL, syscall(SYS_futex_waitv, entries, 2, 0, NULL, 0));
}
