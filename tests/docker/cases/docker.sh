# shellcheck shell=bash
# What a user of docker does. Every function is a transcript of one runtime.

long_ones=(many signals_and_restarts detached podman)

both_output_and_status() {
    run --rm $image sh -c 'echo out; echo err >&2; exit 7' 2>errors; echo "status $?"
    cat errors
    run --rm $image nothere 2>/dev/null; echo "status $?"
    run --rm $image /etc/passwd 2>/dev/null; echo "status $?"
    run --rm $image sh -c 'kill -TERM $$; exit 3'; echo "status $?"
    echo typed | run --rm -i $image cat; echo "status $?"
}

both_terminal() {
    timeout 60 script -qec "docker run --runtime $runtime --network none --rm -t $image sh -c 'tty; stty size; test -t 0 && echo terminal; exit 4'" /dev/null </dev/null |
        tr -d '\r\000' | sed 's/^[0-9]* [0-9]*$/a size/'
    echo "status ${PIPESTATUS[0]}"
    run -d --name $name $image sleep 1000 >/dev/null
    timeout 60 script -qec "docker exec -t $name sh -c 'tty; test -t 1 && echo terminal; exit 4'" /dev/null </dev/null | tr -d '\r\000'
    echo "status ${PIPESTATUS[0]}"
}

both_detached() {
    run -d --name $name $image sh -c 'echo first; trap "echo got TERM; exit 9" TERM; while :; do sleep 0.1; done' >/dev/null; echo "run $?"
    await 60 logged first
    inspect '{{.State.Status}} {{.State.Running}}'
    d exec $name sh -c 'echo in exec; exit 5'; echo "exec $?"
    echo typed | d exec -i $name cat; echo "exec -i $?"
    d exec -u 7:8 -w /tmp -e A=b $name sh -c 'id -u; id -g; pwd; echo $A'; echo "exec with flags $?"
    d exec $name nothere >/dev/null 2>&1; echo "exec of nothing $?"
    d exec -d $name sh -c 'echo detached >/tmp/made'; echo "exec -d $?"
    await 60 d exec $name test -s /tmp/made
    d stop -t 20 $name >/dev/null; echo "stop $?"
    inspect '{{.State.Status}} {{.State.ExitCode}}'
    d logs $name
    d restart $name >/dev/null; echo "restart $?"
    inspect '{{.State.Status}}'
    d exec $name cat /tmp/made; echo "the file is still there $?"
    d kill $name >/dev/null; echo "kill $?"
    await 60 stopped
    inspect '{{.State.Status}} {{.State.ExitCode}}'
    d rm $name >/dev/null; echo "rm $?"
}
logged() { d logs $name 2>&1 | grep -q "$1"; }
stopped() { [ "$(inspect '{{.State.Running}}')" = false ]; }

both_memory() {
    run --name $name --memory 64m $image sh -c 'head -c 300000000 /dev/zero | tail >/dev/null'; echo "status $?"
    inspect '{{.State.OOMKilled}} {{.State.ExitCode}}'
    d rm $name >/dev/null
    run --name $name --memory 64m $image sh -c 'exit 0'; echo "status $?"
    inspect '{{.State.OOMKilled}} {{.State.ExitCode}}'
}

both_limits() {
    run --rm --pids-limit 5 $image sh -c 'for i in 1 2 3 4 5 6 7 8; do sleep 1 & done; wait' >/dev/null 2>&1; echo "too many: $?"
    run --rm --pids-limit 20 $image sh -c 'for i in 1 2 3; do sleep 0.1 & done; wait; echo fine'
    run --rm --cpus 0.5 $image echo half; echo "status $?"
    run --rm --cpu-shares 512 --cpuset-cpus 0 $image echo shares; echo "status $?"
    run --rm --ulimit nofile=77:88 $image sh -c 'ulimit -n; ulimit -Hn'
}

both_files() {
    mkdir -p shared
    echo from the host >shared/in
    run --rm --read-only $image sh -c 'touch /x 2>/dev/null || echo read-only'
    run --rm -v "$work/shared:/data" $image sh -c 'cat /data/in; echo from the container >/data/out'
    cat shared/out
    run --rm -v "$work/shared:/data:ro" $image sh -c 'touch /data/x 2>/dev/null || echo read-only'
    run --rm --tmpfs /scratch $image sh -c 'echo x >/scratch/y && cat /scratch/y; grep -c "/scratch tmpfs" /proc/mounts'
    run --rm --mount type=volume,source=vol,target=/vol $image sh -c 'echo kept >/vol/file'
    run --rm --mount type=volume,source=vol,target=/vol $image cat /vol/file
    d volume rm vol >/dev/null; echo "volume rm $?"
}

both_identity() {
    run --rm --user 12:34 $image sh -c 'id -u; id -g'
    run --rm --group-add 56 $image sh -c 'id -G'
    run --rm --cap-drop ALL $image sh -c 'grep CapEff /proc/self/status'
    run --rm --cap-drop ALL --cap-add NET_RAW $image sh -c 'grep CapEff /proc/self/status'
    run --rm $image sh -c 'grep CapEff /proc/self/status'
    run --rm --env A=b --env C=d --workdir /tmp $image sh -c 'echo $A $C; pwd'
    run --rm --hostname somebody $image hostname
    run --rm --security-opt no-new-privileges $image sh -c 'grep NoNewPrivs /proc/self/status'
    run --rm $image sh -c 'ls -d /dev/null /dev/pts /dev/shm /proc/self /sys/class; cat /etc/hostname | wc -c'
}

both_copy() {
    run -d --name $name $image sh -c 'echo made inside >/tmp/inside; while :; do sleep 0.1; done' >/dev/null
    await 60 d exec $name test -s /tmp/inside
    d cp $name:/tmp/inside copied; echo "cp out $?"
    cat copied
    echo made outside >outside
    d cp outside $name:/tmp/outside; echo "cp in $?"
    d exec $name cat /tmp/outside; echo "seen $?"
    d diff $name | grep -c /tmp/inside
}

both_top_stats_pause() {
    run -d --name $name $image sh -c 'while :; do sleep 0.1; done' >/dev/null
    d top $name >top; echo "top $?"
    [ "$(wc -l <top)" -ge 2 ] && echo "there is a process"
    d stats --no-stream --format '{{.Name}} {{.MemUsage}} {{.PIDs}}' $name >stats; echo "stats $?"
    awk '{print $1, ($2 + 0 > 0), ($NF + 0 > 0)}' stats
    d pause $name >/dev/null; echo "pause $?"
    inspect '{{.State.Status}}'
    d exec $name true 2>/dev/null; echo "exec while paused $?"
    d unpause $name >/dev/null; echo "unpause $?"
    d exec $name true; echo "exec $?"
}

both_health() {
    run -d --name $name --health-cmd 'test -e /tmp/healthy' --health-interval 1s --health-retries 3 $image \
        sh -c 'sleep 1; touch /tmp/healthy; while :; do sleep 0.1; done' >/dev/null
    await 60 healthy
    inspect '{{.State.Health.Status}}'
}
healthy() { [ "$(inspect '{{.State.Health.Status}}')" = healthy ]; }

both_pair() {
    run -d --name one -v pair:/data $image sh -c 'while [ ! -e /data/request ]; do sleep 0.1; done; echo answer >/data/answer' >/dev/null
    run --rm -v pair:/data $image sh -c 'touch /data/request; i=0; while [ ! -s /data/answer ] && [ $i -lt 100 ]; do sleep 0.1; i=$((i + 1)); done; cat /data/answer'
    d wait one
    d rm -v one >/dev/null
    d volume rm pair >/dev/null; echo "volume rm $?"
}

both_many() {
    local i
    for i in $(seq 1 "${DOCKER_MANY:-50}"); do
        run --rm $image echo "number $i" >"many.$i" 2>&1 &
    done
    wait
    cat many.* | sort -n -k 2
    await 120 nobody
    d ps -aq | wc -l
}
nobody() { [ -z "$(d ps -aq)" ]; }
