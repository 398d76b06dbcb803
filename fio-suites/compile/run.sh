# Makes a project of twelve small files in /tmp and builds it once, on the clock.
set -e
mkdir /tmp/project
cd /tmp/project
for n in {1..12}; do
    printf '#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n#include <sys/socket.h>\n' >part$n.c
    for f in {1..40}; do
        printf 'int part%d_%d(char *s, int n) { while (n-- > 0) s[n %% 7] += strlen(s) * %d; return atoi(s); }\n' $n $f $f
    done >>part$n.c
done
printf 'int main(void) { return 0; }\n' >main.c
printf 'objects = main.o %s\nall: $(objects)\n\tgcc -o all $(objects)\n' "$(echo part{1..12}.o)" >Makefile
/tools/clock 1 make -s -j2 CFLAGS=-O1
./all
