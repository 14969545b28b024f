"""Rows of the daemons alone: start, submission, idleness, the simulator, the quickstart."""
import collections
import os
import pathlib
import re
import socket
import subprocess
import tempfile
import time

from base import OUT, ROOT, Cluster, cpu_and_wakes, die, free_ports, resident_mb, row, run, write_conf


def start_daemons(cluster):
    """Milliseconds from the exec of both programs to a registered TaskManager."""
    began = time.perf_counter()
    processes = [subprocess.Popen([cluster.folder / "bin" / name, "--unsupervised"], env=cluster.env,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                 for name in ("jobmanager", "taskmanager")]
    try:
        cluster.await_true("a registered TaskManager", lambda: cluster.get("/overview")["taskmanagers"] == 1)
        return (time.perf_counter() - began) * 1000
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait()


def bench_start(options):
    whole, daemons = [], []
    for _run in range(options.runs):
        with Cluster() as cluster:
            whole.append(cluster.start() * 1000)
        with Cluster() as cluster:
            daemons.append(start_daemons(cluster))
    row("start.script", whole, "ms", "<= 100", "start-cluster.sh, 1 + 1 daemons, to healthy")
    row("start.daemons", daemons, "ms", "<= 20", "both programs from exec to a registered TaskManager")


def submit_waiting(cluster, port):
    """A job that waits for a text server: (its id, milliseconds of flink run -d)."""
    began = time.perf_counter()
    out = cluster.call("./bin/flink", "run", "-d", "examples/streaming/SocketWindowWordCount.jar", "--port", port)
    return re.search(r"JobID ([0-9a-f]{32})", out)[1], (time.perf_counter() - began) * 1000


def await_running(cluster, job):
    cluster.await_true(f"job {job} is RUNNING", lambda: cluster.get(f"/jobs/{job}")["all-running-time"] > 0)
    return cluster.get(f"/jobs/{job}")


def bench_submit(options):
    to_running, command = [], []
    with Cluster(slots=2) as cluster:
        cluster.start()
        port = free_ports(1)[0]
        for _run in range(options.runs):
            job, took = submit_waiting(cluster, port)
            details = await_running(cluster, job)
            to_running.append(details["all-running-time"] - details["start-time"])
            command.append(took)
            cluster.call("./bin/flink", "cancel", job)
            cluster.await_true("all slots free", lambda: cluster.get("/overview")["slots-available"] == 2)
    row("submit.to_running", to_running, "ms", "<= 20", "job received to all tasks running")
    row("submit.command", command, "ms", "", "flink run -d, from exec to exit")


def measure_idle(cluster, state, seconds):
    processes = [(name, pid) for name, pid in cluster.processes() if not name.endswith("supervisor")]
    before = {pid: cpu_and_wakes(pid) for _name, pid in processes}
    time.sleep(seconds)
    for name, pid in processes:
        cpu, waits = (after - earlier for after, earlier in zip(cpu_and_wakes(pid), before[pid]))
        row(f"{state}.cpu.{name}", [cpu / seconds * 1000], "ms/s", "<= 1", f"{waits / seconds:.1f} wake-ups per second")


def bench_idle(options):
    memory = collections.defaultdict(list)
    for _run in range(options.runs):
        with Cluster() as cluster:
            cluster.start()
            time.sleep(1.5)
            for name, pid in cluster.processes():
                memory[name].append(resident_mb(pid))
    for name, values in memory.items():
        row(f"idle.resident.{name}", values, "MB", "<= 10", "before network buffers are touched")
    with Cluster() as cluster:
        cluster.start()
        time.sleep(2)
        measure_idle(cluster, "idle", 20)
        port = free_ports(1)[0]
        await_running(cluster, submit_waiting(cluster, port)[0])
        time.sleep(1)
        measure_idle(cluster, "retrying", 20)
        with socket.create_server(("127.0.0.1", port)) as server:  # connected, and nothing comes
            connection = server.accept()[0]
            time.sleep(1)
            measure_idle(cluster, "waiting", 20)
            connection.close()


# ---- simulator -----------------------------------------------------------------------------------------


def bench_sim(options):
    values = [float(re.search(r"sim\.speedup ([0-9.]+)", run(OUT / "tests/sim/sim", "--bench"))[1])
              for _run in range(options.runs)]
    row("sim.speedup", values, "x", ">= 100", "1 JobManager, 3 TaskManagers, p=3, 1 000 records/s, default faults")


# ---- quickstart ----------------------------------------------------------------------------------------


def read_steps(process):
    """(seconds of each "== step" of a script's output, the whole output)."""
    seconds, name, began, text = {}, "before", time.perf_counter(), []
    for line in process.stdout:
        text.append(line)
        if line.startswith("== "):
            now = time.perf_counter()
            seconds[name], name, began = now - began, line[3:].strip(), now
    seconds[name] = time.perf_counter() - began
    return seconds, "".join(text)


def bench_quickstart(options):
    """In a clone of the last commit, with ports of its own. Once: it compiles everything."""
    text = ROOT / "README.md"
    expected = len([word for line in text.read_text().split("\n")[:-1]
                    for word in (re.split(r"\s", line.rstrip()) if line.strip() or not line else [])])
    with tempfile.TemporaryDirectory(prefix="cflink-quickstart-") as folder:
        clone = pathlib.Path(folder) / "clone"
        run("git", "clone", "-q", "--shared", ROOT, clone)
        conf = clone / "build/flink/conf"
        conf.mkdir(parents=True)
        write_conf(conf, *free_ports(2), 1, [f"io.tmp.dirs: {folder}"])
        env = dict(os.environ, FLINK_PID_DIR=folder)
        process = subprocess.Popen(["scripts/quickstart.sh", text], cwd=clone, env=env, text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        try:
            seconds, said = read_steps(process)
        finally:
            process.kill()
            process.wait()
            subprocess.run(["build/flink/bin/stop-cluster.sh"], cwd=clone, env=env, capture_output=True)
        words = re.search(r"^(\d+) words in all", said, re.M)
        if process.returncode != 0 or not words:
            die(f"scripts/quickstart.sh ended with {process.returncode}:\n{said}")
        if int(words[1]) != expected:
            die(f"scripts/quickstart.sh counted {words[1]} words; {text} has {expected}")
    apt = seconds.pop("What is needed to build")
    building = seconds["Building"]
    row("quickstart.beside_apt", [sum(seconds.values())], "s", "<= 60", f"of it {building:.1f} s building")
    row("quickstart.apt", [apt], "s", "", "nothing to install" if apt < 2 else "packages installed meanwhile")
