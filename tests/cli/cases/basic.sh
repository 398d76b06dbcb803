# What works: output, status, environment, volumes, words that are no UTF-8.

case_version() { status 0 "$runsc" --version; grep -q -E '[0-9]' "$work/out" || fail "no version"; }
case_help_names_every_command_and_flag() {
    status 0 "$runsc" --help
    local word
    for word in do run spec syscalls --root --platform --debug-log --strace --network; do
        grep -q -w -e "$word" "$work/out" || fail "--help does not name $word"
    done
    status 0 "$runsc" do --help
    for word in --root --cwd --volume --hostname --memory --pids-limit; do
        grep -q -w -e "$word" "$work/out" || fail "do --help does not name $word"
    done
    status 0 "$runsc" run --help
    grep -q -e --bundle "$work/out" || fail "run --help does not name --bundle"
}
case_exit_status_is_the_programs() { status 0 in_box /bin/true; status 1 in_box /bin/false; status 42 in_box /bin/sh -c 'exit 42'; }
case_death_by_signal_is_128_plus() {
    status 139 in_box /tests/signal/frame role:crash
    status 137 in_box /bin/sh -c 'sh -c "kill -9 \$\$"; exit $?'
    status 137 in_box /bin/sh -c 'kill -9 $$'
    status 143 in_box /bin/sh -c 'kill -TERM $$'
}
case_output_and_input_pass_through() {
    equal "out" "$(in_box /bin/echo out)"
    equal "through" "$(echo through | in_box /bin/cat)"
    in_box /bin/sh -c 'echo err >&2' 2>"$work/err" || fail "status"
    equal "err" "$(cat "$work/err")"
    equal "1000000" "$(head -c 1000000 /dev/zero | in_box /bin/cat | wc -c)"
}
# A reader that has gone ends the writer with SIGPIPE, as natively; a program that ignores it gets EPIPE.
without_reader() { # command...: its status goes to $work/status
    { local got=0; in_box "$@" 2>"$work/err" || got=$?; echo "$got" >"$work/status"; } | head -n 1 >"$work/out"
}
case_a_reader_that_has_gone_ends_the_writer() {
    without_reader /bin/busybox yes
    equal "141 y" "$(cat "$work/status" "$work/out" | tr '\n' ' ' | sed 's/ $//')"
    equal "" "$(cat "$work/err")"
    without_reader /bin/sh -c 'while :; do echo again; done'
    equal 141 "$(cat "$work/status")"
    without_reader /bin/sh -c 'trap "" PIPE; while echo again; do :; done 2>/dev/null; exit 7'
    equal 7 "$(cat "$work/status")"
}
case_a_peer_that_has_gone_ends_the_writer() {
    cat >"$work/peer.py" <<'EOF'
import socket, subprocess, sys
ours, theirs = socket.socketpair()
child = subprocess.Popen(sys.argv[1:], stdout=theirs, stderr=subprocess.DEVNULL)
theirs.close()
ours.recv(1)
ours.close()
print(child.wait())
EOF
    equal 141 "$(python3 "$work/peer.py" timeout -k 5 60 "$runsc" --platform="$platform" --root "$state" \
        do --root "$root" /bin/busybox yes)"
}
# What a shell does with redirected files is the same natively and in the sandbox.
same_as_natively() { # script
    local where command=("$root/bin/busybox")
    printf 'hello\nworld\n' >"$work/in"
    for where in native box; do
        PATH=$root/bin:$PATH "${command[@]}" sh -c "$1" <"$work/in" >"$work/$where" 2>"$work/$where.err" \
            || echo "status $?" >>"$work/$where.err"
        command=(in_box /bin/busybox)
    done
    cmp "$work/native" "$work/box" >>"$work/why" || fail "$1: $(od -c "$work/box" | head -n 5)"
    cmp "$work/native.err" "$work/box.err" >>"$work/why" || fail "$1: $(cat "$work/box.err")"
}
case_a_redirected_file_opened_again_has_its_own_position() {
    same_as_natively 'echo one; echo two >/dev/stdout; echo three'
    same_as_natively 'echo one; echo two >>/dev/stdout; echo three'
    same_as_natively 'echo one; exec 3>>/proc/self/fd/1; echo two >&3; echo three; echo four >&3'
    same_as_natively 'busybox head -c 1 /dev/stdin; busybox head -c 1 /proc/self/fd/0; cat; cat /dev/stdin'
    same_as_natively 'read line; read again </dev/stdin; echo "$line $again"; cat'
    same_as_natively 'busybox dd if=/dev/stdin bs=1 skip=6 2>/dev/null; busybox wc -c'
}
case_an_inherited_descriptor_gives_no_more_than_it_may() {
    echo hello >"$work/in"
    local got=0
    in_box /bin/sh -c 'echo no >>/dev/stdin' <"$work/in" 2>"$work/err" || got=$?
    [ "$got" -ne 0 ] || fail "a file open for reading was written"
    equal hello "$(cat "$work/in")"
    equal "" "$(in_box /bin/busybox cat /dev/stdout 2>"$work/err" >"$work/new"; cat "$work/new")"
    grep -q -i 'permission denied' "$work/err" || fail "$(cat "$work/err")"
}
case_appending_output_goes_to_the_end() {
    echo begin >"$work/log"
    in_box /bin/sh -c 'echo one; echo two >>/dev/stdout; echo three' >>"$work/log"
    equal "begin one two three" "$(tr '\n' ' ' <"$work/log" | sed 's/ $//')"
}
case_a_redirected_file_can_be_mapped() {
    printf 'mapped\n' >"$work/in"
    equal "mapped mapped" "$(in_box /tests/file/io role:map_input <"$work/in" | tr '\n' ' ' | sed 's/ $//')"
}
case_names_and_sizes_of_inherited_descriptors() {
    equal 65536 "$(: | in_box /tests/file/io role:input_pipe_size 2>"$work/err")"
    local name
    name=$(: | in_box /bin/busybox readlink /proc/self/fd/0)
    [[ $name == pipe:\[*\] ]] || fail "a pipe is $name"
    name=$(in_box /bin/busybox readlink /proc/self/fd/0 <"$root/etc/passwd")
    [[ $name == "/host:["*"] (deleted)" ]] || fail "a file is $name"
    equal 1 "$(printf 'one\n' >"$work/in"; in_box /bin/busybox wc -l /proc/self/fd/0 <"$work/in" | cut -d' ' -f1)"
}
# Without notices of what the host does, tail polls; it knows from the type of the file system.
case_tail_follows_what_the_host_appends() {
    mkdir -p "$work/volume"
    echo ready >"$work/volume/log"
    start do --root / --volume "$work/volume:/tmp" tail -n +1 -f /tmp/log
    echo appended >>"$work/volume/log"
    for _ in $(seq 1 400); do grep -q appended "$work/out" && break; sleep 0.05; done
    kill "$started"
    ended 143
    grep -q appended "$work/out" || fail "tail did not see it"
    equal "fuseblk" "$(run do --root / --volume "$work/volume:/tmp" stat -f -c %T /tmp)"
    equal "fuse.gofer" "$(run do --root / --volume "$work/volume:/tmp" sed -n 's/^[^ ]* \/tmp \([^ ]*\) .*/\1/p' /proc/mounts | tail -n 1)"
}
case_environment_and_cwd() {
    equal "value" "$(FOO=value in_box /bin/sh -c 'echo $FOO')"
    equal "/tmp" "$(run do --root "$root" --cwd /tmp /bin/busybox pwd)"
    equal "box" "$(run do --root "$root" --hostname box /bin/busybox hostname)"
}
case_environment_keeps_its_order() {
    equal "$(env -i Z=1 A=2 M=3 env | grep -v -e ^_ -e PWD -e SHLVL)" \
        "$(env -i Z=1 A=2 M=3 "$runsc" --platform="$platform" do --root "$root" /bin/busybox env)"
}
case_words_that_are_no_utf8_pass() {
    local word=$'a\xff\xfe\x80b' got
    got=$(in_box /bin/echo "$word" | od -An -tx1)
    equal "$(printf '%s\n' "$word" | od -An -tx1)" "$got"
    got=$(BAD="$word" in_box /bin/sh -c 'echo "$BAD"' | od -An -tx1)
    equal "$(printf '%s\n' "$word" | od -An -tx1)" "$got"
}
case_file_names_that_are_no_utf8_pass() {
    local name=$'n\xe9\xff'
    mkdir -p "$work/$name"
    echo inside >"$work/$name/$name"
    equal "inside" "$(run do --root "$root" --volume "$work/$name:/tmp/$name" /bin/cat "/tmp/$name/$name")"
    equal "inside" "$(run do --root "$root" --volume "$work/$name:/v" --cwd /v /bin/cat "$name")"
    bundle "$(args /bin/echo odd)"
    mv "$work/bundle" "$work/$name/bundle"
    equal "odd" "$(run run --bundle "$work/$name/bundle" one)"
    rejected 'config.json' run run --bundle "$work/$name" one
    grep -q -a -F "$name" "$work/err" || fail "the name is not shown as it is"
}
case_words_that_look_like_ours_reach_the_command() {
    equal "--root --help @file -- [suggest] -v" "$(in_box /bin/echo --root --help @file -- '[suggest]' -v)"
    equal "-- --cwd" "$(run do --root "$root" -- /bin/echo -- --cwd)"
}
case_writes_are_discarded() {
    status 0 in_box /bin/sh -c 'echo x >/written && /bin/busybox rm /etc/passwd && cat /written'
    [ ! -e "$root/written" ] && [ -e "$root/etc/passwd" ] || fail "the host's files changed"
}
case_volumes() {
    mkdir -p "$work/volume"; echo content >"$work/volume/file"
    equal "content" "$(run do --root "$root" --volume "$work/volume:/v:ro" /bin/cat /v/file)"
    status 1 run do --root "$root" --volume "$work/volume:/v:ro" /bin/sh -c 'echo y >/v/file'
    status 0 run do --root "$root" --volume "$work/volume:/v" /bin/sh -c 'echo new >/v/made'
    equal "new" "$(cat "$work/volume/made")"
    equal "content" "$(run do --root "$root" --volume "$work/volume/file:/etc/passwd" /bin/cat /etc/passwd)"
}
# Of sysfs no file can be mapped; the process that tries goes on.
case_a_file_of_the_host_that_cannot_be_mapped() {
    local said
    said=$(run do --root "$root" --volume /sys/kernel:/k:ro /tests/memory/map role:map_refused /k/uevent_seqnum) || fail "status $?"
    [[ $said == refused* ]] || fail "said $said"
}
case_a_host_without_executable_memory_files() {
    [ "$(id -u)" = 0 ] && [ -e /proc/sys/vm/memfd_noexec ] || return 0
    # shellcheck disable=SC2016
    equal up "$(unshare --pid --fork --mount-proc sh -c 'echo 2 >/proc/sys/vm/memfd_noexec && exec "$@"' sh \
        timeout -k 5 120 "$runsc" --platform="$platform" --root "$state" do --root "$root" /bin/echo up)"
}
case_standard_streams_may_be_closed() { status 0 bash -c "'$runsc' --platform=$platform do --root '$root' /bin/true <&- 2>&-"; }
case_without_privileges() {
    command -v setpriv >/dev/null || fail "no setpriv(1)"
    cp "$runsc" "$work/runsc"; chmod 755 "$work" "$work/runsc"
    # With user name spaces it works; without them it is one line.
    local got=0
    setpriv --reuid 65534 --regid 65534 --clear-groups "$work/runsc" --root "$work/nobody" do --root / /bin/true 2>"$work/err" || got=$?
    [ "$got" -le 1 ] && [ "$(wc -l <"$work/err")" -eq "$got" ] || fail "status $got: $(head -c 500 "$work/err")"
}
case_a_bundle_runs_without_privileges() {
    cp "$runsc" "$work/runsc"; chmod 755 "$work" "$work/runsc"
    bundle "$(args /bin/busybox id -u)"
    mkdir -p "$work/nobody"; chown -R 65534:65534 "$work/nobody" "$work/bundle"
    local got=0
    setpriv --reuid 65534 --regid 65534 --clear-groups "$work/runsc" --root "$work/nobody" run --bundle "$work/bundle" one \
        >"$work/out" 2>"$work/err" || got=$?
    [ "$got" -le 1 ] && [ "$(wc -l <"$work/err")" -eq "$got" ] || fail "status $got: $(head -c 500 "$work/err")"
    [ "$got" -eq 1 ] || equal 0 "$(cat "$work/out")"
    equal "" "$(ls -A "$work/nobody")"
}
case_spec_does_not_overwrite() { mkdir -p "$work/s"; status 0 run spec --bundle "$work/s"; rejected 'config.json' run spec --bundle "$work/s"; }
case_syscalls_lists() { status 0 run syscalls; grep -q -w getpid "$work/out" || fail "no getpid"; }
# No thread of the sandbox's processes holds a capability (the gofer: those that files take), may gain one, or is without a
# system-call filter.
case_every_thread_is_confined() {
    local pid task allowed status
    start do --root "$root" /bin/sh -c 'sleep 1000 & echo ready; wait'
    for pid in $(processes); do
        [ "$pid" -ne "$started" ] || continue
        allowed=0000000000000000
        ! tr '\0' ' ' <"/proc/$pid/cmdline" | grep -q gofer || allowed=$(sed -n 's/^CapEff:\t//p' "/proc/$pid/status")
        (( 0x$allowed >> 21 & 1 )) && fail "process $pid holds CAP_SYS_ADMIN"
        for task in "/proc/$pid/task"/*; do
            status=$(cat "$task/status" 2>/dev/null) || continue
            for set in CapInh CapPrm CapEff CapBnd CapAmb; do
                grep -q -E "^$set:.($allowed|0000000000000000)$" <<<"$status" || fail "$task: $(grep "^$set" <<<"$status")"
            done
            grep -q '^NoNewPrivs:.1$' <<<"$status" || fail "$task may gain privileges"
            grep -q '^Seccomp:.2$' <<<"$status" || fail "$task has no filter"
        done
    done
    kill -TERM "$started"; ended 143
}
case_closed_streams_are_closed_inside() {
    equal closed "$(in_box /bin/busybox sh -c '[ -e /proc/self/fd/0 ] || echo closed' <&-)"
    in_box /bin/busybox sh -c '[ -e /proc/self/fd/1 ] || echo closed >&2' >&- 2>"$work/err" || fail "status"
    equal closed "$(cat "$work/err")"
    equal closed "$(in_box /bin/busybox sh -c '[ -e /proc/self/fd/2 ] || echo closed' 2>&-)"
    status 1 "$runsc" run --bundle "$work/nothing" one 2>&-
}
case_own_output_that_cannot_be_written_is_an_error() {
    local word
    for word in --version --help syscalls; do
        local got=0
        "$runsc" "$word" >/dev/full 2>"$work/err" || got=$?
        equal 1 "$got"
        one_line 'standard output: no space left'
    done
    "$runsc" --help >&- 2>"$work/err" || true
    [ "$(wc -l <"$work/err")" -le 1 ] || fail "$(cat "$work/err")"
}
case_limits_of_the_caller_on_file_sizes() {
    equal in "$(ulimit -S -f 0; in_box /bin/echo in)"
    equal 5 "$(ulimit -S -f 0; in_box /bin/sh -c 'echo four >/tmp/f; wc -c </tmp/f')"
    # A hard limit can be lifted by those who may (CAP_SYS_RESOURCE).
    (ulimit -f 100000; in_box /bin/echo in >/dev/null 2>"$work/err") || one_line 'limit on file sizes'
}
case_over_the_hosts_root_it_starts_where_the_caller_is() {
    mkdir -p "$work/here"
    echo found >"$work/here/file"
    equal found "$(cd "$work/here" && run do /bin/cat file)"
    equal "$work/here" "$(cd "$work/here" && run do /bin/sh -c 'echo $PWD')"
    equal / "$(cd "$work/here" && run do --root "$root" /bin/sh -c 'pwd')"
    equal / "$(cd /proc && run do /bin/pwd)"
}
case_guest_words_are_the_guests() {
    equal '--root --platform=x --help -- []' "$(in_box /bin/echo --root --platform=x --help -- '[]')"
    # shellcheck disable=SC2046
    equal 110000 "$(in_box /bin/sh -c 'echo $#' sh $(seq 1 110000))"
}
case_strace_is_the_trace_alone() {
    status 3 run --strace do --root "$root" /bin/sh -c 'exit 3'
    grep -q 'exit_group(3) = ?' "$work/err" || fail "$(tail -3 "$work/err")"
    equal 1 "$(grep -c 'exit_group(' "$work/err")"
    equal "" "$(grep -v -E '^[0-9.]+ ms \[[0-9]+:[0-9]+ ' "$work/err")"
}
case_umask_of_the_caller() { equal 0027 "$(umask 027; in_box /bin/sh -c umask)"; }
case_the_executable_may_be_named_like_a_command() {
    local name got=0
    for name in start.base start do; do
        cp "$runsc" "$work/$name"
        got=0
        (exec -a "$name" "$work/$name" --root "$state" start nobody) 2>"$work/err" || got=$?
        equal "1 runsc: container does not exist" "$got $(cat "$work/err")"
        equal "here" "$(exec -a "$name" "$work/$name" --platform="$platform" do --root "$root" /bin/echo here)"
        "$work/$name" "[suggest:2]" cr | grep -q -x create || fail "$name suggests no create"
    done
}
