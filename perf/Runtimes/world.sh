# A root for one run: an overlay in memory over ROOT, at WORK/root, in the mount and process name spaces that the caller made;
# it goes when they go. Then COMMAND takes this shell's place or, with a count, runs so many times under a clock.
# usage: world.sh WORK ROOT COUNT COMMAND...     COUNT 0: no clock
set -eu
work=$1 root=$2 count=$3
shift 3
mkdir -p "$work/memory" "$work/root"
mount -t tmpfs none "$work/memory"
mkdir "$work/memory/upper" "$work/memory/inner"
mount -t overlay none -o "lowerdir=$root,upperdir=$work/memory/upper,workdir=$work/memory/inner" "$work/root"
[ "$count" -gt 0 ] || exec "$@"
for ((i = 0; i < count; i++)); do
    start=${EPOCHREALTIME/./}
    "$@" >/dev/null
    end=${EPOCHREALTIME/./}
    echo "elapsed-us $((end - start))"
done
