"""32-byte records, generate -> hash -> sum, beside limit/keyby_inproc and limit/keyby_tcp."""
import re

from base import LIMIT, OUT, BenchJob, Cluster, make_limit, profiled, row, run


def run_keyby_limit(program, keys):
    """(M records per second, those of its best run)."""
    out = run(LIMIT / program, keys)
    rate = re.search(rf"^{program}\.{keys} ([0-9.]+)[^\n]*\n.* max ([0-9.]+)", out, re.M)
    return float(rate[1]), float(rate[2])


def keyed_sum(cluster, parallelism, records, keys, answer, *more):
    return BenchJob(cluster, "keyed_sum.so", parallelism, records, answer, "--keys", keys, *more)


def measure_keyed_sum(options, name, limit, target, parallelism, taskmanagers, *more):
    records = options.records_m * 2 ** 20 * 2 // parallelism
    with Cluster("taskmanager.memory.network.min: 64mb", slots=2 // taskmanagers, taskmanagers=taskmanagers) as cluster:
        cluster.start()
        for keys in options.keys:
            answer = int(run(OUT / "tests/bench/keyed_sum_answer", records, parallelism, keys))
            keyed_sum(cluster, parallelism, records, keys, answer, *more)  # warm-up
            ratios, rates, cpu_rates, cpu_ratios = [], [], [], []
            for _run in range(options.runs):
                limit_rate, best = run_keyby_limit(limit, keys)
                job = keyed_sum(cluster, parallelism, records, keys, answer, *more)
                rates.append(job.rate)
                cpu_rates.append(job.cpu_rate)
                ratios.append(job.rate / limit_rate)
                cpu_ratios.append(job.cpu_rate / (best / 2))
            with profiled(options, f"{name}.{keys}", cluster.workers()):
                keyed_sum(cluster, parallelism, records, keys, answer, *more)
            row(f"{name}.{keys}.ratio", ratios, "of limit", target, f"limit: limit/{limit}")
            row(f"{name}.{keys}.rate", rates, "Mrec/s", "", "first record made to last update received")
            row(f"{name}.{keys}.cpu.rate", cpu_rates, "Mrec/s", "", "per second of the TaskManagers' CPU time")
            row(f"{name}.{keys}.cpu.ratio", cpu_ratios, "of limit", "", "to the limit's best run, on two full cores")


def bench_keyed_sum(options):
    make_limit("keyby_inproc", "keyby_tcp")
    measure_keyed_sum(options, "keyed_sum", "keyby_inproc", ">= 0.6", 2, 1)
    measure_keyed_sum(options, "keyed_sum.tcp", "keyby_tcp", ">= 0.7", 1, 2, "--apart")
    measure_keyed_sum(options, "keyed_sum.tcp.p2", "keyby_tcp", "", 2, 2)
