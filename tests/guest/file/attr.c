// stat, statx, times, extended attributes, statfs, getdents.
#include "guest.h"
#include <linux/magic.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

static struct stat st;

TEST(stat_fields)
{
    time_t before = time(NULL);
    write_file("f", "0123456789");
    OK(stat("f", &st));
    EQ(S_IFREG | 0644, st.st_mode);
    EQ(10, st.st_size);
    EQ(1, st.st_nlink);
    EQ(0, st.st_uid);
    CHECK(st.st_blksize >= 512);
    CHECK(st.st_blocks <= 64);
    CHECK(st.st_ino != 0);
    CHECK(st.st_mtime >= before - 1 && st.st_mtime <= time(NULL) + 1);
    struct stat other;
    OK(stat(".", &other));
    EQ(other.st_dev, st.st_dev);
    FAILS(ENOENT, stat("missing", &st));
    FAILS(EFAULT, syscall(SYS_stat, "f", (void *)8));
}

TEST(fstatat_flags)
{
    write_file("f", "x");
    OK(symlink("f", "s"));
    OK(fstatat(AT_FDCWD, "s", &st, 0));
    CHECK(S_ISREG(st.st_mode));
    OK(fstatat(AT_FDCWD, "s", &st, AT_SYMLINK_NOFOLLOW));
    CHECK(S_ISLNK(st.st_mode));
    int fd = OK(open("f", O_RDONLY));
    OK(fstatat(fd, "", &st, AT_EMPTY_PATH));
    CHECK(S_ISREG(st.st_mode));
    FAILS(ENOENT, fstatat(fd, "", &st, 0));
    FAILS(EINVAL, fstatat(AT_FDCWD, "f", &st, 0x10000000));
    FAILS(ENOTDIR, fstatat(fd, "x", &st, 0));
}

TEST(statx_fields)
{
    write_file("f", "0123456789");
    struct statx stx;
    OK(statx(AT_FDCWD, "f", 0, STATX_ALL, &stx));
    EQ(STATX_BASIC_STATS, stx.stx_mask & STATX_BASIC_STATS);
    OK(stat("f", &st));
    EQ(10, stx.stx_size);
    EQ(st.st_mode, stx.stx_mode);
    EQ(st.st_ino, stx.stx_ino);
    EQ(major(st.st_dev), stx.stx_dev_major);
    EQ(minor(st.st_dev), stx.stx_dev_minor);
    EQ(st.st_mtim.tv_nsec, stx.stx_mtime.tv_nsec);
    FAILS(EINVAL, statx(AT_FDCWD, "f", AT_STATX_FORCE_SYNC | AT_STATX_DONT_SYNC, STATX_ALL, &stx));
    FAILS(EINVAL, statx(AT_FDCWD, "f", 0, 0x80000000, &stx));
    int fd = OK(open("f", O_RDONLY));
    OK(statx(fd, "", AT_EMPTY_PATH, STATX_SIZE, &stx));
    EQ(10, stx.stx_size);
    OK(statx(AT_FDCWD, "/proc", 0, STATX_BASIC_STATS, &stx));
    EQ(STATX_ATTR_MOUNT_ROOT, stx.stx_attributes & STATX_ATTR_MOUNT_ROOT);
}

TEST(utimensat_forms)
{
    write_file("f", "x");
    struct timespec times[2] = { { 1000000001, 123456789 }, { 1000000002, 987654321 } };
    OK(utimensat(AT_FDCWD, "f", times, 0));
    OK(stat("f", &st));
    EQ(1000000001, st.st_atim.tv_sec);
    EQ(123456789, st.st_atim.tv_nsec);
    EQ(1000000002, st.st_mtim.tv_sec);
    EQ(987654321, st.st_mtim.tv_nsec);
    times[0].tv_nsec = UTIME_OMIT;
    times[1].tv_nsec = UTIME_NOW;
    OK(utimensat(AT_FDCWD, "f", times, 0));
    OK(stat("f", &st));
    EQ(1000000001, st.st_atim.tv_sec);
    CHECK(st.st_mtim.tv_sec > 1000000100);
    times[0].tv_nsec = 1000000000;
    FAILS(EINVAL, utimensat(AT_FDCWD, "f", times, 0));
    OK(symlink("f", "s"));
    times[0] = times[1] = (struct timespec){ 77, 0 };
    OK(utimensat(AT_FDCWD, "s", times, AT_SYMLINK_NOFOLLOW));
    OK(lstat("s", &st));
    EQ(77, st.st_mtime);
    OK(stat("f", &st));
    CHECK(st.st_mtime != 77);
    int fd = OK(open("f", O_RDONLY));
    OK(futimens(fd, NULL));
}

TEST(older_time_calls)
{
    write_file("f", "x");
    struct timeval times[2] = { { 11, 500000 }, { 22, 250000 } };
    OK(utimes("f", times));
    OK(stat("f", &st));
    EQ(500000000, st.st_atim.tv_nsec);
    EQ(22, st.st_mtim.tv_sec);
    long pair[2] = { 33, 44 };
    OK(syscall(SYS_utime, "f", pair));
    OK(stat("f", &st));
    EQ(33, st.st_atime);
    EQ(44, st.st_mtime);
    OK(syscall(SYS_futimesat, AT_FDCWD, "f", times));
    times[0].tv_usec = 1000000;
    FAILS(EINVAL, utimes("f", times));
}

TEST(setting_times_needs_ownership)
{
    OK(chmod(".", 0777));
    write_file("f", "x");
    OK(chmod("f", 0666));
    OK(setresuid(1000, 1000, 1000));
    struct timespec times[2] = { { 5, 0 }, { 5, 0 } };
    FAILS(EPERM, utimensat(AT_FDCWD, "f", times, 0));
    OK(utimensat(AT_FDCWD, "f", NULL, 0));
}

TEST(creating_and_removing_change_the_folders_times)
{
    OK(mkdir("d", 0755));
    struct timespec old[2] = { { 1000, 0 }, { 1000, 0 } };
    OK(utimensat(AT_FDCWD, "d", old, 0));
    write_file("d/f", "x");
    OK(stat("d", &st));
    CHECK(st.st_mtime > 1000);
    OK(utimensat(AT_FDCWD, "d", old, 0));
    OK(unlink("d/f"));
    OK(stat("d", &st));
    CHECK(st.st_mtime > 1000 && st.st_ctime > 1000);
}

TEST(chmod_and_link_change_only_the_change_time)
{
    write_file("f", "x");
    OK(stat("f", &st));
    struct timespec m = st.st_mtim, c = st.st_ctim;
    pause_ms(20);
    OK(chmod("f", 0600));
    OK(stat("f", &st));
    EQ(m.tv_nsec, st.st_mtim.tv_nsec);
    CHECK(st.st_ctim.tv_nsec != c.tv_nsec || st.st_ctim.tv_sec != c.tv_sec);
    c = st.st_ctim;
    pause_ms(20);
    OK(link("f", "g"));
    OK(stat("f", &st));
    CHECK(st.st_ctim.tv_nsec != c.tv_nsec || st.st_ctim.tv_sec != c.tv_sec);
}

TEST(extended_attributes)
{
    write_file("f", "x");
    char text[100];
    OK(setxattr("f", attribute("one"), "1", 1, 0));
    OK(setxattr("f", attribute("two"), "twotwo", 6, XATTR_CREATE));
    FAILS(EEXIST, setxattr("f", attribute("two"), "x", 1, XATTR_CREATE));
    FAILS(ENODATA, setxattr("f", attribute("three"), "x", 1, XATTR_REPLACE));
    EQ(6, getxattr("f", attribute("two"), NULL, 0));
    EQ(6, getxattr("f", attribute("two"), text, 100));
    FAILS(ERANGE, getxattr("f", attribute("two"), text, 3));
    FAILS(ENODATA, getxattr("f", attribute("none"), text, 100));
    ssize_t length = OK(listxattr("f", text, 100));
    bool one = false, two = false;
    for (char *name = text; name < text + length; name += strlen(name) + 1) {
        one |= strcmp(name, attribute("one")) == 0;
        two |= strcmp(name, attribute("two")) == 0;
    }
    CHECK(one && two);
    OK(removexattr("f", attribute("one")));
    FAILS(ENODATA, removexattr("f", attribute("one")));
    int fd = OK(open("f", O_RDONLY));
    OK(fsetxattr(fd, attribute("fd"), "", 0, 0));
    EQ(0, fgetxattr(fd, attribute("fd"), text, 100));
}

TEST(trusted_attributes)
{
    write_file("f", "x");
    char text[100];
    OK(setxattr("f", "trusted.one", "1", 1, XATTR_CREATE));
    EQ(1, getxattr("f", "trusted.one", text, 100));
    OK(removexattr("f", "trusted.one"));
    FAILS(ENODATA, getxattr("f", "trusted.one", text, 100));
}

TEST(extended_attribute_refusals)
{
    write_file("f", "x");
    FAILS(EOPNOTSUPP, setxattr("f", "nonsense.x", "1", 1, 0));
    FAILS(EINVAL, setxattr("f", "trusted.x", "1", 1, 4));
    char name[300] = "trusted.";
    memset(name + 8, 'a', 280);
    name[256] = 0;
    FAILS(ERANGE, setxattr("f", name, "1", 1, 0));
    FAILS(ERANGE, setxattr("f", "", "1", 1, 0));
    char *large = calloc(1, 70000);
    FAILS(E2BIG, setxattr("f", "trusted.x", large, 70000, 0));
    OK(chmod(".", 0755));
    OK(setresuid(1000, 1000, 1000));
    FAILS(EPERM, setxattr("f", "trusted.x", "1", 1, 0));
    FAILS(ENODATA, getxattr("f", "trusted.x", name, 100));
}

TEST(user_attributes)
{
    write_file("f", "x");
    if (setxattr("f", "user.mine", "v", 1, 0) == -1 && errno == EOPNOTSUPP) {
        SKIP("this file system has no user attributes");
    }
    OK(symlink("f", "s"));
    FAILS(EPERM, lsetxattr("s", "user.mine", "v", 1, 0));
    char text[10];
    EQ(1, getxattr("s", "user.mine", text, 10));
    OK(chmod("f", 0400));
    OK(chmod(".", 0755));
    OK(setresuid(1000, 1000, 1000));
    FAILS(EACCES, getxattr("f", "user.mine", text, 10));
    FAILS(EACCES, setxattr("f", "user.mine", "w", 1, 0));
}

TEST(statfs_and_statvfs)
{
    struct statfs fs;
    OK(statfs(".", &fs));
    CHECK(fs.f_bsize >= 512 && fs.f_namelen == 255 && fs.f_bfree <= fs.f_blocks);
    OK(statfs("/proc", &fs));
    EQ(PROC_SUPER_MAGIC, fs.f_type);
    OK(statfs("/sys", &fs));
    EQ(SYSFS_MAGIC, fs.f_type);
    int fds[2];
    OK(pipe(fds));
    OK(fstatfs(fds[0], &fs));
    EQ(PIPEFS_MAGIC, fs.f_type);
    FAILS(ENOENT, statfs("missing", &fs));
    FAILS(EBADF, fstatfs(999, &fs));
}

struct entry { uint64_t inode; int64_t offset; uint16_t length; uint8_t type; char name[]; };

TEST(getdents_lists_everything_once)
{
    for (int i = 0; i < 500; i++) {
        char name[64];
        sprintf(name, "a-rather-long-file-name-to-fill-buffers-%d", i);
        OK(close(OK(creat(name, 0600))));
    }
    OK(mkdir("dir", 0755));
    OK(symlink("x", "sym"));
    int fd = OK(open(".", O_RDONLY)), total = 0, types = 0;
    static char buffer[1000];
    for (;;) {
        long count = OK(syscall(SYS_getdents64, fd, buffer, sizeof buffer));
        if (count == 0) {
            break;
        }
        for (long at = 0; at < count;) {
            struct entry *entry = (struct entry *)(buffer + at);
            total++;
            types |= 1 << entry->type;
            EQ(0, entry->length % 8);
            at += entry->length;
        }
    }
    EQ(504, total);
    CHECK(types == (1 << DT_REG | 1 << DT_DIR | 1 << DT_LNK));
    FAILS(EINVAL, (lseek(fd, 0, SEEK_SET), syscall(SYS_getdents64, fd, buffer, 10)));
    FAILS(ENOTDIR, syscall(SYS_getdents64, OK(open("/etc/passwd", O_RDONLY)), buffer, sizeof buffer));
}

TEST(directory_cookies_can_be_sought)
{
    for (int i = 0; i < 20; i++) {
        char name[8];
        sprintf(name, "f%d", i);
        OK(close(OK(creat(name, 0600))));
    }
    DIR *folder = opendir(".");
    char names[30][16];
    long places[30];
    int count = 0;
    struct dirent *entry;
    while ((entry = readdir(folder)) != NULL) {
        strcpy(names[count], entry->d_name);
        places[count++] = telldir(folder);
    }
    EQ(22, count);
    seekdir(folder, places[9]);
    entry = readdir(folder);
    STREQ(names[10], entry->d_name);
    rewinddir(folder);
    entry = readdir(folder);
    STREQ(names[0], entry->d_name);
}

TEST(reading_a_folder_while_removing_from_it)
{
    for (int i = 0; i < 300; i++) {
        char name[16];
        sprintf(name, "file-%d", i);
        OK(close(OK(creat(name, 0600))));
    }
    DIR *folder = opendir(".");
    struct dirent *entry;
    int removed = 0;
    while ((entry = readdir(folder)) != NULL) {
        if (entry->d_name[0] != '.') {
            OK(unlink(entry->d_name));
            removed++;
        }
    }
    EQ(300, removed);
}

TEST(a_removed_folder_lists_nothing)
{
    OK(mkdir("d", 0755));
    int fd = OK(open("d", O_RDONLY));
    OK(rmdir("d"));
    char buffer[100];
    FAILS(ENOENT, syscall(SYS_getdents64, fd, buffer, sizeof buffer));
}

// struct linux_dirent: number, next position, length of the record, name; the type is its last byte (getdents(2)).
TEST(getdents_of_old)
{
    write_file("f", "x");
    OK(mkdir("d", 0700));
    int fd = OK(open(".", O_RDONLY | O_DIRECTORY)), seen = 0;
    char buffer[1024];
    long bytes = OK(syscall(SYS_getdents, fd, buffer, sizeof buffer));
    for (long at = 0; at < bytes; at += *(unsigned short *)(buffer + at + 16)) {
        const char *name = buffer + at + 18;
        char type = buffer[at + *(unsigned short *)(buffer + at + 16) - 1];
        seen |= strcmp(name, "f") == 0 && type == DT_REG ? 1 : strcmp(name, "d") == 0 && type == DT_DIR ? 2 : 0;
    }
    EQ(3, seen);
    EQ(0, syscall(SYS_getdents, fd, buffer, sizeof buffer));
    FAILS(EINVAL, (lseek(fd, 0, SEEK_SET), syscall(SYS_getdents, fd, buffer, 10)));
    FAILS(EFAULT, (lseek(fd, 0, SEEK_SET), syscall(SYS_getdents, fd, (void *)8, 1024)));
}
