// cachestat: what of a file is in memory.
#include "guest.h"

#ifndef SYS_cachestat
#define SYS_cachestat 451
#endif
#define PAGE 4096

struct range { uint64_t offset, length; };
struct counts { uint64_t cached, dirty, writeback, evicted, lately; };

static struct counts counts;

static long cached(int fd, uint64_t offset, uint64_t length)
{
    struct range range = { offset, length };
    return syscall(SYS_cachestat, fd, &range, &counts, 0) == 0 ? (long)counts.cached : -1;
}

TEST(pages_in_memory_are_counted)
{
    char page[PAGE] = { 1 };
    int fd = OK(open("f", O_RDWR | O_CREAT, 0600));
    EQ(0, cached(fd, 0, 0));
    EQ(PAGE, pwrite(fd, page, PAGE, 0));
    EQ(1, pwrite(fd, page, 1, 3 * PAGE + 7));
    EQ(2, cached(fd, 0, 0));
    EQ(1, cached(fd, 0, 1));
    EQ(0, cached(fd, PAGE, 2 * PAGE));
    EQ(1, cached(fd, PAGE, 2 * PAGE + 1));
    EQ(1, cached(fd, PAGE, 0));
    EQ(0, counts.writeback);
    OK(ftruncate(fd, PAGE));
    EQ(1, cached(fd, 0, 0));
}

TEST(cachestat_checks_its_arguments)
{
    struct range range = { 0, 0 };
    int fd = OK(open("f", O_RDWR | O_CREAT, 0600));
    FAILS(EBADF, syscall(SYS_cachestat, -1, &range, &counts, 0));
    FAILS(EFAULT, syscall(SYS_cachestat, fd, (void *)1, &counts, 0));
    FAILS(EFAULT, syscall(SYS_cachestat, fd, &range, (void *)1, 0));
    FAILS(EINVAL, syscall(SYS_cachestat, fd, &range, &counts, 1));
}

TEST(cachestat_of_a_file_of_somebody_else_is_refused)
{
    int fd = OK(open("f", O_RDWR | O_CREAT, 0644));
    OK(close(fd));
    OK(setresuid(1000, 1000, 1000));
    fd = OK(open("f", O_RDONLY));
    FAILS(EPERM, cached(fd, 0, 0));
    fd = OK(open("/dev/null", O_RDWR));
    EQ(0, cached(fd, 0, 0));
}
