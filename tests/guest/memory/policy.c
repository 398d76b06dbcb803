// Memory policies, protection keys, mseal, remap_file_pages, process_madvise, mlockall, forced writes, sparse files.
#include "guest.h"
#include <linux/mempolicy.h>
#include <stdatomic.h>
#include <sys/mman.h>

#define RW (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)
#define PAGE 4096UL

#ifndef SYS_mseal
#define SYS_mseal 462
#endif
#ifndef MADV_COLD
#define MADV_COLD 20
#endif

static char *map(size_t length) { return OK((char *)mmap(NULL, length, RW, ANON, -1, 0)); }

static long set_policy(int mode, const unsigned long *nodes, unsigned long bits)
{
    return syscall(SYS_set_mempolicy, mode, nodes, bits);
}

static long get_policy(int *mode, unsigned long *nodes, unsigned long bits, void *at, unsigned long flags)
{
    return syscall(SYS_get_mempolicy, mode, nodes, bits, at, flags);
}

TEST(a_policy_is_remembered_and_inherited)
{
    unsigned long nodes = 1, seen = 0;
    int mode = -1;
    OK(get_policy(&mode, NULL, 0, NULL, 0));
    EQ(MPOL_DEFAULT, mode);
    OK(set_policy(MPOL_BIND, &nodes, 64));
    OK(get_policy(&mode, &seen, 64, NULL, 0));
    EQ(MPOL_BIND, mode);
    EQ(1, seen);
    EXITS(0, CHILD({
        OK(get_policy(&mode, NULL, 0, NULL, 0));
        EQ(MPOL_BIND, mode);
    }));
    OK(set_policy(MPOL_DEFAULT, NULL, 0));
    OK(get_policy(&mode, NULL, 0, NULL, 0));
    EQ(MPOL_DEFAULT, mode);
}

TEST(policy_refusals)
{
    unsigned long none = 0, second = 2, first = 1;
    FAILS(EINVAL, set_policy(99, NULL, 0));
    FAILS(EINVAL, set_policy(MPOL_BIND, &none, 64));
    FAILS(EINVAL, set_policy(MPOL_BIND, &second, 64));
    FAILS(EINVAL, set_policy(MPOL_DEFAULT, &first, 64));
    FAILS(EFAULT, set_policy(MPOL_BIND, (void *)8, 64));
    int mode;
    FAILS(EINVAL, get_policy(&mode, NULL, 0, &mode, 0));
    FAILS(EFAULT, get_policy(&mode, NULL, 0, (void *)PAGE, MPOL_F_ADDR));
    OK(get_policy(&mode, NULL, 0, &mode, MPOL_F_ADDR));
    char *at = map(2 * PAGE);
    OK(syscall(SYS_mbind, at, PAGE, MPOL_PREFERRED, &first, 64, 0));
    FAILS(EINVAL, syscall(SYS_mbind, at + 1, PAGE, MPOL_PREFERRED, &first, 64, 0));
    FAILS(EINVAL, syscall(SYS_mbind, at, PAGE, MPOL_PREFERRED, &first, 64, 64));
    OK(munmap(at + PAGE, PAGE));
    FAILS(EFAULT, syscall(SYS_mbind, at, 2 * PAGE, MPOL_BIND, &first, 64, 0));
}

TEST(all_pages_are_on_node_zero)
{
    char *at = map(2 * PAGE);
    at[0] = 1;
    OK(munmap(at + PAGE, PAGE));
    void *pages[] = { at, at + PAGE };
    int status[2] = { 99, 99 };
    OK(syscall(SYS_move_pages, 0, 2, pages, NULL, status, 0));
    EQ(0, status[0]);
    CHECK(status[1] < 0);
    FAILS(EINVAL, syscall(SYS_move_pages, 0, 1, pages, NULL, status, 1));
    unsigned long node = 1;
    EQ(0, OK(syscall(SYS_migrate_pages, 0, 64, &node, &node)));
}

TEST(protection_keys_do_not_exist_without_the_cpu)
{
    int key = syscall(SYS_pkey_alloc, 0, 0);
    if (key >= 0)
        SKIP("this CPU has protection keys");
    EQ(EINVAL, errno);
    char *at = map(PAGE);
    FAILS(EINVAL, syscall(SYS_pkey_alloc, 1, 0));
    FAILS(EINVAL, syscall(SYS_pkey_free, 1));
    FAILS(EINVAL, syscall(SYS_pkey_mprotect, at, PAGE, PROT_READ, 1));
    OK(syscall(SYS_pkey_mprotect, at, PAGE, PROT_READ, -1));
    KILLED(SIGSEGV, CHILD({ at[0] = 1; }));
}

TEST(sealed_memory_stays_as_it_is)
{
    char *at = map(3 * PAGE);
    at[0] = 1;
    if (syscall(SYS_mseal, at, PAGE, 0) == -1 && errno == ENOSYS)
        SKIP("no mseal");
    FAILS(EPERM, munmap(at, 2 * PAGE));
    FAILS(EPERM, mprotect(at, PAGE, PROT_READ));
    FAILS(EPERM, (long)mmap(at, PAGE, RW, ANON | MAP_FIXED, -1, 0));
    FAILS(EPERM, (long)mremap(at, PAGE, 2 * PAGE, MREMAP_MAYMOVE));
    EQ(1, at[0]);
    OK(munmap(at + PAGE, PAGE));
    FAILS(ENOMEM, syscall(SYS_mseal, at + PAGE, 2 * PAGE, 0));
    FAILS(EINVAL, syscall(SYS_mseal, at + 1, PAGE, 0));
    FAILS(EINVAL, syscall(SYS_mseal, at, PAGE, 1));
}

TEST(remap_file_pages_shows_other_pages)
{
    int fd = OK(memfd_create("x", 0));
    OK(ftruncate(fd, 4 * PAGE));
    for (int i = 0; i < 4; i++) {
        char digit = '0' + i;
        EQ(1, pwrite(fd, &digit, 1, i * PAGE));
    }
    char *at = OK(mmap(NULL, 4 * PAGE, RW, MAP_SHARED, fd, 0));
    EQ('1', at[PAGE]);
    OK(remap_file_pages(at + PAGE, PAGE, 0, 3, 0));
    EQ('0', at[0]);
    EQ('3', at[PAGE]);
    EQ('2', at[2 * PAGE]);
    at[PAGE] = 'z';
    EQ('z', at[3 * PAGE]);
    FAILS(EINVAL, remap_file_pages(at, PAGE, PROT_READ, 0, 0));
    FAILS(EINVAL, remap_file_pages(map(PAGE), PAGE, 0, 0, 0));
}

TEST(process_madvise_counts_what_it_advised)
{
    char *at = map(4 * PAGE);
    int self = OK(syscall(SYS_pidfd_open, getpid(), 0));
    struct iovec parts[] = { { at, PAGE }, { at + 2 * PAGE, PAGE } };
    EQ(2 * PAGE, OK(syscall(SYS_process_madvise, self, parts, 2, MADV_COLD, 0)));
    FAILS(EINVAL, syscall(SYS_process_madvise, self, parts, 2, MADV_COLD, 1));
    FAILS(EINVAL, syscall(SYS_process_madvise, self, parts, 2, 9999, 0));
    FAILS(EBADF, syscall(SYS_process_madvise, -1, parts, 2, MADV_COLD, 0));
}

TEST(mlockall_locks_what_comes)
{
    FAILS(EINVAL, mlockall(0));
    FAILS(EINVAL, mlockall(MCL_ONFAULT));
    struct rlimit limit = { 64 << 20, 64 << 20 };
    setrlimit(RLIMIT_MEMLOCK, &limit);
    OK(mlockall(MCL_FUTURE));
    char *at = map(4 * PAGE);
    unsigned char present[4];
    OK(mincore(at, 4 * PAGE, present));
    EQ(1, present[0] & 1);
    EQ(1, present[3] & 1);
    FAILS(EINVAL, madvise(at, PAGE, MADV_DONTNEED));
    OK(munlockall());
    OK(madvise(at, PAGE, MADV_DONTNEED));
    char *later = map(PAGE);
    OK(mincore(later, PAGE, present));
    EQ(0, present[0] & 1);
    OK(syscall(SYS_mlock2, later, PAGE, 1));
    OK(mincore(later, PAGE, present));
    EQ(0, present[0] & 1);
    FAILS(EINVAL, syscall(SYS_mlock2, later, PAGE, 2));
}

TEST(the_own_memory_file_writes_through_protections)
{
    char *at = map(PAGE);
    at[0] = 'a';
    OK(mprotect(at, PAGE, PROT_READ));
    int fd = OK(open("/proc/self/mem", O_RDWR));
    EQ(1, OK(pwrite(fd, "b", 1, (off_t)(uintptr_t)at)));
    EQ('b', at[0]);
    OK(mprotect(at, PAGE, PROT_NONE));
    char seen = 0;
    EQ(1, OK(pread(fd, &seen, 1, (off_t)(uintptr_t)at)));
    EQ('b', seen);
    OK(munmap(at, PAGE));
    FAILS(EIO, pread(fd, &seen, 1, (off_t)(uintptr_t)at));
}

TEST(a_sparse_file_takes_only_what_is_touched)
{
    int fd = OK(memfd_create("x", 0));
    OK(ftruncate(fd, 1 << 20));
    struct stat status;
    OK(fstat(fd, &status));
    EQ(0, status.st_blocks);
    char *at = OK(mmap(NULL, 1 << 20, RW, MAP_SHARED, fd, 0));
    at[64 * PAGE] = 1;
    OK(fstat(fd, &status));
    EQ(8, status.st_blocks);
    EQ(64 * PAGE, OK(lseek(fd, 0, SEEK_DATA)));
    EQ(65 * PAGE, OK(lseek(fd, 64 * PAGE, SEEK_HOLE)));
    FAILS(ENXIO, lseek(fd, 65 * PAGE, SEEK_DATA));
    char byte = 1;
    EQ(1, pwrite(fd, &byte, 1, (1 << 20) + 10));
    OK(fstat(fd, &status));
    EQ(16, status.st_blocks);
    EQ((1 << 20) + 11, status.st_size);
}

TEST(a_file_may_be_written_from_its_own_mapping)
{
    int fd = OK(open("f", O_RDWR | O_CREAT, 0600));
    OK(ftruncate(fd, 4 * PAGE));
    char *at = OK(mmap(NULL, 4 * PAGE, RW, MAP_SHARED, fd, 0));
    memset(at, 'x', PAGE);
    EQ(PAGE, OK(pwrite(fd, at, PAGE, 2 * PAGE)));
    EQ('x', at[2 * PAGE]);
    EQ('x', at[3 * PAGE - 1]);
    EQ(0, at[3 * PAGE]);
    EQ(2 * PAGE, OK(pread(fd, at + PAGE, 2 * PAGE, 0)));
    EQ('x', at[PAGE]);
}

TEST(threads_fault_in_the_same_memory)
{
    enum { pages = 512, threads = 4 };
    static char *shared;
    static atomic_int sum;
    shared = map(pages * PAGE);
    pthread_t all[threads];
    void *work(void *argument)
    {
        for (int i = 0; i < pages; i++)
            __atomic_fetch_add((int *)(shared + i * PAGE), 1 + (int)(intptr_t)argument * 0, __ATOMIC_RELAXED);
        return NULL;
    }
    for (int i = 0; i < threads; i++)
        EQ(0, pthread_create(&all[i], NULL, work, NULL));
    for (int i = 0; i < 50; i++)
        EXITS(0, CHILD({ _exit(0); }));
    for (int i = 0; i < threads; i++)
        EQ(0, pthread_join(all[i], NULL));
    for (int i = 0; i < pages; i++)
        sum += *(int *)(shared + i * PAGE);
    EQ(pages * threads, sum);
}

static void ignored(int signal) { (void)signal; }

TEST(pages_are_told_in_spite_of_signals)
{
    static void *pages[20000];
    static int status[20000];
    char *area = mmap(NULL, 20000 * PAGE, RW, ANON, -1, 0);
    CHECK(area != MAP_FAILED);
    for (int i = 0; i < 20000; i++) {
        pages[i] = area + i * PAGE;
    }
    struct sigaction action = { .sa_handler = ignored };
    OK(sigaction(SIGALRM, &action, NULL));
    struct itimerval beat = { { 0, 500 }, { 0, 500 } };
    OK(setitimer(ITIMER_REAL, &beat, NULL));
    for (int i = 0; i < 20; i++) {
        EQ(0, syscall(SYS_move_pages, 0, 20000UL, pages, NULL, status, 0));
    }
}
