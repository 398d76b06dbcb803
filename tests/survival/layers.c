// An overlay mounted by the guest, and its layers, changed together by six processes: what one does behind the other's back may
// have any result, but the file systems stay trees and the kernel alive.
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *tops[] = { "merged", "merged", "upper", "work/work", "lower", "merged" };
static const char *names[] = { "a", "b", "c", "d", "a/x", "b/y", "a/z", "a/x/q", "b/d" };
static char path[64], other[64];

static void pick(char *into, const char *top, unsigned *seed)
{
    sprintf(into, "%s/%s", top, names[rand_r(seed) % (sizeof names / sizeof *names)]);
}

static void touch(void)
{
    int fd = open(path, O_CREAT | O_RDWR, 0644);
    write(fd, "x", 1);
    close(fd);
}

static void list(const char *top)
{
    DIR *folder = opendir(top);
    while (folder != NULL && readdir(folder) != NULL) {
    }
    if (folder != NULL) {
        closedir(folder);
    }
}

static void change(const char *top, unsigned *seed)
{
    struct stat st;
    pick(path, top, seed);
    pick(other, top, seed);
    switch (rand_r(seed) % 12) {
        case 0: mkdir(path, 0755); break;
        case 1: touch(); break;
        case 2: unlink(path); break;
        case 3: rmdir(path); break;
        case 4: rename(path, other); break;
        case 5: link(path, other); break;
        case 6: symlink("x", path); break;
        case 7: stat(path, &st); break;
        case 8: list(top); break;
        case 9: renameat2(AT_FDCWD, path, AT_FDCWD, other, RENAME_EXCHANGE); break;
        case 10: chmod(path, 0700 + rand_r(seed) % 64); break;
        default: truncate(path, rand_r(seed) % 9000); break;
    }
}

int main(int argc, char **argv)
{
    int seconds = argc > 1 ? atoi(argv[1]) : 5;
    unshare(CLONE_NEWNS);
    mkdir("/tmp/layers", 0755);
    if (mount("none", "/tmp/layers", "tmpfs", 0, NULL) == -1 || chdir("/tmp/layers") == -1) {
        perror("tmpfs");
        return 1;
    }
    const char *folders[] = { "lower", "upper", "work", "merged", "lower/a", "lower/b" };
    for (int i = 0; i < 6; i++) {
        mkdir(folders[i], 0755);
    }
    close(creat("lower/a/x", 0644));
    close(creat("lower/c", 0644));
    link("lower/c", "lower/d");
    if (mount("none", "merged", "overlay", 0, "lowerdir=lower,upperdir=upper,workdir=work") == -1) {
        perror("overlay");
        return 1;
    }
    for (unsigned i = 0; i < sizeof tops / sizeof *tops; i++) {
        if (fork() == 0) {
            unsigned seed = i * 77 + 1;
            for (time_t end = time(NULL) + seconds; time(NULL) < end;) {
                change(tops[i], &seed);
            }
            _exit(0);
        }
    }
    int status, bad = 0;
    while (wait(&status) > 0) {
        bad += status != 0;
    }
    printf("%d failed\n", bad);
    printf("umount %d\n", umount("merged"));
    printf("umount %d\n", umount2("/tmp/layers", MNT_DETACH));
    chdir("/");
    puts("alive");
    return 0;
}
