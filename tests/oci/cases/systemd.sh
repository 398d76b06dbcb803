# shellcheck shell=bash
# --systemd-cgroup: what runc asks of systemd. A small peer takes its place (systemd.py), in a /run of the case's own.

manager=
with_systemd() { # mode: from here to the end of the case there is one
    [ -z "$manager" ] || { kill "$manager" && wait "$manager" 2>/dev/null || true; }
    mkdir -p /run/systemd/system
    rm -f /run/systemd/private "$work/calls"
    python3 "$here/systemd.py" /run/systemd/private "$work/calls" "$1" &
    manager=$!
    await 20 test -S /run/systemd/private || fail "the peer does not listen"
}

unit_bundle() { # words...
    CONFIG="c['linux']['cgroupsPath'] = 'oci-${work##*.}.slice:box:one'
c['linux']['resources'] = {'memory': {'limit': 64 << 20}, 'pids': {'limit': 10}, 'cpu': {'shares': 512, 'quota': 50000, 'period': 100000}}" bundle "$@"
}

called() { # statements over calls, a list of [member, arguments...], and property(name) of the unit that was begun
    python3 -c 'import json, sys
calls = [json.loads(line) for line in open(sys.argv[1])]
begun = [call for call in calls if call[0] == "StartTransientUnit"]
def property(name):
    return dict(begun[-1][3])[name]
exec(sys.argv[2])' "$work/calls" "$1" || fail "calls: $(cat "$work/calls")"
}

# --- a real systemd: process 1 of a PID name space, in control groups of its own

systemd_group_name() { echo "/sys/fs/cgroup/${1%/}/systemd-${work##*.}"; }
hierarchies() { awk '$(NF-2) ~ /^cgroup2?$/ { print substr($5, 16) }' /proc/self/mountinfo; }

enter_groups() { # for a subshell
    local name
    for name in $(hierarchies); do echo "$BASHPID" >"$(systemd_group_name "$name")/cgroup.procs"; done
}

systemd_begins() {
    command -v /lib/systemd/systemd >/dev/null || fail "systemd is not installed (Debian: systemd)"
    local name file
    for name in $(hierarchies); do
        mkdir -p "$(systemd_group_name "$name")"
        for file in cpuset.cpus cpuset.mems; do
            [ ! -e "/sys/fs/cgroup/$name/$file" ] || cat "/sys/fs/cgroup/$name/$file" >"$(systemd_group_name "$name")/$file"
        done
    done
    mkdir -p "$work/units" "$work/etc"
    printf '[Unit]\nDescription=Nothing\nDefaultDependencies=no\n' >"$work/units/idle.target"
    (enter_groups
        exec unshare --pid --fork --kill-child --mount --cgroup --uts --ipc --net env -i PATH="$PATH" work="$work" names="$(hierarchies | xargs)" sh -ec '
            mount -t proc proc /proc
            mount --bind /proc/sys /proc/sys
            mount -o remount,bind,ro /proc/sys
            mount -t tmpfs tmpfs /run
            mount -t tmpfs tmpfs "$work/etc"
            mkdir "$work/etc/upper" "$work/etc/work"
            mount -t overlay -o "lowerdir=/etc,upperdir=$work/etc/upper,workdir=$work/etc/work" overlay /etc
            [ ! -e /dev/console ] || mount --bind /dev/null /dev/console
            mount -t tmpfs tmpfs /sys/fs/cgroup
            for name in $names; do
                mkdir "/sys/fs/cgroup/$name"
                options=$name
                [ "$name" != unified ] || { mount -t cgroup2 cgroup2 "/sys/fs/cgroup/$name"; continue; }
                [ "$name" != systemd ] || options=none,name=systemd
                mount -t cgroup -o "$options" cgroup "/sys/fs/cgroup/$name"
            done
            exec env -i PATH="$PATH" container=test SYSTEMD_UNIT_PATH="$work/units" SYSTEMD_GENERATOR_PATH=/nowhere \
                SYSTEMD_ENVIRONMENT_GENERATOR_PATH=/nowhere /lib/systemd/systemd --system --unit=idle.target --log-target=console --show-status=0'
    ) >"$work/systemd.log" 2>&1 </dev/null &
    systemd_holder=$!
    await 30 systemd_answers || fail "systemd does not start: $(tail -5 "$work/systemd.log")"
}
systemd_answers() { systemd_pid=$(pgrep -P "$systemd_holder") && s systemctl is-system-running 2>/dev/null | grep -Eq 'running|degraded|starting'; }

# A command where that systemd is.
s() { (enter_groups; exec nsenter --target "$systemd_pid" --mount --pid --cgroup --uts --ipc --net "$@"); }

systemd_ends() {
    kill -KILL "$systemd_holder"
    wait "$systemd_holder" 2>/dev/null
    for _ in $(seq 1 100); do
        find /sys/fs/cgroup -depth -type d -path "*/systemd-${work##*.}*" -exec rmdir {} + 2>/dev/null
        [ -n "$(groups)" ] || return 0
        sleep 0.1
    done
}

both_systemd_has_the_unit() {
    systemd_begins
    if [ $which_runtime = runc ]; then
        q() { s timeout -k 5 $call_seconds runc --root "$state-runc" --systemd-cgroup "$@"; }
    else
        q() { s timeout -k 5 $call_seconds "$runsc" "${flags[@]}" --root "$state" --systemd-cgroup "$@"; }
    fi
    show() { s systemctl show --property="$1" --value box-one.scope; }
    unit_bundle sleep 1000
    config 'del c["linux"]["resources"]["cpu"]'
    q run --detach --bundle "$work/bundle" one >"$work/out" 2>&1 </dev/null; echo "run: $?"
    [ ! -s "$work/out" ] || cat "$work/out"
    local name memory tasks
    for name in LoadState ActiveState SubState Slice Delegate Transient MemoryAccounting; do echo "$name $(show $name)"; done
    memory=$(show MemoryLimit)
    tasks=$(show TasksMax)
    [ "$memory" -ge $((64 << 20)) ] && [ "$memory" -lt $((256 << 20)) ]; echo "memory: $?"
    [ "$tasks" -ge 10 ] && [ "$tasks" -lt 1000 ]; echo "tasks: $?"
    # Where its process is, and that the limits are on the groups.
    s sh -c 'sed -n "s/^[0-9]*:\(name=systemd\|memory\|pids\):/\1 /p" /proc/'"$(q state one | sed -n 's/.*"pid": *\([0-9]*\).*/\1/p')"'/cgroup' | sort
    equal_text "$memory" "$(s sh -c 'cat /sys/fs/cgroup/memory/oci.slice/oci-*.slice/box-one.scope/memory.limit_in_bytes')"
    q update --pids-limit 20 one; echo "update: $?"
    [ "$(show TasksMax)" -gt "$tasks" ]; echo "more tasks: $?"
    q kill one KILL; echo "kill: $?"
    await 20 q_stopped; echo "stopped: $?"
    q delete one; echo "delete: $?"
    await 20 unit_is_gone; echo "the unit is gone: $?"
    # The same name again, by another life; killed while it runs.
    q run --detach --bundle "$work/bundle" one >/dev/null 2>&1 </dev/null; echo "run: $?"
    echo "again $(show ActiveState)"
    q delete --force one; echo "delete: $?"
    await 20 unit_is_gone; echo "the unit is gone: $?"
    systemd_ends
}
equal_text() { [ "$1" = "$2" ]; echo "the group has the limit: $?"; }
q_stopped() { q state one | grep -q '"status": *"stopped"'; }
unit_is_gone() { [ "$(show LoadState)" = not-found ] || [ "$(show ActiveState)" = inactive ]; }

# --- a small peer

# In a mount name space of its own: /run is a file system for this case.
systemd_alone() { # function
    mount -t tmpfs tmpfs /run
    local outcome=0
    (set -e; "$1") || outcome=$?
    # Lazily: a socket that is bound there holds it for a moment.
    umount -l /run
    return $outcome
}

case_systemd_makes_the_group() { systemd_alone systemd_group; }
systemd_group() {
    trap '[ -z "$manager" ] || kill "$manager"' EXIT
    with_systemd works
    unit_bundle sleep 1000
    r --systemd-cgroup run --detach --bundle "$work/bundle" one >"$work/out" 2>&1 </dev/null || fail "$(cat "$work/out")"
    equal running "$(status_of one)"
    called 'assert [call[0] for call in calls] == ["Subscribe", "StartTransientUnit"], calls
assert begun[0][1:3] == ["box-one.scope", "replace"] and begun[0][4] == []
assert property("Slice") == "oci-'"${work##*.}"'.slice" and property("Delegate") == 1 and property("DefaultDependencies") == 0
assert len(property("PIDs")) == 1 and property("PIDs")[0] > 1
assert property("TasksMax") == 10 * 4 + 128 and property("CPUQuotaPerSecUSec") == 500000
assert dict(begun[0][3]).get("CPUShares") == 512 or property("CPUWeight") == 20
assert (64 << 20) < (dict(begun[0][3]).get("MemoryLimit") or property("MemoryMax")) < (256 << 20)'
    find /sys/fs/cgroup -type d -path "*/oci.slice/oci-${work##*.}.slice/box-one.scope" | grep -q . || fail "no group"
    r update --pids-limit 20 one
    called 'assert calls[-1][:3] == ["SetUnitProperties", "box-one.scope", 1] and ["TasksMax", 208] in calls[-1][3], calls[-1]'
    r delete --force one
    called 'assert [call[:2] for call in calls[-2:]] == [["StopUnit", "box-one.scope"], ["ResetFailedUnit", "box-one.scope"]]'
    with_systemd exists
    r --systemd-cgroup run --bundle "$work/bundle" two </dev/null >/dev/null 2>&1 &
    local launcher=$!
    await 20 has_status two running || fail "not begun again"
    called 'assert [call[0] for call in calls] == ["Subscribe", "StartTransientUnit", "ResetFailedUnit", "StartTransientUnit"], calls'
    r kill two KILL
    wait $launcher || true
    # Of the slices systemd is the owner: here nobody is.
    find /sys/fs/cgroup -depth -type d -path "*/oci.slice*" -exec rmdir {} + 2>/dev/null || true
}

case_systemd_that_is_not_there_or_refuses() { systemd_alone systemd_errors; }
systemd_errors() {
    trap '[ -z "$manager" ] || kill "$manager"' EXIT
    unit_bundle sleep 1000
    local mode
    ! r --systemd-cgroup run --detach --bundle "$work/bundle" one 2>"$work/err" </dev/null >/dev/null || fail "ran without systemd"
    grep -q 'systemd does not run here' "$work/err" || fail "$(cat "$work/err")"
    mkdir -p /run/systemd/system
    ! r --systemd-cgroup run --detach --bundle "$work/bundle" one 2>"$work/err" </dev/null >/dev/null || fail "ran without its socket"
    grep -q 'systemd: /run/systemd/private: ' "$work/err" || fail "$(cat "$work/err")"
    for mode in fails:'ended as failed' refuses:'it is AccessDenied'; do
        with_systemd "${mode%%:*}"
        ! r --systemd-cgroup run --detach --bundle "$work/bundle" one 2>"$work/err" </dev/null >/dev/null || fail "ran with one that ${mode%%:*}"
        grep -q "systemd: .*${mode#*:}" "$work/err" || fail "$(cat "$work/err")"
        ! r state one 2>/dev/null || fail "state is left"
    done
    config 'c["linux"]["cgroupsPath"] = "/a/b"'
    ! r --systemd-cgroup run --detach --bundle "$work/bundle" one 2>"$work/err" </dev/null >/dev/null || fail "took a path"
    grep -q 'expected slice:prefix:name' "$work/err" || fail "$(cat "$work/err")"
}
