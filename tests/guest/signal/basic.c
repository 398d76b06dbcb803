// Dispositions, masks, pending sets, queues.
#include "guest.h"

static volatile sig_atomic_t count, last;
static int order[64];
static volatile int ordered;

static void on_signal(int number)
{
    last = number;
    if (ordered < 64) {
        order[ordered++] = number;
    }
    count++;
}

static siginfo_t seen[16];
static volatile int seen_count;

static void on_info(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)context;
    seen[seen_count++] = *info;
}

static void handle(int number, void (*handler)(int), int flags)
{
    struct sigaction action = { .sa_handler = handler, .sa_flags = flags };
    OK(sigaction(number, &action, NULL));
}

static void handle_info(int number, int flags)
{
    struct sigaction action = { .sa_sigaction = on_info, .sa_flags = SA_SIGINFO | flags };
    OK(sigaction(number, &action, NULL));
}

static sigset_t set_of(int a, int b, int c)
{
    sigset_t set;
    sigemptyset(&set);
    int all[] = { a, b, c };
    for (int i = 0; i < 3; i++) {
        if (all[i] != 0) {
            sigaddset(&set, all[i]);
        }
    }
    return set;
}

static void block(int a, int b, int c)
{
    sigset_t set = set_of(a, b, c);
    OK(sigprocmask(SIG_BLOCK, &set, NULL));
}

static void unblock(int a, int b, int c)
{
    sigset_t set = set_of(a, b, c);
    OK(sigprocmask(SIG_UNBLOCK, &set, NULL));
}

TEST(a_handler_runs_before_kill_returns)
{
    handle(SIGUSR1, on_signal, 0);
    OK(kill(getpid(), SIGUSR1));
    EQ(1, count);
    EQ(SIGUSR1, last);
}

TEST(sigaction_refusals)
{
    struct sigaction action = { .sa_handler = on_signal };
    FAILS(EINVAL, sigaction(SIGKILL, &action, NULL));
    FAILS(EINVAL, sigaction(SIGSTOP, &action, NULL));
    FAILS(EINVAL, sigaction(0, &action, NULL));
    FAILS(EINVAL, sigaction(65, &action, NULL));
    FAILS(EINVAL, syscall(SYS_rt_sigaction, SIGUSR1, NULL, NULL, 4));
    OK(sigaction(SIGKILL, NULL, &action));
    FAILS(EFAULT, syscall(SYS_rt_sigaction, SIGUSR1, (void *)8, NULL, 8));
}

TEST(sigaction_returns_the_old_action)
{
    handle(SIGUSR1, on_signal, SA_RESTART | SA_NODEFER);
    struct sigaction old;
    OK(sigaction(SIGUSR1, NULL, &old));
    CHECK(old.sa_handler == on_signal);
    EQ(SA_RESTART | SA_NODEFER, old.sa_flags & ~0x04000000);
}

TEST(kill_refusals)
{
    FAILS(EINVAL, kill(getpid(), 65));
    FAILS(EINVAL, kill(getpid(), -1));
    FAILS(ESRCH, kill(0x3ffffff, 0));
    FAILS(ESRCH, kill(INT_MIN, 0));
    OK(kill(getpid(), 0));
}

TEST(a_blocked_signal_stays_pending_once)
{
    handle(SIGUSR1, on_signal, 0);
    block(SIGUSR1, 0, 0);
    OK(kill(getpid(), SIGUSR1));
    OK(kill(getpid(), SIGUSR1));
    EQ(0, count);
    sigset_t pending;
    OK(sigpending(&pending));
    EQ(1, sigismember(&pending, SIGUSR1));
    unblock(SIGUSR1, 0, 0);
    EQ(1, count);
    OK(sigpending(&pending));
    EQ(0, sigismember(&pending, SIGUSR1));
}

TEST(real_time_signals_queue_in_order)
{
    handle_info(SIGRTMIN + 1, 0);
    block(SIGRTMIN + 1, 0, 0);
    for (int i = 0; i < 5; i++) {
        union sigval value = { .sival_int = i * 11 };
        OK(sigqueue(getpid(), SIGRTMIN + 1, value));
    }
    unblock(SIGRTMIN + 1, 0, 0);
    EQ(5, seen_count);
    for (int i = 0; i < 5; i++) {
        EQ(i * 11, seen[i].si_value.sival_int);
        EQ(SI_QUEUE, seen[i].si_code);
        EQ(getpid(), seen[i].si_pid);
        EQ(getuid(), seen[i].si_uid);
    }
}

TEST(lower_real_time_numbers_come_first)
{
    sigset_t all;
    sigfillset(&all);
    OK(sigprocmask(SIG_SETMASK, &all, NULL));
    int sent[] = { SIGRTMAX, SIGRTMIN + 3, SIGUSR2, SIGRTMIN + 5, SIGRTMIN + 3, SIGHUP };
    int expected[] = { SIGHUP, SIGUSR2, SIGRTMIN + 3, SIGRTMIN + 3, SIGRTMIN + 5, SIGRTMAX };
    for (int i = 0; i < 6; i++) {
        OK(kill(getpid(), sent[i]));
    }
    for (int i = 0; i < 6; i++) {
        EQ(expected[i], sigwaitinfo(&all, NULL));
    }
}

TEST(ignored_signals_are_dropped_even_when_blocked)
{
    handle(SIGUSR1, SIG_IGN, 0);
    block(SIGUSR1, 0, 0);
    OK(kill(getpid(), SIGUSR1));
    sigset_t pending;
    OK(sigpending(&pending));
    EQ(1, sigismember(&pending, SIGUSR1));
    unblock(SIGUSR1, 0, 0);
    handle(SIGUSR2, on_signal, 0);
    block(SIGUSR2, 0, 0);
    OK(kill(getpid(), SIGUSR2));
    handle(SIGUSR2, SIG_IGN, 0);
    OK(sigpending(&pending));
    EQ(0, sigismember(&pending, SIGUSR2));
}

TEST(default_ignored_signals_are_dropped)
{
    OK(kill(getpid(), SIGCHLD));
    OK(kill(getpid(), SIGURG));
    OK(kill(getpid(), SIGWINCH));
    OK(kill(getpid(), SIGCONT));
}

TEST(default_actions_kill)
{
    int fatal[] = { SIGHUP, SIGINT, SIGPIPE, SIGALRM, SIGTERM, SIGUSR1, SIGUSR2, SIGPROF, SIGVTALRM, SIGIO, SIGPWR,
        SIGSTKFLT, SIGRTMIN, SIGRTMAX };
    for (size_t i = 0; i < sizeof fatal / sizeof *fatal; i++) {
        KILLED(fatal[i], CHILD({ raise(fatal[i]); }));
    }
}

TEST(default_actions_that_dump_core_kill)
{
    struct rlimit none = { 0, 0 };
    OK(setrlimit(RLIMIT_CORE, &none));
    int fatal[] = { SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGXCPU, SIGXFSZ, SIGSYS };
    for (size_t i = 0; i < sizeof fatal / sizeof *fatal; i++) {
        KILLED(fatal[i], CHILD({ raise(fatal[i]); }));
    }
}

TEST(kill_cannot_be_blocked)
{
    sigset_t all, got;
    sigfillset(&all);
    OK(sigprocmask(SIG_SETMASK, &all, NULL));
    OK(sigprocmask(SIG_SETMASK, NULL, &got));
    EQ(0, sigismember(&got, SIGKILL));
    EQ(0, sigismember(&got, SIGSTOP));
    KILLED(SIGKILL, CHILD({ raise(SIGKILL); }));
    FAILS(EINVAL, sigprocmask(99, &all, NULL));
    FAILS(EINVAL, syscall(SYS_rt_sigprocmask, SIG_BLOCK, &all, NULL, 4));
    FAILS(EFAULT, syscall(SYS_rt_sigprocmask, SIG_BLOCK, (void *)8, NULL, 8));
}

static sigset_t mask_inside;

static void record_mask(int number)
{
    (void)number;
    sigprocmask(SIG_BLOCK, NULL, &mask_inside);
}

TEST(the_signal_and_sa_mask_are_blocked_in_the_handler)
{
    struct sigaction action = { .sa_handler = record_mask };
    sigaddset(&action.sa_mask, SIGUSR2);
    OK(sigaction(SIGUSR1, &action, NULL));
    raise(SIGUSR1);
    EQ(1, sigismember(&mask_inside, SIGUSR1));
    EQ(1, sigismember(&mask_inside, SIGUSR2));
    EQ(0, sigismember(&mask_inside, SIGTERM));
    sigset_t after;
    OK(sigprocmask(SIG_BLOCK, NULL, &after));
    EQ(0, sigismember(&after, SIGUSR1));
    action.sa_flags = SA_NODEFER;
    OK(sigaction(SIGUSR1, &action, NULL));
    raise(SIGUSR1);
    EQ(0, sigismember(&mask_inside, SIGUSR1));
    EQ(1, sigismember(&mask_inside, SIGUSR2));
}

TEST(resethand_restores_the_default_first)
{
    handle(SIGUSR1, on_signal, SA_RESETHAND);
    raise(SIGUSR1);
    EQ(1, count);
    struct sigaction now;
    OK(sigaction(SIGUSR1, NULL, &now));
    CHECK(now.sa_handler == SIG_DFL);
}

static volatile int depth, deepest;

static void recurse(int number)
{
    if (++depth > deepest) {
        deepest = depth;
    }
    if (depth < 5) {
        raise(number);
    }
    depth--;
}

TEST(nodefer_allows_nesting)
{
    handle(SIGUSR1, recurse, SA_NODEFER);
    raise(SIGUSR1);
    EQ(5, deepest);
}

static void nested_other(int number)
{
    order[ordered++] = number;
    if (number == SIGUSR1) {
        raise(SIGUSR2);
        order[ordered++] = -number;
    }
}

TEST(another_signal_interrupts_a_handler)
{
    handle(SIGUSR1, nested_other, 0);
    handle(SIGUSR2, nested_other, 0);
    raise(SIGUSR1);
    EQ(3, ordered);
    EQ(SIGUSR1, order[0]);
    EQ(SIGUSR2, order[1]);
    EQ(-SIGUSR1, order[2]);
}

TEST(siginfo_of_kill_and_tkill)
{
    handle_info(SIGUSR1, 0);
    OK(kill(getpid(), SIGUSR1));
    EQ(SI_USER, seen[0].si_code);
    EQ(getpid(), seen[0].si_pid);
    OK(syscall(SYS_tgkill, getpid(), gettid(), SIGUSR1));
    EQ(SI_TKILL, seen[1].si_code);
    EQ(getpid(), seen[1].si_pid);
    EQ(SIGUSR1, seen[1].si_signo);
}

TEST(rt_sigqueueinfo_may_not_forge)
{
    siginfo_t info = { .si_code = SI_USER };
    pid_t child = CHILD({ pause(); });
    FAILS(EPERM, syscall(SYS_rt_sigqueueinfo, child, SIGUSR1, &info));
    info.si_code = SI_TKILL;
    FAILS(EPERM, syscall(SYS_rt_sigqueueinfo, child, SIGUSR1, &info));
    info.si_code = SI_KERNEL;
    FAILS(EPERM, syscall(SYS_rt_sigqueueinfo, child, SIGUSR1, &info));
    info.si_code = -77;
    OK(syscall(SYS_rt_sigqueueinfo, child, SIGUSR1, &info));
    KILLED(SIGUSR1, child);
    handle_info(SIGUSR1, 0);
    info.si_code = SI_USER;
    info.si_pid = 4242;
    OK(syscall(SYS_rt_tgsigqueueinfo, getpid(), gettid(), SIGUSR1, &info));
    EQ(4242, seen[0].si_pid);
}

TEST(sigsuspend_swaps_the_mask)
{
    handle(SIGUSR1, on_signal, 0);
    block(SIGUSR1, 0, 0);
    OK(kill(getpid(), SIGUSR1));
    sigset_t none;
    sigemptyset(&none);
    FAILS(EINTR, sigsuspend(&none));
    EQ(1, count);
    sigset_t now;
    OK(sigprocmask(SIG_BLOCK, NULL, &now));
    EQ(1, sigismember(&now, SIGUSR1));
    FAILS(EINVAL, syscall(SYS_rt_sigsuspend, &none, 4));
}

TEST(sigsuspend_waits)
{
    handle(SIGUSR1, on_signal, 0);
    block(SIGUSR1, SIGUSR2, 0);
    pid_t self = getpid();
    pid_t child = CHILD({
        await_state(self, 'S');
        kill(self, SIGUSR2);
        kill(self, SIGUSR1);
    });
    sigset_t others = set_of(SIGUSR2, 0, 0);
    FAILS(EINTR, sigsuspend(&others));
    EQ(1, count);
    EQ(SIGUSR1, last);
    EXITS(0, child);
}

TEST(pause_returns_after_a_handler)
{
    handle(SIGUSR1, on_signal, SA_RESTART);
    pid_t self = getpid();
    pid_t child = CHILD({ await_state(self, 'S'); kill(self, SIGUSR1); });
    FAILS(EINTR, pause());
    EQ(1, count);
    EXITS(0, child);
}

TEST(sigtimedwait_takes_times_out_and_is_interrupted)
{
    block(SIGUSR1, SIGRTMIN, 0);
    sigset_t set = set_of(SIGUSR1, SIGRTMIN, 0);
    struct timespec short_time = { 0, 20000000 }, invalid = { 0, 1000000000 }, zero = { 0, 0 };
    int64_t start = now_ms();
    FAILS(EAGAIN, sigtimedwait(&set, NULL, &short_time));
    CHECK(now_ms() - start >= 19);
    FAILS(EAGAIN, sigtimedwait(&set, NULL, &zero));
    FAILS(EINVAL, sigtimedwait(&set, NULL, &invalid));
    union sigval value = { .sival_ptr = &set };
    OK(sigqueue(getpid(), SIGRTMIN, value));
    siginfo_t info;
    EQ(SIGRTMIN, sigtimedwait(&set, &info, &zero));
    CHECK(info.si_value.sival_ptr == &set);
    handle(SIGUSR2, on_signal, SA_RESTART);
    pid_t self = getpid();
    pid_t child = CHILD({ await_state(self, 'S'); kill(self, SIGUSR2); });
    FAILS(EINTR, sigwaitinfo(&set, NULL));
    EXITS(0, child);
}

TEST(a_waited_signal_does_not_run_its_handler)
{
    handle(SIGUSR1, on_signal, 0);
    block(SIGUSR1, 0, 0);
    sigset_t set = set_of(SIGUSR1, 0, 0);
    pid_t self = getpid();
    pid_t child = CHILD({ await_state(self, 'S'); kill(self, SIGUSR1); });
    EQ(SIGUSR1, sigwaitinfo(&set, NULL));
    EQ(0, count);
    EXITS(0, child);
}

TEST(fork_clears_pending_and_keeps_mask)
{
    block(SIGUSR1, 0, 0);
    raise(SIGUSR1);
    EXITS(0, CHILD({
        sigset_t set;
        OK(sigpending(&set));
        EQ(0, sigismember(&set, SIGUSR1));
        OK(sigprocmask(SIG_BLOCK, NULL, &set));
        EQ(1, sigismember(&set, SIGUSR1));
    }));
}

static void *mask_thread(void *unused)
{
    (void)unused;
    sigset_t got;
    sigprocmask(SIG_BLOCK, NULL, &got);
    block(SIGUSR2, 0, 0);
    return (void *)(intptr_t)sigismember(&got, SIGUSR1);
}

TEST(threads_have_masks_of_their_own)
{
    block(SIGUSR1, 0, 0);
    pthread_t thread;
    void *inherited;
    pthread_create(&thread, NULL, mask_thread, NULL);
    pthread_join(thread, &inherited);
    EQ(1, (intptr_t)inherited);
    sigset_t now;
    OK(sigprocmask(SIG_BLOCK, NULL, &now));
    EQ(0, sigismember(&now, SIGUSR2));
}

static volatile pid_t handler_tid;
static int fds[2];

static void record_tid(int number)
{
    (void)number;
    handler_tid = gettid();
}

static void *open_thread(void *tid)
{
    unblock(SIGUSR1, 0, 0);
    *(pid_t *)tid = gettid();
    send_byte(fds[1]);
    pause();
    return NULL;
}

TEST(a_process_signal_goes_to_a_thread_that_takes_it)
{
    OK(pipe(fds));
    handle(SIGUSR1, record_tid, 0);
    block(SIGUSR1, 0, 0);
    pid_t tid;
    pthread_t thread;
    pthread_create(&thread, NULL, open_thread, &tid);
    await_byte(fds[0]);
    await_state(tid, 'S');
    OK(kill(getpid(), SIGUSR1));
    pthread_join(thread, NULL);
    EQ(tid, handler_tid);
}

TEST(stop_and_continue_cancel_each_other)
{
    int fd[2];
    OK(pipe(fd));
    pid_t child = CHILD({
        handle(SIGCONT, on_signal, 0);
        block(SIGCONT, SIGTSTP, 0);
        raise(SIGTSTP);
        kill(getpid(), SIGCONT);
        sigset_t set;
        OK(sigpending(&set));
        EQ(0, sigismember(&set, SIGTSTP));
        EQ(1, sigismember(&set, SIGCONT));
        raise(SIGTSTP);
        OK(sigpending(&set));
        EQ(1, sigismember(&set, SIGTSTP));
        EQ(0, sigismember(&set, SIGCONT));
    });
    EXITS(0, child);
}

TEST(a_stopped_process_takes_signals_after_continue_but_dies_at_once)
{
    int fd[2];
    OK(pipe(fd));
    pid_t child = CHILD({
        handle(SIGUSR1, on_signal, 0);
        raise(SIGSTOP);
        EQ(1, count);
        send_byte(fd[1]);
        pause();
    });
    int status;
    EQ(child, waitpid(child, &status, WUNTRACED));
    OK(kill(child, SIGUSR1));
    await_state(child, 'T');
    OK(kill(child, SIGCONT));
    await_byte(fd[0]);
    OK(kill(child, SIGSTOP));
    EQ(child, waitpid(child, &status, WUNTRACED));
    OK(kill(child, SIGKILL));
    KILLED(SIGKILL, child);
}

TEST(pending_shows_in_proc_status)
{
    block(SIGUSR1, 0, 0);
    handle(SIGUSR2, SIG_IGN, 0);
    handle(SIGTERM, on_signal, 0);
    kill(getpid(), SIGUSR1);
    char text[8192];
    read_file("/proc/self/status", text, sizeof text);
    CHECK(strstr(text, "\nShdPnd:\t0000000000000200\n") != NULL);
    CHECK(strstr(text, "\nSigBlk:\t0000000000000200\n") != NULL);
    CHECK(strstr(text, "\nSigIgn:\t0000000000000800\n") != NULL);
    CHECK(strstr(text, "\nSigCgt:\t0000000000004000\n") != NULL);
}

TEST(kill_minus_one_spares_the_caller)
{
    OK(prctl(PR_SET_CHILD_SUBREAPER, 1));
    pid_t child = CHILD({
        OK(setresuid(34567, 34567, 34567));
        pid_t victim = CHILD({ pause(); });
        await_state(victim, 'S');
        OK(kill(-1, SIGTERM));
        KILLED(SIGTERM, victim);
    });
    EXITS(0, child);
}
