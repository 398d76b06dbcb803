// Call sites that are used so often that a platform may rewrite them: programs must not be able to tell.
#include "guest.h"
#include <link.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <ucontext.h>

enum { HOT = 300, PAGE = 4096 };

// The two shapes compilers make: a number in a register and a test behind, or a move of the number in front. "bare_call"
// adds what it is told after the call, so that a call made twice or an instruction left out shows.
long bare_call(long number);
long numbered_call(void);
long moved_call(long number);
extern char bare_site[], bare_after[], numbered_site[], numbered_after[], moved_site[], moved_after[], sites_end[];
asm(".text\n.balign 4096\n"
    ".globl bare_call, numbered_call, moved_call, bare_site, bare_after, numbered_site, numbered_after, moved_site, moved_after, sites_end\n"
    "bare_call: mov %rdi, %rax\n"
    "bare_site: syscall\n"
    "bare_after: cmp $-4095, %rax\n"
    "jae 1f\n"
    "ret\n"
    "1: mov $-1, %rax\n"
    "ret\n"
    "numbered_call:\n"
    "numbered_site: mov $39, %eax\n"
    "syscall\n"
    "numbered_after: push %rax\n"
    "pop %rax\n"
    "ret\n"
    "moved_call: push %rbx\n"
    "mov %rdi, %rax\n"
    "moved_site: syscall\n"
    "moved_after: mov %rax, %rbx\n"
    "mov %rbx, %rcx\n"
    "lea (%rbx), %rax\n"
    "pop %rbx\n"
    "ret\n"
    ".balign 4096\n"
    "sites_end: nop\n");

static unsigned char original[PAGE];

static int find_in_file(struct dl_phdr_info *object, size_t size, void *place)
{
    (void)size;
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &object->dlpi_phdr[i];
        uintptr_t offset = *(uintptr_t *)place - object->dlpi_addr - part->p_vaddr;
        if (part->p_type == PT_LOAD && offset < part->p_filesz) {
            *(uintptr_t *)place = part->p_offset + offset;
            return 1;
        }
    }
    return 0;
}

static char *site_page(void) { return (char *)((uintptr_t)bare_call & ~(PAGE - 1L)); }

// The page as the program's file has it: what the program reads of itself may be patched.
static void read_site_page(void)
{
    uintptr_t place = (uintptr_t)site_page();
    EQ(1, dl_iterate_phdr(find_in_file, &place));
    int fd = OK(open("/proc/self/exe", O_RDONLY));
    EQ(PAGE, pread(fd, original, PAGE, (off_t)place));
    close(fd);
}

static void heat(void)
{
    for (int i = 0; i < HOT; i++) {
        EQ(getppid(), bare_call(SYS_getppid));
        EQ(getpid(), numbered_call());
        EQ(getppid(), moved_call(SYS_getppid));
    }
}

TEST(memory_files_show_the_program_as_it_was)
{
    read_site_page();
    heat();
    unsigned char now[PAGE];
    int fd = OK(open("/proc/self/mem", O_RDWR));
    EQ(PAGE, pread(fd, now, PAGE, (off_t)(uintptr_t)site_page()));
    EQ(0, memcmp(original, now, PAGE));
}

TEST(a_jump_to_the_instruction_itself)
{
    heat();
    for (int i = 0; i < HOT; i++) {
        long result = SYS_getppid;
        // Into the middle of both shapes; the code there returns to the address on the stack.
        asm volatile("sub $128, %%rsp\n\tlea 1f(%%rip), %%rdx\n\tpush %%rdx\n\tlea numbered_site+5(%%rip), %%rdx\n\tjmp *%%rdx\n\t1: add $128, %%rsp"
                     : "+a"(result) : : "rcx", "r11", "rdx", "memory", "cc");
        EQ(getppid(), result);
        result = 1234;
        asm volatile("sub $128, %%rsp\n\tlea 1f(%%rip), %%rdx\n\tpush %%rdx\n\tlea bare_after(%%rip), %%rdx\n\tjmp *%%rdx\n\t1: add $128, %%rsp"
                     : "+a"(result) : : "rcx", "r11", "rdx", "memory", "cc");
        EQ(1234, result);
    }
}

static volatile sig_atomic_t signals;
static void count_signal(int number)
{
    (void)number;
    signals++;
}

TEST(signals_in_and_around_hot_calls)
{
    struct sigaction action = { .sa_handler = count_signal, .sa_flags = SA_RESTART };
    struct itimerval often = { { 0, 500 }, { 0, 500 } }, never = { 0 };
    OK(sigaction(SIGALRM, &action, NULL));
    OK(setitimer(ITIMER_REAL, &often, NULL));
    for (int i = 0; i < 1500 || signals < 20; i++) {
        EQ(getppid(), bare_call(SYS_getppid));
        EQ(getpid(), numbered_call());
        EQ(getppid(), moved_call(SYS_getppid));
    }
    OK(setitimer(ITIMER_REAL, &never, NULL));
}

static volatile uintptr_t interrupted_at;
static void note_place(int number, siginfo_t *info, void *context)
{
    (void)number, (void)info;
    interrupted_at = (uintptr_t)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
    signals++;
}

TEST(a_handler_finds_the_address_behind_the_call)
{
    struct sigaction action = { .sa_sigaction = note_place, .sa_flags = SA_SIGINFO };
    OK(sigaction(SIGUSR1, &action, NULL));
    heat();
    for (int i = 0; i < HOT; i++) {
        long me = getpid(), result = SYS_kill;
        asm volatile("call bare_call_with_rdi"
                     : "+a"(result) : "D"(me), "S"((long)SIGUSR1) : "rcx", "r11", "memory", "cc");
        EQ(0, result);
        EQ(i + 1, signals);
        EQ((uintptr_t)bare_after, interrupted_at);
    }
}
asm(".text\nbare_call_with_rdi: jmp bare_site\n");

// keep_call(in, out, number): six registers and a vector register loaded, a hot call, and stored.
long keep_call(const unsigned long *in, unsigned long *out, double *number);
asm(".text\n"
    "keep_call: push %rbx\n"
    "push %r12\n"
    "push %r13\n"
    "push %r14\n"
    "push %r15\n"
    "mov %rdi, %rbx\n"
    "mov %rsi, %r13\n"
    "mov %rdx, %r14\n"
    "movsd (%r14), %xmm7\n"
    "mov (%rbx), %rdx\n"
    "mov 8(%rbx), %rsi\n"
    "mov 16(%rbx), %r8\n"
    "mov 24(%rbx), %r9\n"
    "mov 32(%rbx), %r10\n"
    "mov 40(%rbx), %r15\n"
    "mov $110, %eax\n"
    "call bare_site\n"
    "mov %rdx, (%r13)\n"
    "mov %rsi, 8(%r13)\n"
    "mov %r8, 16(%r13)\n"
    "mov %r9, 24(%r13)\n"
    "mov %r10, 32(%r13)\n"
    "mov %r15, 40(%r13)\n"
    "movsd %xmm7, (%r14)\n"
    "pop %r15\n"
    "pop %r14\n"
    "pop %r13\n"
    "pop %r12\n"
    "pop %rbx\n"
    "ret\n");

TEST(registers_are_kept)
{
    heat();
    for (int i = 0; i < HOT; i++) {
        unsigned long in[6] = { 0x1111, 0x2222, 0x3333, 0x4444, 0x5555, 0x6666 }, out[6] = { 0 };
        double number = 1.5 + i;
        EQ(getppid(), keep_call(in, out, &number));
        EQ(0, memcmp(in, out, sizeof in));
        CHECK(number == 1.5 + i);
    }
}

TEST(code_that_rewrites_itself)
{
    heat();
    char *page = site_page();
    for (int round = 0; round < 20; round++) {
        OK(mprotect(page, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC));
        numbered_site[1] = round % 2 == 0 ? SYS_getppid : SYS_getpid;
        OK(mprotect(page, PAGE, PROT_READ | PROT_EXEC));
        for (int i = 0; i < 60; i++) {
            EQ(round % 2 == 0 ? getppid() : getpid(), numbered_call());
            EQ(getppid(), bare_call(SYS_getppid));
        }
    }
}

TEST(a_new_program_text_over_the_old)
{
    char *page = site_page();
    read_site_page();
    heat();
    for (int round = 0; round < 10; round++) {
        EQ(page, mmap(page, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
        memcpy(page, original, PAGE);
        numbered_site[1] = round % 2 == 0 ? SYS_getppid : SYS_getpid;
        OK(mprotect(page, PAGE, PROT_READ | PROT_EXEC));
        for (int i = 0; i < 60; i++)
            EQ(round % 2 == 0 ? getppid() : getpid(), numbered_call());
    }
}

TEST(children_and_programs_made_from_hot_ones)
{
    heat();
    for (int i = 0; i < 10; i++) {
        pid_t me = getpid();
        pid_t child = CHILD({
            EQ(me, getppid());
            EQ(me, bare_call(SYS_getppid));
            EQ(getpid(), numbered_call());
            CHECK(numbered_call() != me);
            heat();
        });
        EXITS(0, child);
        EQ(me, numbered_call());
    }
    pid_t child = vfork();
    if (child == 0)
        _exit(numbered_call() == getpid() ? 0 : 1);
    EXITS(0, child);
}

static void *hot_thread(void *argument)
{
    for (int i = 0; i < 400; i++) {
        if (bare_call(SYS_gettid) != gettid() || numbered_call() != getpid() || moved_call(SYS_gettid) != gettid())
            return argument;
    }
    return NULL;
}

TEST(threads_at_the_same_sites)
{
    pthread_t threads[6];
    for (size_t i = 0; i < 6; i++)
        EQ(0, pthread_create(&threads[i], NULL, hot_thread, threads));
    for (size_t i = 0; i < 6; i++) {
        void *problem = NULL;
        EQ(0, pthread_join(threads[i], &problem));
        CHECK(problem == NULL);
    }
}

static unsigned long own_gs[8];

static void set_gs(void) { OK(syscall(SYS_arch_prctl, 0x1001 /* ARCH_SET_GS */, own_gs)); }

static unsigned long read_gs(void)
{
    unsigned long value;
    asm volatile("mov %%gs:8, %0" : "=r"(value));
    return value;
}

static void *hot_thread_with_gs(void *argument)
{
    set_gs();
    void *problem = hot_thread(argument);
    return read_gs() == 4711 ? problem : argument;
}

TEST(programs_with_a_GS_base_of_their_own)
{
    own_gs[1] = 4711;
    heat();
    set_gs();
    heat();
    EQ(4711, read_gs());
    struct sigaction action = { .sa_handler = count_signal, .sa_flags = SA_RESTART };
    struct itimerval often = { { 0, 500 }, { 0, 500 } }, never = { 0 };
    OK(sigaction(SIGALRM, &action, NULL));
    OK(setitimer(ITIMER_REAL, &often, NULL));
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        EQ(0, pthread_create(&threads[i], NULL, i % 2 == 0 ? hot_thread_with_gs : hot_thread, threads));
    for (int i = 0; i < 4; i++) {
        void *problem = NULL;
        EQ(0, pthread_join(threads[i], &problem));
        CHECK(problem == NULL);
    }
    OK(setitimer(ITIMER_REAL, &never, NULL));
    EQ(4711, read_gs());
}

// A tracer counts the steps of a hot child, which must be the instructions of its program.
TEST(steps_of_a_hot_program)
{
    pid_t child = CHILD({
        OK(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
        heat();
        raise(SIGSTOP);
        bare_call(SYS_getppid);
        numbered_call();
        raise(SIGSTOP);
    });
    int status;
    OK(waitpid(child, &status, 0));
    CHECK(WIFSTOPPED(status));
    int at_site = 0, behind = 0, elsewhere = 0;
    struct user_regs_struct registers;
    for (int i = 0; i < 3000; i++) {
        OK(ptrace(PTRACE_SINGLESTEP, child, NULL, NULL));
        OK(waitpid(child, &status, 0));
        if (!WIFSTOPPED(status) || WSTOPSIG(status) != SIGTRAP)
            break;
        OK(ptrace(PTRACE_GETREGS, child, NULL, &registers));
        if (registers.rip >= (uintptr_t)site_page() && registers.rip < (uintptr_t)sites_end) {
            at_site += registers.rip == (uintptr_t)bare_site || registers.rip == (uintptr_t)numbered_site + 5;
            behind += registers.rip == (uintptr_t)bare_after || registers.rip == (uintptr_t)numbered_after;
            elsewhere += registers.rip > (uintptr_t)bare_site && registers.rip < (uintptr_t)bare_after;
        }
    }
    EQ(2, at_site);
    EQ(2, behind);
    EQ(0, elsewhere);
    OK(ptrace(PTRACE_DETACH, child, NULL, NULL));
    EXITS(0, child);
}

// A breakpoint that a debugger writes over a hot call is met, and taking it away leaves the call.
TEST(a_breakpoint_on_a_hot_call)
{
    pid_t child = CHILD({
        OK(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
        heat();
        raise(SIGSTOP);
        heat();
        raise(SIGSTOP);
        heat();
    });
    int status;
    for (int round = 0; round < 2; round++) {
        OK(waitpid(child, &status, 0));
        CHECK(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
        long code = ptrace(PTRACE_PEEKTEXT, child, bare_site, NULL);
        EQ(0x050f, code & 0xffff);
        OK(ptrace(PTRACE_POKETEXT, child, bare_site, (void *)((code & ~0xffL) | 0xcc)));
        OK(ptrace(PTRACE_CONT, child, NULL, NULL));
        OK(waitpid(child, &status, 0));
        CHECK(WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP);
        struct user_regs_struct registers;
        OK(ptrace(PTRACE_GETREGS, child, NULL, &registers));
        EQ((uintptr_t)bare_site + 1, registers.rip);
        registers.rip--;
        OK(ptrace(PTRACE_POKETEXT, child, bare_site, (void *)code));
        OK(ptrace(PTRACE_SETREGS, child, NULL, &registers));
        OK(ptrace(PTRACE_CONT, child, NULL, NULL));
    }
    EXITS(0, child);
}

TEST(hot_calls_under_alignment_checks)
{
    heat();
    long parent = getppid(), process = getpid();
    for (int i = 0; i < HOT; i++) {
        long first, second;
        // EFLAGS.AC: whatever stands for the calls may not read or write where it is not aligned.
        asm volatile("sub $128, %%rsp\n\tpushfq\n\torl $0x40000, (%%rsp)\n\tpopfq\n\t"
                     "mov %2, %%edi\n\tcall bare_call\n\tmov %%rax, %0\n\tcall numbered_call\n\tmov %%rax, %1\n\t"
                     "pushfq\n\tandl $~0x40000, (%%rsp)\n\tpopfq\n\tadd $128, %%rsp"
                     : "=&r"(first), "=&r"(second) : "i"(SYS_getppid)
                     : "rax", "rcx", "rdx", "rsi", "rdi", "r11", "memory", "cc");
        EQ(parent, first);
        EQ(process, second);
    }
}

TEST(numbers_that_name_no_call)
{
    for (int i = 0; i < HOT; i++) {
        EQ(getpid(), moved_call(SYS_getpid));
        EQ(-ENOSYS, moved_call(-1));
        EQ(-ENOSYS, moved_call(0x10000 + SYS_getpid));
        EQ(getpid(), moved_call((long)0xabcdef0100000000 + SYS_getpid));
    }
}

TEST(identity_follows_its_changes)
{
    heat();
    for (int i = 0; i < HOT; i++) {
        EQ(0, bare_call(SYS_getuid));
        EQ(0, bare_call(SYS_getegid));
    }
    OK(setresgid(7, 8, 9));
    OK(setresuid(1000, 1001, 1002));
    EQ(1000, bare_call(SYS_getuid));
    EQ(1001, bare_call(SYS_geteuid));
    EQ(7, bare_call(SYS_getgid));
    EQ(8, bare_call(SYS_getegid));
    EQ(1000, getuid());
}
