# shellcheck shell=bash
# What a user of ctr does. Every function is a transcript of one runtime.

long_ones=(both_exec both_pod_of_two shim_killed_at_any_moment both_signals)

both_output_and_status() {
    run --rm $image $name sh -c 'echo out; echo err >&2; exit 7' 2>errors; echo "status $?"
    cat errors
    run --rm $image $name sh -c 'kill -TERM $$; exit 3'; echo "status $?"
    { await 60 is_status RUNNING; echo typed; } | run --rm $image $name cat; echo "status $?"
    run --rm $image $name sh -c 'head -c 300000 /dev/zero' | wc -c
}

both_not_there() {
    run --rm $image $name nothere >said 2>&1; echo "status $?"
    grep -o 'exec: "nothere": executable file not found in $PATH' said | head -1
    run --rm $image $name /etc/passwd >said 2>&1; echo "status $?"
    grep -o 'permission denied' said | head -1
}

both_terminal() {
    on_terminal /dev/pts/0 terminal -- run -t --rm $image $name sh -c 'tty; test -t 0 && echo ter""minal; exit 4'
    on_terminal '?echo si\x22\x22ze `stty size`\r=size 24 80' '@33,44?echo si\x22\x22ze `stty size`\r=size 33 44' '<exit 3\r' \
        -- run -t --rm $image $name sh
    run -d $image $name >/dev/null
    on_terminal /dev/pts/0 terminal -- c task exec -t --exec-id one $name sh -c 'tty; test -t 1 && echo ter""minal; exit 5'
}

on_terminal() { # step... -- run|c word...
    local steps=() words
    while [ "$1" != -- ]; do steps+=("$1"); shift; done
    shift
    # In the foreground of its terminal.
    words=$(declare -f run c | sed 's,timeout -k 5 180,timeout --foreground -k 5 100,')
    timeout 150 python3 "$here/../keyboard.py" "${steps[@]}" \
        -- bash -c "work=$work socket=$socket runtime=$runtime; $words; \"\$@\"" on-terminal "$@" </dev/null
}

both_exec() {
    run -d $image $name; echo "run $?"
    status
    c task exec --exec-id one $name sh -c 'echo in exec; echo err >&2; exit 5' 2>errors; echo "exec $?"
    cat errors
    { await 60 is_started two; echo typed; } | c task exec --exec-id two $name sh -c 'echo on >/tmp/two; cat'; echo "exec with input $?"
    c task exec --exec-id three --cwd /tmp --user 7:8 $name sh -c 'pwd; id -u; id -g'; echo "exec with flags $?"
    c task exec --exec-id four $name nothere >said 2>&1; echo "exec of nothing $?"
    c task exec --exec-id five $name true; echo "exec $?"
    c task exec -d --fifo-dir "$work" --exec-id six $name sleep 1000000; echo "exec detached $?"
    await 60 c task ps $name
    c task kill --exec-id six -s KILL $name; echo "kill of the exec $?"
    c task kill -s KILL $name; echo "kill $?"
    await 60 is_status STOPPED
    status
    c task rm $name; echo "rm $?"
    c container rm $name; echo "container rm $?"
}
is_started() { c task exec --exec-id look $name test -e /tmp/$1; }

both_signals() {
    run -d $image $name sh -c 'trap "exit 9" TERM; trap "touch /tmp/usr1" USR1; touch /tmp/ready; while :; do sleep 0.1; done'
    await 60 is_started ready
    c task kill -s USR1 $name; echo "USR1 $?"
    await 60 is_started usr1
    c task kill -s TERM $name; echo "TERM $?"
    await 60 is_status STOPPED
    c task kill -s TERM $name 2>said; echo "to a stopped one $?"
    grep -o 'process already finished: not found' said
    c task rm $name; echo "rm $?"
    run -d $image other; echo "run $?"
    c task rm other 2>/dev/null; echo "rm of a running one $?"
    c task rm -f other; echo "rm -f $?"
}

both_pause() {
    run -d $image $name sh -c 'while :; do echo x >>/tmp/count; sleep 0.05; done'
    c task pause $name; echo "pause $?"
    status
    c task resume $name; echo "resume $?"
    status
    c task exec --exec-id one $name true; echo "exec $?"
}

both_metrics() {
    run -d --memory-limit 100000000 $image $name
    c task metrics --format json $name >metrics; echo "metrics $?"
    python3 - metrics <<'EOF'
import json, sys
numbers = json.load(open(sys.argv[1]))
print("pids", numbers["pids"]["current"] >= 1)
print("processor time", numbers["cpu"]["usage"]["total"] > 0)
print("memory", 0 < numbers["memory"]["usage"]["usage"] <= numbers["memory"]["usage"]["limit"])
EOF
    c task metrics $name | awk '/pids.current|memory.usage_in_bytes|cpuacct.usage/ { print $1, $2 > 0 }' | sort -u
}

both_files() {
    mkdir -p shared
    echo from the host >shared/in
    run --rm --mount type=bind,src="$work/shared",dst=/data,options=rbind:rw $image $name \
        sh -c 'cat /data/in; echo from the container >/data/out; touch /made && ls /made'
    cat shared/out
    run --rm --read-only $image $name sh -c 'touch /x 2>/dev/null || echo read-only'
    run --rm --env A=b --cwd /tmp $image $name sh -c 'echo $A; pwd'
    mkdir -p rootfs/bin && cp "$(command -v busybox)" rootfs/bin/
    run --rm --rootfs "$work/rootfs" $name /bin/busybox echo a root of its own
}

# Events of containerd go to the file until forget_events; returns when there are some.
hear_events() {
    : >events
    timeout -k 5 300 ctr -a "$socket" events >>events 2>&1 &
    listener=$!
    await 60 heard
}
heard() { c namespaces create probe; c namespaces rm probe; grep -q /namespaces/ events; }
forget_events() { kill "$listener"; wait "$listener" 2>/dev/null; }

both_events() {
    hear_events
    run -d $image $name
    c task exec --exec-id one $name true
    c task pause $name
    c task resume $name
    c task kill -s KILL $name
    await 60 is_status STOPPED
    c task rm $name
    await 60 grep -q '/tasks/delete' events
    forget_events
    awk '{ for (i = 1; i <= NF; i++) if ($i ~ "^/tasks/") print $i }' events
    grep -o '"container_id":"case","id":"[a-z]*"' events
}

both_oom() {
    hear_events
    run --memory-limit 67108864 $image $name sh -c 'head -c 300000000 /dev/zero | tail >/dev/null; echo survived' 2>errors
    echo "status $?"
    # Apart: each stream has a pipe of its own.
    cat errors
    await 60 grep -q '/tasks/oom' events
    forget_events
    grep -o '/tasks/oom' events | sort -u
}

both_together() {
    local n jobs=()
    for n in 1 2 3 4 5 6; do
        run --rm $image many$n sh -c "echo number $n; exit $n" >together$n & jobs+=($!)
    done
    for n in 1 2 3 4 5 6; do
        wait "${jobs[$((n - 1))]}"; echo "$(cat together$n): $?"
    done
}
