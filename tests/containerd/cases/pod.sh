# shellcheck shell=bash
# Pods through containerd's CRI service.

cri() { timeout -k 5 150 python3 "$here/cri.py" "$socket" "$@"; }

handler() { case $runtime in runc | ours) echo $runtime ;; shim) echo runsc ;; esac }

pod_begin() {
    logs=$work/logs
    rm -rf "$logs"
    pod=$(cri run-pod "$(handler)" pod "$logs") && echo "pod $?"
}
pod_create() { cri create "$pod" pod "$logs" "$@"; }
pod_end() {
    cri stop-pod "$pod"; echo "stop-pod $?"
    cri remove-pod "$pod"; echo "remove-pod $?"
}
has_cri_status() { [ "$(cri status "$1")" = "$2" ]; }
said() { cut -d' ' -f4- "$logs/$1.log"; }
has_said() { said "$1" | grep -q "$2"; }

both_pod_of_two() {
    pod_begin
    local one two
    one=$(pod_create one $image own sh -c 'echo $$; trap "exit 9" TERM; echo to everybody >/dev/shm/common; while :; do sleep 0.1; done')
    two=$(pod_create two $image own sh -c 'echo $$; cat /tmp/private 2>&1; while [ ! -s /dev/shm/common ]; do sleep 0.1; done; cat /dev/shm/common; echo >&2 error; exit 5')
    cri status "$one"
    cri start "$one"; echo "start $?"
    cri exec "$one" sh -c 'echo mine >/tmp/private; cat /tmp/private; exit 3'; echo "exec $?"
    cri start "$two"; echo "start $?"
    await 60 has_cri_status "$two" "exited 5"
    cri status "$two"
    said one
    said two | sort
    cri exec "$one" sh -c 'ls /proc | grep -c "^[0-9]*$" | { read n; [ $n -lt 8 ] && echo its own processes; }'
    [ "$runtime" = runc ] || [ "$(pgrep -fc 'runsc-sandbox boot')" = 1 ] || echo "not one Sentry"
    cri stats "$one"
    cri remove "$two"; echo "remove $?"
    two=$(pod_create three $image own true)
    cri start "$two"; echo "start $?"
    await 60 has_cri_status "$two" "exited 0"
    cri stop "$one" 30; echo "stop $?"
    cri status "$one"
    pod_end
}

has_reason() { [ "$(cri reason "$1")" = "$2" ]; }

both_pod_limits_the_memory_of_one() {
    pod_begin
    local one two
    one=$(CRI_MEMORY=67108864 pod_create one $image own sh -c 'head -c 150000000 /dev/zero | tail >/dev/null; echo "eaten $?"; exec tail /dev/zero')
    two=$(pod_create two $image own sh -c 'while [ ! -e /dev/shm/go ]; do sleep 0.1; done; head -c 150000000 /dev/zero | tail >/dev/null; echo "eaten $?"; sleep 1000000')
    cri start "$two"; echo "start $?"
    cri start "$one"; echo "start $?"
    await 100 has_cri_status "$one" "exited 137"
    await 60 has_reason "$one" OOMKilled
    said one | sort
    cri exec "$two" touch /dev/shm/go; echo "exec $?"
    await 60 has_said two eaten
    said two | sort
    cri status "$two"
    pod_end
}

both_pod_of_shared_processes() {
    pod_begin
    local one two
    one=$(pod_create one $image shared sleep 2000000)
    cri start "$one"; echo "start $?"
    cri exec "$one" sh -c 'ps | grep -c "sleep 1000000$"; ps | grep -c "sleep 2000000$"'
    cri stop "$one" 0; echo "stop $?"
    cri status "$one"
    pod_end
}

shim_pod_has_one_shim() {
    pod_begin >/dev/null
    local one
    one=$(pod_create one $image own sleep 1000)
    cri start "$one"
    [ "$(pgrep -fc 'containerd-shim-runsc-v1 ')" = 1 ] || echo "shims: $(pgrep -fa containerd-shim)"
    [ "$(pgrep -fc 'runsc-sandbox boot')" = 1 ] || echo "Sentries: $(pgrep -fa runsc-sandbox)"
    [ -s "$work/pods.log" ] || echo "the flags for pods did not come"
    kill -KILL "$(pgrep -f 'runsc-sandbox boot')"
    await 60 has_cri_status "$one" "exited 137"
    pod_end >/dev/null
}
