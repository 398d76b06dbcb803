// A guest on a volume while its host runs out of something or changes the files: what it was told, one line each.
// tests/cli/cases/host.sh starts it and says what is expected.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *word(int failed) { return failed ? strerrorname_np(errno) : "ok"; }

static void await(const char *path)
{
    for (int i = 0; access(path, F_OK) != 0; i++) {
        if (i == 3000) {
            printf("nobody made %s\n", path);
            exit(1);
        }
        usleep(10000);
    }
}

static void say(const char *text)
{
    puts(text);
    fflush(stdout);
}

// Nothing is left that does not work: the root, a new process, the volume.
static void use_everything(void)
{
    int fd = open("/etc/passwd", O_RDONLY), status = -1;
    printf("root: %s\n", word(fd < 0));
    close(fd);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        execl("/bin/true", "true", (char *)NULL);
        _exit(99);
    }
    waitpid(child, &status, 0);
    printf("program: %d\n", child > 0 ? status : -1);
    fd = open("last", O_CREAT | O_EXCL | O_RDWR, 0600);
    printf("volume: %s\n", word(fd < 0 || write(fd, "x", 1) != 1 || unlink("last") != 0));
    close(fd);
}

static char *name(const char *prefix, int number)
{
    static char text[64];
    snprintf(text, sizeof text, "%s%d", prefix, number);
    return text;
}

// So many directories with a file in each, nothing held open.
static void wide(int count)
{
    int made, read_back = 0, removed = 0;
    for (made = 0; made < count && mkdir(name("d", made), 0755) == 0; made++) {
        char path[80];
        snprintf(path, sizeof path, "%s/f", name("d", made));
        int fd = open(path, O_CREAT | O_RDWR, 0644);
        if (fd < 0 || write(fd, &made, sizeof made) != sizeof made) {
            break;
        }
        close(fd);
    }
    printf("made %d: %s\n", made, word(made < count));
    use_everything();
    for (int i = 0; i < made; i++) {
        char path[80];
        int number = -1;
        snprintf(path, sizeof path, "%s/f", name("d", i));
        int fd = open(path, O_RDONLY);
        read_back += read(fd, &number, sizeof number) == sizeof number && number == i;
        close(fd);
    }
    printf("read %d\n", read_back);
    for (int i = 0; i < made; i++) {
        char path[80];
        snprintf(path, sizeof path, "%s/f", name("d", i));
        removed += unlink(path) == 0 && rmdir(name("d", i)) == 0;
    }
    printf("removed %d\n", removed);
}

// One directory in the other, and back.
static void deep(int count)
{
    int down, up;
    for (down = 0; down < count && mkdir("d", 0755) == 0 && chdir("d") == 0; down++) {
    }
    printf("down %d: %s\n", down, word(down < count));
    use_everything();
    for (up = 0; up < down && chdir("..") == 0 && rmdir("d") == 0; up++) {
    }
    printf("up %d: %s\n", up, word(up < down));
}

// As many open files as there can be, then none.
static void hold(int count)
{
    struct rlimit limit = {1048576, 1048576};
    setrlimit(RLIMIT_NOFILE, &limit);
    int *fds = calloc(count, sizeof *fds), held, again = 0;
    for (held = 0; held < count && (fds[held] = open(name("f", held), O_CREAT | O_RDWR, 0600)) >= 0; held++) {
    }
    printf("held: %s\n", word(held < count));
    for (int i = 0; i < held; i++) {
        again += write(fds[i], &i, sizeof i) == sizeof i;
        close(fds[i]);
    }
    printf("all written: %s\n", again == held && held > 100 ? "yes" : "no");
    use_everything();
    unlink(name("f", held));
    for (int i = 0; i < held; i++) {
        unlink(name("f", i));
    }
}

static sigjmp_buf after_fault;

static void fault(int signal) { siglongjmp(after_fault, signal); }

static int touch(volatile char *at, int store)
{
    int signal = sigsetjmp(after_fault, 1);
    if (signal == 0) {
        if (store) {
            *at = 1;
        } else {
            (void)*at;
        }
    }
    return signal;
}

// A mapped file that the host cuts short, then replaces.
static void mapped(void)
{
    char buffer[16] = "";
    signal(SIGBUS, fault);
    signal(SIGSEGV, fault);
    int fd = open("file", O_RDWR), out = memfd_create("out", 0);
    volatile char *shared = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    volatile char *private = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    printf("before: %d %d %c%c\n", touch(shared + 5000, 0), touch(private, 1), shared[0], shared[5000]);
    say("mapped");
    await("cut");
    printf("load: %d, store: %d, first page: %d\n", touch(shared + 5000, 0), touch(shared + 5000, 1), touch(shared, 0));
    printf("write from it: %s\n", word(write(out, (char *)shared + 5000, 10) < 0));
    printf("read into it: %s\n", word(pread(fd, (char *)shared + 5000, 10, 0) < 0));
    printf("read behind the end: %zd\n", pread(fd, buffer, sizeof buffer, 5000));
    say("shortened");
    await("new");
    int second = open("file", O_RDONLY);
    pread(fd, buffer, 1, 0);
    pread(second, buffer + 1, 1, 0);
    printf("open file: %c, name: %c, mapping: %d %c\n", buffer[0], buffer[1], touch(shared, 0), shared[0]);
    use_everything();
}

// A volume that fills up, is made read-only, and recovers.
static void full(void)
{
    static char block[65536];
    signal(SIGBUS, fault);
    int sparse = open("sparse", O_CREAT | O_RDWR, 0600), fd = open("full", O_CREAT | O_RDWR, 0600);
    printf("sparse: %s\n", word(ftruncate(sparse, 8192) != 0));
    volatile char *hole = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, sparse, 0);
    while (write(fd, block, sizeof block) > 0) {
    }
    printf("write: %s\n", word(1));
    printf("store into a hole: %d\n", touch(hole, 1));
    printf("read into a hole: %s\n", word(pread(fd, (char *)hole + 4096, 10, 0) < 0));
    close(fd);
    close(sparse);
    munmap((void *)hole, 8192);
    printf("unlink: %s\n", word(unlink("full") || unlink("sparse")));
    use_everything();
}

static void read_only(void)
{
    say("ready");
    await("/other/begin");
    printf("create: %s\n", word(open("file", O_CREAT | O_RDWR, 0600) < 0));
    printf("mkdir: %s\n", word(mkdir("dir", 0700)));
    printf("unlink: %s\n", word(unlink("go")));
    printf("read: %s\n", word(open("go", O_RDONLY) < 0));
    say("refused");
    await("/other/end");
    use_everything();
}

int main(int argc, char **argv)
{
    int count = argc > 2 ? atoi(argv[2]) : 0;
    if (argc < 2 || chdir("/v") != 0) {
        return 2;
    }
    if (strcmp(argv[1], "wide") == 0) {
        wide(count);
    } else if (strcmp(argv[1], "deep") == 0) {
        deep(count);
    } else if (strcmp(argv[1], "hold") == 0) {
        hold(count);
    } else if (strcmp(argv[1], "mapped") == 0) {
        mapped();
    } else if (strcmp(argv[1], "full") == 0) {
        full();
    } else if (strcmp(argv[1], "read-only") == 0) {
        read_only();
    }
    return 0;
}
