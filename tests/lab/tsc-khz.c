// The frequency of this machine's time-stamp counter in kHz, whoever else is running: each end of the span is the reading
// that took least time of many.
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <x86intrin.h>

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_RAW, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void read_both(uint64_t *ticks, int64_t *ns)
{
    uint64_t least = UINT64_MAX;
    for (int i = 0; i < 1000; i++) {
        uint64_t before = __rdtsc();
        int64_t at = now_ns();
        uint64_t after = __rdtsc();
        if (after - before < least) {
            least = after - before;
            *ticks = before + least / 2;
            *ns = at;
        }
    }
}

int main(void)
{
    uint64_t first, last;
    int64_t start, end;
    struct timespec span = {0, 200 * 1000 * 1000};
    read_both(&first, &start);
    nanosleep(&span, NULL);
    read_both(&last, &end);
    printf("%lu\n", (unsigned long)((last - first) * 1000000 / (uint64_t)(end - start)));
    return 0;
}
