// sendfile, splice, tee, vmsplice, copy_file_range.
#include "guest.h"
#include <sys/sendfile.h>

static char data[200000], copy[200000];
static struct stat st;

static int file(const char *name, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        data[i] = (char)(i * 13 + i / 251);
    }
    int fd = OK(open(name, O_RDWR | O_CREAT | O_TRUNC, 0600));
    EQ(length, write(fd, data, length));
    EQ(0, lseek(fd, 0, SEEK_SET));
    return fd;
}

TEST(sendfile_between_files)
{
    int in = file("in", 100000), out = OK(open("out", O_RDWR | O_CREAT, 0600));
    EQ(100000, sendfile(out, in, NULL, 200000));
    EQ(100000, lseek(in, 0, SEEK_CUR));
    EQ(100000, pread(out, copy, sizeof copy, 0));
    CHECK(memcmp(data, copy, 100000) == 0);
    off_t offset = 99990;
    EQ(10, sendfile(out, in, &offset, 100));
    EQ(100000, offset);
    EQ(0, sendfile(out, in, &offset, 100));
    EQ(100000, lseek(in, 0, SEEK_CUR));
    EQ(0, sendfile(out, in, NULL, 100));
}

TEST(sendfile_to_pipe_and_socket)
{
    int in = file("in", 5000), fds[2];
    OK(pipe(fds));
    EQ(5000, sendfile(fds[1], in, NULL, 5000));
    EQ(5000, read(fds[0], copy, sizeof copy));
    CHECK(memcmp(data, copy, 5000) == 0);
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
    off_t offset = 100;
    EQ(4900, sendfile(fds[1], in, &offset, 5000));
    EQ(4900, recv(fds[0], copy, sizeof copy, MSG_WAITALL | MSG_DONTWAIT));
    CHECK(memcmp(data + 100, copy, 4900) == 0);
}

TEST(sendfile_refusals)
{
    int in = file("in", 10), fds[2], append = OK(open("out", O_WRONLY | O_CREAT | O_APPEND, 0600));
    OK(pipe(fds));
    FAILS(EINVAL, sendfile(append, in, NULL, 10));
    FAILS(EBADF, sendfile(OK(open("in", O_RDONLY)), in, NULL, 10));
    FAILS(EBADF, sendfile(fds[1], 999, NULL, 10));
    off_t negative = -1;
    FAILS(EINVAL, sendfile(fds[1], in, &negative, 10));
}

TEST(splice_in_and_out_of_a_pipe)
{
    int in = file("in", 50000), out = OK(open("out", O_RDWR | O_CREAT, 0600)), fds[2];
    OK(pipe(fds));
    loff_t offset = 1000;
    EQ(40000, splice(in, &offset, fds[1], NULL, 40000, 0));
    EQ(41000, offset);
    EQ(0, lseek(in, 0, SEEK_CUR));
    EQ(40000, splice(fds[0], NULL, out, NULL, 50000, SPLICE_F_MOVE));
    EQ(40000, pread(out, copy, sizeof copy, 0));
    CHECK(memcmp(data + 1000, copy, 40000) == 0);
    int more[2];
    OK(pipe(more));
    EQ(3, write(fds[1], "abc", 3));
    EQ(3, splice(fds[0], NULL, more[1], NULL, 100, 0));
    EQ(3, read(more[0], copy, 100));
}

TEST(splice_refusals)
{
    int in = file("in", 10), out = file("out", 10), fds[2];
    OK(pipe(fds));
    loff_t offset = 0;
    FAILS(EINVAL, splice(in, NULL, out, NULL, 10, 0));
    FAILS(ESPIPE, splice(in, NULL, fds[1], &offset, 10, 0));
    FAILS(EINVAL, splice(fds[0], NULL, fds[1], NULL, 10, 0));
    FAILS(EINVAL, splice(in, NULL, fds[1], NULL, 10, 0x100));
    FAILS(EBADF, splice(fds[1], NULL, out, NULL, 10, 0));
    FAILS(EAGAIN, splice(fds[0], NULL, out, NULL, 10, SPLICE_F_NONBLOCK));
    FAILS(EINVAL, splice(OK(open(".", O_RDONLY)), NULL, fds[1], NULL, 10, 0));
    EQ(0, splice(in, NULL, fds[1], NULL, 0, 0));
    OK(close(fds[1]));
    EQ(0, splice(fds[0], NULL, out, NULL, 10, 0));
}

TEST(tee_duplicates_without_consuming)
{
    int a[2], b[2];
    OK(pipe(a));
    OK(pipe(b));
    EQ(6, write(a[1], "abcdef", 6));
    EQ(4, tee(a[0], b[1], 4, 0));
    EQ(4, read(b[0], copy, 100));
    CHECK(memcmp(copy, "abcd", 4) == 0);
    EQ(6, read(a[0], copy, 100));
    FAILS(EAGAIN, tee(a[0], b[1], 4, SPLICE_F_NONBLOCK));
    FAILS(EINVAL, tee(file("f", 10), b[1], 4, 0));
    FAILS(EINVAL, tee(a[0], a[1], 4, 0));
}

TEST(vmsplice_gives_memory_to_a_pipe)
{
    int fds[2];
    OK(pipe(fds));
    struct iovec parts[2] = { { "one ", 4 }, { "two", 3 } };
    EQ(7, vmsplice(fds[1], parts, 2, 0));
    char text[16] = "";
    struct iovec into = { text, 16 };
    EQ(7, vmsplice(fds[0], &into, 1, 0));
    STREQ("one two", text);
    FAILS(EBADF, vmsplice(file("f", 10), parts, 2, 0));
}

TEST(copy_file_range_copies)
{
    int in = file("in", 50000), out = OK(open("out", O_RDWR | O_CREAT, 0600));
    EQ(50000, copy_file_range(in, NULL, out, NULL, 100000, 0));
    EQ(50000, pread(out, copy, sizeof copy, 0));
    CHECK(memcmp(data, copy, 50000) == 0);
    EQ(0, copy_file_range(in, NULL, out, NULL, 100, 0));
    loff_t from = 10, to = 60000;
    EQ(100, copy_file_range(in, &from, out, &to, 100, 0));
    EQ(110, from);
    EQ(60100, to);
    OK(fstat(out, &st));
    EQ(60100, st.st_size);
    from = 0;
    to = 1000;
    EQ(500, copy_file_range(in, &from, in, &to, 500, 0));
    EQ(500, pread(in, copy, 500, 1000));
    CHECK(memcmp(data, copy, 500) == 0);
}

TEST(copy_file_range_refusals)
{
    int in = file("in", 5000), out = OK(open("out", O_RDWR | O_CREAT | O_APPEND, 0600)), fds[2];
    loff_t a = 0, b = 100;
    FAILS(EBADF, copy_file_range(in, NULL, out, NULL, 10, 0));
    FAILS(EINVAL, copy_file_range(in, &a, in, &b, 500, 0));
    FAILS(EINVAL, copy_file_range(in, NULL, in, &b, 10, 1));
    FAILS(EISDIR, copy_file_range(OK(open(".", O_RDONLY)), NULL, in, NULL, 10, 0));
    OK(pipe(fds));
    FAILS(EINVAL, copy_file_range(fds[0], NULL, in, NULL, 10, 0));
    FAILS(EBADF, copy_file_range(999, NULL, in, NULL, 10, 0));
}
