# shellcheck shell=bash
# What a user of ctr does. Every function is a transcript of one runtime.

both_output_and_status() {
    run --rm $image $name sh -c 'echo out; echo err >&2; exit 7' 2>errors; echo "status $?"
    cat errors
    run --rm $image $name sh -c 'kill -TERM $$; exit 3'; echo "status $?"
    { await 60 is_status RUNNING; echo typed; } | run --rm $image $name cat; echo "status $?"
    run --rm $image $name sh -c 'head -c 300000 /dev/zero' | wc -c
}

both_not_there() {
    run --rm $image $name nothere >said 2>&1; echo "status $?"
    grep -o 'exec: "nothere": executable file not found in $PATH' said
    run --rm $image $name /etc/passwd >said 2>&1; echo "status $?"
    grep -o 'permission denied' said | head -1
}
