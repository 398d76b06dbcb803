// Scheduling parameters and processors.
#include "guest.h"
#include <sys/sysinfo.h>

// Version 0 of the structure (linux/sched/types.h clashes with sched.h).
struct sched_attr {
    uint32_t size;
    uint32_t sched_policy;
    uint64_t sched_flags;
    int32_t sched_nice;
    uint32_t sched_priority;
    uint64_t sched_runtime, sched_deadline, sched_period;
};

TEST(affinity)
{
    cpu_set_t set, one;
    OK(sched_getaffinity(0, sizeof set, &set));
    CHECK(CPU_COUNT(&set) >= 1);
    int cpu = 0;
    while (!CPU_ISSET(cpu, &set)) {
        cpu++;
    }
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    OK(sched_setaffinity(0, sizeof one, &one));
    EQ(cpu, sched_getcpu());
    for (int other = cpu; other < CPU_SETSIZE; other++) {
        if (CPU_ISSET(other, &set)) {
            CPU_ZERO(&one);
            CPU_SET(other, &one);
            OK(sched_setaffinity(0, sizeof one, &one));
            EQ(other, sched_getcpu());
            pause_ms(10);
            EQ(other, sched_getcpu());
            cpu = other;
        }
    }
    cpu_set_t got;
    OK(sched_getaffinity(0, sizeof got, &got));
    EQ(1, CPU_COUNT(&got));
    EXITS(0, CHILD({ OK(sched_getaffinity(0, sizeof got, &got)); EQ(1, CPU_COUNT(&got)); }));
    CPU_ZERO(&one);
    FAILS(EINVAL, sched_setaffinity(0, sizeof one, &one));
    FAILS(EINVAL, syscall(SYS_sched_getaffinity, 0, 1, &got));
    FAILS(ESRCH, sched_getaffinity(0x3ffffff, sizeof got, &got));
}

TEST(policy_and_priority)
{
    EQ(SCHED_OTHER, sched_getscheduler(0));
    struct sched_param param = { 9 };
    OK(sched_getparam(0, &param));
    EQ(0, param.sched_priority);
    EQ(1, sched_get_priority_min(SCHED_FIFO));
    EQ(99, sched_get_priority_max(SCHED_RR));
    EQ(0, sched_get_priority_max(SCHED_OTHER));
    FAILS(EINVAL, sched_get_priority_max(99));
    param.sched_priority = 5;
    FAILS(EINVAL, sched_setscheduler(0, SCHED_OTHER, &param));
    FAILS(EINVAL, sched_setscheduler(0, 99, &param));
    FAILS(ESRCH, sched_getscheduler(0x3ffffff));
    FAILS(EINVAL, sched_getscheduler(-1));
    param.sched_priority = 0;
    OK(sched_setscheduler(0, SCHED_BATCH, &param));
    EQ(SCHED_BATCH, sched_getscheduler(0));
    EXITS(0, CHILD({ EQ(SCHED_BATCH, sched_getscheduler(0)); }));
}

TEST(attributes)
{
    struct sched_attr attr = { 0 };
    OK(syscall(SYS_sched_getattr, 0, &attr, sizeof attr, 0));
    EQ(SCHED_OTHER, attr.sched_policy);
    EQ(0, attr.sched_nice);
    CHECK(attr.size >= 48);
    attr.sched_nice = 3;
    attr.size = sizeof attr;
    OK(syscall(SYS_sched_setattr, 0, &attr, 0));
    EQ(3, getpriority(PRIO_PROCESS, 0));
    FAILS(EINVAL, syscall(SYS_sched_getattr, 0, &attr, 4, 0));
    FAILS(EINVAL, syscall(SYS_sched_getattr, 0, &attr, sizeof attr, 1));
}

TEST(round_robin_interval)
{
    struct timespec time = { -1, -1 };
    OK(sched_rr_get_interval(0, &time));
    CHECK(time.tv_sec == 0 && time.tv_nsec >= 0);
    FAILS(ESRCH, sched_rr_get_interval(0x3ffffff, &time));
}

TEST(yield_and_current_processor)
{
    OK(sched_yield());
    unsigned cpu, node;
    OK(getcpu(&cpu, &node));
    cpu_set_t set;
    OK(sched_getaffinity(0, sizeof set, &set));
    CHECK(CPU_ISSET(cpu, &set));
    EQ(0, node);
    OK(syscall(SYS_getcpu, NULL, NULL, NULL));
}

TEST(processor_counts_agree)
{
    cpu_set_t set;
    OK(sched_getaffinity(0, sizeof set, &set));
    CHECK(sysconf(_SC_NPROCESSORS_ONLN) >= CPU_COUNT(&set));
    CHECK(get_nprocs_conf() >= get_nprocs());
    FILE *info = fopen("/proc/cpuinfo", "r");
    CHECK(info != NULL);
    char line[8192];
    int processors = 0;
    while (fgets(line, sizeof line, info) != NULL) {
        processors += strncmp(line, "processor\t", 10) == 0;
    }
    EQ(sysconf(_SC_NPROCESSORS_ONLN), processors);
}

TEST(io_priority)
{
    OK(syscall(SYS_ioprio_set, 1, 0, 2 << 13 | 4));
    EQ(2 << 13 | 4, syscall(SYS_ioprio_get, 1, 0));
    FAILS(EINVAL, syscall(SYS_ioprio_set, 9, 0, 0));
    FAILS(ESRCH, syscall(SYS_ioprio_get, 1, 0x3ffffff));
}

TEST(root_of_a_user_namespace_raises_nothing)
{
    struct rlimit limit = { 100, 100 };
    OK(setrlimit(RLIMIT_NOFILE, &limit));
    OK(unshare(CLONE_NEWUSER));
    FAILS(EACCES, setpriority(PRIO_PROCESS, 0, -5));
    FAILS(EPERM, sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){ 1 }));
    FAILS(EPERM, syscall(SYS_ioprio_set, 1, 0, 1 << 13));
    limit.rlim_max = 101;
    FAILS(EPERM, setrlimit(RLIMIT_NOFILE, &limit));
}
