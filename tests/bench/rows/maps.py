"""Five maps in a chain, calls of functions in a job's shared object: what one call costs."""
from base import BenchJob, Cluster, profiled, row

MAPS = 5  # of jobs/maps.c
FORMS = (("record", "<= 6", "map: a call for each record"),
         ("batch", "<= 3", "map_batch: a call for many", "--batch"))


def bench_maps(options):
    records = options.records_m * 2 ** 20
    with Cluster() as cluster:
        cluster.start()
        for name, target, note, *more in FORMS:
            whole, cpu, alone = [], [], []
            BenchJob(cluster, "maps.so", 1, records, records * (1 + MAPS), *more)  # warm-up
            for _run in range(options.runs):
                none = BenchJob(cluster, "maps.so", 1, records, records, "--none")
                maps = BenchJob(cluster, "maps.so", 1, records, records * (1 + MAPS), *more)
                whole.append(maps.seconds / records / MAPS * 1e9)
                cpu.append(maps.cpu_seconds / records / MAPS * 1e9)
                alone.append((maps.cpu_seconds - none.cpu_seconds) / records / MAPS * 1e9)
            with profiled(options, f"maps.{name}", cluster.workers()):
                BenchJob(cluster, "maps.so", 1, records, records * (1 + MAPS), *more)
            row(f"maps.{name}", cpu, "ns/call", target, f"{note}; CPU time, source and sink shared out among the maps")
            row(f"maps.{name}.alone", alone, "ns/call", "", "the same, less a run without maps")
            row(f"maps.{name}.wall", whole, "ns/call", "", "first record made to last one received")
