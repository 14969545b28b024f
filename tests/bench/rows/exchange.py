"""The exchange alone: long records over TCP, many channels, one core and two."""
import re

from base import LIMIT, OUT, BenchJob, Cluster, make_limit, profiled, resident_mb, row, run
from keyed_sum import keyed_sum

RECORD_BYTES, STRUCT_BYTES = 1024, 40
WIDE = 100  # times 100 channels
WIDE_PERIOD = 65536  # keys drawn by each source
MI = 2 ** 20


def bench_long_records(options):
    """1 KiB records, one source and one sink in two TaskManagers, beside limit/tcp_stream."""
    make_limit("tcp_stream")
    records = options.records_m * MI // 32
    payload = RECORD_BYTES - STRUCT_BYTES

    def job(cluster):
        return BenchJob(cluster, "exchange.so", 1, records, records, "--payload", payload, "--apart")

    with Cluster("taskmanager.memory.network.min: 64mb", taskmanagers=2) as cluster:
        cluster.start()
        job(cluster)  # warm-up
        ratios, rates, cpu_ratios = [], [], []
        for _run in range(options.runs):
            out = run(LIMIT / "tcp_stream")
            limit, limit_cpu = (float(re.search(rf"^tcp_stream\.32{what} ([0-9.]+)", out, re.M)[1])
                                for what in ("", r"\.per_core_second"))
            done = job(cluster)
            gigabytes = done.rate * RECORD_BYTES / 1e3
            rates.append(gigabytes)
            ratios.append(gigabytes / limit)
            cpu_ratios.append(done.cpu_rate * RECORD_BYTES / 1e3 / limit_cpu)
        with profiled(options, "long_records", cluster.workers()):
            job(cluster)
    row("long_records.ratio", ratios, "of limit", "", "1 KiB records over TCP; limit: limit/tcp_stream")
    row("long_records.cpu.ratio", cpu_ratios, "of limit", "", "the same per second of CPU time, both sides together")
    row("long_records.rate", rates, "GB/s", "", f"{STRUCT_BYTES} bytes and {payload} of BYTES")


def run_wide(cluster, options, parallelism):
    records = options.records_m * MI // parallelism
    return BenchJob(cluster, "exchange.so", parallelism, records, records * parallelism, "--period", WIDE_PERIOD)


def bench_wide(options):
    """100 x 100 channels in one TaskManager, default memory settings, in turn with 2 x 2."""
    ratios, cpu_ratios, rates, resident = [], [], [], []
    with Cluster(slots=2) as narrow, Cluster(slots=WIDE) as wide:
        narrow.start()
        wide.start()
        run_wide(narrow, options, 2)
        try:
            run_wide(wide, options, WIDE)
        except SystemExit as refusal:
            print(f"wide.{WIDE}x{WIDE} cannot run: {re.search('error .*', str(refusal))[0]}", flush=True)
            return
        for _run in range(options.runs):
            few, many = run_wide(narrow, options, 2), run_wide(wide, options, WIDE)
            ratios.append(many.rate / few.rate)
            cpu_ratios.append(many.cpu_rate / few.cpu_rate)
            rates.append(many.rate)
            resident.append(sum(resident_mb(pid) for pid in wide.workers()))
        few_resident = sum(resident_mb(pid) for pid in narrow.workers())
        with profiled(options, f"wide.{WIDE}x{WIDE}", wide.workers()):
            run_wide(wide, options, WIDE)
    row(f"wide.{WIDE}x{WIDE}.ratio", ratios, "of 2x2", "", "hash, one TaskManager, default memory settings")
    row(f"wide.{WIDE}x{WIDE}.cpu.ratio", cpu_ratios, "of 2x2", "", "the same per second of CPU time")
    row(f"wide.{WIDE}x{WIDE}.rate", rates, "Mrec/s")
    row(f"wide.{WIDE}x{WIDE}.resident", resident, "MB", "",
        f"of the TaskManager after the run, {WIDE * WIDE_PERIOD * 4 // MI} MB of it drawn keys; 2x2: {few_resident:.0f}")


def bench_scaling(options):
    """keyed_sum with 100 keys: one subtask on a core and two on two; two TaskManagers on a core and on two."""
    records = options.records_m * MI // 2
    answers = {p: int(run(OUT / "tests/bench/keyed_sum_answer", records, p, 100)) for p in (1, 2)}
    inproc, inproc_cpu, tcp = [], [], []
    settings = "taskmanager.memory.network.min: 64mb"
    with Cluster(settings, slots=2) as one, Cluster(settings, taskmanagers=2) as two:
        one.start()
        two.start()
        for _run in range(options.runs):
            single, double = (keyed_sum(one, p, records, 100, answers[p]) for p in (1, 2))
            inproc.append(double.rate / single.rate)
            inproc_cpu.append(2 * double.cpu_rate / single.cpu_rate)
            two.pin(together=True)
            together = keyed_sum(two, 2, records, 100, answers[2])
            two.pin()
            tcp.append(keyed_sum(two, 2, records, 100, answers[2]).rate / together.rate)
    row("scaling.inproc", inproc, "x", ">= 1.8", "parallelism 2 to 1 in one TaskManager")
    row("scaling.inproc.cpu", inproc_cpu, "x", "", "what it would be if both cores were free: CPU time per record")
    row("scaling.tcp", tcp, "x", ">= 1.6", "two TaskManagers with a core each to both on one core")
