// More of everything than anybody needs: where Linux says no, and that all is well afterwards.
#include "guest.h"

#include <mqueue.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/timerfd.h>

static void limit(int resource, rlim_t soft)
{
    struct rlimit value;
    OK(getrlimit(resource, &value));
    value.rlim_cur = soft;
    if (value.rlim_max < soft) {
        value.rlim_max = soft;
    }
    OK(setrlimit(resource, &value));
}

static long sysctl(const char *path)
{
    char text[64];
    CHECK(read_file(path, text, sizeof text) > 0);
    return atol(text);
}

static long count_lines(const char *path)
{
    FILE *file = fopen(path, "r");
    CHECK(file != NULL);
    long lines = 0;
    for (int c = getc(file); c != EOF; c = getc(file)) {
        lines += c == '\n';
    }
    fclose(file);
    return lines;
}

TEST(mappings_of_one_process)
{
    long most = sysctl("/proc/sys/vm/max_map_count");
    CHECK(most >= 1000 && most <= 1000000);
    // Neighbours of other protection do not merge.
    size_t pages = (size_t)most + 1000;
    char *area = mmap(NULL, pages * page_size(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(area != MAP_FAILED);
    size_t at = 1;
    while (at < pages && mprotect(area + at * page_size(), page_size(), PROT_READ) == 0) {
        at += 2;
    }
    EQ(ENOMEM, errno);
    long made = count_lines("/proc/self/maps");
    CHECK(made >= most - 2 && made <= most + 2);
    // Neither a new one (after one more, which is a fluke of the comparison) nor a split, but an end that needs no split.
    void *extra = MAP_FAILED, *new = mmap(NULL, page_size(), PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < 3 && new != MAP_FAILED; i++) {
        extra = new;
        new = mmap(NULL, page_size(), PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    }
    CHECK(new == MAP_FAILED && errno == ENOMEM);
    CHECK(extra == MAP_FAILED || munmap(extra, page_size()) == 0);
    FAILS(ENOMEM, munmap(area + (at + 10) * page_size(), page_size()));
    OK(munmap(area, pages * page_size()));
    char *again = mmap(NULL, page_size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(again != MAP_FAILED);
    again[0] = 1;
}

static char thread_stack[1 << 18] __attribute__((aligned(4096)));
static void *return_it(void *argument) { return argument; }

// As above, of memory that is in use: what stands behind it may run out of mappings too, at another number.
TEST(mappings_of_memory_in_use)
{
    enum { STEP = 64 };
    size_t pages = (size_t)sysctl("/proc/sys/vm/max_map_count") + 1000, size = page_size();
    char *area = mmap(NULL, pages * size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(area != MAP_FAILED);
    free(malloc(10000));
    for (size_t i = 0; i < pages; i += STEP) {
        area[i * size] = (char)(i / STEP);
    }
    size_t at = 1;
    while (at < pages && mprotect(area + at * size, size, PROT_READ) == 0) {
        at += 2;
    }
    EQ(ENOMEM, errno);
    // At the limit a thread whose stack is there already can be made.
    pthread_t thread;
    pthread_attr_t attributes;
    EQ(0, pthread_attr_init(&attributes));
    EQ(0, pthread_attr_setstack(&attributes, thread_stack, sizeof thread_stack));
    void *result = NULL;
    EQ(0, pthread_create(&thread, &attributes, return_it, area));
    EQ(0, pthread_join(thread, &result));
    CHECK(result == area);
    for (size_t i = 0; i < pages; i += STEP) {
        EQ((char)(i / STEP), area[i * size]);
    }
    OK(munmap(area, size));
    area[2 * size] = 7;
    EQ(7, area[2 * size]);
    OK(munmap(area, pages * size));
}

TEST(pipes_until_no_descriptor_is_left)
{
    limit(RLIMIT_NOFILE, 4000);
    int count = 0, fds[2], last[2] = { -1, -1 };
    while (pipe(fds) == 0) {
        last[0] = fds[0];
        last[1] = fds[1];
        count++;
    }
    EQ(EMFILE, errno);
    CHECK(count > 1900);
    EQ(1, write(last[1], "x", 1));
    char byte;
    EQ(1, read(last[0], &byte, 1));
    OK(close_range(3, ~0U, 0));
    OK(pipe(fds));
}

TEST(timers_count_as_pending_signals)
{
    limit(RLIMIT_SIGPENDING, 40);
    OK(setresuid(43210, 43210, 43210));
    timer_t timer;
    struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
    int count = 0;
    while (count < 100 && timer_create(CLOCK_MONOTONIC, &event, &timer) == 0) {
        count++;
    }
    EQ(EAGAIN, errno);
    EQ(40, count);
    OK(timer_delete(timer));
    OK(timer_create(CLOCK_MONOTONIC, &event, &timer));
}

TEST(ten_thousand_timers)
{
    limit(RLIMIT_SIGPENDING, 20000);
    timer_t last = 0;
    struct sigevent event = { .sigev_notify = SIGEV_NONE };
    struct itimerspec far = { { 0, 0 }, { 1000, 0 } };
    for (int i = 0; i < 10000; i++) {
        OK(timer_create(CLOCK_MONOTONIC, &event, &last));
        OK(timer_settime(last, 0, &far, NULL));
    }
    OK(timer_gettime(last, &far));
    CHECK(far.it_value.tv_sec > 900);
}

TEST(queued_signals_of_a_user)
{
    limit(RLIMIT_SIGPENDING, 50);
    OK(setresuid(43211, 43211, 43211));
    sigset_t set;
    sigfillset(&set);
    OK(sigprocmask(SIG_BLOCK, &set, NULL));
    union sigval value = { 7 };
    int count = 0;
    while (count < 100 && sigqueue(getpid(), SIGRTMIN, value) == 0) {
        count++;
    }
    EQ(EAGAIN, errno);
    EQ(50, count);
    // kill(2) of a signal that is not real-time always gets through.
    OK(kill(getpid(), SIGUSR1));
    siginfo_t info;
    for (int i = 0; i < 51; i++) {
        OK(sigwaitinfo(&set, &info));
    }
    OK(sigqueue(getpid(), SIGRTMIN, value));
}

TEST(record_locks)
{
    int fd = OK(open("file", O_RDWR | O_CREAT, 0600));
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1 };
    for (int i = 0; i < 3000; i++) {
        lock.l_start = i * 2;
        OK(fcntl(fd, F_SETLK, &lock));
    }
    EXITS(0, CHILD({
        lock.l_start = 2999 * 2;
        FAILS(EAGAIN, fcntl(fd, F_SETLK, &lock));
        lock.l_start = 2999 * 2 + 1;
        OK(fcntl(fd, F_SETLK, &lock));
    }));
    lock.l_type = F_UNLCK;
    lock.l_start = 0;
    lock.l_len = 0;
    OK(fcntl(fd, F_SETLK, &lock));
}

TEST(inotify_instances_and_watches)
{
    limit(RLIMIT_NOFILE, 20000);
    long most = sysctl("/proc/sys/fs/inotify/max_user_instances");
    CHECK(most >= 16 && most <= 10000);
    OK(setresuid(43212, 43212, 43212));
    int count = 0;
    while (count < most + 10 && inotify_init1(0) >= 0) {
        count++;
    }
    EQ(EMFILE, errno);
    EQ(most, count);
}

TEST(two_thousand_inotify_watches)
{
    int fd = OK(inotify_init1(IN_NONBLOCK));
    char name[32];
    int last = -1;
    for (int i = 0; i < 2000; i++) {
        snprintf(name, sizeof name, "file-%d", i);
        close(OK(open(name, O_CREAT | O_WRONLY, 0600)));
        last = OK(inotify_add_watch(fd, name, IN_ATTRIB));
    }
    OK(chmod(name, 0640));
    char buffer[4096];
    CHECK(read(fd, buffer, sizeof buffer) > 0);
    EQ(last, ((struct inotify_event *)buffer)->wd);
    OK(inotify_rm_watch(fd, last));
}

static void send_descriptor(int over, int fd)
{
    union { struct cmsghdr header; char room[CMSG_SPACE(sizeof(int))]; } control;
    struct iovec piece = { "x", 1 };
    struct msghdr message = { .msg_iov = &piece, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control };
    control.header = (struct cmsghdr) { CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS };
    memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
    errno = 0;
    if (sendmsg(over, &message, MSG_DONTWAIT) == -1 && errno != ETOOMANYREFS && errno != EAGAIN) {
        FAIL("sendmsg: %s", errno_name(errno));
    }
}

TEST(descriptors_in_flight_are_counted)
{
    limit(RLIMIT_NOFILE, 64);
    OK(setresuid(43213, 43213, 43213));
    int pair[2];
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    int sent = 0;
    do {
        send_descriptor(pair[0], pair[1]);
    } while (errno == 0 && ++sent < 1000);
    EQ(ETOOMANYREFS, errno);
    CHECK(sent >= 60 && sent <= 80);
}

TEST(cycles_of_descriptors_in_flight_go_away)
{
    // Far more than may be open or in flight at once: without a collector the limit would be met.
    limit(RLIMIT_NOFILE, 100);
    OK(setresuid(43214, 43214, 43214));
    for (int i = 0; i < 2000; i++) {
        int pair[2];
        OK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
        send_descriptor(pair[0], pair[1]);
        CHECK(errno == 0 || errno == ETOOMANYREFS);
        send_descriptor(pair[1], pair[0]);
        close(pair[0]);
        close(pair[1]);
    }
    int pair[2];
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    for (int i = 0; i < 500; i++) {
        send_descriptor(pair[0], pair[1]);
        if (errno == 0) {
            return;
        }
        pause_ms(10);
    }
    FAIL("sockets in cycles still count as in flight");
}

TEST(a_deep_tree)
{
    int depth = 0;
    while (depth < 3000) {
        OK(mkdir("a-directory", 0700));
        OK(chdir("a-directory"));
        depth++;
    }
    char path[PATH_MAX];
    FAILS(ENAMETOOLONG, syscall(SYS_getcwd, path, sizeof path));
    FAILS(ENAMETOOLONG, syscall(SYS_getcwd, malloc(1 << 17), 1 << 17));
    struct stat status;
    OK(stat(".", &status));
    while (depth > 0) {
        OK(chdir(".."));
        OK(rmdir("a-directory"));
        depth--;
    }
}

TEST(path_lengths)
{
    char path[PATH_MAX + 1];
    memset(path, '/', sizeof path);
    path[PATH_MAX - 1] = 0;
    OK(access(path, F_OK));
    path[PATH_MAX - 1] = '/';
    path[PATH_MAX] = 0;
    FAILS(ENAMETOOLONG, access(path, F_OK));
    memset(path, 'n', sizeof path);
    path[255] = 0;
    close(OK(open(path, O_CREAT | O_WRONLY, 0600)));
    path[255] = 'n';
    path[256] = 0;
    FAILS(ENAMETOOLONG, open(path, O_CREAT | O_WRONLY, 0600));
    FAILS(ENAMETOOLONG, mkdir(path, 0700));
    path[255] = 0;
    OK(unlink(path));
}

ROLE(count_arguments) { (void)argv; return argc > 100 ? 42 : 1; }

TEST(argument_lists)
{
    // One string may have 32 pages with its end (MAX_ARG_STRLEN).
    size_t most = 32 * page_size();
    char *long_one = malloc(most + 1);
    memset(long_one, 'x', most);
    long_one[most] = 0;
    EXITS(0, CHILD({ execl(guest_self, "x", "role:count_arguments", long_one, NULL); EQ(E2BIG, errno); }));
    long_one[most - 1] = 0;
    EXITS(1, CHILD({ execl(guest_self, "x", "role:count_arguments", long_one, NULL); _exit(3); }));
    // All together a quarter of the stack's limit.
    static char *many[3000];
    long_one[1000] = 0;
    many[0] = "x";
    many[1] = "role:count_arguments";
    for (int i = 2; i < 2999; i++) {
        many[i] = long_one;
    }
    limit(RLIMIT_STACK, 8 << 20);
    EXITS(0, CHILD({ execv(guest_self, many); EQ(E2BIG, errno); }));
    many[1500] = NULL;
    EXITS(42, CHILD({ execv(guest_self, many); _exit(3); }));
}

TEST(queues_of_a_user)
{
    limit(RLIMIT_MSGQUEUE, 100000);
    OK(setresuid(43215, 43215, 43215));
    struct mq_attr attributes = { .mq_maxmsg = 10, .mq_msgsize = 8192 };
    int first = OK(syscall(SYS_mq_open, "exhaust-1", O_RDWR | O_CREAT, 0600, &attributes));
    FAILS(EMFILE, syscall(SYS_mq_open, "exhaust-2", O_RDWR | O_CREAT, 0600, &attributes));
    OK(syscall(SYS_mq_unlink, "exhaust-1"));
    close(first);
    OK(syscall(SYS_mq_open, "exhaust-2", O_RDWR | O_CREAT, 0600, &attributes));
    OK(syscall(SYS_mq_unlink, "exhaust-2"));
}

TEST(real_time_priorities)
{
    struct rlimit most = { 7, 7 };
    if (setrlimit(RLIMIT_RTPRIO, &most) == -1) {
        EQ(EPERM, errno);
        SKIP("the hard limit is lower and may not be raised");
    }
    OK(setresuid(43216, 43216, 43216));
    struct sched_param wanted = { 8 };
    FAILS(EPERM, sched_setscheduler(0, SCHED_FIFO, &wanted));
    wanted.sched_priority = 7;
    OK(sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &wanted));
}

TEST(real_time_without_a_pause)
{
    struct rlimit time = { 200000, RLIM_INFINITY };
    OK(setrlimit(RLIMIT_RTTIME, &time));
    KILLED(SIGXCPU, CHILD({
        struct sched_param wanted = { 1 };
        OK(sched_setscheduler(0, SCHED_FIFO, &wanted));
        int64_t end = now_ms() + 20000;
        while (now_ms() < end) {
        }
    }));
}

TEST(zombies_that_nobody_reaps)
{
    for (int i = 0; i < 300; i++) {
        await_state(CHILD({}), 'Z');
    }
    pid_t last = CHILD({ _exit(9); });
    EXITS(9, last);
    // Automatic reaping leaves the old ones.
    signal(SIGCHLD, SIG_IGN);
    pid_t ignored = CHILD({});
    pid_t seen;
    int count = 0;
    while ((seen = wait(NULL)) > 0) {
        CHECK(seen != ignored);
        count++;
    }
    EQ(ECHILD, errno);
    EQ(300, count);
}

TEST(no_core_is_left)
{
    limit(RLIMIT_CORE, 0);
    int status;
    pid_t child = CHILD({ abort(); });
    EQ(child, waitpid(child, &status, 0));
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT && !WCOREDUMP(status));
}

TEST(symbolic_links_to_themselves)
{
    OK(symlink("b", "a"));
    OK(symlink("a", "b"));
    FAILS(ELOOP, open("a", O_RDONLY));
    OK(symlink("c/d", "c"));
    FAILS(ELOOP, open("c", O_RDONLY));
}

TEST(epoll_sets_in_sets)
{
    // A chain of six is refused, and so is a circle; five thousand descriptors in one set are not.
    int inner = OK(epoll_create1(0)), set = inner, refused = 0;
    struct epoll_event event = { .events = EPOLLIN };
    for (int i = 0; i < 10 && !refused; i++) {
        int outer = OK(epoll_create1(0));
        refused = epoll_ctl(outer, EPOLL_CTL_ADD, set, &event) == -1;
        set = outer;
    }
    CHECK(refused);
    EQ(ELOOP, errno);
    limit(RLIMIT_NOFILE, 6000);
    int wide = OK(epoll_create1(0));
    int last = -1;
    for (int i = 0; i < 5000; i++) {
        last = OK(eventfd(0, EFD_NONBLOCK));
        OK(epoll_ctl(wide, EPOLL_CTL_ADD, last, &event));
    }
    OK(eventfd_write(last, 1));
    EQ(1, epoll_wait(wide, &event, 1, 0));
}

TEST(a_long_chain_of_descriptors_in_flight)
{
    // Each socket lives only in the queue of the next: the end of the last one is the end of all.
    int held = -1;
    for (int i = 0; i < 20000; i++) {
        int pair[2];
        OK(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
        if (held >= 0) {
            send_descriptor(pair[0], held);
            if (errno == ETOOMANYREFS) {
                close(pair[0]);
                close(pair[1]);
                break;
            }
            EQ(0, errno);
            close(held);
        }
        close(pair[0]);
        held = pair[1];
    }
    close(held);
    int pair[2];
    OK(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
    send_descriptor(pair[0], pair[1]);
}

TEST(a_deep_tree_goes_with_its_mount)
{
    OK(unshare(CLONE_NEWNS));
    OK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
    OK(mkdir("t", 0700));
    OK(mount("none", "t", "tmpfs", 0, "nr_inodes=60000"));
    int top = OK(open(".", O_RDONLY));
    OK(chdir("t"));
    for (int i = 0; i < 50000; i++) {
        OK(mkdir("d", 0700));
        OK(chdir("d"));
    }
    struct stat status;
    OK(stat("..", &status));
    OK(fchdir(top));
    OK(umount2("t", MNT_DETACH));
    OK(mount("none", "t", "tmpfs", 0, NULL));
}
