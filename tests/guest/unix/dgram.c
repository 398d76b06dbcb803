// AF_UNIX datagrams and ancillary data: descriptors and credentials.
#include "guest.h"

static int fds[2];
static char data[70000];

static struct sockaddr_un named(const char *path)
{
    struct sockaddr_un name = { AF_UNIX, "" };
    strcpy(name.sun_path, path);
    return name;
}

static int bound(const char *path)
{
    struct sockaddr_un name = named(path);
    int fd = OK(socket(AF_UNIX, SOCK_DGRAM, 0));
    OK(bind(fd, (struct sockaddr *)&name, sizeof name));
    return fd;
}

TEST(datagrams_keep_their_ends)
{
    OK(socketpair(AF_UNIX, SOCK_DGRAM, 0, fds));
    EQ(3, send(fds[0], "one", 3, 0));
    EQ(3, send(fds[0], "two", 3, 0));
    EQ(0, send(fds[0], "", 0, 0));
    EQ(1, recv(fds[1], data, 1, 0));
    EQ(3, recv(fds[1], data, 100, 0));
    EQ(0, recv(fds[1], data, 100, 0));
    FAILS(EAGAIN, recv(fds[1], data, 100, MSG_DONTWAIT));
}

TEST(sendto_tells_the_sender)
{
    int server = bound("server"), client = bound("client");
    struct sockaddr_un to = named("server"), from;
    EQ(4, sendto(client, "ping", 4, 0, (struct sockaddr *)&to, sizeof to));
    socklen_t length = sizeof from;
    EQ(4, recvfrom(server, data, 100, 0, (struct sockaddr *)&from, &length));
    STREQ("client", from.sun_path);
    EQ(4, sendto(server, "pong", 4, 0, (struct sockaddr *)&from, length));
    EQ(4, recv(client, data, 100, 0));
    int nameless = OK(socket(AF_UNIX, SOCK_DGRAM, 0));
    EQ(1, sendto(nameless, "x", 1, 0, (struct sockaddr *)&to, sizeof to));
    length = sizeof from;
    EQ(1, recvfrom(server, data, 100, 0, (struct sockaddr *)&from, &length));
    EQ(0, length);
}

TEST(datagram_refusals)
{
    int fd = OK(socket(AF_UNIX, SOCK_DGRAM, 0));
    struct sockaddr_un to = named("missing");
    FAILS(ENOENT, sendto(fd, "x", 1, 0, (struct sockaddr *)&to, sizeof to));
    FAILS(ENOTCONN, send(fd, "x", 1, 0));
    FAILS(EOPNOTSUPP, listen(bound("d"), 1));
    int server = bound("gone");
    OK(close(server));
    to = named("gone");
    FAILS(ECONNREFUSED, sendto(fd, "x", 1, 0, (struct sockaddr *)&to, sizeof to));
    OK(socketpair(AF_UNIX, SOCK_DGRAM, 0, fds));
    static char large[1 << 20];
    FAILS(EMSGSIZE, send(fds[0], large, sizeof large, 0));
    OK(close(fds[1]));
    FAILS(ECONNREFUSED, send(fds[0], "x", 1, 0));
}

TEST(a_connected_datagram_socket_hears_only_its_peer)
{
    int server = bound("server"), other = bound("other"), client = bound("client");
    struct sockaddr_un to = named("server"), me = named("client");
    OK(connect(client, (struct sockaddr *)&to, sizeof to));
    EQ(1, send(client, "x", 1, 0));
    EQ(1, recv(server, data, 10, 0));
    FAILS(EPERM, sendto(other, "x", 1, 0, (struct sockaddr *)&me, sizeof me));
    EQ(1, sendto(server, "y", 1, 0, (struct sockaddr *)&me, sizeof me));
    struct sockaddr none = { AF_UNSPEC, "" };
    OK(connect(client, &none, sizeof none));
    EQ(1, sendto(other, "x", 1, 0, (struct sockaddr *)&me, sizeof me));
}

TEST(the_queue_is_limited)
{
    int server = bound("server"), client = OK(socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0));
    struct sockaddr_un to = named("server");
    int sent = 0;
    while (sent < 5000 && sendto(client, "x", 1, 0, (struct sockaddr *)&to, sizeof to) == 1) {
        sent++;
    }
    EQ(EAGAIN, errno);
    CHECK(sent >= 5 && sent < 5000);
    EQ(1, recv(server, data, 10, 0));
    EQ(1, sendto(client, "x", 1, 0, (struct sockaddr *)&to, sizeof to));
}

// --- ancillary data

static void send_with(int socket, const void *payload, int type, size_t size)
{
    char control[CMSG_SPACE(1024)] = { 0 };
    struct iovec part = { "m", 1 };
    struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control,
        .msg_controllen = CMSG_SPACE(size) };
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = type;
    header->cmsg_len = CMSG_LEN(size);
    memcpy(CMSG_DATA(header), payload, size);
    EQ(1, sendmsg(socket, &message, 0));
}

static char control_in[CMSG_SPACE(1024)];
static struct msghdr message_in;

// Receives one byte and its ancillary data; NULL if there is none of the type.
static void *receive_with(int socket, int type, size_t room, int flags, size_t *size)
{
    static struct iovec part;
    part = (struct iovec){ data, 1 };
    memset(control_in, 0, sizeof control_in);
    message_in = (struct msghdr){ .msg_iov = &part, .msg_iovlen = 1, .msg_control = control_in, .msg_controllen = room };
    EQ(1, recvmsg(socket, &message_in, flags));
    for (struct cmsghdr *at = CMSG_FIRSTHDR(&message_in); at != NULL; at = CMSG_NXTHDR(&message_in, at)) {
        if (at->cmsg_level == SOL_SOCKET && at->cmsg_type == type) {
            *size = at->cmsg_len - CMSG_LEN(0);
            return CMSG_DATA(at);
        }
    }
    return NULL;
}

TEST(a_descriptor_is_passed)
{
    int kinds[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };
    for (int i = 0; i < 3; i++) {
        write_file("f", "passed");
        OK(socketpair(AF_UNIX, kinds[i], 0, fds));
        int file = OK(open("f", O_RDONLY));
        send_with(fds[0], &file, SCM_RIGHTS, sizeof file);
        OK(close(file));
        size_t size;
        int *got = receive_with(fds[1], SCM_RIGHTS, sizeof control_in, 0, &size);
        CHECK(got != NULL);
        EQ(sizeof(int), size);
        EQ(6, read(*got, data, 100));
        EQ(0, fcntl(*got, F_GETFD));
        OK(close(*got));
    }
}

TEST(passed_descriptors_share_the_description)
{
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
    int file = OK(open("f", O_RDWR | O_CREAT, 0600));
    pid_t child = CHILD({
        size_t size;
        int *got = receive_with(fds[1], SCM_RIGHTS, sizeof control_in, MSG_CMSG_CLOEXEC, &size);
        EQ(FD_CLOEXEC, fcntl(*got, F_GETFD));
        EQ(3, write(*got, "abc", 3));
    });
    send_with(fds[0], &file, SCM_RIGHTS, sizeof file);
    EXITS(0, child);
    EQ(3, lseek(file, 0, SEEK_CUR));
}

TEST(several_descriptors_and_truncation)
{
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
    int many[10];
    for (int i = 0; i < 10; i++) {
        many[i] = OK(dup(0));
    }
    send_with(fds[0], many, SCM_RIGHTS, sizeof many);
    size_t size;
    CHECK(receive_with(fds[1], SCM_RIGHTS, sizeof control_in, 0, &size) != NULL);
    EQ(sizeof many, size);
    send_with(fds[0], many, SCM_RIGHTS, sizeof many);
    int before = OK(dup(0));
    OK(close(before));
    CHECK(receive_with(fds[1], SCM_RIGHTS, CMSG_SPACE(sizeof(int) * 2), 0, &size) != NULL);
    CHECK(size <= 3 * sizeof(int));
    CHECK(message_in.msg_flags & MSG_CTRUNC);
    send_with(fds[0], many, SCM_RIGHTS, sizeof many);
    CHECK(receive_with(fds[1], SCM_RIGHTS, 0, 0, &size) == NULL);
    CHECK(message_in.msg_flags & MSG_CTRUNC);
}

TEST(passing_refusals)
{
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
    int bad = 999;
    char control[CMSG_SPACE(sizeof(int) * 300)] = { 0 };
    struct iovec part = { "m", 1 };
    struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control,
        .msg_controllen = CMSG_SPACE(sizeof bad) };
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    *header = (struct cmsghdr){ .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof bad) };
    memcpy(CMSG_DATA(header), &bad, sizeof bad);
    FAILS(EBADF, sendmsg(fds[0], &message, 0));
    header->cmsg_len = 3;
    FAILS(EINVAL, sendmsg(fds[0], &message, 0));
    header->cmsg_len = CMSG_LEN(sizeof bad);
    header->cmsg_type = 77;
    FAILS(EINVAL, sendmsg(fds[0], &message, 0));
    message.msg_controllen = CMSG_SPACE(sizeof(int) * 254);
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int) * 254);
    memset(CMSG_DATA(header), 0, sizeof(int) * 254);
    FAILS(EINVAL, sendmsg(fds[0], &message, 0));
    header->cmsg_len = CMSG_LEN(sizeof(int) * 253);
    message.msg_controllen = CMSG_SPACE(sizeof(int) * 253);
    EQ(1, sendmsg(fds[0], &message, 0));
}

TEST(rights_do_not_merge_with_later_bytes)
{
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
    EQ(2, send(fds[0], "ab", 2, 0));
    int file = 0;
    send_with(fds[0], &file, SCM_RIGHTS, sizeof file);
    EQ(2, send(fds[0], "cd", 2, 0));
    struct iovec part = { data, 100 };
    message_in = (struct msghdr){ .msg_iov = &part, .msg_iovlen = 1, .msg_control = control_in,
        .msg_controllen = sizeof control_in };
    ssize_t first = recvmsg(fds[1], &message_in, 0);
    CHECK(first == 2 || first == 3);
    size_t total = first;
    while (total < 5) {
        total += OK(recv(fds[1], data, 100, 0));
    }
    EQ(5, total);
}

TEST(a_peek_duplicates_descriptors)
{
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
    int file = 0;
    send_with(fds[0], &file, SCM_RIGHTS, sizeof file);
    size_t size;
    CHECK(receive_with(fds[1], SCM_RIGHTS, sizeof control_in, MSG_PEEK, &size) != NULL);
    CHECK(receive_with(fds[1], SCM_RIGHTS, sizeof control_in, 0, &size) != NULL);
}

TEST(sockets_in_a_cycle_are_collected)
{
    int probe[2];
    OK(pipe(probe));
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
    send_with(fds[0], &fds[1], SCM_RIGHTS, sizeof(int));
    send_with(fds[0], &probe[1], SCM_RIGHTS, sizeof(int));
    OK(close(fds[0]));
    OK(close(fds[1]));
    OK(close(probe[1]));
    // The pipe's writer is held by a socket that only its own queue refers to. Closing any socket starts the collection.
    struct pollfd entry = { probe[0], POLLIN, 0 };
    for (int i = 0; i < 500 && poll(&entry, 1, 10) == 0; i++) {
        OK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
        send_with(fds[0], &fds[0], SCM_RIGHTS, sizeof(int));
        OK(close(fds[0]));
        OK(close(fds[1]));
    }
    EQ(0, read(probe[0], data, 1));
}

TEST(descriptors_in_a_closed_queue_are_closed)
{
    int probe[2];
    OK(pipe(probe));
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
    send_with(fds[0], &probe[1], SCM_RIGHTS, sizeof(int));
    OK(close(probe[1]));
    OK(close(fds[0]));
    OK(close(fds[1]));
    struct pollfd entry = { probe[0], POLLIN, 0 };
    EQ(1, poll(&entry, 1, 5000));
    EQ(0, read(probe[0], data, 1));
}

TEST(credentials_are_attached_when_asked_for)
{
    OK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
    int on = 1;
    OK(setsockopt(fds[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof on));
    EQ(1, send(fds[0], "x", 1, 0));
    size_t size;
    struct ucred *got = receive_with(fds[1], SCM_CREDENTIALS, sizeof control_in, 0, &size);
    CHECK(got != NULL);
    EQ(sizeof *got, size);
    EQ(getpid(), got->pid);
    EQ(0, got->uid);
    EXITS(0, CHILD({ EQ(1, send(fds[0], "y", 1, 0)); got = NULL; _exit(0); }));
    got = receive_with(fds[1], SCM_CREDENTIALS, sizeof control_in, 0, &size);
    CHECK(got->pid != getpid() && got->pid > 0);
}

TEST(credentials_can_be_claimed_with_privilege_only)
{
    OK(socketpair(AF_UNIX, SOCK_DGRAM, 0, fds));
    int on = 1;
    OK(setsockopt(fds[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof on));
    struct ucred claim = { getppid(), 1234, 5678 };
    send_with(fds[0], &claim, SCM_CREDENTIALS, sizeof claim);
    size_t size;
    struct ucred *got = receive_with(fds[1], SCM_CREDENTIALS, sizeof control_in, 0, &size);
    EQ(getppid(), got->pid);
    EQ(1234, got->uid);
    EQ(5678, got->gid);
    OK(setresuid(1000, 1000, 1000));
    char control[CMSG_SPACE(sizeof claim)] = { 0 };
    struct iovec part = { "m", 1 };
    struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    *header = (struct cmsghdr){ .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_CREDENTIALS, .cmsg_len = CMSG_LEN(sizeof claim) };
    memcpy(CMSG_DATA(header), &claim, sizeof claim);
    FAILS(EPERM, sendmsg(fds[0], &message, 0));
}

TEST(autobind_on_passcred_send)
{
    int server = bound("server"), client = OK(socket(AF_UNIX, SOCK_DGRAM, 0)), on = 1;
    OK(setsockopt(client, SOL_SOCKET, SO_PASSCRED, &on, sizeof on));
    struct sockaddr_un to = named("server"), from;
    EQ(1, sendto(client, "x", 1, 0, (struct sockaddr *)&to, sizeof to));
    socklen_t length = sizeof from;
    EQ(1, recvfrom(server, data, 10, 0, (struct sockaddr *)&from, &length));
    EQ(2 + 6, length);
    EQ(0, from.sun_path[0]);
}
