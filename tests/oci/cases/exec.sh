# shellcheck shell=bash
# Other processes in a running container.

box() { # a container that does nothing
    bundle sleep 1000
    r run --detach --bundle "$work/bundle" one >/dev/null 2>&1 </dev/null
}

both_exec() {
    box
    r exec one sh -c 'echo out; echo err >&2; exit 3' 2>"$work/exec-err"; echo "status: $?"
    cat "$work/exec-err" # apart: runc copies the two streams side by side, in any order
    echo typed | r exec one cat; echo "input: $?"
    r exec --env A=1 --env B=2 --cwd /tmp one sh -c 'echo $A $B $(pwd) $HOME'; echo "env, cwd: $?"
    r exec --user 7:8 one id; echo "user: $?"
    r exec --user 7:8 --additional-gids 9 one sh -c 'id -G'; echo "groups: $?"
    r exec --cap CAP_SYS_ADMIN one sh -c 'grep -c . /proc/self/status >/dev/null; sed -n s/CapEff:.//p /proc/self/status' 2>/dev/null
    r exec one nothere >/dev/null 2>&1; echo "not there: $?"
    r exec one /etc/passwd >/dev/null 2>&1; echo "no program: $?"
    r exec --cwd /nowhere one true >/dev/null 2>&1; echo "no directory: $?"
    r exec one sh -c 'kill -9 $$'; echo "killed: $?"
    printf '{"args": ["sh", "-c", "echo $X; id -u"], "cwd": "/tmp", "env": ["X=y", "PATH=/bin"], "user": {"uid": 5, "gid": 5}}' \
        >"$work/process.json"
    r exec --process "$work/process.json" one; echo "process: $?"
    r exec --pid-file "$work/pid" one true; echo "pid file: $?"
    test -s "$work/pid" && echo "it is there"
    r pause one; echo "pause: $?"
    r exec one true 2>/dev/null; echo "while paused: $?"
    r resume one; echo "resume: $?"
    r resume one 2>/dev/null; echo "resume again: $?"
    r exec one true; echo "then: $?"
    r exec not-there true 2>/dev/null; echo "no container: $?"
    r kill one KILL
    reach one stopped
    r exec one true 2>/dev/null; echo "stopped: $?"
    r delete one
}

both_preserved_files() {
    echo of the caller >"$work/file"
    bundle sh -c 'cat <&3; echo of the container >&4; ls /proc/self/fd | sort -n | head -5 | tail -2'
    r run --preserve-fds 2 --bundle "$work/bundle" one 3<"$work/file" 4>"$work/written" </dev/null; echo "run: $?"
    cat "$work/written"
    # What comes through a pipe ends when the program inside has closed it.
    bundle sh -c 'echo once >&3; exec 3>&-; sleep 1000'
    rm -f "$work/pipe"
    mkfifo "$work/pipe"
    cat "$work/pipe" >"$work/piped" &
    r run --detach --preserve-fds 1 --bundle "$work/bundle" one 3>"$work/pipe" </dev/null >/dev/null 2>&1; echo "detached: $?"
    wait $!
    cat "$work/piped"
    r exec --preserve-fds 2 one sh -c 'cat <&3; echo of the exec >&4' 3<"$work/file" 4>"$work/written"; echo "exec: $?"
    cat "$work/written"
    r delete --force one
}

case_detached_exec() {
    box
    equal $'7\n3\n-9\n137' "$(engine detached_exec)"
    r delete --force one
}

case_exec_with_console_socket() {
    box
    equal 5 "$(engine console_exec)"
    r delete --force one
}

case_exec_is_killed_with_its_client() {
    box
    r exec one sleep 777 &
    local client=$!
    await 10 inside_runs 'sleep 777' || fail "it does not run"
    kill -KILL "$(pgrep -f "exec one sleep 777" | tail -1)"
    wait "$client" || true
    await 10 inside_ended 'sleep 777' || fail "it still runs"
    r delete --force one
}

inside_runs() { r ps one | grep -q "$1"; }
inside_ended() { ! inside_runs "$1"; }

case_pause_stops_everything() {
    bundle sh -c 'while :; do date +%s%N >/data/now; done'
    config 'c["mounts"].append({"destination": "/data", "type": "bind", "source": "'"$work"'/shared", "options": ["bind", "rw"]})'
    mkdir -p "$work/shared"
    r run --detach --bundle "$work/bundle" one >/dev/null 2>&1 </dev/null
    await 10 test -s "$work/shared/now" || fail "it does not write"
    r pause one
    equal paused "$(status_of one)"
    local first
    first=$(cat "$work/shared/now")
    sleep 0.5
    equal "$first" "$(cat "$work/shared/now")"
    r resume one
    await 10 changed "$first" || fail "it does not go on"
    r delete --force one
}

changed() { [ "$(cat "$work/shared/now")" != "$1" ]; }

case_events_are_a_stream() {
    CONFIG='c["linux"]["resources"] = {"memory": {"limit": 32 << 20}}' \
        bundle sh -c 'while [ ! -e /tmp/go ]; do sleep 0.05; done; head -c 200000000 /dev/zero | tail >/dev/null; sleep 1000'
    r run --detach --bundle "$work/bundle" one >/dev/null 2>&1 </dev/null
    r events --interval 1s one >"$work/events" &
    local listener=$!
    await 30 events_of_kind stats 2 || fail "no second line: $(cat "$work/events")"
    r exec one touch /tmp/go
    await 30 events_of_kind oom 1 || fail "nothing of memory: $(tail -2 "$work/events")"
    r kill one KILL
    wait $listener || fail "it ends with $?"
    python3 -c 'import json, sys
for line in open(sys.argv[1]):
    assert json.loads(line)["id"] == "one", line' "$work/events" || fail "$(cat "$work/events")"
    ! r events --stats one 2>"$work/err" || fail "events of a stopped container"
    r delete one
}
events_of_kind() { [ "$(grep -c "\"type\":\"$1\"" "$work/events")" -ge "$2" ]; }

case_update_takes_flags_and_documents() {
    box
    r update --memory 64M --memory-reservation 32M --pids-limit 9 one
    equal 67108864 "$(r events --stats one | number data memory usage limit)"
    equal 9 "$(r events --stats one | number data pids limit)"
    echo '{"memory": {"limit": 104857600}, "pids": {"limit": 11}, "cpu": {"shares": 512}}' | r update -r - one
    equal 104857600 "$(r events --stats one | number data memory usage limit)"
    equal 11 "$(r events --stats one | number data pids limit)"
    echo '{"pids": {"limit": -1}}' >"$work/limits.json"
    r update --resources "$work/limits.json" --memory 1G one
    [ "$(r events --stats one | number data pids limit)" -gt 1000 ] || fail "tasks are still limited"
    equal 104857600 "$(r events --stats one | number data memory usage limit)"
    r update --memory -1 one
    [ "$(r events --stats one | number data memory usage limit)" -gt 1073741824 ] || fail "memory is still limited"
    ! r update --memory much one 2>"$work/err" || fail "took a word"
    grep -q 'update: --memory: much: not a positive number of bytes' "$work/err" || fail "$(cat "$work/err")"
    echo '{"pids": 5}' >"$work/limits.json"
    ! r update --resources "$work/limits.json" one 2>"$work/err" || fail "took nonsense"
    equal 1 "$(wc -l <"$work/err")"
    r delete --force one
}

case_ps_and_events() {
    bundle sh -c 'sleep 1001 & sleep 1002; true'
    r run --detach --bundle "$work/bundle" one >/dev/null 2>&1 </dev/null
    await 10 inside_runs 'sleep 1002' || fail "ps: $(r ps one)"
    equal 3 "$(r ps one | grep -c 'sleep 100')"
    equal "[$(pid_of one)]" "$(r ps --format json one)"
    r events --stats one | python3 -c 'import json, sys
event = json.load(sys.stdin)
data = event["data"]
assert event["type"] == "stats" and event["id"] == "one", event
assert data["pids"]["current"] == 3, data["pids"]
assert 0 < data["memory"]["usage"]["usage"] < data["memory"]["usage"]["limit"], data["memory"]
assert data["cpu"]["usage"]["total"] > 0, data["cpu"]' || fail "events: $(r events --stats one)"
    r update --pids-limit 4 one
    equal 4 "$(r events --stats one | python3 -c 'import json, sys; print(json.load(sys.stdin)["data"]["pids"]["limit"])')"
    r exec one sh -c 'sleep 3 & sleep 3 & sleep 3' >/dev/null 2>&1 && fail "the limit of tasks does not hold"
    r delete --force one
}
