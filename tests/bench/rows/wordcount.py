"""WordCount on a text of Zipf words, every update and final counts, beside limit/wordcount and limit/wordcount_tcp."""
import collections
import pathlib
import re
import shutil
import tempfile
import time

from base import JOBS, LIMIT, Cluster, cpu_and_wakes, die, make_limit, profiled, row, run

SMALL_TEXT_MB = 2  # of the run whose every count is compared


def make_text(path, megabytes):
    run(LIMIT / "gen_zipf_text", path, megabytes)
    return int(run("wc", "-w", path).split()[0])


def run_limit(program, text):
    """(M words per second, the form of the loop that this processor runs)."""
    out = run(LIMIT / program, text)
    form = re.search(r"^# form: ([^,\n]+)", out, re.M)
    return float(re.search(rf"^{program} ([0-9.]+)", out, re.M)[1]), form[1] if form else "?"


class Job:
    """One attached run of a job that reads a text of `words` words, and what it took."""

    def __init__(self, cluster, program, parallelism, text, words, output=None, batch=False):
        more = (["--output", output] if output else []) + (["--execution-mode", "BATCH"] if batch else [])
        workers = cluster.workers()
        cpu = sum(cpu_and_wakes(pid)[0] for pid in workers)
        began = time.perf_counter()
        out = cluster.call("./bin/flink", "run", "-p", parallelism, program, "--input", text, *more)
        self.wall = time.perf_counter() - began
        cpu = sum(cpu_and_wakes(pid)[0] for pid in workers) - cpu
        details = cluster.get(f"/jobs/{re.search(r'JobID ([0-9a-f]{32})', out)[1]}")
        metrics = [vertex["metrics"] for vertex in details["vertices"]]
        if details["state"] != "FINISHED" or len(metrics) != 2:
            die(f"the job is {details['state']} and has {len(metrics)} vertices")
        if not batch and [metrics[0]["write-records"], metrics[1]["read-records"]] != [words, words]:
            die(f"{metrics[0]['write-records']} words were sent and {metrics[1]['read-records']} counted; "
                f"the text has {words}")
        self.rate = words / details["duration"] / 1e3  # the job's runtime in ms, deployment included
        self.cpu_rate = words / cpu / 1e6


def files_of(output):
    return [output] if output.is_file() else sorted(output.iterdir())


def remove(output):
    if output.is_dir():
        shutil.rmtree(output)
    else:
        output.unlink(missing_ok=True)


def check_counts(cluster, parallelism, folder):
    """On a small text: the updates of each word are 1, 2, … up to its count."""
    text, output = folder / "small", folder / "small-out"
    words = make_text(text, SMALL_TEXT_MB)
    expected = collections.Counter(text.read_text().split())
    Job(cluster, "examples/streaming/WordCount.jar", parallelism, text, words, output)
    counted = collections.Counter()
    for file in files_of(output):
        for line in file.read_text().splitlines():
            word, count = line[1:-1].rsplit(",", 1)
            counted[word] += 1
            if int(count) != counted[word]:
                die(f"update {line} came as number {counted[word]} of its word")
    if counted != expected:
        die(f"{sum((counted - expected).values())} words too many, {sum((expected - counted).values())} too few")
    remove(output)


def check_final_counts(cluster, parallelism, folder):
    """On a small text, runtime mode BATCH: each word once, with its count."""
    text, output = folder / "small", folder / "small-out"
    words = make_text(text, SMALL_TEXT_MB)
    Job(cluster, "examples/streaming/WordCount.jar", parallelism, text, words, output, batch=True)
    counted = {}
    for file in files_of(output):
        for line in file.read_text().splitlines():
            word, count = line[1:-1].rsplit(",", 1)
            if word in counted:
                die(f"{line} is there, and ({word},{counted[word]}) too")
            counted[word] = int(count)
    if counted != collections.Counter(text.read_text().split()):
        die("the counts of runtime mode BATCH are wrong")
    remove(output)


def measure_batch(options, name, limit, limit_cores, parallelism, taskmanagers):
    """Final counts only: what the limit programs give."""
    ratios, rates, cpu_rates = [], [], []
    with Cluster("taskmanager.memory.network.min: 64mb", slots=parallelism // taskmanagers,
                 taskmanagers=taskmanagers) as cluster:
        cluster.start()
        check_final_counts(cluster, parallelism, options.folder)
        arguments = cluster, JOBS / "wordcount.so", parallelism, options.text, options.words
        Job(*arguments, batch=True)  # warm-up
        for _run in range(options.runs):
            limit_rate, form = run_limit(limit, options.text)
            job = Job(*arguments, batch=True)
            rates.append(job.rate)
            cpu_rates.append(job.cpu_rate)
            ratios.append(job.rate / (limit_rate * parallelism / limit_cores))
        with profiled(options, name, cluster.workers()):
            Job(*arguments, batch=True)
    row(f"{name}.ratio", ratios, "of limit", ">= 0.5", f"runtime mode BATCH; limit: limit/{limit}, {form} form")
    row(f"{name}.rate", rates, "Mwords/s", "", f"{options.text_mb} MB, parallelism {parallelism}, final counts")
    row(f"{name}.cpu.rate", cpu_rates, "Mwords/s", "", "per second of the TaskManagers' CPU time")


def measure_wordcount(options, name, limit, limit_cores, parallelism, taskmanagers):
    """The bench job in turn with the limit program; then the example with a file as output."""
    slots = parallelism // taskmanagers
    folder = options.folder
    ratios, rates, cpu_rates, walls, file_rates, file_walls = [], [], [], [], [], []
    with Cluster("taskmanager.memory.network.min: 64mb", slots=slots, taskmanagers=taskmanagers) as cluster:
        cluster.start()
        check_counts(cluster, parallelism, folder)
        Job(cluster, JOBS / "wordcount.so", parallelism, options.text, options.words)  # warm-up
        for _run in range(options.runs):
            limit_rate, form = run_limit(limit, options.text)
            job = Job(cluster, JOBS / "wordcount.so", parallelism, options.text, options.words)
            rates.append(job.rate)
            cpu_rates.append(job.cpu_rate)
            walls.append(job.wall)
            ratios.append(job.rate / (limit_rate * parallelism / limit_cores))
        with profiled(options, name, cluster.workers()):
            Job(cluster, JOBS / "wordcount.so", parallelism, options.text, options.words)
        for _run in range(options.runs):
            job = Job(cluster, "examples/streaming/WordCount.jar", parallelism, options.text, options.words,
                      folder / "out")
            lines = sum(int(run("wc", "-l", file).split()[0]) for file in files_of(folder / "out"))
            if lines != options.words:
                die(f"{lines} lines were written for {options.words} words")
            remove(folder / "out")
            file_rates.append(job.rate)
            file_walls.append(job.wall)
    where = f"{options.text_mb} MB, parallelism {parallelism}, {taskmanagers} TaskManager{'s' * (taskmanagers > 1)}"
    times = f"{parallelism // limit_cores} x " if parallelism > limit_cores else ""
    row(f"{name}.ratio", ratios, "of limit", ">= 0.5",
        f"limit: {times}limit/{limit}, {form} form, the best this processor has")
    row(f"{name}.rate", rates, "Mwords/s", "", f"{where}; every update emitted, none written")
    row(f"{name}.cpu.rate", cpu_rates, "Mwords/s", "", "per second of the TaskManagers' CPU time")
    row(f"{name}.wall", walls, "s", "", "flink run from exec to exit, submission included")
    row(f"{name}.to_file.rate", file_rates, "Mwords/s", "", f"examples/streaming/WordCount --output: {where}")
    row(f"{name}.to_file.wall", file_walls, "s", "", "the same, from exec to exit")


def bench_wordcount(options):
    make_limit("wordcount", "wordcount_tcp", "gen_zipf_text")
    with tempfile.TemporaryDirectory(prefix="cflink-text-") as folder:
        options.folder = pathlib.Path(folder)
        options.text = options.folder / "text"
        options.words = make_text(options.text, options.text_mb)
        measure_wordcount(options, "wordcount", "wordcount", 1, 2, 1)
        measure_wordcount(options, "wordcount.p1", "wordcount", 1, 1, 1)
        measure_wordcount(options, "wordcount.tcp", "wordcount_tcp", 2, 2, 2)
        measure_batch(options, "wordcount.batch", "wordcount", 1, 2, 1)
        measure_batch(options, "wordcount.batch.p1", "wordcount", 1, 1, 1)
        measure_batch(options, "wordcount.batch.tcp", "wordcount_tcp", 2, 2, 2)
