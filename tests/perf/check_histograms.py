#!/usr/bin/env python3
"""Has HdrHistogram's own log processor, the reference implementation in Java, read the harness's log of the job in histograms/, and
compares what it says of each runtime's times with the times themselves. usage: check_histograms.py LOG.hlog RESULT.json RUNS RUNTIME..."""
import bisect
import json
import math
import re
import subprocess
import sys
import tempfile

JAR = "/usr/share/java/hdrhistogram.jar"
PERCENTS = (50, 90, 99, 99.9, 99.99)
PRECISION = 0.001  # three significant digits


def times():
    """What the job prints, in nanoseconds."""
    number = 1
    for i in range(20000):
        number = number * 48271 % 2147483647
        yield number % 10 ** (1 + i % 9) * 1000


def processed(log, tag):
    """The rows (value, cumulative count) of the distribution, its largest value and total count, and the total's percentiles."""
    with tempfile.TemporaryDirectory() as folder:
        out = folder + "/out"
        subprocess.run(["java", "-cp", JAR, "org.HdrHistogram.HistogramLogProcessor", "-i", log, "-tag", tag,
                        "-outputValueUnitRatio", "1", "-o", out], check=True, timeout=300)
        with open(out + ".hgrm") as file:
            text = file.read()
        with open(out) as file:
            intervals = file.read()
    rows = [(float(value), int(count))
            for value, count in re.findall(r"^\s*([0-9.]+)\s+[0-9.]+\s+([0-9]+)\s+[0-9.a-z]+\s*$", text, re.M | re.I)]
    total = re.search(r"#\[Max\s*=\s*([0-9.]+), Total count\s*=\s*([0-9]+)\]", text)
    percentiles = re.search(r"T:[0-9]+ \(([ 0-9.]+)\)", intervals)
    return rows, float(total[1]), int(total[2]), [float(word) for word in percentiles[1].split()]


def near(value, exact):
    """Whether a value is the largest of the cell that the exact one is in, or of a narrower one."""
    return exact <= value <= exact * (1 + PRECISION) + 1


def problems(log, result, runs, runtimes):
    exact = sorted(list(times()) * runs)
    told = {series["runtime"]: series["percentiles"] for job in result["jobs"] for series in job["series"]}
    for runtime in runtimes:
        rows, most, count, percentiles = processed(log, "times/" + runtime)
        if len(rows) < 10 or len(percentiles) != len(PERCENTS) + 1:
            yield f"{runtime}: {len(rows)} rows, {len(percentiles)} percentiles"
            continue
        if count != len(exact):
            yield f"{runtime}: {count} times, not {len(exact)}"
        if not near(rows[0][0], exact[0]) or not near(most, exact[-1]):
            yield f"{runtime}: from {rows[0][0]} to {most}, not from {exact[0]} to {exact[-1]}"
        for value, below in rows:
            if bisect.bisect_right(exact, value) != below:
                yield f"{runtime}: {below} up to {value}, not {bisect.bisect_right(exact, value)}"
        for percent, value in zip(PERCENTS, percentiles):
            wanted = exact[math.ceil(percent / 100 * len(exact)) - 1]
            ours = told[runtime][f"{percent:g}"]
            if not near(value, wanted) or abs(value - ours) > 1:
                yield f"{runtime}: {percent} % is {value}, of the times {wanted}, in the result {ours}"


with open(sys.argv[2]) as file:
    found = list(problems(sys.argv[1], json.load(file), int(sys.argv[3]), sys.argv[4:]))
print("\n".join(found), end="\n" if found else "")
sys.exit(1 if found else 0)
