# Terminals: what a bash on one shows, natively and in the sandbox; raw mode and its end.

debian=$top/.cache/rootfs
drive() { timeout -k 5 200 python3 "$here/terminal.py" "$@"; }
plain_bash=(/usr/bin/env -i PATH=/usr/bin:/bin TERM=xterm 'PS1=prompt> ' HISTFILE= INPUTRC=/dev/null
    /bin/bash --norc --noprofile -i)

native_dialogue() {
    mkdir -p "$work/debian"
    mount --rbind "$(readlink -f "$debian")" "$work/debian"
    mount --rbind /dev "$work/debian/dev"; mount -t proc proc "$work/debian/proc"; mount -t tmpfs tmpfs "$work/debian/tmp"
    drive dialogue chroot "$work/debian" "${plain_bash[@]}" >"$work/native.txt" || fail "natively: $(tail -c 600 "$work/native.txt")"
    umount -R "$work/debian"
}
same_dialogue() { # file
    cmp -s "$work/native.txt" "$1" || fail "$(diff "$work/native.txt" "$1" | head -20)"
}
case_terminal_of_a_command_is_as_native() {
    [ -x "$debian/bin/bash" ] || fail "no Debian root in .cache/rootfs (./run.sh makes it)"
    native_dialogue
    drive dialogue "$runsc" --platform="$platform" do --root "$debian" "${plain_bash[@]}" >"$work/box.txt" || fail "$(tail -c 600 "$work/box.txt")"
    same_dialogue "$work/box.txt"
}
case_terminal_of_a_bundle_is_as_native() {
    [ -x "$debian/bin/bash" ] || fail "no Debian root in .cache/rootfs (./run.sh makes it)"
    native_dialogue
    bundle
    D=$(readlink -f "$debian") config '
c["root"] = {"path": os.environ["D"], "readonly": False}
c["process"]["terminal"] = True
c["process"]["args"] = ["/bin/bash", "--norc", "--noprofile", "-i"]
c["process"]["rlimits"] = []
c["process"]["env"] = ["PATH=/usr/bin:/bin", "TERM=xterm", "PS1=prompt> ", "HISTFILE=", "INPUTRC=/dev/null"]
c["mounts"].append({"destination": "/tmp", "type": "tmpfs", "source": "tmpfs"})'
    drive dialogue "$runsc" --platform="$platform" --root "$state" run --bundle "$work/bundle" one >"$work/box.txt" || fail "$(tail -c 600 "$work/box.txt")"
    same_dialogue "$work/box.txt"
}
case_terminal_size_and_owner() {
    equal "33 99 exit status 0" "$(drive size 33 99 "$runsc" do --root "$root" /bin/busybox stty size | xargs)"
    script_bundle 'busybox stty size; busybox stat -c "%u %t" /proc/self/fd/0 -L; [ /dev/console -ef /dev/pts/0 ] && echo console' '
c["process"]["terminal"] = True
c["process"]["consoleSize"] = {"height": 20, "width": 70}
c["process"]["user"]["uid"] = 1000'
    equal "20 70 1000 88 console exit status 0" "$(drive size 33 99 "$runsc" --root "$state" run --bundle "$work/bundle" one | xargs)"
}
case_terminal_output_is_complete() {
    drive size 33 99 "$runsc" do --root "$root" /bin/sh -c 'busybox seq 1 20000; echo the end' >"$work/out"
    equal "20002" "$(wc -l <"$work/out")"
    equal "the end exit status 0" "$(tail -2 "$work/out" | xargs)"
}
case_terminal_is_restored() {
    local whom signal want loop='trap "exit 33" TERM INT HUP QUIT; echo READY; while :; do sleep 0.1; done'
    while read -r whom signal want; do
        equal "restored, status $want" "$(drive restore "$whom" "$signal" "$runsc" do --root "$root" /bin/sh -c "$loop" | head -1)"
    done <<'TABLE'
launcher TERM 33
launcher INT 33
launcher HUP 33
launcher QUIT 33
sandbox KILL 128
gofer KILL 128
launcher KILL -9
TABLE
    equal "restored, status 143" "$(drive restore launcher TERM "$runsc" do --root "$root" /bin/sh -c 'echo READY; exec sleep 1000' | head -1)"
}
case_terminal_that_goes_away_hangs_up() {
    mkdir -p "$work/volume"
    equal "status 5" "$(drive hangup "$runsc" do --root "$root" --volume "$work/volume:/v" /bin/sh -c 'trap "echo hup >/v/hup; exit 5" HUP; echo READY; while :; do sleep 0.1; done')"
    equal hup "$(cat "$work/volume/hup")"
    equal "status 129" "$(drive hangup "$runsc" do --root "$root" /bin/sh -c 'echo READY; while :; do sleep 0.1; done')"
}
case_terminal_input_may_be_a_pipe() {
    # As runc: the terminal is the one of another standard stream; the end of the pipe is no hang-up.
    script_bundle '[ -t 0 ] && [ -t 1 ] && sleep 0.3 && echo still here' 'c["process"]["terminal"] = True'
    drive size 24 80 /bin/sh -c "'$runsc' --root '$state' run --bundle '$work/bundle' one </dev/null" >"$work/out"
    equal "still here exit status 0" "$(xargs <"$work/out")"
}
case_job_in_the_background_is_not_stopped() {
    equal "ran exit status 0" "$(drive size 33 99 /bin/bash --norc --noprofile -i -c \
        "set -m; '$runsc' --platform=$platform do --root '$root' /bin/echo ran & wait %1" 2>&1 | tr -d '\r' | grep -a -o -E 'ran$|exit status [0-9]+' | uniq | xargs)"
}
case_end_of_input_typed_ahead() {
    local got=0
    timeout -k 5 60 script -qec "$runsc --platform=$platform do --root $root /bin/sh -c 'read x; echo got; tty'" /dev/null </dev/null >"$work/out" 2>&1 || got=$?
    equal 0 "$got"
    grep -a -q got "$work/out" || fail "$(cat "$work/out")"
}
