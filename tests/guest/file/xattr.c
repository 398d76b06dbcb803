// Extended attributes through every way to name a file: by path, without following links, by descriptor.
#include "guest.h"
#include <sys/xattr.h>

static char text[200];

static bool listed(const char *names, ssize_t length, const char *name)
{
    for (const char *at = names; at < names + length; at += strlen(at) + 1) {
        if (strcmp(at, name) == 0) {
            return true;
        }
    }
    return false;
}

TEST(links_have_attributes_of_their_own)
{
    write_file("f", "x");
    OK(symlink("f", "s"));
    OK(lsetxattr("s", "trusted.link", "abc", 3, 0));
    OK(setxattr("s", "trusted.file", "d", 1, 0));
    EQ(3, lgetxattr("s", "trusted.link", text, sizeof text));
    CHECK(memcmp(text, "abc", 3) == 0);
    FAILS(ENODATA, lgetxattr("s", "trusted.file", text, sizeof text));
    FAILS(ENODATA, getxattr("s", "trusted.link", text, sizeof text));
    EQ(1, lgetxattr("f", "trusted.file", text, sizeof text));
    ssize_t length = OK(llistxattr("s", text, sizeof text));
    CHECK(listed(text, length, "trusted.link"));
    CHECK(!listed(text, length, "trusted.file"));
    length = OK(listxattr("s", text, sizeof text));
    CHECK(listed(text, length, "trusted.file"));
    FAILS(ENODATA, lremovexattr("s", "trusted.file"));
    OK(lremovexattr("s", "trusted.link"));
    FAILS(ENODATA, lgetxattr("s", "trusted.link", text, sizeof text));
    OK(removexattr("s", "trusted.file"));
    FAILS(ENODATA, getxattr("f", "trusted.file", text, sizeof text));
}

TEST(attributes_by_descriptor)
{
    int fd = OK(open("f", O_RDWR | O_CREAT, 0644));
    OK(fsetxattr(fd, attribute("a"), "1", 1, XATTR_CREATE));
    OK(fsetxattr(fd, attribute("b"), "22", 2, 0));
    FAILS(EEXIST, fsetxattr(fd, attribute("a"), "1", 1, XATTR_CREATE));
    ssize_t needed = OK(flistxattr(fd, NULL, 0));
    EQ(needed, flistxattr(fd, text, sizeof text));
    CHECK(listed(text, needed, attribute("a")));
    CHECK(listed(text, needed, attribute("b")));
    FAILS(ERANGE, flistxattr(fd, text, 3));
    OK(fremovexattr(fd, attribute("a")));
    FAILS(ENODATA, fremovexattr(fd, attribute("a")));
    FAILS(ENODATA, fgetxattr(fd, attribute("a"), text, sizeof text));
    EQ(2, fgetxattr(fd, attribute("b"), text, sizeof text));
    OK(unlink("f"));
    OK(fsetxattr(fd, attribute("c"), "3", 1, 0));
    EQ(1, fgetxattr(fd, attribute("c"), text, sizeof text));
    int path = OK(open(".", O_PATH));
    FAILS(EBADF, fgetxattr(path, attribute("a"), text, sizeof text));
    FAILS(EBADF, flistxattr(path, text, sizeof text));
    FAILS(EBADF, fremovexattr(path, attribute("a")));
    FAILS(EBADF, flistxattr(999, text, sizeof text));
}

TEST(descriptors_of_reading_suffice_but_mounts_and_modes_count)
{
    write_file("f", "x");
    int fd = OK(open("f", O_RDONLY));
    OK(fsetxattr(fd, attribute("r"), "1", 1, 0));
    OK(fremovexattr(fd, attribute("r")));
    int fds[2];
    OK(pipe(fds));
    FAILS(EOPNOTSUPP, fsetxattr(fds[0], "trusted.p", "1", 1, 0));
    FAILS(ENOENT, lgetxattr("missing", attribute("r"), text, 10));
    FAILS(ENOENT, llistxattr("missing", text, 10));
    FAILS(ENOENT, lremovexattr("missing", attribute("r")));
    FAILS(EFAULT, lgetxattr("f", (char *)8, text, 10));
    FAILS(EFAULT, lsetxattr("f", attribute("r"), (char *)8, 10, 0));
}

TEST(attributes_survive_copying_and_renaming)
{
    OK(mkdir("d", 0755));
    OK(setxattr("d", attribute("dir"), "1", 1, 0));
    write_file("d/f", "x");
    OK(setxattr("d/f", attribute("file"), "12", 2, 0));
    OK(rename("d/f", "g"));
    EQ(2, getxattr("g", attribute("file"), text, sizeof text));
    OK(link("g", "h"));
    OK(setxattr("h", attribute("file"), "123", 3, XATTR_REPLACE));
    EQ(3, getxattr("g", attribute("file"), text, sizeof text));
    OK(rename("d", "e"));
    EQ(1, getxattr("e", attribute("dir"), text, sizeof text));
    struct stat before, after;
    OK(stat("g", &before));
    pause_ms(20);
    OK(setxattr("g", attribute("file"), "", 0, 0));
    OK(stat("g", &after));
    CHECK(after.st_ctim.tv_sec != before.st_ctim.tv_sec || after.st_ctim.tv_nsec != before.st_ctim.tv_nsec);
    EQ(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
    EQ(0, getxattr("g", attribute("file"), text, sizeof text));
}
