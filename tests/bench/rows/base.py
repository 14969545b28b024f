"""What every row needs: the printed table, programs run and checked, clusters of their own, limit programs."""
import collections
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[3]
OUT = ROOT / "build/release"
HOME = ROOT / "build/flink"
LIMIT = ROOT / "build/limit"
JOBS = OUT / "tests/bench/jobs"
BENCH_LIB = OUT / "tests/bench/flink-bench.so"
CONNECTORS = ("bench-rows", "bench-lines", "bench-schedule", "bench-sum", "bench-count", "bench-latency")
PROFILE_LINES = 25


def row(name, values, unit, target="", note=""):
    """target: "<= 20" or ">= 0.15"; says whether the median meets it."""
    values = sorted(values)
    median = statistics.median(values)
    verdict = ""
    if target:
        sign, bound = target.split()
        met = median <= float(bound) if sign == "<=" else median >= float(bound)
        verdict = f"{target} {'met' if met else 'MISSED'}"
    spread = f"[{values[0]:.3f} … {values[-1]:.3f}]"
    print(f"{name:32} {median:>10.3f} {unit:9} {spread:24} {verdict:15} {note}".rstrip(), flush=True)


def die(text):
    sys.exit(f"tests/bench/run: {text}")


def run(*command, **options):
    """Its stdout; a command that fails ends the program with what it said."""
    done = subprocess.run([str(part) for part in command], text=True, stdout=subprocess.PIPE,
                          **{"stderr": subprocess.PIPE, **options})
    if done.returncode != 0:
        die(f"{' '.join(map(str, command))} failed with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


@contextlib.contextmanager
def profiled(options, name, pids):
    """With --profile: what the processes' time went to while this was open, as comments in the table."""
    if not options.profile:
        yield
        return
    with tempfile.NamedTemporaryFile(prefix="cflink-perf-") as file:
        command = ["perf", "record", "-q", "-F", "1999", "-g", "-o", file.name, "-p", ",".join(map(str, pids))]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                time.sleep(0.3)  # until it has attached itself
                yield
            finally:
                process.send_signal(signal.SIGINT)
        report = run("perf", "report", "-i", file.name, "--stdio", "--no-children", "-g", "none", "-t", "|",
                     "--sort", "comm,dso,symbol", stderr=None)
    shares = collections.defaultdict(float)
    for line in report.splitlines():
        parts = [part.strip() for part in line.split("|")]
        if not line.startswith("#") and len(parts) >= 4 and parts[0].endswith("%"):
            place = re.sub(r"\.so[.0-9]*$", "", re.sub(r"^[0-9a-f]{64}-\d+", "the job", parts[2]))
            symbol = "(no symbols)" if "0x0" in parts[3] else parts[3].replace("[.] ", "").replace("[k] ", "")
            shares[parts[1], place, symbol] += float(parts[0].rstrip("%"))
    print(f"# profile of {name}: share, thread, object, function")
    for (thread, place, symbol), share in sorted(shares.items(), key=lambda item: -item[1])[:PROFILE_LINES]:
        print(f"# {share:6.2f} %  {thread:14} {place:20} {symbol}", flush=True)


def free_ports(count):
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for s in sockets:
            s.bind(("127.0.0.1", 0))
        return [s.getsockname()[1] for s in sockets]


def machine():
    info = pathlib.Path("/proc/cpuinfo").read_text()
    model = re.search(r"model name\s*: (.*)", info)
    memory = int(re.search(r"MemTotal:\s+(\d+)", pathlib.Path("/proc/meminfo").read_text())[1]) / 1024 ** 2
    vectors = "AVX-512" if "avx512bw" in info else "AVX2" if "avx2" in info else "no AVX2"
    git = ["git", "-C", ROOT]
    commit = run(*git, "rev-parse", "--short", "HEAD").strip() if (ROOT / ".git").exists() else "unknown"
    dirty = " with changes" if commit != "unknown" and run(*git, "status", "--porcelain", "-uno").strip() else ""
    return (f"{model[1] if model else '?'}, {os.cpu_count()} cores, {vectors}, {memory:.0f} GiB, "
            f"Linux {os.uname().release}, commit {commit}{dirty}")


nice = 0  # of all that is measured


def share_of_session(pid):
    """Linux shares the processor out among sessions first, and `nice` counts only inside of one: so for the session."""
    with contextlib.suppress(FileNotFoundError):  # kernels without autogroups
        pathlib.Path(f"/proc/{pid}/autogroup").write_text(f"{nice}\n")


@contextlib.contextmanager
def precedence(wanted):
    """Limit programs and clusters inherit it. The session gets its share back."""
    global nice
    if not wanted:
        yield
        return
    os.nice(wanted)
    nice = wanted
    share_of_session("self")
    try:
        yield
    finally:
        nice = 0
        share_of_session("self")


# ---- clusters ------------------------------------------------------------------------------------------


class Cluster:
    """A Flink home of its own. What was started in it is stopped with it."""

    def __init__(self, *settings, slots=1, taskmanagers=1):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="cflink-bench-"))
        shutil.copytree(HOME / "bin", self.folder / "bin", symlinks=True)
        for part in ("include", "examples", "web"):
            if (HOME / part).exists():
                os.symlink(HOME / part, self.folder / part)
        for part in ("conf", "log", "tmp", "pid", "lib"):
            (self.folder / part).mkdir()
        for library in (HOME / "lib").iterdir():
            os.symlink(library, self.folder / "lib" / library.name)
        for connector in CONNECTORS:  # a library is looked for by the connector's name
            os.symlink(BENCH_LIB, self.folder / "lib" / f"flink-{connector}.so")
        self.rest, rpc = free_ports(2)
        self.taskmanagers = taskmanagers
        write_conf(self.folder / "conf", self.rest, rpc, taskmanagers, [
            f"taskmanager.numberOfTaskSlots: {slots}", f"io.tmp.dirs: {self.folder}/tmp", *settings])
        self.env = dict(os.environ, FLINK_CONF_DIR=f"{self.folder}/conf", FLINK_LOG_DIR=f"{self.folder}/log",
                        FLINK_PID_DIR=f"{self.folder}/pid")

    def call(self, *command):
        return run(*command, cwd=self.folder, env=self.env)

    def start(self):
        """Seconds until the script came back."""
        began = time.perf_counter()
        self.call("./bin/start-cluster.sh")
        seconds = time.perf_counter() - began
        for _name, pid in self.processes() if nice else []:
            share_of_session(pid)
        overview = self.get("/overview")
        if overview["taskmanagers"] != self.taskmanagers:
            die(f"the cluster was said to be up, but has {overview['taskmanagers']} TaskManagers")
        return seconds

    def get(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.rest}{path}", timeout=10) as answer:
            return json.load(answer)

    def await_true(self, what, is_true, seconds=20):
        end = time.perf_counter() + seconds
        while True:
            with contextlib.suppress(OSError):
                if is_true():
                    return
            if time.perf_counter() > end:
                die(f"{what}: not within {seconds} s; logs are in {self.keep()}")
            time.sleep(0.0005)

    def keep(self):
        kept = tempfile.mkdtemp(prefix="cflink-bench-failed-")
        return shutil.copytree(self.folder / "log", kept, dirs_exist_ok=True)

    def processes(self):
        """[(name, pid)]: the working processes, and the supervisors above them."""
        found = []
        for file in sorted((self.folder / "pid").glob("*.pid")):
            daemon = {"standalonesession": "jobmanager", "taskexecutor": "taskmanager"}[file.stem.split("-")[-1]]
            for parent in map(int, file.read_text().split()):
                children = pathlib.Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
                found += [(daemon, int(child)) for child in children]
                found.append((f"{daemon}.supervisor", parent))
        return found

    def workers(self):
        return [pid for name, pid in self.processes() if name == "taskmanager"]

    def pin(self, together=False):
        """The k-th TaskManager, with all its threads and those it will start, to the k-th core, or all to one."""
        cores = sorted(os.sched_getaffinity(0))[:1 if together else None]
        for k, pid in enumerate(self.workers()):
            for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
                os.sched_setaffinity(int(task.name), {cores[k % len(cores)]})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run(["./bin/stop-cluster.sh"], cwd=self.folder, env=self.env, capture_output=True)
        shutil.rmtree(self.folder, ignore_errors=True)


def write_conf(folder, rest, rpc, taskmanagers, settings):
    (folder / "flink-conf.yaml").write_text("\n".join([
        "jobmanager.rpc.address: localhost", f"jobmanager.rpc.port: {rpc}", f"rest.port: {rest}", *settings, ""]))
    (folder / "masters").write_text(f"localhost:{rest}\n")
    (folder / "workers").write_text("localhost\n" * taskmanagers)


def resident_mb(pid):
    return int(re.search(r"^VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text(), re.M)[1]) / 1024


def cpu_and_wakes(pid):
    """CPU seconds of a process, also of threads that have ended, and how often those there now have waited."""
    waits = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(FileNotFoundError):
            waits += int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", (task / "status").read_text(), re.M)[1])
    return time.clock_gettime(~pid << 3 | 2), waits  # the process's CPU clock, as clock_getcpuclockid makes it


# ---- limit programs ------------------------------------------------------------------------------------


def make_limit(*programs):
    LIMIT.mkdir(parents=True, exist_ok=True)
    for file in (ROOT / "tests/bench/limit").iterdir():
        if file.suffix in (".c", ".h") or file.name == "Makefile":
            copy = LIMIT / file.name
            if not copy.exists() or copy.read_bytes() != file.read_bytes():
                shutil.copy(file, copy)
    run("make", "-s", "-C", LIMIT, *programs)


# ---- jobs of the bench connector ---------------------------------------------------------------------------


class BenchJob:
    """One attached run of a job from bench-rows to bench-sum, checked: all records came, and their sum is right.

    Rates are in millions of records per second: from the first record made to the last one received, and per
    second of CPU time of all TaskManagers."""

    def __init__(self, cluster, program, parallelism, records, total, *arguments):
        workers = cluster.workers()
        cpu = sum(cpu_and_wakes(pid)[0] for pid in workers)
        self.out = cluster.call("./bin/flink", "run", "-p", parallelism, JOBS / program, "--records", records,
                                *arguments)
        self.cpu_seconds = sum(cpu_and_wakes(pid)[0] for pid in workers) - cpu
        began = [int(ns) for ns in re.findall(r"bench-rows \d+ began (\d+)", self.out)]
        ended = [tuple(map(int, found)) for found in
                 re.findall(r"bench-sum \d+ records (\d+) total (\d+) ended (\d+)", self.out)]
        if not began or not ended:
            die(f"{len(began)} sources and {len(ended)} sinks have spoken:\n{self.out}")
        done, came = (sum(part[i] for part in ended) for i in (0, 1))
        if done != records * parallelism or came % 2 ** 64 != total:
            die(f"{done} records with total {came} came; {records * parallelism} with total {total} are right")
        self.seconds = (max(end for _, _, end in ended) - min(began)) / 1e9
        self.rate = done / self.seconds / 1e6
        self.cpu_rate = done / self.cpu_seconds / 1e6
