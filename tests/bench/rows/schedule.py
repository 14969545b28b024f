"""The JobManager alone with a wide job: 10 000 x 10 000 subtasks, all to all."""
import collections

from base import OUT, row, run

SCHEDULE_TARGETS = {"init": "<= 50", "deploy": "<= 1500", "restart_set": "<= 10", "resident": "<= 150"}


def bench_schedule(options):
    """The JobManager alone: 10 000 x 10 000, all to all, with TaskManagers that only acknowledge."""
    values, units = collections.defaultdict(list), {}
    for _run in range(options.runs):
        for line in run(OUT / "tests/bench/schedule_bench").splitlines():
            name, value, unit = line.split()
            values[name].append(float(value))
            units[name] = unit
    for name, measured in values.items():
        row(f"schedule.{name}", measured, units[name], SCHEDULE_TARGETS.get(name, ""),
            "2 x 10 000 subtasks, HASH; 100 TaskManagers with 100 slots" if name == "init" else "")
