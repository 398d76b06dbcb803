// ptrace(2): stops at signals, system calls and events; registers and memory of the tracee; attaching and letting go.
#include "guest.h"
#include <elf.h>
#include <linux/filter.h>
#include <linux/ptrace.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/user.h>

static long trace(int request, pid_t pid, long addr, long data) { return syscall(SYS_ptrace, request, pid, addr, data); }

static int stop_of(pid_t pid)
{
    int status = 0;
    EQ(pid, OK(waitpid(pid, &status, __WALL)));
    if (!WIFSTOPPED(status)) {
        FAIL("expected a stop, got wait status %#x", status);
    }

    return status >> 8;
}

#define EVENT(n) (SIGTRAP | (n) << 8)

// A tracee that stops before the block.
#define TRACEE(...)                                                                    \
    ({                                                                                 \
        pid_t tracee_ = CHILD({                                                        \
            OK(trace(PTRACE_TRACEME, 0, 0, 0));                                        \
            OK(raise(SIGSTOP));                                                        \
            __VA_ARGS__;                                                               \
        });                                                                            \
        EQ(SIGSTOP, stop_of(tracee_));                                                 \
        tracee_;                                                                       \
    })

static struct user_regs_struct registers_of(pid_t pid)
{
    struct user_regs_struct regs;
    OK(trace(PTRACE_GETREGS, pid, 0, (long)&regs));
    return regs;
}

TEST(a_traced_signal_is_reported_first)
{
    pid_t child = TRACEE(raise(SIGUSR1); _exit(3));
    OK(trace(PTRACE_CONT, child, 0, 0));
    EQ(SIGUSR1, stop_of(child));
    siginfo_t info;
    OK(trace(PTRACE_GETSIGINFO, child, 0, (long)&info));
    EQ(SIGUSR1, info.si_signo);
    EQ(SI_TKILL, info.si_code);
    EQ(child, info.si_pid);
    OK(trace(PTRACE_CONT, child, 0, 0));
    EXITS(3, child);
}

TEST(a_signal_can_be_passed_on_or_changed)
{
    pid_t child = TRACEE(raise(SIGUSR1));
    OK(trace(PTRACE_CONT, child, 0, 0));
    EQ(SIGUSR1, stop_of(child));
    OK(trace(PTRACE_CONT, child, 0, SIGUSR1));
    KILLED(SIGUSR1, child);
    child = TRACEE(raise(SIGUSR1));
    OK(trace(PTRACE_CONT, child, 0, 0));
    EQ(SIGUSR1, stop_of(child));
    OK(trace(PTRACE_CONT, child, 0, SIGTERM));
    KILLED(SIGTERM, child);
    child = TRACEE(signal(SIGUSR1, SIG_IGN); raise(SIGUSR1); _exit(4));
    OK(trace(PTRACE_CONT, child, 0, 0));
    EQ(SIGUSR1, stop_of(child));
    OK(trace(PTRACE_CONT, child, 0, SIGUSR1));
    EXITS(4, child);
}

TEST(exec_traps)
{
    pid_t child = CHILD({
        OK(trace(PTRACE_TRACEME, 0, 0, 0));
        execl(guest_self, guest_self, "role:answer", NULL);
    });
    EQ(SIGTRAP, stop_of(child));
    OK(trace(PTRACE_CONT, child, 0, 0));
    EXITS(42, child);
}

ROLE(answer) { return 42; }

TEST(system_calls_stop_twice)
{
    pid_t child = TRACEE(syscall(SYS_getppid, 11, 22, 33, 44, 55, 66); _exit(0));
    OK(trace(PTRACE_SETOPTIONS, child, 0, PTRACE_O_TRACESYSGOOD));
    struct user_regs_struct regs;
    do {
        OK(trace(PTRACE_SYSCALL, child, 0, 0));
        EQ(SIGTRAP | 0x80, stop_of(child));
        regs = registers_of(child);
    } while (regs.orig_rax != SYS_getppid);
    EQ(-ENOSYS, (long)regs.rax);
    EQ(11, regs.rdi);
    EQ(22, regs.rsi);
    EQ(33, regs.rdx);
    EQ(44, regs.r10);
    EQ(55, regs.r8);
    EQ(66, regs.r9);
    OK(trace(PTRACE_SYSCALL, child, 0, 0));
    EQ(SIGTRAP | 0x80, stop_of(child));
    EQ(getpid(), registers_of(child).rax);
    OK(trace(PTRACE_CONT, child, 0, 0));
    EXITS(0, child);
}

TEST(a_system_call_can_be_changed_or_left_out)
{
    pid_t child = TRACEE(long own = getpid(); EQ(own, syscall(SYS_getppid)); EQ(7777, syscall(SYS_getppid));
                         FAILS(ENOSYS, syscall(SYS_getppid)); _exit(0));
    struct user_regs_struct regs;
    int seen = 0;
    while (seen < 3) {
        OK(trace(PTRACE_SYSCALL, child, 0, 0));
        EQ(SIGTRAP, stop_of(child));
        regs = registers_of(child);
        if (regs.orig_rax != SYS_getppid) {
            continue;
        }

        regs.orig_rax = seen == 0 ? SYS_getpid : seen == 1 ? SYS_getppid : -1;
        OK(trace(PTRACE_SETREGS, child, 0, (long)&regs));
        OK(trace(PTRACE_SYSCALL, child, 0, 0));
        EQ(SIGTRAP, stop_of(child));
        if (seen == 1) {
            OK(trace(PTRACE_POKEUSR, child, offsetof(struct user_regs_struct, rax), 7777));
        }

        seen++;
    }

    OK(trace(PTRACE_CONT, child, 0, 0));
    EXITS(0, child);
}

TEST(emulated_system_calls_do_not_happen)
{
    pid_t child = TRACEE(_exit(syscall(SYS_getppid) == 88 ? 9 : 1));
    struct user_regs_struct regs;
    for (;;) {
        OK(trace(PTRACE_SYSEMU, child, 0, 0));
        EQ(SIGTRAP, stop_of(child));
        regs = registers_of(child);
        if (regs.orig_rax == SYS_getppid) {
            break;
        }
    }

    regs.rax = 88;
    OK(trace(PTRACE_SETREGS, child, 0, (long)&regs));
    OK(trace(PTRACE_CONT, child, 0, 0));
    EXITS(9, child);
}

static volatile long shared_word = 0x1122334455667788;
static const long constant_word = 5;

TEST(memory)
{
    pid_t child = TRACEE(_exit(shared_word == 99 && *(volatile const long *)&constant_word == 6 ? 0 : 1));
    long word;
    OK(trace(PTRACE_PEEKDATA, child, (long)&shared_word, (long)&word));
    EQ(0x1122334455667788, word);
    OK(trace(PTRACE_POKEDATA, child, (long)&shared_word, 99));
    OK(trace(PTRACE_POKETEXT, child, (long)&constant_word, 6));
    OK(trace(PTRACE_PEEKTEXT, child, (long)&constant_word, (long)&word));
    EQ(6, word);
    EQ(5, *(volatile const long *)&constant_word);
    FAILS(EIO, trace(PTRACE_PEEKDATA, child, 8, (long)&word));
    FAILS(EIO, trace(PTRACE_POKEDATA, child, 8, 1));
    OK(trace(PTRACE_CONT, child, 0, 0));
    EXITS(0, child);
}

TEST(register_words_and_sets)
{
    pid_t child = TRACEE(_exit(0));
    struct user_regs_struct regs = registers_of(child), set;
    struct iovec part = { &set, sizeof set };
    long word;
    OK(trace(PTRACE_PEEKUSR, child, offsetof(struct user_regs_struct, rip), (long)&word));
    EQ(regs.rip, word);
    OK(trace(PTRACE_GETREGSET, child, NT_PRSTATUS, (long)&part));
    EQ(sizeof set, part.iov_len);
    EQ(0, memcmp(&set, &regs, sizeof set));
    EQ(0x33, regs.cs);
    EQ(0x2b, regs.ss);
    part.iov_len = 4096;
    char big[4096];
    part.iov_base = big;
    OK(trace(PTRACE_GETREGSET, child, NT_X86_XSTATE, (long)&part));
    CHECK(part.iov_len >= 576 && part.iov_len <= 4096);
    FAILS(EINVAL, trace(PTRACE_GETREGSET, child, 0x7777, (long)&part));
    FAILS(EIO, trace(PTRACE_PEEKUSR, child, 3, (long)&word));
    FAILS(EIO, trace(PTRACE_PEEKUSR, child, 100000, (long)&word));
    FAILS(EIO, trace(PTRACE_GETREGS, child, 0, 8) == -1 && errno == EFAULT ? (errno = EIO, -1) : -1);
    OK(trace(PTRACE_KILL, child, 0, 0));
    KILLED(SIGKILL, child);
}

TEST(floating_point_registers)
{
    pid_t child = TRACEE({
        double value;
        __asm__ volatile("movabs $0x3ff0000000000000, %%rax; movq %%rax, %%xmm7; int3; movq %%xmm7, %0" : "=r"(value) : : "rax", "xmm7");
        _exit(value == 2.0 ? 0 : 1);
    });
    OK(trace(PTRACE_CONT, child, 0, 0));
    EQ(SIGTRAP, stop_of(child));
    struct user_fpregs_struct fp;
    OK(trace(PTRACE_GETFPREGS, child, 0, (long)&fp));
    double one = 1.0, two = 2.0;
    EQ(0, memcmp(&one, &fp.xmm_space[7 * 4], 8));
    memcpy(&fp.xmm_space[7 * 4], &two, 8);
    OK(trace(PTRACE_SETFPREGS, child, 0, (long)&fp));
    OK(trace(PTRACE_CONT, child, 0, 0));
    EXITS(0, child);
}

TEST(single_steps)
{
    pid_t child = TRACEE({
        __asm__ volatile("int3; nop; nop; nop; nop; int3" : : : "memory");
        _exit(0);
    });
    OK(trace(PTRACE_CONT, child, 0, 0));
    EQ(SIGTRAP, stop_of(child));
    unsigned long start = registers_of(child).rip;
    for (int i = 1; i <= 4; i++) {
        siginfo_t info;
        OK(trace(PTRACE_SINGLESTEP, child, 0, 0));
        EQ(SIGTRAP, stop_of(child));
        EQ(start + i, registers_of(child).rip);
        EQ(0, registers_of(child).eflags & 0x100);
        OK(trace(PTRACE_GETSIGINFO, child, 0, (long)&info));
        EQ(TRAP_TRACE, info.si_code);
    }

    OK(trace(PTRACE_CONT, child, 0, 0));
    EQ(SIGTRAP, stop_of(child));
    EQ(start + 5, registers_of(child).rip);
    OK(trace(PTRACE_CONT, child, 0, 0));
    EXITS(0, child);
}

TEST(stepping_over_a_system_call)
{
    pid_t child = TRACEE({
        __asm__ volatile("int3; mov $39, %%eax; syscall; nop; nop" : : : "rax", "rcx", "r11", "memory");
        _exit(0);
    });
    OK(trace(PTRACE_CONT, child, 0, 0));
    EQ(SIGTRAP, stop_of(child));
    unsigned long start = registers_of(child).rip;
    int steps[] = { 5, 7, 8, 9 };
    for (int i = 0; i < 4; i++) {
        OK(trace(PTRACE_SINGLESTEP, child, 0, 0));
        EQ(SIGTRAP, stop_of(child));
        EQ(start + steps[i], registers_of(child).rip);
        EQ(i == 0 ? 39 : child, registers_of(child).rax);
    }

    OK(trace(PTRACE_CONT, child, 0, 0));
    EXITS(0, child);
}

TEST(attach_and_detach)
{
    pid_t child = CHILD({ for (;;) { pause(); } });
    await_state(child, 'S');
    OK(trace(PTRACE_ATTACH, child, 0, 0));
    EQ(SIGSTOP, stop_of(child));
    await_state(child, 't');
    char path[64], text[4096];
    snprintf(path, sizeof path, "/proc/%d/status", child);
    read_file(path, text, sizeof text);
    char *at = strstr(text, "TracerPid:");
    EQ(getpid(), atoi(at + 10));
    FAILS(EPERM, trace(PTRACE_ATTACH, child, 0, 0));
    OK(trace(PTRACE_DETACH, child, 0, 0));
    await_state(child, 'S');
    FAILS(ESRCH, trace(PTRACE_CONT, child, 0, 0));
    OK(kill(child, SIGTERM));
    KILLED(SIGTERM, child);
}

TEST(detach_with_a_signal)
{
    pid_t child = TRACEE(pause());
    OK(trace(PTRACE_DETACH, child, 0, SIGTERM));
    KILLED(SIGTERM, child);
}

TEST(refusals)
{
    FAILS(ESRCH, trace(PTRACE_CONT, getpid(), 0, 0));
    FAILS(EPERM, trace(PTRACE_ATTACH, getpid(), 0, 0));
    FAILS(ESRCH, trace(PTRACE_ATTACH, 999999, 0, 0));
    pid_t child = TRACEE(for (;;) { pause(); });
    FAILS(EINVAL, trace(PTRACE_SETOPTIONS, child, 0, 1 << 30));
    FAILS(EIO, trace(PTRACE_CONT, child, 0, 100));
    FAILS(EIO, trace(PTRACE_INTERRUPT, child, 0, 0));
    FAILS(EIO, trace(PTRACE_LISTEN, child, 0, 0));
    FAILS(EIO, trace(12345, child, 0, 0));
    OK(trace(PTRACE_CONT, child, 0, 0));
    long word;
    FAILS(ESRCH, trace(PTRACE_PEEKDATA, child, (long)&word, (long)&word));
    OK(kill(child, SIGKILL));
    KILLED(SIGKILL, child);
    EXITS(0, CHILD({
        OK(trace(PTRACE_TRACEME, 0, 0, 0));
        FAILS(EPERM, trace(PTRACE_TRACEME, 0, 0, 0));
    }));
}

TEST(attaching_needs_rights)
{
    pid_t child = CHILD({ for (;;) { pause(); } });
    EXITS(0, CHILD({
        OK(setresuid(1000, 1000, 1000));
        FAILS(EPERM, trace(PTRACE_ATTACH, child, 0, 0));
    }));
    OK(kill(child, SIGKILL));
    KILLED(SIGKILL, child);
}

TEST(seize_and_interrupt)
{
    pid_t child = CHILD({ for (;;) { pause(); } });
    await_state(child, 'S');
    FAILS(EIO, trace(PTRACE_SEIZE, child, 1, 0));
    OK(trace(PTRACE_SEIZE, child, 0, PTRACE_O_TRACESYSGOOD));
    EQ(0, waitpid(child, NULL, WNOHANG | __WALL));
    OK(trace(PTRACE_INTERRUPT, child, 0, 0));
    EQ(EVENT(PTRACE_EVENT_STOP), stop_of(child));
    OK(trace(PTRACE_CONT, child, 0, 0));
    OK(kill(child, SIGTERM));
    EQ(SIGTERM, stop_of(child));
    OK(trace(PTRACE_CONT, child, 0, SIGTERM));
    KILLED(SIGTERM, child);
}

TEST(group_stop_of_a_seized_task)
{
    pid_t child = CHILD({ for (;;) { pause(); } });
    await_state(child, 'S');
    OK(trace(PTRACE_SEIZE, child, 0, 0));
    OK(kill(child, SIGSTOP));
    EQ(SIGSTOP, stop_of(child));
    OK(trace(PTRACE_CONT, child, 0, SIGSTOP));
    EQ(SIGSTOP | PTRACE_EVENT_STOP << 8, stop_of(child));
    OK(trace(PTRACE_LISTEN, child, 0, 0));
    EQ(0, waitpid(child, NULL, WNOHANG | __WALL));
    OK(kill(child, SIGCONT));
    EQ(EVENT(PTRACE_EVENT_STOP), stop_of(child));
    OK(trace(PTRACE_CONT, child, 0, 0));
    EQ(SIGCONT, stop_of(child));
    OK(trace(PTRACE_CONT, child, 0, SIGCONT));
    OK(kill(child, SIGKILL));
    KILLED(SIGKILL, child);
}

TEST(seizing_a_stopped_task_that_is_continued_at_once)
{
    for (int i = 0; i < 20; i++) {
        pid_t child = CHILD({ OK(raise(SIGSTOP)); _exit(i); });
        int status;
        EQ(child, OK(waitpid(child, &status, WUNTRACED)));
        CHECK(WIFSTOPPED(status));
        OK(trace(PTRACE_SEIZE, child, 0, PTRACE_O_TRACESYSGOOD));
        OK(trace(PTRACE_INTERRUPT, child, 0, 0));
        OK(kill(child, SIGCONT));
        for (;;) {
            EQ(child, OK(waitpid(child, &status, __WALL)));
            if (!WIFSTOPPED(status)) {
                break;
            }

            bool is_group_stop = status >> 8 == (SIGSTOP | PTRACE_EVENT_STOP << 8);
            bool is_signal = status >> 16 == 0;
            OK(trace(is_group_stop ? PTRACE_LISTEN : PTRACE_CONT, child, 0, is_signal ? WSTOPSIG(status) : 0));
        }

        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == i);
    }
}

// A child whose process has stopped, as its parent knows.
static pid_t stopped_child(void)
{
    pid_t child = CHILD({ for (;;) { pause(); } });
    OK(kill(child, SIGSTOP));
    int status;
    EQ(child, OK(waitpid(child, &status, WUNTRACED)));
    CHECK(WIFSTOPPED(status));
    return child;
}

// Waits for the state, and then that it lasts through a look or two at the process.
static void stays_stopped(pid_t child)
{
    await_state(child, 'T');
    OK(kill(child, SIGUSR1));
    for (int i = 0; i < 100; i++) {
        sched_yield();
    }
    await_state(child, 'T');
    OK(kill(child, SIGCONT));
    KILLED(SIGUSR1, child);
}

TEST(a_stop_outlives_a_seizing_tracer)
{
    pid_t child = stopped_child();
    OK(trace(PTRACE_SEIZE, child, 0, 0));
    OK(trace(PTRACE_INTERRUPT, child, 0, 0));
    EQ(PTRACE_EVENT_STOP, stop_of(child) >> 8);
    OK(trace(PTRACE_DETACH, child, 0, 0));
    stays_stopped(child);
}

TEST(a_stop_outlives_an_attached_tracer_that_let_the_task_run)
{
    pid_t child = stopped_child();
    OK(trace(PTRACE_ATTACH, child, 0, 0));
    EQ(SIGSTOP, stop_of(child));
    OK(trace(PTRACE_CONT, child, 0, 0));
    EQ(SIGSTOP, stop_of(child));
    OK(trace(PTRACE_CONT, child, 0, 0));
    await_state(child, 'S');
    OK(kill(child, SIGUSR2));
    EQ(SIGUSR2, stop_of(child));
    OK(trace(PTRACE_DETACH, child, 0, 0));
    stays_stopped(child);
}

TEST(a_stop_outlives_a_tracer_that_ends)
{
    pid_t child = stopped_child();
    EXITS(0, CHILD({
        OK(trace(PTRACE_SEIZE, child, 0, 0));
        OK(trace(PTRACE_INTERRUPT, child, 0, 0));
        EQ(PTRACE_EVENT_STOP, stop_of(child) >> 8);
        OK(trace(PTRACE_CONT, child, 0, 0));
    }));
    stays_stopped(child);
}

TEST(group_stop_of_an_attached_task)
{
    pid_t child = TRACEE(for (;;) { pause(); });
    OK(trace(PTRACE_CONT, child, 0, SIGSTOP));
    EQ(SIGSTOP, stop_of(child));
    siginfo_t info;
    FAILS(EINVAL, trace(PTRACE_GETSIGINFO, child, 0, (long)&info));
    OK(trace(PTRACE_CONT, child, 0, 0));
    await_state(child, 'S');
    OK(kill(child, SIGKILL));
    KILLED(SIGKILL, child);
}

static unsigned long message_of(pid_t pid)
{
    unsigned long message = 0;
    OK(trace(PTRACE_GETEVENTMSG, pid, 0, (long)&message));
    return message;
}

TEST(fork_event)
{
    pid_t child = TRACEE({
        pid_t inner = CHILD({ _exit(6); });
        EXITS(6, inner);
        _exit(0);
    });
    OK(trace(PTRACE_SETOPTIONS, child, 0, PTRACE_O_TRACEFORK));
    OK(trace(PTRACE_CONT, child, 0, 0));
    EQ(EVENT(PTRACE_EVENT_FORK), stop_of(child));
    pid_t inner = message_of(child);
    CHECK(inner > child);
    EQ(SIGSTOP, stop_of(inner));
    OK(trace(PTRACE_CONT, inner, 0, 0));
    int status;
    EQ(inner, OK(waitpid(inner, &status, __WALL)));
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 6);
    OK(trace(PTRACE_CONT, child, 0, 0));
    EQ(SIGCHLD, stop_of(child));
    OK(trace(PTRACE_CONT, child, 0, SIGCHLD));
    EXITS(0, child);
}

TEST(vfork_events)
{
    pid_t child = TRACEE({
        pid_t inner = vfork();
        if (inner == 0) {
            _exit(0);
        }

        _exit(8);
    });
    OK(trace(PTRACE_SETOPTIONS, child, 0, PTRACE_O_TRACEVFORK | PTRACE_O_TRACEVFORKDONE));
    OK(trace(PTRACE_CONT, child, 0, 0));
    EQ(EVENT(PTRACE_EVENT_VFORK), stop_of(child));
    pid_t inner = message_of(child);
    EQ(SIGSTOP, stop_of(inner));
    OK(trace(PTRACE_DETACH, inner, 0, 0));
    OK(trace(PTRACE_CONT, child, 0, 0));
    int stop = stop_of(child);
    if (stop == SIGCHLD) {
        OK(trace(PTRACE_CONT, child, 0, 0));
        stop = stop_of(child);
    }

    EQ(EVENT(PTRACE_EVENT_VFORK_DONE), stop);
    EQ(inner, message_of(child));
    OK(trace(PTRACE_CONT, child, 0, 0));
    int status;
    OK(waitpid(child, &status, __WALL));
    if (WIFSTOPPED(status)) {
        EQ(SIGCHLD, WSTOPSIG(status));
        OK(trace(PTRACE_CONT, child, 0, 0));
        OK(waitpid(child, &status, __WALL));
    }

    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 8);
}

static void *thread_body(__attribute__((unused)) void *unused) { return NULL; }

TEST(thread_events_and_ends)
{
    pid_t child = TRACEE({
        pthread_t thread;
        pthread_create(&thread, NULL, thread_body, NULL);
        pthread_join(thread, NULL);
        _exit(0);
    });
    OK(trace(PTRACE_SETOPTIONS, child, 0, PTRACE_O_TRACECLONE));
    OK(trace(PTRACE_CONT, child, 0, 0));
    EQ(EVENT(PTRACE_EVENT_CLONE), stop_of(child));
    pid_t thread = message_of(child);
    EQ(SIGSTOP, stop_of(thread));
    OK(trace(PTRACE_CONT, thread, 0, 0));
    OK(trace(PTRACE_CONT, child, 0, 0));
    int status;
    EQ(thread, OK(waitpid(thread, &status, __WALL)));
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    EXITS(0, child);
}

TEST(exec_and_exit_events)
{
    pid_t child = TRACEE(execl(guest_self, guest_self, "role:answer", NULL));
    OK(trace(PTRACE_SETOPTIONS, child, 0, PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT));
    OK(trace(PTRACE_CONT, child, 0, 0));
    EQ(EVENT(PTRACE_EVENT_EXEC), stop_of(child));
    EQ(child, message_of(child));
    OK(trace(PTRACE_CONT, child, 0, 0));
    EQ(EVENT(PTRACE_EVENT_EXIT), stop_of(child));
    EQ(42 << 8, message_of(child));
    OK(trace(PTRACE_CONT, child, 0, 0));
    EXITS(42, child);
}

TEST(exitkill)
{
    int pair[2];
    OK(pipe(pair));
    pid_t tracer = CHILD({
        pid_t inner = CHILD({ close(pair[0]); for (;;) { pause(); } });
        await_state(inner, 'S');
        OK(trace(PTRACE_SEIZE, inner, 0, PTRACE_O_EXITKILL));
        write(pair[1], &inner, sizeof inner);
    });
    pid_t inner;
    EQ(sizeof inner, OK(read(pair[0], &inner, sizeof inner)));
    EXITS(0, tracer);
    close(pair[1]);
    char byte;
    EQ(0, OK(read(pair[0], &byte, 1)));
}

TEST(a_tracer_that_ends_lets_go)
{
    pid_t child = CHILD({ for (;;) { pause(); } });
    await_state(child, 'S');
    EXITS(0, CHILD({
        OK(trace(PTRACE_ATTACH, child, 0, 0));
        EQ(SIGSTOP, stop_of(child));
    }));
    await_state(child, 'S');
    OK(kill(child, SIGTERM));
    KILLED(SIGTERM, child);
}

TEST(the_tracer_hears_of_the_end_before_the_parent)
{
    int go[2], done[2];
    OK(pipe(go));
    OK(pipe(done));
    pid_t child = CHILD({ await_byte(go[0]); _exit(5); });
    await_state(child, 'S');
    pid_t tracer = CHILD({
        OK(trace(PTRACE_SEIZE, child, 0, 0));
        send_byte(go[1]);
        await_state(child, 'Z');
        send_byte(done[1]);
        pause_ms(100);
        int status;
        EQ(child, OK(waitpid(child, &status, __WALL)));
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 5);
    });
    await_byte(done[0]);
    EQ(0, waitpid(child, NULL, WNOHANG));
    EXITS(5, child);
    EXITS(0, tracer);
}

TEST(information_about_a_system_call)
{
    pid_t child = TRACEE(syscall(SYS_close, 1000, 2); _exit(0));
    OK(trace(PTRACE_SETOPTIONS, child, 0, PTRACE_O_TRACESYSGOOD));
    struct ptrace_syscall_info info;
    EQ(24, OK(trace(PTRACE_GET_SYSCALL_INFO, child, sizeof info, (long)&info)));
    EQ(PTRACE_SYSCALL_INFO_NONE, info.op);
    do {
        OK(trace(PTRACE_SYSCALL, child, 0, 0));
        stop_of(child);
        OK(trace(PTRACE_GET_SYSCALL_INFO, child, sizeof info, (long)&info));
    } while (info.op != PTRACE_SYSCALL_INFO_ENTRY || info.entry.nr != SYS_close || info.entry.args[0] != 1000);
    EQ(0xc000003e, info.arch);
    EQ(registers_of(child).rip, info.instruction_pointer);
    EQ(PTRACE_EVENTMSG_SYSCALL_ENTRY, message_of(child));
    OK(trace(PTRACE_SYSCALL, child, 0, 0));
    stop_of(child);
    EQ(33, OK(trace(PTRACE_GET_SYSCALL_INFO, child, sizeof info, (long)&info)));
    EQ(PTRACE_SYSCALL_INFO_EXIT, info.op);
    EQ(-EBADF, info.exit.rval);
    EQ(1, info.exit.is_error);
    OK(trace(PTRACE_CONT, child, 0, 0));
    EXITS(0, child);
}

TEST(seccomp_event)
{
    pid_t child = TRACEE({
        struct sock_filter code[] = {
            BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE | 123), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        };
        struct sock_fprog program = { 4, code };
        OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
        OK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program));
        long own = syscall(SYS_getpid);
        _exit(syscall(SYS_getppid) == own ? 0 : 1);
    });
    OK(trace(PTRACE_SETOPTIONS, child, 0, PTRACE_O_TRACESECCOMP));
    OK(trace(PTRACE_CONT, child, 0, 0));
    EQ(EVENT(PTRACE_EVENT_SECCOMP), stop_of(child));
    EQ(123, message_of(child));
    EQ(SYS_getppid, registers_of(child).orig_rax);
    OK(trace(PTRACE_POKEUSR, child, offsetof(struct user_regs_struct, orig_rax), SYS_getpid));
    OK(trace(PTRACE_CONT, child, 0, 0));
    EXITS(0, child);
}

static void on_signal(int signal) { (void)signal; }

TEST(an_interrupted_call_restarts_unless_told_otherwise)
{
    int pair[2];
    OK(pipe(pair));
    pid_t child = CHILD({
        char byte;
        struct sigaction action = { .sa_handler = on_signal };
        OK(sigaction(SIGUSR1, &action, NULL));
        EQ(1, read(pair[0], &byte, 1));
        FAILS(EINTR, read(pair[0], &byte, 1));
    });
    await_state(child, 'S');
    OK(trace(PTRACE_SEIZE, child, 0, 0));
    OK(trace(PTRACE_INTERRUPT, child, 0, 0));
    EQ(EVENT(PTRACE_EVENT_STOP), stop_of(child));
    OK(trace(PTRACE_CONT, child, 0, 0));
    await_state(child, 'S');
    send_byte(pair[1]);
    pause_ms(50);
    await_state(child, 'S');
    OK(kill(child, SIGUSR1));
    EQ(SIGUSR1, stop_of(child));
    OK(trace(PTRACE_CONT, child, 0, SIGUSR1));
    EXITS(0, child);
}

TEST(the_tracer_gets_sigchld)
{
    sigset_t set;
    siginfo_t info;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    OK(sigprocmask(SIG_BLOCK, &set, NULL));
    pid_t child = TRACEE(raise(SIGUSR1); _exit(0));
    OK(sigwaitinfo(&set, &info));
    OK(trace(PTRACE_CONT, child, 0, 0));
    EQ(SIGCHLD, OK(sigwaitinfo(&set, &info)));
    EQ(CLD_TRAPPED, info.si_code);
    EQ(child, info.si_pid);
    EQ(SIGUSR1, info.si_status);
    memset(&info, 0, sizeof info);
    OK(waitid(P_PID, child, &info, WSTOPPED | WNOWAIT));
    EQ(CLD_TRAPPED, info.si_code);
    EQ(SIGUSR1, info.si_status);
    OK(trace(PTRACE_CONT, child, 0, 0));
    EXITS(0, child);
}

static int end_as_init(void *unused)
{
    (void)unused;
    pid_t child = TRACEE(_exit(5));
    OK(trace(PTRACE_SETOPTIONS, child, 0, PTRACE_O_TRACEEXIT));
    OK(trace(PTRACE_CONT, child, 0, 0));
    EQ(EVENT(PTRACE_EVENT_EXIT), stop_of(child));
    return 0;
}

TEST(init_ends_while_its_tracee_is_stopped_at_its_end)
{
    static char stack[65536] __attribute__((aligned(16)));
    EXITS(0, OK(clone(end_as_init, stack + sizeof stack, CLONE_NEWPID | SIGCHLD, NULL)));
}
