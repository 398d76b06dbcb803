# Each operation in ten short turns instead of one long: a machine that is slow for a good part of a second, as one with a busy
# neighbour on the same core is, is slow for some of its turns and not for all.
# usage: run.sh CALLS KIND...
calls=$1
shift
for turn in 1 2 3 4 5 6 7 8 9 10; do
    "$calls" -t 10 "$@" || exit
done
