"""What a day of time series costs the JobManager: a job of 200 subtasks, in simulated time."""
import collections

from base import OUT, row, run

SERIES_TARGETS = {"memory": "<= 64", "tick": "<= 100", "answer.chart": "<= 5", "answer.heat": "<= 5"}


def bench_series(options):
    """A day of 1 600 series, a second each for an hour, ten seconds each for the day."""
    values, units = collections.defaultdict(list), {}
    for _run in range(options.runs):
        for line in run(OUT / "tests/bench/series_bench").splitlines():
            name, value, unit = line.split()
            values[name].append(float(value))
            units[name] = unit
    for name, measured in values.items():
        row(f"series.{name}", measured, units[name], SERIES_TARGETS.get(name, ""),
            "24 h of 2 x 100 subtasks" if name == "memory" else "")
