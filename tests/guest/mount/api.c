// The mount calls of Linux 5.2 and later: file systems, trees and mounts as descriptors.
#include "guest.h"
#include <linux/mount.h>
#include <sys/statvfs.h>

#ifndef FSCONFIG_CMD_CREATE
#define FSCONFIG_CMD_CREATE 6
#endif

static struct stat st;

static int fsopen_(const char *type, unsigned flags) { return syscall(SYS_fsopen, type, flags); }
static int fsmount_(int fd, unsigned flags, unsigned attributes)
{
    return syscall(SYS_fsmount, fd, flags, attributes);
}
static int fspick_(const char *path, unsigned flags) { return syscall(SYS_fspick, AT_FDCWD, path, flags); }
static int open_tree_(const char *path, unsigned flags) { return syscall(SYS_open_tree, AT_FDCWD, path, flags); }
static int fsconfig_(int fd, unsigned command, const char *key, const void *value, int aux)
{
    return syscall(SYS_fsconfig, fd, command, key, value, aux);
}
static int move_mount_(int from, const char *path, const char *to, unsigned flags)
{
    return syscall(SYS_move_mount, from, path, AT_FDCWD, to, flags);
}
static int mount_setattr_(const char *path, unsigned flags, struct mount_attr *attributes)
{
    return syscall(SYS_mount_setattr, AT_FDCWD, path, flags, attributes, sizeof *attributes);
}

static void own_namespace(void)
{
    OK(unshare(CLONE_NEWNS));
    OK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
}

static unsigned long flags_of(const char *path)
{
    struct statvfs fs;
    OK(statvfs(path, &fs));
    return fs.f_flag;
}

TEST(a_file_system_is_opened_configured_and_mounted)
{
    own_namespace();
    OK(mkdir("d", 0755));
    int context = OK(fsopen_("tmpfs", FSOPEN_CLOEXEC));
    EQ(FD_CLOEXEC, fcntl(context, F_GETFD));
    OK(fsconfig_(context, FSCONFIG_SET_STRING, "source", "origin", 0));
    OK(fsconfig_(context, FSCONFIG_SET_STRING, "mode", "0711", 0));
    OK(fsconfig_(context, FSCONFIG_SET_STRING, "size", "64k", 0));
    FAILS(EINVAL, fsmount_(context, 0, 0));
    OK(fsconfig_(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
    int tree = OK(fsmount_(context, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOEXEC));
    OK(mkdirat(tree, "inside", 0755));
    OK(move_mount_(tree, "", "d", MOVE_MOUNT_F_EMPTY_PATH));
    OK(stat("d/inside", &st));
    OK(stat("d", &st));
    EQ(S_IFDIR | 0711, st.st_mode);
    struct statfs fs;
    OK(statfs("d", &fs));
    EQ(16, fs.f_blocks);
    CHECK(flags_of("d") & ST_NOEXEC);
    OK(close(tree));
    OK(close(context));
    OK(stat("d/inside", &st));
    OK(umount("d"));
    FAILS(ENOENT, stat("d/inside", &st));
}

TEST(configuration_refusals)
{
    own_namespace();
    FAILS(ENODEV, fsopen_("no-such-fs", 0));
    FAILS(EINVAL, fsopen_("tmpfs", 0x100));
    FAILS(EFAULT, fsopen_((char *)8, 0));
    int context = OK(fsopen_("tmpfs", 0));
    FAILS(EINVAL, fsconfig_(context, FSCONFIG_SET_STRING, NULL, "x", 0));
    FAILS(EINVAL, fsconfig_(context, FSCONFIG_SET_STRING, "mode", "0700", 5));
    FAILS(EINVAL, fsconfig_(context, FSCONFIG_SET_FLAG, "ro", "value", 0));
    FAILS(EINVAL, fsconfig_(context, FSCONFIG_CMD_CREATE, "key", NULL, 0));
    FAILS(EOPNOTSUPP, fsconfig_(context, 99, NULL, NULL, 0));
    FAILS(EBADF, fsconfig_(999, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
    int other = OK(open(".", O_RDONLY));
    FAILS(EINVAL, fsconfig_(other, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
    FAILS(EINVAL, fsmount_(other, 0, 0));
    FAILS(EINVAL, fsmount_(context, 0x100, 0));
    OK(fsconfig_(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
    FAILS(EBUSY, fsconfig_(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
    EXITS(0, CHILD({
        OK(setresuid(1000, 1000, 1000));
        FAILS(EPERM, fsopen_("tmpfs", 0));
        FAILS(EPERM, fspick_(".", 0));
    }));
}

TEST(a_detached_tree_lives_as_long_as_its_descriptor)
{
    own_namespace();
    int context = OK(fsopen_("tmpfs", 0));
    OK(fsconfig_(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
    int tree = OK(fsmount_(context, 0, 0));
    int file = OK(openat(tree, "f", O_CREAT | O_RDWR, 0600));
    EQ(3, write(file, "abc", 3));
    OK(fchdir(tree));
    OK(stat("f", &st));
    OK(chdir("/"));
    OK(close(tree));
    char text[4];
    EQ(3, pread(file, text, 4, 0));
}

TEST(open_tree_clones_or_only_opens)
{
    own_namespace();
    OK(mkdir("a", 0755));
    OK(mkdir("b", 0755));
    OK(mount("none", "a", "tmpfs", 0, NULL));
    OK(mkdir("a/sub", 0755));
    OK(mount("none", "a/sub", "tmpfs", 0, NULL));
    write_file("a/f", "x");
    write_file("a/sub/g", "x");
    int plain = OK(open_tree_("a", OPEN_TREE_CLOEXEC));
    EQ(FD_CLOEXEC, fcntl(plain, F_GETFD));
    FAILS(EBADF, write(plain, "x", 1));
    OK(fstatat(plain, "f", &st, 0));
    int copy = OK(open_tree_("a", OPEN_TREE_CLONE | AT_RECURSIVE));
    OK(umount2("a", MNT_DETACH));
    FAILS(ENOENT, stat("a/f", &st));
    OK(move_mount_(copy, "", "b", MOVE_MOUNT_F_EMPTY_PATH));
    OK(stat("b/f", &st));
    OK(stat("b/sub/g", &st));
    FAILS(EINVAL, open_tree_("b", AT_RECURSIVE));
    FAILS(EINVAL, open_tree_("b", 0x10));
    FAILS(ENOENT, open_tree_("missing", 0));
}

TEST(move_mount_moves_what_is_attached)
{
    own_namespace();
    OK(mkdir("a", 0755));
    OK(mkdir("b", 0755));
    OK(mount("none", "a", "tmpfs", 0, NULL));
    write_file("a/f", "x");
    OK(move_mount_(AT_FDCWD, "a", "b", 0));
    FAILS(ENOENT, stat("a/f", &st));
    OK(stat("b/f", &st));
    FAILS(EINVAL, move_mount_(AT_FDCWD, "a", "b", 0));
    FAILS(EINVAL, move_mount_(AT_FDCWD, "b", "a", 0x8000));
    FAILS(ENOENT, move_mount_(AT_FDCWD, "b", "missing", 0));
    write_file("file", "x");
    FAILS(EINVAL, move_mount_(AT_FDCWD, "b", "file", 0));
}

TEST(a_mounted_file_system_is_picked_and_changed)
{
    own_namespace();
    OK(mkdir("d", 0755));
    OK(mount("none", "d", "tmpfs", 0, "size=64k"));
    OK(mkdir("d/sub", 0755));
    FAILS(EINVAL, fspick_("d/sub", 0));
    FAILS(EINVAL, fspick_("d", 0x100));
    int context = OK(fspick_("d", FSPICK_CLOEXEC));
    OK(fsconfig_(context, FSCONFIG_SET_STRING, "size", "128k", 0));
    OK(fsconfig_(context, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0));
    struct statfs fs;
    OK(statfs("d", &fs));
    EQ(32, fs.f_blocks);
    OK(fsconfig_(context, FSCONFIG_SET_FLAG, "ro", NULL, 0));
    OK(fsconfig_(context, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0));
    FAILS(EROFS, mkdir("d/new", 0755));
    CHECK(flags_of("d") & ST_RDONLY);
}

TEST(mount_attributes_change_alone_or_below)
{
    own_namespace();
    OK(mkdir("d", 0755));
    OK(mount("none", "d", "tmpfs", 0, NULL));
    OK(mkdir("d/sub", 0755));
    OK(mount("none", "d/sub", "tmpfs", 0, NULL));
    struct mount_attr change = { .attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV };
    OK(mount_setattr_("d", 0, &change));
    CHECK(flags_of("d") & ST_RDONLY);
    CHECK(flags_of("d") & ST_NODEV);
    CHECK(!(flags_of("d/sub") & ST_RDONLY));
    FAILS(EROFS, mkdir("d/new", 0755));
    OK(mkdir("d/sub/new", 0755));
    change = (struct mount_attr){ .attr_set = MOUNT_ATTR_NOSUID, .attr_clr = MOUNT_ATTR_RDONLY };
    OK(mount_setattr_("d", AT_RECURSIVE, &change));
    OK(mkdir("d/new", 0755));
    CHECK(flags_of("d/sub") & ST_NOSUID);
    change = (struct mount_attr){ .attr_set = MOUNT_ATTR_NOATIME, .attr_clr = MOUNT_ATTR__ATIME };
    OK(mount_setattr_("d", 0, &change));
    CHECK(flags_of("d") & ST_NOATIME);
    change = (struct mount_attr){ .propagation = MS_SHARED };
    OK(mount_setattr_("d", 0, &change));
    static char text[65536];
    read_file("/proc/self/mountinfo", text, sizeof text);
    CHECK(strstr(text, "shared:") != NULL);
}

TEST(mount_attribute_refusals)
{
    own_namespace();
    OK(mkdir("d", 0755));
    OK(mount("none", "d", "tmpfs", 0, NULL));
    struct mount_attr change = { .attr_set = 0x8000 };
    FAILS(EINVAL, mount_setattr_("d", 0, &change));
    change = (struct mount_attr){ .attr_set = MOUNT_ATTR_NOATIME };
    FAILS(EINVAL, mount_setattr_("d", 0, &change));
    change = (struct mount_attr){ .propagation = MS_SHARED | MS_PRIVATE };
    FAILS(EINVAL, mount_setattr_("d", 0, &change));
    change = (struct mount_attr){ .attr_set = MOUNT_ATTR_RDONLY };
    FAILS(EINVAL, syscall(SYS_mount_setattr, AT_FDCWD, "d", 0, &change, 8));
    FAILS(EINVAL, mount_setattr_("d", 0x20, &change));
    FAILS(ENOENT, mount_setattr_("missing", 0, &change));
    OK(mkdir("d/sub", 0755));
    FAILS(EINVAL, mount_setattr_("d/sub", 0, &change));
    int fd = OK(open("d/f", O_CREAT | O_WRONLY, 0600));
    FAILS(EBUSY, mount_setattr_("d", 0, &change));
    OK(close(fd));
    OK(mount_setattr_("d", 0, &change));
}
