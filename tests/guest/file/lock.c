// POSIX record locks, open-file-description locks, flock, leases.
#include "guest.h"
#include <sys/file.h>

static struct flock range(short type, off_t start, off_t length)
{
    return (struct flock){ .l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = length };
}

static int set(int fd, int command, short type, off_t start, off_t length)
{
    struct flock lock = range(type, start, length);
    return fcntl(fd, command, &lock);
}

static int file(void) { return OK(open("f", O_RDWR | O_CREAT, 0600)); }

TEST(readers_share_and_writers_exclude)
{
    int fd = file();
    OK(set(fd, F_SETLK, F_RDLCK, 0, 10));
    EXITS(0, CHILD({
        OK(set(fd, F_SETLK, F_RDLCK, 0, 10));
        FAILS(EAGAIN, set(fd, F_SETLK, F_WRLCK, 5, 1));
        OK(set(fd, F_SETLK, F_WRLCK, 10, 1));
    }));
    OK(set(fd, F_SETLK, F_WRLCK, 0, 10));
    EXITS(0, CHILD({ FAILS(EAGAIN, set(fd, F_SETLK, F_RDLCK, 9, 5)); }));
}

TEST(locks_split_and_merge)
{
    int fd = file();
    OK(set(fd, F_SETLK, F_WRLCK, 0, 100));
    OK(set(fd, F_SETLK, F_UNLCK, 40, 20));
    EXITS(0, CHILD({
        OK(set(fd, F_SETLK, F_WRLCK, 40, 20));
        FAILS(EAGAIN, set(fd, F_SETLK, F_WRLCK, 39, 1));
        FAILS(EAGAIN, set(fd, F_SETLK, F_WRLCK, 60, 1));
        struct flock probe = range(F_WRLCK, 50, 20);
        OK(fcntl(fd, F_GETLK, &probe));
        EQ(F_WRLCK, probe.l_type);
        EQ(60, probe.l_start);
        EQ(40, probe.l_len);
        EQ(getppid(), probe.l_pid);
    }));
    OK(set(fd, F_SETLK, F_WRLCK, 40, 20));
    EXITS(0, CHILD({
        struct flock probe = range(F_RDLCK, 50, 1);
        OK(fcntl(fd, F_GETLK, &probe));
        EQ(0, probe.l_start);
        EQ(100, probe.l_len);
    }));
}

TEST(getlk_says_unlocked_when_free)
{
    int fd = file();
    OK(set(fd, F_SETLK, F_WRLCK, 0, 10));
    struct flock probe = range(F_WRLCK, 0, 10);
    OK(fcntl(fd, F_GETLK, &probe));
    EQ(F_UNLCK, probe.l_type);
    probe = range(F_UNLCK, 0, 10);
    FAILS(EINVAL, fcntl(fd, F_GETLK, &probe));
}

TEST(whence_and_negative_lengths)
{
    int fd = file();
    OK(ftruncate(fd, 100));
    EQ(50, lseek(fd, 50, SEEK_SET));
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_CUR, .l_start = 10, .l_len = -20 };
    OK(fcntl(fd, F_SETLK, &lock));
    lock = (struct flock){ .l_type = F_WRLCK, .l_whence = SEEK_END, .l_start = -5, .l_len = 0 };
    OK(fcntl(fd, F_SETLK, &lock));
    EXITS(0, CHILD({
        struct flock probe = range(F_WRLCK, 0, 0);
        OK(fcntl(fd, F_GETLK, &probe));
        EQ(40, probe.l_start);
        EQ(20, probe.l_len);
        probe = range(F_WRLCK, 70, 0);
        OK(fcntl(fd, F_GETLK, &probe));
        EQ(95, probe.l_start);
        EQ(0, probe.l_len);
    }));
    FAILS(EINVAL, set(fd, F_SETLK, F_WRLCK, -1, 5));
    FAILS(EINVAL, set(fd, F_SETLK, F_WRLCK, 5, -6));
    FAILS(EINVAL, set(fd, F_SETLK, 77, 0, 1));
}

TEST(lock_types_need_matching_access)
{
    write_file("f", "x");
    int r = OK(open("f", O_RDONLY)), w = OK(open("f", O_WRONLY));
    FAILS(EBADF, set(r, F_SETLK, F_WRLCK, 0, 1));
    FAILS(EBADF, set(w, F_SETLK, F_RDLCK, 0, 1));
    FAILS(EBADF, set(999, F_SETLK, F_RDLCK, 0, 1));
}

TEST(any_close_drops_the_process_locks)
{
    int fd = file(), other = file();
    OK(set(fd, F_SETLK, F_WRLCK, 0, 0));
    OK(close(other));
    EXITS(0, CHILD({ OK(set(fd, F_SETLK, F_WRLCK, 0, 0)); }));
}

TEST(locks_are_not_inherited_and_end_with_the_process)
{
    int fd = file();
    EXITS(0, CHILD({ OK(set(fd, F_SETLK, F_WRLCK, 0, 0)); }));
    OK(set(fd, F_SETLK, F_WRLCK, 0, 0));
    EXITS(0, CHILD({ FAILS(EAGAIN, set(fd, F_SETLK, F_RDLCK, 0, 0)); OK(set(fd, F_SETLK, F_UNLCK, 0, 0)); }));
    EXITS(0, CHILD({ FAILS(EAGAIN, set(fd, F_SETLK, F_RDLCK, 0, 0)); }));
}

ROLE(locked)
{
    struct flock probe = range(F_WRLCK, 0, 0);
    pid_t child = fork();
    if (child == 0) {
        fcntl(atoi(argv[0]), F_GETLK, &probe);
        _exit(probe.l_type == F_WRLCK && probe.l_pid == getppid() ? 0 : 1);
    }
    int status;
    waitpid(child, &status, 0);
    return WEXITSTATUS(status);
}

TEST(locks_survive_exec)
{
    int fd = file();
    pid_t child = CHILD({
        OK(set(fd, F_SETLK, F_WRLCK, 0, 0));
        char text[8];
        sprintf(text, "%d", fd);
        execl(guest_self, "x", "role:locked", text, NULL);
    });
    EXITS(0, child);
}

TEST(waiting_for_a_lock)
{
    int fd = file();
    OK(set(fd, F_SETLK, F_WRLCK, 0, 10));
    pid_t child = CHILD({ OK(set(fd, F_SETLKW, F_WRLCK, 5, 10)); });
    await_state(child, 'S');
    OK(set(fd, F_SETLK, F_UNLCK, 0, 6));
    EQ(0, waitpid(child, NULL, WNOHANG));
    OK(set(fd, F_SETLK, F_UNLCK, 6, 4));
    EXITS(0, child);
}

TEST(deadlocks_are_found)
{
    int fd = file(), ready[2];
    OK(pipe(ready));
    OK(set(fd, F_SETLK, F_WRLCK, 0, 1));
    pid_t child = CHILD({
        OK(set(fd, F_SETLK, F_WRLCK, 1, 1));
        send_byte(ready[1]);
        OK(set(fd, F_SETLKW, F_WRLCK, 0, 1));
    });
    await_byte(ready[0]);
    await_state(child, 'S');
    FAILS(EDEADLK, set(fd, F_SETLKW, F_WRLCK, 1, 1));
    OK(set(fd, F_SETLK, F_UNLCK, 0, 1));
    EXITS(0, child);
}

TEST(description_locks_belong_to_the_description)
{
    int a = file(), b = file(), c = OK(dup(a));
    OK(set(a, F_OFD_SETLK, F_WRLCK, 0, 10));
    FAILS(EAGAIN, set(b, F_OFD_SETLK, F_WRLCK, 0, 10));
    FAILS(EAGAIN, set(b, F_SETLK, F_WRLCK, 0, 10));
    OK(set(c, F_OFD_SETLK, F_RDLCK, 0, 10));
    EXITS(0, CHILD({ OK(set(a, F_OFD_SETLK, F_WRLCK, 0, 10)); }));
    struct flock probe = range(F_WRLCK, 0, 10);
    OK(fcntl(b, F_OFD_GETLK, &probe));
    EQ(-1, probe.l_pid);
    EQ(F_WRLCK, probe.l_type);
    OK(close(a));
    FAILS(EAGAIN, set(b, F_OFD_SETLK, F_WRLCK, 0, 10));
    OK(close(c));
    OK(set(b, F_OFD_SETLK, F_WRLCK, 0, 10));
    probe = range(F_WRLCK, 0, 10);
    probe.l_pid = 5;
    FAILS(EINVAL, fcntl(b, F_OFD_SETLK, &probe));
}

TEST(waiting_for_a_description_lock)
{
    int a = file();
    OK(set(a, F_OFD_SETLK, F_WRLCK, 0, 0));
    pid_t child = CHILD({ int b = file(); OK(set(b, F_OFD_SETLKW, F_RDLCK, 0, 0)); });
    await_state(child, 'S');
    OK(set(a, F_OFD_SETLK, F_UNLCK, 0, 0));
    EXITS(0, child);
}

TEST(flock_locks_the_description)
{
    int a = file(), b = file();
    OK(flock(a, LOCK_SH));
    OK(flock(b, LOCK_SH | LOCK_NB));
    FAILS(EWOULDBLOCK, flock(a, LOCK_EX | LOCK_NB));
    OK(flock(b, LOCK_UN));
    OK(flock(a, LOCK_EX | LOCK_NB));
    FAILS(EWOULDBLOCK, flock(b, LOCK_SH | LOCK_NB));
    EXITS(0, CHILD({ OK(flock(a, LOCK_EX | LOCK_NB)); }));
    FAILS(EINVAL, flock(a, 0));
    FAILS(EBADF, flock(999, LOCK_SH));
    int copy = OK(dup(a));
    OK(close(a));
    FAILS(EWOULDBLOCK, flock(b, LOCK_SH | LOCK_NB));
    OK(close(copy));
    OK(flock(b, LOCK_EX | LOCK_NB));
    OK(flock(OK(open(".", O_RDONLY)), LOCK_EX | LOCK_NB));
}

TEST(flock_and_record_locks_do_not_meet)
{
    int fd = file();
    OK(flock(fd, LOCK_EX));
    EXITS(0, CHILD({ int other = file(); OK(set(other, F_SETLK, F_WRLCK, 0, 0)); }));
}

TEST(waiting_for_flock)
{
    int fd = file();
    OK(flock(fd, LOCK_EX));
    pid_t child = CHILD({ int other = file(); OK(flock(other, LOCK_SH)); });
    await_state(child, 'S');
    OK(flock(fd, LOCK_UN));
    EXITS(0, child);
}

TEST(proc_locks_lists_them)
{
    int fd = file();
    OK(set(fd, F_SETLK, F_WRLCK, 3, 4));
    char text[8192], expected[64];
    read_file("/proc/locks", text, sizeof text);
    sprintf(expected, "POSIX  ADVISORY  WRITE %d ", getpid());
    char *line = strstr(text, expected);
    CHECK(line != NULL);
    char *end = strchr(line, '\n');
    *end = 0;
    CHECK(strstr(line, " 3 6") != NULL);
}

TEST(mandatory_flock_is_ignored)
{
    OK(flock(file(), LOCK_MAND | LOCK_READ));
    OK(flock(-1, LOCK_MAND));
}
