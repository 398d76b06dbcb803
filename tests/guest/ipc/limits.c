// Limits of IPC: settings of the IPC namespace, kept by the calls.
#include "guest.h"
#include <mqueue.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>

// A namespace of its own, so that the machine's settings stay what they are.
static void enter(void)
{
    if (geteuid() != 0)
        SKIP("only root makes a namespace");
    OK(unshare(CLONE_NEWIPC));
}

static int set(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY);
    if (fd < 0)
        return -1;
    ssize_t done = write(fd, text, strlen(text));
    int error = errno;
    close(fd);
    errno = error;
    return done < 0 ? -1 : 0;
}

static void shows(const char *path, const char *text)
{
    char found[128] = "";
    int fd = OK(open(path, O_RDONLY));
    CHECK(read(fd, found, sizeof found - 1) > 0);
    close(fd);
    STREQ(text, found);
}

TEST(a_message_is_no_longer_than_msgmax)
{
    enter();
    OK(set("/proc/sys/kernel/msgmax", "100\n"));
    shows("/proc/sys/kernel/msgmax", "100\n");
    int id = OK(msgget(IPC_PRIVATE, 0600));
    struct { long type; char text[101]; } message = { 1, "" };
    OK(msgsnd(id, &message, 100, 0));
    FAILS(EINVAL, msgsnd(id, &message, 101, 0));
    OK(msgctl(id, IPC_RMID, NULL));
}

TEST(a_new_queue_takes_msgmnb_bytes)
{
    enter();
    OK(set("/proc/sys/kernel/msgmnb", "150"));
    int id = OK(msgget(IPC_PRIVATE, 0600));
    struct { long type; char text[100]; } message = { 1, "" };
    OK(msgsnd(id, &message, 100, IPC_NOWAIT));
    FAILS(EAGAIN, msgsnd(id, &message, 100, IPC_NOWAIT));
    struct msqid_ds info;
    OK(msgctl(id, IPC_STAT, &info));
    EQ(150, info.msg_qbytes);
    OK(msgctl(id, IPC_RMID, NULL));
}

TEST(objects_are_counted)
{
    enter();
    OK(set("/proc/sys/kernel/msgmni", "1"));
    int id = OK(msgget(IPC_PRIVATE, 0600));
    FAILS(ENOSPC, msgget(IPC_PRIVATE, 0600));
    OK(msgctl(id, IPC_RMID, NULL));
    OK(set("/proc/sys/kernel/shmmni", "1"));
    id = OK(shmget(IPC_PRIVATE, 4096, 0600));
    FAILS(ENOSPC, shmget(IPC_PRIVATE, 4096, 0600));
    OK(shmctl(id, IPC_RMID, NULL));
}

TEST(shared_memory_has_two_limits)
{
    enter();
    OK(set("/proc/sys/kernel/shmmax", "8192"));
    FAILS(EINVAL, shmget(IPC_PRIVATE, 8193, 0600));
    OK(set("/proc/sys/kernel/shmall", "3"));
    int id = OK(shmget(IPC_PRIVATE, 8192, 0600));
    FAILS(ENOSPC, shmget(IPC_PRIVATE, 8192, 0600));
    int other = OK(shmget(IPC_PRIVATE, 4096, 0600));
    OK(shmctl(id, IPC_RMID, NULL));
    OK(shmctl(other, IPC_RMID, NULL));
}

TEST(semaphores_have_four_limits)
{
    enter();
    OK(set("/proc/sys/kernel/sem", "3 4 2 5"));
    shows("/proc/sys/kernel/sem", "3\t4\t2\t5\n");
    FAILS(EINVAL, semget(IPC_PRIVATE, 4, 0600));
    int id = OK(semget(IPC_PRIVATE, 3, 0600));
    FAILS(ENOSPC, semget(IPC_PRIVATE, 2, 0600));
    struct sembuf up[3] = { { 0, 1, 0 }, { 1, 1, 0 }, { 2, 1, 0 } };
    OK(semop(id, up, 2));
    FAILS(E2BIG, semop(id, up, 3));
    OK(semctl(id, 0, IPC_RMID));
}

TEST(what_is_no_limit_is_refused)
{
    enter();
    FAILS(EINVAL, set("/proc/sys/kernel/msgmax", "-1"));
    FAILS(EINVAL, set("/proc/sys/kernel/msgmax", "many"));
    FAILS(EINVAL, set("/proc/sys/kernel/msgmni", "32769"));
    FAILS(EINVAL, set("/proc/sys/fs/mqueue/msgsize_max", "127"));
}

TEST(a_namespace_has_limits_of_its_own)
{
    enter();
    OK(set("/proc/sys/kernel/msgmax", "77"));
    EXITS(0, CHILD({ enter(); shows("/proc/sys/kernel/msgmax", "8192\n"); }));
    shows("/proc/sys/kernel/msgmax", "77\n");
}

TEST(a_queue_without_attributes_has_the_default_ones)
{
    enter();
    OK(set("/proc/sys/fs/mqueue/msg_default", "3"));
    OK(set("/proc/sys/fs/mqueue/msgsize_default", "200"));
    mqd_t queue = mq_open("/limits", O_CREAT | O_RDWR, 0600, NULL);
    CHECK(queue >= 0);
    struct mq_attr attributes;
    OK(mq_getattr(queue, &attributes));
    EQ(3, attributes.mq_maxmsg);
    EQ(200, attributes.mq_msgsize);
    OK(set("/proc/sys/fs/mqueue/queues_max", "1"));
    OK(mq_close(queue));
    OK(mq_unlink("/limits"));
}
