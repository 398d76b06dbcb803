# Shared steps of run.sh and test.sh: packages, the runsc executable, the Debian root file system.
# Sourced, never run. Everything it makes lies under the checkout (artifacts/, .cache/), apart from Debian packages.

set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=$top/.cache
rootfs=$cache/rootfs
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 DOTNET_CLI_USE_MSBUILD_SERVER=0 MSBUILDDISABLENODEREUSE=1

# Flags that make a build leave no process behind and use no more than the two processors it was planned for.
build_flags=(-c Release --nologo -v quiet -m:2 -nodeReuse:false -p:UseSharedCompilation=false)

# What the build and the tests need on the machine: a command or file that proves it, and the Debian package that has it.
machine_needs=(
    /usr/bin/clang:clang
    /usr/bin/ld.lld:lld
    /usr/include/zlib.h:zlib1g-dev
    /usr/bin/gcc:gcc
    /usr/include/stdio.h:libc6-dev
    /usr/include/linux/openat2.h:linux-libc-dev
    /usr/bin/make:make
    /bin/busybox:busybox-static
    /usr/sbin/debootstrap:debootstrap
    /usr/bin/unshare:util-linux
    /usr/bin/script:bsdutils
    /usr/bin/python3:python3
    /usr/bin/cpio:cpio
    /usr/bin/qemu-system-x86_64:qemu-system-x86
    /usr/sbin/runc:runc
    /usr/bin/containerd:containerd
    /usr/sbin/dockerd:docker.io
    /usr/bin/podman:podman
    /usr/bin/perf:linux-perf
)

# The guest's Debian: minbase and the programs that tests/programs and fio-suites run.
rootfs_suite=bookworm
rootfs_packages=(
    busybox-static bzip2 ca-certificates file fio gcc git libc6-dev libpython3.11-testsuite make netbase nodejs perl
    procps python3 redis-server redis-tools rt-tests sqlite3 stress-ng sysbench xz-utils
)

# What begins, and after how many seconds.
step() { printf '==> %s (%s s)\n' "$*" "$SECONDS"; }

fail() { printf 'error: %s\n' "$*" >&2; exit 1; }

# Whatever is built lies in the checkout.
check_checkout() {
    local folder
    for folder in "$top" "$cache" "$top/artifacts"; do
        [ ! -e "$folder" ] || [ -w "$folder" ] || fail "$folder is not writable for $(id -un): build as its owner, or in a copy"
    done
}

quietly() { # log-name command...: shows the command's output only if it fails
    local log=$cache/log/$1.log
    shift
    mkdir -p "$cache/log"
    if ! "$@" >"$log" 2>&1; then
        cat "$log" >&2
        fail "'$*' failed; its output is above"
    fi
}

install_packages() {
    local need missing=()
    for need in "${machine_needs[@]}"; do
        [ -e "${need%%:*}" ] || missing+=("${need##*:}")
    done
    [ ${#missing[@]} -eq 0 ] && return 0
    [ "$(id -u)" -eq 0 ] || fail "these packages are missing and only root can install them: ${missing[*]}"
    step "installing packages: ${missing[*]}"
    quietly apt-update apt-get update -q
    DEBIAN_FRONTEND=noninteractive quietly apt-install apt-get install -y -q --no-install-recommends "${missing[@]}"
}

# One executable, artifacts/runsc, and beside it the names of its functions for profilers. Libraries' symbols stay in the temporary
# folder.
publish_runsc() {
    command -v dotnet >/dev/null || fail "the .NET SDK named in global.json is needed and 'dotnet' is not on the PATH"
    step "publishing artifacts/runsc (NativeAOT)"
    mkdir -p "$cache" "$top/artifacts"
    local out=$cache/publish
    rm -rf "$out"
    (cd "$top" && quietly publish dotnet publish runsc -r linux-x64 "${build_flags[@]}" -o "$out")
    install -m 755 "$out/runsc" "$top/artifacts/runsc.new"
    mv -f "$top/artifacts/runsc.new" "$top/artifacts/runsc"
    mv -f "$out/runsc.dbg" "$top/artifacts/runsc.dbg"
    rm -rf "$out"
}

# What containerd starts for the runtime type io.containerd.runsc.v1.
publish_shim() {
    step "publishing artifacts/containerd-shim-runsc-v1 (NativeAOT)"
    local out=$cache/publish-shim
    rm -rf "$out"
    (cd "$top" && quietly publish-shim dotnet publish shim -r linux-x64 "${build_flags[@]}" -o "$out")
    install -m 755 "$out/containerd-shim-runsc-v1" "$top/artifacts/containerd-shim-runsc-v1.new"
    mv -f "$top/artifacts/containerd-shim-runsc-v1.new" "$top/artifacts/containerd-shim-runsc-v1"
    rm -rf "$out"
}

# The harness, artifacts/perf: one file that needs the shared run time.
publish_perf() {
    step "publishing artifacts/perf"
    local out=$cache/publish-perf
    rm -rf "$out"
    (cd "$top" && quietly publish-perf dotnet publish perf "${build_flags[@]}" -p:RunAnalyzers=false -o "$out")
    install -m 755 "$out/perf" "$top/artifacts/perf.new"
    mv -f "$top/artifacts/perf.new" "$top/artifacts/perf"
    rm -rf "$out"
}

# The mirror this machine's own apt uses for the suite.
debian_mirror() {
    local targets mirror
    targets=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages')
    mirror=$(awk -v suite="$rootfs_suite" '$2 == suite && $3 == "main" { print $1; exit }' <<<"$targets")
    [ -n "$mirror" ] || fail "apt on this machine has no source for Debian $rootfs_suite main"
    printf '%s\n' "${mirror%/}"
}

# Packages of the list that .cache/rootfs does not have.
missing_from_rootfs() {
    local installed
    installed=$(awk '/^Package: / { name = $2 } /^Status: install ok installed/ { print name }' \
        "$rootfs/var/lib/dpkg/status" 2>/dev/null | sort -u)
    comm -13 <(printf '%s\n' "$installed") <(printf '%s\n' "${rootfs_packages[@]}" | sort -u)
}

# .cache/rootfs, made once; a stamp beside it says from which package list. What the list gains later is installed in place.
make_rootfs() {
    local stamp want
    want=$(printf '%s\n' "$rootfs_suite" "${rootfs_packages[@]}" | sha256sum | cut -d' ' -f1)
    stamp=$(cat "$cache/rootfs.stamp" 2>/dev/null || true)
    [ "$want" = "$stamp" ] && [ -x "$rootfs/bin/bash" ] && return 0
    [ "$(id -u)" -eq 0 ] || fail "only root can make the Debian root file system"
    if [ -x "$rootfs/bin/bash" ] && grep -q "^VERSION_CODENAME=$rootfs_suite\$" "$rootfs/etc/os-release"; then
        local missing
        missing=$(missing_from_rootfs)
        if [ -n "$missing" ]; then
            step "installing into .cache/rootfs: ${missing//$'\n'/ }"
            # shellcheck disable=SC2086,SC2016
            quietly rootfs-install unshare --mount --pid --fork --kill-child --propagation private bash -c '
                mount -t proc none "$1/proc"
                root=$1
                shift
                export DEBIAN_FRONTEND=noninteractive
                chroot "$root" apt-get update -q
                chroot "$root" apt-get install -y -q --no-install-recommends "$@" && chroot "$root" apt-get clean' \
                install "$rootfs" $missing
        fi
        printf '%s\n' "$want" >"$cache/rootfs.stamp"
        return 0
    fi
    step "making a Debian $rootfs_suite root file system in .cache/rootfs (once; some minutes)"
    local temporary=$cache/rootfs.new archives=$cache/archives
    rm -rf "$temporary"
    rm -f "$cache/rootfs.stamp"
    mkdir -p "$temporary" "$archives"
    # In a mount namespace of its own, so that nothing debootstrap mounts outlives it.
    DEBIAN_FRONTEND=noninteractive quietly debootstrap unshare --mount --propagation private \
        debootstrap --variant=minbase --cache-dir="$archives" \
        --include="$(IFS=,; printf '%s' "${rootfs_packages[*]}")" \
        "$rootfs_suite" "$temporary" "$(debian_mirror)"
    rm -rf "$temporary"/var/cache/apt/archives/*.deb "$rootfs"
    mv "$temporary" "$rootfs"
    printf '%s\n' "$want" >"$cache/rootfs.stamp"
}
