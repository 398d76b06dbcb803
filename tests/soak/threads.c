// 200 threads on whatever CPUs there are: a locked sum, a chain of condition variables, and memory that comes and goes.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define THREADS 200
#define ROUNDS 50

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t turned[THREADS];
static int turn;
static long sum;

static void die(const char *what)
{
    printf("threads: %s\n", what);
    exit(1);
}

static void *work(void *argument)
{
    int me = (int)(long)argument;
    for (int round = 0; round < ROUNDS; round++) {
        unsigned char *page = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (page == MAP_FAILED)
            die("mmap");
        for (int i = 0; i < 16384; i += 1024)
            if (page[i] != 0)
                die("a new page is not empty");
        memset(page, me, 16384);
        pthread_mutex_lock(&lock);
        while (turn % THREADS != me)
            pthread_cond_wait(&turned[me], &lock);
        turn++;
        sum += me;
        pthread_cond_signal(&turned[turn % THREADS]);
        pthread_mutex_unlock(&lock);
        for (int i = 0; i < 16384; i++)
            if (page[i] != (unsigned char)me)
                die("a page has changed");
        if (munmap(page, 16384) != 0)
            die("munmap");
    }
    return NULL;
}

int main(void)
{
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        pthread_cond_init(&turned[i], NULL);
    for (long i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, work, (void *)i) != 0)
            die("pthread_create");
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    if (turn != THREADS * ROUNDS || sum != (long)ROUNDS * THREADS * (THREADS - 1) / 2)
        die("wrong sum");
    return 0;
}
