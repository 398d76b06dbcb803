# shellcheck shell=bash
# Users: those of the container mapped to others of the host, and a caller who is not root.

# What it writes goes to the host, as with runc.
m() { if [ $which_runtime = runc ]; then r "$@"; else r --overlay2=none "$@"; fi; }

both_mapped_users() {
    chmod 711 "$work"
    local mapping='c["linux"]["namespaces"].append({"type": "user"})
c["linux"]["uidMappings"] = [{"containerID": 0, "hostID": 100000, "size": 1000}]
c["linux"]["gidMappings"] = [{"containerID": 0, "hostID": 200000, "size": 1000}]
c["process"]["capabilities"] = {s: ["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_SETUID", "CAP_SETGID"] for s in ("bounding", "effective", "permitted")}
c["mounts"].append({"destination": "/data", "type": "bind", "source": os.path.dirname(path) + "/../data", "options": ["bind"]})'
    rm -rf "$work/data"
    CONFIG=$mapping bundle sh -c 'id -u; id -g; busybox stat -c "%u %g %n" /etc/passwd /data/foreign /data/mine
        touch /etc/made && busybox chown 5:6 /etc/made; busybox stat -c "%u %g" /etc/made
        busybox chown 1000 /etc/made 2>/dev/null; echo "unmapped: $?"
        cat /data/secret 2>/dev/null; echo "of somebody else: $?"; busybox chown 0 /data/foreign 2>/dev/null; echo "taking it: $?"
        cat /data/mine; echo more >>/data/mine; mkdir /data/new; busybox ln -s x /data/link; busybox stat -c "%u %g %n" /data/new /data/link'
    mkdir "$work/data"
    echo mine >"$work/data/mine"
    echo foreign >"$work/data/foreign"
    echo secret >"$work/data/secret"
    chmod 600 "$work/data/secret"
    chown -hR 100000:200000 "$work/bundle/rootfs" "$work/data"
    chown 0:0 "$work/data/foreign" "$work/data/secret"
    m run --bundle "$work/bundle" one </dev/null; echo "run: $?"
    (cd "$work"; stat -c '%u %g %n' bundle/rootfs/etc/made data/*; cat data/mine)
    config 'c["process"]["args"] = ["sleep", "1000"]'
    m run --detach --bundle "$work/bundle" one </dev/null >/dev/null 2>&1; echo "detached: $?"
    r exec one sh -c 'touch /etc/second; busybox stat -c "%u %g" /etc/second'
    r delete --force one; echo "delete: $?"
    stat -c '%u %g' "$work/bundle/rootfs/etc/second"
}

# --- a caller who is not root, in a place that anybody reaches

home=/dev/shm/user
user() { setpriv --reuid 23456 --regid 23456 --clear-groups --bounding-set=-all --inh-caps=-all env -i PATH="$PATH" "$@"; }
u() { timeout -k 5 $call_seconds setpriv --reuid 23456 --regid 23456 --clear-groups env -i PATH="$PATH" "$home/runsc" "${flags[@]}" --root "$home/state" "$@"; }
has_user_status() { [ "$(u state "$1" | sed -n 's/.*"status": *"\([a-z]*\)".*/\1/p')" = "$2" ]; }

settle() { # words...: the user's home with our program and a bundle of the user's
    rm -rf $home
    bundle "$@"
    mkdir $home
    cp "$runsc" $home/runsc
    chmod 755 $home/runsc
    cp -r "$work/bundle" $home/bundle
    chown -R 23456:23456 $home
    user unshare --user --map-root-user true || fail "this host gives users no name spaces"
}

case_rootless_do() {
    settle true
    equal "0 0" "$(u do --root $home/bundle/rootfs /bin/sh -c 'echo $(id -u) $(id -g)')"
    equal "in a file" "$(echo in a file | u do --root $home/bundle/rootfs /bin/sh -c 'cat >/etc/new; cat /etc/new')"
    [ ! -e $home/bundle/rootfs/etc/new ] || fail "the write is not discarded"
    user mkdir $home/volume
    u do --root $home/bundle/rootfs --volume $home/volume:/data /bin/sh -c 'echo kept >/data/file' || fail "volume"
    equal "kept 23456" "$(cat $home/volume/file) $(stat -c %u $home/volume/file)"
    local status=0
    u do --root $home/bundle/rootfs /bin/sh -c 'exit 9' || status=$?
    equal 9 $status
    # Over the host's root, which the user may read.
    u do cat /etc/passwd >/dev/null || fail "what the user may read"
    [ -s /etc/shadow ] && ! u do cat /etc/shadow 2>/dev/null || fail "the user reads what is root's"
    rm -rf $home
}

case_rootless_life() {
    settle true
    # A configuration for the caller: runc's, and ours.
    local maker
    for maker in runc "$home/runsc"; do
        (cd $home/bundle; rm -f config.json; user "$maker" spec --rootless) || fail "$maker spec --rootless"
        python3 - $home/bundle/config.json <<'EDIT'
import json, sys
c = json.load(open(sys.argv[1]))
c["process"].update(terminal=False, args=["sh", "-c", "id -u; echo written >/etc/made; sleep 1000"])
c["root"]["readonly"] = False
# The host's /sys is not what this is about.
c["mounts"] = [m for m in c["mounts"] if m["destination"] != "/sys/fs/cgroup" and m.get("source") != "/sys"]
c["linux"]["resources"] = {"memory": {"limit": 64 << 20}, "pids": {"limit": 20}}
json.dump(c, open(sys.argv[1], "w"))
EDIT
        rm -f $home/bundle/rootfs/etc/made
        u --overlay2=none create --bundle $home/bundle --pid-file $home/pid one >$home/out 2>&1 </dev/null || fail "create: $(cat $home/out)"
        has_user_status one created || fail "not created"
        equal 23456 "$(stat -c %u "/proc/$(cat $home/pid)")"
        u start one || fail start
        await 20 test -s $home/bundle/rootfs/etc/made || fail "it does not run: $(cat $home/out)"
        equal 23456 "$(stat -c %u $home/bundle/rootfs/etc/made)"
        equal 0 "$(head -1 $home/out)"
        equal "in two words" "$(u exec one echo in two words)"
        local status=0
        u exec one sh -c 'exit 6' || status=$?
        equal 6 $status
        u exec one sh -c 'head -c 150000000 /dev/zero | tail >/dev/null' || status=$?
        equal 137 $status
        u ps one | grep -q 'sleep 1000' || fail "ps: $(u ps one)"
        u list | grep -q '^one .*running' || fail "list: $(u list)"
        u events --stats one | grep -q '"limit":67108864' || fail "events: $(u events --stats one)"
        u pause one && has_user_status one paused && u resume one || fail "pause and resume"
        u update --pids-limit 30 one || fail update
        u kill one KILL
        await 20 has_user_status one stopped || fail "it does not stop"
        u delete one || fail delete
        equal "" "$(ls -A $home/state)"
    done
    # In the foreground; what it writes is in memory.
    u run --bundle $home/bundle two >$home/out </dev/null &
    local launcher=$!
    await 20 grep -q '^0$' $home/out || fail "in the foreground: $(cat $home/out)"
    u kill two KILL
    wait $launcher && fail "a killed container ends well" || equal 137 $?
    equal "" "$(ls -A $home/state)"
    rm -rf $home
}
