#!/usr/bin/env bash
# Runs in the lab, with $RUNSC or artifacts/runsc: each case named prints "ok NAME", or "FAIL NAME: why".
set -euo pipefail

export RUNSC=${RUNSC:-$PWD/artifacts/runsc} GUEST_COMPILED=yes
root=.cache/guest/root
log=/tmp/log

place=ring0
in_ring0() { # seconds words...: in a sandbox whose Sentry is in ring 0, at $place, which must be so
    local seconds=$1
    shift
    rm -f "$log"
    timeout -k 5 "$seconds" "$RUNSC" --platform=kvm --kvm-sentry=$place --debug-log "$log" --count-calls \
        do --root "$root" "$@" </dev/null || return
    grep -q "the Sentry is in ring 0$([ $place = ring0 ] || echo ', on page tables of its own');" "$log" || { cat "$log"; return 1; }
}

# The verdict is found, kept, and taken from what was kept.
case_auto_takes_ring0() {
    local kept=/run/runsc-kvm round
    rm -f "$kept"
    for round in found kept; do
        rm -f "$log"
        timeout -k 5 120 "$RUNSC" --kvm-sentry=ring0 --debug-log "$log" do --root "$root" /bin/true
        grep -q 'platform auto: kvm: ring 0 runs on the CPU' "$log" || { echo "$round: $(head -n 5 "$log")"; return 1; }
        grep -q 'platform kvm: the Sentry is in ring 0; ring 0 runs on the CPU' "$log" || { cat "$log"; return 1; }
        grep -q "^kvm-verdict-2 $(cat /proc/sys/kernel/random/boot_id) \$" "$kept" || { cat "$kept"; return 1; }
    done
}

leaves() { sed -n 's/.*kvm: left ring 0 \([0-9]*\) times.*/\1/p' "$log"; }

spent_ms() { sed -n '$s/^\([0-9]*\)\..*/\1/p' "$log"; }

# Operations that need nothing of the host, in warm state: ring 0 is left no oftener for many more of them. The few times that are
# allowed are the collector's and the clock's, which do not count operations: freed memory wakes who gives it back, every 50 ms.
case_no_exits() {
    local kind few=200 many=4200 allowed less more bad=
    for kind in getpid read pread futex-wake pipe clock_gettime eventfd touch map-touch-unmap; do
        in_ring0 600 /tests/lab/calls "$kind" $few >/dev/null
        less=$(leaves)
        in_ring0 600 /tests/lab/calls "$kind" $many >/dev/null
        more=$(leaves)
        allowed=$((20 + $(spent_ms) / 50))
        echo "exits of $((many - few)) more rounds of $kind: $((more - less)) (allowed $allowed)"
        [ $((more - less)) -le $allowed ] && [ $allowed -lt $((many / 4)) ] || bad+=" $kind: $((more - less));"
    done
    [ -z "$bad" ] || { echo "ring 0 was left:$bad"; grep 'left ring 0 for' "$log"; return 1; }
}

# The same, where guests have nothing of the Sentry in their page tables.
case_no_exits_apart() { place=apart case_no_exits; }

case_conformance() {
    VSTEST_CONNECTION_TIMEOUT=900 timeout -k 5 1700 dotnet test tests/Platform --no-build -c Release --nologo \
        --filter 'FullyQualifiedName~KvmRing0Conformance|FullyQualifiedName~KvmApartConformance|FullyQualifiedName~KvmTests' 2>&1 | tail -n 40 | tee /tmp/conformance
    grep -q '^Passed!' /tmp/conformance
}

# The same with the Sentry on page tables of its own: guest-apart:AREA/PROGRAM.
case_guest-apart() { GUEST_CASE_SECONDS=120 GUEST_PLATFORMS=kvm-apart tests/guest/run "$1"; }

case_guest() { GUEST_CASE_SECONDS=120 GUEST_PLATFORMS=kvm-ring0 tests/guest/run "$1"; }

case_program() { PROGRAM_SECONDS=1500 GUEST_PLATFORMS=kvm-ring0 tests/programs/run "$1"; }

# The machine's own; nobody has mounted them.
have_groups() { mountpoint -q /sys/fs/cgroup || mount -t cgroup2 cgroup2 /sys/fs/cgroup; }

# A container of a dockerd that has the platform in the runtime's arguments.
case_docker() {
    local work=/tmp/docker daemon end=$((SECONDS + 600)) output status=0
    have_groups
    mkdir -p $work/data $work/root/{bin,etc,proc,sys,dev,tmp}
    cp /bin/busybox $work/root/bin/
    echo 'root:x:0:0:root:/root:/bin/sh' >$work/root/etc/passwd
    printf '{"runtimes": {"ours": {"path": "%s", "runtimeArgs": ["--platform=kvm", "--kvm-sentry=ring0", "--debug-log=%s"]}}}\n' \
        "$RUNSC" $work/log >$work/daemon.json
    export DOCKER_HOST=unix://$work/socket
    dockerd --config-file $work/daemon.json --data-root $work/data --exec-root $work/exec --pidfile $work/pid --host "$DOCKER_HOST" \
        --bridge=none --iptables=false --ip6tables=false --storage-driver vfs >$work/dockerd.log 2>&1 &
    daemon=$!
    until docker version >/dev/null 2>&1; do
        if [ $SECONDS -gt $end ] || ! kill -0 $daemon; then tail -n 5 $work/dockerd.log; return 1; fi
        sleep 1
    done
    tar -C $work/root -c . | docker import - box >/dev/null
    output=$(timeout -k 5 900 docker run --rm --runtime ours --network none box \
        /bin/busybox sh -c 'echo in $((6 * 7)); exit 3') || status=$?
    kill $daemon
    wait $daemon || true
    echo "the container: status $status, '$output'"
    grep -h 'the Sentry is in ' $work/log*
    [ "$output $status" = "in 42 3" ] && grep -q -h 'the Sentry is in ring 0;' $work/log* || { tail -n 5 $work/dockerd.log; return 1; }
}

# The life of a container without dockerd.
case_oci() {
    have_groups
    OCI_CALL_SECONDS=400 GUEST_PLATFORMS=kvm-ring0 tests/oci/run -v "$1"
}

# Everything at once, under signals, while the Sentry's collector runs all the time: 64 KiB are enough for it to begin.
churn_for() { # seconds
    local collections
    DOTNET_GCgen0size=10000 in_ring0 1500 /tests/lab/churn "$1" >/tmp/churn || { cat /tmp/churn; return 1; }
    cat /tmp/churn
    grep -q '^ok churn' /tmp/churn
    collections=$(sed -n 's/.*kvm: left ring 0 .* \([0-9]*\) garbage collections.*/\1/p' "$log")
    echo "garbage collections: $collections"
    [ "$collections" -gt 10 ]
}

case_churn_on_one() { churn_for 120; }

case_churn_on_two() { churn_for 600; }

case_churn_on_four() { churn_for 600; }

for name; do
    start=$SECONDS
    set +e
    (set -e; "case_${name%%:*}" "${name#*:}")
    status=$?
    set -e
    echo "($name: $((SECONDS - start)) s)"
    dmesg -c | grep -a -E 'segfault|trap |kvm.*(error|fail)' || true
    if [ $status -eq 0 ]; then echo "ok $name"; else echo "FAIL $name"; fi
done
