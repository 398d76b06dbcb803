// Random system calls with random arguments, for a given time, from a printed seed. Arguments fit the call most of the time:
// open descriptors, paths that exist, mapped addresses, structures with half-valid content; and junk the rest of the time.
// Each child of the first process is one experiment: up to three processes of up to three threads, all at once, with a
// generator each. The first process only starts and ends them, names each on standard error, and says "alive" at the end.
// usage: fuzz SECONDS SEED [FIRST-EXPERIMENT]
// It refuses to run outside a sandbox with the host name "fuzzed": natively it would harm the machine.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>
#include "fuzz-calls.h"

#define CALLS_PER_THREAD 250
#define HIGHEST_CALL 470
#define POOL_BYTES 65536
#define PAGE 4096
#define COUNT(array) (sizeof(array) / sizeof *(array))

static __thread uint64_t state;
// Mapped memory of the process, with an unmapped page behind it; and a part of it for one thread's structures.
static unsigned char *pool;
static __thread unsigned char *scratch;
static __thread size_t scratch_used;
static pid_t self, sibling;

static uint64_t next(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static int one_in(unsigned n) { return next() % n == 0; }

#define PICK(array) ((array)[next() % COUNT(array)])

static int64_t now_ms(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000LL + time.tv_nsec / 1000000;
}

static uint64_t junk(void)
{
    static const uint64_t edges[] = { 0, 1, 2, 3, 7, 8, 16, 255, 256, 4095, 4096, 4097, 65535, 65536, 0x7fffffff, 0x80000000,
        0xffffffff, 0x100000000, 0x7ffffffff000, 0x7fffffffffff, 0x800000000000, 0x7fffffffffffffff, 0x8000000000000000,
        (uint64_t)-1, (uint64_t)-2, (uint64_t)-100, (uint64_t)-4096 };
    switch (next() % 5) {
        case 0: return PICK(edges);
        case 1: return next() % 64;
        case 2: return next();
        case 3: return 1ULL << next() % 64;
        default: return (uint64_t)pool + next() % (POOL_BYTES + PAGE);
    }
}

static uint64_t bits(int count) { return one_in(3) ? 0 : (1ULL << next() % count) | (one_in(2) ? 1ULL << next() % count : 0); }

static uint64_t length(void)
{
    return one_in(6) ? junk() : one_in(2) ? next() % 64 : one_in(3) ? next() % POOL_BYTES : next() % 5 * PAGE;
}

// A structure of the thread's own, at times with a byte changed, at times so that its end is not mapped.
static void *keep(const void *value, size_t bytes)
{
    unsigned char *at = scratch + scratch_used;
    if (one_in(40)) {
        at = pool + POOL_BYTES - next() % (bytes + 1);
        bytes = pool + POOL_BYTES - at;
    } else if (scratch_used + bytes > PAGE) {
        at = scratch;
        scratch_used = 0;
    } else {
        scratch_used += (bytes + 7) & ~7ULL;
    }
    memcpy(at, value, bytes);
    if (bytes > 0 && one_in(5)) {
        at[next() % bytes] = (unsigned char)next();
    }
    if (bytes >= 8 && one_in(8)) {
        ((uint64_t *)at)[next() % (bytes / 8)] = junk();
    }
    return at;
}

static uint64_t words(int count)
{
    uint64_t value[16];
    for (int i = 0; i < count; i++) {
        value[i] = one_in(3) ? junk() : next() % 16;
    }
    return (uint64_t)keep(value, count * 8);
}

static uint64_t buffer(void) { return one_in(12) ? junk() : (uint64_t)pool + next() % POOL_BYTES; }

static uint64_t path(void)
{
    static const char *all[] = { "/tmp/f", "/tmp/d/x", "/tmp/d", "/tmp/l", "/tmp/s", "/tmp/p", "/tmp/new", "/tmp", "/tmp/d/..", ".", "..",
        "f", "d/x", "new2", "", "/", "/proc/self/mem", "/proc/self/fd/3", "/proc/self/fd", "/proc/self/maps", "/proc/self/ns/mnt",
        "/proc/self/ns/user", "/proc/self/uid_map", "/proc/self/gid_map", "/proc/self/setgroups", "/proc/self/oom_score_adj",
        "/proc/self/exe", "/proc/self/cwd/f", "/proc/self/status", "/proc/self/task", "/proc/self/environ", "/proc/self/comm",
        "/proc/self/attr/current", "/proc/self/clear_refs", "/proc/self/pagemap", "/proc/sys/kernel/pid_max", "/proc/sys/vm",
        "/proc/sys/kernel/shmmax", "/proc/sys/fs/mqueue/msg_max", "/proc/sys/kernel/hostname", "/proc/mounts", "/proc/stat", "/proc",
        "/proc/net/unix", "/proc/sysvipc/shm", "/dev/zero", "/dev/null", "/dev/full", "/dev/ptmx", "/dev/tty", "/dev/pts/0",
        "/dev/shm", "/dev/shm/s", "/dev/random", "/dev/fd/4", "/sys", "/sys/kernel", "/bin/busybox", "/bin" };
    char text[PAGE + 64];
    if (one_in(25)) {
        return junk();
    }
    if (one_in(40)) {
        size_t count = one_in(2) ? 250 + next() % 12 : 4080 + next() % 40;
        memset(text, one_in(2) ? 'a' : '/', count);
        text[count] = 0;
        unsigned char *at = pool + next() % (POOL_BYTES - sizeof text);
        memcpy(at, text, count + 1);
        return (uint64_t)at;
    }
    snprintf(text, 200, "%s%s%s", PICK(all), one_in(12) ? "/" : "", one_in(20) ? PICK(all) : "");
    return (uint64_t)keep(text, strlen(text) + 1);
}

static uint64_t string(void)
{
    static const char *all[] = { "user.a", "user.b", "security.capability", "system.posix_acl_access", "trusted.overlay.opaque", "/q", "/q2",
        "q", "tmpfs", "proc", "size=1m", "mode=777,uid=1", "nr_inodes=5", "lowerdir=/tmp/d,upperdir=/tmp/u,workdir=/tmp/w", "size=",
        "ro", "source", "", "user.", "max=1", "newinstance,ptmxmode=666", "mpol=bind", "size=99999999999999999999", "huge=always" };
    const char *text = PICK(all);
    return one_in(15) ? junk() : (uint64_t)keep(text, strlen(text) + 1);
}

static uint64_t file_system(void)
{
    static const char *all[] = { "tmpfs", "proc", "sysfs", "devpts", "overlay", "mqueue", "cgroup", "cgroup2", "ramfs", "devtmpfs", "ext4", "" };
    const char *text = PICK(all);
    return one_in(20) ? junk() : (uint64_t)keep(text, strlen(text) + 1);
}

static uint64_t descriptor(void) { return one_in(20) ? junk() : one_in(10) ? next() % 3 : 3 + next() % 26; }

static uint64_t process(void)
{
    int64_t all[] = { 0, self, sibling, -1, -self, getppid(), 0x7fffffff, self + 1 };
    return one_in(10) ? junk() : (uint64_t)PICK(all);
}

static uint64_t times(void)
{
    uint64_t value[4];
    for (int i = 0; i < 4; i++) {
        value[i] = i % 2 == 0 ? (one_in(5) ? junk() : 0) : one_in(4) ? junk() : next() % 3000000;
    }
    return one_in(6) ? 0 : (uint64_t)keep(value, sizeof value);
}

static struct iovec *vectors(int count)
{
    struct iovec value[8];
    for (int i = 0; i < count; i++) {
        value[i] = (struct iovec) { (void *)buffer(), one_in(8) ? junk() : next() % 9000 };
    }
    return keep(value, count * sizeof *value);
}

static void *address(void)
{
    struct sockaddr_un unix_address = { AF_UNIX, "/tmp/s" };
    switch (next() % 6) {
        case 0: return (void *)junk();
        case 1: memcpy(unix_address.sun_path, "\0name", 6); break;
        case 2: unix_address.sun_family = next() % 45; break;
        case 3: memset(unix_address.sun_path, 'x', sizeof unix_address.sun_path); break;
        default: break;
    }
    return keep(&unix_address, sizeof unix_address);
}

static struct msghdr message(void)
{
    union { struct cmsghdr header; uint64_t room[16]; } control;
    memset(&control, 0, sizeof control);
    int count = 1 + next() % 3;
    control.header.cmsg_level = one_in(8) ? (int)next() : SOL_SOCKET;
    control.header.cmsg_type = one_in(5) ? next() % 60 : one_in(3) ? 2 : SCM_RIGHTS;
    control.header.cmsg_len = one_in(5) ? junk() : CMSG_LEN(control.header.cmsg_type == 2 ? 12 : count * sizeof(int));
    int *values = (int *)CMSG_DATA(&control.header);
    for (int i = 0; i < count; i++) {
        values[i] = control.header.cmsg_type == 2 ? (i == 0 ? self : 0) : (int)descriptor();
    }
    struct msghdr header = { .msg_iov = vectors(3), .msg_iovlen = one_in(12) ? junk() : next() % 4, .msg_flags = next() % 4 };
    if (one_in(3)) {
        header.msg_name = address();
        header.msg_namelen = one_in(6) ? junk() : sizeof(struct sockaddr_un);
    }
    if (one_in(2)) {
        header.msg_control = keep(&control, sizeof control);
        header.msg_controllen = one_in(6) ? junk() : CMSG_SPACE(count * sizeof(int));
    }
    return header;
}

static uint64_t messages(void)
{
    struct mmsghdr all[4];
    for (int i = 0; i < 4; i++) {
        all[i] = (struct mmsghdr) { .msg_hdr = message() };
    }
    return (uint64_t)keep(all, sizeof all);
}

static uint64_t signal_information(void)
{
    int value[32] = { next() % 65, 0, -(int)(next() % 8), 0, self, 0, (int)next() };
    return (uint64_t)keep(value, sizeof value);
}

static uint64_t strings_of_program(void)
{
    uint64_t list[5];
    for (int i = 0; i < 4; i++) {
        list[i] = one_in(20) ? junk() : string();
    }
    list[next() % 5] = 0;
    return one_in(8) ? junk() : (uint64_t)keep(list, sizeof list);
}

static uint64_t clone_arguments(void)
{
    uint64_t value[11] = { one_in(2) ? 0 : bits(34) & ~0x100ULL & ~0x4000ULL, buffer(), buffer(), buffer(), one_in(4) ? junk() : 17 };
    if (one_in(3)) {
        value[5] = (uint64_t)pool + PAGE;
        value[6] = PAGE;
    }
    return (uint64_t)keep(value, sizeof value);
}

static uint64_t futex_waiters(void)
{
    uint64_t value[9];
    for (int i = 0; i < 9; i += 3) {
        value[i] = next() % 8;
        value[i + 1] = (uint64_t)pool + next() % 32 * 4;
        value[i + 2] = one_in(4) ? junk() : 2 | (next() % 2) << 7;
    }
    return (uint64_t)keep(value, sizeof value);
}

static uint64_t notification(void)
{
    int value[16] = { (int)next(), 0, next() % 65, next() % 5, self };
    return (uint64_t)keep(value, sizeof value);
}

static uint64_t request(void)
{
    static const unsigned all[] = { 0x5401, 0x5402, 0x5403, 0x5404, 0x5405, 0x5406, 0x5407, 0x5408, 0x5409, 0x540a, 0x540b, 0x540e, 0x540f, 0x5410, 0x5411,
        0x5412, 0x5413, 0x5414, 0x541b, 0x5420, 0x5421, 0x5422, 0x5423, 0x5424, 0x5425, 0x5429, 0x5450, 0x5451, 0x5452, 0x80045430, 0x40045431, 0x5441,
        0x802c542a, 0x402c542b, 0x402c542c, 0x402c542d, 0x80046601, 0x40086602, 0x801c581f, 0x40049409, 0x4020940d, 0xc020660b, 0xb701, 0xb702, 0xb703,
        0xb704, 0x8901, 0x8902, 0x8903, 0x8904, 0x8905, 0x8906, 0x8910, 0x8912, 0x8913, 0x8915, 0x8933, 0x5460, 0x40087468 };
    return one_in(20) ? junk() : PICK(all);
}

static uint64_t futex_operation(void) { return one_in(20) ? junk() : next() % 14 | (next() % 4) << 7; }

static uint64_t special(char kind)
{
    static const uint64_t descriptor_commands[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 15, 16, 36, 37, 38, 1024, 1025, 1026, 1029, 1030, 1031, 1032,
        1033, 1034, 1035, 1036, 1037, 1038 };
    static const uint64_t levels[] = { 1, 1, 1, 0, 6, 41, 270 };
    static const uint64_t name_spaces[] = { 0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000, 0x200, 0x400, 0x80 };
    static const uint64_t architecture[] = { 0x1001, 0x1002, 0x1003, 0x1004, 0x1011, 0x1012, 0x1021 };
    switch (kind) {
        case 'D': return one_in(3) ? next() % 46 : one_in(4) ? 16 : 1;
        case 'G': return one_in(20) ? junk() : PICK(descriptor_commands);
        case 'N': return one_in(20) ? junk() : PICK(levels);
        case 'Q': return one_in(20) ? junk() : one_in(30) ? 0x59616d61 : next() % 75;
        case 'X': return one_in(6) ? junk() : PICK(name_spaces);
        case 'M': return one_in(6) ? junk() : PICK(architecture);
        // Neither CLONE_VM nor CLONE_VFORK: the caller would run on two legs, or wait.
        case 'C': return one_in(2) ? 17 : (bits(34) & ~0x4100ULL) | 17;
        case 'c': return one_in(10) ? junk() : next() % 22;
        case 'K': return one_in(6) ? junk() : next() % 6;
        case 'd': return one_in(6) ? junk() : next() % 12;
        case 'Z': return one_in(6) ? junk() : one_in(10) ? 0 : 8;
        case 'B': return one_in(6) ? junk() : one_in(2) ? 24 : 8 * (next() % 12);
        case 'L': return one_in(6) ? junk() : one_in(2) ? sizeof(struct sockaddr_un) : 4;
        default: return next() % 4;
    }
}

static uint64_t structure(char kind)
{
    struct msghdr header;
    struct epoll_event event = { .events = one_in(3) ? next() : next() % 8, .data.u64 = next() };
    struct pollfd polls[8];
    uint32_t small[8] = { one_in(4) ? next() : next() % 3, next(), next() };
    switch (kind) {
        case 'v': return (uint64_t)vectors(8);
        case 'h': header = message(); return (uint64_t)keep(&header, sizeof header);
        case 'H': return messages();
        case 'k': return (uint64_t)address();
        case 'W': small[0] = one_in(5) ? next() : sizeof(struct sockaddr_un); return (uint64_t)keep(small, 4);
        case 't': return times();
        case 'i': return signal_information();
        case 'V': return strings_of_program();
        case '3': return clone_arguments();
        case 'O': return one_in(2) ? futex_waiters() : one_in(3) ? 0 : words(2);
        case 'E': return notification();
        case 'e': return (uint64_t)keep(&event, sizeof event);
        case 'u':
            for (int i = 0; i < 8; i++) {
                polls[i] = (struct pollfd) { (int)descriptor(), (short)next(), 0 };
            }
            return (uint64_t)keep(polls, sizeof polls);
        case 'y': return (uint64_t)keep(small, sizeof small);
        case '5': small[0] = 0x20080522; small[1] = 0; return (uint64_t)keep(small, sizeof small);
        case '6': small[0] = 48 + next() % 3 * 8; small[1] = next() % 7; return (uint64_t)keep(small, sizeof small);
        default: return words(kind == 'r' ? 3 : kind == 'j' ? 3 : kind == 'g' ? 4 : kind == 'Y' ? 8 : kind == '0' ? 4 : 2);
    }
}

static uint64_t argument(char kind)
{
    if (one_in(30)) {
        return junk();
    }
    switch (kind) {
        case 'f': return descriptor();
        case 'F': return one_in(2) ? (uint64_t)AT_FDCWD : descriptor();
        case 'p': return path();
        case 'q': return string();
        case '1': return file_system();
        case 'b': return one_in(3) ? words(6) : buffer();
        case 'R': return one_in(2) ? 0 : buffer();
        case 'w': return (uint64_t)pool + next() % 32 * 4;
        case 'z': return length();
        case 'n': return one_in(8) ? junk() : next() % 40;
        case 'x': return one_in(8) ? junk() : bits(20);
        case 'm': return one_in(8) ? junk() : next() % 4096 | (one_in(4) ? PICK(((uint64_t[]) { 0010000, 0020000, 0040000, 0060000, 0100000, 0120000, 0140000 })) : 0);
        case 'o': return one_in(4) ? junk() : next() % 70000;
        case 's': return one_in(10) ? junk() : one_in(4) ? 0 : 1 + next() % 64;
        case 'S': return one_in(8) ? 0 : words(1);
        case 'P': return process();
        case 'T': return next() % 3;
        case 'a': return one_in(8) ? junk() : (uint64_t)pool + POOL_BYTES + PAGE + next() % 32 * PAGE + (one_in(10) ? next() % PAGE : 0);
        case 'A': return one_in(2) ? 0 : argument('a');
        case 'l': return one_in(8) ? junk() : (1 + next() % 16) * PAGE;
        case 'I': return request();
        case 'U': return futex_operation();
        default: return strchr("DGNQXMCcKdZBL", kind) ? special(kind) : structure(kind);
    }
}

// The first process must live, and keep what it needs.
static int harms_the_first(long call, const uint64_t *a)
{
    switch (call) {
        case SYS_prlimit64: case SYS_process_vm_writev: case SYS_process_vm_readv: case SYS_pidfd_open: return (int)a[0] == 1;
        case SYS_reboot: return (uint32_t)a[0] == 0xfee1dead;
        case SYS_clone: return (a[0] & 0x4100) != 0;
        default: return 0;
    }
}

static void one_call(void)
{
    struct call unknown = { next() % HIGHEST_CALL, "xbxbxb" };
    const struct call *chosen = one_in(60) ? &unknown : &PICK(calls);
    uint64_t a[6];
    size_t known = strlen(chosen->arguments);
    for (size_t i = 0; i < 6; i++) {
        a[i] = i < known ? argument(chosen->arguments[i]) : junk();
    }
    switch (chosen->number) {
        case SYS_exit: case SYS_exit_group: case SYS_pause: case SYS_rt_sigreturn: return;
        case SYS_alarm: a[0] = 1; break;
        case SYS_vfork: return;
        default: break;
    }
    if (harms_the_first(chosen->number, a)) {
        return;
    }
    pid_t before = getpid();
    syscall(chosen->number, a[0], a[1], a[2], a[3], a[4], a[5]);
    if (getpid() != before || syscall(SYS_getpid) != before) {
        // A new process: a few calls of its own, then gone.
        self = getpid();
        for (int i = 0; i < 5; i++) {
            uint64_t value = junk();
            syscall(PICK(((long[]) { SYS_getppid, SYS_close, SYS_read, SYS_setsid, SYS_munmap })), value % 32, pool, value % 100);
        }
        syscall(SYS_exit_group, 0);
    }
}

static void put(int fd, const void *data, size_t bytes)
{
    unsigned char copy[PAGE];
    bytes = bytes > sizeof copy ? sizeof copy : bytes;
    memcpy(copy, data, bytes);
    for (int i = next() % 3; i > 0 && bytes > 0; i--) {
        copy[next() % bytes] = (unsigned char)next();
    }
    write(fd, copy, one_in(8) ? next() % (bytes + 1) : bytes);
}

// What is parsed on a write to a file of /proc.
static void write_to_proc(void)
{
    static const char *files[] = { "/proc/self/uid_map", "/proc/self/gid_map", "/proc/self/setgroups", "/proc/self/oom_score_adj",
        "/proc/self/oom_adj", "/proc/self/comm", "/proc/self/coredump_filter", "/proc/self/clear_refs", "/proc/self/timerslack_ns",
        "/proc/self/loginuid", "/proc/sys/kernel/hostname", "/proc/sys/kernel/domainname", "/proc/sys/kernel/shmmax",
        "/proc/sys/kernel/sem", "/proc/sys/kernel/msgmnb", "/proc/sys/kernel/pid_max", "/proc/sys/fs/mqueue/msg_max",
        "/proc/sys/fs/mqueue/queues_max", "/proc/sys/vm/overcommit_memory", "/proc/sys/kernel/core_pattern", "/proc/sys/fs/file-max" };
    static const char *texts[] = { "0 0 1", "0 1000 1\n", "0 0 4294967295", "0 0 1\n1 1 1\n5 5 10\n", "0 0 0", "1 2", "allow", "deny", "-1000", "1000",
        "0x33", "017", "-1", "99999999999999999999", "1\t2\t3\t4", "name", "", "\n", " 5 ", "250 32000 32 128", "4294967296 0 1", "0 4294967295 2" };
    int fd = open(PICK(files), O_RDWR);
    const char *text = PICK(texts);
    put(fd, text, strlen(text));
    if (fd > 2) {
        close(fd);
    }
}

static void send_netlink(void)
{
    static const uint16_t types[] = { 16, 17, 18, 19, 20, 21, 22, 24, 26, 28, 30, 32, 34, 66, 1, 2, 3, 4 };
    unsigned char packet[256] = { 0 };
    size_t at = 0;
    do {
        uint32_t bytes = one_in(8) ? (uint32_t)junk() : 16 + next() % 64;
        uint32_t header[4] = { bytes, PICK(types) | (uint32_t)bits(12) << 16, (uint32_t)next(), 0 };
        memcpy(packet + at, header, sizeof header);
        for (int i = 16; i < 64; i++) {
            packet[at + i] = one_in(2) ? 0 : next() % 32;
        }
        at += 80;
    } while (at < 160 && one_in(2));
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK, one_in(4) ? next() % 22 : 0);
    put(fd, packet, at);
    recv(fd, packet, sizeof packet, MSG_DONTWAIT);
    if (fd > 2) {
        close(fd);
    }
}

// Programs that are nearly right: the start of a real one, and scripts.
static void run_broken_program(void)
{
    unsigned char image[PAGE];
    int source = open("/bin/busybox", O_RDONLY), fd = open("/tmp/program", O_CREAT | O_TRUNC | O_WRONLY, 0755);
    ssize_t bytes = read(source, image, sizeof image);
    if (bytes != sizeof image || one_in(3)) {
        static const char *scripts[] = { "#!/tmp/program\n", "#!/bin/busybox sh -c true\n", "#! \t/tmp/l \n", "#!\n", "#!/bin/busybox", "#!" };
        const char *script = PICK(scripts);
        bytes = strlen(script);
        memcpy(image, script, bytes);
    }
    for (int i = next() % 4; i > 0; i--) {
        image[next() % (bytes < 400 ? bytes : 400)] = (unsigned char)next();
    }
    write(fd, image, bytes);
    close(fd);
    close(source);
    pid_t pid = fork();
    if (pid == 0) {
        execl("/tmp/program", "program", "x", NULL);
        _exit(0);
    }
    waitpid(pid, NULL, 0);
}

static void fill(void)
{
    for (int i = 0; i < POOL_BYTES; i += 8) {
        *(uint64_t *)(pool + i) = one_in(3) ? junk() : next() % 16;
    }
}

// rt_sigreturn over the frame of a real signal with bytes changed: the handler's own return does the call.
static void damage(int signal, siginfo_t *info, void *context)
{
    (void)signal;
    (void)info;
    ucontext_t *frame = context;
    size_t floating = sizeof(struct _libc_fpstate) + 512;
    for (int i = 1 + next() % 4; i > 0; i--) {
        if (one_in(2) && frame->uc_mcontext.fpregs != NULL) {
            ((unsigned char *)frame->uc_mcontext.fpregs)[next() % floating] = (unsigned char)next();
        } else if (one_in(3)) {
            frame->uc_mcontext.gregs[next() % NGREG] = (greg_t)junk();
        } else {
            ((unsigned char *)frame)[next() % sizeof *frame] = (unsigned char)next();
        }
    }
}

static void broken_frames(void)
{
    struct sigaction action = { .sa_sigaction = damage, .sa_flags = SA_SIGINFO | SA_NODEFER };
    sigaction(SIGUSR2, &action, NULL);
    for (int i = 0; i < 20; i++) {
        raise(SIGUSR2);
    }
}

static void woken(int signal) { (void)signal; }

static void *thread(void *seed)
{
    state = (uint64_t)seed;
    next();
    scratch = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < CALLS_PER_THREAD; i++) {
        switch (next() % 80) {
            case 0: write_to_proc(); break;
            case 1: send_netlink(); break;
            case 2: run_broken_program(); break;
            default: one_call(); break;
        }
    }
    return NULL;
}

static void prepare(void)
{
    if (one_in(2)) {
        unshare(one_in(2) ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS);
        mount("none", "/tmp", "tmpfs", 0, "size=8m");
    }
    chdir("/tmp");
    mkdir("/tmp/d", 0777);
    mkdir("/tmp/u", 0777);
    mkdir("/tmp/w", 0777);
    symlink("d/x", "/tmp/l");
    mkfifo("/tmp/p", 0666);
    int fds[2];
    open("/tmp/f", O_RDWR | O_CREAT, 0600);
    open("/tmp/d/x", O_RDWR | O_CREAT | O_APPEND, 0600);
    open("/tmp", O_RDONLY);
    pipe2(fds, one_in(2) ? O_NONBLOCK : 0);
    for (int type = SOCK_STREAM; type <= SOCK_DGRAM; type++) {
        socketpair(AF_UNIX, type | SOCK_NONBLOCK, 0, fds);
    }
    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, fds);
    struct sockaddr_un name = { AF_UNIX, "/tmp/s" };
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    bind(listener, (struct sockaddr *)&name, sizeof name);
    listen(listener, 3);
    socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK, 0);
    int set = epoll_create1(0);
    struct epoll_event event = { .events = EPOLLIN | EPOLLET };
    epoll_ctl(set, EPOLL_CTL_ADD, fds[0], &event);
    eventfd(1, EFD_NONBLOCK);
    timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    sigset_t mask;
    sigfillset(&mask);
    signalfd(-1, &mask, SFD_NONBLOCK);
    inotify_add_watch(inotify_init1(IN_NONBLOCK), "/tmp", IN_ALL_EVENTS);
    open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK);
    memfd_create("m", MFD_ALLOW_SEALING);
    open("/proc/self/mem", O_RDWR);
    open("/proc/self", O_RDONLY);
    open("/dev/zero", O_RDWR);
    syscall(SYS_pidfd_open, self, 0);
}

static void run_process(uint64_t seed)
{
    self = getpid();
    state = seed;
    next();
    pool = mmap(NULL, POOL_BYTES + PAGE + 64 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect(pool + POOL_BYTES, PAGE, PROT_NONE);
    fill();
    // What blocks is woken, at times in the midst of something else.
    struct sigaction action = { .sa_handler = woken };
    sigaction(SIGALRM, &action, NULL);
    struct itimerval beat = { { 0, 20000 }, { 0, 20000 } };
    setitimer(ITIMER_REAL, &beat, NULL);
    if (one_in(3)) {
        setgroups(0, NULL);
        syscall(SYS_setresuid, 1000, 1000, 1000);
        if (one_in(2)) {
            unshare(CLONE_NEWUSER);
        }
    }
    pthread_t others[2];
    int count = next() % 3;
    for (int i = 0; i < count; i++) {
        pthread_create(&others[i], NULL, thread, (void *)(seed * 31 + i + 1));
    }
    thread((void *)(seed * 37));
    if (one_in(4)) {
        broken_frames();
    }
    syscall(SYS_exit_group, 0);
}

static void experiment(uint64_t seed)
{
    state = seed;
    next();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setsid();
    self = getpid();
    prepare();
    for (int i = next() % 3; i > 0; i--) {
        pid_t pid = fork();
        if (pid == 0) {
            run_process(seed * 41 + i);
        }
        sibling = pid;
    }
    run_process(seed * 43);
}

static int open_null(void)
{
    int null = open("/dev/null", O_RDWR);
    return dup2(null, 0) | dup2(null, 1) | dup2(null, 2);
}

// Where the experiments are; none of them has it mapped. The watching process is in an outer name space, which they cannot reach.
static struct { volatile long number, started; volatile pid_t first; int64_t end; } *progress;

static void first_process(uint64_t seed)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (; now_ms() < progress->end; progress->number++) {
        dprintf(2, "experiment %ld\n", progress->number);
        pid_t pid = fork();
        if (pid == 0) {
            long number = progress->number;
            munmap(progress, PAGE);
            open_null();
            experiment(seed * 0x9e3779b97f4a7c15 + number);
        }
        progress->started += pid > 0;
        int64_t limit = now_ms() + 1500;
        while (pid > 0 && waitpid(pid, NULL, WNOHANG) != pid && now_ms() < limit) {
            usleep(1000);
        }
        // As process 1: everything but itself.
        kill(-1, SIGKILL);
        while (waitpid(-1, NULL, 0) > 0) {
        }
    }
    _exit(0);
}

static bool has_tracer(pid_t pid)
{
    char name[64], text[4096] = "";
    snprintf(name, sizeof name, "/proc/%d/status", pid);
    int fd = open(name, O_RDONLY);
    read(fd, text, sizeof text - 1);
    close(fd);
    const char *field = strstr(text, "TracerPid:");
    return field != NULL && atoi(field + strlen("TracerPid:")) != 0;
}

// Experiments in a name space of their own: its first process cannot be ended by them, and kill(-1) spares it alone.
static int series(uint64_t seed)
{
    if (unshare(CLONE_NEWPID) == -1) {
        perror("unshare");
        return 2;
    }
    pid_t first = fork();
    if (first == 0) {
        first_process(seed);
    }
    progress->first = first;
    int status = 0;
    waitpid(first, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// Runs a series; 0 at its end, -1 when an experiment has stopped the first process as its tracer, which Linux lets it do.
static int watch(uint64_t seed)
{
    pid_t pid = fork();
    if (pid == 0) {
        _exit(series(seed));
    }
    long last = -1;
    int64_t since = now_ms();
    int status = 0;
    bool is_stuck = false;
    while (waitpid(pid, &status, WNOHANG) != pid) {
        if (progress->number != last) {
            last = progress->number;
            since = now_ms();
        }
        if (!is_stuck && now_ms() - since > 20000 && has_tracer(progress->first)) {
            is_stuck = true;
            kill(progress->first, SIGKILL);
        }
        if (now_ms() - since > 60000) {
            fprintf(stderr, "no end of experiment %ld\n", last);
            exit(3);
        }
        usleep(50000);
    }
    return is_stuck ? -1 : WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char **argv)
{
    char name[65] = "";
    gethostname(name, sizeof name - 1);
    if (argc < 3 || strcmp(name, "fuzzed") != 0 || getpid() != 1) {
        fputs("usage, inside a sandbox with the host name \"fuzzed\" and as its first process: fuzz SECONDS SEED [FIRST]\n", stderr);
        return 2;
    }
    uint64_t seed = strtoull(argv[2], NULL, 0);
    progress = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    progress->number = argc > 3 ? atol(argv[3]) : 1;
    progress->end = now_ms() + atoi(argv[1]) * 1000LL;
    printf("seed %#llx\n", (unsigned long long)seed);
    fflush(stdout);
    struct rlimit core = { 0, 0 };
    setrlimit(RLIMIT_CORE, &core);
    int result;
    while ((result = watch(seed)) == -1) {
        progress->number++;
    }
    printf("%ld experiments\n%s", progress->started, result == 0 ? "alive\n" : "");
    return result != 0 ? result : progress->started > 0 ? 0 : 1;
}
