// Permissions: the matrix, directories, sticky, set-group-id, chmod, chown.
#include "guest.h"

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif
#include <grp.h>

static struct stat st;

static void become(uid_t user, gid_t group)
{
    OK(setgroups(0, NULL));
    OK(setresgid(group, group, group));
    OK(setresuid(user, user, user));
}

TEST(the_permission_matrix)
{
    OK(chmod(".", 0755));
    for (int mode = 0; mode < 8; mode++) {
        char name[8];
        sprintf(name, "f%d", mode);
        write_file(name, "x");
        OK(chown(name, 1000, 2000));
    }
    struct { uid_t user; gid_t group; int shift; } who[] = { { 1000, 3000, 6 }, { 1001, 2000, 3 }, { 1001, 3000, 0 } };
    for (int i = 0; i < 3; i++) {
        for (int mode = 0; mode < 8; mode++) {
            char name[8];
            sprintf(name, "f%d", mode);
            // All others get the opposite bits: only the first class that applies counts.
            int others = (~mode & 7) * 0111 & ~(7 << who[i].shift);
            OK(chmod(name, others | mode << who[i].shift));
        }
        EXITS(0, CHILD({
            become(who[i].user, who[i].group);
            for (int mode = 0; mode < 8; mode++) {
                char name[8];
                sprintf(name, "f%d", mode);
                EQ((mode & 4) != 0, access(name, R_OK) == 0);
                EQ((mode & 2) != 0, access(name, W_OK) == 0);
                EQ((mode & 1) != 0, access(name, X_OK) == 0);
                int fd = open(name, O_RDONLY);
                EQ((mode & 4) != 0, fd != -1);
                fd = open(name, O_WRONLY);
                EQ((mode & 2) != 0, fd != -1);
                fd = open(name, O_RDWR);
                EQ((mode & 6) == 6, fd != -1);
            }
        }));
    }
}

TEST(root_overrides_but_needs_one_execute_bit)
{
    write_file("f", "x");
    OK(chmod("f", 0));
    OK(access("f", R_OK | W_OK));
    FAILS(EACCES, access("f", X_OK));
    OK(chmod("f", 0001));
    OK(access("f", X_OK));
    OK(mkdir("d", 0));
    OK(access("d", X_OK));
    FAILS(EINVAL, access("f", 8));
    FAILS(ENOENT, access("missing", F_OK));
}

TEST(search_permission_on_directories)
{
    OK(chmod(".", 0755));
    OK(mkdir("d", 0755));
    write_file("d/f", "x");
    OK(chmod("d", 0744));
    EXITS(0, CHILD({
        become(1000, 1000);
        FAILS(EACCES, stat("d/f", &st));
        FAILS(EACCES, chdir("d"));
        OK(close(OK(open("d", O_RDONLY))));
        FAILS(EACCES, stat("d/missing", &st));
    }));
    OK(chmod("d", 0711));
    EXITS(0, CHILD({
        become(1000, 1000);
        OK(stat("d/f", &st));
        FAILS(EACCES, open("d", O_RDONLY));
        OK(chdir("d"));
        FAILS(EACCES, open("new", O_CREAT | O_RDWR, 0600));
        FAILS(EACCES, unlink("f"));
        FAILS(EACCES, mkdir("new", 0700));
        FAILS(EACCES, rename("f", "g"));
    }));
}

TEST(sticky_directories_protect_entries)
{
    OK(chmod(".", 01777));
    write_file("roots", "x");
    EXITS(0, CHILD({ become(1000, 1000); write_file("one", "x"); OK(mkdir("dir", 0777)); }));
    EXITS(0, CHILD({
        become(2000, 2000);
        write_file("two", "x");
        FAILS(EPERM, unlink("one"));
        FAILS(EPERM, rename("one", "x"));
        FAILS(EPERM, rename("two", "one"));
        FAILS(EPERM, rmdir("dir"));
        FAILS(EPERM, unlink("roots"));
        OK(unlink("two"));
    }));
    OK(chown(".", 2000, 2000));
    EXITS(0, CHILD({ become(2000, 2000); OK(unlink("one")); }));
}

TEST(set_group_id_directories_pass_the_group_on)
{
    OK(mkdir("d", 0777));
    OK(chown("d", 0, 555));
    OK(chmod("d", 02777));
    write_file("d/f", "x");
    OK(mkdir("d/sub", 0755));
    OK(stat("d/f", &st));
    EQ(555, st.st_gid);
    OK(stat("d/sub", &st));
    EQ(555, st.st_gid);
    EQ(02755, st.st_mode & 07777);
    EXITS(0, CHILD({
        become(1000, 1000);
        OK(close(OK(open("d/g", O_CREAT | O_RDWR, 02771))));
        OK(stat("d/g", &st));
        EQ(555, st.st_gid);
        EQ(0, st.st_mode & S_ISGID);
    }));
}

TEST(chmod_is_for_the_owner)
{
    OK(chmod(".", 0777));
    write_file("f", "x");
    OK(chmod("f", 07777));
    OK(stat("f", &st));
    EQ(07777, st.st_mode & 07777);
    EXITS(0, CHILD({ become(1000, 1000); FAILS(EPERM, chmod("f", 0777)); }));
    OK(chown("f", 1000, 555));
    EXITS(0, CHILD({
        become(1000, 1000);
        OK(chmod("f", 02755));
        OK(stat("f", &st));
        EQ(0755, st.st_mode & 07777);
        OK(chmod("f", 04755));
        OK(stat("f", &st));
        EQ(04755, st.st_mode & 07777);
    }));
    FAILS(ENOENT, chmod("missing", 0));
    int fd = OK(open("f", O_RDONLY));
    OK(fchmod(fd, 0600));
    OK(symlink("f", "s"));
    FAILS(EOPNOTSUPP, syscall(SYS_fchmodat2, AT_FDCWD, "s", 0600, AT_SYMLINK_NOFOLLOW));
    OK(syscall(SYS_fchmodat, AT_FDCWD, "s", 0640));
    OK(stat("f", &st));
    EQ(0640, st.st_mode & 07777);
}

TEST(chown_clears_set_id_bits)
{
    write_file("f", "x");
    OK(chmod("f", 06755));
    OK(chown("f", 1000, 1000));
    OK(stat("f", &st));
    EQ(0755, st.st_mode & 07777);
    OK(chmod("f", 06745));
    OK(chown("f", -1, 2000));
    OK(stat("f", &st));
    // Without group execution the bit means mandatory locking and stays.
    EQ(02745, st.st_mode & 07777);
    EQ(1000, st.st_uid);
    EQ(2000, st.st_gid);
    OK(mkdir("d", 0755));
    OK(chmod("d", 06755));
    OK(chown("d", 5, 5));
    OK(stat("d", &st));
    EQ(06755, st.st_mode & 07777);
}

TEST(chown_rules_for_ordinary_users)
{
    OK(chmod(".", 0777));
    gid_t groups[] = { 77 };
    OK(setgroups(1, groups));
    OK(setresgid(1000, 1000, 1000));
    OK(setresuid(1000, 1000, 1000));
    write_file("f", "x");
    FAILS(EPERM, chown("f", 1001, -1));
    FAILS(EPERM, chown("f", -1, 88));
    OK(chown("f", -1, 77));
    OK(chown("f", 1000, 1000));
    OK(chown("f", -1, -1));
    OK(chmod("f", 06777));
    OK(chown("f", -1, 77));
    OK(stat("f", &st));
    EQ(0777, st.st_mode & 07777);
    OK(symlink("f", "s"));
    OK(lchown("s", 1000, 77));
    OK(lstat("s", &st));
    EQ(77, st.st_gid);
    FAILS(EINVAL, fchownat(AT_FDCWD, "f", -1, -1, 0x8000000));
    int fd = OK(open("f", O_RDONLY));
    OK(fchownat(fd, "", -1, 77, AT_EMPTY_PATH));
}

TEST(writing_clears_set_id_bits)
{
    OK(chmod(".", 0777));
    write_file("f", "x");
    OK(chown("f", 1000, 1000));
    OK(chmod("f", 06777));
    EXITS(0, CHILD({
        become(2000, 2000);
        int fd = OK(open("f", O_WRONLY));
        EQ(1, write(fd, "y", 1));
    }));
    OK(stat("f", &st));
    EQ(0777, st.st_mode & 07777);
    OK(chmod("f", 06777));
    EXITS(0, CHILD({ become(2000, 2000); OK(truncate("f", 0)); }));
    OK(stat("f", &st));
    EQ(0777, st.st_mode & 07777);
}

TEST(truncate_needs_write_permission)
{
    OK(chmod(".", 0755));
    write_file("f", "x");
    OK(chmod("f", 0644));
    become(1000, 1000);
    FAILS(EACCES, truncate("f", 0));
    FAILS(EACCES, open("f", O_RDONLY | O_TRUNC));
}

TEST(protected_hard_links_or_not)
{
    char text[8] = "0";
    int fd = open("/proc/sys/fs/protected_hardlinks", O_RDONLY);
    if (fd != -1) {
        read(fd, text, 7);
    }
    OK(chmod(".", 0777));
    write_file("f", "x");
    OK(chmod("f", 0600));
    become(1000, 1000);
    if (text[0] == '1') {
        FAILS(EPERM, link("f", "l"));
    } else {
        OK(link("f", "l"));
    }
}

TEST(creation_does_not_open_what_others_left_in_a_sticky_directory)
{
    OK(mkdir("d", 0755));
    OK(chmod("d", 01777));
    OK(symlink("nowhere", "d/link"));
    OK(mknod("d/socket", S_IFSOCK | 0666, 0));
    OK(lchown("d/link", 1000, 1000));
    OK(chown("d/socket", 1000, 1000));
    FAILS(EACCES, open("d/link", O_CREAT | O_NOFOLLOW | O_WRONLY, 0600));
    FAILS(ELOOP, open("d/link", O_NOFOLLOW | O_WRONLY));
    FAILS(EACCES, open("d/socket", O_CREAT | O_WRONLY, 0600));
    FAILS(ENXIO, open("d/socket", O_WRONLY));
    OK(lchown("d/link", 0, 0));
    FAILS(ELOOP, open("d/link", O_CREAT | O_NOFOLLOW | O_WRONLY, 0600));
    OK(mkdir("d/sub", 0777));
    OK(chown("d/sub", 1000, 1000));
    FAILS(EISDIR, open("d/sub", O_CREAT | O_RDONLY, 0600));
}
