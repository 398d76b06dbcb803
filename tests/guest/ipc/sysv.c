// System V shared memory, semaphores and message queues; POSIX message queues.
#include "guest.h"
#include <mqueue.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>

#define KEY 0x47554553

union semun { int val; struct semid_ds *buf; unsigned short *array; };

static int shm(size_t size) { return OK(shmget(IPC_PRIVATE, size, 0600)); }

TEST(shared_memory_is_shared)
{
    int id = shm(10000);
    char *at = OK(shmat(id, NULL, 0));
    strcpy(at, "parent");
    EXITS(0, CHILD({ STREQ("parent", at); strcpy(at, "child"); char *again = OK(shmat(id, NULL, 0)); STREQ("child", again); }));
    STREQ("child", at);
    struct shmid_ds info;
    OK(shmctl(id, IPC_STAT, &info));
    EQ(10000, info.shm_segsz);
    EQ(1, info.shm_nattch);
    EQ(getpid(), info.shm_cpid);
    EQ(0600, info.shm_perm.mode & 0777);
    OK(shmdt(at));
    FAILS(EINVAL, shmdt(at));
    OK(shmctl(id, IPC_RMID, NULL));
    FAILS(EINVAL, shmctl(id, IPC_STAT, &info));
}

TEST(shared_memory_keys)
{
    int id = OK(shmget(KEY, 100, IPC_CREAT | IPC_EXCL | 0600));
    EQ(id, shmget(KEY, 100, 0));
    EQ(id, shmget(KEY, 0, 0));
    FAILS(EINVAL, shmget(KEY, 200, 0));
    FAILS(EEXIST, shmget(KEY, 100, IPC_CREAT | IPC_EXCL));
    OK(shmctl(id, IPC_RMID, NULL));
    FAILS(ENOENT, shmget(KEY, 100, 0));
    FAILS(EINVAL, shmget(IPC_PRIVATE, 0, 0600));
    FAILS(EINVAL, shmget(IPC_PRIVATE, SIZE_MAX, 0600));
}

TEST(removed_memory_lives_until_detached)
{
    int id = shm(4096);
    char *at = OK(shmat(id, NULL, 0));
    OK(shmctl(id, IPC_RMID, NULL));
    at[0] = 1;
    char *second = OK(shmat(id, NULL, 0));
    EQ(1, second[0]);
    EXITS(0, CHILD({ EQ(1, at[0]); }));
    OK(shmdt(at));
    OK(shmdt(second));
    FAILS(EINVAL, shmat(id, NULL, 0));
}

TEST(attach_refusals_and_modes)
{
    int id = shm(4096);
    char *at = OK(shmat(id, NULL, SHM_RDONLY));
    EQ(0, at[0]);
    pid_t child = CHILD({ struct rlimit none = { 0, 0 }; setrlimit(RLIMIT_CORE, &none); at[0] = 1; });
    KILLED(SIGSEGV, child);
    FAILS(EINVAL, shmat(999999, NULL, 0));
    FAILS(EINVAL, shmat(id, (void *)1, 0));
    FAILS(EINVAL, shmat(id, at, 0));
    CHECK(shmat(id, at + 100, SHM_RND | SHM_REMAP | SHM_RDONLY) == at);
    OK(chmod(".", 0755));
    EXITS(0, CHILD({ OK(setresuid(1000, 1000, 1000)); FAILS(EACCES, shmat(id, NULL, 0)); }));
    EXITS(0, CHILD({ OK(setresuid(1000, 1000, 1000)); FAILS(EPERM, shmctl(id, IPC_RMID, NULL)); }));
    OK(shmctl(id, IPC_RMID, NULL));
}

static int sem_op(int id, int number, int change, int flags)
{
    struct sembuf operation = { number, change, flags };
    return semop(id, &operation, 1);
}

TEST(semaphores_count)
{
    int id = OK(semget(IPC_PRIVATE, 3, 0600));
    EQ(0, semctl(id, 0, GETVAL));
    OK(sem_op(id, 0, 5, 0));
    OK(sem_op(id, 0, -3, 0));
    EQ(2, semctl(id, 0, GETVAL));
    EQ(getpid(), semctl(id, 0, GETPID));
    FAILS(EAGAIN, sem_op(id, 0, -3, IPC_NOWAIT));
    FAILS(EAGAIN, sem_op(id, 0, 0, IPC_NOWAIT));
    unsigned short values[3] = { 7, 8, 9 }, got[3];
    OK(semctl(id, 0, SETALL, (union semun){ .array = values }));
    OK(semctl(id, 0, GETALL, (union semun){ .array = got }));
    EQ(9, got[2]);
    OK(semctl(id, 1, SETVAL, (union semun){ .val = 1 }));
    EQ(1, semctl(id, 1, GETVAL));
    FAILS(ERANGE, semctl(id, 1, SETVAL, (union semun){ .val = 40000 }));
    FAILS(EFBIG, sem_op(id, 3, 1, 0));
    FAILS(ERANGE, sem_op(id, 0, 32767, 0));
    FAILS(EINVAL, semctl(id, 3, GETVAL));
    OK(semctl(id, 0, IPC_RMID));
    FAILS(EINVAL, sem_op(id, 0, 1, 0));
}

TEST(several_operations_are_one)
{
    int id = OK(semget(IPC_PRIVATE, 2, 0600));
    struct sembuf both[2] = { { 0, 1, 0 }, { 1, -1, IPC_NOWAIT } };
    FAILS(EAGAIN, semop(id, both, 2));
    EQ(0, semctl(id, 0, GETVAL));
    OK(sem_op(id, 1, 1, 0));
    OK(semop(id, both, 2));
    EQ(1, semctl(id, 0, GETVAL));
    FAILS(EINVAL, semop(id, both, 0));
    FAILS(E2BIG, semop(id, both, 100000));
    OK(semctl(id, 0, IPC_RMID));
}

TEST(waiting_on_a_semaphore)
{
    int id = OK(semget(IPC_PRIVATE, 1, 0600));
    pid_t child = CHILD({ OK(sem_op(id, 0, -2, 0)); });
    await_state(child, 'S');
    EQ(1, semctl(id, 0, GETNCNT));
    OK(sem_op(id, 0, 1, 0));
    EQ(0, waitpid(child, NULL, WNOHANG));
    OK(sem_op(id, 0, 1, 0));
    EXITS(0, child);
    OK(sem_op(id, 0, 1, 0));
    child = CHILD({ OK(sem_op(id, 0, 0, 0)); });
    await_state(child, 'S');
    EQ(1, semctl(id, 0, GETZCNT));
    OK(sem_op(id, 0, -1, 0));
    EXITS(0, child);
    child = CHILD({ FAILS(EIDRM, sem_op(id, 0, -1, 0)); });
    await_state(child, 'S');
    OK(semctl(id, 0, IPC_RMID));
    EXITS(0, child);
}

TEST(a_timed_wait)
{
    int id = OK(semget(IPC_PRIVATE, 1, 0600));
    struct sembuf down = { 0, -1, 0 };
    struct timespec limit = { 0, 20000000 };
    FAILS(EAGAIN, semtimedop(id, &down, 1, &limit));
    limit.tv_nsec = -1;
    FAILS(EINVAL, semtimedop(id, &down, 1, &limit));
    OK(semctl(id, 0, IPC_RMID));
}

TEST(undo_happens_at_exit)
{
    int id = OK(semget(IPC_PRIVATE, 1, 0600));
    EXITS(0, CHILD({
        OK(sem_op(id, 0, 5, SEM_UNDO));
        OK(sem_op(id, 0, -2, SEM_UNDO));
        OK(sem_op(id, 0, 4, 0));
    }));
    EQ(4, semctl(id, 0, GETVAL));
    pid_t child = CHILD({ OK(sem_op(id, 0, -4, SEM_UNDO)); for (;;) { pause(); } });
    await_state(child, 'S');
    EQ(0, semctl(id, 0, GETVAL));
    OK(kill(child, SIGKILL));
    KILLED(SIGKILL, child);
    EQ(4, semctl(id, 0, GETVAL));
    OK(semctl(id, 0, IPC_RMID));
}

struct message { long type; char text[64]; };

TEST(messages_are_taken_by_type)
{
    int id = OK(msgget(IPC_PRIVATE, 0600));
    struct message out = { 0, "" }, in;
    for (int i = 1; i <= 4; i++) {
        out.type = i == 2 ? 7 : i;
        sprintf(out.text, "m%d", i);
        OK(msgsnd(id, &out, 3, 0));
    }
    EQ(3, msgrcv(id, &in, 64, 3, 0));
    STREQ("m3", in.text);
    EQ(3, msgrcv(id, &in, 64, -5, 0));
    STREQ("m1", in.text);
    EQ(3, msgrcv(id, &in, 64, 0, 0));
    STREQ("m2", in.text);
    EQ(7, in.type);
    FAILS(ENOMSG, msgrcv(id, &in, 64, 9, IPC_NOWAIT));
    FAILS(E2BIG, msgrcv(id, &in, 1, 4, 0));
    EQ(1, msgrcv(id, &in, 1, 4, MSG_NOERROR));
    out.type = 0;
    FAILS(EINVAL, msgsnd(id, &out, 3, 0));
    out.type = 5;
    OK(msgsnd(id, &out, 0, 0));
    EQ(0, msgrcv(id, &in, 64, 4, MSG_EXCEPT));
    struct msqid_ds info;
    OK(msgctl(id, IPC_STAT, &info));
    EQ(0, info.msg_qnum);
    EQ(getpid(), info.msg_lspid);
    OK(msgctl(id, IPC_RMID, NULL));
    FAILS(EINVAL, msgsnd(id, &out, 3, 0));
}

TEST(a_full_queue_blocks)
{
    int id = OK(msgget(IPC_PRIVATE, 0600));
    struct { long type; char text[4096]; } out = { 1, "" }, in;
    int sent = 0;
    while (msgsnd(id, &out, sizeof out.text, IPC_NOWAIT) == 0) {
        sent++;
    }
    EQ(EAGAIN, errno);
    CHECK(sent >= 2);
    pid_t child = CHILD({ OK(msgsnd(id, &out, sizeof out.text, 0)); });
    await_state(child, 'S');
    EQ(4096, msgrcv(id, &in, 4096, 0, 0));
    EXITS(0, child);
    OK(msgctl(id, IPC_RMID, NULL));
}

TEST(a_waiting_receiver_is_woken_or_told_of_removal)
{
    int id = OK(msgget(KEY, IPC_CREAT | 0600));
    struct message message = { 3, "x" };
    pid_t child = CHILD({ EQ(2, msgrcv(id, &message, 64, 3, 0)); FAILS(EIDRM, msgrcv(id, &message, 64, 3, 0)); });
    await_state(child, 'S');
    OK(msgsnd(id, &message, 2, 0));
    pause_ms(20);
    await_state(child, 'S');
    OK(msgctl(id, IPC_RMID, NULL));
    EXITS(0, child);
    FAILS(ENOENT, msgget(KEY, 0));
}

TEST(ipc_name_spaces_are_separate)
{
    int id = OK(shmget(KEY, 100, IPC_CREAT | 0600));
    EXITS(0, CHILD({ OK(unshare(CLONE_NEWIPC)); FAILS(ENOENT, shmget(KEY, 100, 0)); }));
    OK(shmctl(id, IPC_RMID, NULL));
}

// --- POSIX message queues

static mqd_t queue(long messages, long size)
{
    struct mq_attr attr = { .mq_maxmsg = messages, .mq_msgsize = size };
    mqd_t id = OK(mq_open("/guest-queue", O_RDWR | O_CREAT | O_EXCL | O_NONBLOCK, 0600, &attr));
    OK(mq_unlink("/guest-queue"));
    return id;
}

TEST(posix_messages_come_by_priority)
{
    mqd_t id = queue(4, 16);
    OK(mq_send(id, "low", 4, 1));
    OK(mq_send(id, "high", 5, 9));
    OK(mq_send(id, "low2", 5, 1));
    char text[16];
    unsigned priority;
    EQ(5, mq_receive(id, text, 16, &priority));
    STREQ("high", text);
    EQ(9, priority);
    EQ(4, mq_receive(id, text, 16, &priority));
    STREQ("low", text);
    EQ(5, mq_receive(id, text, 16, NULL));
    FAILS(EAGAIN, mq_receive(id, text, 16, NULL));
    FAILS(EMSGSIZE, mq_receive(id, text, 15, NULL));
    FAILS(EMSGSIZE, mq_send(id, "x", 17, 0));
    FAILS(EINVAL, mq_send(id, "x", 1, 32768));
}

TEST(a_full_posix_queue)
{
    mqd_t id = queue(2, 8);
    OK(mq_send(id, "a", 1, 0));
    OK(mq_send(id, "b", 1, 0));
    FAILS(EAGAIN, mq_send(id, "c", 1, 0));
    struct mq_attr attr;
    OK(mq_getattr(id, &attr));
    EQ(2, attr.mq_curmsgs);
    EQ(O_NONBLOCK, attr.mq_flags);
    attr.mq_flags = 0;
    OK(mq_setattr(id, &attr, NULL));
    struct timespec until;
    OK(clock_gettime(CLOCK_REALTIME, &until));
    until.tv_nsec = (until.tv_nsec + 20000000) % 1000000000;
    FAILS(ETIMEDOUT, mq_timedsend(id, "c", 1, 0, &until));
    struct pollfd entry = { (int)id, POLLIN | POLLOUT, 0 };
    EQ(1, poll(&entry, 1, 0));
    EQ(POLLIN, entry.revents);
}

TEST(posix_queue_names)
{
    struct mq_attr attr = { .mq_maxmsg = 1, .mq_msgsize = 8 };
    FAILS(ENOENT, mq_open("/guest-missing", O_RDWR));
    FAILS(EINVAL, mq_open("noslash", O_RDWR | O_CREAT, 0600, &attr));
    FAILS(ENOENT, mq_unlink("/guest-missing"));
    mqd_t id = OK(mq_open("/guest-name", O_RDWR | O_CREAT, 0600, &attr));
    FAILS(EEXIST, mq_open("/guest-name", O_RDWR | O_CREAT | O_EXCL, 0600, &attr));
    EXITS(0, CHILD({
        OK(setresuid(1000, 1000, 1000));
        FAILS(EACCES, mq_open("/guest-name", O_RDWR));
    }));
    mqd_t reader = OK(mq_open("/guest-name", O_RDONLY));
    FAILS(EBADF, mq_send(reader, "x", 1, 0));
    OK(mq_send(id, "x", 1, 0));
    OK(mq_unlink("/guest-name"));
    char text[8];
    EQ(1, mq_receive(reader, text, 8, NULL));
    attr.mq_maxmsg = 0;
    FAILS(EINVAL, mq_open("/guest-name", O_RDWR | O_CREAT, 0600, &attr));
}

TEST(notification_of_a_posix_queue)
{
    mqd_t id = queue(2, 8);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    OK(sigprocmask(SIG_BLOCK, &set, NULL));
    struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 5 };
    OK(mq_notify(id, &event));
    FAILS(EBUSY, mq_notify(id, &event));
    OK(mq_send(id, "x", 1, 0));
    siginfo_t info;
    struct timespec limit = { 5, 0 }, none = { 0, 0 };
    EQ(SIGUSR1, sigtimedwait(&set, &info, &limit));
    EQ(SI_MESGQ, info.si_code);
    EQ(5, info.si_value.sival_int);
    OK(mq_send(id, "y", 1, 0));
    FAILS(EAGAIN, sigtimedwait(&set, &info, &none));
}
