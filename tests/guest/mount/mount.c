// Mounts in a mount name space of their own: bind, read-only, tmpfs, propagation, pivot_root, umount.
#include "guest.h"
#include <linux/mount.h>
#include <sys/statvfs.h>

static struct stat st;

static void own_namespace(void)
{
    OK(unshare(CLONE_NEWNS));
    OK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
}

static void tmpfs_at(const char *path, const char *options)
{
    if (stat(path, &st) == -1) {
        OK(mkdir(path, 0755));
    }
    OK(mount("none", path, "tmpfs", 0, options));
}

TEST(tmpfs_with_options)
{
    own_namespace();
    tmpfs_at("t", "size=1m,mode=0711,uid=5,gid=6");
    OK(stat("t", &st));
    EQ(S_IFDIR | 0711, st.st_mode);
    EQ(5, st.st_uid);
    EQ(6, st.st_gid);
    struct statfs fs;
    OK(statfs("t", &fs));
    EQ(0x01021994, fs.f_type);
    EQ(256, fs.f_blocks);
    int fd = OK(open("t/f", O_CREAT | O_RDWR, 0600));
    static char data[1 << 20];
    EQ(sizeof data, write(fd, data, sizeof data));
    FAILS(ENOSPC, write(fd, data, 4096));
    OK(unlink("t/f"));
    OK(close(fd));
    OK(statfs("t", &fs));
    EQ(256, fs.f_bfree);
    FAILS(EINVAL, mount("none", "t", "tmpfs", 0, "nonsense=1"));
}

TEST(inode_limit_of_tmpfs)
{
    own_namespace();
    tmpfs_at("t", "nr_inodes=4");
    int made = 0;
    char name[16];
    do {
        sprintf(name, "t/f%d", made++);
    } while (open(name, O_CREAT | O_RDWR, 0600) != -1 && made < 10);
    EQ(ENOSPC, errno);
    CHECK(made <= 5);
}

TEST(a_mount_covers_and_uncovers)
{
    own_namespace();
    OK(mkdir("d", 0755));
    write_file("d/below", "x");
    tmpfs_at("d", NULL);
    FAILS(ENOENT, stat("d/below", &st));
    write_file("d/above", "x");
    OK(umount("d"));
    OK(stat("d/below", &st));
    FAILS(ENOENT, stat("d/above", &st));
    FAILS(EINVAL, umount("d"));
}

TEST(mounts_stack)
{
    own_namespace();
    tmpfs_at("d", NULL);
    write_file("d/one", "x");
    tmpfs_at("d", NULL);
    write_file("d/two", "x");
    FAILS(ENOENT, stat("d/one", &st));
    OK(umount("d"));
    OK(stat("d/one", &st));
    OK(umount("d"));
}

TEST(bind_mounts_show_the_same_files)
{
    own_namespace();
    OK(mkdir("a", 0755));
    OK(mkdir("b", 0755));
    write_file("a/f", "x");
    OK(mount("a", "b", NULL, MS_BIND, NULL));
    OK(stat("b/f", &st));
    write_file("b/g", "x");
    OK(stat("a/g", &st));
    FAILS(EXDEV, link("a/f", "b/linked"));
    FAILS(EXDEV, rename("a/f", "b/moved"));
    FAILS(EBUSY, rmdir("b"));
    FAILS(EBUSY, rename("b", "c"));
    write_file("file", "y");
    write_file("over", "z");
    OK(mount("file", "over", NULL, MS_BIND, NULL));
    char text[8];
    read_file("over", text, sizeof text);
    STREQ("y", text);
    FAILS(EBUSY, unlink("over"));
    FAILS(ENOTDIR, mount("file", "a", NULL, MS_BIND, NULL));
}

TEST(bind_is_not_recursive_unless_asked)
{
    own_namespace();
    OK(mkdir("a", 0755));
    OK(mkdir("b", 0755));
    OK(mkdir("c", 0755));
    tmpfs_at("a/sub", NULL);
    write_file("a/sub/f", "x");
    OK(mount("a", "b", NULL, MS_BIND, NULL));
    FAILS(ENOENT, stat("b/sub/f", &st));
    OK(mount("a", "c", NULL, MS_BIND | MS_REC, NULL));
    OK(stat("c/sub/f", &st));
}

TEST(read_only_remount_of_a_bind)
{
    own_namespace();
    OK(mkdir("a", 0755));
    OK(mkdir("b", 0755));
    write_file("a/f", "x");
    OK(mount("a", "b", NULL, MS_BIND, NULL));
    OK(mount(NULL, "b", NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL));
    FAILS(EROFS, open("b/f", O_WRONLY));
    FAILS(EROFS, open("b/new", O_CREAT | O_RDWR, 0600));
    FAILS(EROFS, mkdir("b/d", 0755));
    FAILS(EROFS, unlink("b/f"));
    FAILS(EROFS, rename("b/f", "b/g"));
    FAILS(EROFS, chmod("b/f", 0600));
    FAILS(EROFS, truncate("b/f", 0));
    FAILS(EROFS, utimensat(AT_FDCWD, "b/f", NULL, 0));
    FAILS(EROFS, access("b/f", W_OK));
    OK(close(OK(open("b/f", O_RDONLY))));
    OK(close(OK(open("a/f", O_WRONLY))));
    struct statvfs fs;
    OK(statvfs("b", &fs));
    CHECK(fs.f_flag & ST_RDONLY);
}

TEST(remount_read_only_is_busy_with_writers)
{
    own_namespace();
    tmpfs_at("t", NULL);
    int fd = OK(open("t/f", O_CREAT | O_RDWR, 0600));
    FAILS(EBUSY, mount(NULL, "t", NULL, MS_REMOUNT | MS_RDONLY, NULL));
    OK(close(fd));
    OK(mount(NULL, "t", NULL, MS_REMOUNT | MS_RDONLY, NULL));
    FAILS(EROFS, open("t/f", O_RDWR));
    OK(mount(NULL, "t", NULL, MS_REMOUNT, NULL));
    OK(close(OK(open("t/f", O_RDWR))));
}

TEST(noexec_nosuid_nodev)
{
    own_namespace();
    OK(mkdir("t", 0755));
    OK(mount("none", "t", "tmpfs", MS_NOEXEC | MS_NODEV | MS_NOSUID, NULL));
    write_file("t/s", "#!/bin/sh\n");
    OK(chmod("t/s", 0755));
    char *args[] = { "x", NULL };
    FAILS(EACCES, execve("t/s", args, args + 1));
    FAILS(EACCES, access("t/s", X_OK));
    OK(mknod("t/null", S_IFCHR | 0666, 0x103));
    FAILS(EACCES, open("t/null", O_RDWR));
    int fd = OK(open("t/s", O_RDONLY));
    FAILS(EPERM, mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0));
}

TEST(umount_flags)
{
    own_namespace();
    tmpfs_at("t", NULL);
    int fd = OK(open("t/f", O_CREAT | O_RDWR, 0600));
    FAILS(EBUSY, umount("t"));
    OK(umount2("t", MNT_DETACH));
    FAILS(ENOENT, stat("t/f", &st));
    EQ(1, write(fd, "x", 1));
    OK(fstat(fd, &st));
    tmpfs_at("t", NULL);
    FAILS(EAGAIN, umount2("t", MNT_EXPIRE));
    OK(umount2("t", MNT_EXPIRE));
    FAILS(EINVAL, umount2("t", 0x1000));
    tmpfs_at("t", NULL);
    OK(symlink("t", "s"));
    FAILS(EINVAL, umount2("s", UMOUNT_NOFOLLOW));
    OK(umount("s"));
}

TEST(a_mount_below_makes_umount_busy)
{
    own_namespace();
    tmpfs_at("t", NULL);
    tmpfs_at("t/sub", NULL);
    FAILS(EBUSY, umount("t"));
    OK(umount2("t", MNT_DETACH));
}

TEST(move)
{
    own_namespace();
    tmpfs_at("a", NULL);
    write_file("a/f", "x");
    OK(mkdir("b", 0755));
    OK(mount("a", "b", NULL, MS_MOVE, NULL));
    FAILS(ENOENT, stat("a/f", &st));
    OK(stat("b/f", &st));
    FAILS(EINVAL, mount("a", "b", NULL, MS_MOVE, NULL));
}

TEST(shared_mounts_propagate_and_slaves_receive)
{
    own_namespace();
    tmpfs_at("m", NULL);
    OK(mount(NULL, "m", NULL, MS_SHARED, NULL));
    OK(mkdir("peer", 0755));
    OK(mkdir("slave", 0755));
    OK(mount("m", "peer", NULL, MS_BIND, NULL));
    OK(mount("m", "slave", NULL, MS_BIND, NULL));
    OK(mount(NULL, "slave", NULL, MS_SLAVE, NULL));
    tmpfs_at("m/x", NULL);
    write_file("m/x/f", "x");
    OK(stat("peer/x/f", &st));
    OK(stat("slave/x/f", &st));
    OK(mkdir("slave/y", 0755));
    OK(mount("none", "slave/y", "tmpfs", 0, NULL));
    write_file("slave/y/f", "x");
    FAILS(ENOENT, stat("m/y/f", &st));
    OK(umount("peer/x"));
    FAILS(ENOENT, stat("m/x/f", &st));
    FAILS(ENOENT, stat("slave/x/f", &st));
}

TEST(private_and_unbindable)
{
    own_namespace();
    tmpfs_at("m", NULL);
    OK(mkdir("other", 0755));
    OK(mount(NULL, "m", NULL, MS_UNBINDABLE, NULL));
    FAILS(EINVAL, mount("m", "other", NULL, MS_BIND, NULL));
    OK(mount(NULL, "m", NULL, MS_PRIVATE, NULL));
    OK(mount("m", "other", NULL, MS_BIND, NULL));
    tmpfs_at("m/x", NULL);
    write_file("m/x/f", "x");
    FAILS(ENOENT, stat("other/x/f", &st));
}

TEST(name_spaces_are_separate)
{
    own_namespace();
    OK(mkdir("d", 0755));
    EXITS(0, CHILD({
        OK(unshare(CLONE_NEWNS));
        tmpfs_at("d", NULL);
        write_file("d/f", "x");
    }));
    FAILS(ENOENT, stat("d/f", &st));
    tmpfs_at("d", NULL);
    write_file("d/g", "x");
    EXITS(0, CHILD({ OK(unshare(CLONE_NEWNS)); OK(stat("d/g", &st)); OK(umount("d")); }));
    OK(stat("d/g", &st));
}

TEST(mountinfo_lists_mounts)
{
    own_namespace();
    char cwd[PATH_MAX], expected[PATH_MAX + 100];
    static char text[65536];
    CHECK(getcwd(cwd, sizeof cwd) != NULL);
    OK(mkdir("with space", 0755));
    OK(mount("source", "with space", "tmpfs", MS_NOSUID | MS_RDONLY, NULL));
    read_file("/proc/self/mountinfo", text, sizeof text);
    sprintf(expected, " / %s/with\\040space ro,nosuid", cwd);
    char *line = strstr(text, expected);
    CHECK(line != NULL);
    CHECK(strstr(line, " - tmpfs source ro") != NULL);
    read_file("/proc/self/mounts", text, sizeof text);
    sprintf(expected, "source %s/with\\040space tmpfs ro,nosuid", cwd);
    CHECK(strstr(text, expected) != NULL);
}

TEST(pivot_root_swaps)
{
    own_namespace();
    tmpfs_at("new", NULL);
    OK(mkdir("new/old", 0755));
    write_file("new/inside", "x");
    char cwd[PATH_MAX], path[PATH_MAX + 10];
    CHECK(getcwd(cwd, sizeof cwd) != NULL);
    FAILS(EINVAL, syscall(SYS_pivot_root, "new", "."));
    OK(chdir("new"));
    OK(syscall(SYS_pivot_root, ".", "old"));
    OK(chdir("/"));
    OK(stat("/inside", &st));
    sprintf(path, "/old%s", cwd);
    OK(stat(path, &st));
    OK(umount2("/old", MNT_DETACH));
    FAILS(ENOENT, stat(path, &st));
    OK(stat("/inside", &st));
}

TEST(pivot_root_onto_itself)
{
    own_namespace();
    tmpfs_at("new", NULL);
    write_file("new/inside", "x");
    OK(chdir("new"));
    OK(syscall(SYS_pivot_root, ".", "."));
    OK(umount2(".", MNT_DETACH));
    OK(chdir("/"));
    OK(stat("/inside", &st));
    FAILS(ENOENT, stat("/bin", &st));
}

TEST(mount_refusals)
{
    own_namespace();
    OK(mkdir("d", 0755));
    FAILS(ENOENT, mount("none", "missing", "tmpfs", 0, NULL));
    FAILS(ENODEV, mount("none", "d", "no-such-fs", 0, NULL));
    FAILS(EINVAL, mount("none", "d", NULL, MS_REMOUNT, NULL));
    FAILS(ENOENT, mount("missing", "d", NULL, MS_BIND, NULL));
    FAILS(EINVAL, mount(NULL, "d", NULL, MS_SHARED | MS_PRIVATE, NULL));
    EXITS(0, CHILD({ OK(setresuid(1000, 1000, 1000)); FAILS(EPERM, mount("none", "d", "tmpfs", 0, NULL)); }));
    EXITS(0, CHILD({ OK(setresuid(1000, 1000, 1000)); FAILS(EPERM, umount("/proc")); }));
    EXITS(0, CHILD({ OK(setresuid(1000, 1000, 1000)); FAILS(EPERM, unshare(CLONE_NEWNS)); }));
}

static void map_root(uid_t outside)
{
    char text[64];
    sprintf(text, "0 %d 1", outside);
    write_file("/proc/self/setgroups", "deny");
    write_file("/proc/self/uid_map", text);
    write_file("/proc/self/gid_map", text);
}

TEST(an_ordinary_user_mounts_in_a_user_name_space)
{
    OK(chmod(".", 0777));
    OK(setresgid(1000, 1000, 1000));
    OK(setresuid(1000, 1000, 1000));
    OK(prctl(PR_SET_DUMPABLE, 1));
    OK(mkdir("d", 0755));
    OK(unshare(CLONE_NEWUSER | CLONE_NEWNS));
    map_root(1000);
    EQ(0, getuid());
    OK(mount("none", "d", "tmpfs", 0, NULL));
    write_file("d/f", "x");
    OK(stat("d/f", &st));
    EQ(0, st.st_uid);
    OK(stat(".", &st));
    EQ(65534, st.st_uid);
    OK(umount("d"));
}

static void become_user(void)
{
    OK(setresgid(1000, 1000, 1000));
    OK(setresuid(1000, 1000, 1000));
    OK(prctl(PR_SET_DUMPABLE, 1));
}

// A new read-only instance (sysfs is read-only in a container) by way of fsopen(2): 0, or -1 from what refused it.
static int fresh_mount(const char *type)
{
    int configuration = syscall(SYS_fsopen, type, 0);
    if (configuration == -1) {
        return -1;
    }
    int result = syscall(SYS_fsconfig, configuration, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
    if (result == 0) {
        result = syscall(SYS_fsmount, configuration, 0, MOUNT_ATTR_RDONLY);
    }
    int error = errno;
    if (result > 0) {
        close(result);
        result = 0;
    }
    close(configuration);
    errno = error;
    return result;
}

TEST(instances_belong_to_the_name_space_they_show)
{
    static const char *types[] = { "proc", "sysfs", "mqueue", "cgroup2" };
    OK(mkdir("p", 0777));
    become_user();
    EXITS(0, CHILD({
        OK(unshare(CLONE_NEWUSER | CLONE_NEWNS));
        map_root(1000);
        for (int i = 0; i < 4; i++) {
            FAILS(EPERM, mount("none", "p", types[i], 0, NULL));
            FAILS(EPERM, fresh_mount(types[i]));
        }
    }));
    OK(unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWCGROUP));
    map_root(1000);
    EXITS(0, CHILD({
        for (int i = 0; i < 4; i++) {
            OK(mount("none", "p", types[i], MS_RDONLY, NULL));
            OK(umount("p"));
            OK(fresh_mount(types[i]));
        }
    }));
}

// Whether a user name space with all it needs may mount the type, both ways.
static bool may_mount(const char *type)
{
    pid_t child = CHILD({
        become_user();
        OK(unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET));
        map_root(1000);
        pid_t inner = CHILD({
            bool may = mount("none", "p", type, MS_RDONLY, NULL) == 0;
            CHECK(may || errno == EPERM);
            int fresh = fresh_mount(type);
            CHECK(may == (fresh == 0) && (may || errno == EPERM));
            _exit(may ? 10 : 11);
        });
        int status;
        EQ(inner, guest_wait(inner, &status));
        _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
    });
    int status;
    EQ(child, guest_wait(child, &status));
    CHECK(WIFEXITED(status) && (WEXITSTATUS(status) == 10 || WEXITSTATUS(status) == 11));
    return WEXITSTATUS(status) == 10;
}

TEST(what_is_masked_stays_masked)
{
    own_namespace();
    OK(mkdir("p", 0777));
    OK(chmod(".", 0777));
    CHECK(may_mount("proc"));
    CHECK(may_mount("sysfs"));
    OK(mount("none", "/proc/sys", "tmpfs", MS_RDONLY, NULL));
    CHECK(!may_mount("proc"));
    CHECK(may_mount("sysfs"));
    OK(umount("/proc/sys"));
    CHECK(may_mount("proc"));
    OK(mount("/dev/null", "/proc/version", NULL, MS_BIND, NULL));
    CHECK(!may_mount("proc"));
    OK(umount("/proc/version"));
    OK(mount("none", "/sys/kernel", "tmpfs", 0, NULL));
    CHECK(!may_mount("sysfs"));
    CHECK(may_mount("proc"));
    OK(umount("/sys/kernel"));
    OK(mount("none", "/sys/fs/cgroup", "tmpfs", 0, NULL));
    CHECK(may_mount("sysfs"));
    OK(umount("/sys/fs/cgroup"));
}

TEST(a_read_only_proc_allows_no_other)
{
    own_namespace();
    OK(mkdir("p", 0777));
    OK(chmod(".", 0777));
    OK(mount(NULL, "/proc", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));
    EXITS(0, CHILD({
        become_user();
        OK(unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID));
        EXITS(0, CHILD({
            FAILS(EPERM, mount("none", "p", "proc", 0, NULL));
            FAILS(EPERM, mount("none", "p", "proc", MS_RDONLY | MS_NOATIME, NULL));
            OK(mount("none", "p", "proc", MS_RDONLY, NULL));
            FAILS(EPERM, mount(NULL, "p", NULL, MS_REMOUNT | MS_BIND, NULL));
            FAILS(EPERM, mount(NULL, "p", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOATIME, NULL));
        }));
    }));
}

TEST(overlay_of_two_layers)
{
    own_namespace();
    tmpfs_at("o", NULL);
    OK(chdir("o"));
    OK(mkdir("lower", 0755));
    OK(mkdir("upper", 0755));
    OK(mkdir("work", 0755));
    OK(mkdir("merged", 0755));
    write_file("lower/both", "lower");
    write_file("lower/low", "low");
    write_file("upper/both", "upper");
    OK(mount("none", "merged", "overlay", 0, "lowerdir=lower,upperdir=upper,workdir=work"));
    char text[16];
    read_file("merged/both", text, sizeof text);
    STREQ("upper", text);
    write_file("merged/low", "changed");
    read_file("lower/low", text, sizeof text);
    STREQ("low", text);
    read_file("upper/low", text, sizeof text);
    STREQ("changed", text);
    OK(unlink("merged/both"));
    FAILS(ENOENT, stat("merged/both", &st));
    OK(stat("lower/both", &st));
    DIR *folder = opendir("merged");
    int count = 0;
    while (readdir(folder) != NULL) {
        count++;
    }
    EQ(3, count);
    write_file("merged/both", "again");
    read_file("merged/both", text, sizeof text);
    STREQ("again", text);
}

TEST(proc_and_sysfs_can_be_mounted)
{
    own_namespace();
    OK(mkdir("p", 0755));
    OK(mount("proc", "p", "proc", 0, NULL));
    OK(stat("p/self/status", &st));
    OK(mkdir("s", 0755));
    OK(mount("sysfs", "s", "sysfs", 0, NULL));
    OK(stat("s/kernel", &st));
}

static int mounts_seen(void)
{
    FILE *file = fopen("/proc/self/mounts", "r");
    CHECK(file != NULL);
    int lines = 0;
    for (int c = getc(file); c != EOF; c = getc(file)) {
        lines += c == '\n';
    }
    fclose(file);
    return lines;
}

TEST(a_shared_tree_bound_below_itself)
{
    own_namespace();
    int before = mounts_seen();
    tmpfs_at("t", "size=1m");
    OK(mount(NULL, "t", NULL, MS_REC | MS_SHARED, NULL));
    OK(mkdir("t/b", 0755));
    // Each round at least doubles what there is.
    int rounds = 0;
    while (rounds < 40 && mount("t", "t/b", NULL, MS_BIND | MS_REC, NULL) == 0) {
        rounds++;
    }
    EQ(ENOSPC, errno);
    CHECK(rounds >= 3);
    // What is on top goes, and all of its copies: the first mount is left.
    OK(umount2("t", MNT_DETACH));
    EQ(before + 1, mounts_seen());
    EQ(0, access("t/b", F_OK));
    OK(umount2("t", 0));
    EQ(before, mounts_seen());
}

// Two peers a and b with a tmpfs on a/m and its copy on b/m, which is made private.
static void peers_with_a_copy(void)
{
    own_namespace();
    tmpfs_at("a", "size=1m");
    OK(mount(NULL, "a", NULL, MS_SHARED, NULL));
    OK(mkdir("a/m", 0755));
    OK(mkdir("b", 0755));
    OK(mount("a", "b", NULL, MS_BIND, NULL));
    tmpfs_at("a/m", "size=1m");
    OK(close(OK(open("a/m/first", O_CREAT | O_RDWR, 0600))));
    OK(access("b/m/first", F_OK));
    OK(mount(NULL, "b/m", NULL, MS_PRIVATE, NULL));
}

TEST(umount_takes_a_copy_from_under_what_covers_it)
{
    peers_with_a_copy();
    tmpfs_at("b/m", "size=1m");
    OK(close(OK(open("b/m/second", O_CREAT | O_RDWR, 0600))));
    int before = mounts_seen();
    OK(umount2("a/m", 0));
    EQ(before - 2, mounts_seen());
    OK(access("b/m/second", F_OK));
    FAILS(ENOENT, access("a/m/first", F_OK));
    OK(umount2("b/m", 0));
    FAILS(ENOENT, access("b/m/first", F_OK));
    FAILS(EINVAL, umount2("b/m", 0));
}

// What is mounted where a less privileged name space has it locked goes there too, unless it holds something of that
// name space's own.
TEST(umount_reaches_locked_slaves)
{
    own_namespace();
    tmpfs_at("s", "size=1m");
    OK(mount(NULL, "s", NULL, MS_SHARED, NULL));
    const char *places[] = { "s/a", "s/a/x", "s/b", "s/b/x" };
    for (int i = 0; i < 4; i++) {
        tmpfs_at(places[i], "size=1m");
    }
    int ready[2];
    int done[2];
    OK(pipe(ready));
    OK(pipe(done));
    pid_t child = CHILD({
        OK(unshare(CLONE_NEWUSER | CLONE_NEWNS));
        map_root(0);
        FAILS(EINVAL, umount2("s/a/x", 0));
        FAILS(EINVAL, umount2("s/b", MNT_DETACH));
        OK(mount("none", "s/b/x", "tmpfs", 0, "size=1m"));
        OK(mkdir("s/a/d", 0755));
        OK(mkdir("s/b/d", 0755));
        OK(mount("none", "s/b/d", "tmpfs", 0, "size=1m"));
        int before = mounts_seen();
        send_byte(ready[1]);
        await_byte(done[0]);
        EQ(before - 2, mounts_seen());
        FAILS(ENOENT, access("s/a/d", F_OK));
        OK(access("s/b/d", F_OK));
        OK(umount2("s/b/d", 0));
        OK(umount2("s/b/x", 0));
    });
    await_byte(ready[0]);
    OK(umount2("s/a", MNT_DETACH));
    OK(umount2("s/b", MNT_DETACH));
    send_byte(done[1]);
    EXITS(0, child);
}

TEST(umount_leaves_a_copy_that_holds_something)
{
    peers_with_a_copy();
    OK(mkdir("b/m/d", 0755));
    tmpfs_at("b/m/d", "size=1m");
    int before = mounts_seen();
    OK(umount2("a/m", 0));
    EQ(before - 1, mounts_seen());
    OK(access("b/m/first", F_OK));
    FAILS(ENOENT, access("a/m/first", F_OK));
    OK(umount2("b/m/d", 0));
    OK(umount2("b/m", 0));
    FAILS(ENOENT, access("b/m/first", F_OK));
}

TEST(a_high_stack_of_mounts)
{
    own_namespace();
    OK(mkdir("t", 0755));
    for (int i = 0; i < 8000; i++) {
        OK(mount("t", "t", NULL, MS_BIND, NULL));
    }
    EXITS(0, CHILD({ OK(unshare(CLONE_NEWNS)); }));
    CHECK(mounts_seen() >= 8000);
    for (int i = 0; i < 8000; i++) {
        OK(umount2("t", MNT_DETACH));
    }
}

TEST(overlays_of_overlays_end)
{
    own_namespace();
    OK(mkdir("0", 0755));
    OK(mkdir("empty", 0755));
    char here[4096], options[9000], name[16];
    CHECK(getcwd(here, sizeof here) != NULL);
    int depth = 0;
    for (;;) {
        snprintf(options, sizeof options, "lowerdir=%s/%d:%s/empty", here, depth, here);
        snprintf(name, sizeof name, "%d", depth + 1);
        OK(mkdir(name, 0755));
        if (mount("none", name, "overlay", 0, options) == -1) {
            break;
        }
        depth++;
        CHECK(depth < 4);
    }
    EQ(EINVAL, errno);
    CHECK(depth >= 1);
}
