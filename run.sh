#!/usr/bin/env bash
# From a fresh Debian 12 machine to programs running in the sandbox, and a first look at its speed. With --build-only it stops at
# the executables.
. "$(dirname "${BASH_SOURCE[0]}")/scripts/lib.sh"

usage() { printf 'usage: ./run.sh [--build-only]\n'; }

build_only=no
[ $# -le 1 ] || { usage >&2; exit 2; }
case ${1-} in
    '') ;;
    --build-only) build_only=yes ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
esac

check_checkout
install_packages
publish_runsc
publish_shim
publish_perf
if [ "$build_only" = yes ]; then
    step "done: artifacts/runsc, artifacts/containerd-shim-runsc-v1, artifacts/perf"
    exit 0
fi
make_rootfs

runsc=$top/artifacts/runsc
step "busybox in the sandbox"
"$runsc" do --root "$rootfs" /bin/busybox sh -c 'busybox uname -a; busybox echo "busybox runs as $(busybox id -un), process $$"'
step "bash in the sandbox"
"$runsc" do --root "$rootfs" /bin/bash -c \
    'echo "bash $BASH_VERSION on $(. /etc/os-release; echo "$PRETTY_NAME")"; ls / | sort | tr "\n" " "; echo; head -n 3 /proc/meminfo'
# Whatever is missing or fails, or takes longer than anyone would wait, is said in the table's place; it is no fault of the build.
runtimes=native,runsc-systrap,runsc-ptrace
[ ! -x /usr/sbin/runc ] || runtimes=native,runc,runsc-systrap,runsc-ptrace
[ ! -c /dev/kvm ] || runtimes=$runtimes,runsc-kvm
step "native, runc and our platforms: one run of each, so no more than a first look (perf/README.md)"
PERF_COLUMNS=100 timeout -k 10 300 "$top/artifacts/perf" run start "micro getpid" "fio-random read 4k root psync buffered" "sysbench-cpu 1" \
    "redis GET" --runs 1 --warm-ups 0 --limit 20 --runtimes $runtimes || true
step "done: try  artifacts/runsc do --root .cache/rootfs /bin/bash"
