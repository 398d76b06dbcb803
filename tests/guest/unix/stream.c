// AF_UNIX stream and seqpacket sockets: connecting, moving bytes, ends, options.
#include "guest.h"
#include <sys/ioctl.h>

static int fds[2];
static char data[1 << 20];

static struct sockaddr_un name_of(const char *path, socklen_t *length)
{
    struct sockaddr_un name = { AF_UNIX, "" };
    if (path[0] == '@') {
        memcpy(name.sun_path + 1, path + 1, strlen(path) - 1);
        *length = offsetof(struct sockaddr_un, sun_path) + strlen(path);
    } else {
        strcpy(name.sun_path, path);
        *length = offsetof(struct sockaddr_un, sun_path) + strlen(path) + 1;
    }
    return name;
}

static int bind_to(int fd, const char *path)
{
    socklen_t length;
    struct sockaddr_un name = name_of(path, &length);
    return bind(fd, (struct sockaddr *)&name, length);
}

static int connect_to(int fd, const char *path)
{
    socklen_t length;
    struct sockaddr_un name = name_of(path, &length);
    return connect(fd, (struct sockaddr *)&name, length);
}

static int listener(int type, const char *path, int backlog)
{
    int fd = OK(socket(AF_UNIX, type, 0));
    OK(bind_to(fd, path));
    OK(listen(fd, backlog));
    return fd;
}

TEST(socket_refusals)
{
    FAILS(EAFNOSUPPORT, socket(255, SOCK_STREAM, 0));
    FAILS(EINVAL, socket(AF_UNIX, 99, 0));
    FAILS(ESOCKTNOSUPPORT, socket(AF_UNIX, SOCK_RDM, 0));
    FAILS(EPROTONOSUPPORT, socket(AF_UNIX, SOCK_STREAM, 77));
    FAILS(EOPNOTSUPP, socketpair(AF_INET, SOCK_STREAM, 0, fds));
    FAILS(ENOTSOCK, listen(0, 1));
    FAILS(EBADF, listen(999, 1));
    int fd = OK(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
    EQ(O_RDWR | O_NONBLOCK, fcntl(fd, F_GETFL));
}

TEST(a_pair_carries_bytes_both_ways)
{
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
    EQ(5, send(fds[0], "hello", 5, 0));
    EQ(3, write(fds[1], "you", 3));
    EQ(2, recv(fds[1], data, 2, 0));
    EQ(3, recv(fds[1], data, 100, 0));
    EQ(3, read(fds[0], data, 100));
    struct stat st;
    OK(fstat(fds[0], &st));
    CHECK(S_ISSOCK(st.st_mode));
    FAILS(ESPIPE, lseek(fds[0], 0, SEEK_SET));
}

TEST(connect_and_accept_by_path)
{
    int server = listener(SOCK_STREAM, "s", 5), client = OK(socket(AF_UNIX, SOCK_STREAM, 0));
    OK(connect_to(client, "s"));
    struct sockaddr_un peer;
    socklen_t length = sizeof peer;
    int accepted = OK(accept4(server, (struct sockaddr *)&peer, &length, SOCK_CLOEXEC | SOCK_NONBLOCK));
    EQ(2, length);
    EQ(AF_UNIX, peer.sun_family);
    EQ(FD_CLOEXEC, fcntl(accepted, F_GETFD));
    length = sizeof peer;
    OK(getpeername(client, (struct sockaddr *)&peer, &length));
    STREQ("s", peer.sun_path);
    EQ(4, length);
    length = sizeof peer;
    OK(getsockname(accepted, (struct sockaddr *)&peer, &length));
    STREQ("s", peer.sun_path);
    EQ(2, write(client, "hi", 2));
    EQ(2, read(accepted, data, 10));
    FAILS(EISCONN, connect_to(client, "s"));
    OK(unlink("s"));
    int late = OK(socket(AF_UNIX, SOCK_STREAM, 0));
    FAILS(ENOENT, connect_to(late, "s"));
}

TEST(abstract_names)
{
    int server = listener(SOCK_STREAM, "@guest-abstract", 5), client = OK(socket(AF_UNIX, SOCK_STREAM, 0));
    FAILS(ECONNREFUSED, connect_to(client, "@guest-abstrac"));
    OK(connect_to(client, "@guest-abstract"));
    int second = OK(socket(AF_UNIX, SOCK_STREAM, 0));
    FAILS(EADDRINUSE, bind_to(second, "@guest-abstract"));
    OK(close(server));
    OK(bind_to(second, "@guest-abstract"));
    struct sockaddr_un name;
    socklen_t length = sizeof name;
    OK(getsockname(second, (struct sockaddr *)&name, &length));
    EQ(2 + 15, length);
    EQ(0, name.sun_path[0]);
}

TEST(binding_an_empty_name_picks_one)
{
    int fd = OK(socket(AF_UNIX, SOCK_STREAM, 0));
    struct sockaddr_un name = { AF_UNIX, "" };
    OK(bind(fd, (struct sockaddr *)&name, 2));
    socklen_t length = sizeof name;
    OK(getsockname(fd, (struct sockaddr *)&name, &length));
    EQ(2 + 6, length);
    EQ(0, name.sun_path[0]);
}

TEST(bind_refusals)
{
    int fd = OK(socket(AF_UNIX, SOCK_STREAM, 0)), other = OK(socket(AF_UNIX, SOCK_STREAM, 0));
    OK(bind_to(fd, "s"));
    struct stat st;
    OK(stat("s", &st));
    EQ(S_IFSOCK | 0755, st.st_mode);
    FAILS(EADDRINUSE, bind_to(other, "s"));
    FAILS(EINVAL, bind_to(fd, "t"));
    FAILS(ENOENT, bind_to(other, "no/such"));
    struct sockaddr_un name = { AF_UNIX, "x" };
    FAILS(EINVAL, bind(other, (struct sockaddr *)&name, 1));
    FAILS(EINVAL, bind(other, (struct sockaddr *)&name, 200));
    name.sun_family = AF_INET;
    FAILS(EINVAL, bind(other, (struct sockaddr *)&name, sizeof name));
}

TEST(connect_refusals)
{
    int fd = OK(socket(AF_UNIX, SOCK_STREAM, 0)), unlistening = OK(socket(AF_UNIX, SOCK_STREAM, 0));
    OK(bind_to(unlistening, "s"));
    FAILS(ECONNREFUSED, connect_to(fd, "s"));
    write_file("plain", "x");
    FAILS(ECONNREFUSED, connect_to(fd, "plain"));
    int dgram = OK(socket(AF_UNIX, SOCK_DGRAM, 0));
    OK(bind_to(dgram, "d"));
    FAILS(EPROTOTYPE, connect_to(fd, "d"));
    FAILS(EINVAL, accept(unlistening, NULL, NULL));
    FAILS(EOPNOTSUPP, accept(dgram, NULL, NULL));
    FAILS(ENOTCONN, send(fd, "x", 1, 0));
    FAILS(EINVAL, recv(fd, data, 1, 0));
    struct sockaddr_un peer;
    socklen_t length = sizeof peer;
    FAILS(ENOTCONN, getpeername(fd, (struct sockaddr *)&peer, &length));
    FAILS(EINVAL, listen(OK(socket(AF_UNIX, SOCK_STREAM, 0)), 1));
}

TEST(connecting_needs_write_permission)
{
    listener(SOCK_STREAM, "s", 5);
    OK(chmod(".", 0755));
    EXITS(0, CHILD({
        OK(setresuid(1000, 1000, 1000));
        int fd = OK(socket(AF_UNIX, SOCK_STREAM, 0));
        FAILS(EACCES, connect_to(fd, "s"));
    }));
    OK(chmod("s", 0777));
    EXITS(0, CHILD({
        OK(setresuid(1000, 1000, 1000));
        int fd = OK(socket(AF_UNIX, SOCK_STREAM, 0));
        OK(connect_to(fd, "s"));
    }));
}

TEST(the_backlog_is_limited)
{
    int server = listener(SOCK_STREAM, "s", 1), made = 0;
    for (; made < 10; made++) {
        int fd = OK(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0));
        if (connect_to(fd, "s") == -1) {
            EQ(EAGAIN, errno);
            break;
        }
    }
    EQ(2, made);
    pid_t child = CHILD({
        int fd = OK(socket(AF_UNIX, SOCK_STREAM, 0));
        OK(connect_to(fd, "s"));
    });
    await_state(child, 'S');
    OK(accept(server, NULL, NULL));
    EXITS(0, child);
}

TEST(closing_a_listener_refuses_the_waiting)
{
    int server = listener(SOCK_STREAM, "s", 5), client = OK(socket(AF_UNIX, SOCK_STREAM, 0));
    OK(connect_to(client, "s"));
    OK(close(server));
    FAILS(ECONNRESET, recv(client, data, 1, 0));
    EQ(0, recv(client, data, 1, 0));
    signal(SIGPIPE, SIG_IGN);
    FAILS(EPIPE, send(client, "x", 1, 0));
}

TEST(half_closes)
{
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
    EQ(1, send(fds[0], "x", 1, 0));
    OK(shutdown(fds[0], SHUT_WR));
    EQ(1, recv(fds[1], data, 10, 0));
    EQ(0, recv(fds[1], data, 10, 0));
    FAILS(EPIPE, send(fds[0], "x", 1, MSG_NOSIGNAL));
    EQ(1, send(fds[1], "y", 1, 0));
    EQ(1, recv(fds[0], data, 10, 0));
    OK(shutdown(fds[0], SHUT_RD));
    EQ(0, recv(fds[0], data, 10, 0));
    FAILS(EPIPE, send(fds[1], "z", 1, MSG_NOSIGNAL));
    FAILS(EINVAL, shutdown(fds[0], 9));
}

TEST(a_closed_peer)
{
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
    EQ(3, send(fds[1], "end", 3, 0));
    OK(close(fds[1]));
    EQ(3, recv(fds[0], data, 10, 0));
    EQ(0, recv(fds[0], data, 10, 0));
    FAILS(EPIPE, send(fds[0], "x", 1, MSG_NOSIGNAL));
    KILLED(SIGPIPE, CHILD({ send(fds[0], "x", 1, 0); }));
    struct pollfd entry = { fds[0], POLLIN | POLLOUT | POLLRDHUP, 0 };
    EQ(1, poll(&entry, 1, 0));
    EQ(POLLIN | POLLOUT | POLLHUP | POLLRDHUP, entry.revents);
}

TEST(closing_with_unread_data_resets)
{
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
    EQ(1, send(fds[0], "x", 1, 0));
    OK(close(fds[1]));
    FAILS(ECONNRESET, recv(fds[0], data, 10, 0));
    EQ(0, recv(fds[0], data, 10, 0));
}

TEST(a_bound_socket_is_not_bound_again)
{
    struct sockaddr_un name = { .sun_family = AF_UNIX, .sun_path = "one" };
    int fd = OK(socket(AF_UNIX, SOCK_STREAM, 0));
    OK(bind(fd, (struct sockaddr *)&name, sizeof name));
    FAILS(EADDRINUSE, bind(fd, (struct sockaddr *)&name, sizeof name));
    strcpy(name.sun_path, "two");
    FAILS(EINVAL, bind(fd, (struct sockaddr *)&name, sizeof name));
    FAILS(ENOENT, access("two", F_OK));
}

TEST(the_reset_is_for_the_reader)
{
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
    EQ(1, send(fds[0], "x", 1, 0));
    OK(close(fds[1]));
    FAILS(EPIPE, send(fds[0], "y", 1, MSG_NOSIGNAL));
    KILLED(SIGPIPE, CHILD({ send(fds[0], "y", 1, 0); }));
    FAILS(ECONNRESET, recv(fds[0], data, 10, 0));
    FAILS(EPIPE, send(fds[0], "y", 1, MSG_NOSIGNAL));
    EQ(0, recv(fds[0], data, 10, 0));
    OK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds));
    EQ(1, send(fds[0], "x", 1, 0));
    OK(close(fds[1]));
    FAILS(ECONNRESET, send(fds[0], "y", 1, MSG_NOSIGNAL));
}

// Who sleeps in send when the peer goes with data unread hears of the reset; part of a message sent is told instead.
TEST(a_reset_wakes_a_blocked_sender)
{
    static char many[1 << 20];
    for (int whole = 0; whole < 2; whole++) {
        OK(socketpair(AF_UNIX, whole ? SOCK_SEQPACKET : SOCK_STREAM, 0, fds));
        while (send(fds[0], many, 4096, MSG_DONTWAIT) > 0)
            ;
        pid_t child = CHILD({
            close(fds[1]);
            FAILS(ECONNRESET, write(fds[0], many, 4096));
            FAILS(EPIPE, send(fds[0], many, 4096, MSG_NOSIGNAL));
        });
        await_state(child, 'S');
        OK(close(fds[1]));
        EXITS(0, child);
        OK(close(fds[0]));
    }
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
    pid_t child = CHILD({
        close(fds[1]);
        ssize_t sent = send(fds[0], many, sizeof many, MSG_NOSIGNAL);
        CHECK(sent > 0 && sent < (ssize_t)sizeof many);
        FAILS(EPIPE, send(fds[0], many, 1, MSG_NOSIGNAL));
        EQ(0, recv(fds[0], data, 1, 0));
    });
    await_state(child, 'S');
    OK(close(fds[1]));
    EXITS(0, child);
    // A part that went out also leaves the signal out.
    for (int call = 0; call < 2; call++) {
        OK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
        child = CHILD({
            close(fds[1]);
            ssize_t sent = call ? write(fds[0], many, sizeof many) : send(fds[0], many, sizeof many, 0);
            CHECK(sent > 0 && sent < (ssize_t)sizeof many);
        });
        await_state(child, 'S');
        OK(shutdown(fds[1], SHUT_RD));
        EXITS(0, child);
    }
}

TEST(peek_waitall_and_dontwait)
{
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
    FAILS(EAGAIN, recv(fds[0], data, 1, MSG_DONTWAIT));
    EQ(3, send(fds[1], "abc", 3, 0));
    EQ(3, recv(fds[0], data, 10, MSG_PEEK));
    EQ(3, recv(fds[0], data, 10, MSG_PEEK));
    pid_t child = CHILD({
        EQ(6, recv(fds[0], data, 6, MSG_WAITALL));
        CHECK(memcmp(data, "abcdef", 6) == 0);
    });
    await_state(child, 'S');
    EQ(3, send(fds[1], "def", 3, 0));
    EXITS(0, child);
    int count;
    EQ(4, send(fds[1], "1234", 4, 0));
    OK(ioctl(fds[0], FIONREAD, &count));
    EQ(4, count);
}

TEST(a_full_socket_blocks_the_writer)
{
    OK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds));
    size_t total = 0;
    ssize_t count;
    while ((count = send(fds[0], data, 4096, 0)) > 0) {
        total += count;
    }
    EQ(EAGAIN, errno);
    CHECK(total >= 16384);
    struct pollfd entry = { fds[0], POLLOUT, 0 };
    EQ(0, poll(&entry, 1, 0));
    OK(fcntl(fds[0], F_SETFL, 0));
    pid_t child = CHILD({ EQ(4096, send(fds[0], data, 4096, 0)); });
    await_state(child, 'S');
    OK(fcntl(fds[1], F_SETFL, 0));
    size_t taken = 0;
    while (taken < total + 4096) {
        taken += OK(recv(fds[1], data, sizeof data, 0));
    }
    EXITS(0, child);
}

TEST(a_large_message_through_a_stream)
{
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
    pid_t child = CHILD({
        for (size_t i = 0; i < sizeof data; i++) {
            data[i] = (char)(i * 17);
        }
        EQ(sizeof data, send(fds[1], data, sizeof data, 0));
    });
    size_t total = 0;
    while (total < sizeof data) {
        total += OK(recv(fds[0], data + total, sizeof data - total, 0));
    }
    for (size_t i = 0; i < sizeof data; i++) {
        EQ((char)(i * 17), data[i]);
    }
    EXITS(0, child);
}

TEST(options)
{
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
    int value = 0;
    socklen_t length = sizeof value;
    OK(getsockopt(fds[0], SOL_SOCKET, SO_TYPE, &value, &length));
    EQ(SOCK_STREAM, value);
    OK(getsockopt(fds[0], SOL_SOCKET, SO_DOMAIN, &value, &length));
    EQ(AF_UNIX, value);
    OK(getsockopt(fds[0], SOL_SOCKET, SO_ERROR, &value, &length));
    EQ(0, value);
    OK(getsockopt(fds[0], SOL_SOCKET, SO_ACCEPTCONN, &value, &length));
    EQ(0, value);
    value = 10000;
    OK(setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &value, sizeof value));
    OK(getsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &value, &length));
    EQ(20000, value);
    struct timeval limit = { 0, 30000 };
    OK(setsockopt(fds[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit));
    int64_t start = now_ms();
    FAILS(EAGAIN, recv(fds[0], data, 1, 0));
    CHECK(now_ms() - start >= 29);
    FAILS(ENOPROTOOPT, getsockopt(fds[0], SOL_SOCKET, 9999, &value, &length));
    FAILS(ENOPROTOOPT, setsockopt(fds[0], SOL_SOCKET, 9999, &value, sizeof value));
    FAILS(EINVAL, setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &value, 1));
    FAILS(EOPNOTSUPP, getsockopt(fds[0], 6 /* TCP */, 1, &value, &length));
}

TEST(peer_credentials)
{
    int server = listener(SOCK_STREAM, "s", 5), client = OK(socket(AF_UNIX, SOCK_STREAM, 0));
    OK(chmod("s", 0777));
    OK(connect_to(client, "s"));
    int accepted = OK(accept(server, NULL, NULL));
    struct ucred peer;
    socklen_t length = sizeof peer;
    OK(getsockopt(accepted, SOL_SOCKET, SO_PEERCRED, &peer, &length));
    EQ(getpid(), peer.pid);
    EQ(0, peer.uid);
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
    EXITS(0, CHILD({
        OK(getsockopt(fds[0], SOL_SOCKET, SO_PEERCRED, &peer, &length));
        EQ(getppid(), peer.pid);
    }));
}

TEST(seqpacket_keeps_records)
{
    OK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds));
    EQ(3, send(fds[0], "one", 3, 0));
    EQ(5, send(fds[0], "three", 5, 0));
    EQ(2, recv(fds[1], data, 2, 0));
    struct iovec part = { data, 2 };
    struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
    EQ(2, recvmsg(fds[1], &message, 0));
    CHECK(message.msg_flags & MSG_TRUNC);
    EQ(0, send(fds[0], "", 0, 0));
    EQ(5, send(fds[0], "after", 5, 0));
    EQ(0, recv(fds[1], data, 10, 0));
    EQ(5, recv(fds[1], data, 2, MSG_TRUNC));
    OK(close(fds[0]));
    EQ(0, recv(fds[1], data, 10, 0));
}

TEST(seqpacket_connects_like_streams)
{
    int server = listener(SOCK_SEQPACKET, "s", 5), client = OK(socket(AF_UNIX, SOCK_SEQPACKET, 0));
    OK(connect_to(client, "s"));
    int accepted = OK(accept(server, NULL, NULL));
    EQ(4, send(client, "data", 4, 0));
    EQ(4, recv(accepted, data, 100, 0));
    int stream = OK(socket(AF_UNIX, SOCK_STREAM, 0));
    FAILS(EPROTOTYPE, connect_to(stream, "s"));
}

TEST(polling_a_listener)
{
    int server = listener(SOCK_STREAM, "s", 5), client = OK(socket(AF_UNIX, SOCK_STREAM, 0));
    struct pollfd entry = { server, POLLIN, 0 };
    EQ(0, poll(&entry, 1, 0));
    OK(fcntl(server, F_SETFL, O_NONBLOCK));
    FAILS(EAGAIN, accept(server, NULL, NULL));
    OK(connect_to(client, "s"));
    EQ(1, poll(&entry, 1, 0));
    OK(accept(server, NULL, NULL));
    EQ(0, poll(&entry, 1, 0));
}

TEST(vectors_and_many_messages)
{
    OK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds));
    struct iovec parts[3] = { { "a", 1 }, { "bc", 2 }, { "def", 3 } };
    struct mmsghdr out[3] = { 0 }, in[3] = { 0 };
    for (int i = 0; i < 3; i++) {
        out[i].msg_hdr.msg_iov = &parts[i];
        out[i].msg_hdr.msg_iovlen = 1;
    }
    EQ(3, sendmmsg(fds[0], out, 3, 0));
    EQ(2, out[1].msg_len);
    char text[3][8];
    struct iovec into[3];
    for (int i = 0; i < 3; i++) {
        into[i] = (struct iovec){ text[i], 8 };
        in[i].msg_hdr.msg_iov = &into[i];
        in[i].msg_hdr.msg_iovlen = 1;
    }
    EQ(3, recvmmsg(fds[1], in, 3, 0, NULL));
    EQ(3, in[2].msg_len);
    CHECK(memcmp(text[2], "def", 3) == 0);
    EQ(6, writev(fds[0], parts, 3));
    EQ(6, recv(fds[1], data, 100, 0));
}

TEST(proc_lists_sockets)
{
    listener(SOCK_STREAM, "@guest-in-proc", 5);
    static char text[1 << 18];
    read_file("/proc/net/unix", text, sizeof text);
    CHECK(strstr(text, "@guest-in-proc\n") != NULL);
}
