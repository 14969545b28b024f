#!/usr/bin/env python3
"""flink_replay.py - asks what the tabs of Flink's dashboard ask, without a browser, and reads the answers as they do.

usage: flink_replay.py URL JOBID STATE     STATE: what the job may be in, "RUNNING" or "CANCELLING,CANCELED"

flink_requests.json lists the requests of each tab. Prints what is wrong, a line each; exit 1 if anything is.
"""
import json
import os
import re
import sys
import urllib.error
import urllib.parse
import urllib.request

URL = sys.argv[1]
JOB = sys.argv[2]
STATES = sys.argv[3].split(",")

JOB_STATES = "INITIALIZING CREATED RUNNING FAILING FAILED CANCELLING CANCELED FINISHED RESTARTING SUSPENDED RECONCILING".split()
TASK_STATES = "CREATED SCHEDULED DEPLOYING RUNNING FINISHED CANCELING CANCELED FAILED RECONCILING INITIALIZING".split()
LEVELS = ["ok", "low", "high"]

# A form: a type; a list of what may be there; [form of every item]; {key: form}, "key?" may be absent and "*" is every
# key. More keys than named are fine: the page passes them over.
TEXT, INTEGER, NUMBER, BOOLEAN, ANY = "text", "integer", "number", "boolean", "any"


def one_of(*values):
    return ("one of", values)


IO = {name + suffix: form for name in ("read-bytes", "write-bytes", "read-records", "write-records")
      for suffix, form in (("", INTEGER), ("-complete", one_of(True)))}
IO.update({"accumulated-backpressured-time": INTEGER, "accumulated-idle-time": INTEGER, "accumulated-busy-time": NUMBER})
STATISTICS = {name: INTEGER for name in "min max avg sum median p25 p75 p95".split()}
AGGREGATED = {"metrics": {name: STATISTICS for name in IO if not name.endswith("-complete")},
              "status-duration": {"*": STATISTICS}}
SUBTASK = {"subtask": INTEGER, "status": one_of(*TASK_STATES), "attempt": INTEGER, "endpoint": TEXT, "host": TEXT,
           "start-time": INTEGER, "end-time": INTEGER, "duration": INTEGER, "metrics": IO, "taskmanager-id": TEXT,
           "status-duration": {state: INTEGER for state in "CREATED SCHEDULED DEPLOYING INITIALIZING RUNNING".split()}}
PLAN = {"jid": TEXT, "name": TEXT, "type": one_of("STREAMING", "BATCH"), "nodes": [
    {"id": TEXT, "parallelism": INTEGER, "operator": TEXT, "operator_strategy": TEXT, "description": TEXT,
     "optimizer_properties": {},
     "inputs?": [{"num": INTEGER, "id": TEXT, "exchange": TEXT, "ship_strategy": one_of(
         "FORWARD", "HASH", "REBALANCE", "RESCALE", "BROADCAST", "SHUFFLE", "GLOBAL", "CUSTOM")}]}]}
SPREAD = {name: INTEGER for name in ("min", "max", "avg")}
SPREAD.update({name: ANY for name in "p50 p90 p95 p99 p999".split()})  # numbers, or "NaN" of nothing
CHECKPOINT = ("null or", ANY)
METRIC_NAMES = [{"id": TEXT}]
METRIC_VALUES = [{"id": TEXT, "value": TEXT}]
RESOURCE = {"cpuCores": NUMBER, "taskHeapMemory": INTEGER, "taskOffHeapMemory": INTEGER, "managedMemory": INTEGER,
            "networkMemory": INTEGER, "extendedResources": {}}
MEMORY = {name: INTEGER for name in ("frameworkHeap taskHeap frameworkOffHeap taskOffHeap networkMemory managedMemory "
                                     "jvmMetaspace jvmOverhead totalFlinkMemory totalProcessMemory").split()}
TASKMANAGER = {"id": TEXT, "path": TEXT, "dataPort": INTEGER, "jmxPort": INTEGER, "timeSinceLastHeartbeat": INTEGER,
               "slotsNumber": INTEGER, "freeSlots": INTEGER, "totalResource": RESOURCE, "freeResource": RESOURCE,
               "hardware": {name: INTEGER for name in ("cpuCores", "physicalMemory", "freeMemory", "managedMemory")},
               "memoryConfiguration": MEMORY}
TASKMANAGER_FIGURES = {name: INTEGER for name in (
    "heapUsed heapCommitted heapMax nonHeapUsed nonHeapCommitted nonHeapMax directCount directUsed directMax mappedCount "
    "mappedUsed mappedMax nettyShuffleMemorySegmentsAvailable nettyShuffleMemorySegmentsUsed "
    "nettyShuffleMemorySegmentsTotal nettyShuffleMemoryAvailable nettyShuffleMemoryUsed nettyShuffleMemoryTotal").split()}
TASKMANAGER_FIGURES["garbageCollectors"] = [{"name": TEXT, "count": INTEGER, "time": INTEGER}]
LOGS = {"logs": [{"name": TEXT, "size": INTEGER, "mtime": INTEGER}]}
THREADS = {"threadInfos": [{"threadName": TEXT, "stringifiedThreadInfo": TEXT}]}
ACCUMULATORS = [{"name": TEXT, "type": TEXT, "value": TEXT}]
FRAME = {"name": TEXT, "value": INTEGER, "children": [ANY]}

V = "/jobs/:jobid/vertices/:vertexid"
T = "/taskmanagers/:taskmanagerid"
FORMS = {
    "/config": {"refresh-interval": INTEGER, "timezone-name": TEXT, "timezone-offset": INTEGER, "flink-version": TEXT,
                "flink-revision": TEXT, "features": {name: BOOLEAN for name in (
                    "web-submit", "web-cancel", "web-rescale", "web-history")}},
    "/overview": {**{name: INTEGER for name in ("taskmanagers slots-total slots-available jobs-running jobs-finished "
                                                "jobs-cancelled jobs-failed").split()},
                  "flink-version": TEXT, "flink-commit": TEXT},
    "/jobs/overview": {"jobs": [{"jid": TEXT, "name": TEXT, "state": one_of(*JOB_STATES), "start-time": INTEGER,
                                 "end-time": INTEGER, "duration": INTEGER, "last-modification": INTEGER,
                                 "tasks": {name.lower(): INTEGER for name in ["TOTAL"] + TASK_STATES}}]},
    "/jobs/:jobid": {"jid": TEXT, "name": TEXT, "isStoppable": BOOLEAN, "state": one_of(*JOB_STATES),
                     "start-time": INTEGER, "end-time": INTEGER, "duration": INTEGER, "maxParallelism": INTEGER,
                     "now": INTEGER, "timestamps": {state: INTEGER for state in JOB_STATES},
                     "status-counts": {state: INTEGER for state in TASK_STATES}, "plan": PLAN,
                     "vertices": [{"id": TEXT, "name": TEXT, "maxParallelism": INTEGER, "parallelism": INTEGER,
                                   "status": one_of(*TASK_STATES), "start-time": INTEGER, "end-time": INTEGER,
                                   "duration": INTEGER, "tasks": {state: INTEGER for state in TASK_STATES},
                                   "metrics": IO}]},
    "/jobs/:jobid/config": {"jid": TEXT, "name": TEXT, "execution-config": {
        "execution-mode": TEXT, "restart-strategy": TEXT, "job-parallelism": INTEGER, "object-reuse-mode": BOOLEAN,
        "user-config": {"*": TEXT}}},
    "/jobs/:jobid/exceptions": {"root-exception": ("null or", TEXT), "timestamp": ("null or", INTEGER),
                                "all-exceptions": [ANY], "truncated": BOOLEAN,
                                "exceptionHistory": {"truncated": BOOLEAN, "entries": [
                                    {"exceptionName": TEXT, "stacktrace": TEXT, "timestamp": INTEGER,
                                     "failureLabels": {"*": TEXT}, "taskName?": TEXT, "endpoint?": TEXT,
                                     "taskManagerId?": TEXT, "concurrentExceptions": [ANY]}]}},
    "/jobs/:jobid/checkpoints": {"counts": {name: INTEGER for name in "restored total in_progress completed failed".split()},
                                 "summary": {name: SPREAD for name in (
                                     "checkpointed_size state_size end_to_end_duration alignment_buffered processed_data "
                                     "persisted_data").split()},
                                 "latest": {name: CHECKPOINT for name in "completed savepoint failed restored".split()},
                                 "history": [ANY]},
    "/jobs/:jobid/checkpoints/config": {"mode": one_of("exactly_once", "at_least_once"), "interval": INTEGER,
                                        "timeout": INTEGER, "min_pause": INTEGER, "max_concurrent": INTEGER,
                                        "externalization": {"enabled": BOOLEAN, "delete_on_cancellation": BOOLEAN},
                                        "state_backend": TEXT, "checkpoint_storage": TEXT,
                                        "unaligned_checkpoints": BOOLEAN, "tolerable_failed_checkpoints": INTEGER,
                                        "checkpoints_after_tasks_finish": BOOLEAN},
    V: {"id": TEXT, "name": TEXT, "parallelism": INTEGER, "maxParallelism": INTEGER, "now": INTEGER, "subtasks": [SUBTASK],
        "aggregated": AGGREGATED},
    V + "/taskmanagers": {"id": TEXT, "name": TEXT, "now": INTEGER, "taskmanagers": [
        {"endpoint": TEXT, "host": TEXT, "status": one_of(*TASK_STATES), "start-time": INTEGER, "end-time": INTEGER,
         "duration": INTEGER, "metrics": IO, "status-counts": {state: INTEGER for state in TASK_STATES},
         "taskmanager-id": TEXT, "aggregated": AGGREGATED}]},
    V + "/subtasktimes": {"id": TEXT, "name": TEXT, "now": INTEGER, "subtasks": [
        {"subtask": INTEGER, "endpoint": TEXT, "duration": INTEGER, "timestamps": {state: INTEGER for state in TASK_STATES}}]},
    V + "/accumulators": {"id": TEXT, "user-accumulators": ACCUMULATORS},
    V + "/subtasks/accumulators": {"id": TEXT, "parallelism": INTEGER, "subtasks": [
        {"subtask": INTEGER, "attempt": INTEGER, "endpoint": TEXT, "user-accumulators": ACCUMULATORS}]},
    V + "/watermarks": METRIC_VALUES,
    V + "/metrics": METRIC_NAMES,
    V + "/metrics?get=": METRIC_VALUES,
    V + "/subtasks/metrics?get=": [{"id": TEXT, "min": NUMBER, "max": NUMBER, "avg": NUMBER, "sum": NUMBER}],
    V + "/backpressure": {"status": one_of("ok", "deprecated"), "backpressureLevel?": one_of(*LEVELS),
                          "backpressure-level?": one_of(*LEVELS), "end-timestamp?": INTEGER, "subtasks?": [
                              {"subtask": INTEGER, "backpressureLevel": one_of(*LEVELS),
                               "backpressure-level": one_of(*LEVELS), "ratio": NUMBER, "idleRatio": NUMBER,
                               "busyRatio": NUMBER}]},
    V + "/flamegraph": {"endTimestamp": INTEGER, "data?": FRAME},
    "/taskmanagers": {"taskmanagers": [TASKMANAGER]},
    T: {**TASKMANAGER, "allocatedSlots": [{"jobId": TEXT, "resource": RESOURCE}], "metrics": TASKMANAGER_FIGURES},
    T + "/metrics?get=": METRIC_VALUES,
    T + "/logs": LOGS,
    T + "/thread-dump": THREADS,
    "/jobmanager/config": [{"key": TEXT, "value": TEXT}],
    "/jobmanager/environment": {"jvm": {"version": TEXT, "arch": TEXT, "options": [TEXT]}, "classpath": [TEXT]},
    "/jobmanager/metrics": METRIC_NAMES,
    "/jobmanager/metrics?get=": METRIC_VALUES,
    "/jobmanager/logs": LOGS,
    "/jobmanager/thread-dump": THREADS,
    "/jars": {"address": TEXT, "files": [{"id": TEXT, "name": TEXT, "uploaded": INTEGER, "entry": [
        {"name": TEXT, "description": ("null or", TEXT)}]}]},
}
PLAIN = re.compile(r"/(log|stdout|logs/:filename)$")
ABSENT = re.compile(r"/profiler$")  # the page tells from it that there is no profiler

TYPES = {TEXT: lambda value: isinstance(value, str),
         INTEGER: lambda value: isinstance(value, int) and not isinstance(value, bool),
         NUMBER: lambda value: isinstance(value, (int, float)) and not isinstance(value, bool) or value == "NaN",
         BOOLEAN: lambda value: isinstance(value, bool),
         ANY: lambda value: True}


def differences(value, form, where=""):
    """What of the value is not as the form says, in words."""
    if isinstance(form, str):
        return [] if TYPES[form](value) else [f"{where or 'the answer'} is {json.dumps(value)[:60]}, not {form}"]
    if isinstance(form, tuple) and form[0] == "one of":
        return [] if value in form[1] else [f"{where} is {json.dumps(value)[:60]}, not one of {form[1]}"]
    if isinstance(form, tuple):
        return [] if value is None else differences(value, form[1], where)
    if isinstance(form, list):
        if not isinstance(value, list):
            return [f"{where or 'the answer'} is no list"]
        return [line for i, item in enumerate(value) for line in differences(item, form[0], f"{where}[{i}]")]
    if not isinstance(value, dict):
        return [f"{where or 'the answer'} is no object"]
    lines = []
    for key, part in form.items():
        name = key.rstrip("?")
        if key == "*":
            lines += [line for name, item in value.items() for line in differences(item, part, f"{where}.{name}")]
        elif name in value:
            lines += differences(value[name], part, f"{where}.{name}")
        elif not key.endswith("?"):
            lines.append(f"{where}.{name} is missing")
    return lines


def ask(path):
    """(status, content type, body) of a GET."""
    request = urllib.request.Request(URL + path)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.headers["Content-Type"], answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers["Content-Type"], error.read().decode()


def check(template, path, live):
    """live: subtasks run, so every metric has a value."""
    status, kind, body = ask(path)
    if ABSENT.search(template):
        errors = json.loads(body)["errors"]
        return [] if status == 404 and errors[0] == "File not found." else [f"{status} {errors}"]
    if status != 200:
        return [f"{status} {body[:200]}"]
    if PLAIN.search(template):
        return [] if kind.startswith("text/plain") else [f"it is {kind}"]
    if not kind.startswith("application/json"):
        return [f"it is {kind}"]
    bare, _, query = template.partition("?")
    form = FORMS[bare + ("?get=" if query.startswith("get=") else "")]
    value = json.loads(body)
    lines = differences(value, form)
    # The page divides one number by the other, and shows NaN where one is missing.
    if query.startswith("get=") and not lines and (live or ":jobid" not in bare):
        unanswered = set(query[4:].split(",")) - {item["id"] for item in value}
        lines += [f"{name} has no value" for name in sorted(unanswered)]
    return lines


def together(job):
    """What must fit together in the answer of /jobs/:jobid: the page joins nodes and vertices by their ids."""
    nodes = {node["id"] for node in job["plan"]["nodes"]}
    vertices = {vertex["id"] for vertex in job["vertices"]}
    inputs = {edge["id"] for node in job["plan"]["nodes"] for edge in node.get("inputs", [])}
    lines = [] if nodes == vertices else ["nodes of the plan are not its vertices"]
    return lines + ([] if inputs <= nodes else ["an input is no node"])


def main():
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "flink_requests.json"), encoding="utf-8") as file:
        tabs = json.load(file)
    job = json.loads(ask("/jobs/" + JOB)[2])
    taskmanagers = [item["id"] for item in json.loads(ask("/taskmanagers")[2])["taskmanagers"]]
    logs = {"/jobmanager": None}
    for owner in ["/jobmanager"] + ["/taskmanagers/" + urllib.parse.quote(name, safe="") for name in taskmanagers]:
        logs[owner] = json.loads(ask(owner + "/logs")[2])["logs"][0]["name"]
    live = STATES == ["RUNNING"]
    troubles, asked = together(job), 0
    for tab, requests in tabs.items():
        for request in requests:
            template = request.split(" ", 1)[1]
            vertices = [item["id"] for item in job["vertices"]] if ":vertexid" in template else [""]
            owners = list(logs)[1:] if ":taskmanagerid" in template else ["/jobmanager"]
            for vertex, owner in [(vertex, owner) for vertex in vertices for owner in owners]:
                path = template.replace(":jobid", JOB).replace(":vertexid", vertex)
                path = path.replace("/taskmanagers/:taskmanagerid", owner)
                path = path.replace(":filename", urllib.parse.quote(logs[owner]))
                asked += 1
                troubles += [f"{tab}: {path}: {line}" for line in check(template, path, live)]
    after = json.loads(ask(f"/jobs/{JOB}/status")[2])["status"]
    if job["state"] not in STATES or after not in STATES:
        troubles.append(f"the job went from {job['state']} to {after}: neither may be but {STATES}")
    for line in troubles:
        print(line)
    print(f"{asked} requests, {len(troubles)} troubles, {job['state']} to {after}")
    sys.exit(1 if troubles else 0)


main()
