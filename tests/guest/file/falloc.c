// fallocate modes on data, holes and beyond the end; what a file system lacks it refuses with EOPNOTSUPP.
#include "guest.h"
#include <linux/falloc.h>

#define PAGE 4096

static char data[16 * PAGE];
static struct stat st;

static int filled(int pages)
{
    int fd = OK(open("f", O_CREAT | O_RDWR | O_TRUNC, 0600));
    for (int i = 0; i < pages; i++) {
        memset(data, 'a' + i, PAGE);
        EQ(PAGE, pwrite(fd, data, PAGE, (off_t)i * PAGE));
    }
    return fd;
}

static char at(int fd, off_t offset)
{
    char byte = 1;
    EQ(1, pread(fd, &byte, 1, offset));
    return byte;
}

// True when the mode is there; the second is the file system's right.
static bool has(int fd, int mode, off_t offset, off_t length)
{
    if (fallocate(fd, mode, offset, length) == 0) {
        return true;
    }
    EQ(EOPNOTSUPP, errno);
    return false;
}

TEST(zeroing_a_range)
{
    int fd = filled(4);
    if (!has(fd, FALLOC_FL_ZERO_RANGE, PAGE + 10, PAGE)) {
        SKIP("no FALLOC_FL_ZERO_RANGE here");
    }
    EQ('b', at(fd, PAGE + 9));
    EQ(0, at(fd, PAGE + 10));
    EQ(0, at(fd, 2 * PAGE + 9));
    EQ('c', at(fd, 2 * PAGE + 10));
    OK(fallocate(fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, 3 * PAGE, 4 * PAGE));
    OK(fstat(fd, &st));
    EQ(4 * PAGE, st.st_size);
    EQ(0, at(fd, 3 * PAGE));
    OK(fallocate(fd, FALLOC_FL_ZERO_RANGE, 3 * PAGE, 4 * PAGE));
    OK(fstat(fd, &st));
    EQ(7 * PAGE, st.st_size);
}

TEST(collapsing_and_inserting)
{
    int fd = filled(4);
    if (!has(fd, FALLOC_FL_COLLAPSE_RANGE, PAGE, PAGE)) {
        SKIP("no FALLOC_FL_COLLAPSE_RANGE here");
    }
    OK(fstat(fd, &st));
    EQ(3 * PAGE, st.st_size);
    EQ('a', at(fd, 0));
    EQ('c', at(fd, PAGE));
    EQ('d', at(fd, 2 * PAGE));
    FAILS(EINVAL, fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, 2 * PAGE, PAGE));
    FAILS(EINVAL, fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, 1, PAGE));
    if (has(fd, FALLOC_FL_INSERT_RANGE, PAGE, PAGE)) {
        EQ('a', at(fd, PAGE - 1));
        EQ(0, at(fd, PAGE));
        EQ('c', at(fd, 2 * PAGE));
        OK(fstat(fd, &st));
        EQ(4 * PAGE, st.st_size);
    }
}

TEST(holes_show_in_mappings_and_blocks)
{
    int fd = filled(4);
    char *map = OK(mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    char *mine = OK(mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0));
    EQ('b', map[PAGE]);
    mine[PAGE] = 'z';
    EQ('c', mine[2 * PAGE]);
    OK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, PAGE, 2 * PAGE));
    EQ(0, map[PAGE]);
    EQ(0, map[2 * PAGE]);
    EQ('z', mine[PAGE]);
    EQ(0, mine[2 * PAGE]);
    EQ('d', map[3 * PAGE]);
    map[PAGE] = 'n';
    EQ('n', at(fd, PAGE));
    OK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 100 * PAGE, PAGE));
    OK(fstat(fd, &st));
    EQ(4 * PAGE, st.st_size);
}

TEST(mode_refusals)
{
    int fd = filled(2);
    FAILS(EOPNOTSUPP, fallocate(fd, 0x4000, 0, PAGE));
    FAILS(EOPNOTSUPP, fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, 0, PAGE));
    CHECK(fallocate(fd, FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_KEEP_SIZE, 0, PAGE) == -1);
    FAILS(EINVAL, fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 0));
    FAILS(EINVAL, fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, -1, PAGE));
    FAILS(EBADF, fallocate(OK(open("f", O_PATH)), 0, 0, PAGE));
    int fifo[2];
    OK(pipe(fifo));
    FAILS(ESPIPE, fallocate(fifo[1], 0, 0, PAGE));
    int device = OK(open("/dev/null", O_WRONLY));
    FAILS(ENODEV, fallocate(device, 0, 0, PAGE));
}
