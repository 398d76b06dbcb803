# A tour of the core utilities over thousands of files.
set -e
mkdir /tmp/tour && cd /tmp/tour
for d in $(seq 1 40); do
    mkdir -p "tree/$d/deep/er"
    for f in $(seq 1 50); do
        echo "file $f in $d: $((d * f)) $((d * 7919 % f + 1))" >"tree/$d/f$f"
    done
    ln -s ../1/f1 "tree/$d/link"
    ln "tree/$d/f1" "tree/$d/deep/hard"
done
find tree | wc -l
find tree -type f -name 'f1*' | sort | head -n 5
find tree -type l | sort | tail -n 2
find tree -links 2 -type f | wc -l
find tree -type f -print0 | sort -z | xargs -0 cat | sort -k5n -k1,4 | md5sum
find tree -type f -size -1k | wc -l
find tree -newer tree/1/f1 -type d | wc -l >/dev/null
du -s --apparent-size --inodes tree
tar cf - tree | gzip -9 | tee tree.tgz | tar tzf - | sort | md5sum
mkdir copy && tar xzf tree.tgz -C copy && diff -r tree copy/tree && echo same
tar cJf tree.tar.xz tree/1 && tar tJf tree.tar.xz | wc -l
tar cjf tree.tar.bz2 tree/2 && tar tjf tree.tar.bz2 | wc -l
grep -r 'file 7 in 1[0-9]:' tree | sort | head -n 3
grep -rc . tree | awk -F: '{ n += $2 } END { print n }'
sed -n 's/^file \([0-9]*\) in 5: \([0-9]*\).*/\2 \1/p' tree/5/f* | sort -n | tail -n 3
sed -i 's/file/FILE/' tree/3/f* && head -n 1 tree/3/f9
awk '{ sum[$4 % 5] += $5 } END { for (k = 0; k < 5; k++) print k, sum[k] }' <(find tree -type f -name 'f*' | sort | xargs cat)
seq 100000 | shuf --random-source=<(yes) | sort -n | md5sum
seq 1 20 | paste - - - - | column -t 2>/dev/null || seq 1 20 | paste - - - -
join <(seq 1 10 | sed 's/$/ a/' | sort) <(seq 5 15 | sed 's/$/ b/' | sort)
comm -12 <(seq 1 10 | sort) <(seq 8 12 | sort)
seq 1 1000 | split -l 100 - part. && ls part.* | wc -l && cat part.* | md5sum
echo hello | tr a-z A-Z | rev | cut -c2-4
printf '%s\n' b a c a | sort | uniq -c
sha256sum tree/1/f1 | cut -c1-16
sha256sum tree/1/f* >sums && sha256sum -c --quiet sums && echo sums agree
stat -c '%A %h %F %s' tree/1/f1 tree/1/link tree/1
chmod 640 tree/1/f2 && chown 12:34 tree/1/f2 && stat -c '%a %u:%g' tree/1/f2
touch -d '2001-02-03 04:05:06 UTC' tree/1/f3 && TZ=UTC stat -c '%y' tree/1/f3
cp -a tree/1 one && diff <(cd one && find . -printf '%P %m %s %l\n' | sort) <(cd tree/1 && find . -printf '%P %m %s %l\n' | sort) && echo kept
mv one two && ls two | wc -l && rm -r two
dd if=/dev/urandom of=random bs=64k count=16 2>/dev/null && cp random random2 && cmp random random2 && echo equal
truncate -s 10M sparse && stat -c '%s %b' sparse && cp --sparse=always sparse sparse2 && stat -c %s sparse2
timeout 0.2 sleep 10 || echo "timeout $?"
yes | head -n 100000 | wc -c
base64 -w 40 <tree/1/f1 | base64 -d
expr 6 '*' 7; factor 1001; nl tree/1/f1; od -A d -t x1z <tree/1/f5 | head -n 2
ls -1 --sort=size tree/9 | head -n 2
readlink -f tree/7/link; realpath --relative-to=tree/7 tree/8/f3; basename /a/b.c .c; dirname /a/b.c
mktemp -u XXXXXX | wc -c; date -u -d '2020-02-29 +1 year' +%F; test -s random && echo nonempty
env -i A=1 printenv A; nice -n 5 nice; nproc >/dev/null && echo nproc; id -u; whoami; tty || true
mkfifo pipe && (echo through >pipe &) && cat pipe
ls -lR tree | awk 'NF > 8 { n++ } END { print n }'
rm -r tree copy && ls -A | wc -l
