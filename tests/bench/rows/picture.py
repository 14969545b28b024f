"""Pictures of a wide job: what GET /jobs/:jobid/snapshot and following a job cost the JobManager's thread."""
import collections

from base import OUT, row, run

PICTURE_TARGETS = {"snapshot": "<= 5"}


def bench_picture(options):
    """Pictures and patches of a job of 50 vertices with 100 subtasks each."""
    values, units = collections.defaultdict(list), {}
    for _run in range(options.runs):
        for line in run(OUT / "tests/bench/picture_bench").splitlines():
            name, value, unit = line.split()
            values[name].append(float(value))
            units[name] = unit
    for name, measured in values.items():
        row(f"picture.{name}", measured, units[name], PICTURE_TARGETS.get(name, ""),
            "50 vertices x 100 subtasks, CPU time of the JobManager's thread" if name == "snapshot" else "")
