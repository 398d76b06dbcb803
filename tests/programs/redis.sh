# redis-server and redis-benchmark over a Unix socket.
set -e
cd /tmp
cat >redis.conf <<'CONF'
port 0
unixsocket /tmp/redis.sock
dir /tmp
save ""
appendonly yes
daemonize no
CONF
redis-server redis.conf >redis.log 2>&1 &
server=$!
for _ in $(seq 1 200); do [ -S redis.sock ] && redis-cli -s redis.sock ping >/dev/null 2>&1 && break; sleep 0.05; done
cli() { redis-cli -s redis.sock "$@"; }
cli ping; cli set key value; cli get key; cli incr n; cli incrby n 41
cli rpush list a b c; cli lrange list 0 -1; cli hset h f1 v1 f2 v2; cli hget h f2; cli sadd s x y x; cli zadd z 1 a 2 b; cli zrange z 0 -1 withscores
cli expire key 100; [ "$(cli ttl key)" -gt 90 ] && echo ttl; cli eval 'return redis.call("get", KEYS[1])' 1 key
seq 1 1000 | sed 's/.*/set k& v&/' | cli >/dev/null; cli dbsize; cli bgrewriteaof
redis-benchmark -s redis.sock -n 2000 -c 10 -q -t ping_inline,set,get,incr,lpush,lrange_100 2>/dev/null | tr '\r' '\n' | grep -o '^[A-Z_ ()a-z0-9]*: [0-9.]* requests per second' | sed 's/: [0-9.]*/: some/'
redis-benchmark -s redis.sock -n 2000 -P 16 -q -t set,get 2>/dev/null | tr '\r' '\n' | grep -c 'requests per second, p50'
cli shutdown nosave || true; wait "$server"; echo "status $?"
redis-server redis.conf >redis.log 2>&1 & server=$!
for _ in $(seq 1 200); do [ "$(redis-cli -s redis.sock ping 2>/dev/null)" = PONG ] && break; sleep 0.05; done
cli get k1000; kill -TERM $server; wait $server; echo "status $?"
