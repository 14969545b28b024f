"""How late records come through an exchange by key between two TaskManagers, beside limit/latency_floor."""
import re
import statistics

from base import JOBS, LIMIT, Cluster, die, make_limit, row, run

RATE, SECONDS = 100_000, 2
PERCENTILES = ("p50", "p99", "p99.9", "p99.99", "max")
# (name, buffer timeout, how the source waits): a spinning source is never idle, so it has to say when to send
FORMS = (("", "0 ms", "spin"), (".sleeping", "0 ms", "sleep"), (".default_timeout", "100 ms", "sleep"))


def floor():
    """{percentile: microseconds} of the spinning form."""
    out = run(LIMIT / "latency_floor", RATE, SECONDS)
    return {name: float(re.search(rf"^latency_floor\.spin\.{RATE}\.{re.escape(name)} ([0-9.]+)", out, re.M)[1])
            for name in PERCENTILES}


def job(cluster, wait):
    """{percentile: microseconds} of one run."""
    records = RATE * SECONDS * 11 // 10
    out = cluster.call("./bin/flink", "run", "-p", 1, JOBS / "latency.so", "--records", records, "--rate", RATE,
                       "--wait", wait)
    said = re.search(r"bench-latency 0 records (\d+) out_of_order (\d+) early (\d+) (.*)", out)
    if not said or [int(said[i]) for i in (1, 2, 3)] != [records, 0, 0]:
        die(f"{records} records in order, none before its time, are right:\n{out}")
    words = said[4].split()
    return {name: int(ns) / 1000 for name, ns in zip(words[::2], words[1::2])}


def targets(name, limit):
    """None of the other forms: what counts is buffer timeout 0, as far as it can be compared with the floor."""
    return {"p50": "<= 100", "p99": f"<= {limit['p99'] + 200:.0f}",
            "p99.99": f"<= {1.5 * limit['p99.99']:.0f}"} if name == "" else {}


def bench_latency(options):
    make_limit("latency_floor")
    for name, timeout, wait in FORMS:
        with Cluster(f"execution.buffer-timeout.interval: {timeout}", slots=1, taskmanagers=2) as cluster:
            cluster.start()
            cluster.pin()
            limit = floor()
            runs = [job(cluster, wait) for _run in range(options.runs)]
        for percentile in PERCENTILES:
            values = [one[percentile] for one in runs]
            row(f"latency{name}.{percentile}", values, "us", targets(name, limit).get(percentile, ""),
                f"floor {limit[percentile]:.1f}: limit/latency_floor, spinning; "
                f"{statistics.median(values) / limit[percentile]:.2f} of it" if percentile != "p50" else
                f"floor {limit[percentile]:.1f}; {RATE} records/s, hash, 2 TaskManagers on a core each, "
                f"buffer timeout {timeout}, source waits by {wait}")
