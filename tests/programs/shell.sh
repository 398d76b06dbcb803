# bash itself: pipelines, traps, substitution, here-documents, arrays, limits, background jobs.
cd /tmp
exec 3<<<"from a here-string"; read -r line <&3; echo "$line"; exec 3<&-
f() { local x=$1; [ "$x" -le 1 ] && { echo 1; return; }; echo $((x * $(f $((x - 1))))); }; f 8
trap 'echo "trap USR1"' USR1; kill -USR1 $$; trap - USR1
trap 'echo "trap exit"' EXIT
(exit 3); echo $?; false | true; echo "${PIPESTATUS[@]}"; ! true; echo $?
bash -c 'kill -TERM $$'; echo $?; { bash -c 'kill -SEGV $$'; echo $? >&3; } 3>&1 2>/dev/null; bash -c 'exec nonexistent-command' 2>/dev/null; echo $?
for i in 1 2 3 4 5; do (exit "$i") & pids+=($!); done; for p in "${pids[@]}"; do wait "$p"; printf '%s ' $?; done; echo
declare -A map=([one]=1 [two]=2); for k in $(printf '%s\n' "${!map[@]}" | sort); do echo "$k=${map[$k]}"; done
diff <(seq 1 5) <(seq 1 6); echo $?
cat <<TEXT | while read -r a b; do echo "$b-$a"; done
one two
three four
TEXT
x=$(seq 1 2000 | while read -r n; do echo "$n"; done | tail -n 1); echo "$x"
seq 1 300 | xargs -n 1 -P 4 bash -c 'echo $(($0 * 2))' | sort -n | tail -n 1
coproc cat; echo through >&"${COPROC[1]}"; read -r back <&"${COPROC[0]}"; echo "$back"; eval "exec ${COPROC[1]}>&-"; wait
ulimit -n 50; ulimit -n; (ulimit -v 500000; bash -c 'echo limited')
shopt -s extglob nullglob
mkdir glob && touch glob/{a,b,c}{1..3}.{x,y} && echo glob/*[2-3].x; echo glob/!(*.x) nothing*
umask 027; touch masked; stat -c %a masked
printf '%q %05.2f %x\n' "a b" 3.14159 255; echo {1..5..2} "${x:1:2}" "${x/2/Z}" "${#x}"
set -o pipefail; false | cat; echo $?; set +o pipefail
exec 5<>/dev/null; echo lost >&5; exec 5>&-
{ sleep 100 & until [ "$(cat /proc/$!/comm)" = sleep ]; do :; done; kill $!; wait $!; echo waited $? >&3; } 3>&1 2>/dev/null
read -r -t 0.1 never </dev/tty 2>/dev/null || echo no terminal
time_out=$(timeout 1 bash -c 'while :; do :; done'; echo $?); echo "$time_out"
test -e /proc/self/fd/0 && echo proc
exit 0
