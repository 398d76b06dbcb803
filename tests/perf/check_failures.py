#!/usr/bin/env python3
"""Checks the result of the jobs in suites/. usage: check_failures.py RESULT.json RUNTIME..."""
import json
import re
import sys

EXPECTED = {
    "fails": r"status 3: broken",
    "hangs": r"ended after 3 s",
    "lacks": r"lacks /usr/bin/no-such-tool",
    "escapes": r"status 4: [^\x00-\x1f\x7f]*red$",
    "nothing": r"the figure is 0, which is none",
    "overflow": r"stopwatch: not understood",
    "mumbles": r"nothing in the output matches .*all is well",
}


def problems(result, runtimes):
    jobs = {job["name"]: job for job in result["jobs"]}
    if set(jobs) != set(EXPECTED) | {"works"}:
        yield f"jobs in the result: {sorted(jobs)}"
        return
    for name, job in jobs.items():
        if [series["runtime"] for series in job["series"]] != runtimes:
            yield f"{name}: not all runtimes are there"
        for series in job["series"]:
            where = f"{name} in {series['runtime']}"
            if name == "works":
                if len(series["samples"]) != 2 or series["failures"]:
                    yield f"{where}: {len(series['samples'])} samples, failures {series['failures']}"
            elif any(ord(letter) < 32 for letter in " ".join(series["failures"])):
                yield f"{where}: control characters in {series['failures']}"
            elif series["samples"]:
                yield f"{where}: has samples"
            elif not re.search(EXPECTED[name], " ".join(series["failures"])):
                yield f"{where}: failures are {series['failures']}"


with open(sys.argv[1]) as file:
    found = list(problems(json.load(file), sys.argv[2].split()))
print("\n".join(found), end="\n" if found else "")
sys.exit(1 if found else 0)
