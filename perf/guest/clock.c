// A command so many times one after the other, its output thrown away, and a line "elapsed-us N" for each, by the monotonic clock,
// which nobody sets. The first that fails ends it, with the command's status. It may be the first process of a name space: what is
// left to it is reaped.
// usage: clock COUNT [--cold PATH]... COMMAND...
//        clock COUNT [--cold PATH]... --life BUNDLE ID RUNTIME...   a container's life in four steps, as engines drive it
//        clock COUNT [--cold PATH]... --process COMMAND...          what there is of the same natively
// The last two print a line "step-us STEP N" for each step: "create", "start" and "delete" are these commands of the runtime,
// "first-output" ends with the first byte that the command prints, "whole" with the last step; both begin where "create" does.
// Before each time, the pages of a PATH, or of the files below it if it is a folder, leave the page cache (posix_fadvise(2)). A file
// named itself must really leave it: one that somebody else runs does not, and the figure would be none of a cold start.
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MOST_WORDS = 64 };

extern char **environ;

static int nowhere; // /dev/null

static long long now(void)
{
    struct timespec time;
    if (clock_gettime(CLOCK_MONOTONIC, &time) != 0)
        err(126, "clock_gettime");
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static int status_of(pid_t child)
{
    int status;
    pid_t pid;
    while ((pid = wait(&status)) != child)
        if (pid < 0 && errno != EINTR)
            err(126, "wait");
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static pid_t begin(char **command, int output)
{
    pid_t child;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, output, 1);
    int error = posix_spawnp(&child, command[0], &actions, NULL, command, environ);
    if (error != 0) {
        errno = error;
        err(127, "%s", command[0]);
    }
    posix_spawn_file_actions_destroy(&actions);
    return child;
}

static int run(char **command) { return status_of(begin(command, nowhere)); }

// The runtime with its flags, and what it is to do.
static pid_t begin_step(char **runtime, char *const words[], int output)
{
    char *command[MOST_WORDS + 8];
    int count = 0;
    for (; runtime[count] != NULL; count++)
        command[count] = runtime[count];
    for (int i = 0; i == 0 || words[i - 1] != NULL; i++)
        command[count + i] = words[i];
    return begin(command, output);
}

static int handle_of(pid_t process)
{
    int handle = (int)syscall(SYS_pidfd_open, process, 0);
    if (handle < 0 && errno != ESRCH)
        err(126, "pidfd_open");
    return handle;
}

// Until a process has ended, a zombie too, whatever is printed meanwhile; gives when that was. `*output` becomes the time of the
// first byte, if it is not known yet.
static long long await_end(int handle, int *pipe, long long *output)
{
    char text[4096];
    for (;;) {
        struct pollfd events[] = {{.fd = handle, .events = POLLIN}, {.fd = *pipe, .events = POLLIN}};
        if (poll(events, 2, -1) < 0 && errno != EINTR)
            err(126, "poll");
        long long time = now();
        if (events[1].revents != 0) {
            if (read(*pipe, text, sizeof text) <= 0) {
                close(*pipe);
                *pipe = -1;
            } else if (*output == 0) {
                *output = time;
            }
        }
        if (events[0].revents != 0)
            return time;
    }
}

// What was printed before the end may still be in the pipe.
static void await_output(int *pipe, long long *output)
{
    char byte;
    if (*output == 0) {
        ssize_t length = *pipe < 0 ? 0 : read(*pipe, &byte, 1);
        *output = now();
        if (length <= 0)
            errx(126, "it ended without any output");
    }
}

static int pid_in(const char *file)
{
    FILE *stream = fopen(file, "r");
    int pid;
    if (stream == NULL || fscanf(stream, "%d", &pid) != 1)
        err(126, "%s", file);
    fclose(stream);
    return pid;
}

static void tell(const char *step, long long from, long long to)
{
    printf("step-us %s %lld\n", step, (to - from) / 1000);
}

static int live(char *bundle, char *id, char **runtime)
{
    char file[4096];
    int ends[2];
    long long output = 0;
    if (snprintf(file, sizeof file, "%s.pid", bundle) >= (int)sizeof file)
        errx(126, "%s: too long", bundle);
    if (pipe2(ends, O_CLOEXEC) != 0)
        err(126, "pipe2");
    long long start = now();
    int status = status_of(
        begin_step(runtime, (char *[]){"create", "--bundle", bundle, "--pid-file", file, id, NULL}, ends[1]));
    long long created = now();
    close(ends[1]);
    if (status != 0)
        return status;
    pid_t starter = begin_step(runtime, (char *[]){"start", id, NULL}, nowhere);
    int handle = handle_of(starter);
    long long started = await_end(handle, &ends[0], &output);
    close(handle);
    status = status_of(starter);
    if (status != 0) {
        status_of(begin_step(runtime, (char *[]){"delete", "--force", id, NULL}, nowhere));
        return status;
    }
    handle = handle_of(pid_in(file));
    if (handle >= 0) {
        await_end(handle, &ends[0], &output);
        close(handle);
    }
    await_output(&ends[0], &output);
    long long ended = now();
    status = status_of(begin_step(runtime, (char *[]){"delete", id, NULL}, nowhere));
    long long deleted = now();
    if (ends[0] >= 0)
        close(ends[0]);
    if (status != 0)
        return status;
    tell("create", start, created);
    tell("start", created, started);
    tell("first-output", start, output);
    tell("delete", ended, deleted);
    tell("whole", start, deleted);
    return 0;
}

static int live_natively(char **command)
{
    int ends[2];
    long long output = 0;
    if (pipe2(ends, O_CLOEXEC) != 0)
        err(126, "pipe2");
    long long start = now();
    pid_t child = begin(command, ends[1]);
    close(ends[1]);
    int handle = handle_of(child);
    long long ended = await_end(handle, &ends[0], &output);
    close(handle);
    int status = status_of(child);
    if (status != 0)
        return status;
    await_output(&ends[0], &output);
    if (ends[0] >= 0)
        close(ends[0]);
    tell("first-output", start, output);
    tell("whole", start, ended);
    return 0;
}

// What cannot be opened, or is mapped or not yet written, stays.
static int forget(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)place;
    int file = kind == FTW_F && S_ISREG(status->st_mode) && status->st_size > 0
        ? open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC) : -1;
    if (file >= 0) {
        posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
        close(file);
    }
    return 0;
}

// Pages of a file in the page cache (mincore(2)).
static size_t resident(int file, size_t length, const char *path)
{
    size_t pages = (length + 4095) / 4096, count = 0;
    unsigned char *present = malloc(pages);
    void *memory = mmap(NULL, length, PROT_READ, MAP_SHARED, file, 0);
    if (present == NULL || memory == MAP_FAILED || mincore(memory, length, present) != 0)
        err(126, "%s: mincore", path);
    for (size_t i = 0; i < pages; i++)
        count += present[i] & 1;
    munmap(memory, length);
    free(present);
    return count;
}

// A process that has just ended may hold pages for a moment longer.
static void make_cold(const char *path)
{
    enum { TRIES = 200, MOST_PART = 20, WAIT_US = 10000 };
    struct stat status;
    if (stat(path, &status) != 0)
        err(126, "%s", path);
    if (S_ISDIR(status.st_mode)) {
        // The folder may be a link, below it none is followed.
        char *folder = realpath(path, NULL);
        if (folder == NULL || nftw(folder, forget, 64, FTW_PHYS | FTW_MOUNT) != 0)
            err(126, "%s", path);
        free(folder);
        return;
    }
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0 || (fdatasync(file) != 0 && errno != EROFS && errno != EINVAL))
        err(126, "%s", path);
    size_t most = (size_t)status.st_size / 4096 / MOST_PART;
    for (int try = 1; ; try++) {
        posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
        size_t left = resident(file, (size_t)status.st_size, path);
        if (left <= most)
            break;
        if (try == TRIES)
            errx(126, "%s: %zu pages of it stay in memory: somebody else runs it", path, left);
        usleep(WAIT_US);
    }
    close(file);
}

int main(int argc, char **argv)
{
    long count = argc > 2 ? strtol(argv[1], NULL, 10) : 0;
    char **words = argv + 2;
    while (count > 0 && words[0] != NULL && strcmp(words[0], "--cold") == 0 && words[1] != NULL)
        words += 2;
    int rest = argc - (int)(words - argv);
    int is_life = rest > 0 && strcmp(words[0], "--life") == 0;
    int is_process = rest > 0 && strcmp(words[0], "--process") == 0;
    if (count <= 0 || rest <= 0 || (is_life && (rest < 4 || rest > MOST_WORDS)) || (is_process && rest < 2))
        errx(126, "usage: clock COUNT [--cold PATH]... COMMAND... | --life BUNDLE ID RUNTIME... | --process COMMAND...");
    nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (nowhere < 0)
        err(126, "/dev/null");
    for (long i = 0; i < count; i++) {
        for (char **cold = argv + 2; cold < words; cold += 2)
            make_cold(cold[1]);
        long long start = now();
        int status = is_life ? live(words[1], words[2], words + 3) : is_process ? live_natively(words + 1) : run(words);
        long long end = now();
        if (status != 0)
            return status;
        if (!is_life && !is_process)
            printf("elapsed-us %lld\n", (end - start) / 1000);
        fflush(stdout);
    }
    return 0;
}
