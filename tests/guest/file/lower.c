// Files that come from the lower layer of the root file system: what changes when they are changed.
#include "guest.h"
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/xattr.h>

// The program itself and its neighbours lie in the lower layer; each case takes one that no other case touches.
static char path[PATH_MAX];
static struct stat st, before;
static char data[8192];

static const char *lower(const char *name)
{
    snprintf(path, sizeof path, "/tests/%s", name);
    OK(stat(path, &before));
    return path;
}

static char first_byte(int fd)
{
    char byte = 0;
    EQ(1, pread(fd, &byte, 1, 0));
    return byte;
}

TEST(a_reader_sees_what_is_written_later)
{
    const char *file = lower("file/attr");
    int reader = OK(open(file, O_RDONLY));
    EQ(0x7f, first_byte(reader));
    int writer = OK(open(file, O_RDWR));
    EQ(1, pwrite(writer, "X", 1, 0));
    EQ('X', first_byte(reader));
    OK(fstat(reader, &st));
    EQ(before.st_ino, st.st_ino);
    EQ(before.st_size, st.st_size);
    OK(fstat(writer, &st));
    EQ(before.st_ino, st.st_ino);
    OK(ftruncate(writer, 10));
    OK(fstat(reader, &st));
    EQ(10, st.st_size);
}

TEST(locks_are_of_the_file_whatever_layer_it_is_in)
{
    const char *file = lower("file/copy");
    int reader = OK(open(file, O_RDONLY));
    OK(flock(reader, LOCK_EX));
    struct flock shared = { .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 10 };
    OK(fcntl(reader, F_SETLK, &shared));
    EXITS(0, CHILD({
        int writer = OK(open(file, O_RDWR));
        EQ(1, pwrite(writer, "Y", 1, 0));
        FAILS(EWOULDBLOCK, flock(writer, LOCK_EX | LOCK_NB));
        struct flock mine = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 5, .l_len = 1 };
        FAILS(EAGAIN, fcntl(writer, F_SETLK, &mine));
        OK(fcntl(writer, F_GETLK, &mine));
        EQ(F_RDLCK, mine.l_type);
        EQ(getppid(), mine.l_pid);
        struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 10 };
        FAILS(EAGAIN, fcntl(writer, F_OFD_SETLK, &whole));
    }));
}

TEST(attributes_travel_with_the_copy)
{
    const char *file = lower("file/inotify");
    struct timespec times[2] = { { 1000, 5 }, { 2000, 6 } };
    OK(utimensat(AT_FDCWD, file, times, 0));
    OK(setxattr(file, "trusted.mine", "abc", 3, 0));
    OK(chmod(file, 0640));
    OK(stat(file, &st));
    EQ(2000, st.st_mtim.tv_sec);
    EQ(6, st.st_mtim.tv_nsec);
    EQ(S_IFREG | 0640, st.st_mode);
    EQ(before.st_ino, st.st_ino);
    EQ(before.st_size, st.st_size);
    EQ(3, getxattr(file, "trusted.mine", data, sizeof data));
    FAILS(ENODATA, getxattr(file, "trusted.overlay.origin", data, sizeof data));
    OK(setxattr(file, "trusted.overlay.origin", "x", 1, XATTR_CREATE));
    EQ(1, getxattr(file, "trusted.overlay.origin", data, sizeof data));
    EQ(sizeof "trusted.mine" + sizeof "trusted.overlay.origin", listxattr(file, data, sizeof data));
    OK(removexattr(file, "trusted.overlay.origin"));
    OK(stat(file, &st));
    EQ(before.st_ino, st.st_ino);
    char *at = OK(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, OK(open(file, O_RDONLY)), 0));
    CHECK(memcmp(at, "\x7f" "ELF", 4) == 0);
}

static uint32_t next_event(int fd)
{
    struct { struct inotify_event event; char name[NAME_MAX + 1]; } got;
    CHECK(read(fd, &got, sizeof got) > 0);
    return got.event.mask;
}

TEST(a_watch_set_before_the_copy_still_tells)
{
    const char *file = lower("file/io");
    int watcher = OK(inotify_init1(IN_NONBLOCK));
    OK(inotify_add_watch(watcher, file, IN_MODIFY | IN_ATTRIB | IN_CLOSE_WRITE));
    int writer = OK(open(file, O_WRONLY));
    EQ(1, pwrite(writer, "Z", 1, 0));
    EQ(IN_MODIFY, next_event(watcher));
    OK(fchmod(writer, 0700));
    EQ(IN_ATTRIB, next_event(watcher));
    OK(close(writer));
    EQ(IN_CLOSE_WRITE, next_event(watcher));
}

TEST(names_of_the_lower_layer_go_and_come)
{
    const char *file = lower("file/lock");
    int fd = OK(open(file, O_RDONLY));
    OK(unlink(file));
    FAILS(ENOENT, stat(file, &st));
    EQ(0x7f, first_byte(fd));
    write_file(file, "new");
    EQ(3, read_file(file, data, sizeof data));
    OK(stat(file, &st));
    CHECK(st.st_ino != before.st_ino);
    OK(rename("/tests/file/open", file));
    FAILS(ENOENT, stat("/tests/file/open", &st));
    OK(link(file, "/tests/file/open"));
    OK(stat("/tests/file/open", &st));
    EQ(2, st.st_nlink);
}

TEST(directories_of_the_lower_layer_move_and_go)
{
    OK(stat("/tests/timer/timers", &before));
    if (rename("/tests/timer", "/tests/moved") == -1) {
        EQ(EXDEV, errno);
        SKIP("this overlay does not move directories of the lower layer");
    }
    FAILS(ENOENT, stat("/tests/timer", &st));
    OK(stat("/tests/moved/timers", &st));
    EQ(before.st_ino, st.st_ino);
    OK(mkdir("/tests/timer", 0755));
    FAILS(ENOENT, stat("/tests/timer/timers", &st));
    FAILS(ENOTEMPTY, rmdir("/tests/moved"));
    OK(unlink("/tests/moved/timers"));
    OK(rmdir("/tests/moved"));
    DIR *folder = opendir("/tests/timer");
    int count = 0;
    while (readdir(folder) != NULL) {
        count++;
    }
    EQ(2, count);
}

TEST(a_changed_program_runs_changed)
{
    char *args[] = { "busybox", "echo", "x", NULL };
    OK(rename("/bin/true", "/bin/really"));
    OK(symlink("busybox", "/bin/true"));
    EXITS(0, CHILD({ execl("/bin/true", "true", NULL); _exit(9); }));
    int fd = OK(open("/bin/busybox", O_WRONLY | O_APPEND));
    EQ(1, write(fd, "\n", 1));
    EXITS(26, CHILD({ execv("/bin/busybox", args); _exit(errno); }));
    OK(close(fd));
    EXITS(0, CHILD({ execl("/bin/busybox", "true", NULL); _exit(9); }));
}
