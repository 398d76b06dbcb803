// inotify: events, masks, cookies, limits.
#include "guest.h"
#include <sys/inotify.h>

static char buffer[16384];
static ssize_t filled, at;

static int start(void)
{
    filled = at = 0;
    return OK(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
}

// The next event; FAILs if there is none.
static struct inotify_event *next(int fd)
{
    if (at == filled) {
        filled = OK(read(fd, buffer, sizeof buffer));
        at = 0;
    }
    struct inotify_event *event = (struct inotify_event *)(buffer + at);
    at += sizeof *event + event->len;
    return event;
}

static void expect(int fd, int watch, uint32_t mask, const char *name)
{
    struct inotify_event *event = next(fd);
    EQ(mask, event->mask);
    EQ(watch, event->wd);
    STREQ(name, event->len == 0 ? "" : event->name);
}

static void expect_none(int fd)
{
    EQ(filled, at);
    FAILS(EAGAIN, read(fd, buffer, sizeof buffer));
}

TEST(a_files_life_in_a_watched_folder)
{
    int fd = start(), watch = OK(inotify_add_watch(fd, ".", IN_ALL_EVENTS));
    int file = OK(open("f", O_RDWR | O_CREAT, 0600));
    expect(fd, watch, IN_CREATE, "f");
    expect(fd, watch, IN_OPEN, "f");
    EQ(1, write(file, "x", 1));
    expect(fd, watch, IN_MODIFY, "f");
    EQ(1, pread(file, buffer + 8000, 1, 0));
    expect(fd, watch, IN_ACCESS, "f");
    OK(fchmod(file, 0644));
    expect(fd, watch, IN_ATTRIB, "f");
    OK(ftruncate(file, 0));
    expect(fd, watch, IN_MODIFY, "f");
    OK(close(file));
    expect(fd, watch, IN_CLOSE_WRITE, "f");
    OK(close(OK(open("f", O_RDONLY))));
    expect(fd, watch, IN_OPEN, "f");
    expect(fd, watch, IN_CLOSE_NOWRITE, "f");
    OK(unlink("f"));
    expect(fd, watch, IN_DELETE, "f");
    expect_none(fd);
}

TEST(renames_carry_a_cookie)
{
    OK(mkdir("a", 0755));
    OK(mkdir("b", 0755));
    write_file("a/f", "x");
    int fd = start(), a = OK(inotify_add_watch(fd, "a", IN_MOVE)), b = OK(inotify_add_watch(fd, "b", IN_MOVE));
    int self = OK(inotify_add_watch(fd, "a/f", IN_MOVE_SELF));
    OK(rename("a/f", "b/g"));
    struct inotify_event *event = next(fd);
    EQ(IN_MOVED_FROM, event->mask);
    EQ(a, event->wd);
    STREQ("f", event->name);
    uint32_t cookie = event->cookie;
    CHECK(cookie != 0);
    event = next(fd);
    EQ(IN_MOVED_TO, event->mask);
    EQ(b, event->wd);
    EQ(cookie, event->cookie);
    STREQ("g", event->name);
    expect(fd, self, IN_MOVE_SELF, "");
}

TEST(folders_carry_the_directory_bit)
{
    int fd = start(), watch = OK(inotify_add_watch(fd, ".", IN_CREATE | IN_DELETE));
    OK(mkdir("d", 0755));
    expect(fd, watch, IN_CREATE | IN_ISDIR, "d");
    OK(rmdir("d"));
    expect(fd, watch, IN_DELETE | IN_ISDIR, "d");
}

TEST(deleting_the_watched_file_ends_the_watch)
{
    write_file("f", "x");
    int fd = start(), watch = OK(inotify_add_watch(fd, "f", IN_DELETE_SELF | IN_ATTRIB));
    OK(unlink("f"));
    expect(fd, watch, IN_ATTRIB, "");
    expect(fd, watch, IN_DELETE_SELF, "");
    expect(fd, watch, IN_IGNORED, "");
    FAILS(EINVAL, inotify_rm_watch(fd, watch));
}

TEST(removing_a_watch)
{
    int fd = start(), watch = OK(inotify_add_watch(fd, ".", IN_CREATE));
    OK(inotify_rm_watch(fd, watch));
    expect(fd, watch, IN_IGNORED, "");
    write_file("f", "x");
    expect_none(fd);
    CHECK(inotify_add_watch(fd, ".", IN_CREATE) != watch);
}

TEST(the_same_inode_has_one_watch)
{
    int fd = start(), watch = OK(inotify_add_watch(fd, ".", IN_CREATE));
    EQ(watch, inotify_add_watch(fd, ".", IN_DELETE));
    write_file("f", "x");
    expect_none(fd);
    EQ(watch, inotify_add_watch(fd, ".", IN_CREATE | IN_MASK_ADD));
    OK(unlink("f"));
    expect(fd, watch, IN_DELETE, "f");
    FAILS(EEXIST, inotify_add_watch(fd, ".", IN_CREATE | IN_MASK_CREATE));
}

TEST(equal_events_in_a_row_merge)
{
    write_file("f", "x");
    int file = OK(open("f", O_WRONLY));
    int fd = start(), watch = OK(inotify_add_watch(fd, "f", IN_MODIFY));
    for (int i = 0; i < 5; i++) {
        EQ(1, write(file, "x", 1));
    }
    expect(fd, watch, IN_MODIFY, "");
    expect_none(fd);
}

TEST(one_shot_watches)
{
    int fd = start(), watch = OK(inotify_add_watch(fd, ".", IN_CREATE | IN_ONESHOT));
    write_file("f", "x");
    expect(fd, watch, IN_CREATE, "f");
    expect(fd, watch, IN_IGNORED, "");
    write_file("g", "x");
    expect_none(fd);
}

TEST(watch_refusals)
{
    write_file("f", "x");
    int fd = start();
    FAILS(ENOENT, inotify_add_watch(fd, "missing", IN_CREATE));
    FAILS(EINVAL, inotify_add_watch(fd, "f", 0));
    FAILS(ENOTDIR, inotify_add_watch(fd, "f", IN_CREATE | IN_ONLYDIR));
    FAILS(EBADF, inotify_add_watch(999, "f", IN_CREATE));
    FAILS(EINVAL, inotify_add_watch(0, "f", IN_CREATE));
    FAILS(EINVAL, inotify_rm_watch(fd, 77));
    FAILS(EINVAL, inotify_init1(0x10));
    OK(symlink("missing", "s"));
    OK(inotify_add_watch(fd, "s", IN_ATTRIB | IN_DONT_FOLLOW));
}

TEST(small_buffers_poll_and_count)
{
    int fd = start();
    OK(inotify_add_watch(fd, ".", IN_CREATE));
    struct pollfd entry = { fd, POLLIN, 0 };
    EQ(0, poll(&entry, 1, 0));
    write_file("f", "x");
    EQ(1, poll(&entry, 1, 0));
    FAILS(EINVAL, read(fd, buffer, 16));
    int count = 0;
    OK(ioctl(fd, FIONREAD, &count));
    EQ(32, count);
}

TEST(a_reader_is_woken)
{
    int fd = OK(inotify_init1(0));
    OK(inotify_add_watch(fd, ".", IN_CREATE));
    pid_t child = CHILD({ EQ(32, read(fd, buffer, sizeof buffer)); });
    await_state(child, 'S');
    write_file("f", "x");
    EXITS(0, child);
}

TEST(hard_links_and_their_removal)
{
    write_file("f", "x");
    int fd = start(), folder = OK(inotify_add_watch(fd, ".", IN_CREATE | IN_DELETE));
    int file = OK(inotify_add_watch(fd, "f", IN_ATTRIB));
    OK(link("f", "g"));
    expect(fd, file, IN_ATTRIB, "");
    expect(fd, folder, IN_CREATE, "g");
    OK(unlink("g"));
    struct inotify_event *event = next(fd);
    EQ(IN_ATTRIB, event->mask);
    expect(fd, folder, IN_DELETE, "g");
}
