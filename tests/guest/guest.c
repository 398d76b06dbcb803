#include "guest.h"

#include <ftw.h>
#include <stdarg.h>
#include <sys/xattr.h>

#define MESSAGE_BYTES 1000
#define DEFAULT_CASE_SECONDS 60

// One page shared with every process of a case: the first failure or skip writes its message.
struct report {
    int claimed;
    int skipped;
    char message[MESSAGE_BYTES];
};

static struct guest_case *cases, **last_case = &cases;
static struct guest_role *roles;
static struct report *report;
const char *guest_self;

void guest_register(struct guest_case *entry)
{
    *last_case = entry;
    last_case = &entry->next;
}

void guest_register_role(struct guest_role *entry)
{
    entry->next = roles;
    roles = entry;
}

static bool claim(void)
{
    return report != NULL && __atomic_exchange_n(&report->claimed, 1, __ATOMIC_SEQ_CST) == 0;
}

void guest_fail(const char *file, int line, const char *format, ...)
{
    if (report == NULL) {
        dprintf(2, "%s:%d: a check failed in a role\n", file, line);
    } else if (claim()) {
        int length = snprintf(report->message, MESSAGE_BYTES, "%s:%d: ", file, line);
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(report->message + length, MESSAGE_BYTES - length, format, arguments);
        va_end(arguments);
    }
    _exit(1);
}

void guest_skip(const char *reason)
{
    if (claim()) {
        report->skipped = 1;
        snprintf(report->message, MESSAGE_BYTES, "%s", reason);
    }
    _exit(0);
}

pid_t guest_wait(pid_t pid, int *status)
{
    pid_t result;
    do {
        result = waitpid(pid, status, 0);
    } while (result == -1 && errno == EINTR);
    return result;
}

const char *errno_name(int value)
{
    const char *name = strerrorname_np(value);
    return name == NULL ? "?" : name;
}

int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

void pause_ms(int ms)
{
    struct timespec time = { ms / 1000, ms % 1000 * 1000000L };
    while (nanosleep(&time, &time) == -1 && errno == EINTR) {
    }
}

void await_state(pid_t pid, char state)
{
    char path[64], text[512];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    char seen = '?';
    for (int64_t end = now_ms() + 10000; now_ms() < end; pause_ms(2)) {
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t length = fd == -1 ? -1 : read(fd, text, sizeof text - 1);
        close(fd);
        if (length <= 0) {
            continue;
        }
        text[length] = 0;
        char *end_of_name = strrchr(text, ')');
        seen = end_of_name == NULL ? '?' : end_of_name[2];
        if (seen == state) {
            return;
        }
    }
    FAIL("process %d: expected state %c, still %c after 10 s", pid, state, seen);
}

void send_byte(int fd)
{
    EQ(1, write(fd, "x", 1));
}

void await_byte(int fd)
{
    char byte;
    ssize_t count;
    do {
        count = read(fd, &byte, 1);
    } while (count == -1 && errno == EINTR);
    EQ(1, count);
}

void write_file(const char *path, const char *text)
{
    int fd = OK(open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    EQ(strlen(text), write(fd, text, strlen(text)));
    OK(close(fd));
}

const char *attribute(const char *name)
{
    static char texts[8][64];
    static unsigned used;
    static const char *space;
    if (space == NULL) {
        bool trusted = setxattr(".", "trusted.probe", "", 0, 0) == 0 && removexattr(".", "trusted.probe") == 0;
        space = trusted ? "trusted" : "user";
    }
    char *text = texts[used++ % 8];
    snprintf(text, sizeof texts[0], "%s.%s", space, name);
    return text;
}

ssize_t read_file(const char *path, char *buffer, size_t size)
{
    int fd = OK(open(path, O_RDONLY | O_CLOEXEC));
    size_t done = 0;
    while (done < size - 1) {
        ssize_t count = OK(read(fd, buffer + done, size - 1 - done));
        if (count == 0) {
            break;
        }
        done += count;
    }
    buffer[done] = 0;
    OK(close(fd));
    return done;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *walk)
{
    (void)st;
    (void)type;
    (void)walk;
    remove(path);
    return 0;
}

static void run_child(struct guest_case *entry, const char *folder)
{
    setsid();
    umask(022);
    if (chdir(folder) != 0) {
        FAIL("chdir to the case's folder: %s", errno_name(errno));
    }
    entry->run();
    exit(0);
}

// $GUEST_CASE_SECONDS: how long a case may take, for machines that are slow.
static int case_seconds(void)
{
    const char *given = getenv("GUEST_CASE_SECONDS");
    return given == NULL ? DEFAULT_CASE_SECONDS : atoi(given);
}

// Waits by polling: what the cases test is not relied on here. Answers false after the time limit.
static bool await_child(pid_t child, int *status)
{
    int64_t end = now_ms() + case_seconds() * 1000;
    for (int wait_ms = 1;; wait_ms = wait_ms < 10 ? wait_ms + 1 : wait_ms) {
        // As process 1 of its world the runner also reaps whatever the cases leave behind.
        pid_t got;
        while ((got = waitpid(-1, status, WNOHANG)) > 0) {
            if (got == child) {
                return true;
            }
        }
        if (now_ms() > end) {
            kill(child, SIGKILL);
            waitpid(child, status, 0);
            return false;
        }
        pause_ms(wait_ms);
    }
}

static bool run_case(struct guest_case *entry)
{
    memset(report, 0, sizeof *report);
    // $GUEST_TOP: where the folders are made, /tmp unless it says another.
    const char *top = getenv("GUEST_TOP");
    char folder[64];
    snprintf(folder, sizeof folder, "%s/guest.XXXXXX", top == NULL ? "/tmp" : top);
    if (mkdtemp(folder) == NULL) {
        printf("FAIL %s: mkdtemp: %s\n", entry->name, errno_name(errno));
        return false;
    }
    chmod(folder, 0755);
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        run_child(entry, folder);
    }
    bool ended = child != -1 && await_child(child, &status);
    kill(-child, SIGKILL);
    nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    if (child == -1) {
        printf("FAIL %s: fork: %s\n", entry->name, errno_name(errno));
    } else if (report->claimed && !report->skipped) {
        printf("FAIL %s: %s\n", entry->name, report->message);
    } else if (!ended) {
        printf("FAIL %s: still running after %d s\n", entry->name, case_seconds());
    } else if (WIFSIGNALED(status)) {
        printf("FAIL %s: killed by SIG%s\n", entry->name, sigabbrev_np(WTERMSIG(status)));
    } else if (WEXITSTATUS(status) != 0) {
        printf("FAIL %s: exit status %d\n", entry->name, WEXITSTATUS(status));
    } else if (report->skipped) {
        printf("skip %s: %s\n", entry->name, report->message);
        return true;
    } else {
        printf("ok %s\n", entry->name);
        return true;
    }
    return false;
}

static bool selected(struct guest_case *entry, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(entry->name, argv[i]) == 0) {
            return true;
        }
    }
    return argc == 1;
}

int main(int argc, char **argv)
{
    static char self[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    guest_self = length > 0 ? self : argv[0];
    for (struct guest_role *role = roles; role != NULL && argc > 1; role = role->next) {
        if (strcmp(role->name, argv[1]) == 0) {
            return role->run(argc - 2, argv + 2);
        }
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    report = mmap(NULL, sizeof *report, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (report == MAP_FAILED) {
        printf("FAIL setup: mmap: %s\n", errno_name(errno));
        return 1;
    }
    int failed = 0, chosen = 0;
    for (struct guest_case *entry = cases; entry != NULL; entry = entry->next) {
        if (argc == 2 && strcmp(argv[1], "--list") == 0) {
            puts(entry->name);
            chosen++;
        } else if (selected(entry, argc, argv)) {
            failed += !run_case(entry);
            chosen++;
        }
        fflush(stdout);
    }
    return failed > 0 || chosen == 0;
}
