# shellcheck shell=bash
# What the runner and its cases use: the daemon, the image, ctr.

socket=/run/ctrd.sock
# Also the name of the containers' control groups.
export CONTAINERD_NAMESPACE=$GROUP-$PART

make_runtimes() {
    mkdir -p "$work/bin"
    cp "$shim" "$work/bin/containerd-shim-runsc-v1"
    printf '#!/bin/sh\nexec %s --platform=%s --overlay2=none "$@"\n' "$runsc" "$platform" >"$work/bin/runsc"
    chmod 755 "$work/bin/runsc"
    export PATH=$work/bin:$PATH
    # Flags for pods: those of the script, and a log that shows that they came.
    printf '[runsc_config]\n  debug-log = "%s"\n' "$work/pods.log" >"$work/pods.toml"
}

start_containerd() {
    cat >"$work/config.toml" <<EOF
version = 2
root = "$work/data"
state = "/run/ctrd"
[grpc]
  address = "$socket"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "docker.io/library/pause:1"
  disable_apparmor = true
  restrict_oom_score_adj = true
  max_container_log_line_size = 16384
  [plugins."io.containerd.grpc.v1.cri".containerd]
    default_runtime_name = "runsc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runsc]
      runtime_type = "io.containerd.runsc.v1"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runsc.options]
        TypeUrl = "runtimeoptions.v1.Options"
        ConfigPath = "$work/pods.toml"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.ours]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.ours.options]
        BinaryName = "$work/bin/runsc"
EOF
    containerd --config "$work/config.toml" >"$work/containerd.log" 2>&1 &
    local daemon=$! try
    for try in $(seq 1 600); do
        ctr -a "$socket" version >/dev/null 2>&1 && return 0
        kill -0 "$daemon" 2>/dev/null || break
        sleep 0.1
    done
    give_up "containerd does not start here: $(tail -3 "$work/containerd.log")"
}

blob() { # file type: puts it into the layout and prints its descriptor
    local digest size
    digest=$(sha256sum "$1" | cut -d' ' -f1)
    size=$(stat -c %s "$1")
    mv "$1" "$work/layout/blobs/sha256/$digest"
    printf '{"mediaType":"application/vnd.oci.image.%s","digest":"sha256:%s","size":%s' "$2" "$digest" "$size"
}

# An image in the OCI layout: one layer with busybox.
make_image() {
    local root=$work/root applet layer diff config manifest
    mkdir -p "$root"/{bin,etc,tmp,proc,sys,dev,root} "$work/layout/blobs/sha256"
    cp "$(command -v busybox)" "$root/bin/busybox"
    for applet in $(busybox --list); do
        [ "$applet" = busybox ] || ln -s busybox "$root/bin/$applet"
    done
    echo 'root:x:0:0:root:/root:/bin/sh' >"$root/etc/passwd"
    echo 'root:x:0:' >"$root/etc/group"
    tar -C "$root" -c . >"$work/layer"
    diff=$(sha256sum "$work/layer" | cut -d' ' -f1)
    layer=$(blob "$work/layer" layer.v1.tar)
    printf '{"architecture":"amd64","os":"linux","config":{"Env":["PATH=/bin"],"Entrypoint":["sleep","1000000"]},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' \
        "$diff" >"$work/image-config"
    config=$(blob "$work/image-config" config.v1+json)
    printf '{"schemaVersion":2,"config":%s},"layers":[%s}]}' "$config" "$layer" >"$work/manifest"
    manifest=$(blob "$work/manifest" manifest.v1+json)
    echo '{"imageLayoutVersion":"1.0.0"}' >"$work/layout/oci-layout"
    local entries='' each
    for each in box pause; do
        entries+="${entries:+,}$manifest,\"annotations\":{\"io.containerd.image.name\":\"docker.io/library/$each:1\"}}"
    done
    printf '{"schemaVersion":2,"manifests":[%s]}' "$entries" >"$work/layout/index.json"
    tar -C "$work/layout" -c . >"$work/image.tar"
    ctr -a "$socket" images import "$work/image.tar" >"$work/import.log" 2>&1 || give_up "containerd takes no image: $(cat "$work/import.log")"
    ctr -a "$socket" -n k8s.io images import "$work/image.tar" >"$work/import.log" 2>&1 || give_up "containerd takes no image: $(cat "$work/import.log")"
}

# --- what a case uses

c() { timeout -k 5 180 ctr -a "$socket" "$@"; }

run() { # flags and words of ctr run, for the runtime of the transcript
    case $runtime in
        runc) c run "$@" ;;
        ours) c run --runc-binary "$work/bin/runsc" "$@" ;;
        shim) c run --runtime io.containerd.runsc.v1 "$@" ;;
    esac
}

await() { # seconds command...: until the command succeeds
    local end=$((SECONDS + $1))
    shift
    while [ $SECONDS -lt $end ]; do "$@" >/dev/null 2>&1 && return 0; sleep 0.1; done
    echo "did not come: $*"
}

status() { c task ls | awk -v name="${1:-$name}" '$1 == name { print $3 }'; }
is_status() { [ "$(status)" = "$1" ]; }

remove_all() {
    local space id
    for space in $CONTAINERD_NAMESPACE k8s.io; do
        for id in $(c -n $space task ls -q 2>/dev/null); do
            c -n $space task kill -s KILL -a "$id" >/dev/null 2>&1 || true
            c -n $space task rm -f "$id" >/dev/null 2>&1 || true
        done
        for id in $(c -n $space container ls -q 2>/dev/null); do
            c -n $space container rm "$id" >/dev/null 2>&1 || true
        done
    done
}

nothing_left() { [ -z "$(left_now)" ]; }

left_now() {
    pgrep -fa 'runsc-sandbox|runsc-gofer|runsc-exec|runsc-oom|containerd-shim' || true
    find /run/containerd/runsc /run/containerd/s /run/ctrd/io.containerd.runtime.v2.task -mindepth 2 2>/dev/null || true
    find /run/containerd/s -type s 2>/dev/null || true
    grep -F "/run/ctrd/io.containerd.runtime.v2.task" /proc/self/mountinfo || true
    find /sys/fs/cgroup -type d -path "*/$CONTAINERD_NAMESPACE/*" 2>/dev/null || true
}

# Empty when nothing is left; containerd may take a moment to let go.
leftovers() {
    local try
    for try in $(seq 1 300); do
        nothing_left && return 0
        sleep 0.1
    done
    left_now | sed 's/^/left: /'
}
