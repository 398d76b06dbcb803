// seccomp(2): strict mode, filters with every action, precedence, inheritance, threads, and what programs are refused.
#include "guest.h"
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <ucontext.h>

#define NR offsetof(struct seccomp_data, nr)
#define ARG0 offsetof(struct seccomp_data, args[0])
#define LEN(a) (sizeof(a) / sizeof(a[0]))

#define PROGRAM(name, ...)                                                             \
    struct sock_filter name##_code[] = { __VA_ARGS__ };                                \
    struct sock_fprog name = { LEN(name##_code), name##_code }

// Returns `action` for the system call `number`, else allows.
#define ON(name, number, action)                                                       \
    PROGRAM(name, BPF_STMT(BPF_LD | BPF_W | BPF_ABS, NR), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1), \
            BPF_STMT(BPF_RET | BPF_K, action), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW))

static long seccomp(unsigned operation, unsigned flags, void *argument)
{
    return syscall(SYS_seccomp, operation, flags, argument);
}

static void install(struct sock_fprog *program)
{
    OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    EQ(0, OK(seccomp(SECCOMP_SET_MODE_FILTER, 0, program)));
}

static void status_line(const char *key, char *value)
{
    char text[4096], *at;
    read_file("/proc/self/status", text, sizeof text);
    at = strstr(text, key);
    CHECK(at != NULL);
    sscanf(at + strlen(key), " %15s", value);
}

TEST(strict_allows_four_calls)
{
    pid_t child = CHILD({
        OK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT));
        write(-1, "", 0);
        read(-1, NULL, 0);
        syscall(SYS_exit, 7);
    });
    EXITS(7, child);
}

TEST(strict_kills_for_any_other)
{
    KILLED(SIGKILL, CHILD({
        OK(seccomp(SECCOMP_SET_MODE_STRICT, 0, NULL));
        getppid();
    }));
}

TEST(a_filter_needs_a_promise_or_a_capability)
{
    ON(program, SYS_getppid, SECCOMP_RET_ERRNO | 33);
    OK(setresuid(1000, 1000, 1000));
    FAILS(EACCES, seccomp(SECCOMP_SET_MODE_FILTER, 0, &program));
    install(&program);
    FAILS(33, syscall(SYS_getppid));
}

TEST(errno_is_capped)
{
    ON(program, SYS_getppid, SECCOMP_RET_ERRNO | 0xffff);
    install(&program);
    FAILS(4095, syscall(SYS_getppid));
}

TEST(errno_zero_pretends_success)
{
    ON(program, SYS_unlink, SECCOMP_RET_ERRNO);
    install(&program);
    EQ(0, unlink("/no/such/file"));
}

TEST(arguments_are_seen)
{
    PROGRAM(program, BPF_STMT(BPF_LD | BPF_W | BPF_ABS, NR), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_close, 0, 3),
            BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ARG0), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 12345, 0, 1),
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EUCLEAN), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    install(&program);
    FAILS(EUCLEAN, close(12345));
    FAILS(EBADF, close(12346));
}

TEST(high_words_arch_and_instruction_pointer)
{
    PROGRAM(program, BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
            BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, instruction_pointer)),
            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
            BPF_STMT(BPF_LD | BPF_W | BPF_ABS, NR), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_close, 0, 3),
            BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ARG0 + 4), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0xabcd, 0, 1),
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EXDEV), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    install(&program);
    FAILS(EXDEV, syscall(SYS_close, 0xabcd00000000 + 4000));
    FAILS(EBADF, syscall(SYS_close, 0xabce00000000 + 4000));
}

static volatile int trapped_data, trapped_number, trapped_code;
static void *volatile trapped_address;
static unsigned trapped_arch;

static void on_trap(__attribute__((unused)) int signal, siginfo_t *info, void *context)
{
    ucontext_t *frame = context;
    trapped_data = info->si_errno;
    trapped_number = info->si_syscall;
    trapped_code = info->si_code;
    trapped_address = info->si_call_addr;
    trapped_arch = info->si_arch;
    if (frame->uc_mcontext.gregs[REG_RAX] == SYS_getppid && frame->uc_mcontext.gregs[REG_RIP] == (long)info->si_call_addr) {
        frame->uc_mcontext.gregs[REG_RAX] = 4242;
    }
}

TEST(trap_raises_sigsys_with_the_call)
{
    ON(program, SYS_getppid, SECCOMP_RET_TRAP | 77);
    struct sigaction action = { .sa_sigaction = on_trap, .sa_flags = SA_SIGINFO };
    OK(sigaction(SIGSYS, &action, NULL));
    install(&program);
    EQ(4242, syscall(SYS_getppid));
    EQ(77, trapped_data);
    EQ(SYS_getppid, trapped_number);
    EQ(1, trapped_code);
    EQ(AUDIT_ARCH_X86_64, trapped_arch);
    CHECK(trapped_address != NULL);
}

TEST(trap_without_a_handler_kills)
{
    ON(program, SYS_getppid, SECCOMP_RET_TRAP);
    KILLED(SIGSYS, CHILD({
        install(&program);
        getppid();
    }));
}

TEST(trap_kills_although_blocked)
{
    ON(program, SYS_getppid, SECCOMP_RET_TRAP);
    struct sigaction action = { .sa_sigaction = on_trap, .sa_flags = SA_SIGINFO };
    OK(sigaction(SIGSYS, &action, NULL));
    KILLED(SIGSYS, CHILD({
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, SIGSYS);
        OK(sigprocmask(SIG_BLOCK, &set, NULL));
        install(&program);
        getppid();
    }));
}

TEST(kill_process)
{
    ON(program, SYS_getppid, SECCOMP_RET_KILL_PROCESS);
    KILLED(SIGSYS, CHILD({
        install(&program);
        getppid();
    }));
}

static void *call_getppid(__attribute__((unused)) void *unused)
{
    syscall(SYS_getppid);
    return "came back";
}

static void *filter_then_call(void *program)
{
    install(program);
    return call_getppid(NULL);
}

TEST(kill_thread_ends_one_thread)
{
    ON(program, SYS_getppid, SECCOMP_RET_KILL_THREAD);
    KILLED(SIGSYS, CHILD({
        install(&program);
        getppid();
    }));
    pid_t child = CHILD({
        pthread_t thread;
        EQ(0, pthread_create(&thread, NULL, filter_then_call, &program));
        // The thread is gone without having said so: its id is cleared by the kernel.
        pthread_join(thread, NULL);
        syscall(SYS_getppid);
        _exit(5);
    });
    EXITS(5, child);
}

TEST(kill_process_ends_all_threads)
{
    ON(program, SYS_getppid, SECCOMP_RET_KILL_PROCESS);
    KILLED(SIGSYS, CHILD({
        pthread_t thread;
        EQ(0, pthread_create(&thread, NULL, filter_then_call, &program));
        for (;;) {
            pause();
        }
    }));
}

TEST(trace_without_a_tracer_is_no_call)
{
    ON(program, SYS_getppid, SECCOMP_RET_TRACE | 5);
    install(&program);
    FAILS(ENOSYS, syscall(SYS_getppid));
}

TEST(notification_without_a_listener_is_no_call)
{
    ON(program, SYS_getppid, SECCOMP_RET_USER_NOTIF);
    install(&program);
    FAILS(ENOSYS, syscall(SYS_getppid));
}

TEST(log_allows)
{
    ON(program, SYS_getppid, SECCOMP_RET_LOG);
    install(&program);
    CHECK(syscall(SYS_getppid) >= 0);
}

TEST(unknown_action_kills)
{
    ON(program, SYS_getppid, 0x12340000);
    KILLED(SIGSYS, CHILD({
        install(&program);
        getppid();
    }));
}

TEST(the_strictest_filter_wins)
{
    ON(first, SYS_getppid, SECCOMP_RET_ERRNO | 1);
    ON(second, SYS_getppid, SECCOMP_RET_TRACE);
    ON(third, SYS_getppid, SECCOMP_RET_ERRNO | 3);
    install(&first);
    FAILS(1, syscall(SYS_getppid));
    install(&second);
    FAILS(1, syscall(SYS_getppid));
    install(&third);
    FAILS(3, syscall(SYS_getppid));
    char count[16];
    status_line("Seccomp_filters:", count);
    STREQ("3", count);
}

TEST(inherited_by_fork_and_exec)
{
    ON(program, SYS_getppid, SECCOMP_RET_ERRNO | 44);
    install(&program);
    EXITS(0, CHILD({ FAILS(44, syscall(SYS_getppid)); }));
    EXITS(44, CHILD({ execl(guest_self, guest_self, "role:getppid_errno", NULL); }));
}

ROLE(getppid_errno) { return syscall(SYS_getppid) == -1 ? errno : 0; }

TEST(inherited_by_threads_made_later)
{
    ON(program, SYS_getppid, SECCOMP_RET_KILL_PROCESS);
    KILLED(SIGSYS, CHILD({
        pthread_t thread;
        install(&program);
        EQ(0, pthread_create(&thread, NULL, call_getppid, NULL));
        pthread_join(thread, NULL);
    }));
}

static int gate[2], answers[2];

static void *answer_later(__attribute__((unused)) void *unused)
{
    long result;
    await_byte(gate[0]);
    result = syscall(SYS_getppid) == -1 ? errno : 0;
    write(answers[1], &result, sizeof result);
    return NULL;
}

TEST(tsync_reaches_other_threads)
{
    ON(program, SYS_getppid, SECCOMP_RET_ERRNO | 55);
    pthread_t thread;
    long result;
    OK(pipe(gate));
    OK(pipe(answers));
    EQ(0, pthread_create(&thread, NULL, answer_later, NULL));
    OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    EQ(0, seccomp(SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program));
    send_byte(gate[1]);
    EQ(sizeof result, read(answers[0], &result, sizeof result));
    EQ(55, result);
    pthread_join(thread, NULL);
}

static pid_t stray;

static void *stray_with_a_filter(void *program)
{
    install(program);
    stray = gettid();
    send_byte(answers[1]);
    await_byte(gate[0]);
    return NULL;
}

TEST(tsync_names_a_thread_with_other_filters)
{
    ON(program, SYS_getppid, SECCOMP_RET_ERRNO | 55);
    pthread_t thread;
    OK(pipe(gate));
    OK(pipe(answers));
    EQ(0, pthread_create(&thread, NULL, stray_with_a_filter, &program));
    await_byte(answers[0]);
    OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    EQ(stray, seccomp(SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program));
    FAILS(ESRCH, seccomp(SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_TSYNC_ESRCH, &program));
    EQ(0, prctl(PR_GET_SECCOMP));
    send_byte(gate[1]);
    pthread_join(thread, NULL);
}

TEST(programs_that_are_refused)
{
    struct sock_filter ret = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_filter bad[][3] = {
        { BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 64), ret, ret },
        { BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 2), ret, ret },
        { BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 0), ret, ret },
        { BPF_STMT(BPF_LD | BPF_W | BPF_IND, 0), ret, ret },
        { BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 0), ret, ret },
        { BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, 3), ret, ret },
        { BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 32), ret, ret },
        { BPF_STMT(BPF_ST, 16), ret, ret },
        { BPF_STMT(BPF_LD | BPF_MEM, 0), ret, ret },
        { BPF_STMT(BPF_JMP | BPF_JA, 2), ret, ret },
        { BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 2, 0), ret, ret },
        { BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 2), ret, ret },
        { ret, ret, BPF_STMT(BPF_LD | BPF_IMM, 0) },
        { BPF_STMT(0xffff, 0), ret, ret },
        { BPF_STMT(BPF_RET | BPF_X, 0), ret, ret },
    };
    OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    for (size_t i = 0; i < LEN(bad); i++) {
        struct sock_fprog program = { 3, bad[i] };
        errno = 0;
        if (seccomp(SECCOMP_SET_MODE_FILTER, 0, &program) != -1 || errno != EINVAL) {
            FAIL("program %zu: expected EINVAL, got %s", i, errno_name(errno));
        }
    }

    struct sock_fprog empty = { 0, &ret }, unmapped = { 1, (void *)8 };
    FAILS(EINVAL, seccomp(SECCOMP_SET_MODE_FILTER, 0, &empty));
    FAILS(EFAULT, seccomp(SECCOMP_SET_MODE_FILTER, 0, &unmapped));
    FAILS(EFAULT, seccomp(SECCOMP_SET_MODE_FILTER, 0, NULL));
    EQ(0, prctl(PR_GET_SECCOMP));
}

TEST(arithmetic)
{
    PROGRAM(program, BPF_STMT(BPF_LD | BPF_W | BPF_ABS, NR), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 1, 0),
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
            BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),          // 64
            BPF_STMT(BPF_MISC | BPF_TAX, 0),                // X = 64
            BPF_STMT(BPF_ALU | BPF_ADD | BPF_X, 0),         // 128
            BPF_STMT(BPF_ALU | BPF_SUB | BPF_K, 28),        // 100
            BPF_STMT(BPF_ST, 3), BPF_STMT(BPF_LDX | BPF_MEM, 3), BPF_STMT(BPF_ALU | BPF_MUL | BPF_X, 0), // 10000
            BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 100),       // 100
            BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 2),         // 400
            BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 3),         // 50
            BPF_STMT(BPF_ALU | BPF_XOR | BPF_K, 0xff), BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xf), // 0xcd & 0xf = 13
            BPF_STMT(BPF_ALU | BPF_OR | BPF_K, 0x20),       // 45
            BPF_STMT(BPF_ALU | BPF_NEG, 0), BPF_STMT(BPF_ALU | BPF_NEG, 0),
            BPF_STMT(BPF_ALU | BPF_OR | BPF_K, SECCOMP_RET_ERRNO), BPF_STMT(BPF_RET | BPF_A, 0));
    install(&program);
    FAILS(45, syscall(SYS_getppid));
}

TEST(division_by_zero_in_a_register_kills)
{
    PROGRAM(program, BPF_STMT(BPF_LD | BPF_W | BPF_ABS, NR), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 1, 0),
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW), BPF_STMT(BPF_LDX | BPF_IMM, 0),
            BPF_STMT(BPF_ALU | BPF_DIV | BPF_X, 0), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    KILLED(SIGSYS, CHILD({
        install(&program);
        getppid();
    }));
}

TEST(modes_do_not_mix)
{
    ON(program, SYS_getppid, SECCOMP_RET_ERRNO | 1);
    install(&program);
    EQ(2, prctl(PR_GET_SECCOMP));
    FAILS(EINVAL, prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT));
    char mode[16];
    status_line("Seccomp:", mode);
    STREQ("2", mode);
    FAILS(EINVAL, prctl(PR_SET_SECCOMP, 3));
    FAILS(EINVAL, seccomp(99, 0, NULL));
    FAILS(EINVAL, seccomp(SECCOMP_SET_MODE_STRICT, 1, NULL));
    FAILS(EINVAL, seccomp(SECCOMP_SET_MODE_FILTER, 1u << 30, &program));
}

TEST(available_actions)
{
    unsigned actions[] = { SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_KILL_THREAD, SECCOMP_RET_TRAP, SECCOMP_RET_ERRNO,
                           SECCOMP_RET_TRACE, SECCOMP_RET_LOG, SECCOMP_RET_ALLOW }, none = 0x12340000;
    for (size_t i = 0; i < LEN(actions); i++) {
        EQ(0, seccomp(SECCOMP_GET_ACTION_AVAIL, 0, &actions[i]));
    }

    FAILS(EOPNOTSUPP, seccomp(SECCOMP_GET_ACTION_AVAIL, 0, &none));
    FAILS(EINVAL, seccomp(SECCOMP_GET_ACTION_AVAIL, 1, &none));
    FAILS(EFAULT, seccomp(SECCOMP_GET_ACTION_AVAIL, 0, NULL));
}

TEST(too_many_instructions_in_all)
{
    static struct sock_filter code[4096];
    for (int i = 0; i < 4096; i++) {
        code[i] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    }

    struct sock_fprog program = { 4096, code };
    OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    int installed = 0;
    while (installed < 10 && seccomp(SECCOMP_SET_MODE_FILTER, 0, &program) == 0) {
        installed++;
    }

    // 32768 instructions in all, by the count of the kernel's own form of the program.
    EQ(ENOMEM, errno);
    CHECK(installed >= 2 && installed <= 8);
}
