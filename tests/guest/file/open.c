// open, openat, openat2, creat, close, dup, fcntl: every flag's rule.
#include "guest.h"
#include <linux/close_range.h>
#include <linux/openat2.h>
#include <sys/file.h>

static long openat2(int folder, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve)
{
    struct open_how how = { flags, mode, resolve };
    return syscall(SYS_openat2, folder, path, &how, sizeof how);
}

TEST(the_lowest_free_descriptor_is_taken)
{
    int a = OK(open("/", O_RDONLY)), b = OK(open("/", O_RDONLY)), c = OK(open("/", O_RDONLY));
    OK(close(a));
    OK(close(b));
    EQ(a, open("/", O_RDONLY));
    EQ(b, dup(c));
    FAILS(EBADF, close(999));
    FAILS(EBADF, close(-1));
}

TEST(creation_and_exclusion)
{
    FAILS(ENOENT, open("f", O_RDWR));
    int fd = OK(open("f", O_RDWR | O_CREAT | O_EXCL, 0640));
    FAILS(EEXIST, open("f", O_RDWR | O_CREAT | O_EXCL, 0640));
    OK(close(OK(open("f", O_RDWR | O_CREAT, 0600))));
    struct stat st;
    OK(fstat(fd, &st));
    EQ(S_IFREG | 0640, st.st_mode);
    OK(symlink("missing", "link"));
    FAILS(EEXIST, open("link", O_RDWR | O_CREAT | O_EXCL, 0600));
    OK(close(OK(open("link", O_RDWR | O_CREAT, 0600))));
    OK(access("missing", F_OK));
    FAILS(EISDIR, open(".", O_RDONLY | O_CREAT, 0600));
    FAILS(EISDIR, open("new/", O_RDONLY | O_CREAT, 0600));
    FAILS(ENOENT, open("no/such", O_RDWR | O_CREAT, 0600));
}

TEST(umask_masks_the_mode)
{
    umask(027);
    OK(close(OK(open("f", O_RDWR | O_CREAT, 0777))));
    OK(mkdir("d", 0777));
    OK(mkfifo("p", 0666));
    struct stat st;
    OK(stat("f", &st));
    EQ(0750, st.st_mode & 07777);
    OK(stat("d", &st));
    EQ(0750, st.st_mode & 07777);
    OK(stat("p", &st));
    EQ(0640, st.st_mode & 07777);
    EQ(027, umask(0));
    EQ(0, umask(01777));
    EQ(0777, umask(0));
}

TEST(a_read_only_creation_mode_still_writes_through_the_creator)
{
    int fd = OK(open("f", O_RDWR | O_CREAT | O_EXCL, 0400));
    EQ(1, write(fd, "x", 1));
}

TEST(truncation)
{
    write_file("f", "contents");
    OK(close(OK(open("f", O_WRONLY | O_TRUNC))));
    struct stat st;
    OK(stat("f", &st));
    EQ(0, st.st_size);
    write_file("f", "contents");
    OK(close(OK(creat("f", 0600))));
    OK(stat("f", &st));
    EQ(0, st.st_size);
}

TEST(access_modes_are_kept_to)
{
    write_file("f", "x");
    char byte;
    int r = OK(open("f", O_RDONLY)), w = OK(open("f", O_WRONLY));
    FAILS(EBADF, write(r, "x", 1));
    FAILS(EBADF, read(w, &byte, 1));
    FAILS(EINVAL, ftruncate(r, 0));
    int neither = OK(open("f", 3));
    FAILS(EBADF, read(neither, &byte, 1));
    FAILS(EBADF, write(neither, &byte, 1));
}

TEST(directories)
{
    OK(mkdir("d", 0755));
    write_file("f", "x");
    char byte;
    int fd = OK(open("d", O_RDONLY | O_DIRECTORY));
    FAILS(EISDIR, read(fd, &byte, 1));
    FAILS(EISDIR, open("d", O_WRONLY));
    FAILS(EISDIR, open("d", O_RDWR));
    FAILS(ENOTDIR, open("f", O_RDONLY | O_DIRECTORY));
    FAILS(ENOTDIR, open("f/x", O_RDONLY));
    FAILS(ENOTDIR, open("f/", O_RDONLY));
    FAILS(EINVAL, open("new", O_RDONLY | O_DIRECTORY | O_CREAT, 0600));
}

TEST(nofollow)
{
    write_file("f", "x");
    OK(symlink("f", "link"));
    FAILS(ELOOP, open("link", O_RDONLY | O_NOFOLLOW));
    int fd = OK(open("link", O_PATH | O_NOFOLLOW));
    struct stat st;
    OK(fstat(fd, &st));
    CHECK(S_ISLNK(st.st_mode));
    char text[8] = "";
    EQ(1, readlinkat(fd, "", text, sizeof text));
    STREQ("f", text);
    OK(mkdir("d", 0755));
    OK(symlink("d", "dlink"));
    FAILS(ENOTDIR, open("dlink", O_RDONLY | O_NOFOLLOW | O_DIRECTORY));
    OK(close(OK(open("dlink/", O_RDONLY | O_NOFOLLOW))));
}

TEST(path_descriptors_do_little)
{
    write_file("f", "x");
    OK(chmod("f", 0));
    int fd = OK(open("f", O_PATH));
    char byte;
    FAILS(EBADF, read(fd, &byte, 1));
    FAILS(EBADF, write(fd, &byte, 1));
    FAILS(EBADF, fchmod(fd, 0600));
    FAILS(EBADF, fchown(fd, 0, 0));
    FAILS(EBADF, ioctl(fd, FIONREAD, &byte));
    FAILS(EBADF, lseek(fd, 0, SEEK_SET));
    FAILS(EBADF, fsync(fd));
    CHECK(mmap(NULL, 1, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED);
    EQ(EBADF, errno);
    struct stat st;
    OK(fstat(fd, &st));
    OK(fchmodat(AT_FDCWD, "f", 0600, 0));
    EQ(O_PATH, fcntl(fd, F_GETFL) & O_PATH);
    char path[64];
    sprintf(path, "/proc/self/fd/%d", fd);
    int again = OK(open(path, O_RDONLY));
    EQ(1, read(again, &byte, 1));
    OK(linkat(AT_FDCWD, path, AT_FDCWD, "linked", AT_SYMLINK_FOLLOW));
    OK(access("linked", F_OK));
}

TEST(append_always_writes_at_the_end)
{
    write_file("f", "one");
    int fd = OK(open("f", O_RDWR | O_APPEND));
    EQ(3, write(fd, "two", 3));
    EQ(0, lseek(fd, 0, SEEK_SET));
    EQ(5, write(fd, "three", 5));
    EQ(11, lseek(fd, 0, SEEK_CUR));
    EQ(1, pwrite(fd, "!", 1, 0));
    char text[32];
    read_file("f", text, sizeof text);
    STREQ("onetwothree!", text);
}

TEST(appends_of_two_processes_do_not_overlap)
{
    OK(close(OK(creat("f", 0600))));
    for (int i = 0; i < 4; i++) {
        CHILD({
            int fd = OK(open("f", O_WRONLY | O_APPEND));
            char line[100];
            memset(line, 'a' + i, 100);
            for (int j = 0; j < 100; j++) {
                EQ(100, write(fd, line, 100));
            }
        });
    }
    while (wait(NULL) > 0) {
    }
    static char text[50000];
    EQ(40000, read_file("f", text, sizeof text));
    for (int i = 0; i < 400; i++) {
        for (int j = 1; j < 100; j++) {
            EQ(text[i * 100], text[i * 100 + j]);
        }
    }
}

TEST(tmpfile_has_no_name_until_linked)
{
    int fd = OK(open(".", O_TMPFILE | O_RDWR, 0600));
    struct stat st;
    OK(fstat(fd, &st));
    EQ(0, st.st_nlink);
    EQ(S_IFREG | 0600, st.st_mode);
    EQ(2, write(fd, "hi", 2));
    char path[64], text[8];
    sprintf(path, "/proc/self/fd/%d", fd);
    OK(linkat(AT_FDCWD, path, AT_FDCWD, "named", AT_SYMLINK_FOLLOW));
    read_file("named", text, sizeof text);
    STREQ("hi", text);
    FAILS(EINVAL, open(".", O_TMPFILE | O_RDONLY, 0600));
    FAILS(ENOTDIR, open("named", O_TMPFILE | O_RDWR, 0600));
    int closed = OK(open(".", O_TMPFILE | O_RDWR | O_EXCL, 0600));
    sprintf(path, "/proc/self/fd/%d", closed);
    FAILS(ENOENT, linkat(AT_FDCWD, path, AT_FDCWD, "other", AT_SYMLINK_FOLLOW));
    int third = OK(open(".", O_TMPFILE | O_RDWR, 0600));
    OK(linkat(third, "", AT_FDCWD, "by-descriptor", AT_EMPTY_PATH));
    OK(unlink("named"));
    sprintf(path, "/proc/self/fd/%d", fd);
    FAILS(ENOENT, linkat(AT_FDCWD, path, AT_FDCWD, "again", AT_SYMLINK_FOLLOW));
}

TEST(openat_starts_at_the_folder)
{
    OK(mkdir("d", 0755));
    write_file("d/f", "x");
    write_file("g", "x");
    int folder = OK(open("d", O_RDONLY)), path = OK(open("d", O_PATH)), file = OK(open("g", O_RDONLY));
    OK(close(OK(openat(folder, "f", O_RDONLY))));
    OK(close(OK(openat(path, "f", O_RDONLY))));
    OK(close(OK(openat(folder, "../g", O_RDONLY))));
    OK(close(OK(openat(999, "/", O_RDONLY))));
    FAILS(EBADF, openat(999, "f", O_RDONLY));
    FAILS(ENOTDIR, openat(file, "f", O_RDONLY));
    OK(rename("d", "renamed"));
    OK(close(OK(openat(folder, "f", O_RDONLY))));
}

TEST(openat2_is_strict)
{
    write_file("f", "x");
    OK(close(OK(openat2(AT_FDCWD, "f", O_RDONLY, 0, 0))));
    FAILS(EINVAL, openat2(AT_FDCWD, "f", 1UL << 40, 0, 0));
    FAILS(EINVAL, openat2(AT_FDCWD, "f", O_RDONLY, 0600, 0));
    FAILS(EINVAL, openat2(AT_FDCWD, "f", O_RDONLY | O_CREAT, 0100600, 0));
    FAILS(EINVAL, openat2(AT_FDCWD, "f", O_RDONLY, 0, 0x1000));
    struct open_how how[2] = { { O_RDONLY } };
    FAILS(EINVAL, syscall(SYS_openat2, AT_FDCWD, "f", how, 8));
    OK(syscall(SYS_openat2, AT_FDCWD, "f", how, sizeof how));
    how[1].flags = 1;
    FAILS(E2BIG, syscall(SYS_openat2, AT_FDCWD, "f", how, sizeof how));
}

TEST(resolve_beneath_stays_below)
{
    OK(mkdir("d", 0755));
    OK(mkdir("d/e", 0755));
    write_file("d/f", "x");
    write_file("g", "x");
    OK(symlink("f", "d/good"));
    OK(symlink("/", "d/root"));
    OK(symlink("../g", "d/up"));
    int folder = OK(open("d", O_PATH));
    OK(close(OK(openat2(folder, "f", O_RDONLY, 0, RESOLVE_BENEATH))));
    OK(close(OK(openat2(folder, "e/../f", O_RDONLY, 0, RESOLVE_BENEATH))));
    OK(close(OK(openat2(folder, "good", O_RDONLY, 0, RESOLVE_BENEATH))));
    FAILS(EXDEV, openat2(folder, "../g", O_RDONLY, 0, RESOLVE_BENEATH));
    FAILS(EXDEV, openat2(folder, "root", O_RDONLY, 0, RESOLVE_BENEATH));
    FAILS(EXDEV, openat2(folder, "up", O_RDONLY, 0, RESOLVE_BENEATH));
    FAILS(EXDEV, openat2(folder, "/", O_RDONLY, 0, RESOLVE_BENEATH));
}

TEST(resolve_in_root_makes_the_folder_the_root)
{
    OK(mkdir("d", 0755));
    write_file("d/f", "x");
    OK(symlink("/f", "d/link"));
    int folder = OK(open("d", O_PATH));
    OK(close(OK(openat2(folder, "/f", O_RDONLY, 0, RESOLVE_IN_ROOT))));
    OK(close(OK(openat2(folder, "../../f", O_RDONLY, 0, RESOLVE_IN_ROOT))));
    OK(close(OK(openat2(folder, "link", O_RDONLY, 0, RESOLVE_IN_ROOT))));
    FAILS(EINVAL, openat2(folder, "f", O_RDONLY, 0, RESOLVE_IN_ROOT | RESOLVE_BENEATH));
}

TEST(resolve_without_links)
{
    OK(mkdir("d", 0755));
    write_file("d/f", "x");
    OK(symlink("d", "link"));
    FAILS(ELOOP, openat2(AT_FDCWD, "link/f", O_RDONLY, 0, RESOLVE_NO_SYMLINKS));
    OK(close(OK(openat2(AT_FDCWD, "d/f", O_RDONLY, 0, RESOLVE_NO_SYMLINKS))));
    OK(close(OK(openat2(AT_FDCWD, "link", O_PATH | O_NOFOLLOW, 0, RESOLVE_NO_SYMLINKS))));
    int fd = OK(open("d/f", O_RDONLY));
    char path[64];
    sprintf(path, "/proc/self/fd/%d", fd);
    FAILS(ELOOP, openat2(AT_FDCWD, path, O_RDONLY, 0, RESOLVE_NO_MAGICLINKS));
    OK(close(OK(openat2(AT_FDCWD, path, O_RDONLY, 0, 0))));
    FAILS(EXDEV, openat2(AT_FDCWD, "/proc/self/status", O_RDONLY, 0, RESOLVE_NO_XDEV));
}

TEST(dup_shares_the_description)
{
    write_file("f", "abcdef");
    int a = OK(open("f", O_RDONLY)), b = OK(dup(a)), c = OK(open("f", O_RDONLY));
    char text[4] = "";
    EQ(2, read(a, text, 2));
    EQ(2, lseek(b, 0, SEEK_CUR));
    EQ(0, lseek(c, 0, SEEK_CUR));
    OK(fcntl(a, F_SETFL, O_NONBLOCK));
    CHECK(fcntl(b, F_GETFL) & O_NONBLOCK);
    OK(fcntl(a, F_SETFD, FD_CLOEXEC));
    EQ(0, fcntl(b, F_GETFD));
}

TEST(dup2_and_dup3)
{
    int a = OK(open("/", O_RDONLY)), b = OK(open("/tmp", O_RDONLY));
    EQ(b, dup2(a, b));
    EQ(a, dup2(a, a));
    FAILS(EBADF, dup2(999, 5));
    FAILS(EBADF, dup2(a, -1));
    FAILS(EINVAL, dup3(a, a, 0));
    EQ(77, dup3(a, 77, O_CLOEXEC));
    EQ(FD_CLOEXEC, fcntl(77, F_GETFD));
    FAILS(EINVAL, dup3(a, 78, O_NONBLOCK));
    EQ(90, fcntl(a, F_DUPFD, 90));
    EQ(91, fcntl(a, F_DUPFD_CLOEXEC, 90));
    EQ(FD_CLOEXEC, fcntl(91, F_GETFD));
}

TEST(close_range_closes_and_marks)
{
    for (int i = 100; i < 110; i++) {
        OK(dup2(0, i));
    }
    OK(syscall(SYS_close_range, 102, 104, 0));
    OK(fcntl(101, F_GETFD));
    FAILS(EBADF, fcntl(103, F_GETFD));
    OK(syscall(SYS_close_range, 105, ~0U, CLOSE_RANGE_CLOEXEC));
    EQ(FD_CLOEXEC, fcntl(109, F_GETFD));
    FAILS(EINVAL, syscall(SYS_close_range, 5, 4, 0));
    FAILS(EINVAL, syscall(SYS_close_range, 5, 6, 0x100));
}

TEST(status_flags)
{
    int fd = OK(open("f", O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    EQ(O_RDWR | O_APPEND | 0100000, fcntl(fd, F_GETFL));
    OK(fcntl(fd, F_SETFL, O_NONBLOCK | O_WRONLY | O_CREAT));
    EQ(O_RDWR | O_NONBLOCK | 0100000, fcntl(fd, F_GETFL));
    FAILS(EINVAL, fcntl(fd, 9999, 0));
    FAILS(EBADF, fcntl(999, F_GETFL));
}

TEST(noatime_is_for_the_owner)
{
    write_file("f", "x");
    OK(chmod("f", 0666));
    OK(chmod(".", 0777));
    OK(setresuid(1000, 1000, 1000));
    FAILS(EPERM, open("f", O_RDONLY | O_NOATIME));
    write_file("mine", "x");
    OK(close(OK(open("mine", O_RDONLY | O_NOATIME))));
}

TEST(memory_devices_keep_their_access_time)
{
    static const char *const devices[] = { "/dev/zero", "/dev/full", "/dev/null", "/dev/urandom" };
    for (int i = 0; i < 4; i++) {
        char byte;
        struct stat before, after;
        OK(stat(devices[i], &before));
        int fd = OK(open(devices[i], O_RDONLY));
        OK(read(fd, &byte, 1));
        OK(pread(fd, &byte, 1, 0));
        OK(stat(devices[i], &after));
        EQ(before.st_atim.tv_sec, after.st_atim.tv_sec);
        EQ(before.st_atim.tv_nsec, after.st_atim.tv_nsec);
    }
}

TEST(opening_devices)
{
    char data[16];
    memset(data, 1, sizeof data);
    int fd = OK(open("/dev/zero", O_RDWR));
    EQ(16, read(fd, data, 16));
    EQ(0, data[15]);
    EQ(16, write(fd, data, 16));
    fd = OK(open("/dev/null", O_RDWR));
    EQ(0, read(fd, data, 16));
    EQ(16, write(fd, data, 16));
    fd = OK(open("/dev/full", O_RDWR));
    EQ(16, read(fd, data, 16));
    FAILS(ENOSPC, write(fd, data, 16));
    fd = OK(open("/dev/urandom", O_RDONLY));
    EQ(16, read(fd, data, 16));
    struct stat st;
    OK(stat("/dev/null", &st));
    EQ(S_IFCHR | 0666, st.st_mode);
    EQ(0x103, st.st_rdev);
}

TEST(missing_devices_and_sockets)
{
    OK(mknod("/var/chr", S_IFCHR | 0600, 0xfff00));
    FAILS(ENXIO, open("/var/chr", O_RDONLY));
    OK(unlink("/var/chr"));
    int fd = OK(socket(AF_UNIX, SOCK_STREAM, 0));
    struct sockaddr_un name = { AF_UNIX, "socket" };
    OK(bind(fd, (struct sockaddr *)&name, sizeof name));
    FAILS(ENXIO, open("socket", O_RDWR));
    OK(close(OK(open("socket", O_PATH))));
}

TEST(long_names)
{
    char name[300], path[5000];
    memset(name, 'a', 299);
    name[256] = 0;
    FAILS(ENAMETOOLONG, open(name, O_CREAT | O_RDWR, 0600));
    name[255] = 0;
    OK(close(OK(open(name, O_CREAT | O_RDWR, 0600))));
    memset(path, '/', sizeof path);
    path[4096] = 0;
    FAILS(ENAMETOOLONG, open(path, O_RDONLY));
    path[4095] = 0;
    OK(close(OK(open(path, O_RDONLY))));
    FAILS(ENOENT, open("", O_RDONLY));
    FAILS(EFAULT, open((char *)8, O_RDONLY));
}

TEST(proc_fd_shows_what_is_open)
{
    write_file("f", "x");
    char cwd[PATH_MAX], path[64], target[PATH_MAX], expected[PATH_MAX + 20];
    CHECK(getcwd(cwd, sizeof cwd) != NULL);
    int fd = OK(open("f", O_RDONLY));
    sprintf(path, "/proc/self/fd/%d", fd);
    ssize_t length = OK(readlink(path, target, sizeof target - 1));
    target[length] = 0;
    sprintf(expected, "%s/f", cwd);
    STREQ(expected, target);
    OK(unlink("f"));
    length = OK(readlink(path, target, sizeof target - 1));
    target[length] = 0;
    sprintf(expected, "%s/f (deleted)", cwd);
    STREQ(expected, target);
    sprintf(path, "/proc/self/fdinfo/%d", fd);
    char text[500];
    read_file(path, text, sizeof text);
    CHECK(strstr(text, "pos:\t0\nflags:\t0100000\n") != NULL);
}
