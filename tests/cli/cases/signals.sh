# Signals and sudden death: what is sent to the launcher reaches the program; whoever of the three processes dies, the
# others end at once.

case_signals_are_forwarded() {
    local signal number
    for signal in HUP INT QUIT TERM USR1 USR2 ALRM; do
        start do --root "$root" /bin/sh -c "trap 'exit 33' $signal; echo ready; while :; do sleep 0.1; done"
        kill -s "$signal" "$started"; ended 33
    done
}
case_signals_without_a_handler_end_a_command() {
    local signal number
    for signal in HUP INT TERM USR1; do
        number=$(kill -l "$signal")
        start do --root "$root" /bin/sh -c 'echo ready; while :; do sleep 0.1; done'
        kill -s "$signal" "$started"; ended $((128 + number))
    done
}
case_signals_without_a_handler_do_not_end_an_init() {
    script_bundle 'trap "exit 44" USR2; echo ready; while :; do sleep 0.1; done'
    start run --bundle "$work/bundle" one
    kill -TERM "$started"; kill -HUP "$started"; kill -USR2 "$started"; ended 44
}
case_early_signals_are_not_lost() {
    local pid got
    for delay in 0.02 0.1 0.2; do
        "$runsc" --platform="$platform" do --root "$root" /bin/sleep 1000 >/dev/null 2>"$work/err" &
        pid=$! got=0
        sleep "$delay"
        kill -TERM "$pid"
        wait "$pid" || got=$?
        equal 143 "$got"
    done
}
gone() { # every process of the sandbox, within ten seconds
    local _
    for _ in $(seq 1 100); do [ -z "$(processes)" ] && return; sleep 0.1; done
    fail "processes are left: $(processes | xargs ps -o pid,args -p)"
}
case_killing_the_launcher_leaves_nothing() {
    start do --root "$root" /bin/sh -c 'sleep 1000 & echo ready; wait'
    kill -KILL "$started"; ended 137; gone
    script_bundle 'sleep 1000 & echo ready; wait'
    start run --bundle "$work/bundle" one
    kill -KILL "$started"; ended 137; gone
    bundle "$(args /bin/true)"; status 0 run_bundle one
}
case_killing_the_launcher_at_any_moment_leaves_nothing() {
    local pid delay
    for delay in 0 0.005 0.01 0.02 0.04 0.08 0.15; do
        "$runsc" --platform="$platform" do --root "$root" /bin/sleep 1000 >/dev/null 2>&1 &
        pid=$!
        sleep "$delay"
        kill -KILL "$pid"; wait "$pid" 2>/dev/null || true
        gone
    done
}
case_killing_the_sandbox_leaves_nothing() {
    script_bundle 'sleep 1000 & echo ready; wait'
    start run --bundle "$work/bundle" one
    kill -KILL "$(child_of_started boot)"; ended 128; gone
    one_line 'sandbox ended unexpectedly'
}
case_killing_the_gofer_leaves_nothing() {
    script_bundle 'sleep 1000 & echo ready; wait'
    start run --bundle "$work/bundle" one
    kill -KILL "$(child_of_started gofer)"; ended 128; gone
    one_line 'gofer ended unexpectedly'
}
case_a_killed_program_is_a_status() { script_bundle 'sh -c "kill -9 \$\$"; exit $?'; status 137 run_bundle; }
case_children_of_the_program_end_with_it() {
    status 0 in_box /bin/sh -c 'sleep 1000 & sleep 1000 & exit 0'
    gone
}
case_killed_by_kill_or_delete_is_137() {
    local how
    for how in 'kill one KILL' 'kill one 9' 'kill one SIGKILL' 'kill --all one KILL' 'delete --force one'; do
        script_bundle 'sleep 1000 & echo ready; wait'
        start run --bundle "$work/bundle" one
        # shellcheck disable=SC2086
        run $how || fail "$how: $?"
        ended 137; gone
        [ ! -s "$work/err" ] || fail "$how: $(cat "$work/err")"
    done
}
