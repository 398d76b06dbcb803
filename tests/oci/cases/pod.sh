# shellcheck shell=bash
# Several containers in one sandbox, by the annotations of Kubernetes' engines.

# The bundle of a member of a pod: name type words...; $CONFIG as for bundle.
pod_bundle() {
    local name=$1 type=$2
    shift 2
    CONFIG="c['annotations'] = {'io.kubernetes.cri.container-type': '$type', 'io.kubernetes.cri.sandbox-id': 'pod'}
c['hostname'] = '${POD_HOST-thepod}'
c['linux']['cgroupsPath'] = '/runsc-oci-test-$name'
${CONFIG-}" bundle "$@"
    rm -rf "$work/bundle-$name"
    mv "$work/bundle" "$work/bundle-$name"
}

pod_create() { # name: its output goes to a file
    r create --bundle "$work/bundle-$1" "$1" >"$work/out-$1" 2>&1 </dev/null
}

pod_begin() {
    pod_bundle pod sandbox sleep 1000000
    pod_create pod || fail "no sandbox: $(cat "$work/out-pod")"
    r start pod
}

pod_run() { # name words...
    local name=$1
    shift
    pod_bundle "$name" container "$@"
    pod_create "$name" || fail "no $name: $(cat "$work/out-$name")"
    r start "$name" || fail "$name does not start: $(cat "$work/out-$name")"
}

exit_of() { r wait "$1" | sed 's/.*"exitStatus":\([0-9]*\).*/\1/'; }
count_sentries() { pgrep -fc 'runsc-sandbox boot'; }

case_pod_has_containers_of_their_own() {
    pod_begin
    pod_run one sh -c 'echo $$; hostname; echo mine >/tmp/x; ls /bin/sh; exit 7'
    equal 7 "$(exit_of one)"
    equal "1 thepod /bin/sh" "$(tr '\n' ' ' <"$work/out-one" | sed 's/ $//')"
    reach one stopped
    pod_run two sh -c 'ls /tmp; echo ready; sleep 1000000'
    await 20 grep -q ready "$work/out-two" || fail "two says $(cat "$work/out-two")"
    equal ready "$(cat "$work/out-two")"
    equal 1 "$(count_sentries)"
    equal running "$(status_of pod)"
    r delete one
    equal 1 "$(r ps two | tail -n +2 | wc -l)"
    r kill two KILL
    equal 137 "$(exit_of two)"
    r delete two
    r delete --force pod
}

case_pod_exec_signals_and_streams() {
    pod_begin
    pod_run one sh -c 'trap "echo got it; exit 9" TERM; echo up; while :; do sleep 0.1; done'
    await 20 grep -q up "$work/out-one" || fail "one says $(cat "$work/out-one")"
    equal "in two words" "$(r exec one echo in two words)"
    equal typed "$(echo typed | r exec one cat)"
    local status=0
    r exec one sh -c 'exit 5' || status=$?
    equal 5 "$status"
    equal thepod "$(r exec one hostname)"
    [[ $(r exec one ps) == *'trap'* ]] || fail "ps inside does not show the first process"
    [[ $(r exec one ps) != *1000000* ]] || fail "ps inside shows the sandbox"
    r events --stats one | grep -q '"pids":{"current":[1-9]' || fail "no statistics"
    r kill one TERM
    equal 9 "$(exit_of one)"
    grep -q 'got it' "$work/out-one" || fail "one says $(cat "$work/out-one")"
    r delete one
    r delete --force pod
}

counted() { # name count: its output has more lines than that
    [ "$(wc -l <"$work/out-$1")" -gt "$2" ]
}

case_pod_pauses_one_container() {
    pod_begin
    pod_run one sh -c 'while :; do echo; sleep 0.05; done'
    pod_run two sh -c 'while :; do echo; sleep 0.05; done'
    await 20 counted one 0 || fail "one does not begin"
    r pause one || fail "pause"
    equal "paused running running" "$(status_of one) $(status_of two) $(status_of pod)"
    ! r exec one true 2>/dev/null || fail "exec in a paused container"
    local lines
    lines=$(wc -l <"$work/out-one")
    await 20 counted two $(($(wc -l <"$work/out-two") + 10)) || fail "two stands still too"
    equal "$lines" "$(wc -l <"$work/out-one")"
    r resume one || fail "resume"
    await 20 counted one "$lines" || fail "one does not go on"
    r pause pod || fail "pause of the sandbox"
    lines=$(cat "$work/out-one" "$work/out-two" | wc -l)
    sleep 0.5
    equal "$lines" "$(cat "$work/out-one" "$work/out-two" | wc -l)"
    r resume pod
    await 20 counted one "$(wc -l <"$work/out-one")" || fail "one does not go on with its sandbox"
    r pause one
    r delete --force one || fail "delete of a paused container"
    r kill two KILL
    reach two stopped
    r delete two
    r delete --force pod
}

case_pod_limits_the_tasks_of_one_container() {
    pod_begin
    CONFIG='c["linux"]["resources"] = {"pids": {"limit": 4}}' \
        pod_run one sh -c 'for i in 1 2 3 4 5; do sleep 1000 & done; echo done'
    await 20 grep -q "can't fork" "$work/out-one" || fail "one says $(cat "$work/out-one")"
    pod_run two sh -c 'for i in 1 2 3 4 5; do sleep 1000 & done; echo done; sleep 1000000'
    await 20 grep -q done "$work/out-two" || fail "two says $(cat "$work/out-two")"
    r update --pids-limit 7 two
    equal 7 "$(r events --stats two | number data pids limit)"
    ! r exec two sh -c 'sleep 3 & sleep 3' >/dev/null 2>&1 || fail "the limit of tasks does not hold"
    r kill two KILL
    reach two stopped
    r delete two
    r delete --force one
    r delete --force pod
}

# Takes more memory than there is, in a process of its own: its last line is that one's status.
eater='head -c 150000000 /dev/zero | tail >/dev/null; echo "eaten $?"'
has_eaten() { # name: how often, the status
    [ "$(grep -c "^eaten $3\$" "$work/out-$1")" = "$2" ]
}
host_heard() { # name: the host tells of an out-of-memory event of its group
    ! [ -d /sys/fs/cgroup/memory ] || grep -q '^oom_kill [1-9]' "/sys/fs/cgroup/memory/runsc-oci-test-$1/memory.oom_control"
}

case_pod_limits_the_memory_of_one_container() {
    local cgroup='c["mounts"] = [m for m in c["mounts"] if m["destination"] != "/sys/fs/cgroup"] + [
    {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["nosuid", "noexec", "nodev", "relatime", "ro"]}]'
    pod_begin
    CONFIG="$cgroup"'
c["linux"]["resources"] = {"memory": {"limit": 64 << 20}}' pod_run one sh -c "head -1 /proc/meminfo; cat /sys/fs/cgroup/memory.max
        $eater; cat /sys/fs/cgroup/memory.events; while [ ! -e /tmp/go ]; do sleep 0.1; done; exec tail /dev/zero"
    CONFIG="$cgroup" pod_run two sh -c "while :; do while [ ! -e /tmp/go ]; do sleep 0.1; done; busybox rm /tmp/go; $eater; done"
    await 60 has_eaten one 1 137 || fail "one says $(cat "$work/out-one")"
    await 20 grep -q '^oom_group_kill' "$work/out-one" || fail "one says $(cat "$work/out-one")"
    equal "MemTotal: 65536 kB 67108864" "$(head -2 "$work/out-one" | xargs)"
    grep -q '^oom_kill 1$' "$work/out-one" || fail "one says $(cat "$work/out-one")"
    equal "67108864 1" "$(r events --stats one | number data memory usage limit) $(r events --stats one | number data memory usage failcnt)"
    await 20 host_heard one || fail "the host has not heard of it"
    # What another has does not count, and another takes more.
    equal 0 "$(r events --stats two | number data memory usage failcnt)"
    r exec two touch /tmp/go
    await 60 has_eaten two 1 0 || fail "two says $(cat "$work/out-two")"
    # Files in memory are its, too.
    r exec one sh -c 'head -c 40000000 /dev/zero >/dev/shm/file'
    [ "$(r events --stats one | number data memory usage usage)" -ge 40000000 ] || fail "one uses $(r events --stats one)"
    [ "$(r exec one cat /sys/fs/cgroup/memory.current)" -ge 40000000 ] || fail "one uses $(r events --stats one)"
    # The first process is what grows: that is the end of the container.
    r exec one touch /tmp/go
    equal 137 "$(exit_of one)"
    equal "running running" "$(status_of two) $(status_of pod)"
    r delete one
    # A limit can come later, also for one that had none.
    r update --memory 48000000 two
    equal 47996928 "$(r exec two cat /sys/fs/cgroup/memory.max)"
    r exec two touch /tmp/go
    await 60 has_eaten two 1 137 || fail "two says $(cat "$work/out-two")"
    r update --memory -1 two
    r exec two touch /tmp/go
    await 60 has_eaten two 2 0 || fail "two says $(cat "$work/out-two")"
    # Its memory serves the next one.
    CONFIG='c["linux"]["resources"] = {"memory": {"limit": 32 << 20}}' pod_run one sh -c "$eater"
    equal 0 "$(exit_of one)"
    has_eaten one 1 137 || fail "one says $(cat "$work/out-one")"
    r delete one
    r kill two KILL
    reach two stopped
    r delete two
    r delete --force pod
}

# The limit of the sandbox's own container counts for all together.
case_pod_limits_the_memory_of_all() {
    CONFIG='c["linux"]["resources"] = {"memory": {"limit": 96 << 20}}' pod_bundle pod sandbox sleep 1000000
    pod_create pod || fail "no sandbox: $(cat "$work/out-pod")"
    r start pod
    pod_run one sh -c 'head -c 50000000 /dev/zero >/dev/shm/file; echo there; sleep 1000000'
    await 20 grep -q there "$work/out-one" || fail "one says $(cat "$work/out-one")"
    CONFIG='c["linux"]["resources"] = {"memory": {"limit": 80 << 20}}' pod_run two sh -c "head -1 /proc/meminfo; $eater"
    await 60 has_eaten two 1 137 || fail "two says $(cat "$work/out-two")"
    equal "MemTotal: 81920 kB" "$(head -1 "$work/out-two" | xargs)"
    [ "$(r events --stats pod | number data memory usage failcnt)" -ge 1 ] || fail "the pod: $(r events --stats pod)"
    [ "$(r events --stats pod | number data memory usage usage)" -ge 50000000 ] || fail "the pod uses $(r events --stats pod)"
    equal running "$(status_of one)"
    r delete --force two
    r delete --force one
    r delete --force pod
}

case_pod_ends_with_its_sandbox() {
    pod_begin
    pod_run one sleep 1000000
    pod_bundle two container sleep 1000000
    pod_create two || fail "$(cat "$work/out-two")"
    r kill pod KILL
    reach one stopped
    reach two stopped
    r delete one
    r delete two
    r delete pod
}

case_pod_shares_processes() {
    pod_begin
    local pid
    pid=$(pid_of pod)
    CONFIG="c['linux']['namespaces'] = [n for n in c['linux']['namespaces'] if n['type'] != 'pid'] + [{'type': 'pid', 'path': '/proc/$pid/ns/pid'}, {'type': 'uts', 'path': '/proc/$pid/ns/uts'}]
c['linux']['namespaces'] = [n for n in c['linux']['namespaces'] if n['type'] != 'uts' or 'path' in n]" \
        POD_HOST=other pod_run one sh -c 'hostname; echo $$ >/tmp/pid; sleep 1000000 & sleep 2000000'
    await 20 r exec one test -s /tmp/pid || fail "one says $(cat "$work/out-one")"
    equal thepod "$(cat "$work/out-one")"
    [ "$(r exec one cat /tmp/pid)" -gt 1 ] || fail "one has a PID name space of its own"
    [[ $(r exec one ps) == *'sleep 1000000'* ]] || fail "the sandbox's process is not seen"
    r kill one KILL
    reach one stopped
    r delete one
    # What was killed stays as a zombie of the sandbox's first process, which reaps nobody.
    sandbox_is_alone() { [ "$(r ps pod | tail -n +2 | awk '$4 != "Z"' | wc -l)" = 1 ]; }
    await 20 sandbox_is_alone || fail "left in the sandbox: $(r ps pod)"
    r delete --force pod
}

case_pod_survives_the_death_of_a_part() {
    pod_begin
    pod_run one sleep 1000000
    pod_run two sleep 1000000
    kill -KILL "$(pid_of one)"
    reach one stopped
    equal 137 "$(exit_of one)"
    r delete one
    kill -KILL "$(pgrep -f "runsc-gofer .*/bundle-two/")"
    reach two stopped
    r delete two
    equal running "$(status_of pod)"
    pod_run one sh -c 'exit 3'
    equal 3 "$(exit_of one)"
    r delete one
    r delete --force pod
}

case_pod_killed_before_its_start() {
    pod_begin
    pod_bundle one container sleep 1000000
    pod_create one || fail "$(cat "$work/out-one")"
    equal created "$(status_of one)"
    r kill one TERM
    equal 143 "$(exit_of one)"
    r delete one
    pod_create one || fail "$(cat "$work/out-one")"
    r delete --force one
    pod_run one true
    equal 0 "$(exit_of one)"
    r delete one
    r delete --force pod
}

case_pod_errors() {
    pod_bundle one container true
    ! pod_create one || fail "joined nothing"
    grep -q 'sandbox pod is not running' "$work/out-one" || fail "$(cat "$work/out-one")"
    pod_begin
    pod_bundle one container nothere
    ! pod_create one || fail "made a container of nothing"
    grep -q 'executable file not found' "$work/out-one" || fail "$(cat "$work/out-one")"
    CONFIG="c['annotations'] = {'io.kubernetes.cri-o.ContainerType': 'container'}" pod_bundle two container true
    ! pod_create two || fail "joined without an id"
    grep -q "without the sandbox's id" "$work/out-two" || fail "$(cat "$work/out-two")"
    pod_bundle one container true
    ! r run --bundle "$work/bundle-one" one 2>"$work/said" || fail "ran in the foreground"
    r kill pod TERM 2>/dev/null || true
    r delete --force pod
}
