# make -j2 of a small project, incremental builds, failure.
set -e
mkdir /tmp/project && cd /tmp/project
for i in $(seq 1 24); do
    printf 'int f%d(int x) { return x * %d; }\n' "$i" "$i" >"f$i.c"
done
{
    echo '#include <stdio.h>'
    for i in $(seq 1 24); do echo "int f$i(int);"; done
    echo 'int main(void) { int s = 0;'
    for i in $(seq 1 24); do echo "s += f$i($i);"; done
    echo 'printf("%d\n", s); return 0; }'
} >main.c
cat >Makefile <<'MAKE'
objects := $(patsubst %.c,%.o,$(sort $(wildcard *.c)))
program: $(objects)
	@echo linking
	@gcc -o $@ $^
%.o: %.c
	@gcc -O1 -c -o $@ $<
clean:
	@rm -f program *.o
broken:
	@exit 3
.PHONY: clean broken
MAKE
make -j2 && ./program && ls *.o | wc -l
make -j2
sleep 0.05; touch f7.c && make -j2
make broken 2>&1 | sed 's/^make[^:]*: //' || true
make clean && ls | wc -l
make -j2 -s && ./program
