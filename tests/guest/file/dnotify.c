// fcntl(F_NOTIFY): signals about what happens in a directory.
#include "guest.h"
#include <sys/stat.h>

static int fence;

static int watch(const char *directory, long events)
{
    int fd = OK(open(directory, O_RDONLY | O_DIRECTORY));
    OK(fcntl(fd, F_SETSIG, SIGRTMIN));
    OK(fcntl(fd, F_NOTIFY, events));
    return fd;
}

// Signals are queued in order: what comes before the fence's own has to do with the watches under test.
static void start(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    sigaddset(&set, SIGIO);
    OK(sigprocmask(SIG_BLOCK, &set, NULL));
    OK(mkdir("fence", 0700));
    OK(mkdir("d", 0700));
    fence = watch("fence", (long)(DN_CREATE | DN_MULTISHOT));
}

static siginfo_t next(int signal)
{
    siginfo_t info;
    sigset_t set;
    struct timespec limit = { 5, 0 };
    sigemptyset(&set);
    sigaddset(&set, signal);
    EQ(signal, OK(sigtimedwait(&set, &info, &limit)));
    return info;
}

static void expect(int fd)
{
    siginfo_t info = next(SIGRTMIN);
    EQ(fd, info.si_fd);
    EQ(POLL_MSG, info.si_code);
    EQ(POLLIN | POLLRDNORM | POLLMSG, info.si_band);
}

static void make(const char *path)
{
    close(OK(open(path, O_CREAT | O_EXCL | O_WRONLY, 0600)));
}

static void expect_none(void)
{
    static int count;
    char path[32];
    snprintf(path, sizeof path, "fence/%d", count++);
    make(path);
    expect(fence);
}

TEST(one_event_ends_a_notice_without_multishot)
{
    start();
    int fd = watch("d", DN_CREATE);
    EQ(getpid(), OK(fcntl(fd, F_GETOWN)));
    make("d/one");
    expect(fd);
    make("d/two");
    expect_none();
}

TEST(multishot_goes_on_until_it_is_cancelled)
{
    start();
    int fd = watch("d", (long)(DN_CREATE | DN_DELETE | DN_MULTISHOT));
    make("d/one");
    expect(fd);
    OK(mkdir("d/two", 0700));
    expect(fd);
    OK(unlink("d/one"));
    expect(fd);
    OK(chmod("d/two", 0755));
    expect_none();
    OK(fcntl(fd, F_NOTIFY, 0));
    OK(rmdir("d/two"));
    expect_none();
}

TEST(each_event_has_its_bit)
{
    start();
    make("d/f");
    int file = OK(open("d/f", O_RDWR)), fd = watch("d", (long)(DN_MODIFY | DN_MULTISHOT));
    char byte;
    EQ(1, write(file, "x", 1));
    expect(fd);
    EQ(1, pread(file, &byte, 1, 0));
    OK(fchmod(file, 0640));
    expect_none();
    OK(fcntl(fd, F_NOTIFY, (long)(DN_ACCESS | DN_MULTISHOT)));
    EQ(1, pread(file, &byte, 1, 0));
    expect(fd);
    EQ(1, write(file, "x", 1));
    expect(fd);
    int other = watch("d", DN_ATTRIB);
    OK(fchmod(file, 0644));
    expect(other);
    expect_none();
}

TEST(a_move_is_a_creation_and_a_deletion)
{
    start();
    OK(mkdir("e", 0700));
    make("d/f");
    int from = watch("d", (long)(DN_DELETE | DN_MULTISHOT)), to = watch("e", (long)(DN_CREATE | DN_MULTISHOT));
    OK(rename("d/f", "e/f"));
    expect(from);
    expect(to);
    expect_none();
}

TEST(a_rename_within_the_directory)
{
    start();
    make("d/f");
    int fd = watch("d", (long)(DN_RENAME | DN_MULTISHOT));
    OK(rename("d/f", "d/g"));
    expect(fd);
    expect_none();
}

TEST(a_rename_into_another_directory)
{
    start();
    OK(mkdir("e", 0700));
    make("d/f");
    int from = watch("d", (long)(DN_RENAME | DN_MULTISHOT));
    (void)from;
    watch("e", (long)(DN_RENAME | DN_MULTISHOT));
    OK(rename("d/f", "e/f"));
    expect_none();
}

TEST(closing_any_copy_of_the_descriptor_ends_it)
{
    start();
    int fd = watch("d", (long)(DN_CREATE | DN_MULTISHOT)), copy = OK(dup(fd));
    make("d/one");
    expect(fd);
    OK(close(copy));
    make("d/two");
    expect_none();
}

TEST(a_child_does_not_inherit_it)
{
    start();
    int fd = watch("d", (long)(DN_CREATE | DN_MULTISHOT));
    pid_t pid = CHILD({ OK(close(fd)); });
    EXITS(0, pid);
    make("d/one");
    expect(fd);
}

TEST(without_setsig_it_is_a_plain_sigio)
{
    start();
    int fd = OK(open("d", O_RDONLY | O_DIRECTORY));
    OK(fcntl(fd, F_NOTIFY, DN_CREATE));
    make("d/one");
    siginfo_t info = next(SIGIO);
    EQ(SI_KERNEL, info.si_code);
}

TEST(only_directories_can_be_watched)
{
    make("f");
    int fd = OK(open("f", O_RDONLY));
    FAILS(ENOTDIR, fcntl(fd, F_NOTIFY, DN_CREATE));
    OK(fcntl(fd, F_NOTIFY, 0));
    int path = OK(open(".", O_PATH));
    FAILS(EBADF, fcntl(path, F_NOTIFY, DN_CREATE));
}
