# python3: threads, subprocesses, multiprocessing, sqlite3, asyncio over Unix sockets, mmap, signals.
cd /tmp
cat >all.py <<'PYTHON'
import asyncio, concurrent.futures, hashlib, json, mmap, multiprocessing, os, queue, select, shutil, signal, socket, sqlite3
import subprocess, sys, tempfile, threading, time, zlib

def square(x):
    return x * x

def child(connection, number):
    connection.send({'pid': os.getpid() != os.getppid(), 'number': number, 'data': b'x' * 100000})
    connection.close()

def threads():
    results, work = [], queue.Queue()
    def worker():
        while (item := work.get()) is not None:
            results.append(item ** 2)
    pool = [threading.Thread(target=worker) for _ in range(8)]
    for t in pool: t.start()
    for i in range(1000): work.put(i)
    for _ in pool: work.put(None)
    for t in pool: t.join()
    print('threads', sum(results))
    lock, event, count = threading.Lock(), threading.Event(), [0]
    def add():
        event.wait()
        for _ in range(1000):
            with lock: count[0] += 1
    pool = [threading.Thread(target=add) for _ in range(10)]
    for t in pool: t.start()
    event.set()
    for t in pool: t.join()
    print('locked', count[0])

def processes():
    print(subprocess.run(['sh', '-c', 'echo out; echo err >&2; exit 3'], capture_output=True, text=True))
    p = subprocess.Popen(['sort', '-n'], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    out, _ = p.communicate('\n'.join(str(i * 7 % 101) for i in range(101)))
    print('sorted', out.split()[:5], p.returncode)
    try:
        subprocess.run(['sleep', '10'], timeout=0.2)
    except subprocess.TimeoutExpired:
        print('timeout')
    p = subprocess.Popen(['sleep', '100']); p.send_signal(signal.SIGTERM); print('ended', p.wait())
    try:
        subprocess.run(['/no/such/program'])
    except FileNotFoundError as e:
        print('missing', e.errno)
    print(subprocess.check_output('cat /proc/self/cmdline | tr "\\0" " "', shell=True))
    print('preexec', subprocess.run(['pwd'], cwd='/usr', start_new_session=True, capture_output=True).stdout)

def multi():
    for method in 'fork', 'spawn', 'forkserver':
        context = multiprocessing.get_context(method)
        with context.Pool(2) as pool:
            print(method, sum(pool.map(square, range(200))))
        a, b = context.Pipe()
        p = context.Process(target=child, args=(b, 7)); p.start()
        got = a.recv(); p.join()
        print(got['pid'], got['number'], len(got['data']), p.exitcode)
    shared = multiprocessing.Value('i', 0)
    def bump():
        for _ in range(200):
            with shared.get_lock(): shared.value += 1
    pool = [multiprocessing.Process(target=bump) for _ in range(4)]
    for p in pool: p.start()
    for p in pool: p.join()
    print('shared', shared.value)
    from multiprocessing import shared_memory
    block = shared_memory.SharedMemory(create=True, size=1000)
    block.buf[:5] = b'hello'
    again = shared_memory.SharedMemory(name=block.name); print('memory', bytes(again.buf[:5])); again.close(); block.close(); block.unlink()
    with concurrent.futures.ProcessPoolExecutor(2) as pool:
        print('futures', list(pool.map(square, range(5))))

def database():
    base = sqlite3.connect('base.db')
    base.execute('pragma journal_mode=wal')
    base.execute('create table t(id integer primary key, name text, value real)')
    with base:
        base.executemany('insert into t(name, value) values(?, ?)', ((f'n{i}', i / 7) for i in range(5000)))
    print(base.execute('select count(*), round(sum(value), 3), max(name) from t').fetchone())
    base.execute('create index by_name on t(name)')
    print(base.execute("select id from t where name = 'n1234'").fetchone())
    try:
        with base:
            base.execute("delete from t"); raise ValueError
    except ValueError:
        print('rolled back', base.execute('select count(*) from t').fetchone())
    other = sqlite3.connect('base.db'); print(other.execute('select min(id) from t').fetchone()); other.close(); base.close()
    print(sorted(f for f in os.listdir('.') if f.startswith('base')))

async def talk():
    async def serve(reader, writer):
        while line := await reader.readline():
            writer.write(line.upper()); await writer.drain()
        writer.close()
    server = await asyncio.start_unix_server(serve, 'sock')
    async def client(n):
        reader, writer = await asyncio.open_unix_connection('sock')
        out = []
        for i in range(20):
            writer.write(f'client {n} line {i}\n'.encode()); out.append((await reader.readline()).decode())
        writer.close(); await writer.wait_closed()
        return len(out), out[-1]
    for result in await asyncio.gather(*(client(n) for n in range(10))):
        print(result)
    process = await asyncio.create_subprocess_exec('tr', 'a-z', 'n-za-m', stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    print(await process.communicate(b'uryyb'))
    server.close(); await server.wait_closed()

def memory():
    with open('mapped', 'wb') as f: f.write(b'\0' * 100000)
    with open('mapped', 'r+b') as f, mmap.mmap(f.fileno(), 0) as m:
        m[5000:5005] = b'hello'; m.flush(); print('found', m.find(b'hello'), m.size())
        m.resize(200000); print('resized', len(m))
    print(open('mapped', 'rb').read()[5000:5005], os.stat('mapped').st_size)
    anonymous = mmap.mmap(-1, 4096)
    if os.fork() == 0:
        anonymous[:3] = b'kid'; os._exit(0)
    os.wait(); print(anonymous[:3])

def signals():
    got = []
    signal.signal(signal.SIGALRM, lambda n, f: got.append(n))
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    signal.pause(); print('alarm', got)
    r, w = socket.socketpair(); r.setblocking(False); w.setblocking(False)
    signal.set_wakeup_fd(w.fileno()); os.kill(os.getpid(), signal.SIGALRM)
    select.select([r], [], [], 5); print('wakeup', r.recv(10)); signal.set_wakeup_fd(-1)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1]); os.kill(os.getpid(), signal.SIGUSR1)
    print('waited', signal.sigwait([signal.SIGUSR1]) == signal.SIGUSR1)

def files():
    with tempfile.TemporaryDirectory() as d:
        for i in range(100):
            os.makedirs(f'{d}/{i % 10}', exist_ok=True)
            with open(f'{d}/{i % 10}/{i}', 'w') as f: json.dump({'n': i, 't': 'ü' * i}, f)
        total = sum(len(json.load(open(os.path.join(b, f)))['t']) for b, _, fs in os.walk(d) for f in fs)
        print('files', total); shutil.copytree(d, d + '/copy'); print(len(list(os.scandir(d))))
        archive = shutil.make_archive('archive', 'zip', d); print(os.path.basename(archive))
    print('gone', os.path.exists(d), zlib.crc32(b'x' * 1000000), hashlib.sha256(b'y').hexdigest()[:8])
    print(os.statvfs('/').f_namemax, os.access('/etc/passwd', os.W_OK), os.cpu_count() >= 1, os.sysconf('SC_PAGESIZE'))

if __name__ == '__main__':
    for part in threads, processes, multi, database, memory, signals, files:
        part(); sys.stdout.flush()
    asyncio.run(talk())
PYTHON
python3 all.py
