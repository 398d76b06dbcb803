# gcc compiles, links and runs: static, dynamic, shared objects, threads, optimised, with errors.
set -e
cd /tmp
cat >hello.c <<'C'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <pthread.h>
#include <math.h>
static int compare(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }
static void *work(void *n) { double s = 0; for (int i = 1; i < 100000; i++) s += sqrt(i) * (long)n; return (void *)(long)s; }
int main(int argc, char **argv)
{
    int v[1000]; for (int i = 0; i < 1000; i++) v[i] = i * 7919 % 1009;
    qsort(v, 1000, sizeof *v, compare);
    pthread_t t[4]; void *r; long sum = 0;
    for (long i = 0; i < 4; i++) pthread_create(&t[i], 0, work, (void *)i);
    for (int i = 0; i < 4; i++) { pthread_join(t[i], &r); sum += (long)r; }
    printf("%s %d %d %d %ld\n", argc > 1 ? argv[1] : "-", v[0], v[500], v[999], sum);
    return argc;
}
C
gcc -O2 -o dynamic hello.c -lm -pthread && ./dynamic one || echo "status $?"
gcc -O0 -g -static -o static hello.c -lm -pthread && { ./static || echo "status $?"; }
cat >lib.c <<'C'
int counter; int bump(int by) { return counter += by; }
C
cat >use.c <<'C'
#include <dlfcn.h>
#include <stdio.h>
int bump(int);
int main(void) { bump(3); void *h = dlopen("./libbump.so", RTLD_NOW); int (*f)(int) = dlsym(h, "bump"); printf("%d %s\n", f(4), dlsym(h, "none") ? "?" : "no such symbol"); return 0; }
C
gcc -shared -fPIC -o libbump.so lib.c && gcc -o use use.c -L. -lbump -Wl,-rpath,'$ORIGIN' && ./use
gcc -c hello.c && ar rcs libhello.a hello.o && nm libhello.a | grep ' T ' && size hello.o | awk 'NR > 1 { print NF }'
echo 'int main(void) { return missing; }' >bad.c; gcc bad.c 2>&1 | head -n 2 || true
gcc -E -dM -x c /dev/null | grep -c __x86_64__ || true
gcc -S -O2 -o - lib.c | grep -c bump || true
strip dynamic && ./dynamic stripped || true
objdump -f dynamic | sed -n 2p; readelf -h static | grep Type; file static | cut -d, -f1-2
echo 'int main(void) { int *p = 0; return *p; }' | gcc -x c -o crash - && ulimit -c 0
{ ./crash || echo "status $?"; } 2>/dev/null
