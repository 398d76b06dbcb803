# Bad and hostile input: one clear line that names the file or flag and the reason, the status that runc or a shell
# gives, nothing left behind.

case_no_command() { rejected 'command' run; }
case_unknown_command() { rejected 'frobnicate|command' run frobnicate; }
case_unknown_flag() {
    rejected '--no-such-flag|unrecognized|command' run --no-such-flag do /bin/true
    rejected '--no-such-flag' run do --no-such-flag /bin/true
}
case_unknown_platform() { rejected 'platform' "$runsc" --platform=nonsense do --root "$root" /bin/true; }
case_unknown_file_access() {
    rejected '--file-access: sometimes: neither exclusive nor shared' run --file-access=sometimes do --root "$root" /bin/true
    rejected '--file-access-mounts: no: neither' run --file-access-mounts=no do --root "$root" /bin/true
}
case_unknown_network() { rejected 'network' run --network=host do --root "$root" /bin/true; }
case_programs_that_cannot_run() {
    local pattern want program
    mkdir -p "$work/plain"; printf '#!/no/such/interpreter\n' >"$work/plain/script"; chmod 755 "$work/plain/script"
    while read -r want pattern program; do
        status "$want" run do --root "$root" --volume "$work/plain:/v" "$program"
        one_line "$pattern"
    done <<'TABLE'
127 no.such.file /no/such/program
127 no.such.file no-such-name-in-path
127 no.such.file /v/script
126 permission /etc/passwd
126 permission /etc
126 (not.a.directory|permission) /etc/passwd/below
TABLE
    bundle "$(args /no/such/program)"; rejected 'no such file' run_bundle
    bundle "$(args /etc/passwd)"; rejected 'permission' run_bundle
}
case_broken_program_files() {
    local kind
    mkdir -p "$work/broken"
    python3 "$here/broken_elf.py" "$root/bin/busybox" "$work/broken"
    for kind in "$work"/broken/*; do
        kind=${kind##*/}
        status "$([ "$kind" = interpreter-missing ] && echo 127 || echo 126)" run do --root "$root" --volume "$work/broken:/v" "/v/$kind"
        one_line "$kind"
    done
}
case_program_files_that_die_at_once() {
    # What Linux loads, and what then ends by a signal.
    local got=0
    mkdir -p "$work/fatal"
    python3 "$here/broken_elf.py" --fatal "$root/bin/busybox" "$work/fatal"
    for kind in "$work"/fatal/*; do
        got=0
        "$kind" >/dev/null 2>&1 </dev/null || got=$?
        status "$got" run do --root "$root" --volume "$work/fatal:/v" "/v/${kind##*/}"
    done
}
case_script_interpreters() {
    local kind native got problems=''
    mkdir -p "$work/scripts" "$work/native"
    printf '#!/var/loop\n' >"$work/scripts/loop"
    printf '#!/var/second a b\n' >"$work/scripts/first"; printf '#!/var/third\n' >"$work/scripts/second"; printf '#!/bin/echo third\n' >"$work/scripts/third"
    { printf '#!/bin/echo '; printf '%.0sx' $(seq 1 300); echo; } >"$work/scripts/long"
    { printf '#!/'; printf '%.0sx' $(seq 1 300); echo; } >"$work/scripts/longname"
    printf '#!\n' >"$work/scripts/nothing"; printf '#!   ' >"$work/scripts/blanks"
    chmod 755 "$work"/scripts/*
    mount --bind "$root" "$work/native"; mount --bind "$work/scripts" "$work/native/var"
    for kind in loop first long longname nothing blanks; do
        native=0; got=0
        python3 -c 'import os, sys
os.chroot(sys.argv[1])
try:
    os.execv(sys.argv[2], sys.argv[2:])
except OSError:
    sys.exit(126)' "$work/native" "/var/$kind" >"$work/out.native" 2>/dev/null || native=$?
        run do --root "$root" --volume "$work/scripts:/var" "/var/$kind" >"$work/out" 2>"$work/err" || got=$?
        [ "$got" -eq "$native" ] && cmp -s "$work/out" "$work/out.native" || problems="$problems $kind:$native/$got"
    done
    umount "$work/native/var" "$work/native"
    equal "" "$problems"
}
case_missing_root() { rejected 'no such|not found|does not exist|missing' run do --root "$work/none" /bin/true; }
case_root_is_a_file() { rejected 'director' run do --root "$root/etc/passwd" /bin/true; }
case_bad_volume() {
    rejected 'volume' run do --root "$root" --volume nonsense /bin/true
    rejected 'volume.*no such|exist' run do --root "$root" --volume "$work/none:/x" /bin/true
    rejected 'volume' run do --root "$root" --volume "$work:relative" /bin/true
    rejected 'volume' run do --root "$root" --volume "$work:/x:rx" /bin/true
    ln -s nowhere "$work/dangling"
    rejected 'volume.*no such' run do --root "$root" --volume "$work/dangling:/x" /bin/true
    ln -s loop "$work/loop"
    rejected 'volume.*symbolic' run do --root "$root" --volume "$work/loop:/x" /bin/true
}
case_bad_limits() {
    rejected 'memory' run do --root "$root" --memory none /bin/true
    rejected 'memory' run do --root "$root" --memory -5 /bin/true
    rejected 'pids' run do --root "$root" --pids-limit many /bin/true
}
case_limits_with_a_part_of_a_unit() {
    equal "MemTotal: 66048 kB" "$(in_box --memory 64.5M /bin/sh -c 'grep MemTotal /proc/meminfo' | xargs)"
    rejected 'memory' run do --root "$root" --memory 1.5 /bin/true
    rejected 'memory' run do --root "$root" --memory 1.2.3M /bin/true
    rejected 'memory' run do --root "$root" --memory .M /bin/true
    rejected 'pids-limit.*positive' run do --root "$root" --pids-limit -5 /bin/true
    rejected 'pids-limit.*positive' run do --root "$root" --pids-limit 0 /bin/true
}
case_empty_values() {
    local flag
    bundle "$(args /bin/true)"
    for flag in --root --debug-log --log --log-format --platform; do
        rejected "^runsc: $flag: (must not be empty|neither)" "$runsc" "$flag" '' run --bundle "$work/bundle" one
        rejected "^runsc: $flag: (must not be empty|neither)" "$runsc" "$flag=" run --bundle "$work/bundle" one
    done
    for flag in --bundle --pid-file --console-socket; do
        rejected "^runsc: run: $flag: must not be empty" run run "$flag" '' one
        rejected "^runsc: create: $flag: must not be empty" run create "$flag=" one
    done
    rejected 'spec: --bundle: must not be empty' run spec --bundle ''
    rejected 'config_file: must not be empty' run install --config_file ''
    rejected 'do: --root: must not be empty' run do --root '' /bin/true
    rejected 'do: --root: must not be empty' run do --root= /bin/true
    rejected 'exec: --cwd: must not be empty' run exec --cwd= one /bin/true
    (cd "$work" && status 0 run install --config_file daemon.json && grep -q runtimes daemon.json) || fail "a relative file: $(cat "$work/err")"
}
case_wording_is_ours() {
    rejected '^runsc: no command is given' run
    rejected '^runsc: kill: TERM2: one word too many' run kill one TERM TERM2
    rejected '^runsc: do: --platform=ptrace: a global flag: it stands before do' run do --platform=ptrace /bin/true
    rejected '^runsc: --pids-limit: many: not a number' run do --pids-limit many /bin/true
    status 0 run do --help
    grep -q '^ *runsc \[global options\] do \[options\] command\.\.\.$' "$work/out" || fail "$(head "$work/out")"
}
case_commands_without_their_words() {
    local command
    "$runsc" --help >"$work/help"
    for command in $(sed -n '/^Commands:/,$s/^  \([a-z]*\)[ ,<].*/\1/p' "$work/help"); do
        case $command in
            list | features | spec | syscalls | install | uninstall) continue ;;
            completion) rejected "^runsc: $command: shell is missing\$" run "$command" ;;
            do) rejected "^runsc: $command: command is missing\$" run "$command" ;;
            *) rejected "^runsc: $command: container-id is missing\$" run "$command" ;;
        esac
        ! grep -E 'Required|argument|not provided' "$work/err" || fail "the library's words"
        echo "$command" >>"$work/seen"
    done
    [ "$(wc -l <"$work/seen")" -ge 15 ] || fail "commands that were tried: $(xargs <"$work/seen")"
}
case_long_names_are_cut() {
    rejected '^runsc: .*\.\.\..*too long' run do --root "/$(head -c 5000 /dev/zero | tr '\0' x)" /bin/true
    [ "$(wc -c <"$work/err")" -lt 1100 ] || fail "$(wc -c <"$work/err") bytes"
}
case_paths_longer_than_linux_has() {
    local deep; deep=$(printf '/a%.0s' $(seq 1 3000))
    export deep
    script_bundle true 'c["mounts"].append({"destination": os.environ["deep"], "type": "tmpfs", "source": "tmpfs"})'
    rejected 'destination: .*too long' run_bundle
    script_bundle true 'c["mounts"].append({"destination": "/" + "n" * 256, "type": "tmpfs", "source": "tmpfs"})'
    rejected 'destination: .*too long' run_bundle
    script_bundle true 'c["mounts"].append({"destination": "/tmp", "type": "bind", "source": os.environ["deep"]})'
    rejected 'source: .*too long' run_bundle
    script_bundle true 'c["process"]["cwd"] = os.environ["deep"]'; rejected 'cwd: .*too long' run_bundle
    script_bundle true 'c["root"]["path"] = os.environ["deep"]'; rejected 'root.path: .*too long' run_bundle
    rejected 'volume: .*too long' run do --root "$root" --volume "$work:$deep" /bin/true
    rejected 'cwd: .*too long' run do --root "$root" --cwd "$deep" /bin/true
}
case_logs_that_cannot_be() {
    bundle "$(args /bin/true)"
    rejected '--log-format: zz: neither' run --log-format zz run --bundle "$work/bundle" one
    rejected '--log: .*no such file' run --log "$work/none/log" run --bundle "$work/bundle" one
    mkfifo "$work/fifo"
    rejected '--log: .*no such device' run --log "$work/fifo" run --bundle "$work/bundle" one
    rejected '--debug-log: .*no such device' run --debug-log "$work/fifo" do --root "$root" /bin/true
}
case_bad_names() { rejected 'hostname' run do --root "$root" --hostname "$(printf '%.0sx' $(seq 1 100))" /bin/true; }
case_relative_cwd() { rejected 'absolute' run do --root "$root" --cwd tmp /bin/true; }
case_missing_cwd() { rejected '/no/such' run do --root "$root" --cwd /no/such /bin/true; }
case_cwd_that_cannot_be_made() {
    script_bundle true 'c["process"]["cwd"] = "/proc/no/such"'
    rejected 'process.cwd: /proc/no/such: is not there and cannot be made: ' run_bundle
}
case_limits_without_descriptors() {
    local count
    for count in 0 2; do
        COUNT=$count script_bundle true 'c["process"]["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": int(os.environ["COUNT"]), "hard": 10}]'
        rejected "process.rlimits: RLIMIT_NOFILE of $count leaves no room for standard input, output and error" run_bundle
    done
    script_bundle 'echo enough' 'c["process"]["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 8, "hard": 8}]'
    equal enough "$(run_bundle)"
}
case_cwd_is_a_file() {
    rejected 'not a directory' run do --root "$root" --cwd /etc/passwd /bin/true
    script_bundle true 'c["process"]["cwd"] = "/etc/passwd"'; rejected 'not a directory' run_bundle
}
case_debug_log_in_a_missing_folder() { rejected 'debug-log.*no such' run --debug-log "$work/none/log" do --root "$root" /bin/true; }
case_state_directory_that_cannot_be_made() {
    bundle "$(args /bin/true)"
    : >"$work/file"
    rejected '--root: .*not a directory' timeout 60 "$runsc" --root "$work/file/state" run --bundle "$work/bundle" one
    rejected '--root: .*(read-only|permitted|no such)' timeout 60 "$runsc" --root /proc/nothing run --bundle "$work/bundle" one
    mkdir -m 555 "$work/locked"
    cp "$runsc" "$work/runsc"; chmod 755 "$work" "$work/runsc"
    rejected '--root: .*permission' setpriv --reuid 65534 --regid 65534 --clear-groups "$work/runsc" --root "$work/locked/state" run --bundle "$work/bundle" one
}
case_foreign_files_in_the_state_directory_stay() {
    mkdir -p "$work/mixed/empty" "$work/mixed/full"; : >"$work/mixed/full/file"; : >"$work/mixed/plain"
    bundle "$(args /bin/true)"
    status 0 timeout 60 "$runsc" --root "$work/mixed" run --bundle "$work/bundle" one
    equal "empty full plain" "$(ls "$work/mixed" | xargs)"
    rejected 'full' timeout 60 "$runsc" --root "$work/mixed" run --bundle "$work/bundle" full
    [ -e "$work/mixed/full/file" ] || fail "a foreign file is gone"
}

case_missing_bundle() { rejected 'no such|not found|exist|config.json' run run --bundle "$work/none" one; }
case_bundle_is_a_file() { : >"$work/file"; rejected 'not a directory' run run --bundle "$work/file" one; }
case_config_is_no_file() {
    bundle; rm "$work/bundle/config.json"; mkfifo "$work/bundle/config.json"; rejected 'config.json.*regular' run_bundle
    rm "$work/bundle/config.json"; mkdir "$work/bundle/config.json"; rejected 'config.json.*regular' run_bundle
    rmdir "$work/bundle/config.json"; ln -s /dev/zero "$work/bundle/config.json"; rejected 'config.json.*regular' run_bundle
    rm "$work/bundle/config.json"; ln -s config.json "$work/bundle/config.json"; rejected 'config.json.*symbolic' run_bundle
}
case_config_is_huge() {
    bundle; truncate -s 100G "$work/bundle/config.json"; rejected 'config.json.*larger' run_bundle
    bundle; { printf '{"ociVersion":"'; head -c 3000000 /dev/zero | tr '\0' x; printf '"}'; } >"$work/bundle/config.json"
    status 1 run_bundle
}
case_empty_config() { bundle; : >"$work/bundle/config.json"; rejected 'config.json' run_bundle; }
case_config_is_garbage() { bundle; head -c 10000 /dev/urandom >"$work/bundle/config.json"; rejected 'config.json' run_bundle; }
case_config_is_cut() { bundle; truncate -s 200 "$work/bundle/config.json"; rejected 'config.json' run_bundle; }
case_config_is_deep() {
    bundle; { printf '%.0s[' $(seq 1 100000); } >"$work/bundle/config.json"; rejected 'config.json' run_bundle
    bundle; { printf '{"x":'; printf '%.0s[' $(seq 1 1000); printf '%.0s]' $(seq 1 1000); printf '}'; } >"$work/bundle/config.json"; rejected 'config.json' run_bundle
}
case_config_with_a_member_twice_takes_the_last() {
    bundle "$(args /bin/echo last)"
    sed -i '0,/"process"/s/"process"/"process": {"args": ["\/bin\/echo", "first"], "cwd": "\/"}, "process"/' "$work/bundle/config.json"
    equal last "$(run_bundle)"
}

# Each line: what must be in the message, and the statement that breaks the configuration.
case_config_members() {
    local pattern statement count=0 problems=''
    script_bundle true
    cp "$work/bundle/config.json" "$work/good.json"
    while IFS='|' read -r pattern statement; do
        cp "$work/good.json" "$work/bundle/config.json"
        config "$statement"
        count=$((count + 1))
        (rejected "$pattern" run_bundle) || problems="$problems [$statement]"
    done <"$here/bad_members.txt"
    [ "$count" -gt 50 ] || fail "only $count"
    equal "" "$problems"
}
case_missing_rootfs() { bundle; rm -rf "$work/bundle/rootfs"; rejected 'root.path.*no such' run_bundle; }
case_rootfs_is_a_file() { bundle; rm -rf "$work/bundle/rootfs"; : >"$work/bundle/rootfs"; rejected 'root.path.*not a directory' run_bundle; }
case_rootfs_above_the_bundle_is_a_plain_path() { bundle 's/"path": *"rootfs"/"path": "..\/..\/nowhere"/'; rejected 'root|no such' run_bundle; }
case_mount_sources_that_are_not_there() {
    ln -s nowhere "$work/dangling"; ln -s loop "$work/loop"
    for source in "$work/none" "$work/dangling" "$work/loop"; do
        S=$source script_bundle true 'c["mounts"].append({"destination": "/x", "source": os.environ["S"], "options": ["bind"]})'
        rejected 'mounts\[[0-9]+\].source: .*(no such|symbolic)' run_bundle
    done
}
case_mount_destinations_do_not_escape() {
    # Symbolic links and ".." lead inside the container's root, whatever they say.
    mkdir -p "$work/outside" "$work/source"; echo data >"$work/source/file"
    S=$work O=$work/outside script_bundle 'cat /up/file /etc/dotdot/file /absolute/file 2>&1' '
src = os.environ["S"] + "/source"
c["mounts"] += [{"destination": d, "source": src, "options": ["bind"]} for d in ("/../../up", "/etc/../../etc/dotdot", "/absolute")]
c["mounts"].append({"destination": "/link" + os.environ["O"], "type": "tmpfs", "source": "tmpfs"})'
    ln -s / "$work/bundle/rootfs/link"
    mkdir "$work/bundle/rootfs/real"; ln -s ../../../../../../../real "$work/bundle/rootfs/absolute"
    status 0 run_bundle
    equal "data data data" "$(xargs <"$work/out")"
    equal "" "$(ls "$work/outside")"
    [ ! -e "$work/up" ] && [ ! -e "$work/bundle/rootfs/up" ] || fail "a mount point was made on the host"
}
case_mount_destinations_that_cannot_be() {
    script_bundle true 'c["mounts"].append({"destination": "/etc/passwd/x", "type": "tmpfs", "source": "x"})'
    rejected 'mount.*/etc/passwd/x' run_bundle
    script_bundle true 'c["mounts"].append({"destination": "/etc/passwd", "type": "tmpfs", "source": "x"})'
    rejected 'mount.*not a directory' run_bundle
    script_bundle true 'c["mounts"].append({"destination": "/link", "type": "tmpfs", "source": "x"})'
    ln -s / "$work/bundle/rootfs/link"
    rejected 'mount.*busy' run_bundle
    S=$root/etc/passwd script_bundle true 'c["mounts"].append({"destination": "/etc", "source": os.environ["S"], "options": ["bind"]})'
    rejected 'mount.*not a directory' run_bundle
    script_bundle true 'c["mounts"].append({"destination": "/cycle/x", "type": "tmpfs", "source": "x"})'
    ln -s cycle "$work/bundle/rootfs/cycle"
    rejected 'mount.*symbolic' run_bundle
    script_bundle true 'c["mounts"].append({"destination": "/x", "type": "tmpfs", "source": "x", "options": ["size=lots"]})'
    rejected 'mount.*invalid' run_bundle
}
case_bad_container_ids() {
    bundle
    for id in '' . .. a/b '../escape' "$(printf '%.0sx' $(seq 1 2000))" 'sp ace' $'n\nl' $'\xff'; do
        rejected 'id|name' run run --bundle "$work/bundle" "$id"
    done
    rejected 'container-id|argument' run run --bundle "$work/bundle"
}
case_unknown_words_and_flags_are_named() {
    rejected 'bogus: unknown command' "$runsc" bogus
    rejected '--bogus: unknown flag' "$runsc" --bogus do true
    rejected '--debug-log: needs a value' "$runsc" --debug-log
    rejected 'run: --bogus: unknown flag' run run --bogus -b "$work" one
    rejected 'run: --bundle: needs a value' run run --bundle
    rejected 'do: --bogus: unknown flag' run do --bogus true
    rejected "pids-limit.*number" run do --pids-limit x true
}
case_memory_limits_that_are_none() {
    rejected 'needs at least' run do --memory 1 true
    rejected 'more bytes than' run do --memory 99999999999999G true
    rejected 'not a positive number' run do --memory -5 true
    bundle; config 'c["linux"]["resources"] = {"memory": {"limit": 1000}}'
    rejected 'memory.limit.*needs at least' run_bundle one
}
case_wrong_types_say_what_is_expected() {
    bundle; config 'c["process"]["args"] = "sh"'
    rejected 'process.args.*expected a list' run_bundle one
    bundle; config 'c["process"]["terminal"] = 1'
    rejected 'process.terminal.*expected true or false' run_bundle one
    bundle; config 'c["process"]["user"]["uid"] = 4294967295'
    rejected 'process.user' run_bundle one
    bundle; config 'c["mounts"].append({"destination": "/mnt", "type": "tmpfs", "options": ["nosuch=1"]})'
    rejected 'mount tmpfs on /mnt with "nosuch=1"' run_bundle one
    : >"$work/bundle/config.json"
    rejected 'config.json: is empty' run_bundle one
}
