# A root for one run: an overlay in memory over ROOT, at WORK/root, in the mount and process name spaces that the caller made;
# it goes when they go. Then COMMAND takes this shell's place or, with a count, runs so many times under CLOCK (perf/guest/clock.c).
# usage: world.sh WORK ROOT CLOCK COUNT COMMAND...     COUNT 0: no clock
set -eu
work=$1 root=$2 clock=$3 count=$4
shift 4
mkdir -p "$work/memory" "$work/root"
mount -t tmpfs none "$work/memory"
mkdir "$work/memory/upper" "$work/memory/inner"
mount -t overlay none -o "lowerdir=$root,upperdir=$work/memory/upper,workdir=$work/memory/inner" "$work/root"
[ "$count" -eq 0 ] || exec "$clock" "$count" "$@"
exec "$@"
