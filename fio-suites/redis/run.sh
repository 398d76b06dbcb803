# Starts a server that keeps nothing on disk, and measures commands one after the other. usage: run.sh COMMAND...
set -e
socket=/tmp/redis.sock
redis-server --port 0 --unixsocket $socket --save '' --appendonly no >/dev/null &
server=$!
while ! redis-cli -s $socket ping >/dev/null 2>&1; do
    kill -0 $server || exit 1
    sleep 0.05
done
IFS=,
redis-benchmark -s $socket -t "$*" -n 40000 -c 20
redis-cli -s $socket shutdown nosave >/dev/null 2>&1 || true
wait $server
