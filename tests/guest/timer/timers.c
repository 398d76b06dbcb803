// Clocks, sleeps, interval timers, POSIX timers, timerfd.
#include "guest.h"
#include <sys/timerfd.h>
#include <sys/timex.h>
#include <utime.h>

static volatile sig_atomic_t count;
static siginfo_t seen;
static void on_info(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)context;
    seen = *info;
    count++;
}

static void handle(int number)
{
    struct sigaction action = { .sa_sigaction = on_info, .sa_flags = SA_SIGINFO };
    OK(sigaction(number, &action, NULL));
}

static void block(int number)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, number);
    OK(sigprocmask(SIG_BLOCK, &set, NULL));
}

static int64_t ns_of(struct timespec time) { return time.tv_sec * 1000000000LL + time.tv_nsec; }

static void burn_ms(int ms)
{
    struct timespec used, start;
    OK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start));
    do {
        for (volatile int i = 0; i < 1000; i++) {
        }
        OK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used));
    } while (ns_of(used) - ns_of(start) < ms * 1000000LL);
}

TEST(nanosleep_sleeps_at_least_that_long)
{
    struct timespec time = { 0, 50000000 }, zero = { 0, 0 };
    int64_t start = now_ms();
    OK(nanosleep(&time, NULL));
    int64_t taken = now_ms() - start;
    CHECK(taken >= 49 && taken < 5000);
    OK(nanosleep(&zero, NULL));
    struct timespec bad[] = { { -1, 0 }, { 0, -1 }, { 0, 1000000000 } };
    for (int i = 0; i < 3; i++) {
        FAILS(EINVAL, nanosleep(&bad[i], NULL));
    }
    FAILS(EFAULT, syscall(SYS_nanosleep, (void *)8, NULL));
}

TEST(clock_nanosleep_takes_absolute_times)
{
    int clocks[] = { CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_BOOTTIME, CLOCK_TAI };
    for (int i = 0; i < 4; i++) {
        struct timespec until, after;
        OK(clock_gettime(clocks[i], &until));
        until.tv_nsec += 20000000;
        if (until.tv_nsec >= 1000000000) {
            until.tv_nsec -= 1000000000;
            until.tv_sec++;
        }
        EQ(0, clock_nanosleep(clocks[i], TIMER_ABSTIME, &until, NULL));
        OK(clock_gettime(clocks[i], &after));
        CHECK(ns_of(after) >= ns_of(until));
        EQ(0, clock_nanosleep(clocks[i], TIMER_ABSTIME, &until, NULL));
    }
    struct timespec time = { 0, 1 };
    FAILS(EOPNOTSUPP, syscall(SYS_clock_nanosleep, CLOCK_THREAD_CPUTIME_ID, 0, &time, NULL));
    EQ(EINVAL, clock_nanosleep(99, 0, &time, NULL));
}

TEST(clocks_agree_between_vdso_and_system_call)
{
    int clocks[] = { CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW, CLOCK_BOOTTIME, CLOCK_TAI,
        CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE };
    for (size_t i = 0; i < sizeof clocks / sizeof *clocks; i++) {
        for (int round = 0; round < 50; round++) {
            struct timespec a, b, c;
            OK(clock_gettime(clocks[i], &a));
            OK(syscall(SYS_clock_gettime, clocks[i], &b));
            OK(clock_gettime(clocks[i], &c));
            if (ns_of(a) > ns_of(b) || ns_of(b) > ns_of(c)) {
                FAIL("clock %d went back: %lld %lld %lld", clocks[i], (long long)ns_of(a), (long long)ns_of(b),
                    (long long)ns_of(c));
            }
        }
    }
    FAILS(EINVAL, syscall(SYS_clock_gettime, 99, &(struct timespec){ 0 }));
}

TEST(clocks_never_go_back)
{
    struct timespec last = { 0, 0 }, now;
    for (int i = 0; i < 20000; i++) {
        clock_gettime(CLOCK_MONOTONIC, &now);
        CHECK(ns_of(now) >= ns_of(last));
        last = now;
    }
}

TEST(time_and_gettimeofday_agree)
{
    struct timeval tv;
    struct timespec ts;
    time_t before = time(NULL);
    OK(gettimeofday(&tv, NULL));
    OK(clock_gettime(CLOCK_REALTIME, &ts));
    time_t after = syscall(SYS_time, NULL);
    CHECK(before <= tv.tv_sec && tv.tv_sec <= ts.tv_sec && ts.tv_sec <= after + 1);
    time_t stored = 0;
    time_t got = syscall(SYS_time, &stored);
    EQ(got, stored);
    OK(syscall(SYS_gettimeofday, &tv, NULL));
    CHECK(tv.tv_usec >= 0 && tv.tv_usec < 1000000);
}

TEST(resolutions)
{
    struct timespec time;
    OK(clock_getres(CLOCK_MONOTONIC, &time));
    EQ(0, time.tv_sec);
    EQ(1, time.tv_nsec);
    OK(clock_getres(CLOCK_REALTIME_COARSE, &time));
    CHECK(time.tv_nsec >= 1000000);
    FAILS(EINVAL, clock_getres(99, &time));
    OK(clock_getres(CLOCK_REALTIME, NULL));
}

TEST(setting_the_clock_needs_privilege)
{
    OK(setresuid(1000, 1000, 1000));
    struct timespec time = { 1000000000, 0 };
    FAILS(EPERM, clock_settime(CLOCK_REALTIME, &time));
    FAILS(EINVAL, clock_settime(CLOCK_MONOTONIC, &time));
    struct timex timex = { 0 };
    CHECK(adjtimex(&timex) >= 0);
    timex.modes = ADJ_FREQUENCY;
    FAILS(EPERM, adjtimex(&timex));
}

TEST(alarm_counts_down)
{
    handle(SIGALRM);
    EQ(0, alarm(100));
    unsigned left = alarm(0);
    CHECK(left == 100 || left == 99);
    struct itimerval timer = { .it_value = { 0, 20000 } };
    OK(setitimer(ITIMER_REAL, &timer, NULL));
    FAILS(EINTR, pause());
    EQ(1, count);
    EQ(SI_KERNEL, seen.si_code);
}

TEST(a_real_interval_timer_repeats)
{
    handle(SIGALRM);
    struct itimerval timer = { { 0, 10000 }, { 0, 10000 } }, now, zero = { 0 };
    FAILS(EINVAL, setitimer(9, &timer, NULL));
    OK(setitimer(ITIMER_REAL, &timer, NULL));
    while (count < 3) {
        pause();
    }
    OK(getitimer(ITIMER_REAL, &now));
    EQ(10000, now.it_interval.tv_usec);
    CHECK(now.it_value.tv_usec <= 10000);
    OK(setitimer(ITIMER_REAL, &zero, &now));
    EQ(10000, now.it_interval.tv_usec);
    timer.it_value.tv_usec = 1000000;
    FAILS(EINVAL, setitimer(ITIMER_REAL, &timer, NULL));
}

TEST(virtual_and_profiling_timers_count_processor_time)
{
    handle(SIGVTALRM);
    struct itimerval timer = { .it_value = { 0, 30000 } };
    OK(setitimer(ITIMER_VIRTUAL, &timer, NULL));
    pause_ms(60);
    EQ(0, count);
    int64_t end = now_ms() + 10000;
    while (count == 0 && now_ms() < end) {
        for (volatile int i = 0; i < 100000; i++) {
        }
    }
    EQ(1, count);
    handle(SIGPROF);
    OK(setitimer(ITIMER_PROF, &timer, NULL));
    while (count == 1 && now_ms() < end) {
        for (volatile int i = 0; i < 100000; i++) {
        }
    }
    EQ(SIGPROF, seen.si_signo);
}

TEST(a_posix_timer_signals_with_its_value)
{
    handle(SIGRTMIN);
    struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN, .sigev_value.sival_int = 77 };
    timer_t timer;
    OK(timer_create(CLOCK_MONOTONIC, &event, &timer));
    struct itimerspec time = { .it_value = { 0, 20000000 } }, now;
    OK(timer_settime(timer, 0, &time, NULL));
    OK(timer_gettime(timer, &now));
    CHECK(ns_of(now.it_value) > 0 && ns_of(now.it_value) <= 20000000);
    while (count == 0) {
        pause();
    }
    EQ(SI_TIMER, seen.si_code);
    EQ(77, seen.si_value.sival_int);
    EQ(0, seen.si_overrun);
    OK(timer_gettime(timer, &now));
    EQ(0, ns_of(now.it_value));
    OK(timer_delete(timer));
    FAILS(EINVAL, timer_delete(timer));
}

TEST(overruns_are_counted)
{
    handle(SIGRTMIN);
    block(SIGRTMIN);
    struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN };
    timer_t timer;
    OK(timer_create(CLOCK_MONOTONIC, &event, &timer));
    struct itimerspec time = { { 0, 1000000 }, { 0, 1000000 } };
    OK(timer_settime(timer, 0, &time, NULL));
    pause_ms(30);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    siginfo_t info;
    EQ(SIGRTMIN, sigwaitinfo(&set, &info));
    CHECK(info.si_overrun >= 15);
    EQ(info.si_overrun, timer_getoverrun(timer));
}

TEST(timer_settime_takes_absolute_times_and_returns_the_old)
{
    handle(SIGALRM);
    timer_t timer;
    OK(timer_create(CLOCK_REALTIME, NULL, &timer));
    struct itimerspec time = { .it_value = { 1000, 0 } }, old;
    OK(timer_settime(timer, 0, &time, NULL));
    OK(clock_gettime(CLOCK_REALTIME, &time.it_value));
    time.it_value.tv_sec -= 1;
    OK(timer_settime(timer, TIMER_ABSTIME, &time, &old));
    CHECK(old.it_value.tv_sec >= 998 && old.it_value.tv_sec <= 1000);
    while (count == 0) {
        pause_ms(1);
    }
    EQ(SIGALRM, seen.si_signo);
    time.it_value.tv_nsec = -1;
    FAILS(EINVAL, timer_settime(timer, 0, &time, NULL));
}

TEST(timer_create_refusals)
{
    timer_t timer;
    struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = 99 };
    FAILS(EINVAL, timer_create(CLOCK_MONOTONIC, &event, &timer));
    event.sigev_signo = SIGUSR1;
    event.sigev_notify = 77;
    FAILS(EINVAL, syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer));
    FAILS(EINVAL, timer_create(99, NULL, &timer));
    FAILS(EFAULT, syscall(SYS_timer_create, CLOCK_MONOTONIC, NULL, (void *)8));
    FAILS(EINVAL, timer_gettime((timer_t)1234, &(struct itimerspec){ 0 }));
    FAILS(EINVAL, timer_getoverrun((timer_t)1234));
}

TEST(a_timer_may_signal_one_thread)
{
    struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR1 };
    event._sigev_un._tid = gettid();
    handle(SIGUSR1);
    int id;
    OK(syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &id));
    struct itimerspec time = { .it_value = { 0, 1000000 } };
    OK(syscall(SYS_timer_settime, id, 0, &time, NULL));
    while (count == 0) {
        pause_ms(1);
    }
    event._sigev_un._tid = getppid();
    FAILS(EINVAL, syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &id));
}

TEST(a_silent_timer_only_counts_down)
{
    struct sigevent event = { .sigev_notify = SIGEV_NONE };
    timer_t timer;
    OK(timer_create(CLOCK_MONOTONIC, &event, &timer));
    struct itimerspec time = { .it_value = { 0, 10000000 } };
    OK(timer_settime(timer, 0, &time, NULL));
    pause_ms(20);
    OK(timer_gettime(timer, &time));
    EQ(0, ns_of(time.it_value));
}

TEST(a_timer_on_processor_time)
{
    handle(SIGUSR2);
    struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR2 };
    timer_t timer;
    OK(timer_create(CLOCK_PROCESS_CPUTIME_ID, &event, &timer));
    struct itimerspec time = { .it_value = { 0, 30000000 } };
    OK(timer_settime(timer, 0, &time, NULL));
    pause_ms(60);
    EQ(0, count);
    burn_ms(60);
    EQ(1, count);
}

TEST(processor_clock_of_another_process)
{
    pid_t child = CHILD({ burn_ms(50); for (;;) { pause(); } });
    await_state(child, 'S');
    clockid_t clock;
    EQ(0, clock_getcpuclockid(child, &clock));
    struct timespec used;
    OK(clock_gettime(clock, &used));
    CHECK(ns_of(used) >= 40000000 && ns_of(used) < 10000000000LL);
    OK(kill(child, SIGKILL));
    KILLED(SIGKILL, child);
    FAILS(EINVAL, clock_gettime(clock, &used));
}

TEST(sleeping_uses_no_processor_time)
{
    struct timespec before, after;
    OK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before));
    pause_ms(100);
    OK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after));
    CHECK(ns_of(after) - ns_of(before) < 50000000);
}

TEST(timerfd_counts_expirations)
{
    int fd = OK(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
    EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
    uint64_t value;
    FAILS(EAGAIN, read(fd, &value, 8));
    struct itimerspec time = { { 0, 5000000 }, { 0, 5000000 } }, now;
    OK(timerfd_settime(fd, 0, &time, NULL));
    pause_ms(40);
    EQ(8, read(fd, &value, 8));
    CHECK(value >= 5 && value < 1000);
    FAILS(EINVAL, read(fd, &value, 4));
    OK(timerfd_gettime(fd, &now));
    EQ(5000000, ns_of(now.it_interval));
    CHECK(ns_of(now.it_value) <= 5000000);
    memset(&time, 0, sizeof time);
    OK(timerfd_settime(fd, 0, &time, &now));
    EQ(5000000, ns_of(now.it_interval));
    FAILS(EINVAL, write(fd, &value, 8));
}

TEST(timerfd_blocks_and_polls)
{
    int fd = OK(timerfd_create(CLOCK_REALTIME, 0));
    struct itimerspec time = { .it_value = { 0, 20000000 } };
    OK(timerfd_settime(fd, 0, &time, NULL));
    struct pollfd entry = { fd, POLLIN, 0 };
    EQ(0, poll(&entry, 1, 0));
    EQ(1, poll(&entry, 1, 5000));
    uint64_t value = 0;
    EQ(8, read(fd, &value, 8));
    EQ(1, value);
    OK(timerfd_settime(fd, 0, &time, NULL));
    EQ(8, read(fd, &value, 8));
    OK(clock_gettime(CLOCK_REALTIME, &time.it_value));
    time.it_value.tv_sec--;
    OK(timerfd_settime(fd, TFD_TIMER_ABSTIME, &time, NULL));
    EQ(8, read(fd, &value, 8));
}

TEST(timerfd_refusals)
{
    FAILS(EINVAL, timerfd_create(CLOCK_PROCESS_CPUTIME_ID, 0));
    FAILS(EINVAL, timerfd_create(CLOCK_MONOTONIC, 0x10));
    struct itimerspec time = { .it_value = { 0, -1 } };
    int fd = OK(timerfd_create(CLOCK_BOOTTIME, 0));
    FAILS(EINVAL, timerfd_settime(fd, 0, &time, NULL));
    time.it_value.tv_nsec = 1;
    FAILS(EINVAL, timerfd_settime(fd, 0x10, &time, NULL));
    FAILS(EINVAL, timerfd_settime(0, 0, &time, NULL));
    FAILS(EBADF, timerfd_gettime(999, &time));
}

TEST(uptime_matches_the_boot_clock)
{
    char text[100];
    struct timespec boot;
    read_file("/proc/uptime", text, sizeof text);
    OK(clock_gettime(CLOCK_BOOTTIME, &boot));
    double up = atof(text);
    CHECK(up > 0 && up <= boot.tv_sec + 1.0 && up > boot.tv_sec - 5.0);
}
