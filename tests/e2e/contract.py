#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""contract - calls every route of a running cluster's REST API in good and bad ways, and holds every answer
against what /openapi.json says of it (strictly) and against what Flink's clients expect (flink_api.shapes).

usage: contract.py before BASE_URL
       contract.py full BASE_URL running=ID finished=ID failed=ID waiting=ID canceled=ID doomed=ID

`before`: no job exists yet. `full`: jobs in all those states exist; doomed is cancelled on the way, and at the end
the cluster is shut down. A route for which no call is written here is a failure.
"""
import hashlib
import http.client
import json
import os
import re
import sys
import time
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from contract_shapes import Misfit, check_schema, check_shape, form, read_shapes

DEADLINE_S = 20
NOBODY = "00000000000000000000000000000001"
HERE = os.path.dirname(os.path.abspath(__file__))
failures = []


def complain(text):
    failures.append(text)
    print("    " + text[:600])


def expect(condition, text):
    if not condition:
        complain(text)


def no_bare_nan(token):
    raise ValueError(f"a bare {token} is no JSON")


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def type(self):
        return self.headers.get("Content-Type", "").split(";")[0]

    def json(self):
        return json.loads(self.body, parse_constant=no_bare_nan)


class Api:
    def __init__(self, base):
        parts = urllib.parse.urlsplit(base)
        self.host, self.port = parts.hostname, parts.port

    def ask(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection(self.host, self.port, timeout=DEADLINE_S)
        body = json.dumps(body).encode() if isinstance(body, (dict, list)) else body
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        # A stream has no end: its head is enough here.
        stream = response.headers.get("Content-Type", "").startswith("text/event-stream")
        answer = Answer(response.status, response.headers, b"" if stream or method == "HEAD" else response.read())
        connection.close()
        return answer

    def get(self, path):
        return self.ask("GET", path)

    def until(self, path, good):
        """Asks until good(JSON); its last JSON."""
        deadline = time.monotonic() + DEADLINE_S
        while True:
            seen = self.get(path).json()
            if good(seen):
                return seen
            if time.monotonic() > deadline:
                raise TimeoutError(f"{path} stays {seen}")
            time.sleep(0.02)


class Contract:
    """One document, the answers held against it, and which of its operations were called."""

    def __init__(self, api):
        self.api = api
        self.document = api.get("/openapi.json").json()
        self.components = self.document["components"]["schemas"]
        self.golden = read_shapes(os.path.join(HERE, "flink_api.shapes"))
        self.called_well, self.called_badly, self.held_golden = set(), set(), set()
        self.operations = {(method.upper(), path): operation for path, methods in self.document["paths"].items()
                           for method, operation in methods.items()}

    def hold(self, operation, path, answer):
        """An answer against its schema: of success, or the one of errors."""
        responses = self.operations[operation]["responses"]
        good = str(answer.status) in responses
        content = responses[str(answer.status) if good else "default"]["content"]
        name = f"{operation[0]} {path}: {answer.status}"
        if not good and answer.status < 300:
            complain(f"{name} is in no response of the document")
        elif good and answer.type != next(iter(content)):
            complain(f"{name} is {answer.type}, not {next(iter(content))}")
        elif "application/json" in content:
            try:
                value = answer.json()
                check_schema(value, content["application/json"]["schema"], self.components)
                if good:
                    self.hold_golden(operation, value)
            except (Misfit, ValueError) as why:
                complain(f"{name}: {why} in {answer.body[:300]!r}")
        if not good:
            self.hold_error(name, answer)
        return answer

    def hold_golden(self, operation, value):
        shape = self.golden.get(" ".join(operation))
        if shape is not None:
            check_shape(value, shape, self.golden)
            self.held_golden.add(operation)

    @staticmethod
    def hold_error(name, answer):
        errors = answer.json().get("errors", [])
        first = errors[0] if errors else ""
        if answer.status == 500:
            marked = (len(errors) == 2 and first == "Internal server error." and
                      errors[1].startswith("<Exception on server side:\n") and
                      errors[1].endswith("\nEnd of exception on server side>"))
            expect(marked, f"{name}: an unexpected failure has Flink's two lines: {errors}")
        else:
            expect(re.match(r"org\.apache\.flink\.[\w.]+Exception: \S", first) or answer.status in (404, 413),
                   f"{name}: {errors}")

    def well(self, method, template, path, body=None, headers=None, status=None):
        """A call that is right; status: where a right call does not succeed."""
        answer = self.hold((method, template), path, self.api.ask(method, path, body, headers))
        wanted = status or int(next(s for s in self.operations[(method, template)]["responses"] if s != "default"))
        expect(answer.status == wanted, f"{method} {path}: {answer.status}, not {wanted}: {answer.body[:300]!r}")
        self.called_well.add((method, template))
        return answer

    def badly(self, method, template, path, statuses, body=None):
        """A call that is wrong."""
        answer = self.hold((method, template), path, self.api.ask(method, path, body))
        expect(answer.status in statuses, f"{method} {path} {str(body)[:80]}: {answer.status}, not {statuses}: "
                                          f"{answer.body[:300]!r}")
        self.called_badly.add((method, template))
        return answer


# ---- what is there to ask about ------------------------------------------------------------------

class World:
    def __init__(self, contract, jobs):
        api = contract.api
        self.jobs = jobs
        self.vertices = {job: [vertex["id"] for vertex in api.get(f"/jobs/{job}").json()["vertices"]]
                         for job in jobs.values()}
        self.taskmanager = api.get("/taskmanagers").json()["taskmanagers"][0]["id"]
        self.files = {
            "jobmanager": api.get("/jobmanager/logs").json()["logs"][0]["name"],
            "taskmanagers": api.get(f"/taskmanagers/{urllib.parse.quote(self.taskmanager, safe='')}/logs").json()
            ["logs"][0]["name"]}

    def fill(self, template, job, vertex, others=None):
        values = {"jobid": job, "applicationid": job, "vertexid": vertex, "subtaskindex": "0", "attempt": "0",
                  "taskmanagerid": self.taskmanager, "filename": self.files.get(template.split("/")[1], "x"),
                  "checkpointid": "1", "triggerid": NOBODY, "operatorid": NOBODY, "datasetid": NOBODY,
                  "rescaleuuid": NOBODY, "sha256": "00", "jarid": "nobody.py", **(others or {})}
        return re.sub(r"\{(\w+)\}", lambda name: urllib.parse.quote(values[name[1]], safe=""), template)


# Right calls of GET that do not succeed here, and with what: Flink's answers where there is nothing.
NOTHING_THERE = {
    "/jobs/{jobid}/yarn-stop": 308,
    "/jobs/{jobid}/checkpoints/details/{checkpointid}": 404,
    "/jobs/{jobid}/checkpoints/details/{checkpointid}/subtasks/{vertexid}": 404,
    "/jobs/{jobid}/rescaling/{triggerid}": 503,
    "/jobs/{jobid}/rescales/config": 404,
    "/jobs/{jobid}/rescales/overview": 404,
    "/jobs/{jobid}/rescales/summary": 404,
    "/jobs/{jobid}/rescales/history": 404,
    "/jobs/{jobid}/rescales/details/{rescaleuuid}": 404,
    "/datasets/delete/{triggerid}": 404,
}
# Called by functions of their own, for they change something or need something first.
BY_THEMSELVES = {"/jobs/{jobid}/yarn-cancel", "/jobs/{jobid}/savepoints/{triggerid}",
                 "/jobs/{jobid}/checkpoints/{triggerid}", "/savepoint-disposal/{triggerid}",
                 "/jars/{jarid}/plan"}
# A query without which there is nothing to tell.
QUERIES = {"/events": "?cluster=true"}


def gets_go_well(contract, world):
    """Every GET, for jobs in every state and each of their vertices; bare, under /v1, and as HEAD."""
    for (method, template) in contract.operations:
        if method != "GET" or template in BY_THEMSELVES:
            continue
        for job in world.jobs.values() if "{jobid}" in template or "{applicationid}" in template else [""]:
            for vertex in world.vertices[job] if "{vertexid}" in template else [""]:
                path = world.fill(template, job, vertex) + QUERIES.get(template, "")
                bare = contract.well("GET", template, path, status=NOTHING_THERE.get(template))
                versioned = contract.hold(("GET", template), "/v1" + path, contract.api.get("/v1" + path))
                compare(path, bare, versioned)
        head = contract.api.ask("HEAD", path)
        expect(head.status == bare.status, f"HEAD {path}: {head.status}, GET {bare.status}")


def compare(path, bare, versioned):
    """Equal but for what goes on meanwhile."""
    expect(bare.status == versioned.status, f"/v1{path}: {versioned.status}, bare {bare.status}")
    moves = re.search(r"/(flamegraph|snapshot|series|lines|output|backpressure)$", path.split("?")[0])
    if bare.type == "application/json" and bare.status == versioned.status and not moves:
        expect(form(bare.json()) == form(versioned.json()), f"/v1{path} has another form: {versioned.body[:300]!r} "
                                                            f"than {bare.body[:300]!r}")


def is_tolerant(template):
    """One failing metric call blanks Flink's whole page, so those give an empty list for what is not there."""
    return template.endswith(("/metrics", "/watermarks", "/jm-operator-metrics"))


VALID_BODIES = {
    "/jobs/{jobid}/clientHeartbeat": {"expiredTimestamp": 4102444800000},
    "/jobs/{jobid}/savepoints": {"target-directory": "file:///tmp/nowhere"},
    "/jobs/{jobid}/stop": {"targetDirectory": "file:///tmp/nowhere"},
    "/savepoint-disposal": {"savepoint-path": "file:///tmp/nowhere/savepoint-1"},
}
MALFORMED = {"jobid": "xyz", "vertexid": "-", "applicationid": "1" * 31, "triggerid": "g" * 32, "operatorid": "x",
             "datasetid": "x", "subtaskindex": "-1", "attempt": "one", "checkpointid": "1e3", "sha256": "zz"}
UNKNOWN = {"jobid": NOBODY, "vertexid": NOBODY, "applicationid": NOBODY, "triggerid": NOBODY[::-1],
           "subtaskindex": "99999", "attempt": "77", "taskmanagerid": "nobody:1-abcdef", "filename": "nobody.log"}


def wrong_parameters(contract, world):
    job = world.jobs["running"]
    vertex = world.vertices[job][0]
    for (method, template), operation in contract.operations.items():
        body = VALID_BODIES.get(template)
        always = {503} if "/rescaling" in template else {308} if template.endswith("/yarn-stop") else set()
        for parameter in operation["parameters"]:
            name = parameter["name"]
            if parameter["in"] == "path" and name in MALFORMED:
                path = world.fill(template, job, vertex, {name: MALFORMED[name]})
                tolerated = is_tolerant(template) and name in ("jobid", "vertexid")
                contract.badly(method, template, path, ({200} if tolerated else {400}) | (always & {503}), body)
            if parameter["in"] == "path" and name in UNKNOWN and method != "PUT":
                path = world.fill(template, job, vertex, {name: UNKNOWN[name]})
                tolerated = is_tolerant(template) and name in ("jobid", "vertexid", "taskmanagerid")
                contract.badly(method, template, path, ({200} if tolerated else {404}) | (always & {503}), body)
            if parameter["in"] == "query" and parameter["schema"].get("type") == "integer" and "/rescaling" not in template:
                path = world.fill(template, job, vertex) + f"?get=x&{name}=many"
                contract.badly(method, template, path, {400}, body)


def wrong_bodies(contract, world):
    job = world.jobs["running"]
    vertex = world.vertices[job][0]
    for (method, template), operation in contract.operations.items():
        path = world.fill(template, job, vertex)
        content = operation.get("requestBody", {}).get("content", {"application/json": None})
        if "application/json" not in content or template == "/jars/upload":
            continue
        for body in ({"nobodysField": 1}, [], b"{", b"\xff", b"null", b'{"a":1,"a":2}'):
            contract.badly(method, template, path + QUERIES.get(template, ""), {400}, body)
        if content["application/json"] is None:
            continue
        for name, shape in properties_of(contract, content["application/json"]["schema"]).items():
            wrong = 1 if "string" in str(shape.get("type", "")) or "enum" in shape else "text"
            contract.badly(method, template, path, {400}, {**VALID_BODIES.get(template, {}), name: wrong})


def properties_of(contract, schema):
    while "$ref" in schema:
        schema = contract.components[schema["$ref"].rsplit("/", 1)[1]]
    return {name: shape for name, shape in schema.get("properties", {}).items() if shape}


# ---- calls that change something -----------------------------------------------------------------

def triggers(contract, world):
    """Asynchronous operations: the same id is the same operation, and a failed savepoint changes nothing."""
    job = world.jobs["running"]
    for kind, field, extra in (("savepoints", "failure-cause", {"target-directory": "file:///tmp/s", "cancel-job": True}),
                               ("checkpoints", "failureCause", {"checkpointType": "FULL"})):
        template, status = f"/jobs/{{jobid}}/{kind}", f"/jobs/{{jobid}}/{kind}/{{triggerid}}"
        for _ in range(2):
            answer = contract.well("POST", template, f"/jobs/{job}/{kind}", {**extra, "triggerId": "ab" * 16})
            expect(answer.json() == {"request-id": "ab" * 16}, f"{kind}: {answer.body!r}")
        seen = contract.api.until(f"/jobs/{job}/{kind}/{'ab' * 16}", lambda s: s["status"]["id"] == "COMPLETED")
        expect(field in seen["operation"], f"{kind}: {seen}")
        contract.well("GET", status, f"/jobs/{job}/{kind}/{'ab' * 16}")
        empty = contract.api.ask("POST", f"/jobs/{job}/checkpoints")
        expect(empty.status == 202, f"an empty body equals {{}}: {empty.status}")
    answer = contract.well("POST", "/jobs/{jobid}/stop", f"/jobs/{job}/stop", {"targetDirectory": "/tmp/s", "drain": True})
    contract.well("GET", "/jobs/{jobid}/savepoints/{triggerid}", f"/jobs/{job}/savepoints/{answer.json()['request-id']}")
    state = contract.api.get(f"/jobs/{job}/status").json()["status"]
    expect(state == "RUNNING", f"a job whose savepoints failed is {state}")
    refused = contract.badly("POST", "/jobs/{jobid}/savepoints", f"/jobs/{job}/savepoints", {400})
    expect(b"Config key [state.savepoints.dir] is not set. Property [target-directory] must be provided." in refused.body,
           f"{refused.body!r}")
    answer = contract.well("POST", "/savepoint-disposal", "/savepoint-disposal", {"savepoint-path": "/tmp/s/savepoint-1"})
    contract.well("GET", "/savepoint-disposal/{triggerid}", f"/savepoint-disposal/{answer.json()['request-id']}")


def other_changes(contract, world):
    job = world.jobs["running"]
    path = f"/jobs/{job}/resource-requirements"
    contract.well("PUT", "/jobs/{jobid}/resource-requirements", path, contract.api.get(path).json(), status=500)
    contract.badly("PUT", "/jobs/{jobid}/resource-requirements", path, {400})
    contract.well("PATCH", "/jobs/{jobid}/rescaling", f"/jobs/{job}/rescaling?parallelism=2", status=503)
    contract.well("PATCH", "/jobs/{jobid}/clientHeartbeat", f"/jobs/{job}/clientHeartbeat",
                  VALID_BODIES["/jobs/{jobid}/clientHeartbeat"])
    contract.well("POST", "/jobs/{jobid}/coordinators/{operatorid}", f"/jobs/{job}/coordinators/{NOBODY}", {}, status=404)
    contract.well("DELETE", "/datasets/{datasetid}", f"/datasets/{NOBODY}", status=404)
    program = b"the bytes of a program"
    sha = hashlib.sha256(program).hexdigest()
    contract.well("PUT", "/artifacts/{sha256}", f"/artifacts/{sha}?name=p.so", program)
    contract.badly("PUT", "/artifacts/{sha256}", f"/artifacts/{sha}?name=p.so", {400}, b"other bytes")
    contract.badly("POST", "/jobs", "/jobs", {400}, b"\xff\xff")
    contract.called_well.add(("POST", "/jobs"))  # the jobs of this test came that way: contract.sh


def cancelling(contract, world):
    doomed = world.jobs["doomed"]
    for mode in ("stop", "STOP"):
        contract.badly("PATCH", "/jobs/{jobid}", f"/jobs/{doomed}?mode={mode}", {308})
    contract.badly("PATCH", "/jobs/{jobid}", f"/jobs/{doomed}?mode=pause", {400})
    contract.well("PATCH", "/jobs/{jobid}", f"/jobs/{doomed}?mode=CANCEL")
    contract.api.until(f"/jobs/{doomed}/status", lambda seen: seen["status"] == "CANCELED")
    for job in ("finished", "failed"):
        contract.badly("PATCH", "/jobs/{jobid}", f"/jobs/{world.jobs[job]}", {409})
    contract.well("GET", "/jobs/{jobid}/yarn-cancel", f"/jobs/{world.jobs['waiting']}/yarn-cancel")
    contract.well("POST", "/applications/{applicationid}/cancel", f"/applications/{world.jobs['running']}/cancel")
    contract.api.until(f"/jobs/{world.jobs['running']}/status", lambda seen: seen["status"] == "CANCELED")


# ---- the end -------------------------------------------------------------------------------------

def nothing_was_left_out(contract):
    for operation in contract.operations:
        expect(operation in contract.called_well, f"no right call of {' '.join(operation)} is written in contract.py")
    may_not_fail = {("GET", path) for path in ("/openapi.json",)}
    for operation in set(contract.operations) - may_not_fail:
        expect(operation in contract.called_badly, f"no wrong call of {' '.join(operation)} is written in contract.py")
    for title in contract.golden:
        if " " in title:
            method, path = title.split(" ")
            expect((method, path) in contract.held_golden, f"flink_api.shapes has {title}, and no answer was held against it")


def report():
    for text in failures[40:41]:
        print(f"    … and {len(failures) - 40} more")
    return 1 if failures else 0


def full(api, jobs):
    import contract_checks  # it uses what is above
    contract = Contract(api)
    world = World(contract, jobs)
    gets_go_well(contract, world)
    wrong_parameters(contract, world)
    wrong_bodies(contract, world)
    triggers(contract, world)
    other_changes(contract, world)
    contract_checks.run(contract, world)
    cancelling(contract, world)
    contract_checks.metric_pages_of(contract, world, "just cancelled", jobs["doomed"])
    contract.badly("DELETE", "/cluster", "/cluster", {400}, {"now": True})
    contract.well("DELETE", "/cluster", "/cluster")
    nothing_was_left_out(contract)
    print(f"{len(contract.operations)} operations, {len(contract.held_golden)} of them held against Flink's shapes")


def before(api):
    """Conformance check 1: /config answers at once, before any job exists."""
    deadline, fastest = time.monotonic() + DEADLINE_S, 1.0
    while fastest > 0.05 and time.monotonic() < deadline:
        start = time.monotonic()
        answer = api.get("/config")
        fastest = min(fastest, time.monotonic() - start)
    features = answer.json()["features"]
    expect(fastest <= 0.05, f"/config took {fastest * 1000:.0f} ms at best")
    expect(set(features) == {"web-submit", "web-cancel", "web-rescale", "web-history"}, f"features: {features}")


if __name__ == "__main__":
    sys.modules["contract"] = sys.modules["__main__"]
    if sys.argv[1] == "before":
        before(Api(sys.argv[2]))
    else:
        full(Api(sys.argv[2]), dict(word.split("=") for word in sys.argv[3:]))
    sys.exit(report())
