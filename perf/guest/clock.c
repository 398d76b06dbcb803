// A command so many times one after the other, its output thrown away, and a line "elapsed-us N" for each, by the monotonic clock,
// which nobody sets. The first that fails ends it, with the command's status. It may be the first process of a name space: what is
// left to it is reaped.
// usage: clock COUNT COMMAND...
//        clock COUNT --life BUNDLE ID RUNTIME...     a container's life in four steps, as engines drive it
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MOST_WORDS = 64 };

extern char **environ;

static posix_spawn_file_actions_t quietly;

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

static int run(char **command)
{
    pid_t child;
    int error = posix_spawnp(&child, command[0], &quietly, NULL, command, environ);
    if (error != 0) {
        errno = error;
        err(127, "%s", command[0]);
    }
    return status_of(child);
}

// The runtime with its flags, and what it is to do.
static int step(char **runtime, char *const words[])
{
    char *command[MOST_WORDS + 8];
    int count = 0;
    for (; runtime[count] != NULL; count++)
        command[count] = runtime[count];
    for (int i = 0; i == 0 || words[i - 1] != NULL; i++)
        command[count + i] = words[i];
    return run(command);
}

// Until the process whose id is in the file has ended; a zombie has.
static void await_end(const char *file)
{
    FILE *stream = fopen(file, "r");
    int pid;
    if (stream == NULL || fscanf(stream, "%d", &pid) != 1)
        err(126, "%s", file);
    fclose(stream);
    struct pollfd process = {.fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN};
    if (process.fd < 0 && errno == ESRCH)
        return;
    if (process.fd < 0)
        err(126, "pidfd_open");
    while (poll(&process, 1, -1) < 0)
        if (errno != EINTR)
            err(126, "poll");
    close(process.fd);
}

static int live(char *bundle, char *id, char **runtime)
{
    char file[4096];
    if (snprintf(file, sizeof file, "%s.pid", bundle) >= (int)sizeof file)
        errx(126, "%s: too long", bundle);
    int status = step(runtime, (char *[]){"create", "--bundle", bundle, "--pid-file", file, id, NULL});
    if (status != 0)
        return status;
    status = step(runtime, (char *[]){"start", id, NULL});
    if (status == 0)
        await_end(file);
    int deleted = step(runtime, (char *[]){"delete", status == 0 ? id : "--force", status == 0 ? NULL : id, NULL});
    return status != 0 ? status : deleted;
}

int main(int argc, char **argv)
{
    long count = argc > 2 ? strtol(argv[1], NULL, 10) : 0;
    int is_life = argc > 2 && strcmp(argv[2], "--life") == 0;
    if (count <= 0 || (is_life && (argc < 6 || argc > MOST_WORDS)))
        errx(126, "usage: clock COUNT COMMAND... | COUNT --life BUNDLE ID RUNTIME...");
    posix_spawn_file_actions_init(&quietly);
    posix_spawn_file_actions_addopen(&quietly, 1, "/dev/null", O_WRONLY, 0);
    for (long i = 0; i < count; i++) {
        long long start = now();
        int status = is_life ? live(argv[3], argv[4], argv + 5) : run(argv + 2);
        long long end = now();
        if (status != 0)
            return status;
        printf("elapsed-us %lld\n", (end - start) / 1000);
        fflush(stdout);
    }
    return 0;
}
