# shellcheck shell=bash
# containerd and podman with the same image.

runtime_path() { if [ "$runtime" = runc ]; then command -v runc; else echo "$work/runsc"; fi; }

both_ctr() {
    c() { timeout -k 5 180 ctr -a /run/docker-test/containerd/containerd.sock -n "$group" "$@"; }
    c images ls -q | grep -q box || d save $image | c images import - >/dev/null
    local box
    box=$(c images ls -q | head -1)
    c run --rm --runtime io.containerd.runc.v2 --runc-binary "$(runtime_path)" "$box" one \
        sh -c 'echo out; exit 6' </dev/null; echo "status $?"
    c run -d --runtime io.containerd.runc.v2 --runc-binary "$(runtime_path)" "$box" two sleep 1000; echo "run $?"
    c task exec --exec-id e two sh -c 'echo in exec; exit 3'; echo "exec $?"
    c task ls | awk 'NR > 1 { print $1, $3 }'
    c task pause two; echo "pause $?"
    c task resume two; echo "resume $?"
    c task kill -s KILL two; echo "kill $?"
    await 60 ctr_stopped
    c task delete two >/dev/null 2>&1; echo "delete $?"
    c container delete two; echo "container delete $?"
}
ctr_stopped() { c task ls | grep -q 'two .*STOPPED'; }

both_podman() {
    mkdir -p "$work/podman"
    p() {
        env -u DOCKER_CONFIG timeout -k 5 180 podman --runtime "$(runtime_path)" --root "$work/podman/root" --runroot /run/podman-test --tmpdir /run/podman-tmp \
            --cgroup-manager cgroupfs --events-backend none --storage-driver vfs "$@"
    }
    p image exists $image || tar -C "$work/root" -c . | p import - $image >/dev/null 2>&1
    p run --cgroup-parent "/$GROUP-podman" --rm --network none $image sh -c 'echo out; exit 6'; echo "status $?"
    p run --cgroup-parent "/$GROUP-podman" -d --name one --network none $image sh -c 'echo started; while :; do sleep 0.1; done' >/dev/null; echo "run $?"
    await 60 p exec one true
    p exec one sh -c 'echo in exec; exit 3'; echo "exec $?"
    p logs one
    p pause one >/dev/null; echo "pause $?"
    p unpause one >/dev/null; echo "unpause $?"
    p stop -t 1 one >/dev/null 2>&1; echo "stop $?"
    p inspect --format '{{.State.Status}} {{.State.ExitCode}}' one
    p rm one >/dev/null; echo "rm $?"
}
