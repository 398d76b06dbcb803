#!/bin/bash
# Runs in the sandbox. usage: rounds.sh SECONDS
set -u
end=$((SECONDS + $1))
round=0

fail() { echo "round $round: $*"; exit 1; }

compile() {
    local folder=/tmp/compile i
    rm -rf "$folder"
    mkdir "$folder"
    for i in 1 2 3 4; do
        printf '#include <stdio.h>\nint f%d(int x) { return x * %d; }\n' "$i" "$i" >"$folder/f$i.c"
    done
    printf '#include <stdio.h>\nint f1(int),f2(int),f3(int),f4(int);\nint main(void){printf("%%d\\n",f1(1)+f2(1)+f3(1)+f4(1));return 0;}\n' \
        >"$folder/main.c"
    for i in f1 f2 f3 f4 main; do gcc -O2 -c -o "$folder/$i.o" "$folder/$i.c" || return 1; done
    gcc -o "$folder/all" "$folder"/*.o || return 1
    [ "$("$folder/all")" = 10 ]
}

python() {
    python3 - <<'P'
import hashlib, json, os, subprocess, threading
data = json.loads(json.dumps({str(i): list(range(i % 50)) for i in range(2000)}))
assert sum(map(len, data.values())) == sum(i % 50 for i in range(2000))
path = "/tmp/soak.bin"
block = bytes(range(256)) * 4096
with open(path, "wb") as file:
    for i in range(16):
        file.write(block)
with open(path, "rb") as file:
    assert hashlib.sha256(file.read()).hexdigest() == hashlib.sha256(block * 16).hexdigest()
os.unlink(path)
assert subprocess.run(["/bin/sh", "-c", "tr a-z A-Z"], input=b"abc" * 9999, stdout=subprocess.PIPE).stdout == b"ABC" * 9999
total, lock = [0], threading.Lock()
def add():
    for _ in range(2000):
        with lock:
            total[0] += 1
threads = [threading.Thread(target=add) for _ in range(8)]
[t.start() for t in threads]
[t.join() for t in threads]
assert total[0] == 16000
P
}

redis() {
    local socket=/tmp/soak.sock try status=1
    redis-server --port 0 --unixsocket "$socket" --save "" --dir /tmp >/tmp/redis.log 2>&1 &
    local server=$!
    for try in $(seq 1 300); do [ -S "$socket" ] && break; sleep 0.1; done
    if redis-benchmark -s "$socket" -n 5000 -c 20 -q -t set,get,lpush,lrange_100 >/dev/null \
        && redis-cli -s "$socket" eval 'for i=1,5000 do redis.call("set","k"..i,i*i) end return 0' 0 >/dev/null \
        && [ "$(redis-cli -s "$socket" get k4321)" = $((4321 * 4321)) ]; then
        status=0
    fi
    redis-cli -s "$socket" shutdown nosave
    wait "$server"
    return "$status"
}

stress() { stress-ng --verify --oom-avoid --temp-path /tmp --timeout 2 --futex 2 --pipe 2 --vm 1 --vm-bytes 32m --fork 2 --sigq 1 >/tmp/stress.log 2>&1; }

threads() { /tmp/threads && /tmp/threads; }

gcc -O1 -pthread -o /tmp/threads /soak/threads.c || fail "threads.c"
while [ "$SECONDS" -lt "$end" ]; do
    round=$((round + 1))
    compile & first=$!
    python & second=$!
    wait "$first" || fail "compile"
    redis & first=$!
    wait "$second" || fail "python"
    threads & second=$!
    wait "$first" || fail "redis"
    wait "$second" || fail "threads"
    stress || { cat /tmp/stress.log; fail "stress-ng"; }
    [ "$(jobs -r | wc -l)" -eq 0 ] || fail "somebody is left"
    echo "round $round ok"
done
