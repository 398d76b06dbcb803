# shellcheck shell=bash
# From create to delete.

both_cycle() {
    bundle sh -c 'echo out; echo err >&2; exit 7'
    r state one 2>/dev/null; echo "state before: $?"
    r create --bundle "$work/bundle" one >"$work/output" 2>&1 </dev/null; echo "create: $?"
    status_of one
    r create --bundle "$work/bundle" one >/dev/null 2>&1 </dev/null; echo "create again: $?"
    r start one; echo "start: $?"
    reach one stopped
    cat "$work/output"
    r start one 2>/dev/null; echo "start again: $?"
    r kill one 2>/dev/null; echo "kill: $?"
    r kill --all one KILL 2>/dev/null; echo "kill all: $?"
    r delete one; echo "delete: $?"
    r delete one 2>/dev/null; echo "delete again: $?"
    r delete --force one; echo "delete by force: $?"
    r state one 2>/dev/null; echo "state after: $?"
    r start one 2>/dev/null; echo "start after: $?"
}

both_running() {
    bundle sleep 1000
    r run --detach --bundle "$work/bundle" --pid-file "$work/pid" one >/dev/null 2>&1 </dev/null; echo "run: $?"
    status_of one
    [ "$(cat "$work/pid")" = "$(pid_of one)" ] && [ -d "/proc/$(cat "$work/pid")" ] && echo "the pid is there"
    r list -q
    r list -f json | python3 -c 'import json, sys
for c in json.load(sys.stdin):
    print(sorted(c), c["id"], c["status"], c["pid"] > 0)'
    r delete one 2>/dev/null; echo "delete: $?"
    r start one 2>/dev/null; echo "start: $?"
    r kill one 0; echo "signal 0: $?"
    r kill one NONSENSE 2>/dev/null; echo "nonsense: $?"
    r kill one TERM; echo "TERM: $?"
    status_of one
    r kill one KILL; echo "KILL: $?"
    reach one stopped
    r state one | sed -n 's/ *"\(pid\|status\)": /\1 /p'
    r delete one; echo "delete: $?"
}

both_errors_at_create() {
    local program
    for program in nothere /not/there /etc/passwd /etc /bin; do
        bundle "$program"
        r --log "$work/log.json" --log-format json create --bundle "$work/bundle" one >/dev/null 2>&1 </dev/null
        echo "$program: $?"
        python3 -c 'import json, sys
for line in open(sys.argv[1]):
    entry = json.loads(line)
    print(entry["level"], entry["msg"][entry["msg"].index("unable to start"):])' "$work/log.json"
        rm -f "$work/log.json"
        r state one >/dev/null 2>&1; echo "state: $?"
        r delete --force one
    done
}

both_program_that_is_none() {
    bundle garbage
    r create --bundle "$work/bundle" one >"$work/output" 2>&1 </dev/null; echo "create: $?"
    r start one; echo "start: $?"
    reach one stopped
    sed 's/bin.garbage/garbage/; s/ \/garbage/ garbage/' "$work/output"
    r delete one
}

both_created_and_killed() {
    bundle sleep 1000
    r create --bundle "$work/bundle" one >/dev/null 2>&1 </dev/null; echo "create: $?"
    r delete one; echo "delete: $?"
    r create --bundle "$work/bundle" one >/dev/null 2>&1 </dev/null; echo "create: $?"
    r kill one KILL; echo "kill: $?"
    reach one stopped
    r delete one; echo "delete: $?"
}

both_hooks() {
    rm -f "$work/hooks"
    cat >"$work/hook" <<'HOOK'
#!/bin/sh
state=$(cat)
echo "$1 $(printf %s "$state" | sed 's/.*"status": *"\([a-z]*\)".*/\1/') $(printf %s "$state" | grep -c '"id": *"one"') $NAME" >>"$2"
[ "$1" != "$3" ]
HOOK
    chmod +x "$work/hook"
    CONFIG='w = "'$work'"
c["hooks"] = {m: [{"path": w + "/hook", "args": ["hook", m, w + "/hooks"], "env": ["NAME=x", "PATH=/bin:/usr/bin"]}]
              for m in ("prestart", "createRuntime", "createContainer", "poststart", "poststop")}' bundle true
    r create --bundle "$work/bundle" one >/dev/null 2>&1 </dev/null; echo "create: $?"
    r start one; echo "start: $?"
    reach one stopped
    r delete one
    # Status and time of the first three differ between versions of runc.
    sed '/^poststop/!s/ [a-z]* 1/ 1/' "$work/hooks"
    CONFIG='c["hooks"] = {m: [{"path": "/bin/sh", "args": ["sh", "-c", "echo $(readlink /proc/self/ns/mnt) >>'"$work"'/places"]}]
              for m in ("createRuntime", "createContainer")}' bundle true
    rm -f "$work/places"
    r create --bundle "$work/bundle" one >/dev/null 2>&1 </dev/null; echo "create: $?"
    r delete --force one
    here_is=$(readlink /proc/self/ns/mnt)
    while read -r place; do [ "$place" = "$here_is" ] && echo "on the host" || echo "in the container's name space"; done <"$work/places"
    CONFIG='c["hooks"] = {"createContainer": [{"path": "/bin/false"}]}' bundle true
    r create --bundle "$work/bundle" one >/dev/null 2>&1 </dev/null; echo "create with a failing hook: $?"
    r delete --force one
    CONFIG='c["hooks"] = {"createRuntime": [{"path": "/bin/false"}]}' bundle true
    r create --bundle "$work/bundle" one >/dev/null 2>&1 </dev/null; echo "create with a failing hook: $?"
    r state one >/dev/null 2>&1; echo "state: $?"
    r delete --force one
    CONFIG='c["hooks"] = {"prestart": [{"path": "/bin/sleep", "args": ["sleep", "1000"], "timeout": 1}]}' bundle true
    r create --bundle "$work/bundle" one >/dev/null 2>&1 </dev/null; echo "create with a hook that hangs: $?"
    r delete --force one
    CONFIG='c["hooks"] = {"startContainer": [{"path": "/bin/touch", "args": ["touch", "/data/made"]}]}' \
        bundle sh -c 'test -e /data/made && echo the hook was here'
    r run --bundle "$work/bundle" one </dev/null; echo "run: $?"
}

case_exit_status_reaches_the_engine() {
    bundle sh -c 'exit 42'
    equal $'42\n{"id":"one","exitStatus":42}' "$(engine statuses)"
    bundle sleep 1000
    equal $'-9\n{"id":"one","exitStatus":137}' "$(engine statuses KILL)"
    bundle sh -c 'kill -SEGV $$'
    equal $'0\n{"id":"one","exitStatus":0}' "$(engine statuses)"
    bundle sh -c 'sh -c "exec sleep 1000" & kill -9 $!; wait $!; exit $?'
    equal $'137\n{"id":"one","exitStatus":137}' "$(engine statuses)"
}

case_console_socket() {
    CONFIG='c["process"]["terminal"] = True
c["process"]["consoleSize"] = {"height": 10, "width": 20}' bundle sh -c 'echo ready; exec sh'
    equal 9 "$(engine console)"
}

case_output_is_complete() {
    bundle sh -c 'i=0; while [ $i -lt 2000 ]; do echo "line $i of many"; i=$((i + 1)); done'
    r create --bundle "$work/bundle" one >"$work/output" 2>&1 </dev/null
    r start one
    reach one stopped
    r delete one
    equal 2000 "$(wc -l <"$work/output")"
    # The pipe closes when the container ends: nobody else keeps its ends.
    (r create --bundle "$work/bundle" one </dev/null && r start one) 2>&1 | timeout "${OCI_CALL_SECONDS:-30}" cat >"$work/output" ||
        fail "create and start: ${PIPESTATUS[*]} with $(wc -l <"$work/output") lines"
    equal 2000 "$(wc -l <"$work/output")"
    r delete one
}

case_long_paths() {
    bundle sleep 1000
    local long
    long=$work/$(printf 'x%.0s' $(seq 1 200))
    state=$long
    r run --detach --bundle "$work/bundle" one >/dev/null 2>&1 </dev/null
    equal running "$(status_of one)"
    equal inside "$(r exec one echo inside)"
    r delete --force one
}

case_parallel() {
    bundle sh -c 'exit 0'
    local i pids=()
    for i in $(seq 1 8); do
        (config_path=$work/bundle; r run --bundle "$config_path" "many-$i" </dev/null) &
        pids+=($!)
    done
    for i in "${pids[@]}"; do wait "$i" || fail "a run ended with $?"; done
}

case_many_callers() {
    bundle sleep 1000
    r create --bundle "$work/bundle" one >/dev/null 2>&1 </dev/null
    local i pids=() started=0
    for i in $(seq 1 6); do
        (r start one 2>/dev/null) &
        pids+=($!)
    done
    for i in "${pids[@]}"; do if wait "$i"; then started=$((started + 1)); fi; done
    equal 1 "$started"
    equal running "$(status_of one)"
    pids=()
    for i in $(seq 1 6); do
        (r delete --force one) &
        pids+=($!)
        (r state one >/dev/null 2>&1 || true) &
    done
    for i in "${pids[@]}"; do wait "$i" || fail "delete --force: $?"; done
    wait
}

case_foreground_is_seen() {
    bundle sleep 1000
    r run --bundle "$work/bundle" one </dev/null &
    local launcher=$!
    await 20 has_status one running || fail "not running"
    equal inside "$(r exec one echo inside)"
    equal one "$(r list -q)"
    r kill one KILL
    local got=0
    wait "$launcher" || got=$?
    [ "$got" -ne 0 ] || fail "the launcher says 0"
}
