# The sqlite3 shell, two of them at once.
set -e
cd /tmp
sqlite3 a.db 'create table t(n integer, s text); with recursive c(x) as (select 1 union all select x + 1 from c where x < 20000) insert into t select x, printf("%05d", x * 7919 % 100000) from c;'
sqlite3 a.db 'select count(*), sum(n), min(s), max(s) from t; create index i on t(s); select n from t where s = "07919"; pragma integrity_check;'
sqlite3 a.db .dump | md5sum
for i in 1 2 3; do (for j in $(seq 1 10); do sqlite3 -cmd '.timeout 20000' a.db "insert into t values(-$i, 'job')"; done) & done; wait
sqlite3 a.db 'select n, count(*) from t where n < 0 group by n'
sqlite3 a.db 'vacuum; pragma page_count;'
printf '.mode csv\n.headers on\nselect * from t limit 3;\n' | sqlite3 a.db
