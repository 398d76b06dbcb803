# The static busybox as shell and tools.
cd /tmp
busybox sh -c '
    set -e
    i=0
    while [ $i -lt 200 ]; do echo "line $i $((i * i % 97))" >>numbers; i=$((i + 1)); done
    busybox sort -n -k3 numbers | busybox head -n 5
    busybox awk "{ s += \$3 } END { print s }" numbers
    busybox md5sum numbers
    busybox gzip numbers; busybox zcat numbers.gz | busybox wc -l
    busybox mkdir -p a/b/c; busybox touch a/b/c/x; busybox find a | busybox sort
    busybox tar cf t.tar a; busybox tar tf t.tar
    busybox seq 1 10 | busybox tac | busybox xargs echo
    busybox printf "%s-%03d\n" x 7
    busybox date -u -d @0
    busybox id
    trap "echo trapped" TERM; kill -TERM $$; echo after
    (busybox sleep 0.1; echo later) & wait
    busybox ps | busybox grep -c busybox >/dev/null && echo ps works
    busybox dd if=/dev/zero bs=1k count=100 2>/dev/null | busybox wc -c
    busybox stat -c "%F %s" t.tar
    busybox uname -s; busybox true; busybox false || echo false is $?
'
