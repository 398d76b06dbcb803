// madvise, mincore, msync, mlock, memfd and seals, process_vm_*, membarrier, /proc files about memory.
#include "guest.h"
#include <linux/membarrier.h>
#include <setjmp.h>

#define RW (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)
#define PAGE 4096UL

static char *map(size_t length) { return OK((char *)mmap(NULL, length, RW, ANON, -1, 0)); }

// The value in kB of a field of a /proc file.
static long field(const char *path, const char *name)
{
    static char text[1 << 20];
    read_file(path, text, sizeof text);
    char *line = strstr(text, name);
    CHECK(line != NULL);
    return atol(line + strlen(name));
}

TEST(dontneed_zeroes_private_memory)
{
    char *at = map(4 * PAGE);
    memset(at, 1, 4 * PAGE);
    OK(madvise(at + PAGE, 2 * PAGE, MADV_DONTNEED));
    EQ(1, at[0]);
    EQ(0, at[PAGE]);
    EQ(0, at[2 * PAGE]);
    EQ(1, at[3 * PAGE]);
}

TEST(dontneed_keeps_shared_contents)
{
    char *at = OK(mmap(NULL, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    at[0] = 1;
    OK(madvise(at, PAGE, MADV_DONTNEED));
    EQ(1, at[0]);
    write_file("f", "text");
    int fd = OK(open("f", O_RDWR));
    at = OK(mmap(NULL, PAGE, RW, MAP_PRIVATE, fd, 0));
    at[0] = 'X';
    OK(madvise(at, PAGE, MADV_DONTNEED));
    EQ('t', at[0]);
}

TEST(remove_punches_a_hole)
{
    int fd = OK(memfd_create("x", 0));
    OK(ftruncate(fd, 2 * PAGE));
    char *at = OK(mmap(NULL, 2 * PAGE, RW, MAP_SHARED, fd, 0));
    memset(at, 1, 2 * PAGE);
    OK(madvise(at, PAGE, MADV_REMOVE));
    EQ(0, at[0]);
    EQ(1, at[PAGE]);
    char byte = 9;
    EQ(1, pread(fd, &byte, 1, 0));
    EQ(0, byte);
    FAILS(EINVAL, madvise(map(PAGE), PAGE, MADV_REMOVE));
}

TEST(dontfork_and_wipeonfork)
{
    char *gone = map(PAGE), *wiped = map(PAGE);
    gone[0] = wiped[0] = 1;
    OK(madvise(gone, PAGE, MADV_DONTFORK));
    OK(madvise(wiped, PAGE, MADV_WIPEONFORK));
    EXITS(0, CHILD({
        EQ(0, wiped[0]);
        unsigned char present;
        FAILS(ENOMEM, mincore(gone, PAGE, &present));
    }));
    EQ(1, wiped[0]);
    OK(madvise(gone, PAGE, MADV_DOFORK));
    OK(madvise(wiped, PAGE, MADV_KEEPONFORK));
    EXITS(0, CHILD({ EQ(1, gone[0]); EQ(1, wiped[0]); }));
}

TEST(madvise_refusals_and_hints)
{
    char *at = map(2 * PAGE);
    int hints[] = { MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL, MADV_WILLNEED, MADV_FREE, MADV_DONTDUMP, MADV_DODUMP, MADV_COLD,
        MADV_PAGEOUT };
    for (size_t i = 0; i < sizeof hints / sizeof *hints; i++) {
        OK(madvise(at, PAGE, hints[i]));
    }
    FAILS(EINVAL, madvise(at, PAGE, 9999));
    FAILS(EINVAL, madvise(at + 1, PAGE, MADV_DONTNEED));
    OK(madvise(at, 0, MADV_DONTNEED));
    OK(munmap(at + PAGE, PAGE));
    FAILS(ENOMEM, madvise(at, 2 * PAGE, MADV_DONTNEED));
}

TEST(populate_advice)
{
    char *at = map(4 * PAGE);
    OK(madvise(at, 4 * PAGE, MADV_POPULATE_WRITE));
    unsigned char present[4];
    OK(mincore(at, 4 * PAGE, present));
    EQ(4, (present[0] & 1) + (present[1] & 1) + (present[2] & 1) + (present[3] & 1));
    OK(mprotect(at, PAGE, PROT_READ));
    FAILS(EINVAL, madvise(at, PAGE, MADV_POPULATE_WRITE));
    OK(madvise(at, PAGE, MADV_POPULATE_READ));
}

// Bytes resident of the whole process.
static long resident(void) { return field("/proc/self/status", "VmRSS:") * 1024; }

TEST(reading_untouched_memory_takes_none)
{
    const long length = 64L << 20;
    long before = resident(), sum = 0;
    volatile char *at = map(length);
    for (long i = 0; i < length; i += PAGE) {
        sum += at[i];
    }
    EQ(0, sum);
    CHECK(resident() - before < length / 4);
    char *read_only = OK((char *)mmap(NULL, length, PROT_READ, ANON, -1, 0));
    OK(madvise(read_only, length, MADV_POPULATE_READ));
    unsigned char present[4];
    OK(mincore(read_only + length / 2, 4 * PAGE, present));
    EQ(4, (present[0] & 1) + (present[1] & 1) + (present[2] & 1) + (present[3] & 1));
    CHECK(resident() - before < length / 4);
}

// A page that was read and then written holds what was written, and its neighbours zeros.
static void holds(volatile char *at, long page, char value)
{
    EQ(0, at[(page - 1) * PAGE]);
    EQ(value, at[page * PAGE]);
    EQ(0, at[page * PAGE + 1]);
    EQ(0, at[(page + 1) * PAGE]);
}

static char *zeros(long pages)
{
    volatile char *at = map(pages * PAGE);
    for (long i = 0; i < pages; i++) {
        EQ(0, at[i * PAGE]);
    }
    return (char *)at;
}

TEST(memory_read_first_can_be_written)
{
    char *at = zeros(2048);
    at[700 * PAGE] = 1;
    holds(at, 700, 1);
    EXITS(0, CHILD({ at[800 * PAGE] = 2; holds(at, 700, 1); holds(at, 800, 2); }));
    EQ(0, at[800 * PAGE]);
    struct iovec from = { "x", 1 }, to = { at + 900 * PAGE, 1 };
    EQ(1, process_vm_writev(getpid(), &from, 1, &to, 1, 0));
    holds(at, 900, 'x');
    int fd = OK(open("/proc/self/mem", O_RDWR));
    EQ(1, pwrite(fd, "y", 1, (off_t)(at + 1000 * PAGE)));
    holds(at, 1000, 'y');
    EQ(1, pread(fd, at + 1100 * PAGE, 1, (off_t)(at + 1000 * PAGE)));
    holds(at, 1100, 'y');
    EQ(0, syscall(SYS_futex, at + 1200 * PAGE, 1 | 128, 1, NULL, NULL, 0));
    OK(mprotect(at, 2048 * PAGE, PROT_READ));
    EQ(0, at[1300 * PAGE]);
    OK(mprotect(at, 2048 * PAGE, RW));
    at[1300 * PAGE] = 3;
    holds(at, 1300, 3);
    OK(madvise(at + 1300 * PAGE, PAGE, MADV_DONTNEED));
    EQ(0, at[1300 * PAGE]);
    at[1300 * PAGE] = 4;
    holds(at, 1300, 4);
    char *moved = OK((char *)mremap(at, 2048 * PAGE, 4096 * PAGE, MREMAP_MAYMOVE));
    holds(moved, 700, 1);
    moved[1500 * PAGE] = 5;
    holds(moved, 1500, 5);
    OK(mlock(moved + 1600 * PAGE, 8 * PAGE));
    moved[1601 * PAGE] = 6;
    holds(moved, 1601, 6);
    OK(madvise(moved + 1700 * PAGE, 8 * PAGE, MADV_POPULATE_WRITE));
    moved[1701 * PAGE] = 7;
    holds(moved, 1701, 7);
}

TEST(zeros_of_all_are_never_written)
{
    char *at = zeros(2048), *other = zeros(2048);
    memset(at, 0xff, 2048 * PAGE);
    for (long i = 0; i < 2048 * (long)PAGE; i++) {
        if (other[i] != 0) {
            FAIL("byte %ld of untouched memory is %d", i, other[i]);
        }
    }
    OK(mprotect(other, 2048 * PAGE, PROT_READ));
    FAILS(EFAULT, getcwd(other, PAGE) == NULL ? -1 : 0);
    EQ(0, other[0]);
}

TEST(a_population_can_be_killed)
{
    int ready[2];
    OK(pipe(ready));
    const size_t length = 1UL << 40;
    pid_t child = CHILD({
        char *at = OK((char *)mmap(NULL, length, PROT_READ, ANON | MAP_NORESERVE, -1, 0));
        send_byte(ready[1]);
        madvise(at, length, MADV_POPULATE_READ);
        for (;;) { pause(); }
    });
    await_byte(ready[0]);
    OK(kill(child, SIGKILL));
    KILLED(SIGKILL, child);
}

TEST(mincore_tells_presence)
{
    char *at = map(4 * PAGE);
    unsigned char present[4];
    at[PAGE] = 1;
    OK(mincore(at, 4 * PAGE, present));
    EQ(1, present[1] & 1);
    FAILS(EINVAL, mincore(at + 1, PAGE, present));
    FAILS(EFAULT, mincore(at, PAGE, (void *)8));
    OK(munmap(at + 2 * PAGE, PAGE));
    FAILS(ENOMEM, mincore(at, 4 * PAGE, present));
}

TEST(msync_checks)
{
    int fd = OK(open("f", O_RDWR | O_CREAT, 0600));
    OK(ftruncate(fd, 2 * PAGE));
    char *at = OK(mmap(NULL, 2 * PAGE, RW, MAP_SHARED, fd, 0));
    strcpy(at, "synced");
    OK(msync(at, 2 * PAGE, MS_SYNC));
    OK(msync(at, PAGE, MS_ASYNC));
    OK(msync(at, PAGE, MS_SYNC | MS_INVALIDATE));
    FAILS(EINVAL, msync(at, PAGE, MS_SYNC | MS_ASYNC));
    FAILS(EINVAL, msync(at, PAGE, 0x100));
    FAILS(EINVAL, msync(at + 1, PAGE, MS_SYNC));
    OK(munmap(at + PAGE, PAGE));
    FAILS(ENOMEM, msync(at, 2 * PAGE, MS_SYNC));
    char text[16];
    EQ(6, pread(fd, text, 6, 0));
    CHECK(memcmp(text, "synced", 6) == 0);
}

TEST(mlock_is_accounted)
{
    char *at = map(4 * PAGE);
    long before = field("/proc/self/status", "VmLck:");
    OK(mlock(at, 4 * PAGE));
    EQ(before + 16, field("/proc/self/status", "VmLck:"));
    OK(mlock(at, 2 * PAGE));
    EQ(before + 16, field("/proc/self/status", "VmLck:"));
    OK(munlock(at, 2 * PAGE));
    EQ(before + 8, field("/proc/self/status", "VmLck:"));
    OK(munmap(at, 4 * PAGE));
    EQ(before, field("/proc/self/status", "VmLck:"));
    FAILS(ENOMEM, mlock(at, PAGE));
    FAILS(EINVAL, mlock2(at, PAGE, 0x10));
    FAILS(EINVAL, mlockall(0));
    OK(mlockall(MCL_FUTURE));
    map(4 * PAGE);
    CHECK(field("/proc/self/status", "VmLck:") >= 16);
    OK(munlockall());
    EQ(0, field("/proc/self/status", "VmLck:"));
}

TEST(memfd_is_a_file)
{
    int fd = OK(memfd_create("name", MFD_CLOEXEC));
    EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
    EQ(5, write(fd, "hello", 5));
    EQ(0, lseek(fd, 0, SEEK_SET));
    char text[64];
    EQ(5, read(fd, text, 64));
    struct stat st;
    OK(fstat(fd, &st));
    CHECK(S_ISREG(st.st_mode));
    EQ(5, st.st_size);
    EQ(0777, st.st_mode & 07777);
    EQ(0, st.st_nlink);
    char path[64];
    sprintf(path, "/proc/self/fd/%d", fd);
    ssize_t length = OK(readlink(path, text, 63));
    text[length] = 0;
    STREQ("/memfd:name (deleted)", text);
    FAILS(EINVAL, memfd_create("x", 0x1000));
    char long_name[300];
    memset(long_name, 'a', 299);
    long_name[299] = 0;
    FAILS(EINVAL, memfd_create(long_name, 0));
}

TEST(seals)
{
    int plain = OK(memfd_create("x", 0));
    EQ(F_SEAL_SEAL, fcntl(plain, F_GET_SEALS));
    FAILS(EPERM, fcntl(plain, F_ADD_SEALS, F_SEAL_WRITE));
    int fd = OK(memfd_create("x", MFD_ALLOW_SEALING));
    EQ(0, fcntl(fd, F_GET_SEALS));
    OK(ftruncate(fd, PAGE));
    OK(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW));
    FAILS(EPERM, ftruncate(fd, 1));
    FAILS(EPERM, ftruncate(fd, 2 * PAGE));
    EQ(1, pwrite(fd, "x", 1, 0));
    FAILS(EPERM, pwrite(fd, "x", 1, PAGE));
    char *at = OK(mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0));
    FAILS(EBUSY, fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
    OK(munmap(at, PAGE));
    OK(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SEAL));
    FAILS(EPERM, pwrite(fd, "x", 1, 0));
    FAILS(EPERM, mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0));
    OK(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0));
    OK(mmap(NULL, PAGE, RW, MAP_PRIVATE, fd, 0));
    FAILS(EPERM, fcntl(fd, F_ADD_SEALS, F_SEAL_GROW));
    EQ(F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL, fcntl(fd, F_GET_SEALS));
    FAILS(EPERM, fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, PAGE));
    int fds[2];
    OK(pipe(fds));
    FAILS(EINVAL, fcntl(fds[0], F_GET_SEALS));
}

TEST(future_write_seal_keeps_old_mappings)
{
    int fd = OK(memfd_create("x", MFD_ALLOW_SEALING));
    OK(ftruncate(fd, PAGE));
    char *at = OK(mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0));
    OK(fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE));
    at[0] = 1;
    FAILS(EPERM, pwrite(fd, "x", 1, 0));
    FAILS(EPERM, mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0));
}

TEST(process_vm_reads_and_writes_another_process)
{
    char *at = map(2 * PAGE);
    strcpy(at, "parent");
    int fds[2];
    OK(pipe(fds));
    pid_t child = CHILD({
        strcpy(at, "child");
        send_byte(fds[1]);
        while (((volatile char *)at)[PAGE] == 0) {
            pause_ms(1);
        }
        STREQ("written", at + PAGE);
    });
    await_byte(fds[0]);
    char one[3];
    char two[10] = { 0 };
    struct iovec local[2] = { { one, 3 }, { two, 3 } }, remote = { at, 6 };
    EQ(6, process_vm_readv(child, local, 2, &remote, 1, 0));
    CHECK(memcmp(one, "chi", 3) == 0);
    STREQ("ld", two);
    struct iovec source = { "written", 8 };
    remote = (struct iovec){ at + PAGE, 8 };
    EQ(8, process_vm_writev(child, &source, 1, &remote, 1, 0));
    EXITS(0, child);
    EQ(0, at[PAGE]);
    FAILS(ESRCH, process_vm_readv(0x3ffffff, local, 2, &remote, 1, 0));
    FAILS(EINVAL, process_vm_readv(getpid(), local, 2, &remote, 1, 1));
    remote.iov_base = (void *)8;
    FAILS(EFAULT, process_vm_readv(getpid(), local, 1, &remote, 1, 0));
}

TEST(process_vm_needs_the_same_user)
{
    pid_t child = CHILD({ for (;;) { pause(); } });
    OK(setresuid(1000, 1000, 1000));
    char byte;
    struct iovec local = { &byte, 1 }, remote = { &byte, 1 };
    FAILS(EPERM, process_vm_readv(child, &local, 1, &remote, 1, 0));
}

TEST(membarrier_commands)
{
    long mask = OK(syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0));
    CHECK(mask & MEMBARRIER_CMD_GLOBAL);
    CHECK(mask & MEMBARRIER_CMD_PRIVATE_EXPEDITED);
    OK(syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0));
    FAILS(EPERM, syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0));
    OK(syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0));
    OK(syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0));
    FAILS(EINVAL, syscall(SYS_membarrier, 0x40000000, 0, 0));
    FAILS(EINVAL, syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 7, 0));
}

TEST(maps_shows_ranges_protections_and_names)
{
    write_file("mapped-file", "x");
    int fd = OK(open("mapped-file", O_RDWR));
    char *anon = OK(mmap(NULL, 3 * PAGE, RW, ANON, -1, 0));
    OK(mprotect(anon + PAGE, PAGE, PROT_NONE));
    char *file = OK(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0));
    char text[65536], expected[100];
    read_file("/proc/self/maps", text, sizeof text);
    sprintf(expected, "%lx-%lx ---p 00000000 00:00 0 \n", (long)anon + PAGE, (long)anon + 2 * PAGE);
    CHECK(strstr(text, expected) != NULL);
    sprintf(expected, "%lx-%lx r--s 00000000 ", (long)file, (long)file + PAGE);
    char *line = strstr(text, expected);
    CHECK(line != NULL);
    char *end = strchr(line, '\n');
    *end = 0;
    STREQ("/mapped-file", strrchr(line, '/'));
    struct stat st;
    OK(fstat(fd, &st));
    unsigned long inode;
    EQ(1, sscanf(line, "%*s %*s %*s %*s %lu", &inode));
    EQ(st.st_ino, inode);
    *end = '\n';
    CHECK(strstr(text, "[heap]\n") != NULL);
    CHECK(strstr(text, "[stack]\n") != NULL);
    CHECK(strstr(text, "[vdso]\n") != NULL);
}

TEST(resident_memory_grows_and_shrinks)
{
    size_t length = 32 << 20;
    char *at = map(length);
    long before = field("/proc/self/status", "VmRSS:");
    memset(at, 1, length);
    long full = field("/proc/self/status", "VmRSS:");
    CHECK(full - before >= 31 << 10);
    OK(madvise(at, length, MADV_DONTNEED));
    long after = field("/proc/self/status", "VmRSS:");
    CHECK(full - after >= 31 << 10);
    CHECK(field("/proc/self/status", "VmHWM:") >= full - 4096);
    long size = field("/proc/self/status", "VmSize:");
    OK(munmap(at, length));
    EQ(size - (long)(length >> 10), field("/proc/self/status", "VmSize:"));
}

TEST(statm_agrees_with_status)
{
    char text[200];
    read_file("/proc/self/statm", text, sizeof text);
    long size, resident;
    EQ(2, sscanf(text, "%ld %ld", &size, &resident));
    long kb = field("/proc/self/status", "VmSize:");
    CHECK(size * 4 >= kb - 1024 && size * 4 <= kb + 1024);
    CHECK(resident > 0 && resident <= size);
}

TEST(smaps_counts_what_was_touched)
{
    char *at = map(16 * PAGE), line[100];
    static char text[1 << 18];
    memset(at, 1, 6 * PAGE);
    sprintf(line, "%lx-", (long)at);
    read_file("/proc/self/smaps", text, sizeof text);
    // Neighbours may have merged with the mapping: look for the range that holds it.
    for (char *next = text; next != NULL && *next != 0; next = strchr(next, '\n') + 1) {
        unsigned long start, end;
        if (sscanf(next, "%lx-%lx ", &start, &end) == 2 && start <= (uintptr_t)at && (uintptr_t)at < end) {
            long size = atol(strstr(next, "\nSize:") + 6), resident = atol(strstr(next, "\nRss:") + 5);
            EQ((end - start) / 1024, size);
            CHECK(resident >= 24 && resident <= size);
            CHECK(strstr(next, "\nVmFlags: rd wr") != NULL);
            return;
        }
        if (strchr(next, '\n') == NULL) {
            break;
        }
    }
    FAIL("no entry of smaps holds %s", line);
}

TEST(pagemap_and_mem_are_there)
{
    char *at = map(PAGE);
    strcpy(at, "through mem");
    int fd = OK(open("/proc/self/mem", O_RDWR));
    char text[32] = "";
    EQ(11, pread(fd, text, 11, (off_t)(uintptr_t)at));
    STREQ("through mem", text);
    EQ(4, pwrite(fd, "THRO", 4, (off_t)(uintptr_t)at));
    STREQ("THROugh mem", at);
    FAILS(EIO, pread(fd, text, 1, 8));
}

TEST(meminfo_is_consistent)
{
    long total = field("/proc/meminfo", "MemTotal:"), left = field("/proc/meminfo", "MemFree:");
    long available = field("/proc/meminfo", "MemAvailable:");
    CHECK(total > 0 && left > 0 && left <= total && available <= total);
}

static int cut_fd;
static volatile bool cut_stop;

static void *cut(void *unused)
{
    (void)unused;
    while (!cut_stop) {
        ftruncate(cut_fd, 0);
        ftruncate(cut_fd, 64 * PAGE);
        for (int i = 0; i < 64; i += 8) {
            pwrite(cut_fd, "x", 1, i * PAGE);
        }
    }
    return NULL;
}

TEST(locking_a_file_that_is_cut)
{
    cut_fd = OK(memfd_create("cut", 0));
    OK(ftruncate(cut_fd, 64 * PAGE));
    char *at = OK((char *)mmap(NULL, 64 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, cut_fd, 0));
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) {
        pthread_create(&threads[i], NULL, cut, NULL);
    }
    int64_t end = now_ms() + 1000;
    for (int i = 0; i < 3000 && now_ms() < end; i++) {
        mlock(at, 64 * PAGE);
        madvise(at, 64 * PAGE, MADV_POPULATE_READ);
        munlock(at, 64 * PAGE);
    }
    cut_stop = true;
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
    }
}

TEST(lengths_that_are_none)
{
    OK(mprotect(NULL, 0, 0xff));
    FAILS(EINVAL, mprotect((void *)1, 0, PROT_READ));
    OK(mlock(map(PAGE), SIZE_MAX));
}
