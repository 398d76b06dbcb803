// mmap, munmap, mprotect, mremap, brk: what is mapped where and what faults.
#include "guest.h"
#include <setjmp.h>

#define RW (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)
#define PAGE 4096UL

static sigjmp_buf back;
static void on_fault(int number) { siglongjmp(back, number); }

static void catch_faults(void)
{
    struct sigaction action = { .sa_handler = on_fault, .sa_flags = SA_NODEFER };
    OK(sigaction(SIGSEGV, &action, NULL));
    OK(sigaction(SIGBUS, &action, NULL));
}

// The signal that a load or a store raises, 0 if none.
static int load_fault(volatile char *at)
{
    int number = sigsetjmp(back, 1);
    if (number == 0) {
        (void)*at;
    }
    return number;
}

static int store_fault(volatile char *at)
{
    int number = sigsetjmp(back, 1);
    if (number == 0) {
        *at = 1;
    }
    return number;
}

// Maps a file that cannot be mapped: mmap fails or, in a sandbox that only finds out then, the first touch does.
ROLE(map_refused)
{
    catch_faults();
    int fd = OK(open(argv[0], O_RDONLY));
    char *at = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0);
    puts(at == MAP_FAILED ? "refused" : load_fault(at) == SIGBUS && load_fault(at) == SIGBUS ? "refused at the touch" : "mapped");
    return argc != 1;
}

static char *map(size_t length) { return OK((char *)mmap(NULL, length, RW, ANON, -1, 0)); }

static int make_file(const char *name, size_t length)
{
    int fd = OK(open(name, O_RDWR | O_CREAT | O_TRUNC, 0600));
    for (size_t i = 0; i < length; i += PAGE) {
        char page[PAGE];
        memset(page, 'a' + (int)(i / PAGE), PAGE);
        size_t count = length - i < PAGE ? length - i : PAGE;
        EQ(count, write(fd, page, count));
    }
    return fd;
}

TEST(anonymous_memory_is_zero)
{
    unsigned char *at = (unsigned char *)map(100 * PAGE);
    for (size_t i = 0; i < 100 * PAGE; i += 511) {
        EQ(0, at[i]);
    }
    memset(at, 0xff, 100 * PAGE);
    OK(munmap(at, 100 * PAGE));
    at = (unsigned char *)map(100 * PAGE);
    EQ(0, at[50 * PAGE]);
}

TEST(mmap_refusals)
{
    int fd = make_file("f", PAGE), readonly = OK(open("f", O_RDONLY)), writeonly = OK(open("f", O_WRONLY));
    int folder = OK(open(".", O_RDONLY)), fds[2];
    OK(pipe(fds));
    FAILS(EINVAL, mmap(NULL, 0, RW, ANON, -1, 0));
    FAILS(EINVAL, mmap(NULL, PAGE, RW, MAP_ANONYMOUS, -1, 0));
    FAILS(EBADF, mmap(NULL, PAGE, RW, MAP_PRIVATE, 999, 0));
    FAILS(EINVAL, mmap(NULL, PAGE, RW, MAP_PRIVATE, fd, 1));
    FAILS(EACCES, mmap(NULL, PAGE, RW, MAP_SHARED, readonly, 0));
    FAILS(EACCES, mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, writeonly, 0));
    FAILS(ENODEV, mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, folder, 0));
    FAILS(ENODEV, mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fds[0], 0));
    FAILS(EINVAL, mmap((void *)1, PAGE, RW, ANON | MAP_FIXED, -1, 0));
    FAILS(ENOMEM, mmap(NULL, 1UL << 62, RW, ANON, -1, 0));
    FAILS(EOVERFLOW, mmap(NULL, PAGE * 2, PROT_READ, MAP_PRIVATE, fd, (off_t)0x7ffffffffffff000));
    OK(mmap(NULL, PAGE, RW, MAP_PRIVATE, readonly, 0));
    OK(mmap(NULL, PAGE, RW, MAP_ANONYMOUS | MAP_PRIVATE | 0x10000000, -1, 0));
    FAILS(EOPNOTSUPP, mmap(NULL, PAGE, RW, MAP_SHARED_VALIDATE | MAP_SYNC, fd, 0));
}

TEST(a_hint_is_taken_when_free)
{
    char *at = map(4 * PAGE);
    OK(munmap(at, 4 * PAGE));
    CHECK(mmap(at, PAGE, RW, ANON, -1, 0) == at);
    CHECK(mmap(at, PAGE, RW, ANON, -1, 0) != at);
}

TEST(fixed_replaces_and_noreplace_refuses)
{
    char *at = map(4 * PAGE);
    memset(at, 7, 4 * PAGE);
    CHECK(mmap(at + PAGE, PAGE, RW, ANON | MAP_FIXED, -1, 0) == at + PAGE);
    EQ(7, at[0]);
    EQ(0, at[PAGE]);
    EQ(7, at[2 * PAGE]);
    FAILS(EEXIST, mmap(at + 2 * PAGE, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0));
    OK(munmap(at + 2 * PAGE, PAGE));
    CHECK(mmap(at + 2 * PAGE, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0) == at + 2 * PAGE);
}

TEST(munmap_makes_holes)
{
    catch_faults();
    char *at = map(5 * PAGE);
    memset(at, 3, 5 * PAGE);
    OK(munmap(at + PAGE, PAGE));
    OK(munmap(at + 3 * PAGE, PAGE));
    EQ(0, load_fault(at));
    EQ(SIGSEGV, load_fault(at + PAGE));
    EQ(0, load_fault(at + 2 * PAGE));
    EQ(SIGSEGV, load_fault(at + 3 * PAGE));
    EQ(3, at[4 * PAGE]);
    OK(munmap(at, 5 * PAGE));
    OK(munmap(at, 5 * PAGE));
    FAILS(EINVAL, munmap(at + 1, PAGE));
    FAILS(EINVAL, munmap(at, 0));
}

TEST(mprotect_changes_and_splits)
{
    catch_faults();
    char *at = map(3 * PAGE);
    OK(mprotect(at + PAGE, PAGE, PROT_READ));
    EQ(0, store_fault(at));
    EQ(SIGSEGV, store_fault(at + PAGE));
    EQ(0, load_fault(at + PAGE));
    EQ(0, store_fault(at + 2 * PAGE));
    OK(mprotect(at, 3 * PAGE, PROT_NONE));
    EQ(SIGSEGV, load_fault(at));
    OK(mprotect(at, 3 * PAGE, RW));
    EQ(1, at[2 * PAGE]);
    FAILS(EINVAL, mprotect(at + 1, PAGE, RW));
    FAILS(EINVAL, mprotect(at, PAGE, 0x100));
    OK(munmap(at + PAGE, PAGE));
    FAILS(ENOMEM, mprotect(at, 3 * PAGE, PROT_READ));
    int fd = make_file("f", PAGE), readonly = OK(open("f", O_RDONLY));
    char *shared = OK(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, readonly, 0));
    FAILS(EACCES, mprotect(shared, PAGE, RW));
    OK(close(fd));
}

TEST(generated_code_runs)
{
    unsigned char *at = (unsigned char *)map(PAGE);
    memcpy(at, "\xb8\x2a\x00\x00\x00\xc3", 6);
    OK(mprotect(at, PAGE, PROT_READ | PROT_EXEC));
    EQ(42, ((int (*)(void))at)());
    OK(mprotect(at, PAGE, RW));
    at[1] = 43;
    OK(mprotect(at, PAGE, PROT_READ | PROT_EXEC));
    EQ(43, ((int (*)(void))at)());
    unsigned char *open_page = OK(mmap(NULL, PAGE, RW | PROT_EXEC, ANON, -1, 0));
    memcpy(open_page, "\xb8\x01\x00\x00\x00\xc3", 6);
    EQ(1, ((int (*)(void))open_page)());
    open_page[1] = 2;
    EQ(2, ((int (*)(void))open_page)());
}

TEST(a_private_file_mapping_copies_on_write)
{
    int fd = make_file("f", 2 * PAGE);
    char *at = OK(mmap(NULL, 2 * PAGE, RW, MAP_PRIVATE, fd, 0));
    EQ('a', at[0]);
    EQ('b', at[PAGE]);
    at[0] = 'X';
    char byte;
    EQ(1, pread(fd, &byte, 1, 0));
    EQ('a', byte);
    EQ(1, pwrite(fd, "Y", 1, PAGE));
    EQ('Y', at[PAGE]);
    EQ(1, pwrite(fd, "Z", 1, 0));
    EQ('X', at[0]);
}

TEST(a_shared_file_mapping_is_the_file)
{
    int fd = make_file("f", PAGE);
    char *one = OK(mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0)), *two = OK(mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0));
    one[5] = 'X';
    EQ('X', two[5]);
    char byte;
    EQ(1, pread(fd, &byte, 1, 5));
    EQ('X', byte);
    EQ(1, pwrite(fd, "Y", 1, 6));
    EQ('Y', one[6]);
    EXITS(0, CHILD({ one[7] = 'C'; }));
    EQ('C', two[7]);
    OK(close(fd));
    OK(unlink("f"));
    one[8] = 'D';
    EQ('D', two[8]);
}

TEST(a_mapping_at_an_offset_sees_that_page)
{
    int fd = make_file("f", 4 * PAGE);
    char *at = OK(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 2 * PAGE));
    EQ('c', at[0]);
}

TEST(the_tail_of_the_last_page_is_zero_and_beyond_is_a_bus_error)
{
    catch_faults();
    int fd = make_file("f", 100);
    char *at = OK(mmap(NULL, 2 * PAGE, RW, MAP_SHARED, fd, 0));
    EQ(0, at[100]);
    EQ(SIGBUS, load_fault(at + PAGE));
    OK(ftruncate(fd, 2 * PAGE));
    EQ(0, load_fault(at + PAGE));
    OK(ftruncate(fd, 0));
    EQ(SIGBUS, load_fault(at));
}

TEST(truncation_drops_private_copies_too)
{
    catch_faults();
    int fd = make_file("f", PAGE);
    char *at = OK(mmap(NULL, PAGE, RW, MAP_PRIVATE, fd, 0));
    at[0] = 'X';
    OK(ftruncate(fd, 0));
    EQ(SIGBUS, load_fault(at));
}

TEST(anonymous_shared_memory_is_shared_after_fork)
{
    int *at = OK(mmap(NULL, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    EXITS(0, CHILD({ at[10] = 77; }));
    EQ(77, at[10]);
}

TEST(copy_on_write_works_both_ways_after_fork)
{
    char *at = map(64 * PAGE);
    memset(at, 1, 64 * PAGE);
    int go[2], done[2];
    OK(pipe(go));
    OK(pipe(done));
    pid_t child = CHILD({
        await_byte(go[0]);
        for (int i = 0; i < 64; i++) {
            EQ(1, at[i * PAGE]);
        }
        memset(at, 3, 64 * PAGE);
        send_byte(done[1]);
    });
    memset(at, 2, 64 * PAGE);
    send_byte(go[1]);
    await_byte(done[0]);
    for (int i = 0; i < 64; i++) {
        EQ(2, at[i * PAGE]);
    }
    EXITS(0, child);
}

TEST(grandchildren_share_copies_correctly)
{
    char *at = map(PAGE);
    at[0] = 'p';
    pid_t child = CHILD({
        at[1] = 'c';
        pid_t grandchild = CHILD({
            at[2] = 'g';
            EQ('p', at[0]);
            EQ('c', at[1]);
        });
        EXITS(0, grandchild);
        EQ(0, at[2]);
        EQ('c', at[1]);
    });
    EXITS(0, child);
    EQ(0, at[1]);
}

TEST(system_calls_write_through_copy_on_write)
{
    char *at = map(PAGE);
    at[0] = 'o';
    int fd = make_file("f", PAGE);
    pid_t child = CHILD({ EQ(1, pread(fd, at, 1, 0)); EQ('a', at[0]); });
    EXITS(0, child);
    EQ('o', at[0]);
}

TEST(system_calls_fault_with_efault)
{
    char *at = map(2 * PAGE);
    OK(munmap(at + PAGE, PAGE));
    int fd = make_file("f", 3 * PAGE), fds[2];
    EQ(PAGE - 10, pread(fd, at + 10, 2 * PAGE, 0));
    FAILS(EFAULT, pread(fd, at + PAGE, 1, 0));
    OK(mprotect(at, PAGE, PROT_READ));
    FAILS(EFAULT, pread(fd, at, 1, 0));
    FAILS(EFAULT, stat((char *)at + PAGE, (void *)at));
    FAILS(EFAULT, stat("f", (void *)at));
    OK(pipe(fds));
    FAILS(EFAULT, write(fds[1], at + PAGE, 1));
    EQ(1, write(fds[1], at + PAGE - 1, 1));
    FAILS(EFAULT, pipe((int *)(at + PAGE)));
}

TEST(mremap_grows_in_place_or_moves)
{
    char *at = map(8 * PAGE);
    memset(at, 5, 8 * PAGE);
    OK(munmap(at + 4 * PAGE, 4 * PAGE));
    CHECK(mremap(at, 4 * PAGE, 6 * PAGE, 0) == at);
    EQ(5, at[3 * PAGE]);
    EQ(0, at[5 * PAGE]);
    CHECK(mmap(at + 6 * PAGE, PAGE, RW, ANON | MAP_FIXED, -1, 0) != MAP_FAILED);
    FAILS(ENOMEM, mremap(at, 6 * PAGE, 8 * PAGE, 0));
    char *moved = OK(mremap(at, 6 * PAGE, 100 * PAGE, MREMAP_MAYMOVE));
    EQ(5, moved[0]);
    EQ(5, moved[3 * PAGE]);
    EQ(0, moved[99 * PAGE]);
    catch_faults();
    EQ(SIGSEGV, load_fault(at));
}

TEST(mremap_shrinks)
{
    catch_faults();
    char *at = map(4 * PAGE);
    CHECK(mremap(at, 4 * PAGE, PAGE, 0) == at);
    EQ(0, load_fault(at));
    EQ(SIGSEGV, load_fault(at + PAGE));
}

TEST(mremap_fixed_replaces_the_target)
{
    catch_faults();
    char *at = map(2 * PAGE), *target = map(4 * PAGE);
    strcpy(at, "moved");
    memset(target, 9, 4 * PAGE);
    CHECK(mremap(at, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, target + PAGE) == target + PAGE);
    STREQ("moved", target + PAGE);
    EQ(9, target[0]);
    EQ(9, target[3 * PAGE]);
    EQ(SIGSEGV, load_fault(at));
    FAILS(EINVAL, mremap(target, 2 * PAGE, 2 * PAGE, MREMAP_FIXED, at));
    FAILS(EINVAL, mremap(target, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, target + PAGE));
    FAILS(EINVAL, mremap(target, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, target + 1));
}

TEST(mremap_dontunmap_leaves_an_empty_range)
{
    char *at = map(2 * PAGE);
    strcpy(at, "text");
    char *moved = (char *)OK(syscall(SYS_mremap, at, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0));
    STREQ("text", moved);
    EQ(0, at[0]);
    FAILS(EINVAL, mremap(at, 2 * PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP));
}

TEST(mremap_of_zero_length_duplicates_shared_memory)
{
    char *at = OK(mmap(NULL, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    char *copy = OK(mremap(at, 0, PAGE, MREMAP_MAYMOVE));
    CHECK(copy != at);
    at[3] = 'x';
    EQ('x', copy[3]);
}

TEST(mremap_of_silly_sizes)
{
    char *at = OK(mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    FAILS(EINVAL, mremap(at, -PAGE, PAGE, MREMAP_MAYMOVE) == MAP_FAILED ? -1 : 0);
    FAILS(EINVAL, mremap(at, -1UL, PAGE, MREMAP_MAYMOVE) == MAP_FAILED ? -1 : 0);
    FAILS(EINVAL, mremap(at, 1UL << 47, 2 * PAGE, 0) == MAP_FAILED ? -1 : 0);
    FAILS(EINVAL, mremap(at, 2 * PAGE, 1UL << 47, MREMAP_MAYMOVE) == MAP_FAILED ? -1 : 0);
    FAILS(EINVAL, mremap(at, 2 * PAGE, -PAGE, MREMAP_MAYMOVE) == MAP_FAILED ? -1 : 0);
    FAILS(EFAULT, mremap((void *)(1UL << 47), PAGE, 2 * PAGE, MREMAP_MAYMOVE) == MAP_FAILED ? -1 : 0);
}

TEST(mremap_refusals)
{
    char *at = map(2 * PAGE);
    FAILS(EINVAL, mremap(at + 1, PAGE, 2 * PAGE, MREMAP_MAYMOVE));
    FAILS(EINVAL, mremap(at, PAGE, 0, MREMAP_MAYMOVE));
    FAILS(EINVAL, mremap(at, PAGE, PAGE, 0x100));
    OK(munmap(at, PAGE));
    FAILS(EFAULT, mremap(at, PAGE, 2 * PAGE, MREMAP_MAYMOVE));
    FAILS(EFAULT, mremap(at + PAGE, 2 * PAGE, 4 * PAGE, MREMAP_MAYMOVE));
}

TEST(file_mappings_keep_their_offset_when_moved)
{
    int fd = make_file("f", 4 * PAGE);
    char *at = OK(mmap(NULL, PAGE, RW, MAP_SHARED, fd, PAGE));
    char *moved = OK(mremap(at, PAGE, 3 * PAGE, MREMAP_MAYMOVE));
    EQ('b', moved[0]);
    EQ('c', moved[PAGE]);
    EQ('d', moved[2 * PAGE]);
}

TEST(brk_moves_both_ways)
{
    char *start = sbrk(0);
    CHECK(sbrk(10 * PAGE) == start);
    memset(start, 1, 10 * PAGE);
    CHECK(sbrk(-5 * (long)PAGE) == start + 10 * PAGE);
    CHECK(sbrk(5 * PAGE) == start + 5 * PAGE);
    EQ(1, start[4 * PAGE]);
    EQ(0, start[6 * PAGE]);
    EQ((uintptr_t)sbrk(0), syscall(SYS_brk, 0));
    EQ((uintptr_t)sbrk(0), syscall(SYS_brk, 1));
    EQ((uintptr_t)sbrk(0), syscall(SYS_brk, 1UL << 62));
}

TEST(the_stack_grows_down_by_touching)
{
    char *here = __builtin_frame_address(0);
    for (size_t i = 0; i < (2 << 20); i += PAGE) {
        *(volatile char *)(here - i - PAGE) = 1;
    }
    char text[65536], *line;
    read_file("/proc/self/maps", text, sizeof text);
    line = strstr(text, "[stack]");
    CHECK(line != NULL);
    while (line > text && line[-1] != '\n') {
        line--;
    }
    unsigned long start, end;
    EQ(2, sscanf(line, "%lx-%lx", &start, &end));
    CHECK((uintptr_t)here - start >= (2 << 20));
    CHECK((uintptr_t)here < end);
}

TEST(growsdown_maps_below_when_touched)
{
    char *room = map(64 * PAGE);
    OK(munmap(room, 64 * PAGE));
    char *at = OK(mmap(room + 60 * PAGE, PAGE, RW, ANON | MAP_FIXED | MAP_GROWSDOWN, -1, 0));
    at[0] = 1;
    at[-1] = 2;
    EQ(2, at[-1]);
}

TEST(populate_and_locked_flags)
{
    unsigned char present[4] = { 0 };
    char *at = OK(mmap(NULL, 4 * PAGE, RW, ANON | MAP_POPULATE, -1, 0));
    OK(mincore(at, 4 * PAGE, present));
    for (int i = 0; i < 4; i++) {
        EQ(1, present[i] & 1);
    }
    OK(mmap(NULL, 4 * PAGE, RW, ANON | MAP_NORESERVE | MAP_STACK, -1, 0));
}

TEST(many_small_mappings)
{
    char *at = map(2000 * PAGE);
    for (int i = 0; i < 2000; i += 2) {
        OK(mprotect(at + i * PAGE, PAGE, PROT_READ));
    }
    for (int i = 1; i < 2000; i += 2) {
        at[i * PAGE] = 1;
    }
    OK(mprotect(at, 2000 * PAGE, RW));
    for (int i = 0; i < 2000; i++) {
        EQ(i % 2, at[i * PAGE]);
    }
    OK(munmap(at, 2000 * PAGE));
}

TEST(low_addresses_need_privilege)
{
    OK(setresuid(1000, 1000, 1000));
    FAILS(EPERM, mmap((void *)0, PAGE, RW, ANON | MAP_FIXED, -1, 0));
}
