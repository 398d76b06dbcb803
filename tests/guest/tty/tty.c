// Pseudo-terminals: line discipline, control characters, sessions, hang-up.
#include "guest.h"
#include <pty.h>
#include <termios.h>

static int master, slave;
static char buffer[8192];

static void open_pair(void)
{
    master = OK(posix_openpt(O_RDWR | O_NOCTTY));
    OK(grantpt(master));
    OK(unlockpt(master));
    slave = OK(open(ptsname(master), O_RDWR | O_NOCTTY));
}

static void set_flags(tcflag_t clear, tcflag_t set)
{
    struct termios termios;
    OK(tcgetattr(slave, &termios));
    termios.c_lflag = (termios.c_lflag & ~clear) | set;
    OK(tcsetattr(slave, TCSANOW, &termios));
}

static void raw(int minimum, int tenths)
{
    struct termios termios;
    OK(tcgetattr(slave, &termios));
    cfmakeraw(&termios);
    termios.c_cc[VMIN] = minimum;
    termios.c_cc[VTIME] = tenths;
    OK(tcsetattr(slave, TCSANOW, &termios));
}

static void type(const char *text) { EQ(strlen(text), write(master, text, strlen(text))); }

// Reads exactly this from the descriptor.
static void expect(int fd, const char *text)
{
    size_t done = 0;
    while (done < strlen(text)) {
        struct pollfd entry = { fd, POLLIN, 0 };
        if (poll(&entry, 1, 5000) != 1) {
            FAIL("expected \"%s\", got only %zu bytes of it", text, done);
        }
        ssize_t count = OK(read(fd, buffer + done, strlen(text) - done));
        done += count;
        buffer[done] = 0;
        if (strncmp(buffer, text, done) != 0) {
            FAIL("expected \"%s\", got \"%s\"", text, buffer);
        }
    }
}

static void expect_nothing(int fd)
{
    struct pollfd entry = { fd, POLLIN, 0 };
    EQ(0, poll(&entry, 1, 30));
}

TEST(default_settings)
{
    open_pair();
    struct termios termios;
    OK(tcgetattr(slave, &termios));
    EQ(ICRNL | IXON, termios.c_iflag);
    EQ(OPOST | ONLCR, termios.c_oflag);
    EQ(ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN, termios.c_lflag);
    EQ(CS8 | CREAD, termios.c_cflag & ~(CBAUD | CBAUDEX));
    EQ(B38400, cfgetospeed(&termios));
    EQ(3, termios.c_cc[VINTR]);
    EQ(4, termios.c_cc[VEOF]);
    EQ(127, termios.c_cc[VERASE]);
    EQ(1, termios.c_cc[VMIN]);
    CHECK(isatty(slave));
    CHECK(isatty(master));
}

TEST(a_line_arrives_whole_and_is_echoed)
{
    open_pair();
    type("hel");
    expect_nothing(slave);
    expect(master, "hel");
    type("lo\r");
    expect(slave, "hello\n");
    expect(master, "lo\r\n");
}

TEST(output_gets_carriage_returns)
{
    open_pair();
    EQ(4, write(slave, "a\nb\n", 4));
    expect(master, "a\r\nb\r\n");
    struct termios termios;
    OK(tcgetattr(slave, &termios));
    termios.c_oflag &= ~OPOST;
    OK(tcsetattr(slave, TCSADRAIN, &termios));
    EQ(2, write(slave, "x\n", 2));
    expect(master, "x\n");
    expect_nothing(master);
}

TEST(reading_takes_at_most_one_line)
{
    open_pair();
    set_flags(ECHO, 0);
    type("one\ntwo\n");
    EQ(4, read(slave, buffer, 100));
    EQ(2, read(slave, buffer, 2));
    EQ(2, read(slave, buffer, 100));
    int count;
    type("abc\n");
    struct pollfd entry = { slave, POLLIN, 0 };
    EQ(1, poll(&entry, 1, 5000));
    OK(ioctl(slave, FIONREAD, &count));
    EQ(4, count);
}

TEST(erase_word_erase_and_kill)
{
    open_pair();
    set_flags(ECHO, 0);
    type("abx\177c\n");
    expect(slave, "abc\n");
    type("one two\027three\n");
    expect(slave, "one three\n");
    type("rubbish\025good\n");
    expect(slave, "good\n");
    type("\177\177x\n");
    expect(slave, "x\n");
    set_flags(0, ECHO);
    type("ab\177");
    expect(master, "ab\b \b");
}

TEST(control_characters_echo_with_a_caret)
{
    open_pair();
    type("\001");
    expect(master, "^A");
}

TEST(end_of_file_character)
{
    open_pair();
    set_flags(ECHO, 0);
    type("abc\004");
    EQ(3, read(slave, buffer, 100));
    type("\004");
    EQ(0, read(slave, buffer, 100));
    type("x\n");
    expect(slave, "x\n");
}

TEST(literal_next_quotes)
{
    open_pair();
    set_flags(ECHO, 0);
    type("a\026\003b\n");
    expect(slave, "a\003b\n");
}

TEST(long_lines_are_cut_at_4095)
{
    open_pair();
    set_flags(ECHO, 0);
    char line[5000];
    memset(line, 'x', sizeof line);
    for (int i = 0; i < 5; i++) {
        EQ(1000, write(master, line, 1000));
    }
    type("\n");
    EQ(4096, read(slave, buffer, 5000));
    EQ('\n', buffer[4095]);
    EQ('x', buffer[4094]);
}

TEST(raw_mode_gives_bytes_at_once)
{
    open_pair();
    raw(1, 0);
    type("a");
    EQ(1, read(slave, buffer, 100));
    type("\003\004\r");
    expect(slave, "\003\004\r");
    expect_nothing(master);
    EQ(2, write(slave, "x\n", 2));
    expect(master, "x\n");
}

TEST(minimum_and_time)
{
    open_pair();
    raw(0, 0);
    EQ(0, read(slave, buffer, 10));
    raw(0, 1);
    int64_t start = now_ms();
    EQ(0, read(slave, buffer, 10));
    CHECK(now_ms() - start >= 90);
    raw(3, 0);
    type("ab");
    struct pollfd entry = { slave, POLLIN, 0 };
    EQ(0, poll(&entry, 1, 30));
    type("c");
    EQ(3, read(slave, buffer, 10));
    raw(5, 1);
    type("ab");
    start = now_ms();
    EQ(2, read(slave, buffer, 10));
    CHECK(now_ms() - start >= 90);
}

TEST(nonblocking_reads)
{
    open_pair();
    OK(fcntl(slave, F_SETFL, O_NONBLOCK));
    OK(fcntl(master, F_SETFL, O_NONBLOCK));
    FAILS(EAGAIN, read(slave, buffer, 10));
    FAILS(EAGAIN, read(master, buffer, 10));
    type("partial");
    FAILS(EAGAIN, read(slave, buffer, 10));
}

TEST(switching_to_canonical_off_frees_the_line)
{
    open_pair();
    set_flags(ECHO, 0);
    type("abc");
    set_flags(ICANON, 0);
    expect(slave, "abc");
}

TEST(flush_drops_input)
{
    open_pair();
    set_flags(ECHO, 0);
    type("abc\n");
    struct pollfd entry = { slave, POLLIN, 0 };
    EQ(1, poll(&entry, 1, 5000));
    OK(tcflush(slave, TCIFLUSH));
    expect_nothing(slave);
    FAILS(EINVAL, tcflush(slave, 99));
    OK(tcdrain(slave));
}

TEST(window_size_and_its_signal)
{
    open_pair();
    struct winsize size = { 24, 80, 0, 0 }, got;
    OK(ioctl(master, TIOCSWINSZ, &size));
    OK(ioctl(slave, TIOCGWINSZ, &got));
    EQ(24, got.ws_row);
    EQ(80, got.ws_col);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGWINCH);
    OK(sigprocmask(SIG_BLOCK, &set, NULL));
    OK(ioctl(slave, TIOCSCTTY, 0));
    struct timespec none = { 0, 0 };
    OK(ioctl(master, TIOCSWINSZ, &size));
    FAILS(EAGAIN, sigtimedwait(&set, NULL, &none));
    size.ws_row = 30;
    OK(ioctl(master, TIOCSWINSZ, &size));
    EQ(SIGWINCH, sigtimedwait(&set, NULL, &none));
}

TEST(the_controlling_terminal)
{
    FAILS(ENXIO, open("/dev/tty", O_RDWR));
    open_pair();
    OK(ioctl(slave, TIOCSCTTY, 0));
    int tty = OK(open("/dev/tty", O_RDWR));
    EQ(getpid(), tcgetsid(tty));
    EQ(getpgrp(), tcgetpgrp(tty));
    EXITS(0, CHILD({ OK(close(OK(open("/dev/tty", O_RDWR)))); OK(setsid()); FAILS(ENXIO, open("/dev/tty", O_RDWR)); }));
    EXITS(0, CHILD({ OK(setsid()); FAILS(EPERM, ioctl(slave, TIOCSCTTY, 0)); FAILS(ENOTTY, tcgetpgrp(slave)); }));
    signal(SIGHUP, SIG_IGN);
    OK(ioctl(tty, TIOCNOTTY));
    FAILS(ENXIO, open("/dev/tty", O_RDWR));
}

TEST(opening_makes_it_the_controlling_terminal_of_a_leader)
{
    open_pair();
    EXITS(0, CHILD({
        OK(setsid());
        int fd = OK(open(ptsname(master), O_RDWR));
        EQ(getpid(), tcgetsid(fd));
        OK(close(OK(open("/dev/tty", O_RDWR))));
    }));
}

static volatile sig_atomic_t seen;
static void on_signal(int number) { seen = number; }

TEST(interrupt_quit_and_suspend_signal_the_foreground_group)
{
    open_pair();
    OK(ioctl(slave, TIOCSCTTY, 0));
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGQUIT);
    sigaddset(&set, SIGTSTP);
    OK(sigprocmask(SIG_BLOCK, &set, NULL));
    struct timespec limit = { 5, 0 };
    type("\003");
    EQ(SIGINT, sigtimedwait(&set, NULL, &limit));
    expect(master, "^C");
    type("\034");
    EQ(SIGQUIT, sigtimedwait(&set, NULL, &limit));
    type("\032");
    EQ(SIGTSTP, sigtimedwait(&set, NULL, &limit));
    set_flags(ISIG | ECHO, 0);
    type("\003\n");
    expect(slave, "\003\n");
}

TEST(an_interrupt_flushes_the_line)
{
    open_pair();
    OK(ioctl(slave, TIOCSCTTY, 0));
    set_flags(ECHO, 0);
    signal(SIGINT, on_signal);
    type("typed\003");
    int64_t end = now_ms() + 5000;
    while (seen == 0 && now_ms() < end) {
        pause_ms(1);
    }
    EQ(SIGINT, seen);
    type("new\n");
    expect(slave, "new\n");
}

TEST(background_reads_and_writes_stop)
{
    open_pair();
    OK(ioctl(slave, TIOCSCTTY, 0));
    pid_t child = CHILD({
        OK(setpgid(0, 0));
        char byte;
        EQ(1, read(slave, &byte, 1));
        EQ('x', byte);
    });
    int status;
    EQ(child, waitpid(child, &status, WUNTRACED));
    CHECK(WIFSTOPPED(status));
    EQ(SIGTTIN, WSTOPSIG(status));
    OK(tcsetpgrp(slave, child));
    EQ(child, tcgetpgrp(slave));
    type("x\n");
    OK(kill(child, SIGCONT));
    EXITS(0, child);
    signal(SIGTTOU, SIG_IGN);
    OK(tcsetpgrp(slave, getpgrp()));
    set_flags(0, TOSTOP);
    child = CHILD({
        signal(SIGTTOU, SIG_DFL);
        OK(setpgid(0, 0));
        write(slave, "y", 1);
    });
    EQ(child, waitpid(child, &status, WUNTRACED));
    EQ(SIGTTOU, WSTOPSIG(status));
    OK(kill(child, SIGKILL));
    KILLED(SIGKILL, child);
}

TEST(background_reads_fail_when_the_signal_is_ignored)
{
    open_pair();
    OK(ioctl(slave, TIOCSCTTY, 0));
    EXITS(0, CHILD({
        OK(setpgid(0, 0));
        signal(SIGTTIN, SIG_IGN);
        FAILS(EIO, read(slave, buffer, 1));
    }));
}

TEST(background_control_needs_the_foreground)
{
    open_pair();
    OK(ioctl(slave, TIOCSCTTY, 0));
    pid_t child = CHILD({
        OK(setpgid(0, 0));
        tcsetpgrp(slave, getpgrp());
    });
    int status;
    EQ(child, waitpid(child, &status, WUNTRACED));
    CHECK(WIFSTOPPED(status));
    EQ(SIGTTOU, WSTOPSIG(status));
    OK(kill(child, SIGKILL));
    KILLED(SIGKILL, child);
    FAILS(EPERM, tcsetpgrp(slave, getppid()));
    FAILS(EINVAL, tcsetpgrp(slave, -1));
}

TEST(closing_the_master_hangs_up)
{
    open_pair();
    int fds[2];
    OK(pipe(fds));
    pid_t child = CHILD({
        OK(setsid());
        OK(ioctl(slave, TIOCSCTTY, 0));
        signal(SIGHUP, on_signal);
        OK(close(master));
        send_byte(fds[1]);
        pause();
        EQ(SIGHUP, seen);
        EQ(0, read(slave, buffer, 10));
        FAILS(EIO, write(slave, "x", 1));
        struct pollfd entry = { slave, POLLIN, 0 };
        EQ(1, poll(&entry, 1, 0));
        CHECK(entry.revents & POLLHUP);
    });
    await_byte(fds[0]);
    await_state(child, 'S');
    OK(close(master));
    EXITS(0, child);
}

TEST(the_master_sees_the_last_slave_close)
{
    open_pair();
    EQ(3, write(slave, "bye", 3));
    OK(close(slave));
    expect(master, "bye");
    FAILS(EIO, read(master, buffer, 10));
    struct pollfd entry = { master, POLLIN, 0 };
    EQ(1, poll(&entry, 1, 0));
    CHECK(entry.revents & POLLHUP);
    slave = OK(open(ptsname(master), O_RDWR | O_NOCTTY));
    EQ(1, write(slave, "x", 1));
    expect(master, "x");
}

TEST(the_session_leaders_end_hangs_up_the_foreground)
{
    OK(prctl(PR_SET_CHILD_SUBREAPER, 1));
    open_pair();
    int fds[2];
    OK(pipe(fds));
    pid_t leader = CHILD({
        OK(setsid());
        OK(ioctl(slave, TIOCSCTTY, 0));
        pid_t member = CHILD({
            signal(SIGHUP, on_signal);
            send_byte(fds[1]);
            pause();
            EQ(SIGHUP, seen);
            send_byte(fds[1]);
        });
        await_byte(fds[0]);
        await_state(member, 'S');
    });
    EXITS(0, leader);
    await_byte(fds[0]);
}

// A session with this terminal whose leader has exited; the slave is still open here.
static void leave_session(void)
{
    open_pair();
    EXITS(0, CHILD({
        OK(setsid());
        OK(ioctl(slave, TIOCSCTTY, 0));
    }));
}

TEST(a_slave_outlives_the_session_leader)
{
    leave_session();
    struct pollfd entry = { master, POLLIN | POLLOUT, 0 };
    EQ(1, poll(&entry, 1, 0));
    EQ(POLLOUT, entry.revents);
    EQ(3, write(slave, "on\n", 3));
    expect(master, "on\r\n");
    type("line\n");
    expect(slave, "line\n");
    OK(fcntl(master, F_SETFL, O_NONBLOCK));
    expect(master, "line\r\n");
    FAILS(EAGAIN, read(master, buffer, 1));
    OK(close(slave));
    FAILS(EIO, read(master, buffer, 1));
}

TEST(a_terminal_without_leader_may_be_taken)
{
    leave_session();
    EQ(0, tcgetpgrp(master));
    FAILS(ENOTTY, tcgetsid(master));
    EXITS(0, CHILD({
        OK(setsid());
        OK(ioctl(slave, TIOCSCTTY, 0));
        EQ(getpid(), tcgetsid(slave));
        EQ(getpgrp(), tcgetpgrp(slave));
    }));
}

TEST(a_job_that_ignores_the_hang_up_still_writes)
{
    OK(prctl(PR_SET_CHILD_SUBREAPER, 1));
    open_pair();
    int fds[2];
    OK(pipe(fds));
    pid_t leader = CHILD({
        OK(setsid());
        OK(ioctl(slave, TIOCSCTTY, 0));
        signal(SIGHUP, SIG_IGN);
        CHILD({
            await_byte(fds[0]);
            EQ(4, write(slave, "late", 4));
            FAILS(ENXIO, open("/dev/tty", O_RDWR));
        });
    });
    EXITS(0, leader);
    OK(close(slave));
    send_byte(fds[1]);
    expect(master, "late");
    int status;
    OK(wait(&status));
    EQ(0, status);
    FAILS(EIO, read(master, buffer, 1));
}

TEST(only_the_hang_up_signal_comes_when_the_leader_exits)
{
    OK(prctl(PR_SET_CHILD_SUBREAPER, 1));
    open_pair();
    int fds[2];
    OK(pipe(fds));
    pid_t leader = CHILD({
        OK(setsid());
        OK(ioctl(slave, TIOCSCTTY, 0));
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, SIGHUP);
        sigaddset(&set, SIGCONT);
        OK(sigprocmask(SIG_BLOCK, &set, NULL));
        CHILD({
            await_byte(fds[0]);
            struct timespec limit = { 5, 0 };
            struct timespec none = { 0, 0 };
            EQ(SIGHUP, sigtimedwait(&set, NULL, &limit));
            FAILS(EAGAIN, sigtimedwait(&set, NULL, &none));
        });
    });
    EXITS(0, leader);
    send_byte(fds[1]);
    int status;
    OK(wait(&status));
    EQ(0, status);
}

TEST(a_locked_slave_cannot_be_opened)
{
    master = OK(posix_openpt(O_RDWR | O_NOCTTY));
    FAILS(EIO, open(ptsname(master), O_RDWR | O_NOCTTY));
    OK(unlockpt(master));
    OK(close(OK(open(ptsname(master), O_RDWR | O_NOCTTY))));
    int number;
    OK(ioctl(master, TIOCGPTN, &number));
    char name[32];
    sprintf(name, "/dev/pts/%d", number);
    STREQ(name, ptsname(master));
    OK(close(master));
    FAILS(ENOENT, open(name, O_RDWR | O_NOCTTY));
}

TEST(peer_by_ioctl)
{
    master = OK(posix_openpt(O_RDWR | O_NOCTTY));
    OK(unlockpt(master));
    slave = OK(ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY));
    EQ(1, write(slave, "x", 1));
    expect(master, "x");
}

TEST(pushed_input_appears_as_typed)
{
    open_pair();
    OK(ioctl(slave, TIOCSCTTY, 0));
    set_flags(ECHO, 0);
    char text[] = "in\n";
    for (int i = 0; i < 3; i++) {
        if (ioctl(slave, TIOCSTI, &text[i]) == -1 && errno == EIO) {
            SKIP("this kernel forbids TIOCSTI");
        }
    }
    expect(slave, "in\n");
}

TEST(packet_mode)
{
    open_pair();
    int on = 1;
    OK(ioctl(master, TIOCPKT, &on));
    EQ(2, write(slave, "hi", 2));
    EQ(3, read(master, buffer, 100));
    EQ(TIOCPKT_DATA, buffer[0]);
    CHECK(memcmp(buffer + 1, "hi", 2) == 0);
}

TEST(input_translation)
{
    open_pair();
    raw(1, 0);
    struct termios termios;
    OK(tcgetattr(slave, &termios));
    termios.c_iflag = ICRNL;
    OK(tcsetattr(slave, TCSANOW, &termios));
    type("a\r\n");
    expect(slave, "a\n\n");
    termios.c_iflag = INLCR | ISTRIP;
    OK(tcsetattr(slave, TCSANOW, &termios));
    type("\341\r\n");
    expect(slave, "a\r\r");
    termios.c_iflag = IGNCR;
    OK(tcsetattr(slave, TCSANOW, &termios));
    type("x\ry");
    expect(slave, "xy");
}

TEST(flow_control_stops_output)
{
    open_pair();
    set_flags(ECHO, 0);
    OK(fcntl(slave, F_SETFL, O_NONBLOCK));
    type("\023");
    pause_ms(20);
    write(slave, "stopped", 7);
    expect_nothing(master);
    type("\021");
    struct pollfd entry = { slave, POLLOUT, 0 };
    EQ(1, poll(&entry, 1, 5000));
}

TEST(terminal_ioctls_on_other_files)
{
    struct termios termios;
    write_file("f", "x");
    int fd = OK(open("f", O_RDWR));
    FAILS(ENOTTY, tcgetattr(fd, &termios));
    FAILS(ENOTTY, ioctl(fd, TIOCGWINSZ, buffer));
    CHECK(!isatty(fd));
}

TEST(locked_settings_stay)
{
    open_pair();
    struct termios locked, wanted;
    memset(&locked, 0, sizeof locked);
    OK(ioctl(slave, TIOCGLCKTRMIOS, &locked));
    EQ(0, locked.c_lflag);
    locked.c_lflag = ECHO;
    locked.c_cc[VEOF] = 1;
    OK(ioctl(slave, TIOCSLCKTRMIOS, &locked));
    OK(tcgetattr(slave, &wanted));
    CHECK((wanted.c_lflag & ECHO) != 0);
    wanted.c_lflag &= ~(ECHO | ISIG);
    wanted.c_cc[VEOF] = 7;
    wanted.c_cc[VINTR] = 8;
    OK(tcsetattr(slave, TCSANOW, &wanted));
    OK(tcgetattr(slave, &wanted));
    EQ(ECHO, wanted.c_lflag & (ECHO | ISIG));
    EQ(4, wanted.c_cc[VEOF]);
    EQ(8, wanted.c_cc[VINTR]);
    OK(setresuid(1000, 1000, 1000));
    FAILS(EPERM, ioctl(slave, TIOCSLCKTRMIOS, &locked));
}
