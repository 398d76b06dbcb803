# shellcheck shell=bash
# Terminals driven by a user, limits as the host and the container see them, restarts.

at_keyboard() { timeout 150 python3 "$here/../keyboard.py" "$@" </dev/null; }

both_keyboard() {
    at_keyboard '# ' '?echo si\x22\x22ze `stty size`\r=size 24 80' '@33,44?echo si\x22\x22ze `stty size`\r=size 33 44' \
        '<sh -c "echo re\x27\x27ady; exec sleep 1000"\r' ready '<\x03' '<echo sta\x22\x22tus $?\r' 'status 130' '<tty; exit 9\r' /dev/pts/0 \
        -- docker run --runtime "$runtime" --network none --rm -it $image sh
    run -d --name $name $image sleep 1000 >/dev/null
    at_keyboard '# ' '<id -u; exit 3\r' 0 -- docker exec -it $name sh
    d rm -f $name >/dev/null
    # Away from the terminal and back to it.
    at_keyboard '# ' '<X=kept\r' '# ' '<\x10\x11' -- docker run --runtime "$runtime" --network none --name $name -it $image sh
    inspect '{{.State.Status}}'
    at_keyboard '<echo ag\x22\x22ain $X\r' 'again kept' '<exit 6\r' -- docker attach $name
    inspect '{{.State.Status}} {{.State.ExitCode}}'
}

both_init() {
    run --rm --init $image sh -c 'cat /proc/1/comm; tr "\000" " " </proc/1/cmdline | cut -d " " -f 1'
    run --rm --init $image sh -c 'exit 8'; echo "status $?"
    run -d --name $name --init $image sh -c 'sh -c "sleep 0.1 &"; echo ready; exec sleep 1000' >/dev/null
    await 60 logged ready
    # The orphan is reaped: what is left is init and the program.
    await 60 one_sleeper
    d stop -t 30 $name >/dev/null; echo "stop $?"
    inspect '{{.State.ExitCode}}'
}
one_sleeper() { [ "$(d exec $name sh -c 'cat /proc/[0-9]*/comm' | grep -c sleep)" = 1 ]; }

# What the host has for the running container in one control file, whichever hierarchy has it.
host_file() { cat /sys/fs/cgroup/*/"$group/$(inspect '{{.Id}}')/$1" 2>/dev/null || cat "/sys/fs/cgroup/$group/$(inspect '{{.Id}}')/$2"; }

both_cpu_quota() {
    run -d --name $name --cpus 0.5 --cpu-shares 300 --cpuset-cpus 0 $image sh -c 'echo ready; exec sleep 1000' >/dev/null; echo "run $?"
    await 60 logged ready
    host_file cpu.cfs_quota_us cpu.max
    host_file cpu.shares cpu.weight
    host_file cpuset.cpus cpuset.cpus
    d exec $name nproc
    # Nothing inside asks for the processor: nothing outside spins.
    local before after
    before=$(host_file cpuacct.usage cpu.stat | grep -o '[0-9]*' | head -1)
    sleep 3
    after=$(host_file cpuacct.usage cpu.stat | grep -o '[0-9]*' | head -1)
    [ $((after - before)) -lt 300000000 ] && echo "idle"
    d update --cpus 0.25 $name >/dev/null; echo "update $?"
    host_file cpu.cfs_quota_us cpu.max
    d exec $name sh -c 'i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); done; echo worked'
}

both_limits_inside() {
    run --rm --memory 64m --memory-swap 64m $image sh -c 'head -c 30000000 /dev/zero | tail | wc -c'; echo "status $?"
    run -d --name $name --memory 64m $image sh -c 'echo ready; exec sleep 1000' >/dev/null
    await 60 logged ready
    d update --memory 128m --memory-swap 128m $name >/dev/null; echo "update $?"
    d exec $name sh -c 'head -c 80000000 /dev/zero | tail | wc -c'; echo "status $?"
    d rm -f $name >/dev/null
    run --rm --shm-size 3m $image sh -c 'df -k /dev/shm | tail -1 | tr -s " " | cut -d " " -f 2'
    run --rm --sysctl kernel.msgmax=4096 $image cat /proc/sys/kernel/msgmax
    run --rm --ulimit core=0 --ulimit nproc=99:100 --ulimit stack=1000000 $image sh -c 'ulimit -c; ulimit -s; grep processes /proc/self/limits'
    run --rm --oom-score-adj 77 $image cat /proc/self/oom_score_adj
}

both_signals_and_restarts() {
    run -d --name $name --stop-signal USR1 $image sh -c 'trap "echo got USR1; exit 5" USR1; trap "echo got HUP" HUP; echo ready; while :; do sleep 0.1; done' >/dev/null
    await 60 logged ready
    d kill -s HUP $name >/dev/null; echo "kill $?"
    await 60 logged 'got HUP'
    d stop -t 30 $name >/dev/null; echo "stop $?"
    inspect '{{.State.ExitCode}}'
    d start $name >/dev/null; echo "start $?"
    await 60 ready_twice
    timeout 60 docker wait $name >waited &
    d kill $name >/dev/null; echo "kill $?"
    wait
    cat waited
    d rm $name >/dev/null
    run -d --name $name --restart on-failure:2 $image sh -c 'echo run; exit 4' >/dev/null; echo "run $?"
    await 60 gave_up
    inspect '{{.RestartCount}} {{.State.Status}} {{.State.ExitCode}}'
    d logs $name
    d rm $name >/dev/null
    run -d --name $name $image sh -c 'i=0; while [ $i -lt 300 ]; do echo "line $i"; i=$((i + 1)); done' >/dev/null
    timeout 60 docker logs -f $name | tail -1
}
ready_twice() { [ "$(d logs $name | grep -c ready)" = 2 ]; }
gave_up() { [ "$(inspect '{{.RestartCount}} {{.State.Status}}')" = '2 exited' ]; }

both_unhealthy() {
    run -d --name $name --health-cmd 'echo broken; exit 1' --health-interval 1s --health-retries 2 $image sleep 1000 >/dev/null
    await 60 unhealthy
    inspect '{{.State.Health.Status}} {{with index .State.Health.Log 0}}{{.ExitCode}} {{.Output}}{{end}}'
}
unhealthy() { [ "$(inspect '{{.State.Health.Status}}')" = unhealthy ]; }

both_trees() {
    mkdir -p tree/below
    echo one >tree/a; echo two >tree/below/b; ln -s a tree/link; chmod 751 tree/below
    run -d --name $name $image sleep 1000 >/dev/null
    d cp tree $name:/tmp; echo "cp in $?"
    d exec $name sh -c 'cd /tmp/tree; cat a below/b link; stat -c %a below; rm a; echo three >below/c'
    rm -rf back
    d cp $name:/tmp/tree back; echo "cp out $?"
    (cd back; find . | sort; cat below/c)
    d kill $name >/dev/null
    d cp $name:/tmp/tree/below/c after; echo "cp of a stopped one $?"
    cat after
    d commit $name made >/dev/null; echo "commit $?"
    run --rm made cat /tmp/tree/below/c
    d rmi -f made >/dev/null
    rm -rf tree back after
}

both_oom_event() {
    # The signal comes from the host: an exec would take memory of the group itself.
    mkdir -p signal
    rm -f signal/go
    run -d --name $name -v "$work/signal:/signal" --memory 48m $image sh -c 'while [ ! -e /signal/go ]; do sleep 0.1; done; sh -c "head -c 200000000 /dev/zero | tail >/dev/null"; echo "inside $?"; sleep 1000' >/dev/null
    # What was before the client listens counts too.
    timeout 60 docker events --since "$(($(date +%s) - 1))" --filter "container=$name" --filter event=oom --format '{{.Action}}' >events &
    touch signal/go
    await 60 logged inside
    d logs $name 2>/dev/null | grep inside
    await 60 grep -q oom events
    kill %1 2>/dev/null
    sort -u events
    inspect '{{.State.Status}}'
}
