// /proc, /sys, random numbers, system information, name spaces.
#include "guest.h"
#include <linux/netlink.h>
#include <linux/random.h>
#include <linux/taskstats.h>
#include <sys/random.h>
#include <sys/sysinfo.h>

static char text[1 << 16];

TEST(proc_self_is_the_reader)
{
    char target[64], expected[64];
    ssize_t length = OK(readlink("/proc/self", target, 63));
    target[length] = 0;
    sprintf(expected, "%d", getpid());
    STREQ(expected, target);
    length = OK(readlink("/proc/thread-self", target, 63));
    target[length] = 0;
    sprintf(expected, "%d/task/%d", getpid(), gettid());
    STREQ(expected, target);
}

TEST(stat_has_52_fields)
{
    read_file("/proc/self/stat", text, sizeof text);
    int fields = 2;
    for (char *at = strrchr(text, ')') + 1; *at != 0; at++) {
        fields += *at == ' ';
    }
    EQ(52, fields);
    EQ('R', strrchr(text, ')')[2]);
    EQ(getpid(), atoi(text));
}

TEST(links_of_a_process)
{
    char target[PATH_MAX], cwd[PATH_MAX];
    ssize_t length = OK(readlink("/proc/self/cwd", target, sizeof target));
    target[length] = 0;
    STREQ(getcwd(cwd, sizeof cwd), target);
    EQ(1, readlink("/proc/self/root", target, sizeof target));
    EQ('/', target[0]);
    length = OK(readlink("/proc/self/exe", target, sizeof target));
    target[length] = 0;
    STREQ(guest_self, target);
}

TEST(environment_and_arguments)
{
    ssize_t length = read_file("/proc/self/cmdline", text, sizeof text);
    CHECK(length > 0);
    EQ(0, text[length - 1]);
    length = read_file("/proc/self/environ", text, sizeof text);
    CHECK(length > 0 && memmem(text, length, "PATH=", 5) != NULL);
}

TEST(open_descriptors_are_listed)
{
    int fd = OK(dup2(0, 77));
    DIR *folder = opendir("/proc/self/fd");
    struct dirent *entry;
    bool found = false;
    while ((entry = readdir(folder)) != NULL) {
        found |= strcmp(entry->d_name, "77") == 0;
    }
    CHECK(found);
    OK(close(fd));
    struct stat st;
    FAILS(ENOENT, lstat("/proc/self/fd/77", &st));
    FAILS(ENOENT, lstat("/proc/self/fd/077", &st));
}

TEST(processes_are_listed_and_vanish)
{
    pid_t child = CHILD({ for (;;) { pause(); } });
    char path[64];
    sprintf(path, "/proc/%d", child);
    struct stat st;
    OK(stat(path, &st));
    DIR *folder = opendir("/proc");
    struct dirent *entry;
    bool found = false;
    while ((entry = readdir(folder)) != NULL) {
        found |= atoi(entry->d_name) == child;
    }
    CHECK(found);
    int fd = OK(open(path, O_RDONLY | O_DIRECTORY));
    OK(kill(child, SIGKILL));
    KILLED(SIGKILL, child);
    FAILS(ENOENT, stat(path, &st));
    EQ(-1, openat(fd, "stat", O_RDONLY));
    CHECK(errno == ESRCH || errno == ENOENT);
}

TEST(other_users_processes_keep_their_secrets)
{
    pid_t child = CHILD({ for (;;) { pause(); } });
    await_state(child, 'S');
    OK(setresuid(1000, 1000, 1000));
    char path[64];
    sprintf(path, "/proc/%d/environ", child);
    FAILS(EACCES, open(path, O_RDONLY));
    sprintf(path, "/proc/%d/exe", child);
    FAILS(EACCES, readlink(path, text, 100));
    sprintf(path, "/proc/%d/fd", child);
    FAILS(EACCES, open(path, O_RDONLY));
    sprintf(path, "/proc/%d/fdinfo", child);
    FAILS(EACCES, open(path, O_RDONLY));
    FAILS(EACCES, access(path, R_OK));
    sprintf(path, "/proc/%d/task/%d/fdinfo/0", child, child);
    FAILS(EACCES, open(path, O_RDONLY));
    sprintf(path, "/proc/%d/timerslack_ns", child);
    int slack = OK(open(path, O_RDWR));
    FAILS(EPERM, read(slack, text, 10));
    FAILS(EPERM, write(slack, "1", 1));
    sprintf(path, "/proc/%d/stat", child);
    OK(open(path, O_RDONLY));
}

TEST(timer_slack_is_read_and_set)
{
    int file = OK(open("/proc/self/timerslack_ns", O_RDWR));
    EQ(5, write(file, "60000", 5));
    EQ(60000, prctl(PR_GET_TIMERSLACK));
    read_file("/proc/self/timerslack_ns", text, sizeof text);
    STREQ("60000\n", text);
    FAILS(EINVAL, write(file, "much", 4));
    FAILS(ESPIPE, pwrite(file, "1", 1, 0));
    EQ(2, write(file, "0\n", 2));
    EQ(50000, prctl(PR_GET_TIMERSLACK));
}

TEST(links_longer_than_a_path)
{
    static char name[201];
    memset(name, 'n', 200);
    for (int i = 0; i < 21; i++) {
        OK(mkdir(name, 0755));
        OK(chdir(name));
    }
    FAILS(ENAMETOOLONG, readlink("/proc/self/cwd", text, sizeof text));
    sprintf(text, "/proc/self/fd/%d", OK(open(".", O_RDONLY)));
    FAILS(ENAMETOOLONG, readlink(text, text + 100, 100));
    for (int i = 0; i < 21; i++) {
        OK(chdir(".."));
        OK(rmdir(name));
    }
    CHECK(readlink("/proc/self/cwd", text, sizeof text) > 0);
}

TEST(files_of_the_whole_system)
{
    read_file("/proc/stat", text, sizeof text);
    CHECK(strncmp(text, "cpu  ", 5) == 0);
    CHECK(strstr(text, "\nbtime ") != NULL);
    CHECK(strstr(text, "\nprocesses ") != NULL);
    read_file("/proc/version", text, sizeof text);
    CHECK(strncmp(text, "Linux version ", 14) == 0);
    read_file("/proc/loadavg", text, sizeof text);
    float one, five, fifteen;
    int running, total, last;
    EQ(6, sscanf(text, "%f %f %f %d/%d %d", &one, &five, &fifteen, &running, &total, &last));
    CHECK(running >= 1 && total >= running);
    read_file("/proc/filesystems", text, sizeof text);
    CHECK(strstr(text, "nodev\ttmpfs\n") != NULL);
    CHECK(strstr(text, "nodev\tproc\n") != NULL);
}

TEST(sysctl_files)
{
    read_file("/proc/sys/kernel/ostype", text, sizeof text);
    STREQ("Linux\n", text);
    read_file("/proc/sys/kernel/pid_max", text, sizeof text);
    CHECK(atoi(text) >= 32768);
    read_file("/proc/sys/fs/file-max", text, sizeof text);
    CHECK(atoll(text) > 0);
    read_file("/proc/sys/vm/overcommit_memory", text, sizeof text);
    CHECK(text[0] >= '0' && text[0] <= '2');
    read_file("/proc/sys/kernel/cap_last_cap", text, sizeof text);
    CHECK(atoi(text) >= 40);
    read_file("/proc/sys/kernel/random/boot_id", text, sizeof text);
    EQ(37, strlen(text));
}

TEST(uuids_differ)
{
    char first[64];
    read_file("/proc/sys/kernel/random/uuid", first, sizeof first);
    read_file("/proc/sys/kernel/random/uuid", text, sizeof text);
    CHECK(strcmp(first, text) != 0);
    EQ(37, strlen(text));
    CHECK(text[14] == '4' && text[19] >= '8' && text[19] <= 'b');
}

TEST(proc_refusals)
{
    FAILS(ENOENT, open("/proc/0/stat", O_RDONLY));
    FAILS(ENOENT, open("/proc/99999999/stat", O_RDONLY));
    FAILS(ENOENT, open("/proc/self/nonsense", O_RDONLY));
    CHECK(open("/proc/newfile", O_CREAT | O_RDWR, 0600) == -1);
    CHECK(mkdir("/proc/newdir", 0700) == -1);
    CHECK(unlink("/proc/version") == -1);
}

TEST(reading_in_small_pieces_gives_the_same)
{
    read_file("/proc/self/limits", text, sizeof text);
    int fd = OK(open("/proc/self/limits", O_RDONLY));
    char byte;
    size_t at = 0;
    while (OK(read(fd, &byte, 1)) == 1) {
        EQ(text[at], byte);
        at++;
    }
    EQ(strlen(text), at);
    char again[16];
    EQ(10, pread(fd, again, 10, 5));
    CHECK(memcmp(again, text + 5, 10) == 0);
}

TEST(adjusting_the_out_of_memory_score)
{
    write_file("/proc/self/oom_score_adj", "500");
    read_file("/proc/self/oom_score_adj", text, sizeof text);
    STREQ("500\n", text);
    int fd = OK(open("/proc/self/oom_score_adj", O_WRONLY));
    FAILS(EINVAL, write(fd, "2000", 4));
}

TEST(name_spaces_have_identities)
{
    char mine[64], theirs[64];
    ssize_t length = OK(readlink("/proc/self/ns/uts", mine, 63));
    mine[length] = 0;
    CHECK(strncmp(mine, "uts:[", 5) == 0);
    EXITS(0, CHILD({
        length = OK(readlink("/proc/self/ns/uts", theirs, 63));
        theirs[length] = 0;
        STREQ(mine, theirs);
        OK(unshare(CLONE_NEWUTS));
        length = OK(readlink("/proc/self/ns/uts", theirs, 63));
        theirs[length] = 0;
        CHECK(strcmp(mine, theirs) != 0);
        OK(sethostname("inner", 5));
    }));
    OK(gethostname(text, 100));
    CHECK(strcmp(text, "inner") != 0);
}

TEST(joining_a_name_space)
{
    int fd = OK(open("/proc/self/ns/uts", O_RDONLY));
    OK(sethostname("outer", 5));
    OK(unshare(CLONE_NEWUTS));
    OK(sethostname("inner", 5));
    OK(setns(fd, CLONE_NEWUTS));
    OK(gethostname(text, 100));
    STREQ("outer", text);
    FAILS(EINVAL, setns(fd, CLONE_NEWIPC));
    FAILS(EINVAL, setns(0, 0));
    FAILS(EBADF, setns(999, 0));
}

TEST(a_pid_name_space_counts_from_one)
{
    EXITS(0, CHILD({
        OK(unshare(CLONE_NEWPID));
        int fds[2];
        OK(pipe(fds));
        pid_t child = CHILD({
            EQ(1, getpid());
            EQ(0, getppid());
            EXITS(0, CHILD({ EQ(2, getpid()); EQ(1, getppid()); }));
            // The first process of a name space is not killed by signals it has no handler for.
            EQ(0, kill(1, SIGTERM));
            CHILD({ for (;;) { pause(); } });
            send_byte(fds[1]);
        });
        CHECK(child > 1);
        await_byte(fds[0]);
        EXITS(0, child);
        FAILS(ENOMEM, fork());
    }));
}

TEST(a_user_name_space_maps_ids)
{
    OK(setresgid(1000, 1000, 1000));
    OK(setresuid(1000, 1000, 1000));
    OK(prctl(PR_SET_DUMPABLE, 1));
    OK(unshare(CLONE_NEWUSER));
    EQ(65534, getuid());
    int map = OK(open("/proc/self/gid_map", O_WRONLY));
    FAILS(EPERM, write(map, "0 1000 1", 8));
    write_file("/proc/self/setgroups", "deny");
    map = OK(open("/proc/self/uid_map", O_WRONLY));
    FAILS(ESPIPE, pwrite(map, "0 1000 1", 8, 1));
    EQ(1, lseek(map, 1, SEEK_SET));
    FAILS(EINVAL, write(map, "0 1000 1", 8));
    write_file("/proc/self/uid_map", "0 1000 1");
    write_file("/proc/self/gid_map", "0 1000 1");
    EQ(0, getuid());
    EQ(0, getgid());
    FAILS(EINVAL, setuid(1));
    OK(unshare(CLONE_NEWUTS));
    OK(sethostname("mine", 4));
}

TEST(random_numbers)
{
    unsigned char a[32] = { 0 }, b[32] = { 0 };
    EQ(32, getrandom(a, 32, 0));
    EQ(32, getrandom(b, 32, GRND_NONBLOCK));
    CHECK(memcmp(a, b, 32) != 0);
    EQ(0, getrandom(a, 0, 0));
    FAILS(EINVAL, getrandom(a, 1, 0x100));
    FAILS(EINVAL, getrandom(a, 1, GRND_RANDOM | GRND_INSECURE));
    FAILS(EFAULT, syscall(SYS_getrandom, (void *)8, 32, 0));
    int ones = 0;
    for (int i = 0; i < 32; i++) {
        ones += __builtin_popcount(a[i]);
    }
    CHECK(ones > 70 && ones < 190);
}

TEST(system_information)
{
    struct sysinfo info;
    OK(sysinfo(&info));
    CHECK(info.uptime >= 0 && info.procs >= 1 && info.totalram > 0 && info.freeram <= info.totalram);
    CHECK(info.mem_unit >= 1);
    FAILS(EFAULT, sysinfo((void *)8));
}

TEST(unknown_calls_are_enosys)
{
    FAILS(ENOSYS, syscall(5000));
    FAILS(ENOSYS, syscall(-1L));
    FAILS(ENOSYS, syscall(400));
}

TEST(sysfs_has_processors)
{
    read_file("/sys/devices/system/cpu/online", text, sizeof text);
    CHECK(text[0] == '0');
    struct stat st;
    OK(stat("/sys/devices/system/cpu/cpu0", &st));
    CHECK(S_ISDIR(st.st_mode));
}

TEST(the_kernel_log_is_closed_to_users)
{
    OK(setresuid(1000, 1000, 1000));
    long result = syscall(SYS_syslog, 10, NULL, 0);
    CHECK(result >= 0 || errno == EPERM);
}

TEST(comparing_descriptors)
{
    int a = OK(open("/", O_RDONLY)), b = OK(dup(a)), c = OK(open("/", O_RDONLY));
    long same = syscall(SYS_kcmp, getpid(), getpid(), 0, a, b);
    if (same == -1 && errno == ENOSYS) {
        SKIP("this kernel has no kcmp");
    }
    EQ(0, same);
    CHECK(syscall(SYS_kcmp, getpid(), getpid(), 0, a, c) > 0);
    FAILS(EBADF, syscall(SYS_kcmp, getpid(), getpid(), 0, a, 999));
}


TEST(core_dump_filter)
{
    const char *path = "/proc/self/coredump_filter";
    CHECK(read_file(path, text, sizeof text) > 0);
    STREQ("00000033\n", text);
    write_file(path, "0x7f1");
    CHECK(read_file(path, text, sizeof text) > 0);
    STREQ("000001f1\n", text);
    EXITS(0, CHILD({
        CHECK(read_file(path, text, sizeof text) > 0);
        STREQ("000001f1\n", text);
    }));
    int fd = OK(open(path, O_WRONLY));
    FAILS(EINVAL, write(fd, "x", 1));
}

TEST(netlink_answers_nobody_reads)
{
    int fd = OK(socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK, 0));
    uint32_t request[8] = { sizeof request, 18 | 1 << 16, 0, 0, 0, 1 }; // RTM_GETLINK of interface 1
    for (int i = 0; i < 3000; i++) {
        request[2] = i;
        EQ(sizeof request, send(fd, request, sizeof request, 0));
    }
    int answers = 0, losses = 0;
    for (;;) {
        if (recv(fd, text, sizeof text, 0) > 0) {
            answers++;
        } else if (errno == ENOBUFS) {
            losses++;
        } else {
            break;
        }
    }
    EQ(EAGAIN, errno);
    CHECK(answers > 10 && answers < 2000);
    CHECK(losses > 0);
}

TEST(directories_are_not_read)
{
    const char *paths[] = { "/proc", "/proc/self", "/proc/self/fd", "/proc/self/task", "/proc/sys", "/sys", "/dev/pts" };
    char byte;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        int fd = open(paths[i], O_RDONLY | O_DIRECTORY);
        if (fd != -1) {
            FAILS(EISDIR, read(fd, &byte, 1));
            FAILS(EISDIR, pread(fd, &byte, 1, 0));
            close(fd);
        }
    }
}

static char *part_of(char *list, char *end, int kind)
{
    for (char *at = list; at + 4 <= end; at += (*(uint16_t *)at + 3) & ~3) {
        if ((*(uint16_t *)(at + 2) & 0x3fff) == kind) {
            return at + 4;
        }
    }
    FAIL("no attribute %d", kind);
}

// One request of generic netlink with one attribute; the answer, or the negative errno.
static int generic(int fd, int family, int command, int kind, const void *value, int length, char *answer, int room)
{
    char request[128] = { 0 };
    struct nlmsghdr *header = (struct nlmsghdr *)request;
    header->nlmsg_type = family;
    header->nlmsg_flags = NLM_F_REQUEST;
    header->nlmsg_seq = 7;
    request[16] = command;
    request[17] = 1;
    *(uint16_t *)(request + 20) = 4 + length;
    *(uint16_t *)(request + 22) = kind;
    memcpy(request + 24, value, length);
    header->nlmsg_len = 24 + ((length + 3) & ~3);
    EQ(header->nlmsg_len, send(fd, request, header->nlmsg_len, 0));
    int bytes = OK(recv(fd, answer, room, 0));
    header = (struct nlmsghdr *)answer;
    EQ(7, header->nlmsg_seq);
    return header->nlmsg_type == NLMSG_ERROR ? *(int *)(answer + 16) : bytes;
}

TEST(taskstats)
{
    char answer[4096], *stats;
    int fd = OK(socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC));
    int bytes = generic(fd, 16, 3, 2, "TASKSTATS", 10, answer, sizeof answer);
    CHECK(bytes > 20);
    EQ(1, answer[16]);
    int family = *(uint16_t *)part_of(answer + 20, answer + bytes, 1);
    EQ(-ENOENT, generic(fd, 16, 3, 2, "NOSUCH", 7, answer, sizeof answer));
    prctl(PR_SET_NAME, "accounted");
    uint32_t pid = getpid();
    bytes = generic(fd, family, 1, 1, &pid, 4, answer, sizeof answer);
    CHECK(bytes > 300);
    char *both = part_of(answer + 20, answer + bytes, 4);
    EQ(pid, *(uint32_t *)part_of(both, answer + bytes, 1));
    stats = part_of(both, answer + bytes, 3);
    struct taskstats figures;
    memcpy(&figures, stats, offsetof(struct taskstats, ac_etime) + 8);
    CHECK(figures.version >= 13);
    STREQ("accounted", figures.ac_comm);
    EQ(pid, figures.ac_pid);
    EQ(getppid(), figures.ac_ppid);
    EQ(getuid(), figures.ac_uid);
    CHECK(labs((long)figures.ac_btime - time(NULL)) < 100);
    uint32_t nobody = 4000000;
    EQ(-ESRCH, generic(fd, family, 1, 1, &nobody, 4, answer, sizeof answer));
    OK(setresuid(1000, 1000, 1000));
    EQ(-EPERM, generic(fd, family, 1, 1, &pid, 4, answer, sizeof answer));
}
