# shellcheck shell=bash
# What only our shim has to show: a case prints what is wrong.

# Kills a process that containerd's task needs; containerd must notice, and everything must go.
shim_killed_shim() {
    run -d $image $name || echo "does not run"
    kill -KILL "$(pgrep -f "containerd-shim-runsc-v1 .*-id $name")"
    await 60 gone
    c container rm $name || echo "cannot be removed"
}
gone() { [ -z "$(c task ls -q)" ] || { c task rm -f $name; false; }; }

shim_killed_sentry() {
    run -d $image $name || echo "does not run"
    kill -KILL "$(pgrep -f 'runsc-sandbox boot')"
    await 60 is_status STOPPED
    c task rm $name >/dev/null 2>&1
    [ -z "$(c task ls -q)" ] || echo "the task is still there"
}

shim_killed_gofer() {
    run -d $image $name || echo "does not run"
    kill -KILL "$(pgrep -f 'runsc-gofer gofer')"
    await 60 is_status STOPPED
}

# Moments of a life: each time one of the processes there are is killed. CONTAINERD_FAULTS=200 kills as often, FAULT_SEED
# chooses other moments. Nothing may be left that containerd cannot remove.
shim_killed_at_any_moment() {
    local i seed=${FAULT_SEED:-1} victims
    RANDOM=$seed
    for i in $(seq 1 "${CONTAINERD_FAULTS:-6}"); do
        {
            run -d $image $name sh -c 'sleep 0.3; exit 1'
            c task exec --exec-id one $name sh -c 'sleep 0.1'
            c task pause $name
            c task resume $name
            c task kill -s KILL $name
        } >/dev/null 2>&1 &
        sleep "$((RANDOM % 2)).$(printf %03d $((RANDOM % 1000)))"
        mapfile -t victims < <(pgrep -f 'runsc-sandbox boot|runsc-gofer gofer|containerd-shim-runsc-v1 |runsc-exec|/runsc --')
        [ ${#victims[@]} -eq 0 ] || kill -KILL "${victims[RANDOM % ${#victims[@]}]}" 2>/dev/null
        wait
        await 60 all_gone
        [ -z "$(leftovers)" ] || { echo "after fault $i of seed $seed:"; leftovers; return; }
    done
}
all_gone() {
    remove_all
    [ -z "$(c task ls -q)$(c container ls -q)" ]
}

shim_refuses_a_logger() {
    run -d --log-uri binary:///bin/true $image $name 2>said && echo "took a binary for a log"
    grep -q 'binary:///bin/true: output goes to a FIFO' said || cat said
}

shim_writes_a_log_file() {
    run -d --log-uri "file://$work/own.log" $image $name sh -c 'echo into a file' || echo "does not run"
    await 60 grep -q 'into a file' "$work/own.log"
}

shim_reads_a_configuration() {
    printf 'binary_name = "%s" # which\nroot = "/run/elsewhere"\n[runsc_config] # flags\n  platform = "%s"\n  debug-log = "%s"\n' \
        "$runsc" "$platform" "$work/debug.log" >runsc.toml
    run --rm --runtime-config-path "$work/runsc.toml" $image $name true || echo "does not run"
    grep -q "platform $platform" debug.log || echo "the flags did not come"
    [ -d /run/elsewhere/$CONTAINERD_NAMESPACE ] || echo "the root did not come"
    echo 'nonsense = 1' >runsc.toml
    run --rm --runtime-config-path "$work/runsc.toml" $image $name true 2>said && echo "took nonsense"
    grep -q 'runsc.toml:1: not understood' said || cat said
}
