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
