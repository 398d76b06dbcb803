# shellcheck shell=bash
# The cases of a suite shared out among parts, each with PID and mount name spaces and a daemon of its own. Sourced by the
# suite's runner, which runs once as the whole and once more for each part ($PART is its number, $PARTS the folder of all).

# The whole: starts the parts, adds up their tallies and removes whatever they made, also when they or it were killed.
# $verbose, $tally and $filter are the runner's.
run_parts() { # suite count
    local suite=$1 count=$2
    mkdir -p "$top/.cache/$suite"
    PARTS=$(mktemp -d "$top/.cache/$suite/run.XXXXXX")
    export PARTS
    # A group of its own in every hierarchy; those of the containers are below.
    export GROUP=runsc-$suite-${PARTS##*.}
    parts=()
    trap end_parts EXIT
    trap 'exit 130' INT TERM HUP
    local part words=()
    [ "$verbose" = no ] || words+=(-v)
    for part in $(seq 1 "$count"); do
        PART=$part unshare --pid --fork --kill-child --mount-proc --mount --propagation private \
            "${BASH_SOURCE[1]}" "${words[@]}" "$filter" &
        parts+=($!)
    done
    local pid passed=0 failed=0 lost=0
    for pid in "${parts[@]}"; do wait "$pid" || lost=$((lost + 1)); done
    passed=$(cat "$PARTS"/result.* 2>/dev/null | grep -c '^ok' || true)
    failed=$(cat "$PARTS"/result.* 2>/dev/null | grep -c '^FAIL' || true)
    if [ "$lost" -ne 0 ] && [ "$failed" -eq 0 ]; then
        echo "$suite: FAIL: $lost of $count parts ended without a result"
        failed=$lost
    fi
    echo "$suite: $passed ok, $failed not ok"
    [ -z "$tally" ] || printf '%s %s\n' "$passed" "$failed" >"$tally"
    [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
}

# What is in a part's PID name space dies with its first process.
end_parts() {
    local pid try
    for pid in "${parts[@]}"; do kill "$pid" 2>/dev/null || true; done
    for pid in "${parts[@]}"; do wait "$pid" 2>/dev/null || true; done
    for try in $(seq 1 100); do
        find /sys/fs/cgroup -depth -type d -path "*/$GROUP*" -exec rmdir {} + 2>/dev/null || true
        [ -n "$(find /sys/fs/cgroup -type d -path "*/$GROUP*" -print -quit 2>/dev/null)" ] || break
        sleep 0.1
    done
    rm -rf "$PARTS"
}

# --- what a part uses

# The next word of those given that no part has had; nothing when there is none.
take() { # words...
    local at
    {
        flock 9
        at=$(cat "$PARTS/taken" 2>/dev/null || echo 0)
        echo $((at + 1)) >"$PARTS/taken"
    } 9>"$PARTS/lock"
    shift "$((at < $# ? at : $#))"
    printf '%s' "${1-}"
}

# True for the part that is the last to ask.
is_last() { # count
    local at
    {
        flock 9
        at=$(cat "$PARTS/done" 2>/dev/null || echo 0)
        echo $((at + 1)) >"$PARTS/done"
    } 9>"$PARTS/lock"
    [ "$at" -eq $(($1 - 1)) ]
}

# A result: what stands behind FAIL is shown.
conclude() { # ok|FAIL name text...
    local verdict=$1 name=$2
    shift 2
    echo "$verdict $name" >>"$PARTS/result.$PART"
    if [ "$verdict" = FAIL ] || [ "$verbose" = yes ]; then echo "$suite/$name: $verdict${*:+: $*}"; fi
}

# The part cannot do its work: that is a failure, said once.
give_up() { # why
    conclude FAIL daemon "$*"
    exit 1
}
