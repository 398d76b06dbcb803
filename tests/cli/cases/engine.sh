# What engines ask before they run anything, and where they are told of this executable.

case_features_are_what_there_is() {
    status 0 run features
    python3 -c 'import json, sys
f = json.load(sys.stdin)
assert f["ociVersionMin"] == "1.0.0" and f["ociVersionMax"] == "1.2.0"
assert f["hooks"] == ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"]
linux = f["linux"]
assert {"pid", "ipc", "uts", "mount", "network", "user", "cgroup"} <= set(linux["namespaces"])
assert len(linux["capabilities"]) == 41 and "CAP_SYS_ADMIN" in linux["capabilities"]
assert linux["cgroup"]["v1"] and linux["cgroup"]["v2"] and linux["cgroup"]["systemd"]
assert linux["seccomp"]["enabled"] and "SCMP_ACT_NOTIFY" not in linux["seccomp"]["actions"]
assert {"ro", "rbind", "nosuid", "rprivate", "noatime"} <= set(f["mountOptions"])
assert not linux["apparmor"]["enabled"] and not linux["selinux"]["enabled"]' <"$work/out" || fail "$(cat "$work/out")"
}
case_install_and_uninstall_edit_one_entry() {
    local file=$work/daemon.json
    runtime_of() { python3 -c 'import json, sys
c = json.load(open(sys.argv[1]))
print(c.get("debug"), sorted(c["runtimes"]), c["runtimes"].get("box", {}).get("runtimeArgs"))' "$file"; }
    printf '{"debug": true, "runtimes": {"other": {"path": "/bin/true"}}}' >"$file"
    chmod 600 "$file"
    cp -p "$file" "$work/was"
    status 0 run install --config_file "$file" --runtime box -- --platform=ptrace --debug-log /tmp/x
    equal "True ['box', 'other'] ['--platform=ptrace', '--debug-log', '/tmp/x']" "$(runtime_of)"
    equal "$(readlink -f "$runsc")" "$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["runtimes"]["box"]["path"])' "$file")"
    cmp "$file~" "$work/was" || fail "no copy of what was"
    equal "600 600" "$(stat -c %a "$file" "$file~" | xargs)"
    status 0 run install --config_file "$file" --runtime box
    equal "True ['box', 'other'] []" "$(runtime_of)"
    status 0 run uninstall --config_file "$file" --runtime box
    equal "True ['other'] None" "$(runtime_of)"
    rejected 'uninstall: there is no runtime box' run uninstall --config_file "$file" --runtime box
    local broken
    for broken in '{"debug": ' '[]' '{"runtimes": 5}' ''; do
        printf '%s' "$broken" >"$file"
        rejected 'daemon.json: ' run install --config_file "$file"
        equal "$broken" "$(cat "$file")"
    done
    rm -f "$file" "$file~"
    status 0 run install --config_file "$work/new/etc/daemon.json" --runtime box
    [ ! -e "$work/new/etc/daemon.json~" ] || fail "a copy of nothing"
    equal "daemon.json" "$(ls "$work/new/etc")"
}
