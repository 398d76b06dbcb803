// read and write families, seeking, sparse files, truncation, fallocate, sync.
#include "guest.h"
#include <sys/sendfile.h>

static char data[1 << 20];
static struct stat st;

static int fresh(const char *text)
{
    write_file("f", text);
    return OK(open("f", O_RDWR));
}

TEST(reading_and_the_offset)
{
    int fd = fresh("0123456789");
    char text[16] = "";
    EQ(4, read(fd, text, 4));
    EQ(4, lseek(fd, 0, SEEK_CUR));
    EQ(6, read(fd, text, 16));
    EQ(0, read(fd, text, 16));
    EQ(0, read(fd, NULL, 0));
    EQ(3, pread(fd, text, 3, 2));
    CHECK(memcmp(text, "234", 3) == 0);
    EQ(10, lseek(fd, 0, SEEK_CUR));
    EQ(0, pread(fd, text, 3, 100));
    FAILS(EINVAL, pread(fd, text, 1, -1));
    FAILS(EBADF, read(999, text, 1));
}

TEST(seeking)
{
    int fd = fresh("0123456789");
    EQ(8, lseek(fd, -2, SEEK_END));
    EQ(5, lseek(fd, -3, SEEK_CUR));
    FAILS(EINVAL, lseek(fd, -1, SEEK_SET));
    FAILS(EINVAL, lseek(fd, -20, SEEK_END));
    FAILS(EINVAL, lseek(fd, 0, 99));
    EQ(1000, lseek(fd, 1000, SEEK_SET));
    EQ(1, write(fd, "x", 1));
    OK(fstat(fd, &st));
    EQ(1001, st.st_size);
    EQ(1, pread(fd, data, 1, 500));
    EQ(0, data[0]);
    int fds[2];
    OK(pipe(fds));
    FAILS(ESPIPE, lseek(fds[0], 0, SEEK_SET));
    FAILS(ESPIPE, pread(fds[0], data, 1, 0));
    FAILS(ESPIPE, pwrite(fds[1], data, 1, 0));
    FAILS(EINVAL, lseek(fd, INT64_MAX, SEEK_END));
}

TEST(vectors)
{
    int fd = fresh("");
    struct iovec parts[3] = { { "ab", 2 }, { NULL, 0 }, { "cde", 3 } };
    EQ(5, writev(fd, parts, 3));
    EQ(5, pwritev(fd, parts, 3, 5));
    char a[4] = "", b[8] = "";
    struct iovec into[2] = { { a, 3 }, { b, 7 } };
    EQ(10, preadv(fd, into, 2, 0));
    STREQ("abc", a);
    STREQ("deabcde", b);
    EQ(0, lseek(fd, 0, SEEK_SET));
    EQ(10, readv(fd, into, 2));
    FAILS(EINVAL, readv(fd, into, -1));
    FAILS(EINVAL, readv(fd, into, 1025));
    EQ(0, readv(fd, into, 0));
    into[0].iov_len = SIZE_MAX;
    FAILS(EINVAL, readv(fd, into, 1));
    into[0] = (struct iovec){ (void *)8, 3 };
    FAILS(EFAULT, preadv(fd, into, 1, 0));
}

TEST(preadv2_flags)
{
    int fd = fresh("0123456789");
    char text[8] = "";
    struct iovec part = { text, 3 };
    EQ(3, lseek(fd, 3, SEEK_SET));
    EQ(3, preadv2(fd, &part, 1, -1, 0));
    STREQ("345", text);
    EQ(6, lseek(fd, 0, SEEK_CUR));
    part = (struct iovec){ "XY", 2 };
    EQ(2, pwritev2(fd, &part, 1, 0, RWF_DSYNC));
    EQ(2, pwritev2(fd, &part, 1, 0, RWF_APPEND));
    OK(fstat(fd, &st));
    EQ(12, st.st_size);
    FAILS(EOPNOTSUPP, preadv2(fd, &part, 1, 0, 0x10000));
    int fds[2];
    OK(pipe(fds));
    part = (struct iovec){ text, 3 };
    FAILS(EAGAIN, preadv2(fds[0], &part, 1, -1, RWF_NOWAIT));
}

TEST(large_transfers)
{
    int fd = fresh("");
    for (size_t i = 0; i < sizeof data; i++) {
        data[i] = (char)(i * 7 + i / 4096);
    }
    EQ(sizeof data, write(fd, data, sizeof data));
    char *copy = malloc(sizeof data);
    EQ(sizeof data, pread(fd, copy, sizeof data, 0));
    CHECK(memcmp(copy, data, sizeof data) == 0);
    EQ(sizeof data - 4097, pread(fd, copy, sizeof data, 4097));
    CHECK(memcmp(copy, data + 4097, sizeof data - 4097) == 0);
}

TEST(truncate_grows_with_zeros_and_shrinks)
{
    int fd = fresh("0123456789");
    OK(ftruncate(fd, 5));
    OK(ftruncate(fd, 8192));
    EQ(8192, pread(fd, data, sizeof data, 0));
    CHECK(memcmp(data, "01234\0\0\0", 8) == 0);
    EQ(0, data[8191]);
    OK(truncate("f", 3));
    EQ(3, pread(fd, data, sizeof data, 0));
    FAILS(EINVAL, ftruncate(fd, -1));
    FAILS(EINVAL, truncate("f", -1));
    FAILS(EISDIR, truncate(".", 0));
    FAILS(ENOENT, truncate("missing", 0));
}

TEST(holes_are_found)
{
    int fd = fresh("");
    OK(ftruncate(fd, 1 << 20));
    memset(data, 1, 4096);
    EQ(4096, pwrite(fd, data, 4096, 64 << 10));
    EQ(4096, pwrite(fd, data, 4096, 256 << 10));
    EQ(64 << 10, lseek(fd, 0, SEEK_DATA));
    EQ(0, lseek(fd, 0, SEEK_HOLE));
    EQ((64 << 10) + 4096, lseek(fd, 64 << 10, SEEK_HOLE));
    EQ(256 << 10, lseek(fd, 100 << 10, SEEK_DATA));
    FAILS(ENXIO, lseek(fd, (256 << 10) + 4096, SEEK_DATA));
    FAILS(ENXIO, lseek(fd, 1 << 20, SEEK_HOLE));
    EQ((1 << 20) - 1, lseek(fd, (1 << 20) - 1, SEEK_HOLE));
    OK(fstat(fd, &st));
    CHECK(st.st_blocks <= 64);
}

TEST(fallocate_modes)
{
    int fd = fresh("text");
    OK(fallocate(fd, 0, 0, 64 << 10));
    OK(fstat(fd, &st));
    EQ(64 << 10, st.st_size);
    CHECK(st.st_blocks >= 128);
    OK(fallocate(fd, FALLOC_FL_KEEP_SIZE, 64 << 10, 64 << 10));
    OK(fstat(fd, &st));
    EQ(64 << 10, st.st_size);
    memset(data, 5, 64 << 10);
    EQ(64 << 10, pwrite(fd, data, 64 << 10, 0));
    OK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4096, 8192));
    EQ(16384, pread(fd, data, 16384, 0));
    EQ(5, data[4095]);
    EQ(0, data[4096]);
    EQ(0, data[12287]);
    EQ(5, data[12288]);
    OK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 100, 50));
    EQ(200, pread(fd, data, 200, 0));
    EQ(5, data[99]);
    EQ(0, data[100]);
    EQ(0, data[149]);
    EQ(5, data[150]);
    FAILS(EINVAL, fallocate(fd, 0, -1, 10));
    FAILS(EINVAL, fallocate(fd, 0, 0, 0));
    FAILS(EOPNOTSUPP, fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, 10));
    FAILS(EFBIG, fallocate(fd, 0, INT64_MAX - 1, 10));
    FAILS(EBADF, fallocate(OK(open("f", O_RDONLY)), 0, 0, 10));
    int fds[2];
    OK(pipe(fds));
    FAILS(ESPIPE, fallocate(fds[1], 0, 0, 10));
    EQ(0, posix_fallocate(fd, 0, 100));
}

TEST(sync_calls)
{
    int fd = fresh("x"), fds[2];
    OK(fsync(fd));
    OK(fdatasync(fd));
    OK(syncfs(fd));
    OK(sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE));
    FAILS(EINVAL, sync_file_range(fd, 0, 0, 0x100));
    sync();
    OK(pipe(fds));
    FAILS(EINVAL, fsync(fds[0]));
    FAILS(EBADF, fsync(999));
    EQ(0, posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED));
    EQ(EINVAL, posix_fadvise(fd, 0, 0, 99));
    EQ(ESPIPE, posix_fadvise(fds[0], 0, 0, POSIX_FADV_NORMAL));
    OK(readahead(fd, 0, 100));
}

TEST(a_file_too_large)
{
    int fd = fresh("");
    struct rlimit limit = { 4096, RLIM_INFINITY };
    OK(setrlimit(RLIMIT_FSIZE, &limit));
    signal(SIGXFSZ, SIG_IGN);
    EQ(4096, pwrite(fd, data, 8192, 0));
    FAILS(EFBIG, pwrite(fd, data, 1, 4096));
    FAILS(EFBIG, fallocate(fd, 0, 0, 4097));
}

TEST(writes_change_times)
{
    int fd = fresh("x");
    struct timespec old[2] = { { 1000, 0 }, { 1000, 0 } };
    OK(futimens(fd, old));
    EQ(1, pwrite(fd, "y", 1, 0));
    OK(fstat(fd, &st));
    CHECK(st.st_mtime > 1000000);
    CHECK(st.st_ctime > 1000000);
    EQ(1000, st.st_atime);
    OK(futimens(fd, old));
    OK(ftruncate(fd, 0));
    OK(fstat(fd, &st));
    CHECK(st.st_mtime > 1000000);
}

TEST(bytes_left_by_ioctl)
{
    int fd = fresh("0123456789"), count = 0;
    EQ(4, lseek(fd, 4, SEEK_SET));
    OK(ioctl(fd, FIONREAD, &count));
    EQ(6, count);
    FAILS(ENOTTY, ioctl(fd, 0x12345678, &count));
    int on = 1;
    OK(ioctl(fd, FIONBIO, &on));
    CHECK(fcntl(fd, F_GETFL) & O_NONBLOCK);
    OK(ioctl(fd, FIOCLEX));
    EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
    OK(ioctl(fd, FIONCLEX));
    EQ(0, fcntl(fd, F_GETFD));
}

TEST(the_last_bytes_of_the_largest_file)
{
    int fd = OK(memfd_create("large", 0)), other = OK(memfd_create("small", 0)), fds[2];
    OK(pipe(fds));
    EQ(1, pwrite(fd, "x", 1, LLONG_MAX - 1));
    struct stat st;
    OK(fstat(fd, &st));
    EQ(LLONG_MAX, st.st_size);
    char byte = 0;
    EQ(1, pread(fd, &byte, 1, LLONG_MAX - 1));
    EQ('x', byte);
    FAILS(EINVAL, pwrite(fd, "xy", 2, LLONG_MAX - 1));
    OK(lseek(fd, LLONG_MAX, SEEK_SET));
    FAILS(EINVAL, write(fd, "x", 1));
    OK(ftruncate(other, 100));
    off_t at = 0;
    OK(lseek(fd, LLONG_MAX - 10, SEEK_SET));
    FAILS(EINVAL, sendfile(fd, other, &at, 100));
    EQ(4, write(fds[1], "abcd", 4));
    EQ(4, splice(fds[0], NULL, fd, &(off_t){ 1L << 62 }, 4, 0));
    FAILS(EOVERFLOW, mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, LLONG_MAX - 4095));
    char *last = OK((char *)mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, LLONG_MAX - 8191));
    last[0] = 'y';
    EQ(1, pread(fd, &byte, 1, LLONG_MAX - 8191));
    EQ('y', byte);
    OK(ftruncate(fd, 0));
    KILLED(SIGBUS, CHILD({ last[0] = 1; }));
}

TEST(readahead_of_a_negative_length)
{
    write_file("f", "0123456789");
    int fd = OK(open("f", O_RDONLY));
    FAILS(EINVAL, readahead(fd, 0, -1));
}

// What the caller of the sandbox gave as standard input, for tests/cli: a file mapped both ways, the size of a pipe.
ROLE(map_input)
{
    struct stat status;
    OK(fstat(0, &status));
    for (int i = 0; i < 2; i++) {
        char *text = mmap(NULL, status.st_size, PROT_READ, i == 0 ? MAP_PRIVATE : MAP_SHARED, 0, 0);
        CHECK(text != MAP_FAILED);
        EQ(status.st_size, write(1, text, status.st_size));
    }
    return 0;
}

ROLE(input_pipe_size)
{
    int size = OK(fcntl(0, F_GETPIPE_SZ));
    printf("%d\n", size);
    FAILS(EBADF, fcntl(2, F_GETPIPE_SZ));
    return 0;
}

TEST(buffers_beyond_the_address_space)
{
    const unsigned long end = 1UL << 47;
    int null = OK(open("/dev/null", O_RDWR)), zero = OK(open("/dev/zero", O_RDWR));
    static char byte;
    FAILS(EFAULT, write(null, (void *)end, 0));
    FAILS(EFAULT, write(null, (void *)(end - 4096), 1));
    FAILS(EFAULT, write(null, &byte, end));
    FAILS(EFAULT, read(zero, &byte, 1UL << 62));
    struct iovec one = { &byte, 1UL << 62 }, two[2] = { { &byte, 1 }, { (void *)end, 0 } };
    EQ(0x7ffff000, writev(null, &one, 1));
    one.iov_base = (void *)end;
    FAILS(EFAULT, writev(null, &one, 1));
    FAILS(EFAULT, writev(null, two, 2));
    FAILS(EFAULT, readv(zero, two, 2));
    two[1] = (struct iovec){ &byte, end };
    FAILS(EFAULT, writev(null, two, 2));
    two[0].iov_base = (void *)end;
    two[1].iov_len = -1UL;
    FAILS(EINVAL, writev(null, two, 2));
}
