# A host that runs out of descriptors or room, and files that it changes under the sandbox. volume.c is the guest.

volume() { # flags of the sandbox... -- words of the guest...: on $work/v
    local flags=()
    while [ "$1" != -- ]; do flags+=("$1"); shift; done
    shift
    mkdir -p "$root/tests/cli" "$work/v"
    [ "$root/tests/cli/volume" -nt "$here/volume.c" ] \
        || gcc -static -O1 -Wall -Wno-unused-result -o "$root/tests/cli/volume" "$here/volume.c"
    run do --root "$root" --volume "$work/v:/v" "${flags[@]}" /tests/cli/volume "$@"
}

works=$'root: ok\nprogram: 0\nvolume: ok'

await_line() { # line file
    for _ in $(seq 1 600); do ! grep -q -x "$1" "$2" || return 0; sleep 0.1; done
    fail "no line '$1' in: $(head -c 300 "$2")"
}

case_the_soft_descriptor_limit_of_the_caller_is_not_the_sandboxs() {
    ulimit -Sn 128
    ulimit -Hn 4096
    in_box /bin/sh -c 'ulimit -Sn; echo up; sleep 5' >"$work/up" &
    local box=$! process got
    await_line up "$work/up"
    got=$(for process in $(pgrep -f '^runsc-(gofer|sandbox) '); do awk '/open files/ { print $4 }' "/proc/$process/limits"; done)
    wait $box || fail "status $?"
    equal $'4096\n4096' "$got"
    equal $'1024\nup' "$(cat "$work/up")"
}
case_more_directories_than_descriptors() {
    equal $'made 1500: ok\n'"$works"$'\nread 1500\nremoved 1500' "$(ulimit -n 512; volume -- wide 1500)"
    equal "" "$(ls -A "$work/v")"
}
case_deeper_than_descriptors() {
    equal $'down 1500: ok\n'"$works"$'\nup 1500: ok' "$(ulimit -n 512; volume -- deep 1500)"
    equal "" "$(ls -A "$work/v")"
}
case_more_open_files_than_descriptors() {
    equal $'held: ENFILE\nall written: yes\n'"$works" "$(ulimit -n 512; volume -- hold 2000)"
    equal "" "$(ls -A "$work/v")"
}
case_a_file_that_the_host_cuts_and_replaces() {
    mkdir -p "$work/v"
    { printf a; head -c 4999 /dev/zero; printf b; head -c 3191 /dev/zero; } >"$work/v/file"
    volume -- mapped >"$work/mapped" &
    local box=$!
    await_line mapped "$work/mapped"
    truncate -s 4096 "$work/v/file"
    touch "$work/v/cut"
    await_line shortened "$work/mapped"
    printf new >"$work/other"
    mv "$work/other" "$work/v/file"
    touch "$work/v/new"
    wait $box || fail "status $?"
    equal "before: 0 0 ab
mapped
load: 7, store: 7, first page: 0
write from it: EFAULT
read into it: EFAULT
read behind the end: 0
shortened
open file: a, name: n, mapping: 0 a
$works" "$(cat "$work/mapped")"
}
case_a_host_that_is_full() {
    mkdir -p "$work/v"
    mount -t tmpfs -o size=1m tmpfs "$work/v"
    local got
    got=$(volume -- full) || got="$got; status $?"
    umount "$work/v"
    equal $'sparse: ok\nwrite: ENOSPC\nstore into a hole: 7\nread into a hole: EFAULT\nunlink: ok\n'"$works" "$got"
}
case_a_host_file_system_that_is_made_read_only() {
    mkdir -p "$work/v" "$work/other"
    mount -t tmpfs tmpfs "$work/v"
    touch "$work/v/go"
    volume --volume "$work/other:/other" -- read-only >"$work/out" &
    local box=$! got=0
    await_line ready "$work/out"
    mount -o remount,ro "$work/v"
    touch "$work/other/begin"
    await_line refused "$work/out"
    mount -o remount,rw "$work/v"
    touch "$work/other/end"
    wait $box || got=$?
    umount "$work/v"
    equal 0 $got
    equal $'ready\ncreate: EROFS\nmkdir: EROFS\nunlink: EROFS\nread: ok\nrefused\n'"$works" "$(cat "$work/out")"
}
case_scripts_say_how_they_are_used() {
    status 2 "$top/run.sh" --build-only x; one_line '^usage: ./run.sh'
    status 2 "$top/test.sh" zork; grep -q '^usage: ./test.sh' "$work/err" || fail "$(cat "$work/err")"
    status 2 "$top/test.sh" --zork; grep -q '^usage: ./test.sh' "$work/err" || fail "$(cat "$work/err")"
    status 0 "$top/test.sh" --help; grep -q '^usage: ./test.sh' "$work/out" || fail "$(cat "$work/out")"
    mkdir -p "$work/checkout/scripts"
    cp "$top/run.sh" "$work/checkout/"; cp "$top/scripts/lib.sh" "$work/checkout/scripts/"
    chmod 755 "$work" "$work/checkout" "$work/checkout/scripts"
    status 1 setpriv --reuid 65534 --regid 65534 --clear-groups "$work/checkout/run.sh" --build-only
    one_line 'checkout is not writable'
    [ ! -s "$work/out" ] || fail "$(cat "$work/out")"
}
