// Overlays mounted by the guest: what shows, what is copied up, whiteouts, renames, refusals.
#include "guest.h"

static struct stat st;
static char text[64];

static void layers(void)
{
    OK(unshare(CLONE_NEWNS));
    OK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
    OK(mkdir("o", 0755));
    OK(mount("none", "o", "tmpfs", 0, NULL));
    OK(chdir("o"));
    OK(mkdir("low", 0755));
    OK(mkdir("lower", 0755));
    OK(mkdir("up", 0755));
    OK(mkdir("work", 0755));
    OK(mkdir("m", 0755));
    OK(mkdir("low/d", 0755));
    OK(mkdir("lower/d", 0750));
    write_file("low/d/one", "low");
    write_file("lower/d/one", "lower");
    write_file("lower/d/two", "lower");
    write_file("lower/f", "lower");
}

static void expect_text(const char *path, const char *expected)
{
    ssize_t length = read_file(path, text, sizeof text);
    EQ(strlen(expected), length);
    STREQ(expected, text);
}

TEST(two_lower_layers_only_read)
{
    layers();
    OK(mount("none", "m", "overlay", 0, "lowerdir=low:lower"));
    expect_text("m/d/one", "low");
    expect_text("m/d/two", "lower");
    expect_text("m/f", "lower");
    FAILS(EROFS, open("m/f", O_WRONLY));
    FAILS(EROFS, mkdir("m/new", 0755));
    OK(stat("m/d", &st));
    EQ(S_IFDIR | 0755, st.st_mode);
    OK(umount("m"));
}

TEST(the_upper_directory_shows_what_the_overlay_does)
{
    layers();
    OK(mount("none", "m", "overlay", 0, "lowerdir=low:lower,upperdir=up,workdir=work"));
    FAILS(ENOENT, stat("up/f", &st));
    write_file("m/f", "changed");
    expect_text("up/f", "changed");
    expect_text("lower/f", "lower");
    OK(unlink("m/f"));
    OK(stat("up/f", &st));
    EQ(S_IFCHR, st.st_mode & S_IFMT);
    EQ(0, st.st_rdev);
    OK(mkdir("m/f", 0700));
    OK(stat("up/f", &st));
    CHECK(S_ISDIR(st.st_mode));
    write_file("m/f/x", "x");
    expect_text("up/f/x", "x");
    OK(unlink("m/f/x"));
    FAILS(ENOENT, stat("up/f/x", &st));
    OK(rmdir("m/f"));
    FAILS(ENOENT, stat("m/f", &st));
    OK(rename("m/d/two", "m/three"));
    expect_text("up/three", "lower");
    FAILS(ENOENT, stat("m/d/two", &st));
}

TEST(layers_stay_when_the_overlay_goes_and_comes_again)
{
    layers();
    const char *options = "lowerdir=lower,upperdir=up,workdir=work";
    OK(mount("none", "m", "overlay", 0, options));
    OK(unlink("m/d/one"));
    write_file("m/d/new", "n");
    OK(umount("m"));
    expect_text("up/d/new", "n");
    OK(mount("none", "m", "overlay", 0, options));
    FAILS(ENOENT, stat("m/d/one", &st));
    expect_text("m/d/new", "n");
    expect_text("m/d/two", "lower");
}

TEST(a_layer_may_be_changed_from_outside_without_harm)
{
    layers();
    OK(mount("none", "m", "overlay", 0, "lowerdir=lower,upperdir=up,workdir=work"));
    write_file("m/a", "1");
    OK(unlink("up/a"));
    unlink("m/a");
    OK(mkdir("up/b", 0755));
    mkdir("m/b", 0755);
    OK(mkdir("m/c", 0755));
    OK(rmdir("up/c"));
    write_file("up/c", "file");
    rmdir("m/c");
    rename("m/a", "m/c");
    open("m/c/x", O_CREAT | O_RDWR, 0600);
    write_file("m/fine", "fine");
    expect_text("m/fine", "fine");
}

TEST(overlay_refusals)
{
    layers();
    FAILS(EINVAL, mount("none", "m", "overlay", 0, "upperdir=up,workdir=work"));
    FAILS(EINVAL, mount("none", "m", "overlay", 0, "lowerdir=lower"));
    FAILS(EINVAL, mount("none", "m", "overlay", 0, "lowerdir=lower,upperdir=up"));
    FAILS(EINVAL, mount("none", "m", "overlay", 0, "lowerdir=lower,upperdir=up,workdir=up"));
    FAILS(EINVAL, mount("none", "m", "overlay", 0, "lowerdir=lower,nonsense=1"));
    FAILS(ENOENT, mount("none", "m", "overlay", 0, "lowerdir=missing,upperdir=up,workdir=work"));
    FAILS(EINVAL, mount("none", "m", "overlay", 0, "lowerdir=lower/f,upperdir=up,workdir=work"));
}
