# What config.json says comes true (docs/oci.md).

case_bundle_runs() { bundle "$(args /bin/echo from the bundle)"; equal "from the bundle" "$(run_bundle)"; }
case_bundle_status() { script_bundle 'exit 7'; status 7 run_bundle; }
case_bundle_read_only_root() {
    script_bundle 'echo x >/file'
    status 1 run_bundle
    grep -qi 'read-only' "$work/err" || fail "$(cat "$work/err")"
    script_bundle 'echo x >/file && cat /file' 'c["root"]["readonly"] = False'
    equal x "$(run_bundle)"
    [ ! -e "$work/bundle/rootfs/file" ] || fail "the bundle's files changed"
}
case_bundle_names() {
    script_bundle 'hostname() { cat /proc/sys/kernel/$1; }; hostname hostname; hostname domainname' \
        'c["hostname"] = "inbox"; c["domainname"] = "example.org"'
    equal "inbox example.org" "$(run_bundle | xargs)"
}
case_bundle_user() {
    script_bundle 'busybox id -u; busybox id -g; busybox id -G; umask; grep NoNewPrivs /proc/self/status' \
        'c["process"]["user"] = {"uid": 1234, "gid": 5678, "umask": 0o77, "additionalGids": [7, 3]}'
    equal "1234 5678 5678 3 7 0077 NoNewPrivs: 1" "$(run_bundle | xargs)"
}
case_bundle_capabilities() {
    script_bundle 'grep ^Cap /proc/self/status' '
caps = ["CAP_KILL", "CAP_NET_BIND_SERVICE"]
c["process"]["user"] = {"uid": 1000, "gid": 1000}
c["process"]["capabilities"] = {"bounding": caps + ["CAP_CHOWN"], "permitted": caps, "inheritable": caps,
    "effective": caps, "ambient": ["CAP_KILL"]}'
    equal "CapInh: 0000000000000420 CapPrm: 0000000000000020 CapEff: 0000000000000020 CapBnd: 0000000000000421 CapAmb: 0000000000000020" \
        "$(run_bundle | xargs)"
}
case_bundle_limits_and_oom_score() {
    script_bundle 'ulimit -n; ulimit -Hn; ulimit -c; cat /proc/self/oom_score_adj' '
c["process"]["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 100, "hard": 200}, {"type": "RLIMIT_CORE", "soft": 0, "hard": 0}]
c["process"]["oomScoreAdj"] = 321'
    equal "100 200 0 321" "$(run_bundle | xargs)"
}
case_bundle_environment_and_home() {
    script_bundle 'echo $A $B $HOME' 'c["process"]["env"] = ["PATH=/bin", "A=1", "B=2", "A=3"]'
    equal "3 2 $(sed -n 's/^[^:]*:[^:]*:0:[^:]*:[^:]*:\([^:]*\):.*/\1/p' "$root/etc/passwd" | head -1)" "$(run_bundle)"
    script_bundle 'echo $HOME' 'c["process"]["env"] = ["PATH=/bin", "HOME=/mine"]'
    equal /mine "$(run_bundle)"
    script_bundle 'echo $HOME' 'c["process"]["user"] = {"uid": 31337, "gid": 0}'
    equal / "$(run_bundle)"
}
case_bundle_finds_the_program_by_path() {
    bundle; config 'c["process"]["args"] = ["echo", "found"]; c["process"]["env"] = ["PATH=/nowhere:/bin"]'
    equal found "$(run_bundle)"
}
case_bundle_makes_the_working_directory() {
    script_bundle 'busybox pwd' 'c["process"]["cwd"] = "/made/for/me"'
    equal /made/for/me "$(run_bundle)"
}
case_bundle_mount_options() {
    mkdir -p "$work/source/below"; echo data >"$work/source/file"
    SOURCE=$work/source script_bundle 'cat /b/file; (echo x >/r/file) 2>&1 | grep -o -i read-only; grep -E " (/b|/r|/t) " /proc/self/mounts | cut -d" " -f2-4' '
src = os.environ["SOURCE"]
c["mounts"] += [
    {"destination": "/b", "source": src, "options": ["bind", "nosuid", "nodev"]},
    {"destination": "/r", "type": "bind", "source": src, "options": ["rbind", "ro", "noexec"]},
    {"destination": "/t", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "noexec", "relatime", "size=1m", "mode=0700"]},
]'
    local shown
    shown=$(run_bundle)
    equal "data" "$(head -1 <<<"$shown")"
    equal "read-only" "$(sed -n 2p <<<"$shown" | tr A-Z a-z)"
    local line
    line=$(grep '^/b ' <<<"$shown"); [[ $line == *rw* && $line == *nosuid* && $line == *nodev* ]] || fail "$line"
    line=$(grep '^/r ' <<<"$shown"); [[ $line == *ro* && $line == *noexec* ]] || fail "$line"
    line=$(grep '^/t ' <<<"$shown"); [[ $line == *tmpfs*nosuid*noexec*relatime*size=1024k*mode=700* ]] || fail "$line"
    equal data "$(cat "$work/source/file")"
}
case_bundle_sees_what_the_host_does_to_shared_files() {
    mkdir -p "$work/source"; echo one >"$work/source/grows"
    SOURCE=$work/source script_bundle 'cat /v/comes /comes 2>&1 | grep -c -i no; cat /v/grows; busybox ls / /v >/dev/null; echo ready
read word; cat /v/comes /comes /v/grows; busybox ls /v | busybox xargs; busybox stat -c %s /v/grows; [ ! -e /goes ] && echo gone' '
c["root"]["readonly"] = False
c["mounts"] += [{"destination": "/v", "source": os.environ["SOURCE"], "options": ["bind"]}]'
    : >"$work/bundle/rootfs/goes"
    mkfifo "$work/in"
    : >"$work/out"
    run --overlay2=none --file-access=shared run --bundle "$work/bundle" one <"$work/in" >"$work/out" 2>"$work/err" &
    exec 7>"$work/in"
    until grep -q ready "$work/out"; do
        kill -0 $! 2>/dev/null || fail "it ended: $(cat "$work/out" "$work/err")"
        sleep 0.05
    done
    echo new >"$work/source/comes"; echo new >"$work/bundle/rootfs/comes"
    echo two >>"$work/source/grows"
    rm "$work/bundle/rootfs/goes"
    echo go >&7; exec 7>&-
    wait $! || fail "$(cat "$work/err")"
    equal "2 one ready new new one two comes grows 8 gone" "$(xargs <"$work/out")"
}
case_bundle_bind_of_one_mount_or_a_tree() {
    mkdir -p "$work/tree/sub"
    mount -t tmpfs tmpfs "$work/tree/sub"; echo inner >"$work/tree/sub/file"
    SOURCE=$work/tree script_bundle 'ls /one/sub; ls /all/sub' '
src = os.environ["SOURCE"]
c["mounts"] += [{"destination": "/one", "source": src, "options": ["bind"]}, {"destination": "/all", "source": src, "options": ["rbind"]}]'
    local shown
    shown=$(run_bundle) || shown="failed $shown"
    umount "$work/tree/sub"
    equal file "$shown"
}
case_bundle_mount_propagation() {
    script_bundle 'grep -E " (/|/s|/p|/u) " /proc/self/mountinfo | cut -d" " -f5- | sed "s/ - .*//"' '
c["linux"]["rootfsPropagation"] = "private"
for name, kind in (("/s", "shared"), ("/p", "rprivate"), ("/u", "unbindable")):
    c["mounts"].append({"destination": name, "type": "tmpfs", "source": "tmpfs", "options": [kind]})'
    local shown
    shown=$(run_bundle)
    grep -q '^/s .*shared:' <<<"$shown" || fail "$shown"
    grep -q '^/u .*unbindable' <<<"$shown" || fail "$shown"
    grep '^/p ' <<<"$shown" | grep -q shared && fail "$shown"
    script_bundle 'grep -E " / " /proc/self/mountinfo' 'c["linux"]["rootfsPropagation"] = "shared"'
    run_bundle | grep -q 'shared:' || fail "the root is not shared"
}
case_bundle_mounts_of_every_kind() {
    script_bundle 'for d in /proc/self /sys/kernel /dev/pts/ptmx /dev/shm /dev/mqueue; do [ -e $d ] || echo no $d; done; grep " /cg " /proc/self/mounts | cut -d" " -f3' '
c["mounts"].append({"destination": "/cg", "type": "cgroup", "source": "cgroup", "options": ["ro", "nosuid"]})'
    equal cgroup2 "$(run_bundle)"
}
case_bundle_read_only_dev_has_devices() {
    script_bundle 'echo x >/dev/null && busybox head -c 2 /dev/zero | busybox od -An -tx1; (echo x >/dev/new) 2>&1 | grep -o -i read-only' '
for m in c["mounts"]:
    if m["destination"] == "/dev":
        m["options"].append("ro")'
    equal "00 00 read-only" "$(run_bundle | tr A-Z a-z | xargs)"
}
case_bundle_devices() {
    script_bundle 'busybox stat -c "%F %a %u %g %t %T" /dev/mine /dev/queue; busybox head -c 1 /dev/mine | busybox od -An -tx1; [ -c /dev/null ] && echo default' '
c["linux"]["devices"] = [
    {"path": "/dev/mine", "type": "c", "major": 1, "minor": 5, "fileMode": 0o644, "uid": 3, "gid": 4},
    {"path": "/dev/queue", "type": "p", "fileMode": 0o600}]
c["mounts"] = [m for m in c["mounts"] if m["destination"] != "/dev/mqueue"]'
    equal "character special file 644 3 4 1 5 fifo 600 0 0 0 0 00 default" "$(run_bundle | xargs)"
}
case_bundle_devices_without_dev_mount() {
    script_bundle '[ -c /dev/null ] && echo x >/dev/null && echo fine' '
c["mounts"] = [m for m in c["mounts"] if not m["destination"].startswith("/dev")]'
    equal fine "$(run_bundle)"
}
case_bundle_masked_and_read_only_paths() {
    script_bundle 'busybox wc -c </etc/passwd; ls /etc/secret; (echo x >/etc/secret/new) 2>&1 | grep -o -i read-only; (echo x >/proc/sys/kernel/hostname) 2>&1 | grep -o -i read-only; echo x >/etc/other && echo written' '
c["root"]["readonly"] = False
c["linux"]["maskedPaths"] = ["/etc/passwd", "/etc/secret", "/no/such"]
c["linux"]["readonlyPaths"] = ["/proc/sys", "/no/such/either"]'
    mkdir "$work/bundle/rootfs/etc/secret"; echo x >"$work/bundle/rootfs/etc/secret/file"
    equal "0 read-only read-only written" "$(run_bundle | tr A-Z a-z | xargs)"
}
case_bundle_sysctl() {
    script_bundle 'cat /proc/sys/kernel/domainname /proc/sys/kernel/shmmni' '
c["linux"]["sysctl"] = {"kernel.domainname": "by.sysctl", "kernel.shmmni": "4096"}'
    equal "by.sysctl 4096" "$(run_bundle | xargs)"
    script_bundle true 'c["linux"]["sysctl"] = {"kernel.no_such_setting": "1"}'
    rejected 'linux.sysctl.*no_such_setting' run_bundle
    script_bundle true 'c["linux"]["sysctl"] = {"kernel.ostype": "Plan9"}'
    rejected 'linux.sysctl.*ostype' run_bundle
    script_bundle true 'c["linux"]["sysctl"] = {"../../etc/passwd": "x"}'
    rejected 'linux.sysctl' run_bundle
}
case_bundle_limits_of_the_whole() {
    script_bundle 'for i in 1 2 3 4 5 6 7 8 9 10; do busybox sleep 1 & done; wait' 'c["linux"]["resources"] = {"pids": {"limit": 6}, "devices": [{"allow": False, "access": "rwm"}]}'
    run_bundle >"$work/out" 2>"$work/err" && fail "more processes than the limit"
    grep -q -i 'fork' "$work/err" || fail "$(cat "$work/err")"
}
case_bundle_annotations_and_unknown_members_are_ignored() {
    script_bundle 'echo fine' 'c["annotations"] = {"a": "b"}; c["x-unknown"] = {"y": [1, None]}; c["process"]["apparmorProfile"] = "p"; c["vm"] = {}'
    equal fine "$(run_bundle)"
}
case_bundle_state_is_there_while_it_runs() {
    script_bundle 'echo ready; while :; do sleep 0.1; done'
    start run --bundle "$work/bundle" one
    grep -q "\"pid\":$(child_of_started boot)," "$state/one/state.json" || fail "no state: $(ls -R "$state")"
    rejected 'in use' run_bundle one
    kill -KILL "$started"; ended 137
    # Whatever a killed launcher left is taken over, or cleared away by the next one.
    equal "" "$(script_bundle true; run_bundle two; ls -A "$state")"
}
