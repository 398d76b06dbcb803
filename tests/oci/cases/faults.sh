# shellcheck shell=bash
# Somebody kills a process of the container, or the command that works on it.

case_killed_parts() {
    bundle sleep 1000
    local part pid
    for part in runsc-sandbox runsc-gofer; do
        r run --detach --bundle "$work/bundle" one >/dev/null 2>&1 </dev/null
        pid=$(pgrep -f "^$part" | head -1)
        kill -KILL "$pid"
        reach one stopped
        r exec one true 2>/dev/null && fail "exec after $part was killed"
        r delete one || fail "delete after $part was killed"
    done
}

# Moments of every command of a life: each time one of the processes there are is killed.
case_killed_at_any_moment() {
    bundle sh -c 'echo started; sleep 0.3; exit 1'
    local i seed=${OCI_SEED:-1}
    RANDOM=$seed
    for i in $(seq 1 "${OCI_FAULTS:-20}"); do
        (set +e
            r create --bundle "$work/bundle" one >/dev/null 2>&1 </dev/null
            r start one
            r exec one sh -c 'sleep 0.1'
            r pause one
            r resume one
            r kill one TERM
            r delete one) >/dev/null 2>&1 </dev/null &
        local life=$! victims
        sleep "$((RANDOM % 2)).$(printf %03d $((RANDOM % 1000)))"
        mapfile -t victims < <(processes)
        [ ${#victims[@]} -eq 0 ] || kill -KILL "${victims[RANDOM % ${#victims[@]}]}" 2>/dev/null || true
        wait "$life" 2>/dev/null || true
        r delete --force one || fail "delete --force after fault $i of seed $seed"
        [ ! -e "$state/one" ] || fail "state is left after fault $i of seed $seed: $(ls -A "$state/one")"
        [ -z "$(groups)" ] || fail "control groups are left after fault $i of seed $seed: $(groups | head -1)"
    done
}

case_killed_commands() {
    bundle sh -c 'sleep 0.2; exit 1'
    local i seed=${OCI_SEED:-1}
    RANDOM=$seed
    for i in $(seq 1 "${OCI_FAULTS:-25}"); do
        ("$runsc" "${flags[@]}" --root "$state" run --detach --bundle "$work/bundle" one >/dev/null 2>&1 </dev/null) &
        local command=$!
        sleep "0.$(printf %03d $((RANDOM % 200)))"
        # Any one of the processes there are at this moment.
        local victims
        mapfile -t victims < <(processes)
        [ ${#victims[@]} -eq 0 ] || kill -KILL "${victims[RANDOM % ${#victims[@]}]}" 2>/dev/null || true
        wait "$command" 2>/dev/null || true
        r delete --force one || fail "delete --force after fault $i of seed $seed"
        [ ! -e "$state/one" ] || fail "state is left after fault $i of seed $seed: $(ls -A "$state/one")"
    done
}

# "delete --force" beside the command that is making the container: that finishes or is ended, and nothing stays.
case_deleted_while_made() {
    bundle sleep 1000
    local i command
    for i in $(seq 1 12); do
        (set +e; r create --bundle "$work/bundle" one) >/dev/null 2>&1 </dev/null &
        command=$!
        await 20 test -e "$state/one" || fail "not made, try $i"
        sleep "0.0$((i * 7 % 10))"
        r delete --force one || fail "delete --force, try $i"
        wait "$command" || true
        [ ! -e "$state/one" ] || fail "state is left, try $i: $(ls -A "$state/one")"
        [ -z "$(groups)" ] || fail "control groups are left, try $i: $(groups | head -1)"
        await 20 none_runs || fail "processes are left, try $i"
    done
    # Its maker takes long: a hook of 3 s.
    rm -f "$work/hooked"
    CONFIG='c["hooks"] = {"createRuntime": [{"path": "/bin/sh", "args": ["sh", "-c", "touch '"$work"'/hooked; exec sleep 3"]}]}' \
        bundle sleep 1000
    ("$runsc" --platform="$platform" --root "$state" create --bundle "$work/bundle" one >/dev/null 2>&1 </dev/null) 2>/dev/null &
    command=$!
    await 20 test -e "$work/hooked" || fail "the hook was not run"
    r delete --force one || fail "delete --force beside a hook"
    wait "$command" && fail "what was ended says that it is made" || equal 137 $?
    [ ! -e "$state/one" ] || fail "state is left beside a hook"
    await 20 none_runs || fail "processes are left beside a hook"
}
# With their children, on the host and beside the gofer; a hook that is over is nobody's.
case_hooks_end_with_the_making() {
    local moment command
    for moment in prestart createRuntime createContainer; do
        rm -f "$work/hooked"
        CONFIG='c["hooks"] = {"'$moment'": [{"path": "/bin/sh", "args": ["sh", "-c",
            "sleep 7610 & touch '"$work"'/hooked; sleep 7611; touch '"$work"'/went-on"]}]}' bundle sleep 1000
        ("$runsc" "${flags[@]}" --root "$state" create --bundle "$work/bundle" one >/dev/null 2>&1 </dev/null) 2>/dev/null &
        command=$!
        await 20 test -e "$work/hooked" || fail "the $moment hook was not run"
        r delete --force one || fail "delete --force beside a $moment hook"
        wait "$command" && fail "what was ended says that it is made" || equal 137 $?
        await 20 no_sleeper || fail "beside $moment: $(pgrep -fa 'sleep 761[01]')"
        [ ! -e "$work/went-on" ] || fail "the $moment hook went on"
        await 20 none_runs || fail "processes are left beside a $moment hook"
    done
    # Whoever else ends the command: what runs beside the gofer ends too.
    rm -f "$work/hooked"
    "$runsc" "${flags[@]}" --root "$state" create --bundle "$work/bundle" one >/dev/null 2>&1 </dev/null &
    command=$!
    await 20 test -e "$work/hooked" || fail "the hook was not run again"
    kill -KILL "$command"
    wait "$command" 2>/dev/null || true
    await 20 no_sleeper || fail "after the command: $(pgrep -fa 'sleep 761[01]')"
    r delete --force one || fail "delete --force"
}
no_sleeper() { ! pgrep -f 'sleep 761[01]'; }
none_runs() { [ -z "$(processes)" ]; }
