// Makes the kernel keep one kind of thing until it refuses or ends the maker; twice, and what the first round made is
// taken away in between. keep KIND [MOST]; the runner looks at the Sentry's memory meanwhile.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

static const char *top = "/tmp";
static char path[8192], other[4096], block[65536];
static long most = 3000000;
static pid_t first_process;

// Shared with the makers, which may be ended at any time.
static struct { long made; int error; } *kept;

// Names stay short of one directory's growth being all that is measured.
static void name(char *out, const char *what, long i)
{
    sprintf(out, "%s/keep/%ld/%s%ld", top, i / 10000, what, i % 10000);
    if (i % 10000 == 0) {
        char parent[4096];
        sprintf(parent, "%s/keep/%ld", top, i / 10000);
        mkdir(parent, 0700);
    }
}

static int file(long i)
{
    name(path, "f", i);
    int fd = open(path, O_CREAT | O_WRONLY | O_EXCL, 0600);
    return fd == -1 ? -1 : close(fd);
}

static int hard_link(long i)
{
    sprintf(other, "%s/keep/one", top);
    if (i == 0) {
        close(open(other, O_CREAT | O_WRONLY, 0600));
    }
    name(path, "h", i);
    return link(other, path);
}

static int soft_link(long i)
{
    name(path, "s", i);
    return symlink("somewhere/else", path);
}

static int long_link(long i)
{
    memset(other, 'x', 4000);
    other[4000] = 0;
    name(path, "l", i);
    return symlink(other, path);
}

static int long_name(long i)
{
    memset(other, 'y', 200);
    other[200] = 0;
    name(path, other, i);
    int fd = open(path, O_CREAT | O_WRONLY | O_EXCL, 0600);
    return fd == -1 ? -1 : close(fd);
}

static int directory(long i)
{
    name(path, "d", i);
    return mkdir(path, 0700);
}

static int deep(long i)
{
    if (i == 0) {
        sprintf(path, "%s/keep", top);
        if (chdir(path) != 0) {
            return -1;
        }
    }
    return mkdir("d", 0700) == 0 ? chdir("d") : -1;
}

static int attribute(long i)
{
    name(path, "x", i);
    int fd = open(path, O_CREAT | O_WRONLY | O_EXCL, 0600);
    if (fd == -1 || close(fd) != 0) {
        return -1;
    }
    return setxattr(path, "user.one", block, 1000, 0);
}

static int small_file(long i)
{
    name(path, "t", i);
    int fd = open(path, O_CREAT | O_WRONLY | O_EXCL, 0600);
    if (fd == -1 || write(fd, block, 100) != 100) {
        return -1;
    }
    return close(fd);
}

// Mappings that cannot be joined; one process may have so many, so there are many processes.
static int mapping(long i)
{
    if (i != 0 && i % 20000 == 0) {
        pid_t child = fork();
        if (child != 0) {
            pause();
        }
    }
    return mmap(NULL, 4096, i % 2 ? PROT_READ : PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 : 0;
}

static int pipe_bytes(long i)
{
    int fds[2];
    (void)i;
    return pipe2(fds, O_NONBLOCK) == 0 && write(fds[1], block, sizeof block) == sizeof block ? 0 : -1;
}

static int socket_bytes(long i)
{
    int fds[2];
    (void)i;
    return socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == 0 && write(fds[1], block, sizeof block) > 0 ? 0 : -1;
}

static int datagram(long i)
{
    static int fds[2];
    if (i % 100 == 0 && socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, fds) != 0) {
        return -1;
    }
    return send(fds[1], block, 10, 0) == 10 ? 0 : -1;
}

static int message(long i)
{
    static int queue;
    static struct { long type; char text[1000]; } text = { 1, "" };
    if (i % 16 == 0 && (queue = msgget(IPC_PRIVATE, 0600)) == -1) {
        return -1;
    }
    return msgsnd(queue, &text, sizeof text.text, IPC_NOWAIT);
}

static int queue_message(long i)
{
    static mqd_t queue;
    if (i % 10 == 0) {
        struct mq_attr attributes = { .mq_maxmsg = 10, .mq_msgsize = 8192 };
        sprintf(path, "/keep%ld", i);
        queue = mq_open(path, O_CREAT | O_RDWR | O_NONBLOCK, 0600, &attributes);
        mq_unlink(path);
    }
    return mq_send(queue, block, 8192, 0);
}

static int semaphores(long i)
{
    (void)i;
    return semget(IPC_PRIVATE, 250, 0600) == -1 ? -1 : 0;
}

static int record_lock(long i)
{
    static int fd;
    if (i == 0) {
        sprintf(path, "%s/keep/locked", top);
        fd = open(path, O_RDWR | O_CREAT, 0600);
    }
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = i * 2, .l_len = 1 };
    return fcntl(fd, F_SETLK, &lock);
}

static int watch(long i)
{
    static int fd;
    if (i % 1000 == 0) {
        fd = inotify_init1(IN_NONBLOCK);
    }
    sprintf(path, "%s/keep/w%ld", top, i % 1000);
    if (i < 1000) {
        close(open(path, O_CREAT | O_WRONLY, 0600));
    }
    return inotify_add_watch(fd, path, IN_ALL_EVENTS) == -1 ? -1 : 0;
}

static int notice(long i)
{
    static int fd, file_fd;
    if (i % 10000 == 0) {
        sprintf(path, "%s/keep/noticed", top);
        fd = inotify_init1(IN_NONBLOCK);
        file_fd = open(path, O_CREAT | O_RDWR, 0600);
        inotify_add_watch(fd, path, IN_MODIFY | IN_ACCESS);
    }
    return fd == -1 || file_fd == -1 ? -1 : i % 2 ? (int)pread(file_fd, other, 1, 0) - 1 : (int)pwrite(file_fd, "x", 1, 0) - 1;
}

static int epoll_entry(long i)
{
    static int fds[1000], set;
    if (i == 0) {
        for (int n = 0; n < 1000; n++) {
            fds[n] = eventfd(0, 0);
        }
    }
    if (i % 1000 == 0) {
        set = epoll_create1(0);
    }
    struct epoll_event event = { .events = EPOLLIN };
    return epoll_ctl(set, EPOLL_CTL_ADD, fds[i % 1000], &event);
}

static int pending_signal(long i)
{
    if (i == 0) {
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, SIGRTMIN);
        sigprocmask(SIG_BLOCK, &set, NULL);
    }
    return sigqueue(getpid(), SIGRTMIN, (union sigval) { .sival_int = (int)i });
}

static int timer(long i)
{
    timer_t made;
    struct sigevent event = { .sigev_notify = SIGEV_NONE };
    (void)i;
    return timer_create(CLOCK_MONOTONIC, &event, &made);
}

static int description(long i)
{
    (void)i;
    return open("/dev/null", O_RDONLY) == -1 ? -1 : 0;
}

static int event_counter(long i)
{
    (void)i;
    return eventfd(0, 0) == -1 ? -1 : 0;
}

static int process(long i)
{
    (void)i;
    pid_t child = fork();
    if (child == 0) {
        for (;;) {
            pause();
        }
    }
    return child == -1 ? -1 : 0;
}

// In a cached name of something that is not there.
static int missing(long i)
{
    struct stat info;
    memset(other, 'z', 200);
    other[200] = 0;
    sprintf(path, "/usr/%.200s%ld", other, i);
    return stat(path, &info) == -1 && errno == ENOENT ? 0 : -1;
}

static const struct { const char *name; int (*one)(long); } kinds[] = {
    { "files", file }, { "hard-links", hard_link }, { "links", soft_link }, { "long-links", long_link },
    { "long-names", long_name }, { "directories", directory }, { "deep", deep }, { "attributes", attribute },
    { "small-files", small_file }, { "mappings", mapping }, { "pipes", pipe_bytes }, { "sockets", socket_bytes },
    { "datagrams", datagram }, { "messages", message }, { "mqueue", queue_message }, { "semaphores", semaphores },
    { "locks", record_lock }, { "watches", watch }, { "notices", notice }, { "epoll", epoll_entry },
    { "signals", pending_signal }, { "timers", timer }, { "descriptions", description }, { "events", event_counter },
    { "processes", process }, { "missing", missing },
};

static void make(int (*one)(long))
{
    struct rlimit files = { 900000, 900000 }, signals = { RLIM_INFINITY, RLIM_INFINITY };
    int fd = open("/proc/self/oom_score_adj", O_WRONLY);
    if (write(fd, "1000", 4) != 4 || setpgid(0, 0) != 0) {
        _exit(2);
    }
    close(fd);
    setrlimit(RLIMIT_NOFILE, &files);
    setrlimit(RLIMIT_SIGPENDING, &signals);
    for (long i = 0; i < most; i++) {
        if (one(i) != 0) {
            kept->error = errno;
            break;
        }
        kept->made = i + 1;
    }
}

// All that the kind left in the file system and in the IPC namespace.
static void take_away(void)
{
    sprintf(path, "rm -rf %s/keep", top);
    if (system(path) != 0) {
        puts("rm failed");
    }
    for (int pass = 0; pass < 2; pass++) {
        struct msginfo info;
        struct seminfo sets;
        struct msqid_ds queue;
        struct semid_ds set;
        int last = msgctl(0, MSG_INFO, (struct msqid_ds *)&info);
        for (int i = 0; i <= last; i++) {
            int id = msgctl(i, MSG_STAT, &queue);
            if (id != -1) {
                msgctl(id, IPC_RMID, NULL);
            }
        }
        last = semctl(0, 0, SEM_INFO, &sets);
        for (int i = 0; i <= last; i++) {
            int id = semctl(i, 0, SEM_STAT, &set);
            if (id != -1) {
                semctl(id, 0, IPC_RMID);
            }
        }
    }
}

static long slab(void)
{
    char line[128];
    long kib = -1;
    FILE *meminfo = fopen("/proc/meminfo", "r");
    while (fgets(line, sizeof line, meminfo) != NULL) {
        sscanf(line, "Slab: %ld", &kib);
    }
    fclose(meminfo);
    return kib;
}

static long round_of(int (*one)(long))
{
    int status;
    kept->made = 0;
    kept->error = 0;
    sprintf(path, "%s/keep", top);
    mkdir(path, 0700);
    pid_t child = fork();
    if (child == 0) {
        make(one);
        kill(first_process, SIGUSR1);
        for (;;) {
            pause();
        }
    }
    // Ended by the kernel, or done and waiting with all that it has.
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGCHLD);
    int got;
    sigwait(&set, &got);
    fprintf(stderr, "%ld made, slab %ld KiB, %s\n", kept->made, slab(),
        kept->error != 0 ? strerror(kept->error) : kept->made < most ? "ended" : "all");
    fflush(stderr);
    // Long enough for whoever looks at the Sentry from outside.
    sleep(1);
    kill(-child, SIGKILL);
    while (waitpid(-1, &status, 0) > 0) {
    }
    take_away();
    struct timespec none = { 0, 0 };
    while (sigtimedwait(&set, NULL, &none) > 0) {
    }
    return kept->made;
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    first_process = getpid();
    top = getenv("GUEST_TOP") != NULL ? getenv("GUEST_TOP") : top;
    most = argc > 2 ? atol(argv[2]) : most;
    kept = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (argc > 1 && strcmp(argv[1], kinds[i].name) == 0) {
            long first = round_of(kinds[i].one), second = round_of(kinds[i].one);
            printf("%s, %s the second time\n", first > 500 ? "many" : "few", second > first / 2 ? "as many" : "fewer");
            puts("alive");
            return 0;
        }
    }
    return 2;
}
