# Which platform auto takes, and what is said when one cannot be had. /dev/kvm is replaced in a mount name space of the case's own.

# with_kvm MAJOR MINOR OPTIONS command...: /dev/kvm is that device, on a file system mounted so.
with_kvm() {
    mkdir -p "$work/devices"
    # shellcheck disable=SC2016
    unshare --mount bash -c 'set -e
        mount -t tmpfs -o "$4" devices "$1"
        mknod "$1/kvm" c "$2" "$3"
        [ -e /dev/kvm ] || { mount -t tmpfs -o mode=755 none /dev; mknod -m 666 /dev/null c 1 3; mknod /dev/kvm c 1 3; }
        mount --bind "$1/kvm" /dev/kvm
        shift 4
        exec "$@"' devices "$work/devices" "$@"
}

auto() { timeout -k 5 120 "$runsc" --kvm-sentry=ring0 --root "$state" --debug-log "$work/log" do --root "$root" /bin/true; }

kvm() { "$runsc" --platform=kvm --root "$state" do --root "$root" /bin/true; }

said() { sed -n 's/^[0-9.]* ms platform auto: \(not kvm: .*\)/\1/p' "$work/log"; }

export runsc state work root
export -f auto kvm

case_auto_says_in_one_line_why_it_is_not_kvm() {
    with_kvm 10 232 nodev bash -c auto
    equal "not kvm: kvm platform: /dev/kvm may not be opened: run as root or join its group" "$(said)"
    rm "$work/log"
    with_kvm 10 199 dev bash -c auto
    equal "not kvm: kvm platform: there is no /dev/kvm: load the kvm_intel or kvm_amd module, or use --platform=systrap" "$(said)"
    rm "$work/log"
    [ -c /dev/kvm ] || return 0
    auto
    grep -q -E 'platform auto: (not kvm: .*|kvm: ring 0 runs on the CPU)$' "$work/log" || fail "$(cat "$work/log")"
}
case_a_device_that_may_not_be_opened_is_one_line() {
    rejected 'kvm platform: /dev/kvm may not be opened: run as root or join its group' with_kvm 10 232 nodev bash -c kvm
}
case_no_device_is_one_line() {
    rejected 'kvm platform: there is no /dev/kvm: load the kvm_intel or kvm_amd module' with_kvm 10 199 dev bash -c kvm
}
case_a_device_that_is_not_kvm_is_one_line() {
    rejected 'kvm platform: /dev/kvm does not speak version 12' with_kvm 1 3 dev bash -c kvm
}
