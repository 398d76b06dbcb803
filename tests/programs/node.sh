# node: worker threads, child processes, files, streams, timers, crypto, a server on a Unix socket.
cd /tmp
cat >all.js <<'JS'
const { Worker, isMainThread, parentPort, workerData } = require('worker_threads');
const fs = require('fs'), net = require('net'), zlib = require('zlib'), crypto = require('crypto'), { execFileSync, spawn } = require('child_process');
if (!isMainThread) {
    let sum = 0; for (let i = 0; i < 1e6; i++) sum = (sum + i * workerData) % 1000003;
    const view = new Int32Array(require('worker_threads').workerData.shared || new SharedArrayBuffer(4)); Atomics.add(view, 0, 1);
    parentPort.postMessage(sum);
} else (async () => {
    const run = n => new Promise((ok, no) => { const w = new Worker(__filename, { workerData: n }); w.on('message', ok); w.on('error', no); });
    console.log(await Promise.all([1, 2, 3, 4].map(run)));
    fs.mkdirSync('nd'); for (let i = 0; i < 200; i++) fs.writeFileSync(`nd/${i}`, 'x'.repeat(i));
    console.log(fs.readdirSync('nd').map(f => fs.statSync(`nd/${f}`).size).reduce((a, b) => a + b));
    console.log((await Promise.all([...Array(50).keys()].map(i => fs.promises.readFile(`nd/${i}`, 'utf8')))).join('').length);
    console.log(crypto.createHash('sha256').update('abc').digest('hex').slice(0, 16), zlib.gunzipSync(zlib.gzipSync('zip'.repeat(1000))).length);
    console.log(execFileSync('sh', ['-c', 'echo child; exit 0']).toString().trim());
    await new Promise(ok => { const p = spawn('sh', ['-c', 'cat; exit 4']); let out = ''; p.stdout.on('data', d => out += d); p.on('close', c => { console.log(out, c); ok(); }); p.stdin.end('piped'); });
    await new Promise(ok => { const s = net.createServer(c => c.on('data', d => c.end(d.toString().toUpperCase()))); s.listen('nsock', () => { const c = net.connect('nsock', () => c.write('socket')); c.on('data', d => console.log(d.toString())); c.on('close', () => s.close(ok)); }); });
    const t = Date.now(); await new Promise(ok => setTimeout(ok, 50)); console.log(Date.now() - t >= 49);
    process.on('SIGUSR2', () => console.log('signal')); process.kill(process.pid, 'SIGUSR2'); await new Promise(ok => setTimeout(ok, 50));
    const watcher = fs.watch('nd', () => { console.log('watched'); watcher.close(); }); fs.writeFileSync('nd/new', ''); await new Promise(ok => setTimeout(ok, 100));
    console.log([..."sorted"].sort().join(''), new Intl.NumberFormat('en').format(1234567), process.memoryUsage().rss > 1e6);
    process.exitCode = 0;
})();
JS
node all.js
