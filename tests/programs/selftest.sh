# Programs that check themselves or what is installed: prove, dpkg --verify, sqlite3's .selftest, node --test, memory and archive tests.
cd /tmp
mkdir t
cat >t/processes.t <<'PERL'
use strict; use warnings; use Test::More; use POSIX qw(:sys_wait_h);
my %left = map { my $i = $_; my $pid = fork; exit $i if !$pid; ($pid => $i) } 1 .. 20;
while ((my $pid = wait) > 0) { is($? >> 8, delete $left{$pid}, 'exit status') }
is(scalar(keys %left), 0, 'all reaped'); is(waitpid(-1, WNOHANG), -1, 'no child left'); ok($!{ECHILD}, 'ECHILD');
done_testing;
PERL
cat >t/files.t <<'PERL'
use strict; use warnings; use Test::More; use File::Temp qw(tempdir); use Fcntl qw(:flock :seek); use File::Copy; use Cwd;
my $dir = tempdir(CLEANUP => 1); chdir $dir; is(getcwd, $dir, 'cwd');
open my $f, '+>', 'a' or die; print $f 'x' x 100_000; seek $f, 0, SEEK_SET; local $/; is(length <$f>, 100_000, 'read back');
ok(flock($f, LOCK_EX), 'lock'); if (!fork) { open my $g, '<', 'a'; exit(flock($g, LOCK_EX | LOCK_NB) ? 1 : 0) } wait; is($?, 0, 'locked out');
ok(rename('a', 'b'), 'rename'); ok(!-e 'a', 'gone'); ok(link('b', 'c'), 'link'); is((stat 'b')[3], 2, 'links');
ok(symlink('b', 's'), 'symlink'); is(readlink 's', 'b', 'readlink'); ok(truncate('b', 10), 'truncate'); is(-s 'c', 10, 'size');
ok(utime(1000, 2000, 'b'), 'utime'); is((stat 'b')[9], 2000, 'mtime'); ok(copy('b', 'd'), 'copy'); is(join(',', sort glob '*'), 'b,c,d,s', 'glob');
done_testing;
PERL
cat >t/sockets.t <<'PERL'
use strict; use warnings; use Test::More; use Socket; use IO::Select; use IO::Handle;
socketpair(my $a, my $b, AF_UNIX, SOCK_STREAM, PF_UNSPEC) or die; $_->autoflush(1) for $a, $b;
my $select = IO::Select->new($a); is(scalar(my @ready = $select->can_read(0)), 0, 'nothing to read');
if (!fork) { close $a; while (my $line = <$b>) { print $b uc $line } exit 7 }
close $b; for my $i (1 .. 200) { print $a "line $i\n"; is(scalar <$a>, "LINE $i\n", 'answer') }
shutdown $a, 1; is(scalar <$a>, undef, 'end'); wait; is($? >> 8, 7, 'status');
local $SIG{ALRM} = sub { die "alarm\n" }; eval { alarm 1; sleep 20 }; is($@, "alarm\n", 'alarm');
done_testing;
PERL
prove -j 3 t 2>&1 | grep -v '^Files=' | sort
dpkg --verify bash coreutils dpkg git libc6 perl perl-base python3.11 sqlite3; echo "dpkg --verify: $?"; dpkg --audit
sqlite3 s.db 'pragma journal_mode=wal; create table t(a integer primary key, b blob); with recursive c(x) as (select 1 union all select x + 1 from c where x < 3000) insert into t select x, zeroblob(x % 500) from c;'
sqlite3 s.db '.selftest --init' | tail -n 1; sqlite3 s.db '.selftest' | tail -n 1; sqlite3 s.db 'pragma wal_checkpoint(truncate); pragma integrity_check; pragma foreign_key_check;'
(for i in $(seq 1 20); do sqlite3 -cmd '.timeout 20000' s.db 'select count(*) >= 3000 from t' | grep -v 1; done) &
for i in $(seq 1 20); do sqlite3 -cmd '.timeout 20000' s.db "insert into t(b) values('x')"; done; wait
sqlite3 s.db 'select count(*) from t; pragma integrity_check'; sqlite3 s.db '.backup copy.db' && cmp <(sqlite3 s.db .dump) <(sqlite3 copy.db .dump) && echo backup
cat >self.test.mjs <<'JAVASCRIPT'
import test from 'node:test'; import assert from 'node:assert'; import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, promises as fs, watch } from 'node:fs'; import { Worker } from 'node:worker_threads'; import net from 'node:net';
const dir = mkdtempSync('/tmp/node-');
test('files', async () => { await fs.writeFile(dir + '/a', 'x'.repeat(100000)); assert.equal((await fs.stat(dir + '/a')).size, 100000);
  await fs.rename(dir + '/a', dir + '/b'); assert.deepEqual(await fs.readdir(dir), ['b']); });
test('children', async () => { assert.equal(execFileSync('echo', ['hi']).toString(), 'hi\n');
  const c = spawn('cat'); c.stdin.end('through'); let s = ''; for await (const d of c.stdout) s += d; assert.equal(s, 'through'); });
test('workers', async () => { const n = await Promise.all([1, 2, 3, 4].map(i => new Promise((ok, no) => {
  const w = new Worker(`require("worker_threads").parentPort.postMessage(${i} * 2)`, { eval: true }); w.on('message', ok); w.on('error', no); })));
  assert.deepEqual(n, [2, 4, 6, 8]); });
test('unix sockets', async () => { const s = net.createServer(c => c.pipe(c)).listen(dir + '/s'); await new Promise(ok => s.on('listening', ok));
  const c = net.connect(dir + '/s'); c.end('echo'); let t = ''; for await (const d of c) t += d; s.close(); assert.equal(t, 'echo'); });
test('watch', async () => { const w = watch(dir); const e = new Promise(ok => w.once('change', (k, n) => ok(n))); await fs.writeFile(dir + '/w', '1');
  assert.equal(await e, 'w'); w.close(); });
JAVASCRIPT
node --test self.test.mjs | grep -E '^# (tests|pass|fail) '
seq 1 200000 >data; for tool in gzip bzip2 xz; do $tool -k data && $tool -t data.* && echo "$tool $($tool -dc data.* | md5sum | cut -c1-8)"; rm data.*; done
busybox sh -c 'for t in sha1sum sha256sum sha512sum sha3sum; do busybox $t data | cut -c1-16; done; busybox bunzip2 -t /dev/null 2>/dev/null; echo $?'
python3 -c 'import test.support.script_helper as s, sqlite3, zlib; print(s.assert_python_ok("-c", "print(1)").out, sqlite3.threadsafety >= 1, zlib.crc32(open("data", "rb").read()))'
