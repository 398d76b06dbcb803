// What ring 3 may not do, and corners of the ways in and out of ring 0: every attempt ends as Linux ends it, at the
// instruction that made it, and changes nothing else.
#include "guest.h"
#include <asm/prctl.h>
#include <setjmp.h>
#include <ucontext.h>

enum { PAGE = 4096, PATTERNS = 6, STEPS = 8 };

#define SENTINEL 0x1122334455667700

// Above what any program of these has mapped, below the end of the lower half.
#define LOWER_FIRST 0x7c0000001000
#define LOWER_STEP (64ull << 30)
#define LOWER_END 0x7ffffffff000
#define UPPER_FIRST 0xffff800000000000
#define UPPER_STEP (1ull << 39)
#define UPPER_LAST 0xffffff8000000000
#define NOT_CANONICAL 0x800000000000

static sigjmp_buf back;
static siginfo_t seen;
static greg_t at[NGREG];
static unsigned char *code;
static char other_stack[65536];

static void record(int number, siginfo_t *info, void *context)
{
    (void)number;
    seen = *info;
    memcpy(at, ((ucontext_t *)context)->uc_mcontext.gregs, sizeof at);
    siglongjmp(back, 1);
}

static void handle(void (*handler)(int, siginfo_t *, void *))
{
    stack_t stack = { .ss_sp = other_stack, .ss_size = sizeof other_stack };
    OK(sigaltstack(&stack, NULL));
    struct sigaction action = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER };
    int numbers[] = { SIGSEGV, SIGILL, SIGBUS, SIGTRAP, SIGFPE, SIGSYS };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        OK(sigaction(numbers[i], &action, NULL));
    }
}

// Loads registers with what cannot be there by chance and jumps: rax and rsp are given.
__attribute__((noreturn)) void jump_with(void *target, unsigned long rax_value, unsigned long rsp_value);
asm("jump_with: mov %rdx, %rsp\n"
    "mov %rsi, %rax\n"
    "movabs $0x1122334455667700, %rbx\n"
    "lea 1(%rbx), %rbp\n"
    "lea 2(%rbx), %r12\n"
    "lea 3(%rbx), %r13\n"
    "lea 4(%rbx), %r14\n"
    "lea 5(%rbx), %r15\n"
    "xor %ecx, %ecx\n"
    "xor %edx, %edx\n"
    "jmp *%rdi\n");

static void expect_patterns(const char *what)
{
    static const int registers[PATTERNS] = { REG_RBX, REG_RBP, REG_R12, REG_R13, REG_R14, REG_R15 };
    for (int i = 0; i < PATTERNS; i++) {
        if (at[registers[i]] != SENTINEL + i) {
            FAIL("%s: a register changed to %#llx", what, at[registers[i]]);
        }
    }
}

static unsigned char stack_for_code[PAGE] __attribute__((aligned(16)));

static unsigned long stack_top(void) { return (unsigned long)stack_for_code + PAGE - 128; }

// Runs code bytes, with a breakpoint behind them, up to the signal they end with.
static void run_bytes(const void *bytes, size_t length, unsigned long rax_value, unsigned long rsp_value)
{
    if (code == NULL) {
        code = OK(mmap(NULL, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    }
    memset(code, 0xcc, PAGE);
    memcpy(code, bytes, length);
    memset(&seen, 0, sizeof seen);
    if (sigsetjmp(back, 1) == 0) {
        jump_with(code, rax_value, rsp_value);
    }
}

struct attempt {
    const char *what;
    const char *bytes;
    size_t length;
    int signal;
    int code;
    int trap;
    int error;
};

// Which selector a refusal was for is not always told: ptrace(2) has no way to.
static bool is_error(greg_t expected) { return at[REG_ERR] == expected || at[REG_ERR] == 0; }

#define BYTES(text) text, sizeof(text) - 1
#define REFUSED(what, text) { what, BYTES(text), SIGSEGV, SI_KERNEL, 13, 0 }
#define REFUSED_FOR(what, text, selector) { what, BYTES(text), SIGSEGV, SI_KERNEL, 13, selector }
#define UNKNOWN(what, text) { what, BYTES(text), SIGILL, ILL_ILLOPN, 6, 0 }

static void expect(const struct attempt *attempt, unsigned long rax_value)
{
    run_bytes(attempt->bytes, attempt->length, rax_value, stack_top());
    if (seen.si_signo != attempt->signal || seen.si_code != attempt->code || at[REG_TRAPNO] != attempt->trap ||
        !is_error(attempt->error)) {
        FAIL("%s: signal %d code %d trap %lld error %#llx", attempt->what, seen.si_signo, seen.si_code,
             at[REG_TRAPNO], at[REG_ERR]);
    }
    if (at[REG_RIP] != (greg_t)(uintptr_t)code) {
        FAIL("%s: stopped at %#llx, not at %p", attempt->what, at[REG_RIP], (void *)code);
    }
    expect_patterns(attempt->what);
    EQ((greg_t)rax_value, at[REG_RAX]);
    EQ(0x33, at[REG_CSGSFS] & 0xffff);
    EQ(0x200, at[REG_EFL] & 0x3200);
}

static void expect_all(const struct attempt *attempts, size_t count)
{
    handle(record);
    for (size_t i = 0; i < count; i++) {
        expect(&attempts[i], 0);
        EQ(getppid(), syscall(SYS_getppid));
    }
}

#define EXPECT_ALL(attempts) expect_all(attempts, sizeof(attempts) / sizeof *(attempts))

TEST(privileged_instructions_are_refused)
{
    static const struct attempt attempts[] = {
        REFUSED("hlt", "\xf4"), REFUSED("cli", "\xfa"), REFUSED("sti", "\xfb"), REFUSED("clts", "\x0f\x06"),
        REFUSED("invd", "\x0f\x08"), REFUSED("wbinvd", "\x0f\x09"), REFUSED("rdmsr", "\x0f\x32"),
        REFUSED("wrmsr", "\x0f\x30"), REFUSED("sysret", "\x0f\x07"), REFUSED("sysretq", "\x48\x0f\x07"),
        REFUSED("swapgs", "\x0f\x01\xf8"), REFUSED("lgdt", "\x0f\x01\x14\x24"), REFUSED("lidt", "\x0f\x01\x1c\x24"),
        REFUSED("lmsw", "\x0f\x01\xf0"), REFUSED("invlpg", "\x0f\x01\x3c\x24"), REFUSED("lldt", "\x0f\x00\xd0"),
        REFUSED("ltr", "\x0f\x00\xd8"), REFUSED("xsetbv", "\x0f\x01\xd1"), REFUSED("rdpmc", "\x0f\x33"),
        UNKNOWN("rsm", "\x0f\xaa"),
    };
    EXPECT_ALL(attempts);
}

TEST(control_and_debug_registers_are_refused)
{
    static const struct attempt attempts[] = {
        REFUSED("mov cr0 to rax", "\x0f\x20\xc0"), REFUSED("mov cr2 to rax", "\x0f\x20\xd0"),
        REFUSED("mov cr3 to rax", "\x0f\x20\xd8"), REFUSED("mov cr4 to rax", "\x0f\x20\xe0"),
        REFUSED("mov rax to cr0", "\x0f\x22\xc0"), REFUSED("mov rax to cr3", "\x0f\x22\xd8"),
        REFUSED("mov rax to cr4", "\x0f\x22\xe0"), REFUSED("mov cr8 to rax", "\x44\x0f\x20\xc0"),
        REFUSED("mov rax to cr8", "\x44\x0f\x22\xc0"), REFUSED("mov dr0 to rax", "\x0f\x21\xc0"),
        REFUSED("mov dr7 to rax", "\x0f\x21\xf8"), REFUSED("mov rax to dr0", "\x0f\x23\xc0"),
        REFUSED("mov rax to dr7", "\x0f\x23\xf8"),
    };
    EXPECT_ALL(attempts);
}

TEST(ports_are_refused)
{
    static const struct attempt attempts[] = {
        REFUSED("in al, dx", "\xec"), REFUSED("in eax, dx", "\xed"), REFUSED("out dx, al", "\xee"),
        REFUSED("out dx, eax", "\xef"), REFUSED("in al, 0x60", "\xe4\x60"), REFUSED("out 0x80, al", "\xe6\x80"),
        REFUSED("in al, 0xff", "\xe4\xff"), REFUSED("insb", "\x6c"), REFUSED("outsb", "\x6e"),
    };
    EXPECT_ALL(attempts);
}

TEST(software_interrupts_find_no_gate)
{
    static const struct attempt attempts[] = {
        REFUSED_FOR("int 0", "\xcd\x00", 0x02), REFUSED_FOR("int 1", "\xcd\x01", 0x0a),
        REFUSED_FOR("int 2", "\xcd\x02", 0x12), REFUSED_FOR("int 8", "\xcd\x08", 0x42),
        REFUSED_FOR("int 13", "\xcd\x0d", 0x6a), REFUSED_FOR("int 14", "\xcd\x0e", 0x72),
        REFUSED_FOR("int 32", "\xcd\x20", 0x102), REFUSED_FOR("int 33", "\xcd\x21", 0x10a),
        REFUSED_FOR("int 255", "\xcd\xff", 0x7fa),
    };
    EXPECT_ALL(attempts);
}

TEST(segments_of_the_kernel_are_refused)
{
    // Each is: mov ax, selector; mov segment, ax. It stops at the second.
    static const struct { const char *what; unsigned short selector; unsigned char segment; int error; } loads[] = {
        { "ds of kernel code", 0x10, 0xd8, 0x10 }, { "ds of kernel data", 0x18, 0xd8, 0x18 },
        { "es of kernel data, as a user", 0x1b, 0xc0, 0x18 }, { "ss of kernel data", 0x18, 0xd0, 0x18 },
        { "ss of nothing", 0, 0xd0, 0 }, { "ss of nothing, as a user", 3, 0xd0, 0 },
        { "ss of code", 0x33, 0xd0, 0x30 }, { "ds of the task state", 0x40, 0xd8, 0x40 },
        { "fs of a local descriptor", 0x7, 0xe0, 0x4 }, { "gs past the table", 0x1003, 0xe8, 0x1000 },
    };
    handle(record);
    for (size_t i = 0; i < sizeof loads / sizeof *loads; i++) {
        unsigned char bytes[] = { 0x66, 0xb8, loads[i].selector & 0xff, loads[i].selector >> 8, 0x8e, loads[i].segment };
        run_bytes(bytes, sizeof bytes, 0, stack_top());
        if (seen.si_signo != SIGSEGV || seen.si_code != SI_KERNEL || at[REG_TRAPNO] != 13 ||
            !is_error(loads[i].error) || at[REG_RIP] != (greg_t)(uintptr_t)code + 4) {
            FAIL("%s: signal %d code %d trap %lld error %#llx at %+lld", loads[i].what, seen.si_signo, seen.si_code,
                 at[REG_TRAPNO], at[REG_ERR], at[REG_RIP] - (greg_t)(uintptr_t)code);
        }
        expect_patterns(loads[i].what);
    }
}

TEST(segments_of_users_load_and_stay)
{
    unsigned short before, after[3];
    __asm__ volatile("mov %%ds, %0" : "=r"(before));
    for (int round = 0; round < 3; round++) {
        __asm__ volatile("mov %0, %%ds\n\tmov %0, %%es\n\tmov %0, %%ss" : : "r"((unsigned short)0x2b));
        EQ(getppid(), syscall(SYS_getppid));
        __asm__ volatile("mov %%ds, %0\n\tmov %%es, %1\n\tmov %%ss, %2" : "=r"(after[0]), "=r"(after[1]), "=r"(after[2]));
        EQ(0x2b, after[0]);
        EQ(0x2b, after[1]);
        EQ(0x2b, after[2]);
    }
    __asm__ volatile("mov %0, %%ds\n\tmov %0, %%es" : : "r"(before));
}

TEST(far_jumps_into_the_kernel_are_refused)
{
    handle(record);
    struct { uint32_t offset; uint16_t selector; } __attribute__((packed)) target = { 0x1000, 0x10 };
    run_bytes("\xff\x28", 2, (unsigned long)&target, stack_top());      // ljmp *(%rax)
    EQ(SIGSEGV, seen.si_signo);
    CHECK(is_error(0x10));
    EQ((uintptr_t)code, at[REG_RIP]);
    run_bytes("\xff\x18", 2, (unsigned long)&target, stack_top());      // lcall *(%rax)
    EQ(SIGSEGV, seen.si_signo);
    CHECK(is_error(0x10));
    EQ((greg_t)stack_top(), at[REG_RSP]);
    unsigned long *frame = (unsigned long *)stack_top();
    frame[0] = (unsigned long)code;
    frame[1] = 0x10;
    run_bytes("\x48\xcb", 2, 0, stack_top());                           // lretq
    EQ(SIGSEGV, seen.si_signo);
    CHECK(is_error(0x10));
    frame[2] = 0x202;
    frame[3] = stack_top();
    frame[4] = 0x18;
    run_bytes("\x48\xcf", 2, 0, stack_top());                           // iretq
    EQ(SIGSEGV, seen.si_signo);
    CHECK(is_error(0x10));
    EQ((greg_t)stack_top(), at[REG_RSP]);
    expect_patterns("iretq");
}

TEST(iret_of_a_user_cannot_raise_its_privilege)
{
    handle(record);
    unsigned long *frame = (unsigned long *)stack_top();
    frame[0] = (unsigned long)OK(mmap(NULL, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    *(unsigned char *)frame[0] = 0xfa;                                  // cli
    frame[1] = 0x33;
    frame[2] = 0x3002;                                                  // IOPL 3, interrupts off
    frame[3] = stack_top();
    frame[4] = 0x2b;
    run_bytes("\x48\xcf", 2, 0, stack_top());
    EQ(SIGSEGV, seen.si_signo);
    EQ(frame[0], at[REG_RIP]);
    EQ(0x200, at[REG_EFL] & 0x3200);
    // popfq
    frame[0] = 0x3002;
    run_bytes("\x9d\xfa", 2, 0, stack_top());
    EQ(SIGSEGV, seen.si_signo);
    EQ((uintptr_t)code + 1, at[REG_RIP]);
    EQ(0x200, at[REG_EFL] & 0x3200);
}

static bool is_mapped(unsigned long address)
{
    unsigned char vector;
    return mincore((void *)address, PAGE, &vector) == 0;
}

static void touch_all(unsigned long address)
{
    static const char *const ways[] = { "\x8a\x00", "\x88\x00", "\xff\xe0" };   // mov (%rax), %al; mov %al, (%rax); jmp *%rax
    for (int i = 0; i < 3; i++) {
        run_bytes(ways[i], 2, address, stack_top());
        if (seen.si_signo != SIGSEGV || seen.si_code != SEGV_MAPERR || seen.si_addr != (void *)address ||
            at[REG_RAX] != (greg_t)address) {
            FAIL("way %d to %#lx: signal %d code %d address %p", i, address, seen.si_signo, seen.si_code, seen.si_addr);
        }
        expect_patterns("touch");
    }
}

TEST(memory_that_is_not_the_programs_faults)
{
    handle(record);
    for (unsigned long address = LOWER_FIRST; address < LOWER_END; address += LOWER_STEP) {
        if (!is_mapped(address)) {
            touch_all(address);
        }
    }
    for (unsigned long address = UPPER_FIRST; address <= UPPER_LAST && address >= UPPER_FIRST; address += UPPER_STEP) {
        touch_all(address);
    }
    touch_all(0xffffffff80000000);
    touch_all(0xffffffffff000000);
    touch_all(0xfffffffffffff000);
}

TEST(system_calls_do_not_reach_memory_that_is_not_the_programs)
{
    int fd = OK(memfd_create("f", 0));
    OK(write(fd, "abcdefgh", 8));
    for (unsigned long address = LOWER_FIRST; address < LOWER_END; address += LOWER_STEP) {
        if (is_mapped(address)) {
            continue;
        }
        FAILS(EFAULT, pread(fd, (void *)address, 8, 0));
        FAILS(EFAULT, pwrite(fd, (void *)address, 8, 0));
        FAILS(EFAULT, open((char *)address, O_RDONLY));
        FAILS(EFAULT, syscall(SYS_clock_gettime, CLOCK_REALTIME_COARSE, (void *)address));
        FAILS(EFAULT, syscall(SYS_futex, (void *)address, 128, 0, NULL, NULL, 0));
    }
    FAILS(EFAULT, pread(fd, (void *)UPPER_FIRST, 8, 0));
    FAILS(EFAULT, pwrite(fd, (void *)0xffffffff80000000, 8, 0));
    FAILS(EFAULT, pread(fd, (void *)NOT_CANONICAL, 8, 0));
}

TEST(addresses_that_are_not_canonical_are_refused)
{
    handle(record);
    static const unsigned long addresses[] = { NOT_CANONICAL, 0xffff7fffffffff00, 0x8000000000000000, 0x0123456789abcdef };
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
        run_bytes("\x8a\x00", 2, addresses[i], stack_top());            // mov (%rax), %al
        EQ(SIGSEGV, seen.si_signo);
        EQ(SI_KERNEL, seen.si_code);
        EQ(0, (uintptr_t)seen.si_addr);
        run_bytes("\x50", 1, 0, addresses[i] + 256);                    // push %rax
        EQ(SIGBUS, seen.si_signo);
        EQ(SI_KERNEL, seen.si_code);
        EQ((greg_t)addresses[i] + 256, at[REG_RSP]);
        EQ((uintptr_t)code, at[REG_RIP]);
        expect_patterns("push");
        run_bytes("\xff\xe0", 2, addresses[i], stack_top());            // jmp *%rax
        EQ(SIGSEGV, seen.si_signo);
        EQ(SI_KERNEL, seen.si_code);
        EQ(13, at[REG_TRAPNO]);
        expect_patterns("jmp");
    }
}

TEST(a_stack_pointer_is_no_business_of_a_system_call)
{
    handle(record);
    static const unsigned long values[] = { 0, 8, LOWER_FIRST, LOWER_END, NOT_CANONICAL, UPPER_FIRST, 0xfffffffffffffff8 };
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        run_bytes("\x0f\x05", 2, SYS_getpid, values[i]);                // syscall; int3
        EQ(SIGTRAP, seen.si_signo);
        EQ(getpid(), at[REG_RAX]);
        EQ((greg_t)values[i], at[REG_RSP]);
        EQ((uintptr_t)code + 2, at[REG_RCX]);
        expect_patterns("syscall");
        run_bytes("\x0f\x0b", 2, 0, values[i]);                         // ud2
        EQ(SIGILL, seen.si_signo);
        EQ((greg_t)values[i], at[REG_RSP]);
        expect_patterns("ud2");
    }
}

TEST(flags_go_through_a_system_call_as_they_are)
{
    // CF, DF, NT, AC and ID, one by one and together.
    static const unsigned long flags[] = { 0x1, 0x400, 0x4000, 0x40000, 0x200000, 0x244401 };
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        unsigned long after, saved;
        long result = SYS_getppid;
        __asm__ volatile("pushfq\n\tpop %2\n\tpushfq\n\tor %3, (%%rsp)\n\tpopfq\n\tsyscall\n\t"
            "pushfq\n\tpop %0\n\tpush %2\n\tpopfq"
            : "=&r"(after), "+a"(result), "=&r"(saved) : "r"(flags[i]) : "rcx", "r11", "memory", "cc");
        EQ(getppid(), result);
        EQ(flags[i] | 0x202, after & (flags[i] | 0x3300 | 2));
    }
}

static int steps;
static greg_t stepped[STEPS];
static void step(int number, siginfo_t *info, void *context)
{
    (void)number;
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    if (info->si_signo != SIGTRAP || info->si_code != TRAP_TRACE) {
        _exit(100 + info->si_signo);
    }
    if (steps < STEPS) {
        stepped[steps++] = registers[REG_RIP];
    }
    if (steps == STEPS) {
        registers[REG_EFL] &= ~0x100;
    }
}

extern char step_syscall[], step_after[], step_second[], step_third[], step_end[];

TEST(single_steps_go_over_a_system_call)
{
    handle(step);
    long result;
    __asm__ volatile("mov $39, %%eax\n\t"
        "pushfq\n\torl $0x100, (%%rsp)\n\tpopfq\n\t"
        "step_syscall: syscall\n"
        "step_after: nop\n"
        "step_second: mov %%eax, %%eax\n"
        "step_third: pushfq\n\tandl $~0x100, (%%rsp)\n\tpopfq\n"
        "step_end: nop"
        : "=a"(result) : : "rcx", "r11", "memory", "cc");
    EQ(getpid(), result);
    // One step for each instruction but the system call, whose step the kernel's mask of flags takes.
    int first = stepped[0] == (greg_t)(uintptr_t)step_after ? 1 : 0;
    EQ((uintptr_t)step_second, stepped[first]);
    EQ((uintptr_t)step_third, stepped[first + 1]);
    CHECK(steps >= first + 4 && steps < STEPS);
}

TEST(a_breakpoint_of_one_byte_is_no_step)
{
    handle(record);
    run_bytes("\xf1", 1, 0, stack_top());                               // int1
    EQ(SIGTRAP, seen.si_signo);
    EQ(TRAP_BRKPT, seen.si_code);
    CHECK(at[REG_RIP] - (greg_t)(uintptr_t)code <= 1);     // some hypervisors leave it at the instruction
    expect_patterns("int1");
}

TEST(single_steps_wait_behind_a_load_of_the_stack_segment)
{
    handle(step);
    __asm__ volatile("mov $0x2b, %%eax\n\t"
        "pushfq\n\torl $0x100, (%%rsp)\n\tpopfq\n\t"
        "mov %%eax, %%ss\n\tnop\n"
        "1: nop\n\tpushfq\n\tandl $~0x100, (%%rsp)\n\tpopfq"
        : : : "rax", "memory", "cc");
    CHECK(steps > 1 && steps < STEPS);
    EQ(getppid(), syscall(SYS_getppid));
}

static unsigned long forged[3];
static int forgeries;
static void forge(int number, siginfo_t *info, void *context)
{
    (void)number;
    seen = *info;
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    memcpy(at, registers, sizeof at);
    if (forgeries++ > 0) {
        siglongjmp(back, 1);
    }
    registers[REG_EFL] = forged[0] != 0 ? (greg_t)forged[0] : registers[REG_EFL];
    registers[REG_RIP] = forged[1] != 0 ? (greg_t)forged[1] : registers[REG_RIP] + 2;
    registers[REG_CSGSFS] = forged[2] != 0 ? (greg_t)((registers[REG_CSGSFS] & ~0xffffLL) | forged[2])
        : registers[REG_CSGSFS];
}

// A handler that came for ud2 changes flags, instruction pointer or code segment; then comes what comes.
static void return_forged(unsigned long flags, unsigned long rip, unsigned long segment)
{
    handle(forge);
    forged[0] = flags;
    forged[1] = rip;
    forged[2] = segment;
    forgeries = 0;
    run_bytes("\x0f\x0b\xfa", 3, 0, stack_top());                       // ud2; cli
}

TEST(signal_frames_do_not_forge_flags)
{
    return_forged(0xffffffffffbafeff, 0, 0);        // all but TF, RF, AC and NT
    EQ(SIGSEGV, seen.si_signo);
    EQ(SI_KERNEL, seen.si_code);
    EQ((uintptr_t)code + 2, at[REG_RIP]);
    EQ(0x200, at[REG_EFL] & 0x3200);
    expect_patterns("flags");
    return_forged(2, 0, 0);
    EQ(SIGSEGV, seen.si_signo);
    EQ(0x200, at[REG_EFL] & 0x3200);
}

TEST(signal_frames_do_not_forge_instruction_pointers)
{
    static const unsigned long targets[] = { NOT_CANONICAL, 0x7ffffffff000, 0xffffffff81000000, 0x8000000000000000, 1 };
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        return_forged(0, targets[i], 0);
        EQ(SIGSEGV, seen.si_signo);
        EQ((greg_t)targets[i], at[REG_RIP]);
        expect_patterns("pointer");
    }
}

TEST(signal_frames_do_not_forge_code_segments)
{
    static const unsigned long segments[] = { 0x10, 0x18, 0x2b, 0x43 };
    for (size_t i = 0; i < sizeof segments / sizeof *segments; i++) {
        return_forged(0, 0, segments[i]);
        EQ(SIGSEGV, seen.si_signo);
        EQ(2, forgeries);
        expect_patterns("segment");
    }
}

TEST(a_base_that_is_not_canonical_is_refused)
{
    FAILS(EPERM, syscall(SYS_arch_prctl, ARCH_SET_GS, 0x8000000000000000));
    FAILS(EPERM, syscall(SYS_arch_prctl, ARCH_SET_GS, LOWER_END + PAGE));
    OK(syscall(SYS_arch_prctl, ARCH_SET_GS, LOWER_FIRST));
    unsigned long base = 0;
    OK(syscall(SYS_arch_prctl, ARCH_GET_GS, &base));
    EQ(LOWER_FIRST, base);
    handle(record);
    run_bytes("\x65\x8a\x00", 3, 8, stack_top());                       // mov %gs:(%rax), %al
    EQ(SIGSEGV, seen.si_signo);
    EQ(SEGV_MAPERR, seen.si_code);
    EQ(LOWER_FIRST + 8, (uintptr_t)seen.si_addr);
}
