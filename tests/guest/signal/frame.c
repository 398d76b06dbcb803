// What a handler finds on its stack and what it may change there.
#include "guest.h"
#include <immintrin.h>
#include <setjmp.h>
#include <ucontext.h>

static sigjmp_buf back;
static siginfo_t seen;
static volatile int handled;
static volatile uintptr_t handler_stack;

static void handle(int number, void (*handler)(int, siginfo_t *, void *), int flags)
{
    struct sigaction action = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO | flags };
    OK(sigaction(number, &action, NULL));
}

static void jump_back(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)context;
    seen = *info;
    handled++;
    siglongjmp(back, 1);
}

ROLE(crash)
{
    *(volatile int *)8 = 1;
    return 0;
}

TEST(segmentation_faults_can_be_recovered_from)
{
    handle(SIGSEGV, jump_back, 0);
    for (int i = 1; i <= 3; i++) {
        if (sigsetjmp(back, 1) == 0) {
            *(volatile int *)0x1234 = 1;
            FAIL("the store went through");
        }
        EQ(i, handled);
        EQ(0x1234, (uintptr_t)seen.si_addr);
        EQ(SEGV_MAPERR, seen.si_code);
    }
}

TEST(a_protected_page_says_accerr)
{
    handle(SIGSEGV, jump_back, 0);
    char *page = OK(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    if (sigsetjmp(back, 1) == 0) {
        page[100] = 1;
    }
    EQ(1, handled);
    EQ(SEGV_ACCERR, seen.si_code);
    EQ((uintptr_t)page + 100, (uintptr_t)seen.si_addr);
}

TEST(executing_data_faults)
{
    handle(SIGSEGV, jump_back, 0);
    char *page = OK(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    page[0] = (char)0xc3;
    if (sigsetjmp(back, 1) == 0) {
        ((void (*)(void))page)();
        FAIL("data was executed");
    }
    EQ(SEGV_ACCERR, seen.si_code);
    EQ((uintptr_t)page, (uintptr_t)seen.si_addr);
}

TEST(non_canonical_addresses_fault_without_address)
{
    handle(SIGSEGV, jump_back, 0);
    if (sigsetjmp(back, 1) == 0) {
        *(volatile int *)0x8000000000000000 = 1;
    }
    EQ(1, handled);
    EQ(SI_KERNEL, seen.si_code);
    EQ(0, (uintptr_t)seen.si_addr);
}

TEST(reading_past_the_end_of_a_file_is_a_bus_error)
{
    handle(SIGBUS, jump_back, 0);
    int fd = OK(open("f", O_RDWR | O_CREAT, 0600));
    OK(ftruncate(fd, 100));
    char *pages = OK(mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    EQ(0, pages[4095]);
    if (sigsetjmp(back, 1) == 0) {
        (void)*(volatile char *)(pages + 4096);
        FAIL("the load went through");
    }
    EQ(BUS_ADRERR, seen.si_code);
    EQ((uintptr_t)pages + 4096, (uintptr_t)seen.si_addr);
}

TEST(division_by_zero)
{
    handle(SIGFPE, jump_back, 0);
    if (sigsetjmp(back, 1) == 0) {
        __asm__ volatile("xor %%ecx, %%ecx\n\tmov $1, %%eax\n\tcdq\n\tidiv %%ecx" : : : "rax", "rcx", "rdx");
    }
    EQ(1, handled);
    EQ(FPE_INTDIV, seen.si_code);
}

TEST(illegal_instruction)
{
    handle(SIGILL, jump_back, 0);
    if (sigsetjmp(back, 1) == 0) {
        __asm__ volatile("ud2");
    }
    EQ(1, handled);
    EQ(ILL_ILLOPN, seen.si_code);
}

TEST(breakpoint_and_privileged_instruction)
{
    handle(SIGTRAP, jump_back, 0);
    handle(SIGSEGV, jump_back, 0);
    if (sigsetjmp(back, 1) == 0) {
        __asm__ volatile("int3");
    }
    EQ(SIGTRAP, seen.si_signo);
    EQ(SI_KERNEL, seen.si_code);
    if (sigsetjmp(back, 1) == 0) {
        __asm__ volatile("hlt");
    }
    EQ(SIGSEGV, seen.si_signo);
    EQ(SI_KERNEL, seen.si_code);
}

TEST(a_blocked_fault_kills)
{
    struct rlimit none = { 0, 0 };
    OK(setrlimit(RLIMIT_CORE, &none));
    pid_t child = CHILD({
        handle(SIGSEGV, jump_back, 0);
        sigset_t set;
        sigfillset(&set);
        OK(sigprocmask(SIG_BLOCK, &set, NULL));
        *(volatile int *)16 = 1;
    });
    KILLED(SIGSEGV, child);
    child = CHILD({
        signal(SIGSEGV, SIG_IGN);
        *(volatile int *)16 = 1;
    });
    KILLED(SIGSEGV, child);
}

static void fix_registers(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)info;
    ucontext_t *frame = context;
    frame->uc_mcontext.gregs[REG_RAX] = 0x1122334455667788;
    frame->uc_mcontext.gregs[REG_RIP] += 2;
    handled++;
}

TEST(sigreturn_takes_edited_registers)
{
    handle(SIGILL, fix_registers, 0);
    unsigned long result;
    __asm__ volatile("mov $5, %%eax\n\tud2\n" : "=a"(result));
    EQ(0x1122334455667788, result);
    EQ(1, handled);
}

static void edit_mask(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)info;
    sigaddset(&((ucontext_t *)context)->uc_sigmask, SIGUSR2);
}

TEST(sigreturn_takes_the_edited_mask)
{
    handle(SIGUSR1, edit_mask, 0);
    raise(SIGUSR1);
    sigset_t now;
    OK(sigprocmask(SIG_BLOCK, NULL, &now));
    EQ(1, sigismember(&now, SIGUSR2));
    EQ(0, sigismember(&now, SIGUSR1));
}

static void spoil_registers(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)info;
    (void)context;
    __m128i ones = _mm_set1_epi32(-1);
    __asm__ volatile("movdqa %0, %%xmm0\n\tmovdqa %0, %%xmm7\n\tmovdqa %0, %%xmm15\n\tfninit\n"
        : : "x"(ones) : "xmm0", "xmm7", "xmm15");
    __asm__ volatile("cld");
    unsigned csr = 0x1f80;
    __asm__ volatile("ldmxcsr %0" : : "m"(csr));
    handled++;
}

TEST(vector_and_control_registers_survive_a_handler)
{
    handle(SIGUSR1, spoil_registers, 0);
    uint64_t in[2] = { 0x0123456789abcdef, 0xfedcba9876543210 }, out7[2], out15[2];
    unsigned csr_in = 0x1f80 | 0x6000, csr_out;
    uint16_t control_in = 0x0c7f, control_out;
    pid_t pid = getpid();
    long result;
    __asm__ volatile(
        "movdqu %4, %%xmm7\n\tmovdqu %4, %%xmm15\n\tldmxcsr %5\n\tfldcw %6\n\t"
        "mov $62, %%eax\n\tmov %7, %%edi\n\tmov $10, %%esi\n\tsyscall\n\t"
        "movdqu %%xmm7, %0\n\tmovdqu %%xmm15, %1\n\tstmxcsr %2\n\tfnstcw %3\n"
        : "=m"(out7), "=m"(out15), "=m"(csr_out), "=m"(control_out), "+m"(in), "+m"(csr_in), "+m"(control_in)
        : "r"(pid)
        : "rax", "rdi", "rsi", "rcx", "r11", "xmm7", "xmm15", "memory");
    result = handled;
    unsigned csr = 0x1f80;
    __asm__ volatile("ldmxcsr %0\n\tfninit" : : "m"(csr));
    EQ(1, result);
    CHECK(memcmp(in, out7, 16) == 0);
    CHECK(memcmp(in, out15, 16) == 0);
    EQ(csr_in, csr_out);
    EQ(control_in, control_out);
}

__attribute__((target("avx"))) static void avx_round(void)
{
    uint64_t in[4] = { 1, 2, 3, 0x1122334455667788 }, out[4];
    pid_t pid = getpid();
    __asm__ volatile(
        "vmovdqu %1, %%ymm9\n\tmov $62, %%eax\n\tmov %2, %%edi\n\tmov $10, %%esi\n\tsyscall\n\tvmovdqu %%ymm9, %0\n"
        : "=m"(out) : "m"(in), "r"(pid) : "rax", "rdi", "rsi", "rcx", "r11", "xmm9", "memory");
    CHECK(memcmp(in, out, sizeof in) == 0);
}

__attribute__((target("avx"))) static void spoil_avx(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)info;
    (void)context;
    __asm__ volatile("vpcmpeqd %%xmm9, %%xmm9, %%xmm9\n\tvinsertf128 $1, %%xmm9, %%ymm9, %%ymm9" : : : "xmm9");
    handled++;
}

TEST(upper_vector_halves_survive_a_handler)
{
    if (!__builtin_cpu_supports("avx")) {
        SKIP("no AVX");
    }
    handle(SIGUSR1, spoil_avx, 0);
    avx_round();
    EQ(1, handled);
}

static void edit_vector(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)info;
    ucontext_t *frame = context;
    frame->uc_mcontext.fpregs->_xmm[3].element[0] = 0xabcdef01;
    handled++;
}

TEST(sigreturn_takes_edited_vector_registers)
{
    handle(SIGUSR1, edit_vector, 0);
    uint32_t out[4];
    pid_t pid = getpid();
    __asm__ volatile(
        "pxor %%xmm3, %%xmm3\n\tmov $62, %%eax\n\tmov %1, %%edi\n\tmov $10, %%esi\n\tsyscall\n\tmovdqu %%xmm3, %0\n"
        : "=m"(out) : "r"(pid) : "rax", "rdi", "rsi", "rcx", "r11", "xmm3", "memory");
    EQ(0xabcdef01, out[0]);
    EQ(0, out[1]);
}

static void record_stack(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)info;
    (void)context;
    handler_stack = (uintptr_t)__builtin_frame_address(0);
    handled++;
}

TEST(alternate_stack)
{
    static char memory[65536];
    stack_t stack = { .ss_sp = memory, .ss_size = sizeof memory }, old;
    OK(sigaltstack(&stack, &old));
    EQ(SS_DISABLE, old.ss_flags);
    handle(SIGUSR1, record_stack, SA_ONSTACK);
    raise(SIGUSR1);
    CHECK(handler_stack > (uintptr_t)memory && handler_stack < (uintptr_t)memory + sizeof memory);
    handle(SIGUSR1, record_stack, 0);
    raise(SIGUSR1);
    CHECK(!(handler_stack > (uintptr_t)memory && handler_stack < (uintptr_t)memory + sizeof memory));
    OK(sigaltstack(NULL, &old));
    CHECK(old.ss_sp == memory && old.ss_size == sizeof memory && old.ss_flags == 0);
    EXITS(0, CHILD({ OK(sigaltstack(NULL, &old)); EQ(0, old.ss_flags); }));
}

static int change_error, flags_inside;

static void change_stack(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)info;
    (void)context;
    stack_t stack = { .ss_flags = SS_DISABLE }, now;
    change_error = sigaltstack(&stack, NULL) == -1 ? errno : 0;
    sigaltstack(NULL, &now);
    flags_inside = now.ss_flags;
}

TEST(the_alternate_stack_cannot_change_while_in_use)
{
    static char memory[65536];
    stack_t stack = { .ss_sp = memory, .ss_size = sizeof memory };
    OK(sigaltstack(&stack, NULL));
    handle(SIGUSR1, change_stack, SA_ONSTACK);
    raise(SIGUSR1);
    EQ(EPERM, change_error);
    EQ(SS_ONSTACK, flags_inside);
    stack.ss_flags = SS_DISABLE;
    OK(sigaltstack(&stack, NULL));
}

TEST(alternate_stack_refusals)
{
    static char memory[65536];
    stack_t stack = { .ss_sp = memory, .ss_size = 1024 };
    FAILS(ENOMEM, sigaltstack(&stack, NULL));
    stack.ss_size = sizeof memory;
    stack.ss_flags = 0x40;
    FAILS(EINVAL, sigaltstack(&stack, NULL));
    FAILS(EFAULT, syscall(SYS_sigaltstack, (void *)8, NULL));
}

TEST(stack_overflow_is_handled_on_the_alternate_stack)
{
    static char memory[65536];
    stack_t stack = { .ss_sp = memory, .ss_size = sizeof memory };
    OK(sigaltstack(&stack, NULL));
    handle(SIGSEGV, jump_back, SA_ONSTACK);
    struct rlimit small = { 256 << 10, 8 << 20 };
    OK(setrlimit(RLIMIT_STACK, &small));
    volatile char *here = __builtin_frame_address(0);
    if (sigsetjmp(back, 1) == 0) {
        for (size_t i = 0; i < (4 << 20); i += 1024) {
            here[-(ssize_t)i] = 1;
        }
        FAIL("no overflow");
    }
    EQ(1, handled);
}

TEST(no_stack_for_the_frame_kills)
{
    struct rlimit none = { 0, 0 };
    OK(setrlimit(RLIMIT_CORE, &none));
    pid_t child = CHILD({
        handle(SIGUSR1, record_stack, 0);
        pid_t pid = getpid();
        __asm__ volatile("mov $8, %%rsp\n\tmov $62, %%eax\n\tmov %0, %%edi\n\tmov $10, %%esi\n\tsyscall\n\tud2"
            : : "r"(pid) : "rax", "rdi", "rsi");
    });
    KILLED(SIGSEGV, child);
}

static ucontext_t copy;
static void keep_context(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)info;
    copy = *(ucontext_t *)context;
}

TEST(the_frame_tells_fault_details)
{
    handle(SIGSEGV, jump_back, 0);
    struct sigaction action = { .sa_sigaction = keep_context, .sa_flags = SA_SIGINFO };
    OK(sigaction(SIGUSR1, &action, NULL));
    raise(SIGUSR1);
    CHECK(copy.uc_mcontext.gregs[REG_RIP] != 0);
    CHECK(copy.uc_mcontext.fpregs != NULL);
    EQ(0x33, copy.uc_mcontext.gregs[REG_CSGSFS] & 0xffff);
}

static long fault_error, fault_address, trap_number;
static void keep_fault(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)info;
    ucontext_t *frame = context;
    fault_error = frame->uc_mcontext.gregs[REG_ERR];
    fault_address = frame->uc_mcontext.gregs[REG_CR2];
    trap_number = frame->uc_mcontext.gregs[REG_TRAPNO];
    siglongjmp(back, 1);
}

TEST(the_frame_tells_error_code_and_address)
{
    handle(SIGSEGV, keep_fault, 0);
    if (sigsetjmp(back, 1) == 0) {
        *(volatile char *)0x5678 = 1;
    }
    EQ(6, fault_error);
    EQ(0x5678, fault_address);
    EQ(14, trap_number);
    if (sigsetjmp(back, 1) == 0) {
        (void)*(volatile char *)0x5678;
    }
    EQ(4, fault_error);
}

TEST(the_stack_pointer_is_aligned_in_a_handler)
{
    handle(SIGUSR1, record_stack, 0);
    for (int i = 0; i < 8; i++) {
        volatile char *pad = __builtin_alloca(i * 8 + 1);
        pad[0] = 0;
        raise(SIGUSR1);
        EQ(0, handler_stack & 15);
    }
}

TEST(the_red_zone_is_left_alone)
{
    handle(SIGUSR1, spoil_registers, 0);
    pid_t pid = getpid();
    unsigned long out;
    __asm__ volatile(
        "movq $0x5a5a, -120(%%rsp)\n\tmov $62, %%eax\n\tmov %1, %%edi\n\tmov $10, %%esi\n\tsyscall\n\tmov -120(%%rsp), %0\n"
        : "=&r"(out) : "r"(pid) : "rax", "rdi", "rsi", "rcx", "r11", "memory");
    EQ(0x5a5a, out);
}

TEST(flags_survive_a_handler)
{
    handle(SIGUSR1, spoil_registers, 0);
    pid_t pid = getpid();
    unsigned long flags;
    __asm__ volatile(
        "std\n\tmov $62, %%eax\n\tmov %1, %%edi\n\tmov $10, %%esi\n\tsyscall\n\tpushfq\n\tpop %0\n\tcld\n"
        : "=&r"(flags) : "r"(pid) : "rax", "rdi", "rsi", "rcx", "r11", "memory");
    EQ(0x400, flags & 0x400);
}
