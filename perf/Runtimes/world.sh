# A root for one run: an overlay in memory over ROOT, at WORK/root, in the mount and process name spaces that the caller made;
# it goes when they go. Then COMMAND takes this shell's place or, with a count, runs so many times under a clock.
# usage: world.sh WORK ROOT COUNT COMMAND...     COUNT 0: no clock
#        world.sh WORK ROOT COUNT --life BUNDLE ID RUNTIME...     a container's life in four steps, as engines drive it
set -eu
work=$1 root=$2 count=$3
shift 3
mkdir -p "$work/memory" "$work/root"
mount -t tmpfs none "$work/memory"
mkdir "$work/memory/upper" "$work/memory/inner"
mount -t overlay none -o "lowerdir=$root,upperdir=$work/memory/upper,workdir=$work/memory/inner" "$work/root"
[ "$count" -gt 0 ] || exec "$@"
mkfifo "$work/never"
exec 9<>"$work/never"

life() { # BUNDLE ID RUNTIME...
    local bundle=$1 id=$2 pid
    shift 2
    "$@" create --bundle "$bundle" --pid-file "$work/pid" "$id" </dev/null
    read -r pid <"$work/pid"
    "$@" start "$id"
    while kill -0 "$pid" 2>/dev/null; do
        read -rt 0.001 -u 9 || true # a millisecond
    done
    "$@" delete "$id"
}

if [ "$1" = --life ]; then
    shift
    set -- life "$@"
fi
for ((i = 0; i < count; i++)); do
    start=${EPOCHREALTIME/./}
    "$@" >/dev/null
    end=${EPOCHREALTIME/./}
    echo "elapsed-us $((end - start))"
done
