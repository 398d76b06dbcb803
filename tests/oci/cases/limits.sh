# shellcheck shell=bash
# Limits as the container sees them, and what one asks of a running container.

number() { python3 -c 'import json, sys
at = json.load(sys.stdin)
for key in sys.argv[1:]:
    at = at[int(key) if key.isdigit() else key]
print(at)' "$@"; }

case_limits_are_seen_inside() {
    CONFIG='c["linux"]["resources"] = {"memory": {"limit": 100 << 20}, "pids": {"limit": 33},
    "cpu": {"quota": 150000, "period": 100000, "shares": 1024, "cpus": "0"}}' bundle sleep 1000
    config 'c["mounts"] = [m for m in c["mounts"] if m["destination"] != "/sys/fs/cgroup"] + [
    {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["nosuid", "noexec", "nodev", "relatime", "ro"]}]'
    r run --detach --bundle "$work/bundle" one >/dev/null 2>&1 </dev/null
    equal 102400 "$(r exec one sh -c 'while read -r name kib unit; do [ $name != MemTotal: ] || echo $kib; done </proc/meminfo')"
    equal "104857600 33 150000 100000 39 0" "$(r exec one sh -c 'cd /sys/fs/cgroup; echo $(cat memory.max pids.max cpu.max cpu.weight cpuset.cpus.effective)')"
    equal 1 "$(r exec one sh -c 'n=0; while read -r word rest; do [ "$word" != processor ] || n=$((n + 1)); done </proc/cpuinfo; echo $n')"
    equal "cgroup2 0::/" "$(r exec one sh -c 'while read -r a on type rest; do [ $on != /sys/fs/cgroup ] || echo $type; done </proc/mounts; cat /proc/self/cgroup' | xargs)"
    r exec one sh -c 'echo 5 >/sys/fs/cgroup/pids.max' 2>/dev/null && fail "a limit can be written"
    r exec one mkdir /sys/fs/cgroup/x 2>/dev/null && fail "a group can be made"
    r update --memory 209715200 --cpu-quota 50000 --pids-limit 44 one
    equal "209715200 44 50000 100000" "$(r exec one sh -c 'cd /sys/fs/cgroup; echo $(cat memory.max pids.max cpu.max)')"
    r delete --force one
}

case_processors_from_the_quota() {
    CONFIG='c["linux"]["resources"] = {"cpu": {"quota": 60000, "period": 100000}}' bundle sh -c \
        'n=0; while read -r word rest; do [ "$word" != processor ] || n=$((n + 1)); done </proc/cpuinfo; echo $n'
    equal "$(nproc)" "$(r run --bundle "$work/bundle" one </dev/null)"
    equal 1 "$(r --cpu-num-from-quota run --bundle "$work/bundle" one </dev/null)"
}

case_settings_of_ipc() {
    CONFIG='c["linux"]["sysctl"] = {"kernel.msgmax": "4096", "kernel.sem": "10 100 5 6", "fs.mqueue.msg_max": "7"}' \
        bundle sh -c 'echo $(cat /proc/sys/kernel/msgmax /proc/sys/kernel/sem /proc/sys/fs/mqueue/msg_max)'
    equal "4096 10 100 5 6 7" "$(r run --bundle "$work/bundle" one </dev/null)"
}

sleeps_in_stacks() {
    r debug --stacks one >"$work/stacks" && grep -q '^pid [0-9]* tid [0-9]* sleep: .*in clock_nanosleep(' "$work/stacks"
}

calls_come_in() { # on systrap, counted and growing; other platforms do not say
    local before after
    before=$(r debug --calls one)
    [[ $before == systrap:* ]] || return 0
    for _ in $(seq 1 100); do
        after=$(r debug --calls one)
        [ "$before" = "$after" ] || break
        sleep 0.1
    done
    [ "$before" != "$after" ] && [[ $after =~ ^systrap:\ [0-9]+\ calls\ answered\ in\ the\ stub,\ [0-9]+\ by\ patched\ sites,\ [0-9]+\ by\ signals$ ]]
}

log_rests() { # nothing comes any more: the loop inside makes calls ten times a second
    local before
    before=$(stat -c %s "$work/debug.log")
    sleep 1
    [ "$before" = "$(stat -c %s "$work/debug.log")" ]
}

case_debug() {
    bundle sh -c 'sleep 1003 & while :; do sleep 0.1; done'
    r run --detach --bundle "$work/bundle" one >/dev/null 2>&1 </dev/null
    await 20 inside_runs 'sleep 1003' || fail "it does not run"
    await 20 sleeps_in_stacks || fail "stacks: $(cat "$work/stacks")"
    r debug --ps one | grep -q 'sleep 1003' || fail "ps: $(r debug --ps one)"
    calls_come_in || fail "calls: $(r debug --calls one)"
    r debug --strace=on one 2>"$work/err" && fail "strace without a log"
    grep -q 'debug log' "$work/err" || fail "$(cat "$work/err")"
    r --debug-log "$work/debug.log" debug --strace=on one
    await 20 grep -q 'sleep.*clock_nanosleep' "$work/debug.log" || fail "no line of strace: $(tail -3 "$work/debug.log")"
    r debug --strace=off one
    await 20 log_rests || fail "strace goes on"
    r debug --log-level debug one
    r debug --ps one >/dev/null
    await 20 grep -q ' control: List$' "$work/debug.log" || fail "nothing of requests: $(tail -3 "$work/debug.log")"
    r debug --log-level=warning one
    local lines
    lines=$(grep -c ' control: List$' "$work/debug.log")
    r debug --ps one >/dev/null
    equal "$lines" "$(grep -c ' control: List$' "$work/debug.log")"
    r debug --log-level loud one 2>"$work/err" && fail "a level that nobody knows"
    grep -q 'not one of warning, info, debug' "$work/err" || fail "$(cat "$work/err")"
    r debug one 2>/dev/null && fail "nothing to do is no error"
    r delete --force one
}

case_usage_and_block_statistics() {
    bundle sh -c 'dd if=/dev/zero of=/tmp/file bs=1024 count=2000 2>/dev/null; echo >/tmp/ready; sleep 1000'
    r run --detach --bundle "$work/bundle" one >/dev/null 2>&1 </dev/null
    await 20 r exec one test -e /tmp/ready || fail "not ready"
    r usage --format json one >"$work/usage"
    [ "$(number shared <"$work/usage")" -ge 2048000 ] || fail "usage: $(cat "$work/usage")"
    [ "$(number sentryResident <"$work/usage")" -gt 0 ] || fail "usage: $(cat "$work/usage")"
    r usage one | grep -q '^limit ' || fail "no table"
    r events --stats one | python3 -c 'import json, sys
for kind in json.load(sys.stdin)["data"]["blkio"].values():
    for entry in kind:
        assert sorted(entry) == ["major", "minor", "op", "value"] and entry["value"] >= 0, entry' || fail "events: $(r events --stats one)"
    r delete --force one
}

case_seccomp_of_the_configuration() {
    CONFIG='c["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"],
    "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28}]}' \
        bundle sh -c 'mkdir /tmp/x 2>&1; exec sleep 1000'
    r --oci-seccomp run --detach --bundle "$work/bundle" one >"$work/out" 2>&1 </dev/null
    await 20 grep -q 'No space left' "$work/out" || fail "the first process: $(cat "$work/out")"
    r exec one mkdir /tmp/y 2>"$work/err" && fail "exec is free"
    grep -q 'No space left' "$work/err" || fail "exec: $(cat "$work/err")"
    r delete --force one
    r run --detach --bundle "$work/bundle" one >"$work/out" 2>&1 </dev/null
    r exec one mkdir /tmp/y || fail "without the flag"
    r delete --force one
    config 'c["linux"]["seccomp"]["defaultAction"] = "NONE"'
    r --oci-seccomp run --bundle "$work/bundle" one 2>"$work/err" </dev/null && fail "a profile without an action"
    grep -q 'linux.seccomp' "$work/err" || fail "$(cat "$work/err")"
}
