#!/usr/bin/env python3
"""Checks the result of one run of the job life. usage: check_steps.py RESULT.json RUNTIME..."""
import json
import sys

STEPS = ("whole", "create", "start", "first-output", "delete")
OF_A_PROCESS = ("whole", "first-output")


def problems(jobs, runtimes):
    if set(jobs) != {f"life {step} {cache}" for step in STEPS for cache in ("warm", "cold")}:
        yield f"jobs in the result: {sorted(jobs)}"
        return
    for cache in ("warm", "cold"):
        for runtime in runtimes:
            steps = OF_A_PROCESS if runtime == "native" else STEPS
            values = {}
            for step in STEPS:
                series = next(each for each in jobs[f"life {step} {cache}"]["series"] if each["runtime"] == runtime)
                where = f"{step} {cache} in {runtime}"
                values[step] = [sample["value"] for sample in series["samples"]]
                if series["failures"]:
                    yield f"{where}: {series['failures']}"
                elif len(values[step]) != (1 if step in steps else 0):
                    yield f"{where}: {values[step]}"
                elif ("leftOut" in series) == (step in steps):
                    yield f"{where}: left out because {series.get('leftOut')}"
            if any(len(values[step]) != 1 for step in steps):
                continue
            # Of each life, and so of their medians.
            if not all(0 < values[step][0] <= values["whole"][0] for step in steps):
                yield f"{cache} in {runtime}: a step is longer than the whole: {values}"
            if "create" in steps and not values["create"][0] <= values["first-output"][0]:
                yield f"{cache} in {runtime}: output before the container was there: {values}"


with open(sys.argv[1]) as file:
    found = list(problems({job["name"]: job for job in json.load(file)["jobs"]}, sys.argv[2:]))
print("\n".join(found), end="\n" if found else "")
sys.exit(1 if found else 0)
