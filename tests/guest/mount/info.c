// What the kernel tells about mounts by number: statmount, listmount, the unique numbers of statx, ustat.
#include "guest.h"
#include <sys/statvfs.h>
#include <sys/sysmacros.h>

#ifndef SYS_statmount
#define SYS_statmount 457
#define SYS_listmount 458
#endif
#ifndef STATX_MNT_ID_UNIQUE
#define STATX_MNT_ID_UNIQUE 0x4000
#endif

#define FIRST_UNIQUE (1ul << 31)
#define ROOT_OF_ALL (~0ul)

enum { SB_BASIC = 1, MNT_BASIC = 2, MNT_ROOT = 8, MNT_POINT = 16, FS_TYPE = 32, MNT_OPTS = 128, SB_SOURCE = 0x200 };

struct request { uint32_t size, fd; uint64_t id, param, space; };
struct numbers {
    uint32_t size, options;
    uint64_t mask;
    uint32_t major, minor;
    uint64_t magic;
    uint32_t flags, type;
    uint64_t id, parent;
    uint32_t old_id, old_parent;
    uint64_t attributes, propagation, peers, master, from;
    uint32_t root, point;
    uint64_t space;
    uint32_t subtype, source;
    uint64_t rest[48];
    char text[2048];
};
_Static_assert(offsetof(struct numbers, text) == 512, "the strings come after 512 bytes");

static struct numbers got;

static long stat_mount(uint64_t id, uint64_t mask)
{
    struct request request = { 24, 0, id, mask, 0 };
    memset(&got, 0, sizeof got);
    return syscall(SYS_statmount, &request, &got, sizeof got, 0);
}

static long list_mounts(uint64_t id, uint64_t after, uint64_t *ids, size_t count, unsigned flags)
{
    struct request request = { 24, 0, id, after, 0 };
    return syscall(SYS_listmount, &request, ids, count, flags);
}

static uint64_t unique(const char *path)
{
    struct statx info;
    OK(statx(AT_FDCWD, path, 0, STATX_MNT_ID_UNIQUE, &info));
    CHECK(info.stx_mask & STATX_MNT_ID_UNIQUE);
    return info.stx_mnt_id;
}

static uint64_t number(const char *path)
{
    struct statx info;
    OK(statx(AT_FDCWD, path, 0, STATX_MNT_ID, &info));
    return info.stx_mnt_id;
}

static void own_namespace(void)
{
    OK(unshare(CLONE_NEWNS));
    OK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
}

TEST(a_mount_is_described_by_its_unique_number)
{
    own_namespace();
    OK(mkdir("d", 0755));
    OK(mount("the source", "d", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOATIME, "mode=700"));
    uint64_t id = unique("d");
    CHECK(id > FIRST_UNIQUE);
    CHECK(id != unique("."));
    OK(stat_mount(id, SB_BASIC | MNT_BASIC));
    EQ(SB_BASIC | MNT_BASIC, got.mask);
    EQ(id, got.id);
    EQ(unique("."), got.parent);
    EQ(number("d"), got.old_id);
    EQ(number("."), got.old_parent);
    EQ(0x01021994, got.magic);
    EQ(0x2 | 0x4 | 0x10, got.attributes);
    EQ(MS_PRIVATE, got.propagation);
    EQ(0, got.peers);
    EQ(0, got.flags);
    struct stat st;
    OK(stat("d", &st));
    EQ(major(st.st_dev), got.major);
    EQ(minor(st.st_dev), got.minor);
    OK(mount(NULL, "d", NULL, MS_SHARED, NULL));
    OK(mount(NULL, "d", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));
    OK(stat_mount(id, MNT_BASIC));
    EQ(MS_SHARED, got.propagation);
    CHECK(got.peers > 0);
    CHECK(got.attributes & 1);
}

TEST(names_of_a_mount_come_after_its_numbers)
{
    char place[PATH_MAX];
    own_namespace();
    OK(mkdir("d", 0755));
    OK(mount("the source", "d", "tmpfs", 0, NULL));
    OK(mkdir("d/in", 0755));
    OK(mkdir("e", 0755));
    OK(mount("d/in", "e", NULL, MS_BIND, NULL));
    CHECK(getcwd(place, sizeof place - 2) != NULL);
    strcat(place, "/e");
    OK(stat_mount(unique("e"), FS_TYPE | MNT_ROOT | MNT_POINT | SB_SOURCE));
    EQ(FS_TYPE | MNT_ROOT | MNT_POINT | SB_SOURCE, got.mask);
    EQ(0, strcmp("tmpfs", got.text + got.type));
    EQ(0, strcmp("/in", got.text + got.root));
    EQ(0, strcmp(place, got.text + got.point));
    EQ(0, strcmp("the source", got.text + got.source));
    CHECK(got.size > 512);
}

TEST(statmount_checks_its_arguments)
{
    uint64_t id = unique(".");
    struct request request = { 24, 0, id, MNT_POINT, 0 };
    FAILS(EINVAL, syscall(SYS_statmount, &request, &got, sizeof got, 1));
    FAILS(EOVERFLOW, syscall(SYS_statmount, &request, &got, 512, 0));
    FAILS(EOVERFLOW, syscall(SYS_statmount, &request, &got, 513, 0));
    FAILS(EFAULT, syscall(SYS_statmount, (void *)1, &got, sizeof got, 0));
    FAILS(EFAULT, syscall(SYS_statmount, &request, (void *)1, sizeof got, 0));
    request.size = 23;
    FAILS(EINVAL, syscall(SYS_statmount, &request, &got, sizeof got, 0));
    request.size = 4097;
    FAILS(E2BIG, syscall(SYS_statmount, &request, &got, sizeof got, 0));
    FAILS(EINVAL, stat_mount(5, MNT_BASIC));
    FAILS(ENOENT, stat_mount(FIRST_UNIQUE + (1ul << 40), MNT_BASIC));
    // Numbers alone are cut to the room there is.
    request = (struct request) { 24, 0, id, MNT_BASIC, 0 };
    memset(&got, 0xff, sizeof got);
    OK(syscall(SYS_statmount, &request, &got, 16, 0));
    EQ(16, got.size);
    EQ(MNT_BASIC, got.mask);
    EQ(~0ul, got.id);
}

TEST(mounts_below_are_listed_in_the_order_of_their_numbers)
{
    uint64_t ids[256], some[2];
    own_namespace();
    OK(mkdir("d", 0755));
    OK(mount("d", "d", "tmpfs", 0, NULL));
    OK(mkdir("d/one", 0755));
    OK(mount("one", "d/one", "tmpfs", 0, NULL));
    OK(mkdir("d/one/two", 0755));
    OK(mount("two", "d/one/two", "tmpfs", 0, NULL));
    uint64_t top = unique("d"), one = unique("d/one"), two = unique("d/one/two");
    EQ(2, list_mounts(top, 0, ids, 256, 0));
    EQ(one, ids[0]);
    EQ(two, ids[1]);
    EQ(2, list_mounts(top, 0, ids, 256, 1));
    EQ(two, ids[0]);
    EQ(1, list_mounts(top, 0, some, 1, 0));
    EQ(one, some[0]);
    EQ(1, list_mounts(top, one, some, 2, 0));
    EQ(two, some[0]);
    EQ(0, list_mounts(top, two, some, 2, 0));
    EQ(0, list_mounts(two, 0, some, 2, 0));
    long all = OK(list_mounts(ROOT_OF_ALL, 0, ids, 256, 0));
    long found = 0;
    for (long i = 0; i < all; i++) {
        CHECK(i == 0 || ids[i] > ids[i - 1]);
        found += ids[i] == top || ids[i] == one || ids[i] == two;
    }
    EQ(3, found);
}

TEST(listmount_checks_its_arguments)
{
    uint64_t ids[4];
    FAILS(EINVAL, list_mounts(ROOT_OF_ALL, 0, ids, 4, 2));
    FAILS(EINVAL, list_mounts(ROOT_OF_ALL, 7, ids, 4, 0));
    FAILS(EINVAL, list_mounts(7, 0, ids, 4, 0));
    FAILS(ENOENT, list_mounts(FIRST_UNIQUE + (1ul << 40), 0, ids, 4, 0));
    FAILS(EOVERFLOW, list_mounts(ROOT_OF_ALL, 0, ids, 1000001, 0));
    FAILS(EFAULT, list_mounts(ROOT_OF_ALL, 0, (void *)8, 4, 0));
}

TEST(ustat_tells_of_a_mounted_device)
{
    struct { int blocks; unsigned long inodes; char rest[64]; } told;
    struct statvfs fs;
    struct stat st;
    own_namespace();
    OK(mkdir("d", 0755));
    OK(mount("d", "d", "tmpfs", 0, "size=1m,nr_inodes=100"));
    OK(stat("d", &st));
    OK(statvfs("d", &fs));
    memset(&told, 0x55, sizeof told);
    OK(syscall(SYS_ustat, (unsigned)st.st_dev, &told));
    EQ(fs.f_bfree, told.blocks);
    EQ(fs.f_ffree, told.inodes);
    EQ(0, told.rest[0]);
    FAILS(EINVAL, syscall(SYS_ustat, 0xfffffu, &told));
    FAILS(EFAULT, syscall(SYS_ustat, (unsigned)st.st_dev, (void *)1));
}
