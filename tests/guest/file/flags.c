// Flags of files (ioctl_iflags(2)): kept, guarded, and what they forbid.
#include "guest.h"
#include <linux/fs.h>
#include <sys/xattr.h>

static unsigned flags_of(const char *path)
{
    unsigned flags = 0;
    int fd = OK(open(path, O_RDONLY));
    OK(ioctl(fd, FS_IOC_GETFLAGS, &flags));
    OK(close(fd));
    return flags;
}

static int set(const char *path, unsigned flags)
{
    int fd = OK(open(path, O_RDONLY));
    int result = ioctl(fd, FS_IOC_SETFLAGS, &flags);
    int error = errno;
    OK(close(fd));
    errno = error;
    return result;
}

// Of one user, who may not set the guarded flags, when the test is not run by a privileged one.
static void need_guarded(const char *path)
{
    if (set(path, FS_IMMUTABLE_FL) == -1 && errno == EPERM) {
        SKIP("CAP_LINUX_IMMUTABLE is missing");
    }
}

static void make(const char *path) { OK(close(OK(open(path, O_RDWR | O_CREAT, 0644)))); }

TEST(flags_are_kept)
{
    make("f");
    OK(mkdir("d", 0755));
    unsigned before = flags_of("f");
    OK(set("f", before | FS_NODUMP_FL | FS_NOATIME_FL));
    EQ(before | FS_NODUMP_FL | FS_NOATIME_FL, flags_of("f"));
    OK(set("d", FS_NODUMP_FL | flags_of("d")));
    CHECK(flags_of("d") & FS_NODUMP_FL);
    struct statx info;
    OK(statx(AT_FDCWD, "f", 0, STATX_MODE, &info));
    CHECK(info.stx_attributes_mask & STATX_ATTR_NODUMP);
    CHECK(info.stx_attributes & STATX_ATTR_NODUMP);
    CHECK(!(info.stx_attributes & STATX_ATTR_IMMUTABLE));
    OK(set("f", before));
    EQ(before, flags_of("f"));
}

TEST(files_without_flags_say_so)
{
    unsigned flags = 0;
    int fds[2];
    OK(pipe(fds));
    FAILS(ENOTTY, ioctl(fds[0], FS_IOC_GETFLAGS, &flags));
    FAILS(ENOTTY, ioctl(OK(open("/dev/null", O_RDWR)), FS_IOC_GETFLAGS, &flags));
    FAILS(ENOTTY, ioctl(OK(open("/proc/self/status", O_RDONLY)), FS_IOC_SETFLAGS, &flags));
    make("f");
    FAILS(EFAULT, ioctl(OK(open("f", O_RDONLY)), FS_IOC_SETFLAGS, (void *)1));
    FAILS(EOPNOTSUPP, set("f", 0x40000000));
}

TEST(who_may_set_flags)
{
    make("mine");
    make("others");
    OK(chown("mine", 1000, 1000));
    OK(chmod(".", 0777));
    EXITS(0, CHILD({
        OK(setresuid(1000, 1000, 1000));
        FAILS(EPERM, set("others", FS_NODUMP_FL));
        FAILS(EPERM, set("mine", FS_IMMUTABLE_FL));
        FAILS(EPERM, set("mine", FS_APPEND_FL));
        OK(set("mine", FS_NODUMP_FL | flags_of("mine")));
    }));
}

TEST(an_immutable_file_stays_as_it_is)
{
    make("f");
    int fd = OK(open("f", O_RDWR));
    need_guarded("f");
    FAILS(EPERM, open("f", O_RDWR));
    FAILS(EPERM, open("f", O_WRONLY | O_APPEND));
    FAILS(EPERM, truncate("f", 0));
    FAILS(EPERM, unlink("f"));
    FAILS(EPERM, rename("f", "g"));
    FAILS(EPERM, link("f", "g"));
    FAILS(EPERM, chmod("f", 0600));
    FAILS(EPERM, chown("f", 0, 0));
    FAILS(EPERM, utimensat(AT_FDCWD, "f", NULL, 0));
    FAILS(EPERM, setxattr("f", "user.a", "b", 1, 0));
    FAILS(EPERM, fallocate(fd, 0, 0, 10));
    FAILS(EPERM, access("f", W_OK));
    OK(access("f", R_OK));
    struct statx info;
    OK(statx(AT_FDCWD, "f", 0, STATX_MODE, &info));
    CHECK(info.stx_attributes & STATX_ATTR_IMMUTABLE);
    OK(set("f", 0));
    OK(rename("f", "g"));
}

TEST(an_append_only_file_only_grows)
{
    make("f");
    need_guarded("f");
    OK(set("f", FS_APPEND_FL));
    FAILS(EPERM, open("f", O_RDWR));
    FAILS(EPERM, open("f", O_WRONLY | O_APPEND | O_TRUNC));
    int fd = OK(open("f", O_WRONLY | O_APPEND));
    EQ(3, write(fd, "abc", 3));
    FAILS(EPERM, ftruncate(fd, 1));
    FAILS(EPERM, fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 1));
    FAILS(EPERM, truncate("f", 0));
    FAILS(EPERM, unlink("f"));
    FAILS(EPERM, rename("f", "g"));
    FAILS(EPERM, link("f", "g"));
    FAILS(EPERM, chmod("f", 0600));
    OK(utimensat(AT_FDCWD, "f", NULL, 0));
    struct timespec times[2] = { { 1, 0 }, { 1, 0 } };
    FAILS(EPERM, utimensat(AT_FDCWD, "f", times, 0));
    OK(set("f", 0));
    OK(unlink("f"));
}

TEST(directories_keep_their_names)
{
    OK(mkdir("d", 0755));
    make("d/x");
    need_guarded("d");
    FAILS(EPERM, open("d/y", O_CREAT | O_RDWR, 0600));
    FAILS(EPERM, unlink("d/x"));
    FAILS(EPERM, rename("d/x", "z"));
    FAILS(EPERM, rmdir("d"));
    OK(close(OK(open("d/x", O_RDWR))));
    OK(set("d", FS_APPEND_FL));
    make("d/y");
    FAILS(EPERM, unlink("d/x"));
    FAILS(EPERM, rename("d/y", "z"));
    FAILS(EPERM, rmdir("d"));
    OK(set("d", 0));
    OK(unlink("d/x"));
    OK(unlink("d/y"));
    OK(rmdir("d"));
}

TEST(a_hole_is_punched_through_a_descriptor_that_appends)
{
    int fd = OK(open("f", O_RDWR | O_CREAT | O_APPEND, 0600));
    EQ(3, write(fd, "abc", 3));
    OK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 2));
}
