// Shared by all guest programs: named cases, checks that say where and what, and a few helpers.
// A case runs in a child of its own (a session leader, in an empty folder that is also its working directory), so that a
// crash or a hang fails that case only. See README.md.

#pragma once
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct guest_case {
    const char *name;
    void (*run)(void);
    struct guest_case *next;
};

void guest_register(struct guest_case *entry);

#define TEST(name)                                                                   \
    static void name##_run(void);                                                    \
    static struct guest_case name##_case = { #name, name##_run, NULL };              \
    __attribute__((constructor)) static void name##_register(void)                   \
    {                                                                                \
        guest_register(&name##_case);                                                \
    }                                                                                \
    static void name##_run(void)

// Ends the calling process; the first message of a case is the one that is printed.
__attribute__((noreturn, format(printf, 3, 4))) void guest_fail(const char *file, int line, const char *format, ...);
__attribute__((noreturn)) void guest_skip(const char *reason);

const char *errno_name(int value);

#define FAIL(...) guest_fail(__FILE__, __LINE__, __VA_ARGS__)
#define SKIP(reason) guest_skip(reason)

#define CHECK(condition)                                                             \
    do {                                                                             \
        if (!(condition)) {                                                          \
            int errno_ = errno;                                                      \
            FAIL("expected %s (errno %s)", #condition, errno_name(errno_));          \
        }                                                                            \
    } while (0)

#define EQ(expected, actual)                                                         \
    do {                                                                             \
        long long expected_ = (long long)(expected), actual_ = (long long)(actual);  \
        if (expected_ != actual_) {                                                  \
            FAIL("%s: expected %s = %lld (%#llx), got %lld (%#llx)", #actual,        \
                 #expected, expected_, expected_, actual_, actual_);                 \
        }                                                                            \
    } while (0)

#define STREQ(expected, actual)                                                      \
    do {                                                                             \
        const char *expected_ = (expected), *actual_ = (actual);                     \
        if (strcmp(expected_, actual_) != 0) {                                       \
            FAIL("%s: expected \"%s\", got \"%s\"", #actual, expected_, actual_);    \
        }                                                                            \
    } while (0)

// The value of an expression that must not be -1.
#define OK(expression)                                                               \
    ({                                                                               \
        __typeof__(expression) value_ = (expression);                                \
        if ((long long)(intptr_t)value_ == -1) {                                     \
            FAIL("%s: expected success, got %s", #expression, errno_name(errno));    \
        }                                                                            \
        value_;                                                                      \
    })

// An expression that must be -1 with this errno.
#define FAILS(error, expression)                                                     \
    do {                                                                             \
        errno = 0;                                                                   \
        long long value_ = (long long)(intptr_t)(expression);                        \
        int errno_ = errno;                                                          \
        if (value_ != -1) {                                                          \
            FAIL("%s: expected %s, got success (%lld)", #expression, #error, value_);\
        }                                                                            \
        if (errno_ != (error)) {                                                     \
            FAIL("%s: expected %s, got %s", #expression, #error, errno_name(errno_));\
        }                                                                            \
    } while (0)

// A child that runs the block and exits 0 unless the block exits otherwise: pid_t p = CHILD({ ... });
#define CHILD(...)                                                                   \
    ({                                                                               \
        pid_t child_ = OK(fork());                                                   \
        if (child_ == 0) {                                                           \
            __VA_ARGS__;                                                             \
            _exit(0);                                                                \
        }                                                                            \
        child_;                                                                      \
    })

// Waits for the child and checks how it ended.
#define EXITS(code, ...)                                                             \
    do {                                                                             \
        int status_ = 0;                                                             \
        pid_t pid_ = (__VA_ARGS__);                                                  \
        EQ(pid_, guest_wait(pid_, &status_));                                        \
        if (!WIFEXITED(status_) || WEXITSTATUS(status_) != (code)) {                 \
            FAIL("expected exit status %d, got wait status %#x", (code), status_);   \
        }                                                                            \
    } while (0)

#define KILLED(signal, ...)                                                          \
    do {                                                                             \
        int status_ = 0;                                                             \
        pid_t pid_ = (__VA_ARGS__);                                                  \
        EQ(pid_, guest_wait(pid_, &status_));                                        \
        if (!WIFSIGNALED(status_) || WTERMSIG(status_) != (signal)) {                \
            FAIL("expected death by %s, got wait status %#x", #signal, status_);     \
        }                                                                            \
    } while (0)

// waitpid that takes EINTR as no answer.
pid_t guest_wait(pid_t pid, int *status);

// A path for a program of this folder to execute itself again, and the helper role it plays then (see ROLE).
extern const char *guest_self;

// A role: code that runs when the program is executed as `guest_self role arguments...`; its return value is the exit status.
struct guest_role {
    const char *name;
    int (*run)(int argc, char **argv);
    struct guest_role *next;
};

void guest_register_role(struct guest_role *entry);

#define ROLE(name)                                                                   \
    static int name##_play(int argc, char **argv);                                   \
    static struct guest_role name##_role = { "role:" #name, name##_play, NULL };     \
    __attribute__((constructor)) static void name##_register(void)                   \
    {                                                                                \
        guest_register_role(&name##_role);                                           \
    }                                                                                \
    static int name##_play(__attribute__((unused)) int argc, __attribute__((unused)) char **argv)

int64_t now_ms(void);
void pause_ms(int ms);

// Waits until the thread is asleep in the kernel ('S' in /proc/PID/stat), or in another state asked for.
void await_state(pid_t pid, char state);

// One byte through a pipe: the other side's await_byte returns.
void send_byte(int fd);
void await_byte(int fd);

void write_file(const char *path, const char *text);

// Name of an extended attribute in the name space that may be used here: trusted, or user on the file system of an
// unprivileged server. The text is the caller's until the ninth call after.
const char *attribute(const char *name);
// Reads at most size - 1 bytes, ends them with NUL, returns the count.
ssize_t read_file(const char *path, char *buffer, size_t size);

static inline size_t page_size(void) { return (size_t)sysconf(_SC_PAGESIZE); }
