#!/usr/bin/env python3
"""Checks what perf capacity --most 2 wrote. usage: check_density.py RESULT.json RUNTIME..."""
import json
import sys


def problems(records, runtimes):
    wanted = [(runtime, shape) for shape in ("idle", "busy") for runtime in runtimes]
    if [(record["runtime"], record["shape"]) for record in records] != wanted:
        yield f"there are {[(record['runtime'], record['shape']) for record in records]}"
        return
    for record in records:
        where = f"{record['shape']} in {record['runtime']}"
        if [step["sandboxes"] for step in record["steps"]] != [1, 2]:
            yield f"{where}: {len(record['steps'])} steps, {record['stopped']}"
        for step in record["steps"]:
            if step["proportionalMib"] <= 0 or step["memoryMib"] < step["proportionalMib"] or step["startSeconds"] <= 0 \
                    or step["processesEach"] < 1 or step["threadsEach"] < step["processesEach"]:
                yield f"{where}: {step}"
        if record["stopped"] != "the wanted number was reached":
            yield f"{where}: stopped, as {record['stopped']}"
        limits = [limit["resource"].split(" (")[0] for limit in record["limits"]]
        if not {"memory", "process numbers", "open files"} <= set(limits) or (record["shape"] == "busy") > ("processors" in limits):
            yield f"{where}: the limits are {limits}"


with open(sys.argv[1]) as file:
    found = list(problems(json.load(file)["capacity"], sys.argv[2:]))
print("\n".join(found), end="\n" if found else "")
sys.exit(1 if found else 0)
