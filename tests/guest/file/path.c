// Names: links, symbolic links, rename, unlink, mkdir, rmdir, mknod, chdir, getcwd.
#include "guest.h"
#include <sys/sysmacros.h>

static struct stat st;

static int rename2(const char *from, const char *to, unsigned flags)
{
    return syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, flags);
}

TEST(link_counts)
{
    write_file("a", "x");
    OK(link("a", "b"));
    OK(stat("a", &st));
    EQ(2, st.st_nlink);
    ino_t inode = st.st_ino;
    OK(stat("b", &st));
    EQ(inode, st.st_ino);
    OK(unlink("a"));
    OK(stat("b", &st));
    EQ(1, st.st_nlink);
}

TEST(link_refusals)
{
    write_file("a", "x");
    OK(mkdir("d", 0755));
    FAILS(EEXIST, link("a", "a"));
    FAILS(EEXIST, link("a", "d"));
    FAILS(EPERM, link("d", "e"));
    FAILS(ENOENT, link("missing", "e"));
    FAILS(ENOENT, link("a", "no/e"));
    FAILS(EXDEV, link("a", "/dev/shm/e"));
    FAILS(EINVAL, linkat(AT_FDCWD, "a", AT_FDCWD, "e", 0x800000));
}

TEST(link_does_not_follow_unless_asked)
{
    write_file("a", "x");
    OK(symlink("a", "s"));
    OK(link("s", "hard"));
    OK(lstat("hard", &st));
    CHECK(S_ISLNK(st.st_mode));
    OK(linkat(AT_FDCWD, "s", AT_FDCWD, "followed", AT_SYMLINK_FOLLOW));
    OK(lstat("followed", &st));
    CHECK(S_ISREG(st.st_mode));
}

TEST(unlink_keeps_open_files)
{
    write_file("f", "kept");
    int fd = OK(open("f", O_RDWR));
    OK(unlink("f"));
    FAILS(ENOENT, unlink("f"));
    char text[8] = "";
    EQ(4, read(fd, text, 8));
    STREQ("kept", text);
    OK(fstat(fd, &st));
    EQ(0, st.st_nlink);
    OK(mkdir("d", 0755));
    FAILS(EISDIR, unlink("d"));
    FAILS(ENOTDIR, rmdir("/etc/passwd"));
    write_file("g", "");
    FAILS(ENOTDIR, unlink("g/"));
    FAILS(EINVAL, unlinkat(AT_FDCWD, "g", 0x1000));
}

TEST(symlink_contents_and_limits)
{
    char text[PATH_MAX + 1], target[PATH_MAX + 10];
    OK(symlink("anywhere/at all", "s"));
    EQ(15, readlink("s", text, sizeof text));
    EQ(3, readlink("s", text, 3));
    FAILS(EINVAL, readlink("s", text, 0));
    FAILS(EINVAL, readlink(".", text, 10));
    FAILS(ENOENT, readlink("missing", text, 10));
    FAILS(ENOENT, symlink("", "empty"));
    FAILS(EEXIST, symlink("x", "s"));
    OK(lstat("s", &st));
    EQ(15, st.st_size);
    EQ(S_IFLNK | 0777, st.st_mode);
    memset(target, 'a', sizeof target);
    target[4096] = 0;
    FAILS(ENAMETOOLONG, symlink(target, "long"));
    target[4095] = 0;
    OK(symlink(target, "long"));
    EQ(4095, readlink("long", text, sizeof text));
}

TEST(forty_symlinks_are_the_limit)
{
    write_file("s0", "x");
    for (int i = 1; i <= 41; i++) {
        char from[8], to[8];
        sprintf(from, "s%d", i - 1);
        sprintf(to, "s%d", i);
        OK(symlink(from, to));
    }
    OK(stat("s40", &st));
    FAILS(ELOOP, stat("s41", &st));
    OK(symlink("loop", "loop"));
    FAILS(ELOOP, stat("loop", &st));
    OK(lstat("loop", &st));
}

TEST(symlinks_in_the_middle)
{
    OK(mkdir("d", 0755));
    OK(mkdir("d/e", 0755));
    write_file("d/f", "x");
    OK(symlink("d/e", "link"));
    OK(stat("link/../f", &st));
    OK(symlink("f", "d/rel"));
    OK(stat("d/rel", &st));
    FAILS(ENOENT, stat("f", &st));
    OK(lstat("link/", &st));
    CHECK(S_ISDIR(st.st_mode));
}

TEST(rename_replaces)
{
    write_file("a", "first");
    write_file("b", "second");
    int fd = OK(open("b", O_RDONLY));
    OK(rename("a", "b"));
    FAILS(ENOENT, stat("a", &st));
    char text[16];
    read_file("b", text, sizeof text);
    STREQ("first", text);
    EQ(6, read(fd, text, 16));
    OK(rename("b", "b"));
    OK(link("b", "c"));
    OK(rename("b", "c"));
    OK(stat("b", &st));
}

TEST(rename_of_directories)
{
    OK(mkdir("a", 0755));
    OK(mkdir("a/sub", 0755));
    OK(mkdir("empty", 0755));
    OK(mkdir("full", 0755));
    write_file("full/x", "");
    write_file("f", "");
    FAILS(ENOTEMPTY, rename("a", "full"));
    FAILS(ENOTDIR, rename("a", "f"));
    FAILS(EISDIR, rename("f", "a"));
    FAILS(EINVAL, rename("a", "a/sub/x"));
    FAILS(ENOTEMPTY, rename("a/sub", "a"));
    OK(rename("a", "empty"));
    OK(stat("empty/sub", &st));
    FAILS(EBUSY, rename(".", "x"));
    FAILS(EBUSY, rename("empty/..", "x"));
    FAILS(EXDEV, rename("f", "/dev/shm/x"));
    FAILS(ENOTDIR, rename("f", "new/"));
    OK(rename("empty", "new/"));
}

TEST(rename_updates_dotdot_and_link_counts)
{
    OK(mkdir("a", 0755));
    OK(mkdir("b", 0755));
    OK(mkdir("a/d", 0755));
    OK(stat("b", &st));
    ino_t b = st.st_ino;
    OK(rename("a/d", "b/d"));
    OK(stat("b/d/..", &st));
    EQ(b, st.st_ino);
}

TEST(rename_flags)
{
    write_file("a", "first");
    write_file("b", "second");
    FAILS(EEXIST, rename2("a", "b", RENAME_NOREPLACE));
    OK(rename2("a", "b", RENAME_EXCHANGE));
    char text[16];
    read_file("a", text, sizeof text);
    STREQ("second", text);
    FAILS(ENOENT, rename2("a", "c", RENAME_EXCHANGE));
    OK(rename2("a", "c", RENAME_NOREPLACE));
    FAILS(EINVAL, rename2("b", "c", RENAME_NOREPLACE | RENAME_EXCHANGE));
    FAILS(EINVAL, rename2("b", "c", 0x100));
    OK(mkdir("d", 0755));
    OK(rename2("d", "b", RENAME_EXCHANGE));
    OK(stat("b", &st));
    CHECK(S_ISDIR(st.st_mode));
}

TEST(mkdir_and_rmdir)
{
    OK(mkdir("d", 0750));
    FAILS(EEXIST, mkdir("d", 0750));
    FAILS(ENOENT, mkdir("no/d", 0750));
    OK(mkdir("slash/", 0755));
    OK(stat("d", &st));
    EQ(S_IFDIR | 0750, st.st_mode);
    write_file("d/f", "");
    FAILS(ENOTEMPTY, rmdir("d"));
    OK(unlink("d/f"));
    FAILS(EINVAL, rmdir("d/."));
    FAILS(ENOTEMPTY, rmdir("d/.."));
    OK(rmdir("d"));
    FAILS(ENOENT, rmdir("d"));
    FAILS(EBUSY, rmdir("/"));
    OK(mkdir("gone", 0755));
    int fd = OK(open("gone", O_RDONLY));
    OK(rmdir("gone"));
    FAILS(ENOENT, openat(fd, "x", O_CREAT | O_RDWR, 0600));
    FAILS(ENOENT, mkdirat(fd, "x", 0700));
    OK(unlinkat(AT_FDCWD, "slash", AT_REMOVEDIR));
}

TEST(directory_link_counts)
{
    OK(mkdir("d", 0755));
    OK(mkdir("d/e", 0755));
    OK(stat("d", &st));
    // Some file systems (overlay) always say 1.
    CHECK(st.st_nlink == 3 || st.st_nlink == 1);
}

TEST(mknod_types)
{
    OK(mknod("reg", S_IFREG | 0600, 0));
    OK(mknod("none", 0600, 0));
    OK(mknod("fifo", S_IFIFO | 0600, 0));
    OK(mknod("sock", S_IFSOCK | 0600, 0));
    OK(stat("none", &st));
    CHECK(S_ISREG(st.st_mode));
    FAILS(EPERM, mknod("dir", S_IFDIR | 0600, 0));
    FAILS(EINVAL, mknod("bad", S_IFLNK | 0600, 0));
    FAILS(EEXIST, mknod("reg", S_IFREG | 0600, 0));
    OK(chmod(".", 0777));
    OK(setresuid(1000, 1000, 1000));
    FAILS(EPERM, mknod("denied", S_IFCHR | 0600, makedev(1, 3)));
    OK(mknod("mine", S_IFIFO | 0600, 0));
}

TEST(mknod_of_a_device)
{
    OK(mknod("null", S_IFCHR | 0666, makedev(1, 3)));
    OK(stat("null", &st));
    CHECK(S_ISCHR(st.st_mode));
    EQ(makedev(1, 3), st.st_rdev);
}

TEST(chdir_and_getcwd)
{
    char text[PATH_MAX], start[PATH_MAX];
    CHECK(getcwd(start, sizeof start) != NULL);
    OK(mkdir("d", 0755));
    write_file("f", "");
    OK(symlink("d", "link"));
    FAILS(ENOENT, chdir("missing"));
    FAILS(ENOTDIR, chdir("f"));
    OK(chdir("link"));
    CHECK(getcwd(text, sizeof text) != NULL);
    STREQ("/d", text + strlen(start));
    FAILS(ERANGE, syscall(SYS_getcwd, text, 3));
    int up = OK(open("..", O_RDONLY));
    OK(fchdir(up));
    CHECK(getcwd(text, sizeof text) != NULL);
    STREQ(start, text);
    FAILS(ENOTDIR, fchdir(OK(open("f", O_RDONLY))));
    FAILS(EBADF, fchdir(999));
    OK(chdir("d"));
    OK(rmdir("../d"));
    FAILS(ENOENT, syscall(SYS_getcwd, text, sizeof text));
    FAILS(ENOENT, stat("..x", &st));
    OK(stat(".", &st));
}

TEST(chroot_confines)
{
    OK(mkdir("root", 0755));
    write_file("root/inside", "x");
    int out = OK(open(".", O_RDONLY));
    EXITS(0, CHILD({
        OK(chroot("root"));
        OK(chdir("/"));
        OK(stat("/inside", &st));
        OK(stat("/../../inside", &st));
        FAILS(ENOENT, stat("/etc/passwd", &st));
        OK(fchdir(out));
        OK(stat("root/inside", &st));
        OK(setresuid(1000, 1000, 1000));
        FAILS(EPERM, chroot("."));
    }));
    FAILS(ENOENT, chroot("missing"));
}

TEST(dot_names_and_slashes)
{
    OK(mkdir("d", 0755));
    OK(stat("d/./../d//.", &st));
    OK(stat("////", &st));
    FAILS(EEXIST, mkdir(".", 0755));
    FAILS(EEXIST, mkdir("/", 0755));
    FAILS(EEXIST, symlink("x", ".."));
    write_file("f", "");
    FAILS(ENOTDIR, stat("f/.", &st));
    FAILS(ENOTDIR, stat("f/..", &st));
}

TEST(any_byte_but_slash_and_nul_is_a_name)
{
    for (int i = 1; i < 256; i++) {
        if (i != '/' && i != '.') {
            char name[2] = { (char)i, 0 };
            OK(close(OK(open(name, O_CREAT | O_RDWR, 0600))));
        }
    }
    DIR *folder = opendir(".");
    int count = 0;
    while (readdir(folder) != NULL) {
        count++;
    }
    EQ(253 + 2, count);
}
