# SPDX-License-Identifier: Apache-2.0
"""contract_checks - what Flink's page and tools rely on beyond the form of single answers. Called by contract.py."""
import concurrent.futures
import urllib.parse

from contract import complain, expect

EXECUTION_STATES = {"CREATED", "SCHEDULED", "DEPLOYING", "INITIALIZING", "RUNNING", "FINISHED", "CANCELING", "CANCELED",
                    "FAILED", "RECONCILING"}
PAGES = ("metrics", "metrics?get=0.numRecordsIn", "subtasks/metrics", "subtasks/metrics?get=numRecordsIn", "watermarks",
         "backpressure", "subtasktimes", "taskmanagers", "accumulators", "subtasks/accumulators", "flamegraph")


def keys_of_tasks(contract, world):
    """2: lower case in the list, upper case in the job, every state, 0 where there are none."""
    for job in contract.api.get("/jobs/overview").json()["jobs"]:
        expect(set(job["tasks"]) == {"total"} | {state.lower() for state in EXECUTION_STATES}, f"{job['tasks']}")
    for job in world.jobs.values():
        seen = contract.api.get(f"/jobs/{job}").json()
        for vertex in seen["vertices"]:
            expect(set(vertex["tasks"]) == EXECUTION_STATES, f"{vertex['tasks']}")
            expect(sum(vertex["tasks"].values()) == vertex["parallelism"], f"{vertex}")
        expect(sum(seen["status-counts"].values()) == len(seen["vertices"]), f"{seen['status-counts']}")


def plans(contract, world):
    """3: the plan has the vertices and nothing else; every input is one of them; sources have none."""
    for job in world.jobs.values():
        seen = contract.api.get(f"/jobs/{job}").json()
        vertices, nodes = [v["id"] for v in seen["vertices"]], [n["id"] for n in seen["plan"]["nodes"]]
        expect(sorted(vertices) == sorted(nodes), f"{vertices} and {nodes}")
        inputs = [node.get("inputs") for node in seen["plan"]["nodes"]]
        expect(None in inputs and [] not in inputs, f"sources have no inputs: {inputs}")
        for one in sum((i or [] for i in inputs), []):
            expect(one["id"] in vertices, f"{one} leads nowhere")
        for node in seen["plan"]["nodes"]:
            expect(node["description"].endswith("<br/>") and "\n" not in node["description"], f"{node['description']!r}")


def metric_pages_of(contract, world, state, job):
    """4: pages that Flink's graph asks for every vertex answer 200, whatever the job's state."""
    for vertex in world.vertices[job]:
        for page in PAGES:
            answer = contract.api.get(f"/jobs/{job}/vertices/{vertex}/{page}")
            expect(answer.status == 200, f"{page} of a job that is {state}: {answer.status} {answer.body[:200]!r}")


def metrics(contract, world):
    """5, 6, 7: bare arrays; values are strings, aggregates numbers; unknown names are left out, also 2000 of them."""
    job = world.jobs["running"]
    for vertex in world.vertices[job]:
        base = f"/jobs/{job}/vertices/{vertex}"
        names = [item["id"] for item in contract.api.get(f"{base}/metrics").json()]
        expect("0.numRecordsIn" in names, f"{names[:5]}")
        values = contract.api.get(f"{base}/metrics?get={urllib.parse.quote(','.join(names))}").json()
        expect([item["id"] for item in values] == names, f"{len(values)} values of {len(names)} names")
        expect(all(isinstance(item["value"], str) for item in values), f"{values[:3]}")
        sums = contract.api.get(f"{base}/subtasks/metrics?get=numRecordsIn,nobodysMetric").json()
        expect([sorted(item) for item in sums] == [["avg", "id", "max", "min", "skew", "sum"]], f"{sums}")
        expect(all(isinstance(sums[0][key], (int, float)) for key in ("min", "max", "avg", "sum", "skew")), f"{sums}")
        many = ",".join(f"{i}.nobodysMetric" for i in range(2000))
        answer = contract.api.get(f"{base}/metrics?get=0.numRecordsIn,{many}")
        expect(answer.status == 200 and [item["id"] for item in answer.json()] == ["0.numRecordsIn"], f"{answer.body[:200]!r}")
    summary = contract.api.get(f"/jobs/{job}/checkpoints").json()["summary"]["state_size"]
    expect(summary["p50"] == "NaN", f"no number is the text NaN: {summary}")  # a bare one fails to parse


def attempts(contract, world):
    """What failed and was started again can be looked at, with its reason."""
    job = world.jobs["failed"]
    told = []
    for vertex in world.vertices[job]:
        for subtask in contract.api.get(f"/jobs/{job}/vertices/{vertex}").json()["subtasks"]:
            expect(subtask["attempt"] == 1, f"one restart was allowed: {subtask}")
            path = f"/jobs/{job}/vertices/{vertex}/subtasks/{subtask['subtask']}/attempts/"
            for number in (0, 1):
                template = "/jobs/{jobid}/vertices/{vertexid}/subtasks/{subtaskindex}/attempts/{attempt}"
                seen = contract.well("GET", template, f"{path}{number}").json()
                expect(seen["attempt"] == number, f"{seen}")
                told.append((number, seen["status"], seen.get("failure", "")))
    for number in (0, 1):  # who fails first may be its peer, which has lost it
        expect(any(n == number and s == "FAILED" and why for n, s, why in told), f"attempt {number}: {told}")
    entries = contract.api.get(f"/jobs/{job}/exceptions").json()["exceptionHistory"]["entries"]
    expect(entries[0]["taskName"].endswith(" - execution #1"), f"{entries}")
    expect(any("on purpose" in entry["stacktrace"] for entry in entries), f"{entries}")


def multipart(files, fields=()):
    lines = b""
    for field, name, content in files:
        lines += (f'--b\r\nContent-Disposition: form-data; name="{field}"; filename="{name}"\r\n'
                  "Content-Type: application/octet-stream\r\n\r\n").encode() + content + b"\r\n"
    for field in fields:
        lines += f'--b\r\nContent-Disposition: form-data; name="{field}"\r\n\r\nx\r\n'.encode()
    return lines + b"--b--\r\n"


def uploads(contract, world):
    """9: only the last part of a name counts; one file, and no other field."""
    del world
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    program = b"print('hello')\n"
    answer = contract.well("POST", "/jars/upload", "/jars/upload",
                           multipart([("jarfile", "../../../etc/cron.d/job.py", program)]), headers)
    name = answer.json()["filename"].rsplit("/", 1)[1]
    expect(name.endswith("_job.py") and "/etc/" not in answer.json()["filename"], f"{answer.body!r}")
    expect([f["name"] for f in contract.api.get("/jars").json()["files"]] == ["job.py"], "the list of programs")
    for body in (multipart([("jarfile", "a.py", program), ("jarfile", "b.py", program)]),
                 multipart([("jarfile", "a.py", program)], ["foo"]), multipart([]),
                 multipart([("jarfile", "a.exe", program)]), multipart([("jarfile", "a.jar", b"PK\3\4")])):
        bad = contract.hold(("POST", "/jars/upload"), "/jars/upload", contract.api.ask("POST", "/jars/upload", body, headers))
        expect(bad.status == 400, f"{body[:90]!r}: {bad.status} {bad.body[:200]!r}")
        contract.called_badly.add(("POST", "/jars/upload"))
    contract.well("GET", "/jars", "/jars")
    run_and_plan(contract, name)
    contract.badly("DELETE", "/jars/{jarid}", "/jars/nobody.py", {400, 404})
    contract.well("DELETE", "/jars/{jarid}", f"/jars/{urllib.parse.quote(name)}")


def run_and_plan(contract, name):
    """A program that runs no job says so, on every route that runs programs."""
    for method, template in contract.operations:
        if template.startswith("/jars/{jarid}/"):
            path = template.replace("{jarid}", urllib.parse.quote(name))
            contract.well(method, template, path, status=400)
            contract.badly(method, template, template.replace("{jarid}", "nobody.py"), {400, 404})


PROGRAM = b"""#include <flink/flink.h>
int flink_main(struct flink_env *env, struct flink_args *args, struct err *err)
{
	static const char *const lines[] = { "a line" };
	(void)args;
	print(from_lines(env, lines, 1));
	return flink_execute(env, "once", err);
}
"""


def retries(contract, world):
    """A program that is run again and again with one key, all at once, is one job."""
    del world
    answer = contract.api.ask("POST", "/jars/upload", multipart([("jarfile", "once.c", PROGRAM)]),
                              {"Content-Type": "multipart/form-data; boundary=b"})
    path = "/jars/" + urllib.parse.quote(answer.json()["filename"].rsplit("/", 1)[1]) + "/run"
    headers = {"Idempotency-Key": "retries"}

    def run(_):
        return contract.hold(("POST", "/jars/{jarid}/run"), path, contract.api.ask("POST", path, {"parallelism": 1}, headers))

    before = len(contract.api.get("/jobs").json()["jobs"])
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(run, range(20)))
    expect({a.status for a in answers} == {200}, f"{[a.status for a in answers]} {answers[0].body[:300]!r}")
    expect(len({a.body for a in answers}) == 1, f"{ {a.body for a in answers} }")
    expect(sum("Idempotent-Replayed" in a.headers for a in answers) == 19, "all but one are the first one's answer")
    expect(len(contract.api.get("/jobs").json()["jobs"]) == before + 1, "one job more")
    other = contract.api.ask("POST", path, {"parallelism": 2}, headers)
    expect(other.status == 422, f"the key with other content: {other.status} {other.body[:200]!r}")


TRAVERSALS = ("..%2fconf%2fflink-conf.yaml", "..%2f..%2f..%2fetc%2fpasswd", "..%252fconf%252fflink-conf.yaml",
              "%2e%2e%2fconf%2fflink-conf.yaml", "%252e%252e%252fetc%252fpasswd", "..%5cconf%5cflink-conf.yaml",
              "%2fetc%2fpasswd", "..", ".", "%2e%2e", "flink%00.log", "..%c0%af..%c0%afetc%c0%afpasswd")


def logs(contract, world):
    """12: logs come with their length, also while they grow; no name leads out of their folder."""
    taskmanager = "/taskmanagers/" + urllib.parse.quote(world.taskmanager, safe="")
    for base, kind in (("/jobmanager", "jobmanager"), (taskmanager, "taskmanagers")):
        for page in ("log", "stdout", "logs/" + urllib.parse.quote(world.files[kind], safe="")):
            for _ in range(3):
                answer = contract.api.get(f"{base}/{page}")
                expect(answer.status == 200 and int(answer.headers["Content-Length"]) == len(answer.body),
                       f"{base}/{page}: {answer.status}, {answer.headers['Content-Length']} announced, {len(answer.body)} came")
        for name in TRAVERSALS:
            answer = contract.api.get(f"{base}/logs/{name}")
            expect(answer.status in (400, 404), f"{base}/logs/{name}: {answer.status} {answer.body[:100]!r}")


def taskmanager_ids(contract, world):
    """11: a TaskManager's id in whatever way it is percent-encoded."""
    plain = world.taskmanager
    spelled = "".join(f"%{byte:02x}" for byte in plain.encode())
    for text in (urllib.parse.quote(plain, safe=""), urllib.parse.quote(plain, safe=":"), spelled):
        for prefix in ("", "/v1"):
            answer = contract.api.get(f"{prefix}/taskmanagers/{text}")
            expect(answer.status == 200 and answer.json()["id"] == plain, f"{prefix}/taskmanagers/{text}: {answer.status}")


def run(contract, world):
    for check in (keys_of_tasks, plans, metrics, attempts, uploads, retries, logs, taskmanager_ids):
        try:
            check(contract, world)
        except Exception as why:  # a check that cannot go on is a failure like others
            complain(f"{check.__name__}: {type(why).__name__} {why}")
    for state in ("waiting", "running", "finished", "failed", "canceled"):
        metric_pages_of(contract, world, state, world.jobs[state])
