// execve and execveat: arguments, what survives, what is refused.
#include "guest.h"
#include <elf.h>
#include <sys/auxv.h>

extern char **environ;

static void copy_self(const char *path, mode_t mode)
{
    int from = OK(open(guest_self, O_RDONLY | O_CLOEXEC));
    int to = OK(open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755));
    char buffer[65536];
    ssize_t count;
    while ((count = OK(read(from, buffer, sizeof buffer))) > 0) {
        EQ(count, write(to, buffer, count));
    }
    OK(fchmod(to, mode));
    OK(close(from));
    OK(close(to));
}

// Runs the role in a child and checks its exit status.
#define ROLE_EXITS(code, ...) \
    EXITS(code, CHILD({ execl(guest_self, guest_self, __VA_ARGS__, NULL); _exit(99); }))

ROLE(arguments)
{
    return argc == 3 && strcmp(argv[0], "one two") == 0 && argv[1][0] == 0 && strcmp(argv[2], "\xff") == 0
        && strcmp(getenv("GUEST"), "value") == 0 && environ[1] == NULL ? 17 : 1;
}

TEST(arguments_and_environment_arrive)
{
    pid_t child = CHILD({
        char *args[] = { "x", "role:arguments", "one two", "", "\xff", NULL };
        char *env[] = { "GUEST=value", NULL };
        execve(guest_self, args, env);
    });
    EXITS(17, child);
}

ROLE(descriptors)
{
    return fcntl(atoi(argv[0]), F_GETFD) == -1 && fcntl(atoi(argv[1]), F_GETFD) == 0 ? 0 : 1;
}

TEST(close_on_exec_closes)
{
    int closed = OK(open("/dev/null", O_RDONLY | O_CLOEXEC)), kept = OK(open("/dev/null", O_RDONLY));
    char a[16], b[16];
    sprintf(a, "%d", closed);
    sprintf(b, "%d", kept);
    ROLE_EXITS(0, "role:descriptors", a, b);
    EQ(FD_CLOEXEC, fcntl(closed, F_GETFD));
}

ROLE(dispositions)
{
    struct sigaction handled, ignored;
    sigset_t mask, pending;
    sigaction(SIGUSR1, NULL, &handled);
    sigaction(SIGUSR2, NULL, &ignored);
    sigprocmask(SIG_BLOCK, NULL, &mask);
    sigpending(&pending);
    return handled.sa_handler == SIG_DFL && ignored.sa_handler == SIG_IGN && sigismember(&mask, SIGTERM)
        && !sigismember(&mask, SIGINT) && sigismember(&pending, SIGTERM) ? 0 : 1;
}

static void nothing(int signal) { (void)signal; }

TEST(handlers_are_reset_while_ignored_mask_and_pending_stay)
{
    pid_t child = CHILD({
        signal(SIGUSR1, nothing);
        signal(SIGUSR2, SIG_IGN);
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, SIGTERM);
        OK(sigprocmask(SIG_SETMASK, &set, NULL));
        OK(kill(getpid(), SIGTERM));
        execl(guest_self, "x", "role:dispositions", NULL);
    });
    EXITS(0, child);
}

// A copy of this program whose last segment has another size in memory.
static void resize_last_segment(const char *path, uint64_t bytes)
{
    copy_self(path, 0755);
    int fd = OK(open(path, O_RDWR | O_CLOEXEC));
    Elf64_Ehdr header;
    EQ((ssize_t)sizeof header, pread(fd, &header, sizeof header, 0));
    Elf64_Phdr segment;
    off_t last = 0;
    for (int i = 0; i < header.e_phnum; i++) {
        off_t at = header.e_phoff + i * sizeof segment;
        EQ((ssize_t)sizeof segment, pread(fd, &segment, sizeof segment, at));
        last = segment.p_type == PT_LOAD ? at : last;
    }
    EQ((ssize_t)sizeof segment, pread(fd, &segment, sizeof segment, last));
    segment.p_memsz = bytes;
    EQ((ssize_t)sizeof segment, pwrite(fd, &segment, sizeof segment, last));
    OK(close(fd));
}

TEST(a_program_that_is_cut_off_dies_past_the_point_of_no_return)
{
    char *args[] = { "x", NULL };
    static const off_t lengths[] = { 1000, 4096, 20000 };
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        copy_self("cut", 0755);
        OK(truncate("cut", lengths[i]));
        KILLED(SIGSEGV, CHILD({ execve("cut", args, environ); }));
    }
    OK(truncate("cut", 100));
    FAILS(ENOEXEC, execve("cut", args, environ));
}

TEST(a_segment_too_large_for_memory_kills_the_process_whatever_it_ignores)
{
    char *args[] = { "x", NULL };
    static const uint64_t sizes[] = { 1ull << 40, 1ull << 46, 1ull << 47, 1ull << 62, 1 };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        resize_last_segment("large", sizes[i]);
        KILLED(SIGSEGV, CHILD({
            signal(SIGSEGV, SIG_IGN);
            execve("large", args, environ);
        }));
    }
    EQ(0, access("large", X_OK));
}

TEST(errors_of_the_path)
{
    char *args[] = { "x", NULL };
    write_file("plain", "not a program\n");
    FAILS(ENOENT, execve("missing", args, environ));
    FAILS(ENOENT, execve("", args, environ));
    FAILS(EACCES, execve("plain", args, environ));
    FAILS(ENOTDIR, execve("plain/x", args, environ));
    FAILS(EACCES, execve(".", args, environ));
    OK(symlink("loop", "loop"));
    FAILS(ELOOP, execve("loop", args, environ));
    FAILS(EFAULT, execve((char *)8, args, environ));
    OK(chmod("plain", 0755));
    FAILS(ENOEXEC, execve("plain", args, environ));
    OK(truncate("plain", 0));
    FAILS(ENOEXEC, execve("plain", args, environ));
    OK(mkfifo("fifo", 0755));
    FAILS(EACCES, execve("fifo", args, environ));
}

TEST(broken_elf_files_are_refused)
{
    char *args[] = { "x", NULL };
    copy_self("elf", 0755);
    OK(truncate("elf", 60));
    FAILS(ENOEXEC, execve("elf", args, environ));
    copy_self("elf", 0755);
    int fd = OK(open("elf", O_WRONLY));
    EQ(2, pwrite(fd, "\x03\x00", 2, 18));
    OK(close(fd));
    FAILS(ENOEXEC, execve("elf", args, environ));
    copy_self("elf", 0755);
    fd = OK(open("elf", O_WRONLY));
    EQ(2, pwrite(fd, "\x01\x00", 2, 16));
    OK(close(fd));
    FAILS(ENOEXEC, execve("elf", args, environ));
}

TEST(a_file_open_for_writing_is_busy)
{
    copy_self("copy", 0755);
    int fd = OK(open("copy", O_WRONLY));
    char *args[] = { "x", NULL };
    FAILS(ETXTBSY, execve("copy", args, environ));
    OK(close(fd));
    pid_t child = CHILD({ execl("copy", "x", "role:sleeper", NULL); });
    await_state(child, 'S');
    char target[PATH_MAX];
    char link[64];
    sprintf(link, "/proc/%d/exe", child);
    for (int i = 0; i < 1000; i++) {
        ssize_t length = OK(readlink(link, target, sizeof target - 1));
        target[length] = 0;
        if (strstr(target, "/copy") != NULL) {
            break;
        }
        pause_ms(2);
    }
    FAILS(ETXTBSY, open("copy", O_WRONLY));
    OK(kill(child, SIGKILL));
    KILLED(SIGKILL, child);
    OK(close(OK(open("copy", O_WRONLY))));
}

ROLE(sleeper)
{
    pause();
    return 0;
}

TEST(too_long_arguments)
{
    char *text = malloc(140 * 1024);
    memset(text, 'a', 140 * 1024 - 1);
    text[140 * 1024 - 1] = 0;
    char *args[] = { "x", text, NULL };
    FAILS(E2BIG, execve(guest_self, args, environ));
    text[120 * 1024] = 0;
    pid_t child = CHILD({ execl(guest_self, "x", "role:length", text, NULL); });
    EXITS(1, child);
}

ROLE(length)
{
    return strlen(argv[0]) == 120 * 1024;
}

TEST(scripts_pass_one_argument_and_the_path)
{
    char text[PATH_MAX + 100];
    snprintf(text, sizeof text, "#! %s  role:script with blanks \nrest\n", guest_self);
    write_file("script", text);
    OK(chmod("script", 0755));
    pid_t child = CHILD({ execl("./script", "ignored", "a", "b", NULL); _exit(errno); });
    int status;
    guest_wait(child, &status);
    // The whole rest of the line is one argument, which is no role: the program then looks for cases of that name and fails.
    EQ(1, WEXITSTATUS(status));
    snprintf(text, sizeof text, "#!%s role:script\n", guest_self);
    write_file("script", text);
    child = CHILD({ execl("./script", "ignored", "a", "b", NULL); _exit(errno); });
    EXITS(33, child);
}

ROLE(script)
{
    return argc == 3 && strcmp(argv[0], "./script") == 0 && strcmp(argv[1], "a") == 0 && strcmp(argv[2], "b") == 0 ? 33 : 34;
}

TEST(scripts_name_scripts_up_to_a_depth)
{
    char text[PATH_MAX + 100];
    snprintf(text, sizeof text, "#!%s role:count\n", guest_self);
    write_file("s0", text);
    OK(chmod("s0", 0755));
    for (int i = 1; i < 8; i++) {
        char name[8];
        sprintf(name, "s%d", i);
        sprintf(text, "#!./s%d\n", i - 1);
        write_file(name, text);
        OK(chmod(name, 0755));
    }
    EXITS(4, CHILD({ execl("./s3", "x", NULL); _exit(99); }));
    char *args[] = { "x", NULL };
    FAILS(ELOOP, execve("./s6", args, environ));
}

ROLE(count) { return argc; }

TEST(script_interpreter_errors)
{
    char *args[] = { "x", NULL };
    write_file("s", "#!/missing/interpreter\n");
    OK(chmod("s", 0755));
    FAILS(ENOENT, execve("./s", args, environ));
    write_file("s", "#!\n");
    FAILS(ENOEXEC, execve("./s", args, environ));
    write_file("s", "#!./s2\n");
    write_file("s2", "x");
    FAILS(EACCES, execve("./s", args, environ));
}

TEST(execveat_by_descriptor_and_folder)
{
    copy_self("copy", 0755);
    int folder = OK(open(".", O_RDONLY | O_DIRECTORY)), file = OK(open("copy", O_PATH | O_CLOEXEC));
    char *args[] = { "x", "role:five", NULL };
    EXITS(5, CHILD({ syscall(SYS_execveat, folder, "copy", args, environ, 0); }));
    EXITS(5, CHILD({ syscall(SYS_execveat, file, "", args, environ, AT_EMPTY_PATH); }));
    FAILS(ENOENT, syscall(SYS_execveat, file, "", args, environ, 0));
    FAILS(EINVAL, syscall(SYS_execveat, file, "", args, environ, AT_EMPTY_PATH | 0x40000000));
    FAILS(EBADF, syscall(SYS_execveat, 999, "copy", args, environ, 0));
    FAILS(ENOTDIR, syscall(SYS_execveat, file, "copy", args, environ, 0));
    OK(symlink("copy", "link"));
    FAILS(ELOOP, syscall(SYS_execveat, folder, "link", args, environ, AT_SYMLINK_NOFOLLOW));
    EXITS(5, CHILD({ syscall(SYS_execveat, folder, "link", args, environ, 0); }));
}

ROLE(five) { return 5; }

TEST(execveat_of_a_script_needs_an_open_descriptor)
{
    char text[PATH_MAX + 100];
    snprintf(text, sizeof text, "#!%s role:devfd\n", guest_self);
    write_file("script", text);
    OK(chmod("script", 0755));
    int kept = OK(open("script", O_RDONLY)), closed = OK(open("script", O_RDONLY | O_CLOEXEC));
    char *args[] = { "x", NULL };
    EXITS(7, CHILD({
        FAILS(ENOENT, syscall(SYS_execveat, closed, "", args, environ, AT_EMPTY_PATH));
        int folder = OK(open(".", O_PATH | O_CLOEXEC));
        FAILS(ENOENT, syscall(SYS_execveat, folder, "script", args, environ, 0));
        _exit(7);
    }));
    EXITS(0, CHILD({ syscall(SYS_execveat, kept, "", args, environ, AT_EMPTY_PATH); _exit(99); }));
}

ROLE(devfd)
{
    return argc == 1 && strncmp(argv[0], "/dev/fd/", 8) == 0 ? 0 : 1;
}

static int ready_pipe[2];

static void *exec_from_thread(void *unused)
{
    (void)unused;
    char text[16];
    sprintf(text, "%d", getpid());
    execl(guest_self, "x", "role:leader", text, NULL);
    return NULL;
}

static void *wait_for_ever(void *unused)
{
    (void)unused;
    send_byte(ready_pipe[1]);
    pause();
    return NULL;
}

ROLE(leader)
{
    DIR *tasks = opendir("/proc/self/task");
    int count = 0;
    while (tasks != NULL && readdir(tasks) != NULL) {
        count++;
    }
    return getpid() == atoi(argv[0]) && gettid() == getpid() && count == 3 ? 44 : 45;
}

TEST(exec_in_a_thread_ends_the_others_and_takes_the_leaders_id)
{
    OK(pipe(ready_pipe));
    pid_t child = CHILD({
        pthread_t a, b;
        pthread_create(&a, NULL, wait_for_ever, NULL);
        await_byte(ready_pipe[0]);
        pthread_create(&b, NULL, exec_from_thread, NULL);
        pthread_join(b, NULL);
    });
    EXITS(44, child);
}

ROLE(names)
{
    char text[4096];
    read_file("/proc/self/comm", text, sizeof text);
    if (strcmp(text, "copy-with-a-ver\n") != 0) {
        return 1;
    }
    ssize_t length = readlink("/proc/self/exe", text, sizeof text - 1);
    text[length] = 0;
    if (strcmp(strrchr(text, '/'), "/copy-with-a-very-long-name") != 0) {
        return 2;
    }
    length = read_file("/proc/self/cmdline", text, sizeof text);
    return length == 16 && memcmp(text, "zero\0role:names", 16) == 0 ? 0 : 3;
}

TEST(proc_tells_name_path_and_arguments)
{
    copy_self("copy-with-a-very-long-name", 0755);
    EXITS(0, CHILD({ execl("copy-with-a-very-long-name", "zero", "role:names", NULL); _exit(99); }));
}

ROLE(auxv)
{
    bool good = getauxval(AT_PAGESZ) == 4096 && getauxval(AT_UID) == getuid() && getauxval(AT_EGID) == getegid()
        && getauxval(AT_SECURE) == 0 && getauxval(AT_CLKTCK) == 100 && getauxval(AT_RANDOM) != 0
        && getauxval(AT_SYSINFO_EHDR) != 0 && getauxval(AT_PHNUM) > 0 && getauxval(AT_ENTRY) != 0
        && strcmp((char *)getauxval(AT_PLATFORM), "x86_64") == 0
        && strcmp((char *)getauxval(AT_EXECFN), guest_self) == 0;
    return good ? 0 : 1;
}

TEST(auxiliary_vector_is_filled) { ROLE_EXITS(0, "role:auxv"); }

ROLE(random)
{
    return ((unsigned char *)getauxval(AT_RANDOM))[atoi(argv[0])];
}

TEST(random_bytes_differ_between_programs)
{
    int same = 0;
    for (int i = 0; i < 4; i++) {
        int status[2];
        char text[8];
        sprintf(text, "%d", i);
        for (int j = 0; j < 2; j++) {
            pid_t child = CHILD({ execl(guest_self, guest_self, "role:random", text, NULL); });
            guest_wait(child, &status[j]);
        }
        same += status[0] == status[1];
    }
    CHECK(same < 3);
}

ROLE(effective)
{
    return geteuid() == (uid_t)atoi(argv[0]) && getuid() == (uid_t)atoi(argv[1])
        && getauxval(AT_SECURE) == (getuid() != geteuid()) ? 0 : 1;
}

TEST(set_user_id_programs_change_the_effective_user)
{
    // Not under /tmp, which is mounted nosuid.
    char folder[] = "/var/suid.XXXXXX";
    CHECK(mkdtemp(folder) != NULL);
    OK(chdir(folder));
    OK(chmod(".", 0755));
    copy_self("suid", 0755);
    OK(chown("suid", 4242, 4242));
    OK(chmod("suid", 04755));
    EXITS(0, CHILD({
        OK(setresuid(1000, 1000, 1000));
        execl("suid", "x", "role:effective", "4242", "1000", NULL);
        _exit(99);
    }));
    EXITS(0, CHILD({
        OK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
        OK(setresuid(1000, 1000, 1000));
        execl("suid", "x", "role:effective", "1000", "1000", NULL);
        _exit(99);
    }));
}

TEST(execute_permission_is_checked_for_others_and_for_root)
{
    copy_self("owned", 0700);
    OK(chmod(".", 0755));
    EXITS(0, CHILD({
        OK(setresuid(1000, 1000, 1000));
        char *args[] = { "x", NULL };
        FAILS(EACCES, execve("owned", args, environ));
    }));
    OK(chmod("owned", 0644));
    char *args[] = { "x", NULL };
    FAILS(EACCES, execve("owned", args, environ));
    OK(chmod("owned", 0645));
    EXITS(5, CHILD({ execl("owned", "x", "role:five", NULL); }));
}

ROLE(timers)
{
    struct itimerval left;
    getitimer(ITIMER_REAL, &left);
    struct itimerspec posix;
    return left.it_value.tv_sec > 50 && timer_gettime((timer_t)0, &posix) == -1 && errno == EINVAL ? 0 : 1;
}

TEST(interval_timers_survive_and_posix_timers_do_not)
{
    pid_t child = CHILD({
        struct itimerval timer = { .it_value = { 100, 0 } };
        OK(setitimer(ITIMER_REAL, &timer, NULL));
        timer_t id;
        OK(timer_create(CLOCK_MONOTONIC, NULL, &id));
        execl(guest_self, "x", "role:timers", NULL);
    });
    EXITS(0, child);
}

TEST(shared_mappings_vanish_and_cwd_stays)
{
    OK(mkdir("sub", 0755));
    OK(chdir("sub"));
    write_file("here", "x");
    ROLE_EXITS(0, "role:cwd");
}

ROLE(cwd) { return access("here", F_OK) == 0 ? 0 : 1; }
