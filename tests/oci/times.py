"""What create, start, wait and delete of a container of /bin/true take with runc and with ours, in turn: told, never judged.

usage: times.py RUNSC BUNDLE WORK RUNS
"""
import os
import select
import statistics
import subprocess
import sys
import time

runsc, bundle, work, runs = *sys.argv[1:4], int(sys.argv[4])


def call(*words):
    # A created container keeps the streams: none is a pipe.
    subprocess.run(words, check=True, timeout=60, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def life(program, root, waits):
    begin = [time.perf_counter()]
    runtime = [program, "--root", root]
    pid_file = os.path.join(work, "pid")
    call(*runtime, "create", "--bundle", bundle, "--pid-file", pid_file, "time")
    begin.append(time.perf_counter())
    with open(pid_file) as file:
        process = os.pidfd_open(int(file.read()))
    call(*runtime, "start", "time")
    begin.append(time.perf_counter())
    if waits:
        call(*runtime, "wait", "time")
    else:
        # runc has no such command: whoever made it sees the end of its process.
        select.select([process], [], [], 60)
    begin.append(time.perf_counter())
    os.close(process)
    call(*runtime, "delete", "time")
    begin.append(time.perf_counter())
    return [(after - before) * 1000 for before, after in zip(begin, begin[1:])] + [(begin[-1] - begin[0]) * 1000]


lives = {"runc": [], "ours": []}
for run in range(runs + 1):
    for name in lives:
        steps = life(runsc if name == "ours" else "runc", os.path.join(work, "times-" + name), name == "ours")
        if run:
            lives[name].append(steps)
for name, steps in lives.items():
    parts = [statistics.median(column) for column in zip(*steps)]
    print("oci: /bin/true with %s: create %.0f, start %.0f, wait %.0f, delete %.0f, together %.0f ms (medians of %d, in turn)"
          % (name, *parts, runs))
