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
